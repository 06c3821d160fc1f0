"""Means of the backbones: arithmetic, of logits, of ranks, of powers. Hardly anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.ensembles.combining.combination import EDGE, Array, Names, Sample, to_logit

__all__ = [
    "EXPONENTS",
    "LogitMean",
    "Mean",
    "PowerMean",
    "RankMean",
    "fit_logit_mean",
    "fit_mean",
    "fit_power_mean",
    "fit_rank_mean",
]

EXPONENTS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0)
"""Exponents among which `fit_power_mean` chooses; 1 is the arithmetic mean."""

KNOTS = 257
"""Points kept of a backbone's distribution of probabilities: ranks to within 1/256, and a short file."""


class _Equal:
    """Every backbone counts the same."""

    def weights_of(self, backbones: int) -> Array:
        return np.full(backbones, 1 / backbones)


@dataclass(frozen=True)
class Mean(_Equal):
    """Arithmetic mean over backbones."""

    kind: ClassVar[str] = "mean"

    def predict(self, probabilities: Array, study_types: Names) -> Array:  # noqa: ARG002
        """Mean of each row of `probabilities` (n, M)."""
        mean: Array = probabilities.mean(axis=1)
        return mean

    def only(self, present: NDArray[np.bool_]) -> Mean:  # noqa: ARG002
        """The mean of those."""
        return self


@dataclass(frozen=True)
class LogitMean(_Equal):
    """sigmoid(mean logit): the geometric mean of the odds. A sure backbone counts more than a doubtful one."""

    kind: ClassVar[str] = "logit-mean"

    def predict(self, probabilities: Array, study_types: Names) -> Array:  # noqa: ARG002
        """Combined probability of each row of `probabilities` (n, M)."""
        from scipy.special import expit

        combined: Array = expit(to_logit(probabilities).mean(axis=1))
        return combined

    def only(self, present: NDArray[np.bool_]) -> LogitMean:  # noqa: ARG002
        """The mean of those."""
        return self


@dataclass(frozen=True)
class PowerMean(_Equal):
    """(mean p^a)^(1/a).

    Attributes
    ----------
    exponent : float
        a > 0; above 1 the surest abnormal backbone counts most, below 1 the surest normal one.
    """

    kind: ClassVar[str] = "power-mean"
    exponent: float = 1.0

    def predict(self, probabilities: Array, study_types: Names) -> Array:  # noqa: ARG002
        """Power mean of each row of `probabilities` (n, M)."""
        mean: Array = (probabilities**self.exponent).mean(axis=1) ** (1 / self.exponent)
        return mean

    def only(self, present: NDArray[np.bool_]) -> PowerMean:  # noqa: ARG002
        """The mean of those."""
        return self


@dataclass(frozen=True)
class RankMean(_Equal):
    """Mean over backbones of the rank among the studies of the fit, mapped back to a probability.

    A backbone's probability becomes the share of the fit's studies below it, so that backbones on different
    scales count alike; the mean of the ranks becomes the quantile of the pooled probabilities at that rank, so
    that 0.5 keeps its meaning.

    Attributes
    ----------
    references : tuple of tuple of float
        Per backbone the quantiles 0, 1/256, ..., 1 of its probabilities, frozen when fitting.
    scale : list of float
        The same quantiles of the mean probability against the mean rank.
    """

    kind: ClassVar[str] = "rank-mean"
    references: tuple[tuple[float, ...], ...]
    scale: list[float]

    def predict(self, probabilities: Array, study_types: Names) -> Array:  # noqa: ARG002
        """Combined probability of each row of `probabilities` (n, M)."""
        return _unranked(_mean_rank(probabilities, self.references), self.scale)

    def only(self, present: NDArray[np.bool_]) -> RankMean:
        """The rank mean of those."""
        kept = tuple(row for row, here in zip(self.references, present, strict=True) if here)
        return RankMean(kept, self.scale)


def fit_mean(sample: Sample) -> Mean:  # noqa: ARG001
    """Return the mean: nothing is fitted, so nothing can be overfitted."""
    return Mean()


def fit_logit_mean(sample: Sample) -> LogitMean:  # noqa: ARG001
    """Return the mean of logits: nothing is fitted."""
    return LogitMean()


def fit_power_mean(sample: Sample) -> PowerMean:
    """The exponent of `EXPONENTS` with the least log-loss."""

    def loss(exponent: float) -> float:
        combined = PowerMean(exponent).predict(sample.probabilities, sample.study_types)
        true_class = np.where(sample.gold == 1, combined, 1 - combined)
        return -float(np.log(np.maximum(true_class, EDGE)).mean())

    return PowerMean(min(EXPONENTS, key=loss))


def fit_rank_mean(sample: Sample) -> RankMean:
    """Freeze the distribution of every backbone's probabilities; gold has no say."""
    grid = np.linspace(0, 1, KNOTS)
    references = tuple(tuple(row) for row in np.quantile(sample.probabilities, grid, axis=0).T.tolist())
    # Both sorted: the r-th smallest mean rank stands for the r-th smallest mean probability.
    ranks = np.sort(_mean_rank(sample.probabilities, references))
    means = np.sort(sample.probabilities.mean(axis=1))
    return RankMean(references, np.interp(grid, ranks, means).tolist())


def _mean_rank(probabilities: Array, references: tuple[tuple[float, ...], ...]) -> Array:
    total = np.zeros(len(probabilities))
    grid = np.linspace(0, 1, KNOTS)
    for column, reference in zip(probabilities.T, references, strict=True):
        knots = np.array(reference)
        # The middle of the flat stretch where many studies share one probability.
        low, high = np.searchsorted(knots, column, "left"), np.searchsorted(knots, column, "right") - 1
        tied = high > low
        between = np.interp(column, knots, grid)
        total += np.where(tied, (low + np.maximum(high, low)) / 2 / (KNOTS - 1), between)
    mean: Array = total / len(references)
    return mean


def _unranked(rank: Array, scale: list[float]) -> Array:
    value: Array = np.interp(rank, np.linspace(0, 1, KNOTS), np.array(scale))
    return value
