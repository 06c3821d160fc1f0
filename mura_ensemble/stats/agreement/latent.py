"""A latent gold standard from readers alone: Dawid and Skene's model for two classes, by EM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from mura_ensemble.stats.agreement.reads import distinct_reads
from mura_ensemble.stats.division import ratio
from mura_ensemble.stats.kappa.cohen import cohen_kappa
from mura_ensemble.stats.resampling.draws import percentile_limits

FloatArray = NDArray[np.float64]

_EDGE = 1e-9  # a rate of exactly 0 or 1 would forbid what one more study may show
_LEAST = 1e-3  # expected studies below which a rate is that of nothing


@dataclass(frozen=True)
class LatentGold:
    """Estimates of the latent class model, with percentile limits over resampled patients.

    Attributes
    ----------
    prevalence : (3,)
        Estimate, low, high; as all fields of three below.
    sensitivity, specificity : (3, J)
        Of the readers; NaN where a reader read no study that is taken for abnormal, or normal.
    posterior : (n,)
        Probability that each study is abnormal, from the readers alone; NaN where nobody read.
    kappa, model_sensitivity, model_specificity : (3, M)
        Of the models against the posterior; the models have no part in it.
    log_likelihood : float
    iterations : int
        EM steps for the data.
    converged : bool
    n : int
        Studies with a read.
    """

    prevalence: FloatArray
    sensitivity: FloatArray
    specificity: FloatArray
    posterior: FloatArray
    kappa: FloatArray
    model_sensitivity: FloatArray
    model_specificity: FloatArray
    log_likelihood: float
    iterations: int
    converged: bool
    n: int


def dawid_skene(
    reads: ArrayLike,
    calls: ArrayLike | None = None,
    *,
    patients: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 500,
    rng: int | np.random.Generator = 0,
    tolerance: float = 1e-8,
    most_steps: int = 5_000,
) -> LatentGold:
    """Prevalence and each reader's sensitivity and specificity without a gold standard (Dawid & Skene 1979).

    Reads are taken as independent given the truth. Where hard studies mislead all readers alike they are not, and
    the estimates are too good. Of the two mirror solutions the one is taken in which readers do better than chance.

    Parameters
    ----------
    reads : (n, J >= 3) of 0, 1 or NaN
    calls : (n, M) of 0, 1 or NaN, optional
        Models, scored against the posterior and never part of it.
    patients : (n,) labels, optional
    level, resamples, rng
        Of the limits; the whole EM is run on every resample.
    tolerance, most_steps
        EM ends when no parameter moves by more than the tolerance.

    Raises
    ------
    ValueError
        If shapes or values do not fit, there are fewer than three readers, or nothing was read.
    """
    votes = np.asarray(reads, dtype=np.float64)
    if votes.ndim != 2 or votes.shape[1] < 3:
        raise ValueError(f"a latent gold standard needs (n, 3 readers or more), not {votes.shape}")
    models = np.empty((len(votes), 0)) if calls is None else np.asarray(calls, dtype=np.float64)
    if models.ndim != 2 or len(models) != len(votes):
        raise ValueError(f"calls must be (n, M), not {models.shape}")
    read = ~np.isnan(votes).all(axis=1)
    if not read.any():
        raise ValueError("no study was read")
    readers = votes.shape[1]
    units = None if patients is None else np.asarray(patients)[read]
    study = distinct_reads(np.hstack([votes, models])[read], units)
    rows, called = study.rows[:, :readers], study.rows[:, readers:]
    estimate, steps, moved = _expectation_maximisation(rows, study.times[None], tolerance, most_steps)
    # Resamples start from the estimate and need fewer digits than it.
    drawn = [
        _all_of(rows, called, weights, _expectation_maximisation(rows, weights, 1e-5, 1_000, estimate)[0])
        for weights in study.resamples(resamples, rng)
    ]
    draws = [np.concatenate(parts) for parts in zip(*drawn, strict=True)] if drawn else []
    found = _all_of(rows, called, study.times[None], estimate)
    triples = []
    for k, point in enumerate(found):
        low, high = percentile_limits(draws[k] if draws else np.empty((0, *point.shape[1:])), level)
        triples.append(np.stack([point[0], low, high]))
    log_odds, likelihood = _posterior(votes[read], estimate)
    posterior = np.full(len(votes), np.nan)
    posterior[read] = expit(log_odds[0])
    return LatentGold(
        prevalence=triples[0][:, 0],
        sensitivity=triples[1],
        specificity=triples[2],
        posterior=posterior,
        kappa=triples[3],
        model_sensitivity=triples[4],
        model_specificity=triples[5],
        log_likelihood=float(likelihood[0].sum()),
        iterations=steps,
        converged=moved <= tolerance,
        n=int(read.sum()),
    )


Rates = tuple[FloatArray, FloatArray, FloatArray]  # prevalence (b, 1), sensitivity (b, J), specificity (b, J)


def _expectation_maximisation(
    rows: FloatArray, weights: FloatArray, tolerance: float, most_steps: int, start: Rates | None = None
) -> tuple[Rates, int, float]:
    """EM for every vector of weights (b, U) at once."""
    seen = ~np.isnan(rows)
    abnormal = np.where(seen, rows, 0.0)
    if start is None:
        share = ratio(abnormal.sum(axis=1), seen.sum(axis=1))
        rates = _maximise(abnormal, seen, weights, np.broadcast_to(share, weights.shape))
    else:
        rates = start
    steps, moved = 0, np.inf
    while moved > tolerance and steps < most_steps:
        before = rates
        posterior = expit(_posterior(rows, rates)[0])
        rates = _maximise(abnormal, seen, weights, np.broadcast_to(posterior, weights.shape))
        moved = max(float(np.abs(new - old).max()) for new, old in zip(rates, before, strict=True))
        steps += 1
    mirrored = (rates[1] + rates[2]).mean(axis=1, keepdims=True) < 1
    turned = (
        np.where(mirrored, 1 - rates[0], rates[0]),
        np.where(mirrored, 1 - rates[2], rates[1]),
        np.where(mirrored, 1 - rates[1], rates[2]),
    )
    return turned, steps, moved


def _maximise(
    abnormal: FloatArray, seen: NDArray[np.bool_], weights: FloatArray, posterior: FloatArray
) -> Rates:
    ill, well = weights * posterior, weights * (1 - posterior)
    made = seen.astype(np.float64)
    # A reader absent from a resample has no rate there: one half says nothing about any study.
    prevalence = ratio(ill.sum(axis=1), weights.sum(axis=1))[:, None]
    sensitivity = ratio(ill @ abnormal, ill @ made)
    specificity = ratio(well @ (made - abnormal), well @ made)
    parts = [
        np.clip(np.nan_to_num(p, nan=0.5), _EDGE, 1 - _EDGE) for p in (prevalence, sensitivity, specificity)
    ]
    return parts[0], parts[1], parts[2]


def _posterior(rows: FloatArray, rates: Rates) -> tuple[FloatArray, FloatArray]:
    """Log-odds of abnormal and log-likelihood of every row, each (b, U)."""
    prevalence, sensitivity, specificity = rates
    abnormal, normal = (rows == 1).astype(np.float64).T, (rows == 0).astype(np.float64).T
    ill = np.log(prevalence) + np.log(sensitivity) @ abnormal + np.log1p(-sensitivity) @ normal
    well = np.log1p(-prevalence) + np.log1p(-specificity) @ abnormal + np.log(specificity) @ normal
    return ill - well, np.logaddexp(ill, well)


def _all_of(rows: FloatArray, called: FloatArray, weights: FloatArray, rates: Rates) -> list[FloatArray]:
    """Rates of the readers, then kappa, sensitivity and specificity of the models, per vector of weights."""
    posterior = np.broadcast_to(expit(_posterior(rows, rates)[0]), weights.shape)
    seen = ~np.isnan(called)
    abnormal, made = np.where(seen, called, 0.0), seen.astype(np.float64)
    ill, well = weights * posterior, weights * (1 - posterior)
    read = (~np.isnan(rows)).astype(np.float64)
    sensitivity, specificity = (
        np.where(expected @ read > _LEAST, rate, np.nan)
        for expected, rate in ((ill, rates[1]), (well, rates[2]))
    )
    hits, sick, alarms, sound = ill @ abnormal, ill @ made, well @ abnormal, well @ made
    cells = [sound - alarms, alarms, sick - hits, hits]
    tables = np.maximum(np.stack(cells, axis=-1), 0.0).reshape(*hits.shape, 2, 2)
    return [
        rates[0],
        sensitivity,
        specificity,
        cohen_kappa(tables),
        ratio(hits, sick),
        ratio(sound - alarms, sound),
    ]
