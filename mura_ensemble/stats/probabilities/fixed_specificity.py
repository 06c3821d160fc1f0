"""What a rater would find if its threshold were set for a given specificity, the threshold counted as uncertain too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mura_ensemble.stats.division import ratio
from mura_ensemble.stats.kappa.proportion import wilson_limits
from mura_ensemble.stats.resampling.draws import percentile_limits
from mura_ensemble.stats.validation import FloatArray, checked_gold, checked_probability, patient_codes

_CELLS_AT_ONCE = 2**21  # resamples times studies weighed together
_ROUNDING = 1e-9  # of a study: 0.1 x 30 false alarms are three


@dataclass(frozen=True)
class FixedSpecificity:
    """R raters at T wanted specificities; arrays are (R, T) and NaN where the gold standard has one class.

    Attributes
    ----------
    target
        (T,) wanted specificities.
    specificity
        The one reached at the lowest threshold that does not fall short of the wanted one.
    sensitivity, low, high
        There, with percentile limits; the threshold is found anew in every resample. Where no resample differs, the
        limits are Wilson's with the patients who have an abnormal study.
    """

    target: FloatArray
    specificity: FloatArray
    sensitivity: FloatArray
    low: FloatArray
    high: FloatArray


def sensitivity_at_specificity(
    gold: ArrayLike,
    probability: ArrayLike,
    targets: Sequence[float],
    *,
    patients: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1_000,
    rng: int | np.random.Generator = 0,
) -> FixedSpecificity:
    """Sensitivity of every rater at the wanted specificities, by resampling patients.

    A threshold that is chosen on the studies it is judged on flatters a single rater a little; the limits count its
    uncertainty, since every resample chooses it again. A study is called abnormal strictly above the threshold.

    Parameters
    ----------
    gold
        (n,) of 0 and 1.
    probability
        (n, R) in [0, 1].
    targets
        Wanted specificities in [0, 1].
    patients
        (n,) labels; each study is its own patient by default.
    level, resamples, rng
        Of the limits.

    Raises
    ------
    ValueError
        If shapes disagree, gold is not 0/1, a probability is missing or outside [0, 1], or a target lies outside
        [0, 1].
    """
    abnormal = checked_gold(gold)
    values = checked_probability(probability, len(abnormal))
    wanted = np.asarray(targets, dtype=np.float64)
    if values.ndim != 2 or wanted.ndim != 1:
        raise ValueError(f"probability must be (n, R) and targets (T,), not {values.shape}, {wanted.shape}")
    if not ((wanted >= 0) & (wanted <= 1)).all():
        raise ValueError("a wanted specificity must lie in [0, 1]")
    codes, units = patient_codes(patients, len(abnormal))
    raters = [_Ordered.of(abnormal, column) for column in values.T]
    found = _at(raters, np.ones((1, len(abnormal))), wanted)[:, 0]
    draws = np.empty((resamples, len(raters), len(wanted)))
    generator = np.random.default_rng(rng)
    step = max(1, _CELLS_AT_ONCE // max(units, len(abnormal)))
    for start in range(0, resamples, step):
        b = min(step, resamples - start)
        drawn = generator.integers(0, units, size=(b, units)) + units * np.arange(b)[:, None]
        times = np.bincount(drawn.ravel(), minlength=b * units).reshape(b, units)
        draws[start : start + b] = _at(raters, times[:, codes].astype(np.float64), wanted)[0]
    low, high = percentile_limits(draws, level)
    still = np.isnan(low) & ~np.isnan(found[0])
    if still.any():
        wilson = wilson_limits(found[0], len(np.unique(codes[abnormal])), level)
        low, high = (np.where(still, limit, own) for limit, own in zip(wilson, (low, high), strict=True))
    return FixedSpecificity(wanted, specificity=found[1], sensitivity=found[0], low=low, high=high)


@dataclass(frozen=True)
class _Ordered:
    """Abnormal and normal studies of one rater by falling probability.

    `above` (normal + 1,) counts the abnormal studies above each normal one, and all of them behind the last;
    `first` is the place of the first normal study of the same probability.
    """

    ill: NDArray[np.int64]
    well: NDArray[np.int64]
    above: NDArray[np.int64]
    first: NDArray[np.int64]

    @classmethod
    def of(cls, abnormal: NDArray[np.bool_], values: FloatArray) -> _Ordered:
        order = np.argsort(-values, kind="stable")
        ill, well = order[abnormal[order]], order[~abnormal[order]]
        heights = -values[well]
        above = np.append(np.searchsorted(-values[ill], heights, side="left"), len(ill))
        first = np.append(np.searchsorted(heights, heights, side="left"), len(well))
        return cls(ill, well, above.astype(np.int64), first.astype(np.int64))


def _at(raters: list[_Ordered], weights: FloatArray, wanted: FloatArray) -> FloatArray:
    """Sensitivity and specificity (2, b, R, T) under each row of weights (b, n)."""
    out = np.empty((2, len(weights), len(raters), len(wanted)))
    rows = np.arange(len(weights))
    nobody = np.zeros((len(weights), 1))
    for r, rater in enumerate(raters):
        alarms = np.cumsum(weights[:, rater.well], axis=1)
        hits = np.hstack([nobody, np.cumsum(weights[:, rater.ill], axis=1)])
        normal, all_ill = weights[:, rater.well].sum(axis=1), hits[:, -1]
        for t, target in enumerate(wanted):
            allowed = (1 - target) * normal + _ROUNDING
            # The first normal study that may not be called abnormal: the threshold is its probability.
            stop = (alarms <= allowed[:, None]).sum(axis=1)
            called = np.hstack([nobody, alarms])[rows, rater.first[stop]]
            out[0, :, r, t] = np.where(normal > 0, ratio(hits[rows, rater.above[stop]], all_ill), np.nan)
            out[1, :, r, t] = np.where(all_ill > 0, 1 - ratio(called, normal), np.nan)
    return out
