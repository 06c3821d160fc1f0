"""Means, ranks and contrasts over gold standards, with one resample of patients for all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from mura_ensemble.stats.reads import DistinctReads, weighted_kappas

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PanelStudy:
    """Every rater against many gold standards; raters are the J readers, then the M models.

    Attributes
    ----------
    panels : (P, k) int
        Members of each panel; (0, 0) where panels were taken at random within studies.
    kappa : (P, J + M)
        Kappa of each rater against each panel.
    inside : (P, J + M) bool
        Whether the rater sits in the panel.
    rank : (P, J + M)
        Rank among the raters outside the panel, 1 = best, ties sharing the better rank; NaN inside.
    mean, mean_low, mean_high : (J + M,)
        Mean kappa over the panels without the rater, with percentile limits.
    own : (J,)
        Mean kappa of each reader over the panels he sits in; NaN where there is none.
    bias, bias_low, bias_high : (J,)
        ``own - mean`` and its limits: what a seat in the panel is worth.
    contrast, contrast_low, contrast_high : (M, J)
        Model - reader over the panels without the reader, on the studies he read, with percentile limits.
    contrast_draws : (B, M, J)
        Their bootstrap draws.
    contrast_jackknife : (K, M, J)
        Their values with one patient left out; empty unless asked for.
    overall, overall_low, overall_high : (M,)
        Mean contrast over the readers.
    undefined : int
        Draws that are undefined of contrasts that are defined.
    n : (P,) int
        Studies with a decided gold standard; (J,) for random panels: studies of each reader that others read.
    """

    panels: NDArray[np.int64]
    kappa: FloatArray
    inside: NDArray[np.bool_]
    rank: FloatArray
    mean: FloatArray
    mean_low: FloatArray
    mean_high: FloatArray
    own: FloatArray
    bias: FloatArray
    bias_low: FloatArray
    bias_high: FloatArray
    contrast: FloatArray
    contrast_low: FloatArray
    contrast_high: FloatArray
    contrast_draws: FloatArray
    contrast_jackknife: FloatArray
    overall: FloatArray
    overall_low: FloatArray
    overall_high: FloatArray
    undefined: int
    n: NDArray[np.int64]


def summarise_panels(
    study: DistinctReads,
    readers: int,
    gold: FloatArray,
    golds: list[FloatArray],
    owns: list[FloatArray],
    kappa: FloatArray,
    inside: NDArray[np.bool_],
    members: NDArray[np.int64],
    n: NDArray[np.int64],
    level: float,
    resamples: int,
    jackknife: bool,
    rng: int | np.random.Generator,
) -> PanelStudy:
    """Score everyone; `golds[j]` are the gold standards without reader j, `owns[j]` those with him."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")

    def all_of(weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        return _contrasts(study.rows, readers, gold, golds, owns, weights)

    mean, own, contrast = (part[0] for part in all_of(study.times[None]))
    drawn = [all_of(weights) for weights in study.resamples(resamples, rng)]
    mean_draws, own_draws, contrast_draws = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    left_out = all_of(study.leave_one_out())[2] if jackknife else np.empty((0, *contrast.shape))
    bias_draws = own_draws - mean_draws[:, :readers]
    outside = np.where(inside, np.nan, -kappa)
    rank = np.array([rankdata(row, method="min", nan_policy="omit") for row in outside]).reshape(kappa.shape)
    limits = [
        _limits(draws, level) for draws in (mean_draws, bias_draws, contrast_draws, _mean(contrast_draws))
    ]
    return PanelStudy(
        panels=members,
        kappa=kappa,
        inside=inside,
        rank=np.where(np.isnan(outside), np.nan, rank),
        mean=mean,
        mean_low=limits[0][0],
        mean_high=limits[0][1],
        own=own,
        bias=own - mean[:readers],
        bias_low=limits[1][0],
        bias_high=limits[1][1],
        contrast=contrast,
        contrast_low=limits[2][0],
        contrast_high=limits[2][1],
        contrast_draws=contrast_draws,
        contrast_jackknife=left_out,
        overall=_mean(contrast),
        overall_low=limits[3][0],
        overall_high=limits[3][1],
        undefined=int(np.isnan(contrast_draws[:, ~np.isnan(contrast)]).sum()),
        n=n,
    )


def _contrasts(
    rows: FloatArray,
    readers: int,
    gold: FloatArray,
    golds: list[FloatArray],
    owns: list[FloatArray],
    weights: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean kappas outside (b, J + M), inside (b, J) and contrasts (b, M, J) under each vector of weights."""
    models = rows[:, readers:]
    mean = np.full((len(weights), rows.shape[1]), np.nan)
    own = np.full((len(weights), readers), np.nan)
    contrast = np.full((len(weights), models.shape[1], readers), np.nan)
    if models.shape[1]:
        mean[:, readers:] = _mean(np.moveaxis(weighted_kappas(gold, models, weights), 1, 2))
    for j in range(readers):
        reader = rows[:, j]
        read = np.where(np.isnan(reader)[:, None], np.nan, models)
        kappas = weighted_kappas(golds[j], np.column_stack([reader, read]), weights)
        kappas = _mean(np.moveaxis(kappas, 1, 2))
        mean[:, j] = kappas[:, 0]
        contrast[:, :, j] = kappas[:, 1:] - kappas[:, :1]
        own[:, j] = _mean(weighted_kappas(owns[j], reader[:, None], weights)[:, :, 0])
    return mean, own, contrast


def _mean(values: FloatArray) -> FloatArray:
    """Mean over the last axis, NaN left out; NaN where nothing is left."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _limits(draws: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Percentile limits over the first axis, NaN left out; NaN rather than no width."""
    flat = draws.reshape(len(draws), -1)
    out = np.full((2, flat.shape[1]), np.nan)
    for column, values in enumerate(flat.T):
        known = values[~np.isnan(values)]
        if (
            len(known) and known.min() < known.max()
        ):  # resamples that all agree say nothing about rare exceptions
            out[:, column] = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return out[0].reshape(draws.shape[1:]), out[1].reshape(draws.shape[1:])
