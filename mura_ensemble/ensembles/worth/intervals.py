"""How sure the weights of an ensemble are: bootstrap over patients, and the spread over folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mura_ensemble.ensembles.combining.combination import EDGE, Array, Combination, Folds, Sample
from mura_ensemble.ensembles.combining.means import LogitMean, Mean, PowerMean, RankMean
from mura_ensemble.ensembles.combining.stacked import StackedCombination, StackKind, refit
from mura_ensemble.ensembles.combining.weighted import WeightedCombination
from mura_ensemble.ensembles.strategies import STRATEGIES

__all__ = ["Weight", "bootstrap_weights", "weights_with_intervals"]

RESAMPLES = 200
_SLOW = {
    "weighted-kappa": 30,
    "greedy-bagged": 40,
    "greedy-kappa-bagged": 40,
    "greedy-kappa-joint-bagged": 20,
}
_STACKS: dict[str, StackKind] = {
    "stack": "stack",
    "stack-nonnegative": "stack-nonnegative",
    "stack-types": "stack-types",
    "hierarchical": "hierarchical",
}
_STEPS, _CLOSE = 2000, 1e-6


@dataclass(frozen=True)
class Weight:
    """Weight (or coefficient) of one backbone.

    Attributes
    ----------
    estimate : float
    low, high : float
        Percentile interval over resamples of the patients; equal to the estimate where nothing is fitted. That of
        a stack takes the penalty as chosen: with the penalty chosen anew it would be up to twice as wide (small
        sets), which the spread over folds shows. That of a bagged selection is the spread of the resamples around
        the estimate.
    fold_low, fold_high : float
        Least and greatest among the fits that each left a fold out.
    resamples : int
        0 where nothing is fitted.
    """

    estimate: float
    low: float
    high: float
    fold_low: float
    fold_high: float
    resamples: int


def weights_with_intervals(
    strategy: str,
    sample: Sample,
    combination: Combination,
    of_folds: Sequence[Combination],
    *,
    level: float,
    seed: int,
) -> tuple[Weight, ...]:
    """One `Weight` per backbone; `of_folds` are the fits of the same strategy that left a fold out."""
    count = sample.probabilities.shape[1]
    estimate = combination.weights_of(count)
    spread = np.array([other.weights_of(count) for other in of_folds] or [estimate])
    resamples = 0 if _fixed(combination) else _SLOW.get(strategy, RESAMPLES)
    draws = (
        bootstrap_weights(strategy, sample, combination, resamples=resamples, seed=seed)
        if resamples
        else estimate[None]
    )
    if resamples and strategy.endswith("-bagged"):
        # A bag of a resample holds fewer different patients than a bag of the studies, which draws the bootstrap's
        # weights away from the estimate: their spread is kept, that shift is not.
        draws = np.clip(draws - draws.mean(axis=0) + estimate, 0.0, 1.0)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    if resamples and strategy.endswith("-bagged"):
        low, high = np.minimum(low, estimate), np.maximum(high, estimate)
    table = np.stack([estimate, low, high, spread.min(axis=0), spread.max(axis=0)]).T.tolist()
    return tuple(
        Weight(mid, below, above, least, most, resamples) for mid, below, above, least, most in table
    )


def bootstrap_weights(
    strategy: str, sample: Sample, combination: Combination, *, resamples: int, seed: int
) -> Array:
    """Weights (resamples, M) of refits on resamples of the patients.

    Weights of least log-loss are found for all resamples at once. A stack is fitted again at the penalty that
    was chosen; the other strategies are fitted again as they are.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(sample.patients, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(sample.patients[order])) + 1)
    drawn = rng.integers(0, len(groups), (resamples, len(groups)))
    if strategy == "weighted" and isinstance(combination, WeightedCombination):
        unit = np.empty(len(order), dtype=np.int64)
        for number, members in enumerate(groups):
            unit[members] = number
        times = np.array([np.bincount(row, minlength=len(groups)) for row in drawn])[:, unit]
        return _mixtures(sample, times.astype(np.float64))
    found = []
    for row in drawn:
        rows: Folds = np.concatenate([groups[k] for k in row])
        if len(np.unique(sample.gold[rows])) < 2:
            continue
        again = sample.drawn(rows)
        if isinstance(combination, StackedCombination):
            other: Combination = refit(
                again, _STACKS[strategy], combination.penalty, combination.type_penalty
            )
        else:
            other = STRATEGIES[strategy](again)
        found.append(other.weights_of(sample.probabilities.shape[1]))
    return np.array(found)


def _fixed(combination: Combination) -> bool:
    return isinstance(combination, Mean | LogitMean | PowerMean | RankMean)


def _mixtures(sample: Sample, times: Array) -> Array:
    """Weights of least log-loss for each row of `times` (B, n) by expectation-maximisation, all rows at once.

    The weights of a mixture with known components: w_m becomes the mean share of component m, which never
    makes the log-loss worse (Dempster, Laird and Rubin 1977, J R Stat Soc B 39:1).
    """
    gold = sample.gold[:, None]
    true_class = np.maximum(np.where(gold == 1, sample.probabilities, 1 - sample.probabilities), EDGE)
    count = true_class.shape[1]
    weights = np.full((len(times), count), 1 / count)
    total = times.sum(axis=1, keepdims=True)
    for _ in range(_STEPS):
        new = weights * ((times / (weights @ true_class.T)) @ true_class) / total
        done = np.abs(new - weights).max() < _CLOSE
        weights = new
        if done:
            break
    weights[weights < _CLOSE] = 0.0
    whole: Array = weights / weights.sum(axis=1, keepdims=True)
    return whole
