"""Sentences for a board of kappas alone, where every statement is over all tables that the kappas allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.published.board.findings import how_many
from mura_ensemble.published.tables.candidates import CandidateBoard

__all__ = [
    "NOT_PUBLISHED",
    "assumptions_of",
    "class_counts",
    "first_and_second",
    "impossible_entries",
    "unknown_of",
]

NOT_PUBLISHED = "Anything within study types, and how the errors of two entries overlap: not published."
"""What no board without study types and predictions can tell."""


def first_and_second(entries: pd.DataFrame, comparisons: pd.DataFrame) -> Iterable[str]:
    """Say how far the top is from the next, and how sure that is."""
    used = entries[entries["comparable"]].sort_values("kappa", ascending=False, kind="stable")
    first, second = used.iloc[0], used.iloc[1]
    head = f"The first entry ({first['model']}, kappa {first['kappa']:g}) and the second ({second['model']}, "
    gap = first["kappa"] - second["kappa"]
    tail = "" if gap else ", that is not at all"
    yield (
        f"{head}{second['kappa']:g}) differ by {gap:.3g} of kappa{tail}; the 95 % interval of the first alone runs "
        f"from {first['low']:.3f} to {first['high']:.3f} over every table that its kappa allows."
    )
    key = (used.index[1], "top")
    if key in comparisons.index:
        pair = comparisons[comparisons.index == key].iloc[0]
        yield (
            f"The probability that the first truly makes fewer wrong calls than the second is "
            f"{1 - pair['better_high']:.2f} to {1 - pair['better_low']:.2f} over all tables and all overlaps of "
            f"their errors; none gives an exact p below {pair['p_low']:.2f}."
        )


def class_counts(entries: pd.DataFrame, candidates: CandidateBoard, counts: Sequence[int]) -> Iterable[str]:
    """Say which class counts explain the board."""
    shared = candidates.positives
    explained = f"{int(candidates.possible.sum())} of {len(entries)} kappas"
    if len(counts) == 1:
        yield f"{explained} can come from {candidates.n} studies with {counts[0]} abnormal."
    elif len(shared) < len(counts):
        yield (
            f"Of the numbers of abnormal studies considered ({min(counts)} to {max(counts)} of {candidates.n}), "
            f"{len(shared)} can give {explained} at once: {_runs(shared)}."
        )


def impossible_entries(entries: pd.DataFrame) -> Iterable[str]:
    """Name every entry that these studies do not explain, with what was found."""
    lost = entries[~entries["comparable"]]
    for entry, row in zip(lost.index, lost.itertuples(), strict=True):
        yield f"{entry} ({row.model}, kappa {row.kappa:g}): {row.finding}."


def assumptions_of(candidates: CandidateBoard, counts: Sequence[int]) -> tuple[str, ...]:
    """What a board of kappas alone rests on, beside `findings.ASSUMPTIONS`."""
    considered = f"{counts[0]}" if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
    return (
        f"All entries were scored on the same {candidates.n} studies; {considered} of them abnormal were considered. "
        "Every statement is over all 2x2 tables that round to the printed kappas; ranks use the largest standard "
        "error among them.",
    )


def unknown_of(
    ranges: pd.DataFrame, candidates: CandidateBoard, counts: Sequence[int], comparisons: pd.DataFrame
) -> Iterable[str]:
    """What the kappas cannot tell."""
    used = ranges[candidates.possible]
    yield (
        f"Which table is behind a kappa: {_between(used['tables'])} fit (sensitivity, specificity and wrong calls are "
        "therefore ranges). More decimals would narrow this: at full precision kappa usually fixes the table."
    )
    if len(candidates.positives) > 1:
        yield f"How many studies are abnormal: {_runs(candidates.positives)} remain possible."
    step = counts[1] - counts[0] if len(counts) > 1 else 1
    if step > 1:
        yield f"Only one in {step} numbers of abnormal studies was looked at; give the number for an exact answer."
    if comparisons.empty:
        yield "Bounds on paired tests: too many pairs of tables; give the number of abnormal studies."
    yield NOT_PUBLISHED


def _runs(values: NDArray[np.int64]) -> str:
    """Whole numbers as runs: 81 to 96, 111 to 126."""
    step = int(np.diff(values).min()) if len(values) > 1 else 1
    runs = np.split(values, np.flatnonzero(np.diff(values) > step) + 1)
    return ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def _between(values: pd.Series) -> str:
    low, high = int(values.min()), int(values.max())
    return how_many(low, "table") if low == high else f"{low:,} to {high:,} tables"
