"""Differences to a reference that was picked as the best of several: a maximum, never a fixed opponent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mura_ensemble.comparison.gather.inputs import Reads
from mura_ensemble.stats.comparing.multiplicity import simultaneous_limits
from mura_ensemble.stats.reader_study.panel import fixed_gold

__all__ = ["against_best_of"]

_RESAMPLES = 2_000


def against_best_of(
    reads: Reads,
    differences: pd.DataFrame,
    reference: str,
    among: Sequence[str],
    *,
    level: float,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Limits and p values against the best of `among`, whoever of them that truly is.

    Parameters
    ----------
    reads : Reads
    differences : DataFrame
        Index (rater, reference), every ordered pair; columns `difference`, `low`, `high`, `p`.
    reference : str
        Who is best on these studies.
    among : sequence of str
        All that could have been picked, two or more; the reference is one of them.
    level, resamples, seed : float, int, int

    Returns
    -------
    DataFrame
        Index rater, all but the reference; columns `diff_low`, `diff_high`, `p`.

    Notes
    -----
    Limits: a rater less the best of its opponents is the smallest of the differences, so the lower limit is the smallest
    of the simultaneous (max-T) lower limits over the opponents. The upper one is that against the reference: the
    smallest true difference is not above the one to any opponent. So the limits hold for the difference to the true
    best and for that to the reference seen, and never lie inside those of the plain comparison with the reference.

    p: above the best means above all, so it is the largest p of the single tests (intersection-union test; Berger 1982
    Technometrics 24:295). Below the best means below one of them, so it is the p of the test against the reference
    times the number of opponents (Bonferroni).
    """
    raters = [str(name) for name in reads.calls.columns if name != reference]
    found = fixed_gold(
        reads.gold,
        reads.calls[list(among)].to_numpy(np.float64),
        reads.calls[raters].to_numpy(np.float64),
        patients=reads.clusters(np.full(len(reads.gold), True)),
        level=level,
        resamples=min(resamples, _RESAMPLES),
        rng=seed,
    )
    rows = {}
    for m, rater in enumerate(raters):
        opponents = [place for place, name in enumerate(among) if name != rater]
        plain = differences.loc[[(rater, among[place]) for place in opponents]].droplevel("rater")
        named = {str(name): float(value) for name, value in plain.loc[[reference]].iloc[0].items()}
        if np.isnan(named["difference"]):
            continue
        low, high = simultaneous_limits(
            found.contrast[m, opponents], found.contrast_draws[:, m, opponents], level=level
        )
        # An opponent whose difference is the same in every resample has no joint limits; its plain ones stand in.
        lows = np.where(np.isnan(low), plain["low"].to_numpy(np.float64), low)
        rows[rater] = [
            np.fmin.reduce([*lows, named["low"]]),
            np.fmax(high[plain.index.get_loc(reference)], named["high"]),
            _p(plain.dropna(subset=["difference"]), named),
        ]
    columns = ["diff_low", "diff_high", "p"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("rater").reindex(raters)


def _p(plain: pd.DataFrame, named: Mapping[str, float]) -> float:
    """Of a rater less the best of its opponents, two-sided; `named` is the comparison with the reference."""
    if named["difference"] > 0:
        return float(np.where(plain["difference"] > 0, plain["p"], 1.0).max())
    return float(min(1.0, len(plain) * named["p"]))
