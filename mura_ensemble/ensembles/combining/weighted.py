"""A weighted mean of the backbones, weights on the simplex."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.ensembles.combining.combination import EDGE, Array, Names, Sample

__all__ = ["WeightedCombination", "fit", "fit_kappa", "kappa_of_counts"]

_STEPS = 0.5 ** np.arange(1, 8)  # shares of a move towards one backbone, or away from it
_MAX_MOVES = 100


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

    def predict(self, probabilities: Array, study_types: Names) -> Array:  # noqa: ARG002
        """Weighted mean of each row of `probabilities` (n, M)."""
        combined: Array = np.clip(probabilities @ np.array(self.weights), 0.0, 1.0)
        return combined

    def weights_of(self, backbones: int) -> Array:  # noqa: ARG002
        """The weights."""
        return np.array(self.weights)

    def only(self, present: NDArray[np.bool_]) -> WeightedCombination | None:
        """Their weights scaled to sum to 1; None where none of them has weight."""
        kept = np.array(self.weights)[present]
        if not kept.sum() > 0:
            return None
        return WeightedCombination(tuple((kept / kept.sum()).tolist()))


def fit(sample: Sample) -> WeightedCombination:
    r"""Weights that minimise the log-loss of the weighted mean.

    Minimises :math:`-\sum_i \log \sum_m w_m q_{im}` over the simplex, with :math:`q_{im}` the probability
    that backbone m gave to the true class of study i. The problem is convex; it is solved by sequential
    quadratic programming (`scipy.optimize.minimize`, SLSQP) from equal weights.
    """
    from scipy.optimize import minimize

    probabilities, gold = sample.probabilities, sample.gold
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


def fit_kappa(sample: Sample) -> WeightedCombination:
    """Weights of greatest kappa at a cut of 0.5, found by moves along the edges of the simplex.

    Kappa is a step function of the weights, so nothing finds its maximum for certain. From the weights of
    least log-loss and from equal weights, the best move towards one backbone (w + s (e_m - w), s = 1/2, 1/4,
    ..., 1/128) or away from it (clipped at 0 and scaled to sum to 1) is taken until none gains.
    """
    count = sample.probabilities.shape[1]
    if count == 1:
        return WeightedCombination((1.0,))
    corners = np.eye(count)
    found = [
        _climb(sample, start, corners) for start in (np.array(fit(sample).weights), np.full(count, 1 / count))
    ]
    best = max(found, key=lambda pair: pair[0])[1]
    return WeightedCombination(tuple(best.tolist()))


def _climb(sample: Sample, start: Array, corners: Array) -> tuple[float, Array]:
    weights, kappa = start, float(_kappa(sample, start[None])[0])
    for _ in range(_MAX_MOVES):
        towards = weights + _STEPS[:, None, None] * (corners - weights)
        away = np.maximum(weights - _STEPS[:, None, None] * (corners - weights), 0.0)
        moves = np.concatenate([towards, away]).reshape(-1, len(weights))
        moves /= moves.sum(axis=1, keepdims=True)
        kappas = _kappa(sample, moves)
        best = int(np.argmax(kappas))
        if kappas[best] <= kappa:
            break
        weights, kappa = moves[best], float(kappas[best])
    return kappa, weights


def _kappa(sample: Sample, weights: Array) -> Array:
    """Kappa at 0.5 of each row of `weights` (C, M)."""
    called = sample.probabilities @ weights.T > 0.5
    abnormal = sample.gold == 1
    positive = np.count_nonzero(called[abnormal], axis=0)
    return kappa_of_counts(positive, np.count_nonzero(called, axis=0) - positive, sample.gold)


def kappa_of_counts(tp: NDArray[np.int64], fp: NDArray[np.int64], gold: Array) -> Array:
    """Cohen's kappa from counts of true and false abnormal calls (any shape); both classes must occur in gold."""
    abnormal = int(gold.sum())
    normal = len(gold) - abnormal
    tn, fn = normal - fp, abnormal - tp
    kappa: Array = 2.0 * (tp * tn - fp * fn) / (normal * (tp + fp) + abnormal * (tn + fn))
    return kappa
