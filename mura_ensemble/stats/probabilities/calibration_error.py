"""How far probabilities are off, bin by bin, with limits that are honest about an error that chance can only enlarge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mura_ensemble.stats.validation import FloatArray, checked_gold, checked_probability, patient_codes

_CELLS_AT_ONCE = 2**21  # resamples times patients drawn together


@dataclass(frozen=True)
class CalibrationErrors:
    """Expected calibration error of R raters on the same studies.

    Attributes
    ----------
    error
        (R,) in [0, 1]: mean over the studies of how far their bin's share of abnormal studies lies from its mean
        probability. Chance makes it positive even for perfect probabilities.
    low, high
        (R,) limits of the error that endless studies would show; conservative, `low` is 0 where chance alone may
        explain the error.
    chance
        (R,) what chance adds at most, at the confidence level: perfect probabilities show less than this.
    bins, n, patients, level
        Bins of equal width, studies, patients (each study its own where none were given), confidence level.
    """

    error: FloatArray
    low: FloatArray
    high: FloatArray
    chance: FloatArray
    bins: int
    n: int
    patients: int
    level: float


def calibration_errors(
    gold: ArrayLike,
    probability: ArrayLike,
    *,
    bins: int = 10,
    patients: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1_000,
    rng: int | np.random.Generator = 0,
) -> CalibrationErrors:
    """Expected calibration error over bins of equal width, with limits by resampling patients.

    The error is the sum of the absolute gaps g of the bins, gap = sum of (gold - probability) over the studies of
    the bin, divided by all studies. Percentiles of its bootstrap would lie too high, for a resample adds its noise to
    that of the data. The gaps themselves have no such bias. Let q be the quantile at `level` of the sum of absolute
    values of g* - g over resamples of the patients, or, if that is larger, of |g| when the gold standard is drawn from
    the probabilities (the bootstrap alone is too short for bins of a few studies: in simulations with 150 studies it
    held in 87 % of samples at a level of 95 %). The noise of the data is below q at that level, and by the triangle
    inequality the true error lies between error - q and error + q.

    Parameters
    ----------
    gold
        (n,) of 0 and 1.
    probability
        (n, R) in [0, 1].
    bins
        Bins (edge, next edge] of equal width, the lowest closed below.
    patients
        (n,) labels; each study is its own patient by default.
    level
        Confidence level in (0, 1).
    resamples
        Resamples of the patients.
    rng
        Seed or generator.

    Raises
    ------
    ValueError
        If shapes disagree, gold is not 0/1, a probability is missing or outside [0, 1], the level is not in (0, 1),
        or there is no bin.
    """
    abnormal = checked_gold(gold)
    values = checked_probability(probability, len(abnormal))
    if values.ndim != 2:
        raise ValueError(f"probability must be (n, R), not {values.shape}")
    if bins < 1 or not 0 < level < 1:
        raise ValueError("bins must be at least 1 and the level between 0 and 1")
    codes, units = patient_codes(patients, len(abnormal))
    raters = values.shape[1]
    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], values)
    sums = np.zeros((units, raters, bins))
    np.add.at(sums, (codes[:, None], np.arange(raters), place), abnormal[:, None] - values)
    flat, sizes = sums.reshape(units, -1), np.bincount(codes, minlength=units).astype(np.float64)
    gaps = flat.sum(axis=0) / len(abnormal)
    generator = np.random.default_rng(rng)
    noise, drawn_gold = np.empty((2, resamples, raters))
    one_hot = (place[:, :, None] == np.arange(bins)).astype(np.float64) / len(abnormal)
    expected = np.einsum("irb,ir->rb", one_hot, values)
    step = max(1, _CELLS_AT_ONCE // len(abnormal))
    for start in range(0, resamples, step):
        rows = slice(start, min(start + step, resamples))
        b = rows.stop - rows.start
        drawn = generator.integers(0, units, size=(b, units)) + units * np.arange(b)[:, None]
        times = np.bincount(drawn.ravel(), minlength=b * units).reshape(b, units).astype(np.float64)
        away = times @ flat / (times @ sizes)[:, None] - gaps
        noise[rows] = np.abs(away).reshape(b, raters, bins).sum(axis=2)
        luck = generator.random((b, len(abnormal)), dtype=np.float32)
        for rater, column in enumerate(values.T.astype(np.float32)):
            found = (luck < column).astype(np.float64) @ one_hot[:, rater]
            drawn_gold[rows, rater] = np.abs(found - expected[rater]).sum(axis=1)
    error = np.abs(gaps).reshape(raters, bins).sum(axis=1)
    chance = np.maximum(*np.quantile([noise, drawn_gold], level, axis=1))
    return CalibrationErrors(
        error=error,
        low=np.maximum(error - chance, 0.0),
        high=np.minimum(error + chance, 1.0),
        chance=chance,
        bins=bins,
        n=len(abnormal),
        patients=units,
        level=level,
    )
