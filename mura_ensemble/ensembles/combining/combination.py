"""What a combination of backbones is, and what it is fitted on.

Rows are studies, columns are backbones in a fixed order; gold is 0 (normal) or 1 (abnormal).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["EDGE", "Array", "Combination", "Folds", "Names", "Sample", "to_logit"]

Array = NDArray[np.float64]
Folds = NDArray[np.int64]
Names = NDArray[np.str_]
Found = TypeVar("Found")

EDGE = 1e-7
"""A float32 probability may round to exactly 0 or 1; its logit and its log-loss must stay finite."""


class Combination(Protocol):
    """Backbones to one probability per study; the fields of a combination are what JSON keeps of it."""

    kind: ClassVar[str]

    def predict(self, probabilities: Array, study_types: Names) -> Array:
        """Combine `probabilities` (n studies, M backbones), all in [0, 1], to (n,) probabilities."""

    def weights_of(self, backbones: int) -> Array:
        """One number per backbone (backbones,): its weight or coefficient, common to all study types."""

    def only(self, present: NDArray[np.bool_]) -> Combination | None:
        """The combination of the `present` (M,) backbones alone; None where that cannot be had without a fit."""


@dataclass(frozen=True)
class Sample:
    """Labelled studies with one probability per backbone, or per backbone and view.

    Attributes
    ----------
    probabilities : (n, M) array, or (n, V, M) before pooling
        In [0, 1]; NaN only where a study has fewer than V views.
    gold : (n,) array
        0 or 1.
    study_types : (n,) array of str
    patients, folds : (n,) arrays of int
        Folds are patient-grouped; they serve every choice made by cross-validation.
    weights : (n,) array, optional
        What each study counts in a kappa that serves a choice; all alike if None.
    memo : dict
        What was computed on these folds and on those that were left out of them (`remember`).
    """

    probabilities: Array
    gold: Array
    study_types: Names
    patients: Folds
    folds: Folds
    weights: Array | None = None
    memo: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def names_of_folds(self) -> tuple[int, ...]:
        """The folds that are here, rising."""
        return tuple(np.unique(self.folds).tolist())

    def without(self, fold: int) -> Sample:
        """The studies of the other folds."""
        return self._rows(self.folds != fold)

    def only(self, fold: int) -> Sample:
        """The studies of one fold."""
        return self._rows(self.folds == fold)

    def drawn(self, rows: Folds) -> Sample:
        """The studies `rows`, repeated as they are; nothing is remembered of them."""
        return replace(self._rows(rows), memo={})

    def chosen(self, columns: Folds) -> Sample:
        """The backbones `columns`; nothing is remembered of them."""
        return replace(self, probabilities=self.probabilities[..., columns], memo={})

    def _rows(self, rows: Any) -> Sample:
        return Sample(
            self.probabilities[rows],
            self.gold[rows],
            self.study_types[rows],
            self.patients[rows],
            self.folds[rows],
            None if self.weights is None else self.weights[rows],
            self.memo,
        )

    def remember(self, what: Hashable, compute: Callable[[], Found]) -> Found:
        """`compute()`, but once for each `what` and set of folds.

        Nested cross-validation on one partition meets the same sets of folds again and again: leaving out
        fold 1 for the evaluation and 2 for a threshold is leaving out 2 and then 1.
        """
        key = (what, self.names_of_folds)
        if key not in self.memo:
            self.memo[key] = compute()
        found: Found = self.memo[key]
        return found


def to_logit(probability: Array) -> Array:
    """Log odds, finite also for probabilities of exactly 0 or 1 (clipped to 1e-7 from the edge)."""
    clipped = np.clip(probability, EDGE, 1 - EDGE)
    logit: Array = np.log(clipped) - np.log1p(-clipped)
    return logit
