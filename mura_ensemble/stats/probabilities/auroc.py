"""Area under the ROC curve with DeLong's variance, for many raters at once and for patients with several studies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from mura_ensemble.stats.validation import (
    FloatArray,
    IntArray,
    checked_gold,
    checked_probability,
    patient_codes,
)

_SAME = 1e-12  # a variance below this share of its parts is rounding, not information


@dataclass(frozen=True)
class Auroc:
    """AUROC of R raters on the same studies.

    Attributes
    ----------
    auroc
        (R,) in [0, 1]: the probability that an abnormal study has the higher probability, ties counting half.
        NaN where the gold standard has one class.
    se
        (R,) DeLong standard error, between patients where patients were given; NaN where it cannot be
        estimated (fewer than two patients with studies of a class).
    low, high
        (R,) confidence limits in [0, 1], never of zero width.
    covariance
        (R, R) DeLong covariance of the areas.
    fallback
        (R,) True where the limits are Hanley-McNeil limits, because DeLong's standard error is 0 (perfect
        separation) or unknown.
    n_abnormal, n_normal
        Studies of each class.
    patients
        Patients (each study its own where none were given).
    level
        Confidence level.
    """

    auroc: FloatArray
    se: FloatArray
    low: FloatArray
    high: FloatArray
    covariance: FloatArray
    fallback: NDArray[np.bool_]
    n_abnormal: int
    n_normal: int
    patients: int
    level: float


@dataclass(frozen=True)
class AurocDifferences:
    """Paired differences of AUROC, element [i, j] = rater i - rater j, all (R, R).

    Attributes
    ----------
    difference
        In [-1, 1].
    se
        Standard error of the difference; 0 where two raters rank the studies alike, or separate them perfectly.
    low, high
        Wald limits cut to [-1, 1]; NaN where the standard error is 0 or unknown.
    z, p
        Difference over standard error, and its two-sided p-value, unadjusted and never 0 (at least 2.2e-308); NaN as
        the limits.
    """

    difference: FloatArray
    se: FloatArray
    low: FloatArray
    high: FloatArray
    z: FloatArray
    p: FloatArray


def auroc(
    gold: ArrayLike, probability: ArrayLike, *, patients: ArrayLike | None = None, level: float = 0.95
) -> Auroc:
    """AUROC of every rater with its DeLong covariance, in O(R n log n).

    The variance is that of DeLong, DeLong & Clarke-Pearson (1988, Biometrics 44:837), its placement values
    taken from midranks (Sun & Xu 2014, IEEE Signal Processing Letters 21:1389). With patients, the placement
    values are summed within each patient and the covariance between a patient's abnormal and normal studies
    enters (Obuchowski 1997, Biometrics 53:567); with one study per patient that is DeLong's variance again.
    The limits are Wald on the logit scale (Pepe 2003, section 5.2). Where that scale fails they are Hanley &
    McNeil's limits with the pooled sample size of Newcombe (2006, Statistics in Medicine 25:559, method 5),
    counting patients, not studies: they are honest, if approximate, for a perfect area.

    Parameters
    ----------
    gold
        (n,) of 0 and 1.
    probability
        (n,) or (n, R) in [0, 1]; only the order within a column matters.
    patients
        (n,) labels; each study is its own patient by default.
    level
        Confidence level in (0, 1).

    Returns
    -------
    Auroc

    Raises
    ------
    ValueError
        If shapes disagree, gold is not 0/1, a probability is missing or outside [0, 1], or the level is not in
        (0, 1).
    """
    abnormal = checked_gold(gold)
    values = checked_probability(probability, len(abnormal)).reshape(len(abnormal), -1)
    codes, units = patient_codes(patients, len(abnormal))
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    m, n, raters = int(abnormal.sum()), int((~abnormal).sum()), values.shape[1]
    if not m or not n:
        unknown = np.full(raters, np.nan)
        no = np.zeros(raters, dtype=np.bool_)
        return Auroc(
            unknown, unknown, unknown, unknown, np.full((raters, raters), np.nan), no, m, n, units, level
        )
    above, below = _placements(values[abnormal], values[~abnormal])
    area = above.mean(axis=0)
    sums_above = _patient_sums(above - area, codes[abnormal], units)
    sums_below = _patient_sums(below - area, codes[~abnormal], units)
    patients_abnormal = len(np.unique(codes[abnormal]))
    patients_normal = len(np.unique(codes[~abnormal]))
    covariance = np.full((raters, raters), np.nan)
    if patients_abnormal > 1 and patients_normal > 1:
        cross = sums_above.T @ sums_below / (m * n) * (units / (units - 1))
        covariance = (
            sums_above.T @ sums_above / m**2 * (patients_abnormal / (patients_abnormal - 1))
            + sums_below.T @ sums_below / n**2 * (patients_normal / (patients_normal - 1))
            + cross
            + cross.T
        )
    se = np.sqrt(np.maximum(np.diag(covariance), 0))
    fallback = ~((se > 0) & (area > 0) & (area < 1))
    low, high = _logit_limits(area, se, level, ~fallback)
    for rater in np.flatnonzero(fallback):
        low[rater], high[rater] = _hanley_limits(area[rater], patients_abnormal, patients_normal, level)
    return Auroc(area, se, low, high, covariance, fallback, m, n, units, level)


def auroc_differences(areas: Auroc) -> AurocDifferences:
    """All paired differences of AUROC with DeLong's test (with patients: Obuchowski's), rater - reference.

    Parameters
    ----------
    areas
        What `auroc` found for all raters together.

    Returns
    -------
    AurocDifferences
    """
    own = np.diag(areas.covariance)
    parts = own[:, None] + own
    variance = parts - 2 * areas.covariance
    variance = np.where(variance <= _SAME * parts, np.where(np.isnan(parts), np.nan, 0.0), variance)
    difference = areas.auroc[:, None] - areas.auroc
    se = np.sqrt(variance)
    known = np.where(se > 0, se, np.nan)
    z = difference / known
    half = float(ndtri((1 + areas.level) / 2)) * known
    low, high = np.clip(difference - half, -1, 1), np.clip(difference + half, -1, 1)
    p = np.maximum(2 * ndtr(-np.abs(z)), np.finfo(np.float64).tiny)  # an underflow is no proof
    return AurocDifferences(difference, se, low, high, z, p)


def _placements(abnormal: FloatArray, normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Share of normal studies each abnormal one exceeds (m, R), and of abnormal ones above each normal one (n, R)."""
    m, n = len(abnormal), len(normal)
    together = rankdata(np.concatenate([abnormal, normal]), axis=0)
    above = (together[:m] - rankdata(abnormal, axis=0)) / n
    below = 1 - (together[m:] - rankdata(normal, axis=0)) / m
    return above, below


