"""Paired comparisons without predictions: what holds whatever the unseen overlap of two raters' errors.

Two tables over the same studies fix how many more errors one rater makes, not how many they share. Within one
study type and class the shared errors range over max(0, e1 + e2 - size) to min(e1, e2), the sum over study types
and classes takes every whole number between the sums of these limits, and every paired statistic of the error
counts depends on that sum alone. Bounds over it are therefore exact and attained.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mura_ensemble.stats.kappa.cohen import cell_influence, cohen_kappa

__all__ = ["OverlapBounds", "overlap_bounds"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_PSEUDO = 0.5  # per joint cell: 95.5 % coverage of the difference at n = 207 where the plain delta has 94.3 %


@dataclass(frozen=True)
class OverlapBounds:
    """Bounds over all overlaps; every field has the leading shape (...) of the tables.

    Attributes
    ----------
    difference
        Kappa of the first rater - kappa of the second.
    error_gap
        Errors of the second - errors of the first; positive when the first is better.
    fewest_shared, most_shared
        Errors that the two must share at least and can share at most.
    p_low, p_high
        Exact two-sided McNemar p at its smallest and largest.
    mid_p_low, mid_p_high
        The same for McNemar's mid-p.
    better_low, better_high
        Posterior probability (uniform prior on the share of discordant studies that the first rater gets right)
        that the first rater makes fewer errors on studies drawn alike: its smallest and largest value.
    narrow, wide
        (..., 2) limits of a 95 % interval for the difference of kappas at the overlap that makes it narrowest
        and widest.
    """

    difference: FloatArray
    error_gap: IntArray
    fewest_shared: IntArray
    most_shared: IntArray
    p_low: FloatArray
    p_high: FloatArray
    mid_p_low: FloatArray
    mid_p_high: FloatArray
    better_low: FloatArray
    better_high: FloatArray
    narrow: FloatArray
    wide: FloatArray


def overlap_bounds(first: ArrayLike, second: ArrayLike) -> OverlapBounds:
    """Bound McNemar's test and P(better) over every overlap that two raters' tables allow.

    Parameters
    ----------
    first, second
        (..., T, 2, 2) counts [[TN, FP], [FN, TP]] of two raters per study type, over the same studies;
        broadcastable against each other. T = 1 for overall tables alone, which bounds less tightly.

    Returns
    -------
    OverlapBounds

    Raises
    ------
    ValueError
        If the two tables disagree about the studies of a study type and class.

    Notes
    -----
    With b studies that only the first gets right and c that only the second does, b - c is fixed and
    p = 2 P(Binomial(b + c, 1/2) <= min(b, c)), at most 1 (McNemar 1947; exact form); the mid-p takes half of
    the observed point (Fagerland, Lydersen & Laake 2013, BMC Medical Research Methodology 13:91). With a
    uniform prior P(better) = P(Binomial(b + c + 1, 1/2) <= b), the closed form of P(Beta(b + 1, c + 1) > 1/2).
    The interval is the delta method on the eight joint cells with half a study added to each.
    """
    one, two = np.broadcast_arrays(np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64))
    sizes = one.sum(axis=-1)
    if (sizes != two.sum(axis=-1)).any():
        raise ValueError("the two raters' tables must count the same studies per study type and class")
    wrong_one, wrong_two = _errors(one), _errors(two)
    low = np.maximum(0, wrong_one + wrong_two - sizes).sum(axis=-2)
    high = np.minimum(wrong_one, wrong_two).sum(axis=-2)
    total_one, total_two = wrong_one.sum(axis=(-2, -1)), wrong_two.sum(axis=(-2, -1))
    fewest, most = low.sum(axis=-1), high.sum(axis=-1)

    # With b - c fixed, both p and the distance of P(better) from 1/2 move one way only as errors are shared:
    # P(Bin(m + 2) <= c + 1) - P(Bin(m) <= c) is a quarter of the difference of two neighbouring masses.
    shared = np.stack([fewest, most])
    b, c = total_two - shared, total_one - shared
    few = np.minimum(b, c)
    tail, point = stats.binom.cdf(few, b + c, 0.5), stats.binom.pmf(few, b + c, 0.5)
    exact, middle = np.minimum(1.0, 2 * tail), np.minimum(1.0, 2 * tail - point)
    better = stats.binom.cdf(b, b + c + 1, 0.5)
    overall_one, overall_two = one.sum(axis=-3), two.sum(axis=-3)
    narrow, wide = _difference_intervals(overall_one, overall_two, low, high)
    return OverlapBounds(
        difference=cohen_kappa(overall_one) - cohen_kappa(overall_two),
        error_gap=np.asarray(total_two - total_one),
        fewest_shared=np.asarray(fewest),
        most_shared=np.asarray(most),
        p_low=exact.min(axis=0),
        p_high=exact.max(axis=0),
        mid_p_low=middle.min(axis=0),
        mid_p_high=middle.max(axis=0),
        better_low=better.min(axis=0),
        better_high=better.max(axis=0),
        narrow=narrow,
        wide=wide,
    )


def _errors(tables: IntArray) -> IntArray:
    # (..., T, 2): wrong calls among the normal and among the abnormal studies.
    return np.stack([tables[..., 0, 1], tables[..., 1, 0]], axis=-1)


def _difference_intervals(
    one: IntArray, two: IntArray, low: IntArray, high: IntArray
) -> tuple[FloatArray, FloatArray]:
    # The variance of the difference is linear in the shared errors of either class: its extremes are corners.
    corners = [
        _difference(one, two, np.stack([normal[..., 0], abnormal[..., 1]], axis=-1))
        for normal in (low, high)
        for abnormal in (low, high)
    ]
    centre = corners[0][0]  # the same at every overlap
    spread = np.stack([corner[1] for corner in corners])
    reach = stats.norm.ppf(0.975) * np.array([-1.0, 1.0])
    narrow, wide = (spread.min(axis=0)[..., None] * reach, spread.max(axis=0)[..., None] * reach)
    return centre[..., None] + narrow, centre[..., None] + wide


def _difference(one: IntArray, two: IntArray, shared: IntArray) -> tuple[FloatArray, FloatArray]:
    # Joint cells [gold, call of one, call of two].
    cells = np.empty((*shared.shape[:-1], 2, 2, 2))
    for gold in (0, 1):
        wrong = 1 - gold
        wrong_one, wrong_two = one[..., gold, wrong], two[..., gold, wrong]
        both = shared[..., gold]
        cells[..., gold, wrong, wrong] = both
        cells[..., gold, wrong, gold] = wrong_one - both
        cells[..., gold, gold, wrong] = wrong_two - both
        cells[..., gold, gold, gold] = one[..., gold, :].sum(axis=-1) - wrong_one - wrong_two + both
    cells += _PSEUDO
    marginal_one, marginal_two = cells.sum(axis=-1), cells.sum(axis=-2)
    gap = cell_influence(marginal_one)[..., :, None] - cell_influence(marginal_two)[..., None, :]
    total = cells.sum(axis=(-3, -2, -1))
    variance = (cells * gap**2).sum(axis=(-3, -2, -1)) / total**2
    return cohen_kappa(marginal_one) - cohen_kappa(marginal_two), np.sqrt(variance)
