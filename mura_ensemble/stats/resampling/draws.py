"""Normal draws that are the same on any CPU, and limits from draws, undefined ones left out."""

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


def square_root(covariance: FloatArray) -> FloatArray:
    """Symmetric square root (R, R) of a covariance (R, R), for normal draws.

    Eigenvectors of (nearly) equal eigenvalues are arbitrary: another CPU's LAPACK turns them, and draws made with them
    are other draws. V sqrt(D) V' is one matrix whatever the basis. Eigenvalues within rounding of 0 count as 0, for the
    root of a rounding error is not small.

    Raises
    ------
    ValueError
        If the covariance is not positive semi-definite.
    """
    values, vectors = np.linalg.eigh(covariance)
    largest = max(float(values.max()), 1e-300)
    if values.min() < -1e-8 * largest:
        raise ValueError("covariance must be positive semi-definite.")
    root: FloatArray = vectors * np.sqrt(np.where(values > 1e-12 * largest, values, 0.0)) @ vectors.T
    return root