def _patient_sums(values: FloatArray, codes: IntArray, units: int) -> FloatArray:
    """Sum of the rows of each patient, (K, R)."""
    sums = [np.bincount(codes, column, units) for column in values.T]
    return np.stack(sums, axis=1)


def _logit_limits(
    area: FloatArray, se: FloatArray, level: float, usable: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    low, high = np.full(area.shape, np.nan), np.full(area.shape, np.nan)
    inside, spread = area[usable], se[usable]
    factor = np.exp(float(ndtri((1 + level) / 2)) * spread / (inside * (1 - inside)))
    odds = inside / (1 - inside)
    low[usable] = odds / (odds + factor)
    high[usable] = odds / (odds + 1 / factor)
    return low, high


def _hanley_limits(area: float, m: int, n: int, level: float) -> tuple[float, float]:
    """Areas whose own Hanley-McNeil interval would just reach the observed area."""
    z = float(ndtri((1 + level) / 2))

    def too_far(theta: float) -> bool:
        share = (1 - theta) / (2 - theta) + theta / (1 + theta)
        variance = theta * (1 - theta) / (m * n) * (1 + ((m + n) / 2 - 1) * share)
        return (area - theta) ** 2 > z**2 * variance

    limits = []
    for outside in (0.0, 1.0):
        inside = area
        for _ in range(60 if inside != outside else 0):  # halving to the last bit
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if too_far(middle) else (middle, outside)
        limits.append(outside)
    return limits[0], limits[1]
