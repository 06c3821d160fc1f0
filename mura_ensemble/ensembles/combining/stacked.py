"""The stack: logistic regression on the backbones' logits, alike for all study types or partially pooled.

The hierarchical stack is the penalised-likelihood form of partial pooling (compare Yao et al. 2021, Bayesian
hierarchical stacking, arXiv 2101.08954): each study type may deviate from the common coefficients, and how far
is chosen by cross-validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mura_ensemble.ensembles.combining.combination import Array, Names, Sample, to_logit
from mura_ensemble.ensembles.combining.logistic import logistic_path, nonnegative_path

__all__ = ["PENALTIES", "TYPE_PENALTIES", "TYPE_PENALTY", "StackKind", "StackedCombination", "fit", "refit"]

StackKind = Literal["stack", "stack-nonnegative", "stack-types", "hierarchical"]

PENALTIES = tuple(float(value) for value in 10.0 ** np.arange(-2, 3.25, 0.5))
"""L2 penalties among which the stack chooses, by log-loss over patient-grouped folds."""

TYPE_PENALTY = 10.0
"""L2 penalty on the intercept of a study type: a prior of SD 0.32 on the logit, the size of the shifts between
study types for which it was the best operating point in simulation."""

TYPE_PENALTIES = (3.0, 30.0, 300.0)
"""Penalties on the coefficients of a study type among which the hierarchical stack chooses."""

_COMMON_PENALTIES = (0.1, 1.0, 10.0, 100.0)  # of the hierarchical stack: twelve pairs in all
_FALLBACK = 1.0  # where a single fold is left and nothing can be cross-validated


@dataclass(frozen=True)
class StackedCombination:
    """sigmoid(intercept + sum over m of coefficient_m * logit_m), plus the deviations of a study type.

    Attributes
    ----------
    intercept : float
    coefficients : tuple of float
        One per backbone.
    penalty : float
        The L2 penalty on the coefficients (not on the intercept) that cross-validation chose.
    type_penalty : float, optional
        The L2 penalty on the deviations of the coefficients that cross-validation chose.
    type_intercepts : mapping
        Study type to what is added to the intercept; nothing is added for a type not seen when fitting.
    type_coefficients : mapping
        Study type to what is added to each backbone's coefficient.
    """

    kind: ClassVar[str] = "stack"
    intercept: float
    coefficients: tuple[float, ...]
    penalty: float
    type_penalty: float | None = None
    type_intercepts: Mapping[str, float] = field(default_factory=dict)
    type_coefficients: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def predict(self, probabilities: Array, study_types: Names) -> Array:
        """Stacked probability of each row of `probabilities` (n, M)."""
        logits = to_logit(probabilities)
        total = self.intercept + logits @ np.array(self.coefficients)
        for name, shift in self.type_intercepts.items():
            total[study_types == name] += shift
        for name, deviations in self.type_coefficients.items():
            rows = study_types == name
            total[rows] += logits[rows] @ np.array(deviations)
        stacked: Array = expit(total)
        return stacked

    def weights_of(self, backbones: int) -> Array:  # noqa: ARG002
        """The common coefficients."""
        return np.array(self.coefficients)

    def only(self, present: NDArray[np.bool_]) -> StackedCombination | None:
        """None unless all are present: the coefficients of a stack hold only together."""
        return self if present.all() else None


def fit(sample: Sample, kind: StackKind = "stack") -> StackedCombination:
    """L2-penalised logistic regression; the penalty is the one with the least log-loss over the folds.

    Parameters
    ----------
    sample : Sample
    kind : {'stack', 'stack-nonnegative', 'stack-types', 'hierarchical'}
        Plain; coefficients held at or above 0; an intercept per study type (penalty `TYPE_PENALTY`); an
        intercept and coefficients per study type, how far they may deviate being chosen too.

    Raises
    ------
    ValueError
        If only one class occurs.
    """
    types = tuple(np.unique(sample.study_types).tolist())
    choices = _choices(kind)
    held_out_loss = np.zeros(len(choices))
    names = sample.names_of_folds
    for fold in names if len(names) > 1 else ():
        inside, outside = sample.without(fold), sample.only(fold)
        if len(np.unique(inside.gold)) < 2:
            continue
        path = inside.remember(("path", kind, types), partial(_path, inside, kind, types, choices))
        towards_abnormal = path[:, 0] + _columns(outside, kind, types) @ path[:, 1:].T
        margin = np.where(outside.gold[:, None] == 1, towards_abnormal, -towards_abnormal)
        held_out_loss += np.logaddexp(0, -margin).sum(axis=0)
    if held_out_loss.any():
        chosen = choices[int(np.argmin(held_out_loss))]
    else:
        chosen = (_FALLBACK, TYPE_PENALTIES[1] if kind == "hierarchical" else None)
    return refit(sample, kind, *chosen)


def refit(
    sample: Sample, kind: StackKind, penalty: float, type_penalty: float | None = None
) -> StackedCombination:
    """The regression at given penalties."""
    types = tuple(np.unique(sample.study_types).tolist())
    found = _path(sample, kind, types, [(penalty, type_penalty)])[0].tolist()
    count = sample.probabilities.shape[1]
    common, rest = found[1 : count + 1], found[count + 1 :]
    shifts = dict(zip(types, rest[: len(types)], strict=True)) if rest else {}
    deviations = {
        name: tuple(rest[len(types) + k * count : len(types) + (k + 1) * count])
        for k, name in enumerate(types if kind == "hierarchical" else ())
    }
    return StackedCombination(found[0], tuple(common), penalty, type_penalty, shifts, deviations)


def _choices(kind: StackKind) -> list[tuple[float, float | None]]:
    if kind == "hierarchical":
        return [(common, own) for common in _COMMON_PENALTIES for own in TYPE_PENALTIES]
    return [(penalty, None) for penalty in PENALTIES]


def _columns(sample: Sample, kind: StackKind, types: tuple[str, ...]) -> Array:
    logits = to_logit(sample.probabilities)
    if kind in ("stack", "stack-nonnegative"):
        return logits
    member = (sample.study_types[:, None] == np.array(types)).astype(np.float64)
    if kind == "stack-types":
        return np.concatenate([logits, member], axis=1)
    own = (member[:, :, None] * logits[:, None, :]).reshape(len(logits), -1)
    return np.concatenate([logits, member, own], axis=1)


def _path(
    sample: Sample, kind: StackKind, types: tuple[str, ...], choices: list[tuple[float, float | None]]
) -> Array:
    columns = _columns(sample, kind, types)
    if kind == "stack-nonnegative":
        return nonnegative_path(columns, sample.gold, [penalty for penalty, _ in choices])
    count = sample.probabilities.shape[1]
    ridges = np.full((len(choices), columns.shape[1]), TYPE_PENALTY)
    for row, (penalty, type_penalty) in zip(ridges, choices, strict=True):
        row[:count] = penalty
        if type_penalty is not None:
            row[count + len(types) :] = type_penalty
    return logistic_path(columns, sample.gold, ridges)
