"""A weighted mean of the backbones, weights on the simplex."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mura_ensemble.ensembles.combination import EDGE, Array, Folds

__all__ = ["WeightedCombination", "fit"]


@dataclass(frozen=True)
class WeightedCombination:
    """Weighted mean with weights >= 0 that sum to 1.

    Attributes
    ----------
    weights : tuple of float
        One per backbone.
    """

    kind: ClassVar[str] = "weighted"
    weights: tuple[float, ...]

    def predict(self, probabilities: Array) -> Array:
        """Weighted mean of each row of `probabilities` (n, M)."""
        combined: Array = np.clip(probabilities @ np.array(self.weights), 0.0, 1.0)
        return combined


def fit(probabilities: Array, gold: Array, folds: Folds) -> WeightedCombination:  # noqa: ARG001
    r"""Weights that minimise the log-loss of the weighted mean.

    Minimises :math:`-\sum_i \log \sum_m w_m q_{im}` over the simplex, with :math:`q_{im}` the probability
    that backbone m gave to the true class of study i. The problem is convex; it is solved by sequential
    quadratic programming (`scipy.optimize.minimize`, SLSQP) from equal weights.

    Parameters
    ----------
    probabilities : (n, M) array
        In [0, 1], no NaN.
    gold : (n,) array
        0 or 1.
    folds : (n,) array
        Unused: nothing is chosen by cross-validation here.
    """
    from scipy.optimize import minimize

    count = probabilities.shape[1]
    if count == 1:
        return WeightedCombination((1.0,))
    true_class = np.maximum(np.where(gold[:, None] == 1, probabilities, 1 - probabilities), EDGE)

    def loss(weights: Array) -> tuple[float, Array]:
        mixed = true_class @ weights
        return -float(np.log(mixed).mean()), -(true_class / mixed[:, None]).mean(axis=0)

    found = minimize(
        loss,
        np.full(count, 1 / count),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * count,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    weights = np.where(found.x < 1e-6, 0.0, found.x)
    return WeightedCombination(tuple(float(weight) for weight in weights / weights.sum()))
