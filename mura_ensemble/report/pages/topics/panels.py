"""What another panel of the same readers would have said, as a section of the report."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mura_ensemble.comparison.result import Comparison
from mura_ensemble.comparison.topics.every import TooManyPanels
from mura_ensemble.comparison.topics.panels import PanelFrames
from mura_ensemble.data.numbers import estimate, interval, percent, rank_range
from mura_ensemble.data.words import count
from mura_ensemble.report.document.blocks import Block, Drawing, Paragraph, Section, TableBlock
from mura_ensemble.report.document.columns import Column, Row
from mura_ensemble.report.document.topic_columns import count_column, limits_column, name_column, value_column
from mura_ensemble.report.pages.comparison.verdict import level_name
from mura_ensemble.report.pages.readers.figures import panel_ranges

__all__ = ["panels_methods", "panels_section"]


def panels_section(comparison: Comparison, found: PanelFrames | TooManyPanels) -> Section:
    """Every panel of the same size."""
    if isinstance(found, TooManyPanels):
        beyond = Paragraph(
            "There are too many other panels of this size for one page; mura-ensemble readers scores everybody against each "
            "of them."
        )
        return Section("panels", "Panels", [beyond])
    return Section("panels", "Panels", list(_blocks(comparison, found)))


def _blocks(comparison: Comparison, found: PanelFrames) -> Iterator[Block]:
    level = level_name(comparison.level)
    yield Paragraph(
        f"The gold standard is {'the majority' if found.size > 1 else 'the calls'} of {found.size} of {found.readers} "
        f"readers. There are {found.count} such panels; each of them is another gold standard for the same "
        f"calls{_decided(found)}."
        + (
            " Raters that saw these studies are left out."
            if len(found.ranges) < len(comparison.leaderboard) + found.size
            else ""
        )
    )
    yield Drawing(
        "panels",
        panel_ranges(found.ranges, found.panels, "kappa", simulated=comparison.simulated),
        "Kappa of every rater against every panel that it does not sit in, and the ranks it takes.",
        "One row per rater: a tick for each panel, the mean, and the range of ranks; the table below has the same numbers.",
        reading="Dark: the panel of this report; \N{BULLET} sits in it. The spread is what the choice of the "
        "panel does: calls are the same in each"
        + (", studies but for those it leaves undecided." if _decided(found) else ", and so are studies."),
        file="figures/panels.svg",
    )
    yield TableBlock(
        found.ranges,
        [
            name_column("Rater", "rater"),
            Column(
                "Kappa in this report",
                lambda row: "in the panel" if row["in_panel"] else estimate(row["kappa"]),
                detail=lambda row: "" if np.isnan(row["rank"]) else f"rank {row['rank']:.0f}",
            ),
            Column(
                "Mean over panels",
                lambda row: estimate(row["mean"]),
                detail=_range,
                below="lowest to highest",
                help="Over the panels the rater does not sit in. A range, not an interval: the studies are the same.",
            ),
            count_column("Panels", "panels", remark="Panels without the rater."),
            Column(
                "Rank",
                lambda row: rank_range(row["best_rank"], row["worst_rank"]),
                detail=lambda row: "" if np.isnan(row["median_rank"]) else f"median {row['median_rank']:g}",
                below="best to worst",
                help="Among all raters outside the panel.",
            ),
            value_column("Ranked first", "first", percent, remark="Share of the panels without the rater."),
        ],
        "Every rater over the panels that it does not sit in.",
        ("panel_ranges.csv", "panel_ranges.json", "panel_ranges.tex", "panels.csv"),
        row_style=lambda row: f"kind-{row['kind']}",
    )
    yield TableBlock(
        found.seats,
        [
            name_column("Reader", "reader"),
            Column("Seat", lambda row: "in the panel" if row["in_panel"] else "outside", align="left", below="here"),
            value_column("Kappa with a seat", "own"),
            value_column("Kappa without", "outside"),
            limits_column("A seat adds", "bias", "low", "high", difference=True),
        ],
        f"What a seat in the panel is worth: mean kappa over the panels a reader sits in, less that over the others, with "
        f"{level} intervals.",
        ("panel_seats.csv", "panel_seats.json"),
        row_style=lambda row: f"kind-{row['kind']}",
    )  # fmt: skip
    yield Paragraph(
        "A reader agrees with a majority that he is part of: this is why members of the panel are left out of the "
        "leaderboard.",
        quiet=True,
    )


def _decided(found: PanelFrames) -> str:
    """How many studies a panel scores, where that is not the same for all."""
    fewest, most = int(found.panels["n"].min()), int(found.panels["n"].max())
    return "" if fewest == most else f", on the studies that it decides, {fewest:,} to {most:,} of them"


def _range(row: Row) -> str:
    return "" if np.isnan(row["mean"]) else interval(row["lowest"], row["highest"])


def panels_methods(comparison: Comparison, found: PanelFrames | TooManyPanels) -> tuple[str, ...]:  # noqa: ARG001
    """How it was computed, ready to paste."""
    if isinstance(found, TooManyPanels):
        return ()
    return (
        f"To show what the choice of the panel does, every rater was scored against each of the "
        f"{count(found.count, 'panel')} of {found.size} of the {found.readers} readers, on the studies that the panel "
        "decides; a reader only "
        "against panels without him. What a seat is worth is the mean kappa over a reader's own panels less that over the "
        "others, patients resampled and all panels recomputed each time.",
    )
