"""Means, ranks and contrasts over gold standards, with one resample of patients for all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from mura_ensemble.stats.agreement.reads import DistinctReads, weighted_tables
from mura_ensemble.stats.division import ratio
from mura_ensemble.stats.reader_study.merit import Figure
from mura_ensemble.stats.resampling.draws import percentile_limits

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_CELLS_AT_ONCE = 2**21


@dataclass(frozen=True)
class Bench:
    """Gold standards, and whom each of them judges; raters are the J readers, then the M models.

    Attributes
    ----------
    gold : (U, G) in [0, 1] or NaN
        Gold standards of the distinct rows.
    judges : (G, J + M) bool
        Whether a gold standard counts for a rater: made without him.
    flatters : (G, J) bool
        Whether a reader had a seat in it.
    """

    gold: FloatArray
    judges: BoolArray
    flatters: BoolArray


@dataclass(frozen=True)
class PanelStudy:
    """Every rater against many gold standards; raters are the J readers, then the M models.

    Attributes
    ----------
    panels : (P, k) int
        Members of each panel; (0, 0) where panels were taken at random within studies.
    kappa : (P, J + M)
        Kappa, or the figure of merit asked for, of each rater against each panel.
    inside : (P, J + M) bool
        Whether the rater sits in the panel.
    rank : (P, J + M)
        Rank among the raters outside the panel, 1 = best, ties sharing the better rank; NaN inside.
    mean, mean_low, mean_high : (J + M,)
        Its mean over the panels without the rater, with percentile limits.
    own : (J,)
        Mean of each reader over the panels he sits in; NaN where there is none.
    bias, bias_low, bias_high : (J,)
        ``own - mean`` and its limits: what a seat in the panel is worth.
    contrast, contrast_low, contrast_high : (M, J)
        Model - reader over the panels without the reader, on the studies both called, with percentile limits.
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
    decided : (J + M,)
        Studies that a rater called and that are decided, on average over the gold standards that judge him.
    one_class : (J + M,) bool
        Whether each of these has one class on what he called: then kappa is 0 or undefined whatever he saw.
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
    decided: FloatArray
    one_class: BoolArray


