"""Wilson's interval of a share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from mura_ensemble.stats.validation import FloatArray


def wilson_limits(share: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Score limits of a binomial share (Wilson 1927, J Am Stat Assoc 22:209).

    Parameters
    ----------
    share
        Observed shares in [0, 1].
    n
        Trials behind each; need not be whole (an effective number of trials).
    level
        Confidence level in (0, 1).

    Returns
    -------
    tuple of FloatArray
        Low and high in [0, 1], broadcast; NaN without trials.

    Raises
    ------
    ValueError
        If the level is not in (0, 1), a share lies outside [0, 1] or a number of trials is negative (NaN gives NaN).
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    value, trials = np.broadcast_arrays(np.asarray(share, np.float64), np.asarray(n, np.float64))
    if ((value < 0) | (value > 1) | (trials < 0)).any():
        raise ValueError("share must lie in [0, 1] and n must not be negative")
    weight = np.full(trials.shape, np.nan)
    z = float(ndtri((1 + level) / 2))
    np.divide(z**2, trials, out=weight, where=trials > 0)
    # The limit at a share of 0 or 1 is 0 or 1 itself, but for rounding.
    centre = value + weight / 2
    arm = np.sqrt(value * (1 - value) * weight + weight**2 / 4)
    low = np.where(value == 0, 0.0, (centre - arm) / (1 + weight))
    high = np.where(value == 1, 1.0, (centre + arm) / (1 + weight))
    return np.where(trials > 0, low, np.nan), np.where(trials > 0, high, np.nan)
