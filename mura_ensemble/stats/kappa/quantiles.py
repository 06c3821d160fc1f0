"""Quantiles of a discrete distribution of millions of points, exact and without sorting them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_BINS = 2_048


def weighted_quantile(values: FloatArray, weights: FloatArray, q: ArrayLike) -> FloatArray:
    """Quantiles of a discrete distribution without sorting it: bin, then sort inside the one bin that matters.

    Parameters
    ----------
    values, weights
        (K,) values and their non-negative weights (any sum).
    q
        Probabilities in [0, 1], any shape.

    Returns
    -------
    FloatArray
        Shape of q: the smallest value whose cumulative weight reaches q; NaN without weight.
    """
    wanted = np.asarray(q, dtype=np.float64)
    out = np.full(wanted.shape, np.nan)
    if not values.size:
        return out
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.full(wanted.shape, low if weights.sum() > 0 else np.nan)
    # Each step is monotone in floating point, so equal values share a bin and bins are in order.
    scaled = values - low
    scaled *= _BINS / (high - low)
    place = np.minimum(scaled, _BINS - 1, out=scaled).astype(np.intp)
    upto = np.cumsum(np.bincount(place, weights, _BINS))
    if not upto[-1] > 0:
        return out
    for index, share in np.ndenumerate(wanted):
        target = min(share * upto[-1], upto[-1])
        found = int(np.searchsorted(upto, target))
        inside = np.flatnonzero(place == found)
        order = inside[np.argsort(values[inside], kind="stable")]
        cumulative = np.cumsum(weights[order]) + (upto[found - 1] if found else 0.0)
        out[index] = values[order[min(int(np.searchsorted(cumulative, target)), len(order) - 1)]]
    return out
