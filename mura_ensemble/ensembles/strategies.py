"""The strategies by name; a new one is one file with a combination and a `fit`, entered here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mura_ensemble.ensembles import mean, stacked, weighted
from mura_ensemble.ensembles.combination import Array, Combination, Folds

__all__ = ["STRATEGIES", "Strategy"]


@dataclass(frozen=True)
class Strategy:
    """How one kind of combination is fitted, and the record it becomes."""

    fit: Callable[[Array, Array, Folds], Combination]
    record: Callable[..., Combination]


STRATEGIES: Mapping[str, Strategy] = {
    mean.MeanCombination.kind: Strategy(mean.fit, mean.MeanCombination),
    weighted.WeightedCombination.kind: Strategy(weighted.fit, weighted.WeightedCombination),
    stacked.StackedCombination.kind: Strategy(stacked.fit, stacked.StackedCombination),
}
