"""Agreement of one rater with a group of raters, without a majority vote (Vanbelle & Albert 2009)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from mura_ensemble.stats.division import ratio
from mura_ensemble.stats.validation import patient_codes


@dataclass(frozen=True)
class IsolatedAgreement:
    """Kappa of a rater with a group.

    Attributes
    ----------
    kappa : float
        ``(observed - expected) / (attainable - expected)``; NaN where undefined.
    se, low, high : float
        Delta-method standard error between patients and t limits clipped to [-1, 1]; NaN where the error is 0.
    observed, expected, attainable : float
        Mean share of the group that agrees, the same by chance, and the largest share any rater could reach.
    n : int
        Studies that the rater and somebody of the group read.
    """

    kappa: float
    se: float
    low: float
    high: float
    observed: float
    expected: float
    attainable: float
    n: int


def isolated_agreement(
    call: ArrayLike, group: ArrayLike, *, patients: ArrayLike | None = None, level: float = 0.95
) -> IsolatedAgreement:
    """Vanbelle and Albert's kappa between an isolated rater and a group (2009, Statistica Neerlandica 63:82).

    With y the share of the group that says abnormal: observed ``mean(x y + (1 - x)(1 - y))``, expected from the
    mean x and the mean y, attainable ``mean(max(y, 1 - y))``. With one rater in the group it is Cohen's kappa.

    Parameters
    ----------
    call : (n,) of 0, 1 or NaN
    group : (n, J) of 0, 1 or NaN
        Missing reads leave the share to the others.
    patients : (n,) labels, optional
    level : float

    Raises
    ------
    ValueError
        If shapes or values do not fit.
    """
    x, votes = np.asarray(call, dtype=np.float64), np.asarray(group, dtype=np.float64)
    if x.ndim != 1 or votes.ndim != 2 or len(votes) != len(x):
        raise ValueError(f"call must be (n,) and group (n, J), not {x.shape} and {votes.shape}")
    for values in (x, votes):
        if not (np.isnan(values) | np.isin(values, (0, 1))).all():
            raise ValueError("calls and reads must be 0, 1 or NaN")
    made = (~np.isnan(votes)).sum(axis=1)
    kept = ~np.isnan(x) & (made > 0)
    codes, _ = patient_codes(patients, len(x))
    n = int(kept.sum())
    nan = float("nan")
    if not n:
        return IsolatedAgreement(nan, nan, nan, nan, nan, nan, nan, 0)
    x, y = x[kept], ratio((votes[kept] == 1).sum(axis=1), made[kept])
    unit = np.unique(codes[kept], return_inverse=True)[1]
    agree, top = x * y + (1 - x) * (1 - y), np.maximum(y, 1 - y)
    p, q = float(x.mean()), float(y.mean())
    observed, attainable = float(agree.mean()), float(top.mean())
    expected = p * q + (1 - p) * (1 - q)
    room = attainable - expected
    if not room > 1e-12:
        return IsolatedAgreement(nan, nan, nan, nan, observed, expected, attainable, n)
    kappa = (observed - expected) / room
    chance = (x - p) * (2 * q - 1) + (y - q) * (2 * p - 1)
    pull = ((agree - observed) - kappa * (top - attainable) - (1 - kappa) * chance) / room
    by_patient = np.bincount(unit, pull)
    units = len(by_patient)
    se = float(np.sqrt(by_patient @ by_patient) / n)
    low = high = nan
    if units > 1 and se > 1e-12:
        half = float(stdtrit(units - 1, (1 + level) / 2)) * se * float(np.sqrt(units / (units - 1)))
        low, high = max(-1.0, kappa - half), min(1.0, kappa + half)
    return IsolatedAgreement(kappa, se, low, high, observed, expected, attainable, n)
