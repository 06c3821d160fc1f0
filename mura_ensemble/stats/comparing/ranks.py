"""Ranks with their uncertainty: what the resamples say, and sets that hold for all raters at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mura_ensemble.stats.resampling.draws import square_root
from mura_ensemble.stats.resampling.resample import JointBootstrap

FloatArray = NDArray[np.float64]
Ranks = NDArray[np.int64]


@dataclass(frozen=True)
class RankSummary:
    """Ranks of R raters over resamples; a description of the data's noise, not a test (see `RankSets`).

    Attributes
    ----------
    rank : (R,)
        Competition rank of the estimate, 1 = best, ties share the better rank (1, 2, 2, 4); NaN where undefined.
    low, high : (R,)
        Bootstrap rank interval: quantiles of the best and worst rank that ties allow.
    p_rank : (R, R)
        Share of resamples in which rater i holds rank j + 1, ties sharing their ranks equally; rows sum to 1.
    p_best : (R,)
        First column of `p_rank`.
    level : float
    used : int
        Resamples in which every ranked rater has a kappa; the others are left out.
    """

    rank: FloatArray
    low: FloatArray
    high: FloatArray
    p_rank: FloatArray
    p_best: FloatArray
    level: float
    used: int


@dataclass(frozen=True)
class RankSets:
    """Confidence sets of the ranks of R raters (Mogstad, Romano, Shaikh & Wilhelm, doi 10.1093/restud/rdad006).

    Attributes
    ----------
    rank : (R,)
        Competition rank of the estimate.
    low, high : (R,)
        With confidence `level` every rater's true rank lies in its set at once; step-wise max-T.
    low_single, high_single : (R,)
        The same from one step: never shorter.
    low_marginal, high_marginal : (R,)
        Sets that hold for one rater named beforehand.
    better : (R, R) bool
        better[i, j]: rater i is better than j, all such claims at once (step-wise).
    critical : float
        Critical value of the first step, in standard errors of a difference.
    level : float
    """

    rank: FloatArray
    low: FloatArray
    high: FloatArray
    low_single: FloatArray
    high_single: FloatArray
    low_marginal: FloatArray
    high_marginal: FloatArray
    better: NDArray[np.bool_]
    critical: float
    level: float

    @property
    def shared_rank(self) -> FloatArray:
        """Rank to print, (R,): one more than the raters shown to be better, so rivals not told apart share it."""
        return self.low


def rank_summary(boot: JointBootstrap, group: int | None = None, level: float = 0.95) -> RankSummary:
    """Ranks, rank intervals and probabilities of each rank from the resamples of one group.

    Parameters
    ----------
    boot : JointBootstrap
        Resamples.
    group : int, optional
        Group of `boot`; overall (all studies pooled) by default, -1 = macro mean where there are study types.
    level : float in (0, 1)
        Level of the rank interval.

    Notes
    -----
    Raters without a kappa are not ranked (NaN). Rank intervals of the bootstrap can under-cover among near ties.
    """
    group = boot.overall if group is None else group
    estimate = boot.estimate[group]
    ranked = np.flatnonzero(~np.isnan(estimate))
    draws = boot.draws[:, group][:, ranked]
    draws = np.ascontiguousarray(draws[~np.isnan(draws).any(axis=1)].T)
    count = len(ranked)
    rank, low, high, p_best = np.full((4, len(estimate)), np.nan)
    p_rank = np.full((len(estimate), len(estimate)), np.nan)
    if count:
        rank[ranked] = competition_ranks(estimate[ranked])
        p_rank[ranked] = 0.0
    if count and draws.shape[1]:
        tail = (1 - level) / 2
        for i in range(count):
            best = (draws > draws[i]).sum(axis=0)
            worst = (draws >= draws[i]).sum(axis=0)
            low[ranked[i]] = 1 + np.quantile(best, tail, method="inverted_cdf")
            high[ranked[i]] = np.quantile(worst, 1 - tail, method="inverted_cdf")
            # Each resample spreads one unit evenly over ranks best + 1 .. worst.
            share = 1.0 / (worst - best)
            steps = np.bincount(best, share, count + 1) - np.bincount(worst, share, count + 1)
            p_rank[ranked[i], :count] = np.cumsum(steps)[:count] / draws.shape[1]
        p_rank = np.clip(p_rank, 0.0, 1.0)
        p_best = p_rank[:, 0].copy()
    return RankSummary(rank, low, high, p_rank, p_best, level, draws.shape[1])


def rank_confidence_sets(estimate: ArrayLike, draws: ArrayLike, level: float = 0.95) -> RankSets:
    """Rank confidence sets from joint bootstrap draws.

    Parameters
    ----------
    estimate : (R,)
        Estimates, higher = better; NaN is not ranked and gets NaN.
    draws : (B, R)
        Joint draws of the estimates, e.g. `boot.draws[:, group]`; rows with a NaN among ranked raters are left out.
    level : float in (0, 1)
        Confidence level.

    Returns
    -------
    RankSets

    Raises
    ------
    ValueError
        If the shapes do not fit, the level is out of range or no draw is left.

    Notes
    -----
    Differences of all ordered pairs are studentised by the spread of their draws; the critical value is the
    quantile of their maximum over all pairs. Pairs that pass are set aside and the critical value of the rest is
    taken anew, until none passes (Romano & Wolf 2005). A rater's set runs from 1 + the number shown better to
    R - the number shown worse. A pair whose difference is the same in every draw is never told apart.

    The bootstrap of a small study has too little spread, and the sets with it. Measured for six raters of equal kappa
    (1,500 resamples, level .95): all sets hold in about 78 % of studies of 15 patients, 87 to 90 % of 30 and 89 % of 50,
    and in the promised share of 207. Of 8 and 20 equal raters with 100 patients of whom 5 are abnormal 90 and 82 %. With
    fewer than 100 patients or 20 of the rarer class take a pair as told apart only if a test that is exact there agrees,
    e.g. Holm's p over all pairs of `swaps.swap_p`; the reports always do.
    """
    centre, joint = np.asarray(estimate, dtype=np.float64), np.asarray(draws, dtype=np.float64)
    if centre.ndim != 1 or joint.ndim != 2 or joint.shape[1] != len(centre):
        raise ValueError(f"estimate must be (R,) and draws (B, R), found {centre.shape} and {joint.shape}.")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}.")
    ranked = np.flatnonzero(~np.isnan(centre))
    joint = joint[:, ranked]
    joint = joint[~np.isnan(joint).any(axis=1)]
    if not len(joint):
        raise ValueError("No draw has all ranked raters defined.")
    centre = centre[ranked]
    noise = np.ascontiguousarray((joint - centre).T)
    t, scale = _studentised(centre, noise)

    everything = ~np.eye(len(ranked), dtype=bool)
    critical = _critical(noise, scale, everything, level)
    single = t > critical
    better, passed = single, np.zeros_like(single)
    while np.any(better & ~passed):
        passed = better
        better = passed | (t > _critical(noise, scale, everything & ~passed, level))
    marginal = np.zeros_like(better)
    marginal_worse = np.zeros_like(better)
    for j in range(len(ranked)):
        own = np.zeros_like(better)
        own[j], own[:, j] = True, True
        value = _critical(noise, scale, own & everything, level)
        marginal[:, j], marginal_worse[j] = t[:, j] > value, t[j] > value

    def spread(values: NDArray[np.float64]) -> FloatArray:
        out = np.full(len(np.asarray(estimate)), np.nan)
        out[ranked] = values
        return out

    count = len(ranked)
    full = np.zeros((len(np.asarray(estimate)),) * 2, dtype=bool)
    full[np.ix_(ranked, ranked)] = better
    return RankSets(
        rank=spread(competition_ranks(centre)),
        low=spread(1.0 + better.sum(axis=0)),
        high=spread(1.0 * count - better.sum(axis=1)),
        low_single=spread(1.0 + single.sum(axis=0)),
        high_single=spread(1.0 * count - single.sum(axis=1)),
        low_marginal=spread(1.0 + marginal.sum(axis=0)),
        high_marginal=spread(1.0 * count - marginal_worse.sum(axis=1)),
        better=full,
        critical=critical,
        level=level,
    )


def rank_confidence_sets_from_covariance(
    estimate: ArrayLike,
    covariance: ArrayLike,
    *,
    level: float = 0.95,
    draws: int = 10_000,
    rng: int | np.random.Generator = 0,
) -> RankSets:
    """Rank confidence sets where only estimates (R,) and their covariance (R, R) are known, e.g. published.

    Draws from the normal distribution stand in for the bootstrap; all else as in `rank_confidence_sets`.

    Raises
    ------
    ValueError
        If the covariance is not a symmetric positive semi-definite (R, R) matrix.
    """
    centre, spread = np.asarray(estimate, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    if spread.shape != (len(centre), len(centre)) or not np.allclose(spread, spread.T):
        raise ValueError(f"covariance must be a symmetric ({len(centre)}, {len(centre)}) matrix.")
    order = np.lexsort((spread.sum(axis=1), np.diag(spread), centre))  # same digits whatever the order given
    root = square_root(spread[np.ix_(order, order)])
    noise = np.random.default_rng(rng).standard_normal((draws, len(centre))) @ root
    return rank_confidence_sets(centre, centre + noise[:, np.argsort(order)], level)


def competition_ranks(estimate: FloatArray) -> FloatArray:
    """Ranks of estimates (R,), 1 = highest, ties sharing the better rank."""
    return np.asarray(1.0 + (estimate[None] > estimate[:, None]).sum(axis=1))


def _studentised(centre: FloatArray, noise: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Studentised advantage of rater i over j, (R, R), and the standard errors of the differences.

    Raters whose difference is the same in every draw have no standard error, so nothing is known of its chance: they
    are never told apart.
    """
    # Pair by pair: a matrix product would round differently for another order of the raters.
    scale = np.sqrt([((noise - row) ** 2).mean(axis=1) for row in noise])
    apart = centre[:, None] - centre
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(scale > 0, apart / scale, 0.0)
    return t, scale


def _critical(noise: FloatArray, scale: FloatArray, pairs: NDArray[np.bool_], level: float) -> float:
    """Quantile of the largest studentised noise over ordered pairs (i, j); infinite where there is no pair."""
    highest = np.full(noise.shape[1], -np.inf)
    for j in range(len(noise)):
        rows = np.flatnonzero(pairs[:, j] & (scale[:, j] > 0))
        if len(rows):
            away = (noise[rows] - noise[j]) / scale[rows, j][:, None]
            np.maximum(highest, away.max(axis=0), out=highest)
    if np.isneginf(highest[0]):
        return np.inf
    return float(np.quantile(highest, level, method="higher"))
