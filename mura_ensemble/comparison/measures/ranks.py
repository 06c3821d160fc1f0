"""Ranks and how sure they are, from one bootstrap of the patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mura_ensemble.comparison.gather.inputs import Reads
from mura_ensemble.comparison.measures.claims import shown_higher
from mura_ensemble.stats.comparing.ranks import competition_ranks, rank_summary
from mura_ensemble.stats.resampling.resample import joint_bootstrap

__all__ = ["ENOUGH_PATIENTS", "Standings", "build_standings"]

ENOUGH_PATIENTS = 100  # below it the bootstrap alone was measured to say too much


@dataclass(frozen=True)
class Standings:
    """Who stands where.

    Attributes
    ----------
    ranks : DataFrame
        Index rater; `place` (1 + raters with a higher kappa), `rank` (1 + raters shown to be better), `rank_low`,
        `rank_high` (simultaneous confidence set of the true rank), `p_best` (share of resamples with the highest kappa,
        ties shared). NaN where kappa is undefined, for raters that saw these studies while others did not, and for all
        where no resample can be used.
    undefined : dict
        Rater with a kappa to the number of resamples in which it has none.
    shares : DataFrame
        Index rater; `share_1`, `share_2`, ...: share of resamples in which it holds that rank, ties sharing theirs.
    used : int
        Resamples in which every ranked rater has a kappa.
    unranked : tuple of str
        Raters with a kappa but no rank, because they saw these studies.
    studies, patients : int
        What all ranks rest on: the studies that every rater with a kappa called, and their patients.
    """

    ranks: pd.DataFrame
    shares: pd.DataFrame
    undefined: dict[str, int]
    used: int
    studies: int
    patients: int
    unranked: tuple[str, ...] = ()


def build_standings(
    reads: Reads,
    differences: pd.DataFrame,
    apparent: Sequence[str] = (),
    *,
    level: float,
    resamples: int,
    seed: int,
) -> Standings:
    """Ranks of all raters over the studies that all of them called, patients resampled with all their studies.

    Parameters
    ----------
    reads : Reads
    differences : DataFrame
        Index (rater, reference), every ordered pair; columns `low`, `high`, `p_all_pairs`.
    apparent : sequence of str
        Raters that saw these studies: they get no rank and move nobody else's; if all of them did, nobody is told apart.
    level, resamples, seed : float, int, int

    Notes
    -----
    Kappas of different studies cannot be ranked: one rater may have had the easier ones. A rater counts as better than
    another if the test of all pairs says so (`claims`), so a rank never contradicts a pair; such ranks are simultaneous
    confidence sets whatever test of all pairs they rest on (Mogstad et al. 2024). The bootstrap's own sets
    (`stats.ranks.rank_confidence_sets`) are not used here: with few patients, or few of the rarer class, they hold too
    seldom, and from 200 patients on the two agree but for a pair or two in a hundred.
    """
    raters = reads.calls.columns
    calls = reads.calls.to_numpy()
    own = joint_bootstrap(reads.gold, calls, clusters=reads.patients, resamples=1, rng=seed)
    ranked = ~np.isnan(own.estimate[own.overall])
    new = ranked & ~raters.isin(list(apparent))
    seen = tuple(map(str, raters[ranked & ~new])) if new.any() else ()
    ranked = new if new.any() else ranked
    common = ~np.isnan(calls[:, ranked]).any(axis=1)
    patients = len(np.unique(reads.patients[common]))
    none = pd.DataFrame(index=raters)
    standings = Standings(_no_ranks(raters), none, {}, 0, int(common.sum()), patients, seen)
    if not ranked.any() or len(np.unique(reads.gold[common])) < 2:
        return standings
    judged = np.where(ranked, calls[common], np.nan)
    boot = joint_bootstrap(
        reads.gold[common], judged, clusters=reads.patients[common], resamples=resamples, rng=seed
    )
    estimate, draws = boot.estimate[boot.overall], boot.draws[:, boot.overall]
    known = ~np.isnan(estimate)
    used = int((~np.isnan(draws[:, known]).any(axis=1)).sum()) if known.any() else 0
    lost = boot.undefined[boot.overall]
    undefined = {str(name): int(lost[i]) for i, name in enumerate(raters) if ranked[i]}
    if not used:
        return Standings(standings.ranks, none, undefined, 0, standings.studies, patients, seen)
    # Where calls are missing a pair may rest on other studies than the ranks; a rank follows it only where both agree.
    ahead = estimate[:, None] > estimate[None]
    unseen = ~raters.isin(list(apparent))
    better = shown_higher(differences, raters, level) & ahead & unseen[:, None] & unseen[None]
    low = np.where(known, 1.0 + better.sum(axis=0), np.nan)
    summary = rank_summary(boot, level=level)
    shares = pd.DataFrame(
        summary.p_rank, index=raters, columns=[f"share_{rank + 1}" for rank in range(len(raters))]
    )
    ranks = standings.ranks.assign(
        place=np.where(known, competition_ranks(estimate), np.nan),
        rank=low,
        rank_low=low,
        rank_high=np.where(known, 1.0 * known.sum() - better.sum(axis=1), np.nan),
        p_best=summary.p_best,
    )
    return Standings(ranks, shares, undefined, used, standings.studies, patients, seen)


def _no_ranks(raters: pd.Index[str]) -> pd.DataFrame:
    columns = ["place", "rank", "rank_low", "rank_high", "p_best"]
    return pd.DataFrame(np.nan, index=raters, columns=columns).rename_axis("rater")
