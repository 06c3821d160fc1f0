"""How differently raters err: all pairs at once from one matrix of hits and misses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mura_ensemble.stats.division import ratio
from mura_ensemble.stats.validation import FloatArray, IntArray

_BLOCK_CELLS = 4_000_000  # hits and misses looked at together, so memory does not grow with the studies


@dataclass(frozen=True)
class Diversity:
    """Pairwise diversity of R raters; every array is (R, R) and symmetric.

    With N11, N00, N10, N01 the studies both raters call rightly, both wrongly, or only one rightly:

    Attributes
    ----------
    q
        Yule's Q, ``(N11 N00 - N10 N01) / (N11 N00 + N10 N01)`` in [-1, 1]; 0 for independent errors.
    phi
        Correlation of the raters' errors, in [-1, 1].
    disagreement
        Share of studies on which exactly one is right; for two classes, on which the calls differ.
    double_fault
        Share of studies on which both are wrong.
    n
        Studies both called.
    """

    q: FloatArray
    phi: FloatArray
    disagreement: FloatArray
    double_fault: FloatArray
    n: IntArray


def diversity(gold: ArrayLike, calls: ArrayLike) -> Diversity:
    """Diversity of every pair of raters (Kuncheva & Whitaker 2003, Machine Learning 51:181).

    Parameters
    ----------
    gold
        (n,) of 0, 1 or NaN (no gold standard: the study is left out).
    calls
        (n, R) of 0, 1 or NaN (no call: the study is left out for that rater's pairs).

    Returns
    -------
    Diversity
        Q and phi are NaN where undefined: a rater without any error, or without any hit, correlates with
        nobody; on the diagonal both are otherwise 1.

    Raises
    ------
    ValueError
        If shapes disagree or a value is not 0, 1 or NaN.
    """
    truth = np.asarray(gold, dtype=np.float64)
    votes = np.asarray(calls, dtype=np.float64)
    if truth.ndim != 1 or votes.ndim != 2 or len(votes) != len(truth):
        raise ValueError(f"gold must be (n,) and calls (n, R), not {truth.shape} and {votes.shape}")
    for name, values in (("gold", truth), ("calls", votes)):
        if not ((values == 0) | (values == 1) | np.isnan(values)).all():
            raise ValueError(f"{name} must hold only 0, 1 or NaN")
    raters = votes.shape[1]
    both_right, both_wrong, right_wrong = np.zeros((3, raters, raters))
    step = max(1, _BLOCK_CELLS // max(1, raters))
    for start in range(0, len(truth), step):
        rows_gold, rows = truth[start : start + step, None], votes[start : start + step]
        # A missing gold standard or call is neither right nor wrong: NaN equals nothing.
        right, wrong = (rows == rows_gold).astype(np.float64), (rows == 1 - rows_gold).astype(np.float64)
        both_right += right.T @ right
        both_wrong += wrong.T @ wrong
        right_wrong += right.T @ wrong
    wrong_right = right_wrong.T
    n = both_right + both_wrong + right_wrong + wrong_right
    agree, differ = both_right * both_wrong, right_wrong * wrong_right
    first = (both_right + right_wrong) * (both_wrong + wrong_right)
    second = (both_right + wrong_right) * (both_wrong + right_wrong)
    return Diversity(
        q=ratio(agree - differ, agree + differ),
        phi=ratio(agree - differ, np.sqrt(first * second)),
        disagreement=ratio(right_wrong + wrong_right, n),
        double_fault=ratio(both_wrong, n),
        n=n.astype(np.int64),
    )
