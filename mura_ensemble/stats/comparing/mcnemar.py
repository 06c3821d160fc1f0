"""McNemar's test of two raters' correctness on the same studies, exact and mid-p, also by patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import convolve
from scipy.special import bdtr, gammaln

_TINY = float(np.finfo(np.float64).tiny)


def mcnemar_exact(b: int, c: int) -> float:
    """Two-sided exact McNemar p, 2 P(Bin(b + c, 1/2) <= min(b, c)), at most 1.

    Parameters
    ----------
    b, c : int
        Studies only the rater, and only the reference, called right.

    Returns
    -------
    float
        1 where nobody was right alone; never 0: a p below 2.2e-308 is given as that number.

    Raises
    ------
    ValueError
        If a count is negative.
    """
    _check(b, c)
    return _within(2 * float(bdtr(min(b, c), b + c, 0.5)))


def mcnemar_mid(b: int, c: int) -> float:
    """Two-sided mid-p McNemar: `mcnemar_exact` less the probability of what was seen.

    Fagerland, Lydersen & Laake 2013 BMC Med Res Methodol 13:91: the exact test is too strict, this one holds its
    level in practice. Parameters and errors as in `mcnemar_exact`.
    """
    _check(b, c)
    few, n = min(b, c), b + c
    below = bdtr(few - 1, n, 0.5) if few else 0.0
    return _within(float(below + bdtr(few, n, 0.5)))


def mcnemar_by_patient(net: ArrayLike) -> tuple[float, float]:
    """McNemar where patients have several studies: swap the two raters patient by patient.

    Parameters
    ----------
    net : (K,) int
        Per patient: studies only the rater called right minus studies only the reference called right.

    Returns
    -------
    tuple of float
        Exact and mid p, from all 2^K swaps (convolution, no Monte Carlo); those of `mcnemar_exact` and
        `mcnemar_mid` where each patient has one study.
    """
    steps = np.abs(np.asarray(net, dtype=np.int64))
    mass: NDArray[np.float64] = np.ones(1)
    # Patients with the same step are one binomial, so the work grows with the distinct steps, not the patients.
    for step, patients in zip(*np.unique(steps[steps > 0], return_counts=True), strict=True):
        kernel = np.zeros(2 * step * patients + 1)
        kernel[:: 2 * step] = _half_binomial(int(patients))
        mass = np.clip(convolve(mass, kernel), 0.0, None) if len(mass) > 1 else kernel
    total = np.abs(np.arange(len(mass)) - len(mass) // 2)
    observed = abs(int(np.sum(net)))
    if not observed:
        return 1.0, 1.0
    at_least = float(mass[total >= observed].sum())
    same = float(mass[total == observed].sum())
    # What was seen and its mirror image have this probability at the least, whatever a convolution rounds away.
    least = 2.0 ** (1 - int(np.count_nonzero(steps)))
    return _within(max(at_least, least)), _within(max(at_least - 0.5 * same, least / 2))


def _half_binomial(n: int) -> NDArray[np.float64]:
    """P(Bin(n, 1/2) = k) for k = 0 .. n."""
    k = np.arange(n + 1)
    mass: NDArray[np.float64] = np.exp(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) - n * np.log(2))
    return mass


def _within(p: float) -> float:
    return min(1.0, max(p, _TINY))


def _check(b: int, c: int) -> None:
    if b < 0 or c < 0:
        raise ValueError(f"Counts cannot be negative, found {b} and {c}.")
