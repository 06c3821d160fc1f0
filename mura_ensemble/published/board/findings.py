"""Plain sentences from the frames of a board: every number in them is computed, none is written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mura_ensemble.published.tables.forensics import RecoveredBoard
from mura_ensemble.published.tables.scored import RowSet

__all__ = ["ASSUMPTIONS", "Finding", "about", "findings_of", "how_many", "kind_sentences", "rank_sentences"]


class Finding(NamedTuple):
    """One sentence and what it is about, in two or three words."""

    topic: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


ASSUMPTIONS = (
    "Inferred from published results; no predictions, views or labels were seen.",
    "The published kappa is plain Cohen's, pooled over all studies.",
    "Entries with the same number of rows were scored on the same studies against the same gold standard, which is "
    "taken as given: its own uncertainty (one choice of readers out of many) is in no interval. Studies are taken "
    "as independent.",
    "Intervals are 95 %: exact bootstrap (BCa) where there are enough studies, else Wald after adding one study to "
    "each cell.",
    "How the errors of two entries overlap was not published. Tests and P(better) are bounds over every overlap that "
    "the tables allow; ranks and shrinkage are given for error correlations of 0.3, 0.5 and 0.7.",
    "Standard errors behind ranks are Fleiss, Cohen & Everitt's, after adding one study to each cell where a table is "
    "thin. Shrinkage takes one standard error for all and the entries as exchangeable: a clear winner is drawn too far.",
    "P(better) is the probability of fewer wrong calls on new studies drawn alike, under a uniform prior. P-values "
    "are not corrected for the number of entries unless said so.",
)
"""What every honest board rests on."""


def findings_of(
    entries: pd.DataFrame,
    recovered: RecoveredBoard,
    comparisons: pd.DataFrame,
    winners: pd.DataFrame,
    readers: pd.DataFrame,
    one_study: pd.DataFrame,
    detectable: pd.DataFrame,
    neighbours: pd.DataFrame,
    kinds: pd.DataFrame,
    views: int | None,
) -> tuple[Finding, ...]:
    """Put the frames of an `HonestBoard` into words, the verdict first."""
    compared = int(entries["comparable"].sum())
    return (
        *about("first and second", _first_and_second(entries, comparisons)),
        *about("first place", rank_sentences(winners, compared)),
        *about("published limits", _intervals(entries)),
        *about("against the best reader", _best_reader(comparisons, readers)),
        *about("operating points", _operating_points(entries, readers)),
        *about("one study", _resolution(one_study, detectable, neighbours, recovered.row_sets[0])),
        *about("studies", _recovery(recovered)),
        *about("other studies", _other_rows(entries["model"].to_dict(), recovered.row_sets[1:], views)),
        *about("same tables", _twins(entries)),
        *about("ensembles", kind_sentences(kinds)),
    )


def about(topic: str, sentences: Iterable[str]) -> Iterable[Finding]:
    """Mark sentences with their topic, so that a page can put them where they belong."""
    return (Finding(topic, sentence) for sentence in sentences)


def how_many(count: int, one: str, several: str | None = None) -> str:
    """Count with its noun: "1 entry", "no entries", "1,199 studies"."""
    noun = one if count == 1 else several or f"{one}s"
    return f"{count:,} {noun}" if count else f"no {noun}"


def rank_sentences(winners: pd.DataFrame, compared: int) -> Iterable[str]:
    """Say who may be best and what the top entry's kappa is worth after selection."""
    correlations = _listed([f"{rho:.1f}" for rho in winners.index], "or")
    counts = [str(count) for count in winners["may_be_best"]]
    may_be = counts[0] if len(set(counts)) == 1 else _listed(counts, "or")
    best = winners.iloc[0]
    yield (
        f"With errors correlated {correlations}, {may_be} of the {compared} comparable entries cannot be excluded "
        f"from first place (95 %, all entries at once); the probability that the first is truly the best is "
        f"{_range(winners['p_best'], 2)}."
    )
    yield (
        f"Being first of {compared} flatters: the {best['kappa']:.3f} of the first entry shrinks to "
        f"{_range(winners['shrunk'], 3)} (empirical Bayes); 95 % limits that allow for its having been selected run "
        f"from {winners['low'].min():.3f} to {winners['high'].max():.3f}."
    )


