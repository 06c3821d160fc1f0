"""Coded checks of a comparison: what was found, how grave, and what to do about it; `check_codes` explains the codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from mura_ensemble.comparison.findings.caller_warnings import code_of, remedy
from mura_ensemble.comparison.findings.notice import Notice
from mura_ensemble.comparison.measures.claims import only_by_test
from mura_ensemble.comparison.measures.leaderboard import Reference
from mura_ensemble.comparison.measures.ranks import ENOUGH_PATIENTS, Standings
from mura_ensemble.data.words import count, name_list

__all__ = ["duplicate_raters", "run_checks"]

_ENOUGH_RESAMPLES = 1_000


def run_checks(
    *,
    calls: pd.DataFrame,
    leaderboard: pd.DataFrame,
    by_study_type: pd.DataFrame,
    by_type: pd.DataFrame,
    reference: Reference | None,
    in_panel: Sequence[str],
    standings: Standings,
    resamples: int,
    repeated_patients: int,
    level: float,
    simulated: bool,
    warnings: Sequence[str],
) -> tuple[Notice, ...]:
    """Every check, the warnings first, then by code.

    Parameters
    ----------
    calls : DataFrame
        Studies x raters, 0/1/NaN, those that were compared.
    leaderboard, by_study_type : DataFrame
        The finished frames.
    by_type : DataFrame
        Index study type; columns `studies`, `positives`.
    reference : Reference or None
        What the differences are taken from.
    in_panel : sequence of str
        Readers who were left out because they made the gold standard.
    standings : Standings
        What the ranks rest on.
    repeated_patients : int
        Patients with more than one study.
    warnings : sequence of str
        Said by the caller.
    """
    found = [
        *_said(warnings, simulated),
        *_raters(calls, leaderboard, in_panel, standings.studies),
        *_strata(by_study_type, by_type),
        *_within_types(leaderboard, by_type),
        *_amount(by_type),
        *_ranking(leaderboard, standings, resamples),
        *_resampling(standings.undefined, resamples, repeated_patients),
        *_reference(leaderboard, reference, level, standings.studies),
    ]
    return tuple(sorted(found, key=lambda item: (item.level != "warning", item.code)))


def duplicate_raters(calls: pd.DataFrame) -> list[tuple[str, str]]:
    """Pairs of raters with the same call, or the same gap, in every study."""
    values = calls.fillna(-1).to_numpy(dtype=np.int8)
    return [
        (str(calls.columns[i]), str(calls.columns[j]))
        for i, j in combinations(range(calls.shape[1]), 2)
        if np.array_equal(values[:, i], values[:, j])
    ]


def _said(warnings: Sequence[str], simulated: bool) -> Iterator[Notice]:
    for sentence in warnings:
        yield Notice("warning", code_of(sentence), sentence, remedy(sentence))
    if simulated:
        yield Notice(
            "warning",
            "ME011",
            "The data are simulated: no radiograph, reader or patient stands behind any number.",
            "Use them to learn the report, not to learn about radiology.",
        )


def _raters(
    calls: pd.DataFrame, leaderboard: pd.DataFrame, in_panel: Sequence[str], common: int
) -> Iterator[Notice]:
    if in_panel:
        yield Notice(
            "warning",
            "ME002",
            f"{name_list(in_panel)} sat in the panel that made the gold standard and would agree with their own votes.",
            "Left out of the comparison; typical inflation of such a kappa is 0.06 to 0.13.",
        )
    missing = leaderboard.loc[leaderboard["missing"] > 0, "missing"]
    if len(missing):
        which = name_list([f"{name} ({number})" for name, number in missing.items()])
        yield Notice(
            "warning",
            "ME004",
            f"Raters called different studies; calls are missing from {which}.",
            "Every kappa uses the studies its rater called, every difference those both called, ranks the "
            f"{count(common, 'study', 'studies')} that all ranked raters called; kappas of different studies may differ for "
            "that alone. Complete the calls or drop the studies.",
        )
    apparent = [str(name) for name in leaderboard.index[leaderboard["apparent"]]]
    if apparent:
        yield Notice(
            "warning",
            "ME015",
            f"{name_list(apparent)} {'was' if len(apparent) == 1 else 'were'} trained, fitted or tuned on studies of "
            "this comparison, or on other studies of its patients.",
            "Such a kappa is too high and no claim is made from it; score on other studies, or nested or out-of-fold.",
        )
    for one, other in duplicate_raters(calls):
        yield Notice(
            "warning",
            "ME005",
            f"{one} and {other} make the same calls.",
            "Drop one of them unless it is meant; ties and rank ranges count both.",
        )
    for name in leaderboard.index[leaderboard["kappa"].isna()]:
        yield Notice(
            "warning",
            "ME006",
            f"The kappa of {name} is undefined: {undefined_reason(leaderboard.loc[name])}.",
            "It has no rank and no difference; give it studies of both classes or leave it out.",
        )
    for name, rater in leaderboard.dropna(subset=["kappa"]).iterrows():
        if not (rater["tp"] + rater["fp"]) or not (rater["tn"] + rater["fn"]):
            call = "abnormal" if rater["tp"] + rater["fp"] else "normal"
            yield Notice(
                "warning",
                "ME007",
                f"{name} calls every study {call}, so its kappa is 0 whatever it may have seen.",
                "Check its operating point and that its probabilities were not swapped or cut off.",
            )
        if not rater["fn"] + rater["fp"]:
            yield Notice(
                "warning",
                "ME019",
                f"{name} differs from the gold standard on none of {count(rater['n'], 'study', 'studies')}.",
                "Check that its calls are not the gold standard itself and that it never saw the labels.",
            )


def undefined_reason(table: pd.Series[float]) -> str:
    """Why a 2x2 table (`tp`, `fn`, `fp`, `tn`) has no kappa."""
    total = table[["tp", "fn", "fp", "tn"]].sum()
    if not total:
        return "it called none of the studies"
    abnormal = table["tp"] + table["fn"]
    return (
        f"{_all_of(total)} it called {'is' if total == 1 else 'are'} {'abnormal' if abnormal else 'normal'} by the gold "
        "standard, and against one class chance explains all agreement"
    )


def _all_of(total: float) -> str:
    return "the only study" if total == 1 else f"all {total:,.0f} studies"


def _strata(by_study_type: pd.DataFrame, by_type: pd.DataFrame) -> Iterator[Notice]:
    if len(by_type) < 2:
        return
    small = by_study_type["small"].groupby(level="study_type", sort=False).any()
    names = [f"{name} ({by_type.loc[name, 'studies']})" for name in small.index[small]]
    if names:
        yield Notice(
            "note",
            "ME003",
            f"Study types with too few studies for a sharp interval: {name_list(names)}.",
            "Marked with a dagger; their intervals add one study to each cell, and at 95 % cover at least about 92 % in the "
            "cases enumerated exactly. Do not rank raters within them.",
        )
    one_class = by_type[(by_type["positives"] == 0) | (by_type["positives"] == by_type["studies"])]
    for name, row in one_class.iterrows():
        which = "abnormal" if row["positives"] else "normal"
        yield Notice(
            "warning",
            "ME012",
            f"The gold standard calls {_all_of(row['studies'])} of type {name} {which}.",
            "Its kappas are undefined; read sensitivity or specificity instead.",
        )


def _within_types(leaderboard: pd.DataFrame, by_type: pd.DataFrame) -> Iterator[Notice]:
    raters, types = int(leaderboard["kappa"].notna().sum()), len(by_type)
    if raters < 2 or types < 2:
        return
    yield Notice(
        "note",
        "ME027",
        f"Kappas within the {types} study types are described; no difference between raters is tested there: all pairs "
        f"would be {count(types * raters * (raters - 1) // 2, 'comparison')}.",
        "Claim a difference within a type only if the type and both raters were named beforehand.",
    )


def _amount(by_type: pd.DataFrame) -> Iterator[Notice]:
    studies, positives = int(by_type["studies"].sum()), int(by_type["positives"].sum())
    rarer = min(positives, studies - positives)
    if studies < 100 or rarer < 10:
        yield Notice(
            "warning",
            "ME014",
            f"All rests on {count(studies, 'study', 'studies')}, of which {rarer} belong to the rarer class.",
            "Only very large differences can be seen; collect more studies before you rank.",
        )


def _ranking(leaderboard: pd.DataFrame, standings: Standings, resamples: int) -> Iterator[Notice]:
    if leaderboard["kappa"].notna().sum() < 2:
        return
    if not standings.used:
        yield Notice(
            "warning",
            "ME018",
            f"There are no ranks: no resample of the {count(standings.studies, 'study', 'studies')} that all ranked raters "
            "called gives each of them a kappa.",
            "Complete the calls, leave out the rater with the fewest, or collect more studies.",
        )
        return
    if standings.patients < ENOUGH_PATIENTS:
        yield Notice(
            "note",
            "ME016",
            f"Shares of resamples rest on {count(standings.patients, 'patient')}, too few for the bootstrap to be right.",
            "Read the ranges of ranks, which rest on the permutation test of all pairs.",
        )
    if resamples < _ENOUGH_RESAMPLES:
        yield Notice(
            "warning",
            "ME017",
            f"{resamples:,} resamples are too few for ranks: their ranges change with the seed.",
            f"Use {_ENOUGH_RESAMPLES:,} or more.",
        )


def _resampling(undefined: Mapping[str, int], resamples: int, repeated_patients: int) -> Iterator[Notice]:
    lost = {name: number for name, number in undefined.items() if number}
    if lost:
        which = name_list([f"{name} ({number:,} of {resamples:,})" for name, number in lost.items()])
        yield Notice(
            "note",
            "ME008",
            f"Resamples without a kappa: {which}.",
            "They are left out of the shares of resamples; with many of them those shares mean little.",
        )
    if repeated_patients:
        yield Notice(
            "note",
            "ME010",
            f"{count(repeated_patients, 'patient has', 'patients have')} more than one study.",
            "Nothing to do: every interval and test takes patients, not studies, as independent.",
        )


def _reference(
    leaderboard: pd.DataFrame, reference: Reference | None, level: float, common: int
) -> Iterator[Notice]:
    if reference is None:
        return
    fewer = leaderboard["missing"].any() and leaderboard["place"].notna().any()
    where = f"{count(common, 'study', 'studies')} all called" if fewer else "studies that score it"
    if reference.candidates > 1:
        yield Notice(
            "note",
            "ME009",
            f"{reference.rater} was chosen as the {reference.role} of {reference.candidates} on the {where}.",
            "A maximum is optimistic, so intervals and adjusted p values against it count the choice. Name the reference "
            "beforehand where you can; then they are narrower.",
        )
    limits = leaderboard["diff_low"], leaderboard["diff_high"]
    split = leaderboard.index[only_by_test(*limits, leaderboard["p_adjusted"], level)]
    if len(split):
        yield Notice(
            "note",
            "ME013",
            f"For {name_list(list(map(str, split)))} the adjusted test finds a difference that the interval does not.",
            "No difference is claimed; more studies would settle it.",
        )
