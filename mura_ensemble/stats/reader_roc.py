"""A model's ROC curve at the readers' operating points, and the model against the best of several readers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mura_ensemble.stats.division import ratio
from mura_ensemble.stats.multiplicity import max_t
from mura_ensemble.stats.validation import checked_gold, checked_probability, patient_codes

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ReaderPoints:
    """Each reader's operating point and the model on the same studies; arrays (J,).

    Attributes
    ----------
    sensitivity, specificity
        Of the reader.
    model_sensitivity
        Of the model at the lowest threshold whose specificity is not below the reader's.
    difference, low, high
        model - reader, with percentile limits; the threshold is found anew in every resample.
    p_adjusted
        Two-sided, step-down max-T over the readers.
    n
        Studies the reader read.
    undefined
        Resamples without a difference.
    """

    sensitivity: FloatArray
    specificity: FloatArray
    model_sensitivity: FloatArray
    difference: FloatArray
    low: FloatArray
    high: FloatArray
    p_adjusted: FloatArray
    n: NDArray[np.int64]
    undefined: NDArray[np.int64]


@dataclass(frozen=True)
class BestReader:
    """A model against the best reader, the best being a maximum that chance helped to make.

    Attributes
    ----------
    reader : int
        Place of the best reader seen.
    difference : float
        Model - best reader.
    low, high : float
        Limits from simultaneous (max-T) limits of all differences; they hold whoever is truly the best.
    level : float
    """

    reader: int
    difference: float
    low: float
    high: float
    level: float


def reader_points(
    gold: ArrayLike,
    probability: ArrayLike,
    reads: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 2_000,
    rng: int | np.random.Generator = 0,
) -> ReaderPoints:
    """Compare a model's sensitivity with each reader's at that reader's specificity.

    Parameters
    ----------
    gold : (n,) of 0 and 1
    probability : (n,) in [0, 1]
    reads : (n, J) of 0, 1 or NaN
    patients : (n,) labels, optional
    level, resamples, rng
        Of the limits.

    Raises
    ------
    ValueError
        If shapes or values do not fit.
    """
    abnormal = checked_gold(gold)
    values = checked_probability(probability, len(abnormal))
    votes = np.asarray(reads, dtype=np.float64)
    if values.ndim != 1 or votes.ndim != 2 or len(votes) != len(abnormal):
        raise ValueError(f"probability must be (n,) and reads (n, J), not {values.shape} and {votes.shape}")
    if not (np.isnan(votes) | np.isin(votes, (0, 1))).all():
        raise ValueError("reads must be 0, 1 or NaN")
    codes, units = patient_codes(patients, len(abnormal))
    generator = np.random.default_rng(rng)
    readers = votes.shape[1]
    point = _points(abnormal, values, votes, np.ones((1, len(abnormal))))[:, 0]
    draws = np.empty((readers, resamples))
    chunk = max(1, 2**20 // max(units, len(abnormal)))
    for start in range(0, resamples, chunk):
        b = min(chunk, resamples - start)
        drawn = generator.integers(0, units, size=(b, units)) + units * np.arange(b)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=b * units).reshape(b, units)
        found = _points(abnormal, values, votes, counts[:, codes].astype(np.float64))
        draws[:, start : start + b] = (found[2] - found[0]).T
    low, high = np.full(readers, np.nan), np.full(readers, np.nan)
    difference = point[2] - point[0]
    for j, row in enumerate(draws):
        known = row[~np.isnan(row)]
        if len(known) and not np.isnan(difference[j]):
            low[j], high[j] = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return ReaderPoints(
        sensitivity=point[0],
        specificity=point[1],
        model_sensitivity=point[2],
        difference=difference,
        low=low,
        high=high,
        p_adjusted=max_t(difference, draws.T),
        n=(~np.isnan(votes)).sum(axis=0).astype(np.int64),
        undefined=np.isnan(draws).sum(axis=1).astype(np.int64),
    )


def against_best(difference: ArrayLike, draws: ArrayLike, *, level: float = 0.95) -> BestReader:
    """Limits for a model less the best of several readers, which is never a fixed opponent.

    Parameters
    ----------
    difference : (J,)
        Model - reader; NaN readers are left out.
    draws : (B, J)
        Joint bootstrap draws.
    level : float

    Notes
    -----
    Model - best reader is the smallest of the differences. If all true differences lie inside their simultaneous
    limits, the smallest true one lies between the smallest lower and the smallest upper limit.

    Raises
    ------
    ValueError
        If no reader has a defined difference, or shapes do not fit.
    """
    values, joint = np.asarray(difference, dtype=np.float64), np.asarray(draws, dtype=np.float64)
    if values.ndim != 1 or joint.ndim != 2 or joint.shape[1] != len(values):
        raise ValueError(f"difference must be (J,) and draws (B, J), not {values.shape} and {joint.shape}")
    places = np.flatnonzero(~np.isnan(values))
    if not len(places):
        raise ValueError("no reader has a defined difference")
    away = joint[:, places] - values[places]
    away = np.where(np.isnan(away), 0.0, away)
    spread = away.std(axis=0)
    reach = float(np.quantile(np.nan_to_num(np.abs(ratio(away, spread))).max(axis=1), level))
    best = int(np.argmin(values[places]))
    return BestReader(
        reader=int(places[best]),
        difference=float(values[places][best]),
        low=float((values[places] - reach * spread).min()),
        high=float((values[places] + reach * spread).min()),
        level=level,
    )


def _points(
    abnormal: NDArray[np.bool_], values: FloatArray, votes: FloatArray, weights: FloatArray
) -> FloatArray:
    """Reader's sensitivity and specificity, model's sensitivity there; (3, b, J)."""
    out = np.empty((3, len(weights), votes.shape[1]))
    order = np.argsort(-values, kind="stable")
    for j, own in enumerate(votes.T):
        rows = order[~np.isnan(own[order])]
        ill, read = abnormal[rows], own[rows] == 1
        ends = np.append(np.flatnonzero(np.diff(values[rows])), len(rows) - 1)  # ties are called together
        heavy = weights[:, rows]
        sick, well = heavy * ill, heavy * ~ill
        positives, negatives = sick.sum(axis=1), well.sum(axis=1)
        false_alarms = (well * read).sum(axis=1)
        out[0, :, j] = ratio((sick * read).sum(axis=1), positives)
        out[1, :, j] = 1 - ratio(false_alarms, negatives)
        called, alarms = np.cumsum(sick, axis=1)[:, ends], np.cumsum(well, axis=1)[:, ends]
        within = (alarms <= false_alarms[:, None]).sum(axis=1)
        before = np.concatenate([np.zeros((len(heavy), 1)), called], axis=1)
        reached = before[np.arange(len(heavy)), within]
        out[2, :, j] = np.where(negatives > 0, ratio(reached, positives), np.nan)
    return out
