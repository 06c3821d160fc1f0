"""Readers against models and ensembles, as a section of the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from mura_ensemble.comparison.measures.claims import error_rate
from mura_ensemble.comparison.result import Comparison
from mura_ensemble.comparison.topics.readers import HIGHER, LOWER, ReaderFrames
from mura_ensemble.data.numbers import estimate, p_value, signed, signed_interval
from mura_ensemble.data.words import count, name_list
from mura_ensemble.report.document.blocks import Block, Drawing, Paragraph, Section, TableBlock
from mura_ensemble.report.document.columns import Column, Row
from mura_ensemble.report.document.topic_columns import count_column, limits_column, name_column, text_column
from mura_ensemble.report.figures.readers import difference_grid
from mura_ensemble.report.pages.comparison.verdict import level_name

__all__ = ["readers_methods", "readers_section"]

_MOST_READERS = 8  # columns that still fit a sheet


def readers_section(comparison: Comparison, found: ReaderFrames) -> Section:
    """Everything against the readers outside the panel."""
    return Section("readers", "Readers", list(_blocks(comparison, found)))


def _blocks(comparison: Comparison, found: ReaderFrames) -> Iterator[Block]:
    level = level_name(comparison.level)
    yield Paragraph(_said(found.differences, _reference(comparison, found)))
    readers = list(dict.fromkeys(map(str, found.differences["reader"])))
    drawn = found.differences[found.differences["reader"].isin(readers[:_MOST_READERS])]
    more = (
        f" The {_MOST_READERS} best of them; the others are in reader_differences.csv."
        if len(readers) > _MOST_READERS
        else ""
    )
    if len(drawn):
        yield Drawing(
            "reader-differences",
            difference_grid(drawn, (HIGHER, LOWER), simulated=comparison.simulated),
            f"Kappa of every rater less that of every reader, with {level} intervals.{more}",
            "One column per reader, one row per rater; the same numbers stand in the table below.",
            reading="Right of the line the rater agrees better with the gold standard than the reader. Faint: not shown to "
            "differ once all comparisons are counted, even where the interval alone misses the line.",
            file="figures/reader_differences.svg",
        )
        yield _differences(drawn, level, _reference(comparison, found), more)
    if len(found.at_readers):
        yield _at_readers(found.at_readers, level)


def _reference(comparison: Comparison, found: ReaderFrames) -> str:
    """The reader against whom the leaderboard has the answer; empty if it is none of these."""
    name = comparison.reference.rater if comparison.reference is not None else ""
    return name if (found.differences["reader"] == name).any() else ""


def _said(differences: pd.DataFrame, reference: str) -> str:
    """Only what the adjusted tests and the intervals both support."""
    tests = int(differences["p"].notna().sum())
    others = int(differences.loc[differences["reader"] != reference, "p"].notna().sum())
    claims = [
        f"{name_list(list(map(str, rows.index)), most=4)} {'is' if len(rows) == 1 else 'are'} "
        f"shown to have a {verdict} than {reader}."
        for verdict in (HIGHER, LOWER)
        for reader, rows in differences[differences["verdict"] == verdict].groupby("reader", sort=False)
    ]
    counted = f"{count(others, 'other comparison' if reference else 'comparison')}, all counted (Holm)"
    if reference:
        counted = f"against {reference} as in the leaderboard" + (f"; {counted}" if others else "")
    if not tests:
        return "No rater called a study that a reader called too."
    if not claims:
        return f"No ensemble or backbone is shown to differ from any of these readers: {counted}."
    return f"{' '.join(claims)} Nobody else is shown to differ: {counted}."


def _differences(differences: pd.DataFrame, level: str, reference: str, more: str) -> TableBlock:
    """Raters as rows, readers as columns."""
    as_above = f"; against {reference} as in the leaderboard" if reference else ""
    cells: Mapping[tuple[str, str], Row] = {
        (str(name), str(row["reader"])): dict(row) for name, row in differences.iterrows()
    }
    raters = pd.DataFrame({"rater": list(dict.fromkeys(map(str, differences.index)))})
    raters["kind"] = [str(differences.loc[[name], "kind"].iloc[0]) for name in raters["rater"]]

    def column(reader: str) -> Column:
        def cell(row: Row) -> Row:
            return cells[row["rater"], reader]

        def limits(row: Row) -> str:
            own = cell(row)
            if own["difference"] != own["difference"]:
                return ""
            return (
                f"{signed_interval(own['low'], own['high'])}; p\N{NO-BREAK SPACE}{p_value(own['p_adjusted'])}"
            )

        return Column(
            reader,
            lambda row: signed(cell(row)["difference"]),
            detail=limits,
            style=lambda row: "wraps strong" if cell(row)["verdict"] in (HIGHER, LOWER) else "wraps",
        )

    return TableBlock(
        raters.set_index("rater"),
        [name_column("Rater", "rater"), *map(column, dict.fromkeys(map(str, differences["reader"])))],
        f"Kappa of the rater less kappa of the reader, on the studies both called, with {level} intervals and p adjusted "
        f"for all comparisons{as_above}. Bold: shown to differ.{more}",
        ("reader_differences.csv", "reader_differences.json", "reader_differences.tex"),
        row_style=lambda row: f"kind-{row['kind']}",
    )


def _at_readers(points: pd.DataFrame, level: str) -> TableBlock:
    def rates(row: Row) -> str:
        return f"{estimate(row['sensitivity'])} / {estimate(row['specificity'])}"

    return TableBlock(
        points,
        [
            name_column("Rater", "rater"),
            text_column("Reader", "reader"),
            count_column("Studies", "n"),
            Column("Reader", rates, below="sensitivity / specificity"),
            Column("Rater", lambda row: estimate(row["rater_sensitivity"]), below="sensitivity at his specificity"),
            limits_column("Difference of sensitivity", "difference", "low", "high", difference=True),
            Column("p, adjusted", lambda row: p_value(row["p_adjusted"])),
        ],
        f"What the drawn raters would find if their threshold were moved to a reader's specificity, with {level} "
        "intervals: read off their ROC curves on these studies, anew in every resample.",
        ("reader_points.csv", "reader_points.json"),
        row_style=lambda row: f"kind-{row['kind']}",
    )  # fmt: skip


def readers_methods(comparison: Comparison, found: ReaderFrames) -> tuple[str, ...]:
    """How it was computed, ready to paste."""
    reference = _reference(comparison, found)
    others = int(found.differences.loc[found.differences["reader"] != reference, "p"].notna().sum())
    text = (
        "Every ensemble and backbone was compared with every reader outside the panel as above"
        + (f"; with {reference} as in the leaderboard" if reference else "")
        + (
            f"; the {count(others, 'other p value' if reference else 'p value')} are one family (Holm)"
            if others
            else ""
        )
        + ". A rater "
        f"is said to differ from a reader only if the adjusted p value is below {error_rate(comparison.level):.2g} and the "
        "interval excludes zero."
    )
    if len(found.at_readers):
        text += (
            " Sensitivity at a reader's specificity is read off the ROC curve, straight between its corners, anew in every "
            "resample; p values are max-T over the readers and both directions, times the "
            "number of raters with probabilities."
        )
    return (text,)
