"""The interval that MURA's evaluator printed, and why it is some twenty times too narrow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LEGACY_Z", "LegacyInterval", "legacy_interval"]

LEGACY_Z = 1.96
"""The normal quantile as the evaluator wrote it; `norm.ppf(.975)` would miss its digits."""


@dataclass(frozen=True)
class LegacyInterval:
    """Kappa and the limits as the evaluator printed them; never to be read as a confidence interval.

    Attributes
    ----------
    kappa, lower, upper
        Arrays (...) of the leading shape of the tables; NaN where kappa is 0/0.
    """

    kappa: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


def legacy_interval(tables: ArrayLike) -> LegacyInterval:
    """Reproduce the limits that MURA's evaluator published beside every kappa.

    The evaluator computed ``pa (1 - pa) / (n (1 - pe)^2)``, which is (Cohen's simple form of) the *variance*
    of kappa, and used it where the *standard error* belongs: ``kappa +- 1.96 * variance`` instead of
    ``kappa +- 1.96 * sqrt(variance)``. With a standard error near 0.05 the printed interval is about twenty
    times too narrow: the paper's 0.705 (0.700, 0.710) should have read about 0.705 (0.61, 0.80).

    The limits are kept to reproduce published pages and to invert them
    (`mura_ensemble.published.recover_board`). For an interval use `mura_ensemble.stats.kappa_interval`.

    Parameters
    ----------
    tables
        (..., 2, 2) counts indexed [gold, call]: [[TN, FP], [FN, TP]].

    Returns
    -------
    LegacyInterval
        Three arrays (...).

    Raises
    ------
    ValueError
        If the last two axes are not 2 by 2 or a count is negative or not finite.

    Notes
    -----
    pa is the observed and pe the chance agreement; kappa = (pa - pe) / (1 - pe) (Cohen 1960, Educational and
    Psychological Measurement 20:37, who also gives the simple variance). Source of the limits: `evaluate.py`
    of the MURA competition page (Stanford ML Group), whose 84 rows this reproduces to the last digit.
    """
    counts = np.asarray(tables, dtype=np.float64)
    if counts.shape[-2:] != (2, 2) or not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError("tables must be (..., 2, 2) arrays of finite, non-negative counts")
    gold, call = counts.sum(axis=-1), counts.sum(axis=-2)
    n = gold.sum(axis=-1)
    errors = counts[..., 0, 1] + counts[..., 1, 0]
    # n^2 (1 - pe), an exact integer, so that 0/0 is recognised without a tolerance.
    chance_disagreement = gold[..., 0] * call[..., 1] + gold[..., 1] * call[..., 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = np.where(chance_disagreement > 0, 1 - n * errors / chance_disagreement, np.nan)
        slip = np.where(chance_disagreement > 0, errors * (n - errors) * n / chance_disagreement**2, np.nan)
    return LegacyInterval(kappa, kappa - LEGACY_Z * slip, kappa + LEGACY_Z * slip)
