"""The operating point: probabilities to calls, abnormal where the probability is above the threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.special import expit

from mura_ensemble.data.errors import InputError
from mura_ensemble.ensembles.combining.combination import Array, Names, to_logit
from mura_ensemble.ensembles.combining.logistic import logistic_path
from mura_ensemble.stats.probabilities.operating import (
    best_threshold,
    stratified_thresholds,
    threshold_for_sensitivity,
    threshold_for_specificity,
)

__all__ = ["OPERATING_POINTS", "OperatingPoint", "OperatingPointKind", "fit", "parse_operating_point"]

OperatingPointKind = Literal["half", "kappa", "per-study-type", "intercept", "sensitivity", "specificity"]
OPERATING_POINTS: tuple[OperatingPointKind, ...] = (
    "half",
    "kappa",
    "per-study-type",
    "intercept",
    "sensitivity",
    "specificity",
)
_WITH_TARGET = ("sensitivity", "specificity")

SHRINKAGE = 150.0
"""Studies' worth of trust in the common threshold when those of the study types are shrunk to it.

In simulated MURA-sized sets thresholds per study type without shrinkage lost kappa on new studies and
looked .04 better than they were; at 150 they gained (docs/3-statistics.md)."""

TYPE_PENALTY = 10.0
"""L2 penalty on the intercept of a study type: a prior of SD 0.32 on the logit. In simulated MURA-sized sets this
was the best operating point wherever the study types differed, and looked only .004 better than it was."""

_FREE = 1e-6  # the slope is common to all studies and needs no penalty; this keeps it finite when separable


@dataclass(frozen=True)
class OperatingPoint:
    """One threshold, or one per study type.

    Attributes
    ----------
    kind : str
        `half` (0.5, fitted to nothing), `kappa` (the threshold of greatest kappa), `per-study-type` (that per
        study type, shrunk to the common one), `intercept` (where a logistic regression with an intercept per study
        type crosses 0.5), `sensitivity` or `specificity` (at least `target` on the studies of the fit).
    threshold : float
        In [0, 1]; also serves study types that were not seen when fitting.
    per_study_type : mapping
        Study type to threshold; empty unless `kind` is `per-study-type` or `intercept`.
    target : float, optional
        The sensitivity or specificity that was asked for.
    """

    kind: OperatingPointKind = "half"
    threshold: float = 0.5
    per_study_type: Mapping[str, float] = field(default_factory=dict)
    target: float | None = None

    def thresholds(self, study_types: Names) -> Array:
        """Threshold of each study, (n,)."""
        return np.array(
            [self.per_study_type.get(str(name), self.threshold) for name in study_types], dtype=np.float64
        )

    def call(self, probability: Array, study_types: Names) -> Array:
        """Calls (n,): 1 where probability > threshold (strictly, MURA's rule), 0 elsewhere, NaN kept."""
        called = (probability > self.thresholds(study_types)).astype(np.float64)
        return np.where(np.isnan(probability), np.nan, called)


def parse_operating_point(text: str) -> tuple[OperatingPointKind, float | None]:
    """Read `half`, `kappa`, `per-study-type`, `intercept`, `sensitivity=0.9`, `specificity=0.9`.

    Raises
    ------
    InputError
        For anything else.
    """
    name, _, value = text.partition("=")
    for kind in OPERATING_POINTS:
        if name == kind and (kind in _WITH_TARGET) == bool(value):
            try:
                target = float(value) if value else None
            except ValueError:
                break
            if target is None or 0 < target < 1:
                return kind, target
    raise InputError(
        f"operating point '{text}' is unknown; choose half, kappa, per-study-type, intercept, sensitivity=VALUE or "
        "specificity=VALUE with a value between 0 and 1"
    )


def fit(
    kind: OperatingPointKind,
    probability: Array,
    gold: Array,
    study_types: Names,
    *,
    target: float | None = None,
) -> OperatingPoint:
    """Choose the operating point of the given kind.

    Parameters
    ----------
    kind : str
        One of `OPERATING_POINTS`.
    probability, gold : (n,) arrays
        For a fitted combination these should be held-out probabilities, or the threshold is chosen for
        probabilities that are too good.
    study_types : (n,) array of str
    target : float, optional
        For `sensitivity` and `specificity`.
    """
    if kind == "half":
        return OperatingPoint()
    if target is not None:
        find = threshold_for_sensitivity if kind == "sensitivity" else threshold_for_specificity
        return OperatingPoint(kind, float(find(gold, probability, target).threshold), {}, target)
    if kind == "intercept":
        return _intercepts(probability, gold, study_types)
    common = best_threshold(gold, probability).threshold
    if np.isnan(common):  # one class, or one probability: such studies say nothing about a threshold
        return OperatingPoint()
    if kind == "kappa":
        return OperatingPoint(kind, float(common))
    names, codes = np.unique(study_types, return_inverse=True)
    found = stratified_thresholds(gold, probability, codes, k0=SHRINKAGE)
    per_type = {str(name): float(value) for name, value in zip(names, found.shrunk, strict=True)}
    return OperatingPoint(kind, float(found.threshold), per_type)


def _intercepts(probability: Array, gold: Array, study_types: Names) -> OperatingPoint:
    r"""Where :math:`\sigma(a z + b + c_g)`, z the logit of the probability, crosses 0.5 in study type g."""
    names, codes = np.unique(study_types, return_inverse=True)
    if len(np.unique(gold)) < 2:
        return OperatingPoint()
    member = np.eye(len(names))[codes]
    ridge = np.array([[_FREE] + [TYPE_PENALTY] * len(names)])
    intercept, slope, *shifts = logistic_path(np.column_stack([to_logit(probability), member]), gold, ridge)[
        0
    ]
    if slope <= 0:  # the probability points the wrong way; no threshold on it mends that
        return OperatingPoint()
    per_type = {
        str(name): float(expit(-(intercept + shift) / slope))
        for name, shift in zip(names, shifts, strict=True)
    }
    return OperatingPoint("intercept", float(expit(-intercept / slope)), per_type)