def _first_and_second(entries: pd.DataFrame, comparisons: pd.DataFrame) -> Iterable[str]:
    used = entries[entries["comparable"]].sort_values("kappa", ascending=False, kind="stable")
    first, second = used.iloc[0], used.iloc[1]
    pair = comparisons.loc[(used.index[1], "top")]
    head = (
        f"The first entry ({first['model']}, kappa {first['kappa']:.3f}) and the second ({second['model']}, "
        f"{second['kappa']:.3f})"
    )
    if pair["error_gap"] == 0:
        yield f"{head} make the same number of wrong calls, {first['errors']} of {first['n']} studies."
        return
    more = "fewer" if pair["error_gap"] < 0 else "more"
    yield (
        f"{head} differ by {how_many(abs(int(pair['error_gap'])), 'study', 'studies')} of {first['n']}: the first "
        f"makes {more} wrong calls, {first['errors']} against {second['errors']}. The probability that it truly "
        f"makes fewer is {1 - pair['better_high']:.2f} to {1 - pair['better_low']:.2f}, depending on the unseen "
        f"overlap of their errors, and no overlap gives an exact p below {pair['p_low']:.2f}."
    )


def _intervals(entries: pd.DataFrame) -> Iterable[str]:
    used = entries[entries["comparable"]]
    published = used["published_high"] - used["published_low"]
    ratio = ((used["high"] - used["low"]) / published)[published > 0].median()
    top = used.sort_values("kappa", ascending=False, kind="stable").iloc[0]
    if np.isfinite(ratio):
        yield (
            f"The published limits are too narrow by a factor of about {ratio:.0f}, for they use the variance in "
            f"the place of the standard error: the first entry's {top['kappa']:.3f} was published with "
            f"{top['published_low']:.3f} to {top['published_high']:.3f}; its 95 % interval is {top['low']:.3f} to "
            f"{top['high']:.3f}."
        )


def _best_reader(comparisons: pd.DataFrame, readers: pd.DataFrame) -> Iterable[str]:
    if readers.empty:
        return
    kappas = readers["kappa"].groupby(level="reader", sort=False).max()
    best = str(kappas.idxmax())
    against = comparisons.xs(best, level="against")
    ahead = against[against["difference"] > 0]
    head = (
        f"{how_many(len(ahead), 'entry', 'entries').capitalize()} of {len(against)} have a larger kappa than the "
        f"best reader ({best}, {kappas.max():.3f})"
    )
    if ahead.empty:
        yield f"{head}."
    elif (ahead["p_low"] >= 0.05).all():
        yield (
            f"{head}; none is shown to be better, whatever the overlap of errors: the smallest exact McNemar p that "
            f"any overlap allows is {ahead['p_low'].min():.3f}, before any correction for {len(against)} entries."
        )
    else:
        shown, perhaps = (ahead["p_high"] < 0.05).sum(), (ahead["p_low"] < 0.05).sum()
        yield (
            f"{head}; {how_many(shown, 'is', 'are')} better at p < 0.05 whatever the overlap of errors, "
            f"{perhaps} at some overlap, before any correction for {len(against)} entries."
        )
    behind = int((against.loc[against["difference"] < 0, "p_high"] < 0.05).sum())
    yield (
        f"{how_many(behind, 'entry', 'entries').capitalize()} of {len(against)} make more wrong calls than {best} at "
        f"p < 0.05 whatever the overlap. The best of {len(kappas)} readers is itself a maximum, and one fixed panel "
        "of readers made the gold standard."
    )


def _operating_points(entries: pd.DataFrame, readers: pd.DataFrame) -> Iterable[str]:
    if readers.empty:
        return
    single = readers[readers["solutions"] == 1]
    peers = single[single["same_errors"] > 0].sort_values("kappa", ascending=False)
    if len(peers):
        own, name = peers.iloc[0], peers.index[0][0]
        normals = int(own["n"] - own["positives"])
        yield (
            f"Same kappa, other mistakes: {name} misses {own['fn']} of {own['positives']} abnormal studies and calls "
            f"{own['fp']} of {normals} normal ones abnormal, while the "
            f"{how_many(int(own['same_errors']), 'entry', 'entries')} with as many wrong calls ({own['errors']}) "
            f"{'misses' if own['same_errors'] == 1 else 'miss'} {own['fn_of_those_low']} to {own['fn_of_those_high']}."
        )
    unmatched = [str(name) for name, _ in readers.index[readers["best_specificity"].isna()]]
    if unmatched:
        most = entries.loc[entries["comparable"], "sensitivity"].max()
        rates = readers.loc[readers["best_specificity"].isna(), "sensitivity"]
        yield (
            f"No entry is as sensitive as {_listed(unmatched, 'or')} ({_range(rates, 3)}); the most sensitive reaches "
            f"{most:.3f}. Kappa does not show this."
        )
    for name, count in readers["solutions"].groupby(level="reader", sort=False).first().items():
        if count > 1:
            rows = readers[readers.index.get_level_values("reader") == name]
            tables = [f"{row.tp}/{row.fn}/{row.fp}/{row.tn}" for row in rows.itertuples()]
            yield (
                f"{name!s}'s table is not unique: TP/FN/FP/TN {_listed(tables, 'or')} print the same numbers, so no "
                "statement about that reader uses one alone."
            )


