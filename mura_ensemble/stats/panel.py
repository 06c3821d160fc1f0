"""Every reader and model against every panel of readers.

A reader agrees with a majority he is part of: his own panels flatter him, and he is compared with a model only over
the panels he does not sit in, the same panels for both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mura_ensemble.stats.panel_gold import MissingReads, Rule, Ties, majority_share, panel_gold
from mura_ensemble.stats.panel_scores import PanelStudy, summarise_panels
from mura_ensemble.stats.reads import distinct_reads, weighted_kappas

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
    study = distinct_reads(np.hstack([votes, models]), patients)
    readers = votes.shape[1]
    row_votes = study.rows[:, :readers]
    gold = np.column_stack(
        [panel_gold(row_votes[:, seats], rule=rule, ties=ties, missing=missing) for seats in members]
    )
    inside = np.zeros((len(members), study.rows.shape[1]), dtype=np.bool_)
    inside[np.arange(len(members))[:, None], members] = True
    golds = [gold[:, ~inside[:, j]] for j in range(readers)]
    owns = [gold[:, inside[:, j]] for j in range(readers)]
    kappa = weighted_kappas(gold, study.rows, study.times[None])[0]
    decided = study.times @ ~np.isnan(gold)
    return summarise_panels(
        study,
        readers,
        gold,
        golds,
        owns,
        kappa,
        inside,
        members,
        decided.astype(np.int64),
        level,
        resamples,
        jackknife,
        rng,
    )


def random_panels(
    reads: ArrayLike,
    calls: ArrayLike,
    size: int = 1,
    *,
    patients: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 2_000,
    jackknife: bool = False,
    rng: int | np.random.Generator = 0,
) -> PanelStudy:
    """Readers and models against a random panel of the other readers of each study: for designs with few reads.

    With 22 readers and three reads per study a fixed panel has hardly a study of its own. Here the panel is drawn
    anew within each study from those who read it, the reader compared being left out. All panels count: the gold
    standard of a study is the share of panels that say abnormal (`majority_share`), kappa is that of the table
    summed over panels.

    Parameters
    ----------
    reads, calls, patients, level, resamples, jackknife, rng
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
    readers = votes.shape[1]
    row_votes = study.rows[:, :readers]
    made, ones = (~np.isnan(row_votes)).sum(axis=1), (row_votes == 1).sum(axis=1)
    gold = majority_share(ones, made, size)[:, None]
    golds = []
    for j in range(readers):
        own = row_votes[:, j]
        rest = np.where(np.isnan(own), 0, made - 1)
        golds.append(majority_share(ones - (own == 1), rest, size)[:, None])
    if all(np.isnan(each).all() for each in golds):
        raise ValueError(
            f"no study was read by {size + 1} readers or more: no reader can be left out of a panel"
        )
    none = np.empty((len(gold), 0))
    width = study.rows.shape[1]
    own_studies = np.array([study.times @ ~np.isnan(each[:, 0]) for each in golds]).astype(np.int64)
    return summarise_panels(
        study,
        readers,
        gold,
        golds,
        [none] * readers,
        np.empty((0, width)),
        np.empty((0, width), dtype=np.bool_),
        np.empty((0, 0), dtype=np.int64),
        own_studies,
        level,
        resamples,
        jackknife,
        rng,
    )


def fixed_gold(
    gold: ArrayLike,
    reads: ArrayLike,
    calls: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 2_000,
    jackknife: bool = False,
    rng: int | np.random.Generator = 0,
) -> PanelStudy:
    """Readers and models against one gold standard (n,) of 0, 1 or NaN that no reader made; else as `every_panel`."""
    votes, models = _columns(reads, calls)
    study = distinct_reads(np.column_stack([votes, models, np.asarray(gold, dtype=np.float64)]), patients)
    readers, standard = votes.shape[1], study.rows[:, -1:]
    study = replace(study, rows=study.rows[:, :-1])
    kappa = weighted_kappas(standard, study.rows, study.times[None])[0]
    return summarise_panels(
        study,
        readers,
        standard,
        [standard] * readers,
        [standard[:, :0]] * readers,
        kappa,
        np.zeros(kappa.shape, dtype=np.bool_),
        np.empty((1, 0), dtype=np.int64),
        np.atleast_1d(study.times @ ~np.isnan(standard[:, 0])).astype(np.int64),
        level,
        resamples,
        jackknife,
        rng,
    )


def _columns(reads: ArrayLike, calls: ArrayLike) -> tuple[FloatArray, FloatArray]:
    votes, models = np.asarray(reads, dtype=np.float64), np.asarray(calls, dtype=np.float64)
    if votes.ndim != 2 or models.ndim != 2 or len(votes) != len(models) or votes.shape[1] < 2:
        raise ValueError(f"reads must be (n, J >= 2) and calls (n, M), not {votes.shape} and {models.shape}")
    return votes, models
