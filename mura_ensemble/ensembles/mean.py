"""The mean of the backbones: nothing is fitted, so nothing can be overfitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mura_ensemble.ensembles.combination import Array, Folds

__all__ = ["MeanCombination", "fit"]


@dataclass(frozen=True)
class MeanCombination:
    """Arithmetic mean over backbones."""

    kind: ClassVar[str] = "mean"

    def predict(self, probabilities: Array) -> Array:
        """Mean of each row of `probabilities` (n, M)."""
        mean: Array = probabilities.mean(axis=1)
        return mean


def fit(probabilities: Array, gold: Array, folds: Folds) -> MeanCombination:  # noqa: ARG001
    """Return the mean; the arguments are those of every strategy."""
    return MeanCombination()
