"""The operating point: probabilities to calls, abnormal where the probability is above the threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.ensembles.combination import Array
from mura_ensemble.stats.operating import best_threshold, stratified_thresholds

__all__ = ["OPERATING_POINTS", "OperatingPoint", "OperatingPointKind", "fit"]

OperatingPointKind = Literal["half", "kappa", "per-study-type"]
OPERATING_POINTS: tuple[OperatingPointKind, ...] = ("half", "kappa", "per-study-type")

SHRINKAGE = 150.0
"""Studies' worth of trust in the common threshold when those of the study types are shrunk to it.

In simulated MURA-sized sets thresholds per study type without shrinkage lost kappa on new studies and
looked .04 better than they were; at 150 they gained (docs/statistics.md)."""


@dataclass(frozen=True)
class OperatingPoint:
    """One threshold, or one per study type.

    Attributes
    ----------
    kind : str
        `half` (0.5, fitted to nothing), `kappa` (the threshold of greatest kappa) or `per-study-type`.
    threshold : float
        In [0, 1]; also serves study types that were not seen when fitting.
    per_study_type : mapping
        Study type to threshold; empty unless `kind` is `per-study-type`.
    """

    kind: OperatingPointKind = "half"
    threshold: float = 0.5
    per_study_type: Mapping[str, float] = field(default_factory=dict)

    def thresholds(self, study_types: NDArray[np.str_]) -> Array:
        """Threshold of each study, (n,)."""
        return np.array(
            [self.per_study_type.get(str(name), self.threshold) for name in study_types], dtype=np.float64
        )

    def call(self, probability: Array, study_types: NDArray[np.str_]) -> Array:
        """Calls (n,): 1 where probability > threshold (strictly, MURA's rule), 0 elsewhere, NaN kept."""
        called = (probability > self.thresholds(study_types)).astype(np.float64)
        return np.where(np.isnan(probability), np.nan, called)


def fit(
    kind: OperatingPointKind, probability: Array, gold: Array, study_types: NDArray[np.str_]
) -> OperatingPoint:
    """Choose the operating point of the given kind.

    Parameters
    ----------
    kind : {'half', 'kappa', 'per-study-type'}
    probability, gold : (n,) arrays
        For a fitted combination these should be held-out probabilities, or the threshold is chosen for
        probabilities that are too good.
    study_types : (n,) array of str
    """
    if kind == "half":
        return OperatingPoint()
    common = best_threshold(gold, probability).threshold
    if np.isnan(common):  # one class, or one probability: such studies say nothing about a threshold
        return OperatingPoint()
    if kind == "kappa":
        return OperatingPoint(kind, float(common))
    names, codes = np.unique(study_types, return_inverse=True)
    found = stratified_thresholds(gold, probability, codes, k0=SHRINKAGE)
    per_type = {str(name): float(value) for name, value in zip(names, found.shrunk, strict=True)}
    return OperatingPoint(kind, float(found.threshold), per_type)
