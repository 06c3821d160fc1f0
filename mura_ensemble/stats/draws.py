"""Limits from bootstrap draws, undefined ones left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_NO_WIDTH = 1e-12


def percentile_limits(draws: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Percentile limits of bootstrap draws.

    Parameters
    ----------
    draws : (B, ...)
        NaN draws are left out.
    level : float

    Returns
    -------
    (low, high), each (...). NaN where no draw is defined, and where all agree: resamples that never differ say nothing
    about rare exceptions, and an interval of no width would claim they do.
    """
    values = np.asarray(draws, dtype=np.float64)
    flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
    out = np.full((2, flat.shape[1]), np.nan)
    for column, own in enumerate(flat.T):
        known = own[~np.isnan(own)]
        if len(known) and known.max() - known.min() > _NO_WIDTH:
            out[:, column] = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return out[0].reshape(values.shape[1:]), out[1].reshape(values.shape[1:])
