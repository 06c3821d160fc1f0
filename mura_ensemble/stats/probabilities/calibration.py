"""Logistic recalibration: whether probabilities are too extreme, too timid, or too low on the whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit, ndtri, stdtrit

from mura_ensemble.stats.validation import (
    FloatArray,
    IntArray,
    checked_gold,
    checked_probability,
    patient_codes,
)

_EDGE = 2.0**-24  # logits are taken of probabilities held this far (half a float32 step at 1) from 0 and 1
_NARROW = 1e-6  # logits closer together than this are equal probabilities
_STEPS = 60


@dataclass(frozen=True)
class Calibration:
    """Logistic recalibration of one rater: ``logit P(abnormal) = intercept + slope logit(probability)``.

    Attributes
    ----------
    slope, slope_low, slope_high
        1 if right; below 1 where the probabilities are too extreme. NaN where no line can be fitted: one class,
        equal probabilities, or classes perfectly separated.
    intercept, intercept_low, intercept_high
        Of the same line; 0 if right.
    in_the_large, in_the_large_low, in_the_large_high
        Intercept with the slope held at 1: positive where the probabilities are too low on the whole. NaN with
        one class.
    slope_se, intercept_se, in_the_large_se
        Standard errors; between patients where patients were given.
    prevalence, mean_probability
        Share of abnormal studies, and what the probabilities expected.
    clipped
        Probabilities nearer to 0 or 1 than 6e-8, whose logits were taken there.
    n, patients, level
        Studies, patients (each study its own where none were given), confidence level.
    """

    slope: float
    slope_low: float
    slope_high: float
    intercept: float
    intercept_low: float
    intercept_high: float
    in_the_large: float
    in_the_large_low: float
    in_the_large_high: float
    slope_se: float
    intercept_se: float
    in_the_large_se: float
    prevalence: float
    mean_probability: float
    clipped: int
    n: int
    patients: int
    level: float


def calibration(
    gold: ArrayLike, probability: ArrayLike, *, patients: ArrayLike | None = None, level: float = 0.95
) -> Calibration:
    """Calibration intercept and slope (Cox 1958, Biometrika 45:562) and calibration in the large.

    Maximum likelihood by Newton's method. Limits are Wald's: from the information matrix without patients; with them
    from the sandwich of per-patient sums of the gradient, times K / (K - 1), its standard errors taken as no smaller
    than those of the information matrix and with t quantiles of K - 1 degrees, for the sandwich of few patients is too
    small (with 10 patients of 6 studies the plain one covers 87 %, with 30 of 4 93 %).

    Parameters
    ----------
    gold
        (n,) of 0 and 1.
    probability
        (n,) in [0, 1].
    patients
        (n,) labels; each study is its own patient by default.
    level
        Confidence level in (0, 1).

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        If shapes disagree, gold is not 0/1, a probability is missing or outside [0, 1], or the level is not in
        (0, 1).
    """
    abnormal = checked_gold(gold)
    values = checked_probability(probability, len(abnormal))
    if values.ndim != 1:
        raise ValueError(f"calibration needs one probability per study, not shape {values.shape}")
    codes, units = patient_codes(patients, len(abnormal))
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    truth = abnormal.astype(np.float64)
    x = logit(np.clip(values, _EDGE, 1 - _EDGE))
    clusters = codes if patients is not None else None
    ones = np.ones((len(x), 1))
    both_classes = bool(abnormal.any() and not abnormal.all())
    whole, whole_se = _fit(ones, truth, x, clusters) if both_classes else _unknown(1)
    # A finite maximum of the likelihood needs overlapping classes (Albert & Anderson 1984, Biometrika 71:1).
    overlap = (
        both_classes
        and np.ptp(x) > _NARROW
        and (x[abnormal].min() < x[~abnormal].max() and x[~abnormal].min() < x[abnormal].max())
    )
    line, line_se = _fit(np.column_stack([ones, x]), truth, 0 * x, clusters) if overlap else _unknown(2)
    tail = (1 + level) / 2
    z = float(ndtri(tail) if clusters is None else stdtrit(max(units - 1, 1), tail))
    return Calibration(
        slope=float(line[1]),
        slope_low=float(line[1] - z * line_se[1]),
        slope_high=float(line[1] + z * line_se[1]),
        intercept=float(line[0]),
        intercept_low=float(line[0] - z * line_se[0]),
        intercept_high=float(line[0] + z * line_se[0]),
        in_the_large=float(whole[0]),
        in_the_large_low=float(whole[0] - z * whole_se[0]),
        in_the_large_high=float(whole[0] + z * whole_se[0]),
        slope_se=float(line_se[1]),
        intercept_se=float(line_se[0]),
        in_the_large_se=float(whole_se[0]),
        prevalence=float(truth.mean()),
        mean_probability=float(values.mean()),
        clipped=int(((values < _EDGE) | (values > 1 - _EDGE)).sum()),
        n=len(x),
        patients=units,
        level=level,
    )


def _fit(
    X: FloatArray, truth: FloatArray, offset: FloatArray, clusters: IntArray | None
) -> tuple[FloatArray, FloatArray]:
    """Coefficients of a logistic regression whose likelihood has a maximum, and their standard errors."""
    try:
        return _maximum(X, truth, offset, clusters)
    except np.linalg.LinAlgError:  # probabilities of 0 and 1 leave no study with any weight
        return _unknown(X.shape[1])


def _maximum(
    X: FloatArray, truth: FloatArray, offset: FloatArray, clusters: IntArray | None
) -> tuple[FloatArray, FloatArray]:
    beta = np.zeros(X.shape[1])
    loss, fitted = _loss(offset, truth)
    for _ in range(_STEPS):
        step = np.linalg.solve((X * (fitted * (1 - fitted))[:, None]).T @ X, X.T @ (truth - fitted))
        ahead, there = _loss(offset + X @ (beta + step), truth)
        while ahead > loss + 1e-12 * abs(loss) and np.abs(step).max() > 1e-14:
            step = step / 2
            ahead, there = _loss(offset + X @ (beta + step), truth)
        beta, loss, fitted = beta + step, ahead, there
        if np.abs(step).max() <= 1e-10 * (1 + np.abs(beta).max()):
            break
    spread = np.linalg.inv((X * (fitted * (1 - fitted))[:, None]).T @ X)
    if clusters is not None:
        each = X * (truth - fitted)[:, None]
        sums = np.stack([np.bincount(clusters, column) for column in each.T], axis=1)
        k = len(sums)
        sandwich = spread @ (sums.T @ sums) @ spread * (k / (k - 1) if k > 1 else np.nan)
        return beta, np.sqrt(np.maximum(np.diag(spread), np.diag(sandwich)))
    return beta, np.sqrt(np.diag(spread))


def _loss(eta: FloatArray, truth: FloatArray) -> tuple[float, FloatArray]:
    """Minus the log-likelihood, and the fitted probabilities, from one exponential."""
    shrunk = np.exp(-np.abs(eta))
    fitted = np.where(eta >= 0, 1.0, shrunk) / (1 + shrunk)
    return float((np.maximum(eta, 0) + np.log(1 + shrunk) - truth * eta).sum()), fitted


def _unknown(size: int) -> tuple[FloatArray, FloatArray]:
    return np.full(size, np.nan), np.full(size, np.nan)
