"""What one study is worth, and what a test set of this size can and cannot tell apart."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mura_ensemble.published.tables.forensics import RecoveredBoard
from mura_ensemble.stats.kappa.cohen import cohen_kappa
from mura_ensemble.stats.planning.power import detectable_difference, studies_needed

__all__ = ["DISCORDANCES", "detectable_frame", "kinds_frame", "neighbours_frame", "one_study_frame"]

DISCORDANCES = (0.02, 0.05, 0.10, 0.15, 0.20)
"""Shares of studies on which exactly one of two raters is right, for which planning numbers are given."""

_REPAIRS = {"missed abnormal": (1, 0), "false alarm": (0, 1)}


def one_study_frame(recovered: RecoveredBoard) -> pd.DataFrame:
    """How much kappa a single corrected call is worth, over all comparable entries.

    Returns
    -------
    DataFrame
        Index (study_type, corrected), `corrected` being "missed abnormal" or "false alarm"; n, and the median,
        smallest and largest gain in kappa over the entries that have such an error (NaN if none has).
    """
    tables = recovered.tables[recovered.comparable]
    records = []
    for column, name in enumerate((*recovered.study_types, "overall")):
        table = tables[:, column]
        for label, (gold, call) in _REPAIRS.items():
            wrong = table[table[:, gold, call] > 0]
            mended = wrong.copy()
            mended[:, gold, call] -= 1
            mended[:, gold, gold] += 1
            gain = cohen_kappa(mended) - cohen_kappa(wrong)
            gain = gain[np.isfinite(gain)]
            spread = (np.median(gain), gain.min(), gain.max()) if len(gain) else (np.nan,) * 3
            records.append((name, label, int(table[0].sum()), *spread))
    columns = ["study_type", "corrected", "n", "median", "smallest", "largest"]
    return pd.DataFrame(records, columns=columns).set_index(["study_type", "corrected"])


def detectable_frame(n: int, prevalence: float, rivals: int) -> pd.DataFrame:
    """Smallest difference of kappa that n studies find with 80 % power at the two-sided 5 % level.

    Parameters
    ----------
    n
        Studies, called by both raters.
    prevalence
        Share of abnormal studies.
    rivals
        Comparisons among which the level is divided in the last column (Bonferroni).

    Returns
    -------
    DataFrame
        Index `discordance`: `one_comparison`, `all_rivals`; NaN where even one-sided disagreement is too little.
    """
    psi = np.asarray(DISCORDANCES)
    return pd.DataFrame(
        {
            "one_comparison": detectable_difference(n, psi, prevalence=prevalence),
            "all_rivals": detectable_difference(n, psi, prevalence=prevalence, alpha=0.05 / max(1, rivals)),
        },
        index=pd.Index(psi, name="discordance"),
    )


def neighbours_frame(kappa: pd.Series, errors: pd.Series | None, n: int, prevalence: float) -> pd.DataFrame:
    """Studies needed to tell every entry from the nearest better one (80 % power, two-sided 5 %).

    Parameters
    ----------
    kappa
        Of the entries to be looked at.
    errors
        Their wrong calls; None where unknown, and then taken from the gap of kappas.
    n
        Studies behind the numbers.
    prevalence
        Share of abnormal studies.

    Returns
    -------
    DataFrame
        Index `entry`, by falling kappa, the top left out: `above` (label), `kappa_gap`, `error_gap` (wrong calls
        more than the one above; NaN where unknown), `best_case` (studies needed if every disagreement favours the
        better one: discordance equal to the gap), `at_<percent>_percent` for every discordance, and `note`.
        Infinite where both make as many errors and only the margins differ; NaN where the gap is larger than the
        discordance or favours the lower entry; `note` says which.
    """
    order = kappa.sort_values(ascending=False, kind="stable")
    scale = 2 * prevalence * (1 - prevalence)
    names = ["best_case", *(f"at_{100 * p:.0f}_percent" for p in DISCORDANCES)]
    records = []
    for position, entry in enumerate(order.index):
        own = order.iloc[position]
        larger = order.index[:position][order.iloc[:position] > own + 1e-12]
        if len(larger) == 0:
            continue
        above = larger[-1]
        kappa_gap = float(order[above] - own)
        error_gap = np.nan if errors is None else float(errors[entry] - errors[above])
        share = kappa_gap * scale if errors is None else error_gap / n
        note = (
            "as many wrong calls: no number of studies tells them apart by these"
            if share == 0
            else "the entry above makes more wrong calls"
            if share < 0
            else "empty where the gap is larger than the discordance"
            if share > DISCORDANCES[0]
            else ""
        )
        record = {"entry": entry, "above": str(above), "kappa_gap": kappa_gap, "error_gap": error_gap}
        record["note"] = note
        if share > 0:
            # A hair more than the gap itself, which rounding could otherwise put out of reach.
            psi = np.array([share * (1 + 1e-9), *DISCORDANCES])
            needed = studies_needed(share / scale, psi, prevalence=prevalence)
        else:
            needed = np.full(len(names), np.inf if share == 0 else np.nan)
        records.append(record | dict(zip(names, needed, strict=True)))
    columns = ["entry", "above", "kappa_gap", "error_gap", *names, "note"]
    return pd.DataFrame(records, columns=columns).set_index("entry")


def kinds_frame(entries: pd.DataFrame) -> pd.DataFrame:
    """Self-labelled ensembles beside single models; described, not tested: entries of a team are not independent.

    Parameters
    ----------
    entries
        Columns `kind`, `kappa`, `rank`, `comparable`.

    Returns
    -------
    DataFrame
        Index `kind`: entries, best, median, lowest, sd, best_rank, and `beats_single`: the share of pairs
        (one entry of this kind, one single model) in which this one has the larger kappa, ties counting half.
    """
    used = entries[entries["comparable"]]
    singles = used.loc[used["kind"] == "single", "kappa"].to_numpy()
    records = []
    for kind, part in used.groupby("kind"):
        own = part["kappa"].to_numpy()[:, None]
        wins = (own > singles) + 0.5 * (own == singles)
        records.append(
            {
                "kind": kind,
                "entries": len(part),
                "best": part["kappa"].max(),
                "median": part["kappa"].median(),
                "lowest": part["kappa"].min(),
                "sd": part["kappa"].std(),
                "best_rank": int(part["rank"].min()),
                "beats_single": wins.mean() if wins.size else np.nan,
            }
        )
    return pd.DataFrame(records).set_index("kind")