def summarise_panels(
    study: DistinctReads,
    bench: Bench,
    figure: Figure,
    *,
    panels: NDArray[np.int64],
    n: NDArray[np.int64],
    level: float,
    resamples: int,
    jackknife: bool,
    rng: int | np.random.Generator,
) -> PanelStudy:
    """Score everyone; the panels are the gold standards of the bench, unless they have no members."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    readers = bench.flatters.shape[1]
    sides = _sides(study.rows, readers)

    def all_of(weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        return _means(bench, sides, figure, weights, readers)

    mean, own, contrast = (part[0] for part in all_of(study.times[None]))
    drawn = [all_of(weights) for weights in study.resamples(resamples, rng)]
    mean_draws, own_draws, contrast_draws = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    left_out = [all_of(weights)[2] for weights in study.leave_one_out()] if jackknife else []
    bias_draws = own_draws - mean_draws[:, :readers]
    named = slice(len(panels))
    decided, one_class = _reach(bench, study)
    kappa = figure(weighted_tables(bench.gold[:, named], study.rows, study.times[None])[0])
    inside = np.zeros(kappa.shape, dtype=np.bool_)
    inside[:, :readers] = bench.flatters[named]
    limits = [
        percentile_limits(draws, level)
        for draws in (mean_draws, bias_draws, contrast_draws, _mean_defined(contrast_draws))
    ]
    return PanelStudy(
        panels=panels,
        kappa=kappa,
        inside=inside,
        rank=_ranks(np.where(inside, np.nan, kappa)),
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
        contrast_jackknife=np.concatenate(left_out) if left_out else np.empty((0, *contrast.shape)),
        overall=_mean_defined(contrast),
        overall_low=limits[3][0],
        overall_high=limits[3][1],
        undefined=int(np.isnan(contrast_draws[:, ~np.isnan(contrast)]).sum()),
        n=n,
        decided=decided,
        one_class=one_class,
    )


def _reach(bench: Bench, study: DistinctReads) -> tuple[FloatArray, BoolArray]:
    """`decided` and `one_class` of each rater (J + M,)."""
    raters = study.rows.shape[1]
    total, both = np.zeros(raters), np.zeros(raters, dtype=np.bool_)
    step = max(1, _CELLS_AT_ONCE // (raters * len(bench.gold)))
    for start in range(0, bench.gold.shape[1], step):
        some = slice(start, start + step)
        of_gold = weighted_tables(bench.gold[:, some], study.rows, study.times[None])[0].sum(axis=-1)
        judges = bench.judges[some]
        total += np.where(judges, of_gold.sum(axis=-1), 0.0).sum(axis=0)
        both |= ((of_gold > 0).all(axis=-1) & judges).any(axis=0)
    decided = ratio(total, bench.judges.sum(axis=0))
    return decided, ~both & (np.nan_to_num(decided) > 0)


@dataclass(frozen=True)
class _Sides:
    """Columns of calls to score: raters as they are, and model and reader where both called.

    `model` and `reader` are (M, J) places of the columns of each contrast.
    """

    columns: FloatArray
    model: NDArray[np.int64]
    reader: NDArray[np.int64]


def _sides(rows: FloatArray, readers: int) -> _Sides:
    columns = list(rows.T)
    places: dict[bytes, int] = {}
    for place, column in enumerate(columns):
        places.setdefault(column.tobytes(), place)

    def place_of(column: FloatArray) -> int:
        if column.tobytes() not in places:
            places[column.tobytes()] = len(columns)
            columns.append(column)
        return places[column.tobytes()]

    models = rows.T[readers:]
    shape = (len(models), readers)
    model, reader = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for m, call in enumerate(models):
        for j, read in enumerate(rows.T[:readers]):
            model[m, j] = place_of(np.where(np.isnan(read), np.nan, call))
            reader[m, j] = place_of(np.where(np.isnan(call), np.nan, read))
    return _Sides(np.column_stack(columns), model, reader)


def _means(
    bench: Bench, sides: _Sides, figure: Figure, weights: FloatArray, readers: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means outside (b, J + M), inside (b, J) and contrasts (b, M, J) under each vector of weights."""
    raters = bench.judges.shape[1]
    sums = [np.zeros((2, len(weights), *tail)) for tail in ((raters,), (readers,), sides.model.shape)]
    width = sides.columns.shape[1] + 2 * sides.model.size
    step = max(1, _CELLS_AT_ONCE // (width * max(len(weights), len(bench.gold))))
    for start in range(0, bench.gold.shape[1], step):
        some = slice(start, start + step)
        judges, flatters = bench.judges[some], bench.flatters[some]
        values = figure(weighted_tables(bench.gold[:, some], sides.columns, weights))
        _add(sums[0], values[:, :, :raters], judges)
        _add(sums[1], values[:, :, :readers], flatters)
        # Only panels in which both are defined: the same on both sides.
        apart = values[:, :, sides.model] - values[:, :, sides.reader]
        _add(sums[2], apart, np.broadcast_to(judges[:, None, :readers], apart.shape[1:]))
    outside, own, contrast = (ratio(total, times) for total, times in sums)
    return outside, own, contrast


def _add(sums: FloatArray, values: FloatArray, counts: BoolArray) -> None:
    """Add the defined values that count, over the gold standards, to their sums and numbers."""
    used = ~np.isnan(values) & counts
    sums[0] += np.where(used, values, 0.0).sum(axis=1)
    sums[1] += used.sum(axis=1)


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks along rows, 1 = largest, ties sharing the better rank; NaN has none."""
    out = np.full(values.shape, np.nan)
    for row, own in zip(out, values, strict=True):
        known = ~np.isnan(own)
        row[known] = rankdata(-own[known], method="min")
    return out


def _mean_defined(values: FloatArray) -> FloatArray:
    """Mean over the last axis, NaN left out; NaN where nothing is left."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1))
