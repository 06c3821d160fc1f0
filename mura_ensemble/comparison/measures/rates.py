"""Sensitivity and specificity with intervals that respect patients with several studies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.stats.kappa.proportion import wilson_limits

__all__ = ["Rate", "rate_interval"]


@dataclass(frozen=True)
class Rate:
    """A share with its limits, all in [0, 1]; NaN where there is no study."""

    estimate: float
    low: float
    high: float
    n: int


def rate_interval(hits: NDArray[np.bool_], patients: NDArray[np.int64], level: float = 0.95) -> Rate:
    """Wilson score interval with the number of studies that count as independent.

    With every patient once this is Wilson's interval (1927, J Am Stat Assoc 22:209). Otherwise the variance of
    the share is taken from the sums of residuals by patient (Rao & Scott 1992, Biometrics 48:577), and n is
    divided by the ratio of that variance to the binomial one, the design effect, never taken below 1. A share of
    0 or 1 shows no residuals, so there, and with one patient, patients are counted instead.

    Parameters
    ----------
    hits : (n,) bool
        Whether each study of this class was called rightly.
    patients : (n,) int
        Code of the patient of each study.
    level : float
        Confidence level in (0, 1).
    """
    n = len(hits)
    if not n:
        return Rate(np.nan, np.nan, np.nan, 0)
    share = float(np.mean(hits))
    _, code = np.unique(patients, return_inverse=True)
    units = int(code.max()) + 1
    if 0 < share < 1 and units > 1:
        residuals = np.bincount(code, weights=hits - share)
        spread = units / (units - 1) * float(residuals @ residuals)
        binomial = n * share * (1 - share)
        # With one study each the ratio is units / (units - 1): only that correction, not a design effect.
        effective = n if units == n else n / max(1.0, spread / binomial)
    else:
        effective = units
    low, high = (float(limit) for limit in wilson_limits(share, effective, level))
    # Rounding must not push the limits of 0 and 1 past them.
    return Rate(share, max(0.0, min(low, share)), min(1.0, max(high, share)), n)
