"""Ranks and the winner's curse where only kappas and their standard errors are known.

How strongly two entries' estimates err together depends on the errors they share, which nobody published. All
results are therefore given for several correlations, and none of them is singled out as the truth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.stats.comparing.ranks import rank_confidence_sets_from_covariance
from mura_ensemble.stats.comparing.winner import empirical_bayes, equicorrelated_covariance, winner_interval
from mura_ensemble.stats.kappa.cohen import kappa_variance
from mura_ensemble.stats.kappa.intervals import kappa_intervals

__all__ = ["CORRELATIONS", "MIDDLE_CORRELATION", "ranking_errors", "ranks_frame", "winners_frame"]

CORRELATIONS = (0.3, 0.5, 0.7)
"""Correlations of the errors of two kappas for which every rank statement is made."""

MIDDLE_CORRELATION = 0.5
"""The one shown where there is room for one only."""

_DRAWS = 4_000  # a rank limit moves by one at most from seed to seed
_POSTERIOR_DRAWS = 20_000


def ranking_errors(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """Standard errors (...) of the kappas of tables (..., 2, 2), for ranking: never zero.

    Fleiss, Cohen & Everitt where the table is large; where it is thin (`stats.intervals.KappaIntervals.small`) or
    gives no spread, such as a perfect or a constant rater's, the same after adding one study to each cell. A perfect
    row of 40 studies is not known without error.
    """
    plain = np.asarray(kappa_variance(tables))
    thin = kappa_intervals(tables, "add_one").small | ~(plain > 0)
    return np.sqrt(np.where(thin, kappa_variance(tables + 1), plain))


def ranks_frame(
    labels: pd.Index,
    kappa: NDArray[np.float64],
    se: NDArray[np.float64],
    *,
    correlations: Sequence[float] = CORRELATIONS,
    level: float = 0.95,
    rng: int = 0,
) -> pd.DataFrame:
    """Rank sets, probability of being the best and shrunken kappa of every entry, per error correlation.

    Parameters
    ----------
    labels
        (E,) names of the entries; at least three.
    kappa, se
        (E,) estimates and standard errors.
    correlations
        Of the errors of any two estimates.
    level
        Of the rank sets, simultaneous over all entries.
    rng
        Seed.

    Returns
    -------
    DataFrame
        Index (correlation, entry): `shared_rank` (1 + entries shown to be better), `low`, `high` (simultaneous
        rank set), `low_alone`, `high_alone` (set for one entry chosen beforehand), `p_best`, `shrunk`,
        `shrunk_sd`.

    Notes
    -----
    Rank sets: Mogstad, Romano, Shaikh & Wilhelm 2024 (see `stats.ranks`). Shrinkage: empirical Bayes with one
    standard error for all (see `stats.winner.empirical_bayes`). `p_best` comes from 20,000 draws of that posterior;
    ties share.
    """
    normal = np.random.default_rng(rng).standard_normal((_POSTERIOR_DRAWS, len(kappa)))
    frames = []
    for correlation in correlations:
        covariance = equicorrelated_covariance(se, correlation)
        sets = rank_confidence_sets_from_covariance(kappa, covariance, level=level, draws=_DRAWS, rng=rng)
        shrunk = empirical_bayes(kappa, covariance)
        # Shared error moves all entries alike, so only what each entry has of its own decides who is best.
        own = np.mean(se**2) * (1 - correlation)
        own_sd = np.sqrt(shrunk.spread**2 * own / (shrunk.spread**2 + own))
        draws = shrunk.mean + own_sd * normal
        best = draws == draws.max(axis=1, keepdims=True)
        frame = pd.DataFrame(
            {
                "shared_rank": sets.shared_rank.astype(np.int64),
                "low": sets.low.astype(np.int64),
                "high": sets.high.astype(np.int64),
                "low_alone": sets.low_marginal.astype(np.int64),
                "high_alone": sets.high_marginal.astype(np.int64),
                "p_best": (best / best.sum(axis=1, keepdims=True)).mean(axis=0),
                "shrunk": shrunk.mean,
                "shrunk_sd": shrunk.sd,
            }
        )
        frame.index = pd.MultiIndex.from_product([[correlation], labels], names=["correlation", "entry"])
        frames.append(frame)
    return pd.concat(frames)


def winners_frame(
    labels: pd.Index,
    kappa: NDArray[np.float64],
    se: NDArray[np.float64],
    ranks: pd.DataFrame,
    *,
    rng: int = 0,
) -> pd.DataFrame:
    """What to believe of the top entry's kappa, given that it came first among many.

    Parameters
    ----------
    labels, kappa, se, rng
        As for `ranks_frame`.
    ranks
        Its result.

    Returns
    -------
    DataFrame
        Index `correlation`: `top` (label), `kappa`, `shrunk` (empirical Bayes), `low`, `high` (95 % limits that
        allow for its having been selected, inside [-1, 1]; see `stats.winner`), `p_best`, `may_be_best` (entries whose
        simultaneous rank set reaches 1).
    """
    records = []
    for correlation, part in ranks.groupby(level="correlation"):
        rho = float(part.index.get_level_values("correlation")[0])
        found = winner_interval(kappa, equicorrelated_covariance(se, rho), draws=_DRAWS, rng=rng)
        own = part.iloc[found.winner]
        records.append(
            {
                "correlation": correlation,
                "top": str(labels[found.winner]),
                "kappa": found.estimate,
                "shrunk": float(own["shrunk"]),
                "low": max(found.low, -1.0),
                "high": min(found.high, 1.0),
                "p_best": float(own["p_best"]),
                "may_be_best": int((part["low"] == 1).sum()),
            }
        )
    return pd.DataFrame(records).set_index("correlation")