def _resolution(
    one_study: pd.DataFrame, detectable: pd.DataFrame, neighbours: pd.DataFrame, shared: RowSet
) -> Iterable[str]:
    is_overall = one_study.index.get_level_values("study_type") == "overall"
    overall, within = one_study.loc[is_overall, "median"], one_study.loc[~is_overall, "median"]
    by_type = f" and {_range(within, 3)} within a study type" if len(within) else ""
    yield (
        f"One corrected call is worth {_range(overall, 3)} of kappa overall"
        f"{by_type}; the whole board is a ladder of single studies."
    )
    smallest = detectable["one_comparison"][0.10]
    yield (
        f"With {shared.n} studies two raters must differ by {smallest:.3f} in kappa to be told apart with 80 % power "
        "when exactly one of them is right on 10 % of the studies."
    )
    if len(neighbours):
        step = neighbours.iloc[0]
        if np.isfinite(step["best_case"]):
            yield (
                f"Telling the second from the first would take {step['best_case']:,.0f} studies in the most "
                f"favourable case and {step['at_5_percent']:,.0f} if exactly one of them is right on 5 %."
            )


def _recovery(recovered: RecoveredBoard) -> Iterable[str]:
    shared, size = recovered.row_sets[0], len(recovered.entries)
    known = "" if recovered.classes_known else " (the rarer class taken as abnormal)"
    source = "kappa and the published limits" if recovered.from_limits else "kappa alone, for its many digits"
    yield (
        f"{len(shared.entries)} of {size} entries were scored on the same {shared.n} studies, "
        f"{shared.n_positive} abnormal and {shared.n - shared.n_positive} normal{known}; the 2x2 tables of "
        f"{int(recovered.recovered.sum())} of {size} entries follow from {source}."
    )
    lost = [
        f"{entry} ({reason})"
        for entry, reason in zip(recovered.entries, recovered.reasons, strict=True)
        if reason
    ]
    if lost:
        yield f"Not recovered: {'; '.join(lost)}."


def _other_rows(models: dict[Any, Any], row_sets: Sequence[RowSet], views: int | None) -> Iterable[str]:
    for rows in row_sets:
        named = "; ".join(f"{entry} {models[entry]}" for entry in rows.entries)
        note = ""
        if rows.kind == "views" and rows.n == views:
            note = f". {views} is the number of views in this test set"
        elif rows.kind == "altered":
            note = (
                ". The evaluator joins calls to the gold standard by the study's path, so a path that is missing drops "
                "a study and a repeated one counts it again; a gold standard read differently would look alike"
            )
        yield (
            f"{how_many(len(rows.entries), 'entry', 'entries').capitalize()} {rows.finding}{note}. "
            f"Ranked by the page beside the others, not compared here: {named}."
        )


def _twins(entries: pd.DataFrame) -> Iterable[str]:
    twins = entries[entries["same_tables_as"] != ""]
    if len(twins):
        groups = sorted(
            {
                tuple(sorted([entry, *same.split(", ")], key=lambda name: (len(name), name)))
                for entry, same in zip(twins.index.astype(str), twins["same_tables_as"], strict=True)
            },
            key=lambda group: (len(group[0]), group[0]),
        )
        yield (
            f"{len(twins)} entries have the same tables as another in every study type, as one set of predictions "
            f"handed in again would: {'; '.join(' = '.join(group) for group in groups)}."
        )


def kind_sentences(kinds: pd.DataFrame) -> Iterable[str]:
    """Say how entries that call themselves ensembles fare beside single models."""
    if {"ensemble", "single"} <= set(kinds.index):
        ours, theirs = kinds.loc["ensemble"], kinds.loc["single"]
        sizes = kinds["entries"].to_dict()
        yield (
            f"By their names, {how_many(sizes['ensemble'], 'ensemble')} have a median kappa of {ours['median']:.3f} "
            f"(best {ours['best']:.3f}) and {how_many(sizes['single'], 'single model')} {theirs['median']:.3f} (best "
            f"{theirs['best']:.3f}); an ensemble drawn at random is ahead of a single model in "
            f"{100 * ours['beats_single']:.0f} % of pairs. Described, not tested: entries of one team are not independent."
        )


def _range(values: pd.Series, decimals: int) -> str:
    low, high = f"{values.min():.{decimals}f}", f"{values.max():.{decimals}f}"
    return low if low == high else f"{low} to {high}"


def _listed(texts: Sequence[str], last: str) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} {last} {texts[-1]}"
