"""Ranks and how sure they are, from one bootstrap of the patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.reporting.formats import error_rate
from mura_ensemble.reporting.inputs import Reads
from mura_ensemble.stats.ranks import rank_confidence_sets, rank_summary
from mura_ensemble.stats.resample import joint_bootstrap

__all__ = ["ENOUGH_PATIENTS", "Standings", "build_standings"]

ENOUGH_PATIENTS = 100  # below it rank sets of the bootstrap were measured to hold too seldom


@dataclass(frozen=True)
class Standings:
    """Who stands where.

    Attributes
    ----------
    ranks : DataFrame
        Index rater; `place` (1 + raters with a higher kappa), `rank` (1 + raters shown to be better, so that raters
        not told apart share it), `rank_low`, `rank_high` (simultaneous confidence set of the true rank), `p_best`
        (share of resamples with the highest kappa, ties shared). NaN where kappa is undefined, and for all where no
        resample can be used.
    undefined : dict
        Rater with a kappa to the number of resamples in which it has none.
    shares : DataFrame
        Index rater; `share_1`, `share_2`, ...: share of resamples in which it holds that rank, ties sharing theirs.
    used : int
        Resamples in which every ranked rater has a kappa.
    studies, patients : int
        What all ranks rest on: the studies that every rater with a kappa called, and their patients.
    """

    ranks: pd.DataFrame
    shares: pd.DataFrame
    undefined: dict[str, int]
    used: int
    studies: int
    patients: int


def build_standings(
    reads: Reads, differences: pd.DataFrame, *, level: float, resamples: int, seed: int
) -> Standings:
    """Ranks of all raters over the studies that all of them called, patients resampled with all their studies.

    Parameters
    ----------
    reads : Reads
    differences : DataFrame
        Index (rater, reference), every ordered pair; columns `difference`, `p_all_pairs`.
    level, resamples, seed : float, int, int

    Notes
    -----
    Kappas of different studies cannot be ranked: one rater may have had the easier ones. Below 100 patients a rater
    counts as better than another only if, besides the rank sets, Holm's p over all pairs says so, because the
    bootstrap alone makes too many such claims there (see `stats.ranks.rank_confidence_sets`).
    """
    raters = reads.calls.columns
    calls = reads.calls.to_numpy()
    own = joint_bootstrap(reads.gold, calls, clusters=reads.patients, resamples=1, rng=seed)
    ranked = ~np.isnan(own.estimate[own.overall])
    common = ~np.isnan(calls[:, ranked]).any(axis=1)
    patients = len(np.unique(reads.patients[common]))
    none = pd.DataFrame(index=raters)
    standings = Standings(_no_ranks(raters), none, {}, 0, int(common.sum()), patients)
    if not ranked.any() or not common.any():
        return standings
    boot = joint_bootstrap(
        reads.gold[common], calls[common], clusters=reads.patients[common], resamples=resamples, rng=seed
    )
    estimate, draws = boot.estimate[boot.overall], boot.draws[:, boot.overall]
    known = ~np.isnan(estimate)
    used = int((~np.isnan(draws[:, known]).any(axis=1)).sum()) if known.any() else 0
    lost = boot.undefined[boot.overall]
    undefined = {str(name): int(lost[i]) for i, name in enumerate(raters) if ranked[i]}
    if not used:
        return Standings(standings.ranks, none, undefined, 0, standings.studies, patients)
    sets = rank_confidence_sets(estimate, draws, level)
    better = sets.better
    if patients < ENOUGH_PATIENTS:
        better = better & _passed(differences, raters, level)
    low = np.where(known, 1.0 + better.sum(axis=0), np.nan)
    summary = rank_summary(boot, level=level)
    shares = pd.DataFrame(
        summary.p_rank, index=raters, columns=[f"share_{rank + 1}" for rank in range(len(raters))]
    )
    ranks = standings.ranks.assign(
        place=sets.rank,
        rank=low,
        rank_low=low,
        rank_high=np.where(known, 1.0 * known.sum() - better.sum(axis=1), np.nan),
        p_best=summary.p_best,
    )
    return Standings(ranks, shares, undefined, used, standings.studies, patients)


def _no_ranks(raters: pd.Index[str]) -> pd.DataFrame:
    columns = ["place", "rank", "rank_low", "rank_high", "p_best"]
    return pd.DataFrame(np.nan, index=raters, columns=columns).rename_axis("rater")


def _passed(differences: pd.DataFrame, raters: pd.Index[str], level: float) -> NDArray[np.bool_]:
    """Whether rater i has the higher kappa than j by the test of all pairs, (R, R)."""
    shown = (differences["difference"] > 0) & (differences["p_all_pairs"] < error_rate(level))
    passed = np.zeros((len(raters), len(raters)), dtype=np.bool_)
    for pair in shown.index[shown]:
        passed[raters.get_loc(pair[0]), raters.get_loc(pair[1])] = True
    return passed
