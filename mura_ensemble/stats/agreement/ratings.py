"""Ratings of any number of raters, and what every agreement coefficient takes from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from mura_ensemble.stats.kappa.weighted import Weighting, agreement_weights

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """One agreement coefficient.

    Attributes
    ----------
    name
        Which coefficient.
    coefficient
        Its value, at most 1; NaN where chance alone would agree fully or nothing was rated twice.
    se
        Standard error, ``sqrt(sum(w influence^2) / (n (n - 1)))``; 0 for perfect agreement, NaN below two studies.
    observed, expected
        Agreement observed and expected by chance. Light's kappa has neither in one number: NaN.
    n
        Studies used (sum of weights).
    raters
        Columns of the ratings.
    influence
        (n rows,) influence of each study, weighted mean zero; 0 for a study without a say.
    """

    name: str
    coefficient: float
    se: float
    observed: float
    expected: float
    n: float
    raters: int
    influence: FloatArray

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Limits from Student's t with n - 1 degrees of freedom (Gwet 2014), clipped to [-1, 1].

        NaN where the standard error is zero or undefined: agreement without a single exception says nothing about
        how rare exceptions are, and an interval of no width would claim it does.
        """
        if not self.se > 0:
            return float("nan"), float("nan")
        half = float(stdtrit(self.n - 1, (1 + level) / 2)) * self.se
        return max(self.coefficient - half, -1.0), min(self.coefficient + half, 1.0)


class Ratings:
    """Ratings as indicators, with what the coefficients share.

    Attributes
    ----------
    credit
        (K, K) agreement weights.
    onehot
        (n, R, K) 1 where a rater chose a class; all 0 where missing.
    counts, times
        (n, K) ratings per class, and (n,) ratings.
    weights, total
        (n,) times each study counts (0 if nobody rated it), and their sum.
    raters
        R.
    """

    def __init__(
        self, ratings: ArrayLike, classes: ArrayLike, weighting: Weighting, weights: ArrayLike | None
    ) -> None:
        values, scale = np.asarray(ratings, dtype=np.float64), np.asarray(classes, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] < 2:
            raise ValueError(f"ratings must be (n, R) with two raters or more, not {values.shape}")
        self.credit = agreement_weights(scale, weighting)
        self.onehot = (values[:, :, None] == scale).astype(np.float64)
        unknown = ~np.isnan(values) & ~self.onehot.any(axis=2)
        if unknown.any():
            raise ValueError(f"ratings hold {values[unknown][0]:g}, which is not among the classes")
        heft = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
        if heft.shape != (len(values),) or not np.isfinite(heft).all() or (heft < 0).any():
            raise ValueError("weights must be one finite, non-negative number per row of ratings")
        self.counts = self.onehot.sum(axis=1)
        self.times = self.counts.sum(axis=1)
        self.raters = values.shape[1]
        self.weights = heft * (self.times > 0)
        self.total = float(self.weights.sum())

    def class_shares(self) -> tuple[FloatArray, FloatArray]:
        """Shares (K,) of the classes, each rated study counting once, and the deviation (n, K) of each study."""
        shares = self.counts / np.maximum(self.times, 1)[:, None]
        mean = self.weights @ shares / self.total if self.total else np.full(shares.shape[1], np.nan)
        return mean, (shares - mean) * (self.times > 0)[:, None]

    def quadratic_chance(self) -> tuple[float, FloatArray]:
        """``pi' W pi`` and the influence of each study on it."""
        shares, deviation = self.class_shares()
        return float(shares @ self.credit @ shares), 2 * deviation @ self.credit @ shares

    def chance_corrected(self, name: str, expected: float, slope: FloatArray) -> Agreement:
        """``(observed - expected) / (1 - expected)``, given expected agreement and its influence."""
        paired = self.times >= 2
        heft = self.weights * paired
        studies = float(heft.sum())
        alike = ((self.counts @ self.credit) * self.counts).sum(axis=1) - self.times
        alike = alike / np.maximum(self.times * (self.times - 1), 1) * paired
        if not studies or not 1 - expected > 1e-12:
            return self.undefined(name)
        observed = float(heft @ alike) / studies
        coefficient = (observed - expected) / (1 - expected)
        seen = paired * (alike - observed) * (self.total / studies)
        influence = (seen - (1 - coefficient) * slope) / (1 - expected)
        se = standard_error(influence, self.weights)
        return Agreement(name, coefficient, se, observed, expected, self.total, self.raters, influence)

    def pair_kappa(self, first: int, second: int) -> tuple[float, FloatArray]:
        """Cohen's kappa of two raters and its influence, on the studies both rated."""
        one, two = self.onehot[:, first], self.onehot[:, second]
        both = one.any(axis=1) & two.any(axis=1)
        heft = self.weights * both
        studies = float(heft.sum())
        if not studies:
            return float("nan"), np.zeros(len(heft))
        shares_one, shares_two = heft @ one / studies, heft @ two / studies
        observed_each = ((one @ self.credit) * two).sum(axis=1)
        expected_each = one @ self.credit @ shares_two + two @ self.credit @ shares_one
        observed = float(heft @ observed_each) / studies
        expected = float(shares_one @ self.credit @ shares_two)
        if not 1 - expected > 1e-12:
            return float("nan"), np.zeros(len(heft))
        kappa = (observed - expected) / (1 - expected)
        pull = (observed_each - observed) - (1 - kappa) * (expected_each - 2 * expected)
        return kappa, both * pull * (self.total / studies) / (1 - expected)

    def undefined(self, name: str) -> Agreement:
        """Say that a coefficient does not exist for these ratings."""
        nan = float("nan")
        return Agreement(name, nan, nan, nan, nan, self.total, self.raters, np.full(len(self.weights), nan))


def standard_error(influence: FloatArray, weights: FloatArray) -> float:
    """Standard error of a coefficient from the influence of its studies.

    Parameters
    ----------
    influence, weights
        (n,) influences with weighted mean zero, and times each occurs.

    Returns
    -------
    float
        ``sqrt(sum(w influence^2) / (n (n - 1)))``; NaN below two studies.
    """
    n = float(weights.sum())
    return float(np.sqrt(weights @ influence**2 / (n * (n - 1)))) if n > 1 else float("nan")
