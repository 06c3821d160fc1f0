"""Ranks and how sure they are, from one bootstrap of the patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mura_ensemble.reporting.inputs import Reads
from mura_ensemble.stats.ranks import rank_confidence_sets, rank_summary
from mura_ensemble.stats.resample import joint_bootstrap

__all__ = ["Standings", "build_standings"]


@dataclass(frozen=True)
class Standings:
    """Who stands where.

    Attributes
    ----------
    ranks : DataFrame
        Index rater; `place` (1 + raters with a higher kappa), `rank` (1 + raters shown to be better, so that raters
        not told apart share it), `rank_low`, `rank_high` (simultaneous confidence set of the true rank), `p_best`
        (share of resamples with the highest kappa, ties shared). NaN where kappa is undefined.
    undefined : dict
        Rater with a kappa to the number of resamples in which it has none.
    used : int
        Resamples in which every rater with a kappa has one.
    """

    ranks: pd.DataFrame
    undefined: dict[str, int]
    used: int


def build_standings(reads: Reads, *, level: float, resamples: int, seed: int) -> Standings:
    """Ranks of all raters over all studies, patients resampled with all their studies."""
    boot = joint_bootstrap(
        reads.gold, reads.calls.to_numpy(), clusters=reads.patients, resamples=resamples, rng=seed
    )
    estimate, draws = boot.estimate[boot.overall], boot.draws[:, boot.overall]
    raters = reads.calls.columns
    ranked = ~np.isnan(estimate)
    used = int((~np.isnan(draws[:, ranked]).any(axis=1)).sum()) if ranked.any() else 0
    ranks = pd.DataFrame(
        np.nan, index=raters, columns=["place", "rank", "rank_low", "rank_high", "p_best"]
    ).rename_axis("rater")
    if used:
        sets = rank_confidence_sets(estimate, draws, level)
        ranks = ranks.assign(
            place=sets.rank,
            rank=sets.shared_rank,
            rank_low=sets.low,
            rank_high=sets.high,
            p_best=rank_summary(boot, level=level).p_best,
        )
    lost = boot.undefined[boot.overall]
    return Standings(
        ranks=ranks,
        undefined={str(name): int(lost[i]) for i, name in enumerate(raters) if ranked[i]},
        used=used,
    )
