"""The stack: logistic regression on the backbones' logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mura_ensemble.ensembles.combination import Array, Folds, to_logit
from mura_ensemble.ensembles.logistic import logistic_path

__all__ = ["PENALTIES", "StackedCombination", "fit"]

PENALTIES = tuple(float(value) for value in 10.0 ** np.arange(-2, 3.25, 0.5))
"""L2 penalties among which the stack chooses, by log-loss over patient-grouped folds."""


@dataclass(frozen=True)
class StackedCombination:
    """sigmoid(intercept + sum over m of coefficient_m * logit_m).

    Attributes
    ----------
    intercept : float
    coefficients : tuple of float
        One per backbone.
    penalty : float
        The L2 penalty on the coefficients (not on the intercept) that cross-validation chose.
    """

    kind: ClassVar[str] = "stack"
    intercept: float
    coefficients: tuple[float, ...]
    penalty: float

    def predict(self, probabilities: Array) -> Array:
        """Stacked probability of each row of `probabilities` (n, M)."""
        from scipy.special import expit

        stacked: Array = expit(self.intercept + to_logit(probabilities) @ np.array(self.coefficients))
        return stacked


def fit(probabilities: Array, gold: Array, folds: Folds) -> StackedCombination:
    """L2-penalised logistic regression; the penalty is the one with the least log-loss over `folds`.

    Parameters
    ----------
    probabilities : (n, M) array
        In [0, 1], no NaN.
    gold : (n,) array
        0 or 1; both must occur.
    folds : (n,) array
        Patient-grouped folds within which the penalty is chosen.

    Raises
    ------
    ValueError
        If only one class occurs.
    """
    logits = to_logit(probabilities)
    held_out_loss = np.zeros(len(PENALTIES))
    for fold in np.unique(folds):
        inside, outside = folds != fold, folds == fold
        if len(np.unique(gold[inside])) < 2:
            continue
        path = logistic_path(logits[inside], gold[inside], PENALTIES)
        towards_abnormal = path[:, 0] + logits[outside] @ path[:, 1:].T
        margin = np.where(gold[outside, None] == 1, towards_abnormal, -towards_abnormal)
        held_out_loss += np.logaddexp(0, -margin).sum(axis=0)
    penalty = PENALTIES[int(np.argmin(held_out_loss))]
    intercept, *coefficients = logistic_path(logits, gold, [penalty])[0].tolist()
    return StackedCombination(intercept, tuple(coefficients), penalty)
