"""Every reader and model against every panel of readers.

A reader agrees with a majority he is part of: his own panels flatter him, and he is compared with a model only over
the panels he does not sit in, the same panels and studies for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mura_ensemble.stats.agreement.reads import DistinctReads, distinct_reads
from mura_ensemble.stats.reader_study.merit import Figure, figure_of
from mura_ensemble.stats.reader_study.panel_gold import (
    Adjudicates,
    MissingReads,
    Rule,
    Ties,
    adjudicate,
    majority_share,
    others_gold,
    panel_gold,
)
from mura_ensemble.stats.reader_study.panel_scores import Bench, PanelStudy, summarise_panels

FloatArray = NDArray[np.float64]


def every_panel(
    reads: ArrayLike,
    calls: ArrayLike,
    panels: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    rule: Rule = "majority",
    ties: Ties = "undecided",
    missing: MissingReads = "decided",
    adjudicated: ArrayLike | None = None,
    adjudicates: Adjudicates = "undecided",
    figure: str | Figure = "kappa",
    level: float = 0.95,
    resamples: int = 2_000,
    jackknife: bool = False,
    rng: int | np.random.Generator = 0,
) -> PanelStudy:
    """Score readers and models against every panel; patients are resampled and all panels recomputed each time.

    Parameters
    ----------
    reads : (n, J) of 0, 1 or NaN
    calls : (n, M) of 0, 1 or NaN
        Models; M may be 0.
    panels : (P, k) int
        Members, e.g. `all_panels(J, 3)`.
    patients : (n,) labels, optional
    rule, ties, missing
        As `panel_gold`.
    adjudicated : (n,) of 0, 1 or NaN, optional
        Decides what a panel leaves undecided, or all it was asked about, as `adjudicates` says (see `adjudicate`).
    figure : str or callable
        Figure of merit by its name in `merit.FIGURES`, or a function of tables (..., 2, 2).
    level, resamples, rng
        Of the intervals.
    jackknife
        Also leave out each patient once, for `obuchowski.readers_as_sample`.

    Raises
    ------
    ValueError
        If shapes or values do not fit, or a panel names an unknown reader or one twice.

    Notes
    -----
    A missing read leaves the study out for its reader and for the model he is compared with, nowhere else.
    """
    votes, models = _columns(reads, calls)
    members = np.asarray(panels, dtype=np.int64)
    if members.ndim != 2 or not members.size or members.min() < 0 or members.max() >= votes.shape[1]:
        raise ValueError("panels must be (P, k) places of readers")
    if (np.diff(np.sort(members, axis=1), axis=1) == 0).any():
        raise ValueError("a reader has one seat in a panel")
    final = np.full(len(votes), np.nan) if adjudicated is None else np.asarray(adjudicated, dtype=np.float64)
    study, final = _with(np.hstack([votes, models]), final, patients)
    readers = votes.shape[1]
    row_votes = study.rows[:, :readers]
    gold = np.column_stack(
        [panel_gold(row_votes[:, seats], rule=rule, ties=ties, missing=missing) for seats in members]
    )
    gold = adjudicate(gold, final, adjudicates=adjudicates)
    judges = np.ones((len(members), study.rows.shape[1]), dtype=np.bool_)
    judges[np.arange(len(members))[:, None], members] = False
    return summarise_panels(
        study,
        Bench(gold, judges, ~judges[:, :readers]),
        figure_of(figure),
        panels=members,
        n=(study.times @ ~np.isnan(gold)).astype(np.int64),
        level=level,
        resamples=resamples,
        jackknife=jackknife,
        rng=rng,
    )


def random_panels(
    reads: ArrayLike,
    calls: ArrayLike,
    size: int = 1,
    *,
    patients: ArrayLike | None = None,
    figure: str | Figure = "kappa",
    level: float = 0.95,
    resamples: int = 2_000,
    jackknife: bool = False,
    rng: int | np.random.Generator = 0,
) -> PanelStudy:
    """Readers and models against a random panel of the other readers of each study: for designs with few reads.

    With 22 readers and three reads per study a fixed panel has hardly a study of its own. Here the panel is drawn
    anew within each study from those who read it, the reader compared being left out. All panels count: the gold
    standard of a study is the share of panels that say abnormal (`majority_share`), the figure that of the table
    summed over panels.

    Parameters
    ----------
    reads, calls, patients, figure, level, resamples, jackknife, rng
        As `every_panel`.
    size : int
        Members of a panel; 1 compares with another single reader.

    Returns
    -------
    PanelStudy
        Without panels of a name: `kappa`, `inside` and `rank` have no rows, `own` and `bias` are NaN; `n` is (J,).

    Raises
    ------
    ValueError
        If shapes or values do not fit, or no study has more than `size` reads.
    """
    votes, models = _columns(reads, calls)
    study = distinct_reads(np.hstack([votes, models]), patients)
    row_votes = study.rows[:, : votes.shape[1]]
    made, ones = (~np.isnan(row_votes)).sum(axis=1), (row_votes == 1).sum(axis=1)
    own = ~np.isnan(row_votes)
    rest = np.where(own, made[:, None] - 1, 0)
    without = majority_share(ones[:, None] - (row_votes == 1), rest, size)
    if np.isnan(without).all():
        raise ValueError(
            f"no study was read by {size + 1} readers or more: no reader can be left out of a panel"
        )
    whole = majority_share(ones, made, size)
    return _without_each(study, whole, without, figure, level, resamples, jackknife, rng)


def majority_of_others(
    reads: ArrayLike,
    calls: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    ties: Ties = "undecided",
    figure: str | Figure = "kappa",
    level: float = 0.95,
    resamples: int = 2_000,
    jackknife: bool = False,
    rng: int | np.random.Generator = 0,
) -> PanelStudy:
    """Each reader, and the models beside him, against the majority of the other readers of each study.

    Parameters
    ----------
    reads, calls, patients, figure, level, resamples, jackknife, rng
        As `every_panel`.
    ties
        What half against half means.

    Returns
    -------
    PanelStudy
        As `random_panels`; the mean of a model is that against the majority of all readers.

    Raises
    ------
    ValueError
        If shapes or values do not fit, or no study has two reads that decide.
    """
    votes, models = _columns(reads, calls)
    study = distinct_reads(np.hstack([votes, models]), patients)
    row_votes = study.rows[:, : votes.shape[1]]
    without = np.where(np.isnan(row_votes), np.nan, others_gold(row_votes, ties=ties))
    if np.isnan(without).all():
        raise ValueError("no study has a majority of readers that leaves one of them out")
    whole = panel_gold(row_votes, ties=ties, missing="present")
    return _without_each(study, whole, without, figure, level, resamples, jackknife, rng)


def fixed_gold(
    gold: ArrayLike,
    reads: ArrayLike,
    calls: ArrayLike,
    *,
    made_by: Sequence[int] = (),
    patients: ArrayLike | None = None,
    figure: str | Figure = "kappa",
    level: float = 0.95,
    resamples: int = 2_000,
    jackknife: bool = False,
    rng: int | np.random.Generator = 0,
) -> PanelStudy:
    """Readers and models against one gold standard (n,) of 0, 1 or NaN, e.g. adjudicated; else as `every_panel`.

    `made_by` are places of readers who took part in it: they are compared with nobody, `own` is their figure.
    """
    votes, models = _columns(reads, calls)
    study, standard = _with(np.hstack([votes, models]), np.asarray(gold, dtype=np.float64), patients)
    judges = np.ones((1, study.rows.shape[1]), dtype=np.bool_)
    judges[:, list(made_by)] = False
    return summarise_panels(
        study,
        Bench(standard[:, None], judges, ~judges[:, : votes.shape[1]]),
        figure_of(figure),
        panels=np.empty((1, 0), dtype=np.int64),
        n=np.atleast_1d(study.times @ ~np.isnan(standard)).astype(np.int64),
        level=level,
        resamples=resamples,
        jackknife=jackknife,
        rng=rng,
    )


def _without_each(
    study: DistinctReads,
    whole: FloatArray,
    without: FloatArray,
    figure: str | Figure,
    level: float,
    resamples: int,
    jackknife: bool,
    rng: int | np.random.Generator,
) -> PanelStudy:
    """Models alone against `whole` (U,), each reader and the models beside him against his own `without` (U, J)."""
    readers, raters = without.shape[1], study.rows.shape[1]
    judges = np.zeros((1 + readers, raters), dtype=np.bool_)
    judges[0, readers:] = True
    judges[1:, :readers] = np.eye(readers, dtype=np.bool_)
    return summarise_panels(
        study,
        Bench(np.column_stack([whole, without]), judges, np.zeros((1 + readers, readers), dtype=np.bool_)),
        figure_of(figure),
        panels=np.empty((0, 0), dtype=np.int64),
        n=(study.times @ ~np.isnan(without)).astype(np.int64),
        level=level,
        resamples=resamples,
        jackknife=jackknife,
        rng=rng,
    )


def _with(
    raters: FloatArray, extra: FloatArray, patients: ArrayLike | None
) -> tuple[DistinctReads, FloatArray]:
    """Distinct rows of raters and of one more column, which is taken out again."""
    if extra.shape != (len(raters),):
        raise ValueError(f"a gold standard must be ({len(raters)},), not {extra.shape}")
    study = distinct_reads(np.column_stack([raters, extra]), patients)
    return replace(study, rows=study.rows[:, :-1]), study.rows[:, -1]


def _columns(reads: ArrayLike, calls: ArrayLike) -> tuple[FloatArray, FloatArray]:
    votes, models = np.asarray(reads, dtype=np.float64), np.asarray(calls, dtype=np.float64)
    if votes.ndim != 2 or models.ndim != 2 or len(votes) != len(models) or votes.shape[1] < 2:
        raise ValueError(f"reads must be (n, J >= 2) and calls (n, M), not {votes.shape} and {models.shape}")
    return votes, models
