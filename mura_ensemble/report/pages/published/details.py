"""The later sections of an honest board: study types, comparisons, planning, and what stands apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.data.numbers import estimate, interval, percent
from mura_ensemble.published.board.honest import HonestBoard
from mura_ensemble.report.document.blocks import Block, Drawing, Paragraph, TableBlock
from mura_ensemble.report.document.columns import Column
from mura_ensemble.report.pages.published import figures
from mura_ensemble.report.pages.published.tables import (
    PERCENT,
    comparison_columns,
    names_by_label,
    neighbour_columns,
    plain_columns,
)
from mura_ensemble.report.pages.published.verdict import said_of

__all__ = [
    "compared",
    "comparisons_blocks",
    "kinds_blocks",
    "or_none",
    "other_studies_blocks",
    "planning_blocks",
    "said_about",
    "study_types_blocks",
]

_MOST_PAIRS = 15


def said_about(board: HonestBoard, topic: str) -> Iterator[Block]:
    """Everything that was found about one topic, if anything was."""
    text = said_of(board, topic)
    if text:
        yield Paragraph(text)


def compared(rows: pd.DataFrame) -> int:
    """Number of entries that are compared with each other."""
    return int((rows["comparable"] & (rows["kind"] != "reader")).sum())


def study_types_blocks(board: HonestBoard) -> Iterator[Block]:
    """Kappas within study types and what one study is worth there."""
    if board.study_types.empty:
        return
    worth = board.one_study.reset_index()
    yield Drawing(
        "study-types",
        figures.study_type_strips(board),
        "Kappa within every study type.",
        "One strip per study type: all entries, then the first entry and the readers with intervals; the numbers stand in "
        "study_types.csv and readers_by_type.csv.",
        reading="Wide intervals are the message: with so few studies, differences within one study type are mostly "
        "chance. Every entry's table within every study type is in study_types.csv.",
        file="figures/study_types.svg",
    )
    yield TableBlock(
        worth,
        plain_columns(
            worth,
            {
                "study_type": ("Study type", str),
                "corrected": ("One corrected call", str),
                "n": ("Studies", lambda value: f"{value}"),
                "median": ("Gain of kappa, median", estimate),
                "smallest": ("Smallest", estimate),
                "largest": ("Largest", estimate),
            },
        ),
        "What one study is worth: the gain of kappa if one wrong call were right, over the entries that made it.",
        ("one_study.csv", "one_study.tex", "study_types.csv", "composition.csv"),
    )


def comparisons_blocks(board: HonestBoard, rows: pd.DataFrame) -> Iterator[Block]:
    """Which pairs can be told apart: a tally, then against the best reader and the first entry."""
    if board.comparisons.empty:
        return
    frame, names = board.comparisons.reset_index(), names_by_label(rows)
    yield Paragraph(
        "Which studies two entries got wrong together was not published. Each line therefore gives the smallest and "
        "the largest result over every overlap of their errors that is possible."
    )
    said = {"top": "the first entry", "above": "the entry above", "next": "the entry below"}
    order = [*said, *(name for name in frame["against"].unique() if name not in said)]
    tally = pd.crosstab(frame["against"], frame["verdict"]).reindex(order)
    tally.index = pd.Index([said.get(str(name), str(name)) for name in tally.index], name="against")
    shown: dict[str, tuple[str, Callable[[Any], str]]] = {"against": ("Entries against", str)}
    shown |= {
        str(verdict): (str(verdict).capitalize(), lambda value: f"{value:,}")
        for verdict in sorted(tally.columns)
    }
    yield TableBlock(
        tally,
        plain_columns(tally, shown),
        f"How many entries can be told apart (exact McNemar test, 5{PERCENT}).",
        ("comparisons.csv",),
    )
    if len(board.readers):
        best = str(board.readers["kappa"].groupby(level="reader").max().idxmax())
        ahead = frame[(frame["against"] == best) & (frame["difference"] > 0)].sort_values(
            "difference", ascending=False
        )
        yield from _pairs(
            ahead,
            names,
            f"Every entry of larger kappa than the best reader, {best}, against that reader.",
            "",
        )
    top = frame[frame["against"] == "top"]
    yield from _pairs(
        top, names, f"Entries against the first entry, {names[str(top['other'].iloc[0])]}.", "comparisons.tex"
    )


def _pairs(frame: pd.DataFrame, names: Mapping[str, str], caption: str, latex: str) -> Iterator[Block]:
    if frame.empty:
        return
    some = f" The first {_MOST_PAIRS} of {len(frame)} are shown." if len(frame) > _MOST_PAIRS else ""
    files = ("comparisons.csv", "comparisons.json", *([latex] if latex else []))
    yield TableBlock(frame.head(_MOST_PAIRS), comparison_columns(names), caption + some, files)


def planning_blocks(board: HonestBoard, rows: pd.DataFrame) -> Iterator[Block]:
    """The difference these studies can find, and the studies that neighbours would need."""
    yield from said_about(board, "one study")
    found = board.detectable
    reaching = Column(
        "Studies on which exactly one is right",
        lambda row: percent(row["discordance"], 0),
        header=True,
        align="left",
    )
    yield TableBlock(
        found,
        [
            reaching,
            Column(
                "Difference found",
                lambda row: or_none(row["one_comparison"]),
                help="One comparison, chosen beforehand.",
            ),
            Column(
                f"Among {compared(rows) - 1} rivals",
                lambda row: or_none(row["all_rivals"]),
                help="The level divided by the number of rivals.",
            ),
        ],
        f"Smallest difference of kappa that {board.n:,} studies find with 80{PERCENT} power (two-sided "
        f"5{PERCENT}).",
        ("detectable.csv", "detectable.tex"),
    )
    if len(board.neighbours):
        some = board.neighbours.head(_MOST_PAIRS)
        yield TableBlock(
            some,
            neighbour_columns(some, names_by_label(rows)),
            f"Studies needed to tell an entry from the nearest better one (80{PERCENT} power). No number: both "
            "make as many wrong calls."
            + (
                f" The first {_MOST_PAIRS} of {len(board.neighbours)}."
                if len(board.neighbours) > _MOST_PAIRS
                else ""
            ),
            ("neighbours.csv", "neighbours.tex"),
        )


def or_none(value: float, none: str = "none") -> str:
    """An estimate, or a word where there is none."""
    return none if np.isnan(value) else estimate(value)


def other_studies_blocks(board: HonestBoard) -> Iterator[Block]:
    """Entries that are not compared, with what was found."""
    lost = board.entries[~board.entries["comparable"]]
    if lost.empty:
        return
    yield from (Paragraph(sentence) for topic, sentence in board.findings if topic == "other studies")
    complete = {"low": "kappa_if_complete_low", "high": "kappa_if_complete_high"}
    columns = [
        Column("Entry", lambda row: str(row["entry"]), align="left"),
        Column("Name", lambda row: str(row["model"]), align="left", header=True, style="name"),
        Column("Kappa", lambda row: estimate(row["kappa"])),
        Column("What was found", lambda row: str(row["finding"]), align="left", style="long"),
    ]
    if complete["low"] in lost:
        columns.insert(
            3,
            Column(
                "Kappa on all studies",
                lambda row: (
                    "unknown"
                    if np.isnan(row[complete["low"]])
                    else interval(row[complete["low"]], row[complete["high"]])
                ),
                help="Lowest and highest kappa that the entry could have on the studies of the others.",
            ),
        )
    yield TableBlock(
        lost, columns, "Entries that are not compared with the others, and why.", ("entries.csv",)
    )


def kinds_blocks(board: HonestBoard) -> Iterator[Block]:
    """Ensembles beside single models."""
    yield from said_about(board, "ensembles")
    if len(board.kinds) < 2:
        return
    yield TableBlock(
        board.kinds,
        plain_columns(
            board.kinds,
            {
                "kind": ("By its name", str),
                "entries": ("Entries", str),
                "best": ("Best kappa", estimate),
                "median": ("Median", estimate),
                "lowest": ("Lowest", estimate),
                "best_rank": ("Best rank by kappa", str),
                "beats_single": ("Ahead of a single model", lambda value: percent(value, 0)),
            },
        ),
        "Entries that call themselves ensembles beside single models; described, not tested.",
        ("kinds.csv", "kinds.tex"),
    )
