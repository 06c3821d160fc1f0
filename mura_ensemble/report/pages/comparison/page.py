"""A comparison as the sections of a page, in the order in which a reader asks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.comparison.result import Comparison
from mura_ensemble.data.numbers import estimate, interval
from mura_ensemble.data.words import count
from mura_ensemble.report.document.blocks import (
    Drawing,
    Notices,
    Page,
    Paragraph,
    Quotation,
    Section,
    TableBlock,
    Verdict,
)
from mura_ensemble.report.document.columns import Column, Row
from mura_ensemble.report.figures import intervals as figures
from mura_ensemble.report.pages.comparison.data import data_blocks, of_patients
from mura_ensemble.report.pages.comparison.leaderboard import (
    DAGGER,
    SMALL,
    leaderboard_blocks,
    marked_kappa,
    rater_column,
    readers_range,
)
from mura_ensemble.report.pages.comparison.methods import methods_text
from mura_ensemble.report.pages.comparison.operating import operating_blocks
from mura_ensemble.report.pages.comparison.topics import topic_methods, topic_sections
from mura_ensemble.report.pages.comparison.verdict import headline, level_name, verdict_items

__all__ = ["ORDER", "comparison_methods", "comparison_page"]

ORDER = (
    "verdict",
    "data",
    "leaderboard",
    "forest",
    "rank-probabilities",
    "differences",
    "readers",
    "panels",
    "study-types",
    "operating-points",
    "anatomy",
    "calibration",
    "hardest",
    "power",
    "checks",
    "methods",
    "provenance",
)
"""Anchors of the sections as a reader asks, of which a report has those that its data allow."""


def comparison_page(comparison: Comparison) -> Page:
    """The whole report of a comparison."""
    sections = [
        Section("verdict", "Verdict", [Verdict(headline(comparison), verdict_items(comparison))]),
        Section("data", "Data", list(data_blocks(comparison))),
        Section("leaderboard", "Leaderboard", list(leaderboard_blocks(comparison))),
        Section("forest", "Kappa and its uncertainty", [_forest(comparison)]),
        Section("study-types", "Study types", list(_study_types(comparison))),
        Section("operating-points", "Operating points", list(operating_blocks(comparison))),
        Section("checks", "Checks", [_checks(comparison)]),
        Section("methods", "Methods", [Quotation(comparison_methods(comparison))]),
        Section("provenance", "Provenance", list(_provenance(comparison))),
        *topic_sections(comparison),
    ]
    data = comparison.data
    return Page(
        title=comparison.title,
        subtitle=f"{count(len(comparison.leaderboard), 'rater')} against one gold standard on "
        f"{count(data.studies, 'study', 'studies')}{' ' if data.patients_known else ', '}{of_patients(data)}",
        sections=sorted(sections, key=lambda section: ORDER.index(section.anchor)),
        banner="Simulated data: no radiograph, reader or patient stands behind any number."
        if comparison.simulated
        else "",
        footer=f"Seed {comparison.seed}, {comparison.resamples:,} resamples, {level_name(comparison.level)} intervals; "
        f"digest of what was compared: {comparison.provenance['compared_digest'][:16]}.",
    )


def comparison_methods(comparison: Comparison) -> tuple[str, ...]:
    """All that was done, in paragraphs ready to paste."""
    return (*methods_text(comparison), *topic_methods(comparison))


def _forest(comparison: Comparison) -> Drawing:
    board = comparison.leaderboard
    defined = board.dropna(subset=["kappa"])
    alt = "; ".join(f"{name} {estimate(row['kappa'])}" for name, row in defined.iterrows())
    return Drawing(
        "forest",
        figures.forest(board, band=readers_range(comparison), simulated=comparison.simulated),
        f"Kappa of every rater with its {level_name(comparison.level)} interval.",
        f"Forest plot of kappa with intervals, from top to bottom: {alt}. The same numbers stand in the leaderboard.",
        reading="Intervals that overlap do not mean equal, nor do intervals that part decide: the paired difference in the "
        "leaderboard does."
        + (" Shaded: from the lowest to the highest reader." if readers_range(comparison) else ""),
        file="figures/forest.svg",
    )


def _study_types(comparison: Comparison) -> Iterator[TableBlock | Paragraph | Drawing]:
    data, strata = comparison.data, comparison.by_study_type
    if len(data.by_type) < 2:
        yield Paragraph(f"All studies are of one type, {data.by_type.index[0]}; the leaderboard says it all.")
        return
    level = level_name(comparison.level)
    wide = pd.DataFrame(
        {"rater": comparison.leaderboard.index, "kind": comparison.leaderboard["kind"].to_numpy()}
    )
    cells = dict(zip(strata.index, strata.to_dict("records"), strict=True))
    yield TableBlock(
        wide.set_index("rater"),
        [
            rater_column(),
            *(_type_column(name, data.by_type.loc[name], cells) for name in data.by_type.index),
        ],
        f"Kappa in each study type with its {level} interval. {DAGGER} {SMALL}",
        ("by_study_type.csv", "by_study_type.json", "by_study_type.tex"),
        row_style=lambda row: f"kind-{row['kind']}",
    )
    if strata["kappa"].isna().any():
        yield Paragraph(
            "Undefined: the studies of that type that the rater called are all normal or all abnormal by the gold standard, "
            "so chance explains all agreement; or the rater called none of them.",
            quiet=True,
        )
    yield Drawing(
        "by-study-type",
        figures.small_forests(
            strata.reset_index(),
            [str(name) for name in comparison.leaderboard.index],
            simulated=comparison.simulated,
        ),
        f"Kappa in each study type with its {level} interval.",
        "One small forest plot per study type; the same numbers stand in the table above.",
        reading="Wide intervals are the message: differences within one study type are mostly chance.",
        file="figures/by_study_type.svg",
    )


def _type_column(study_type: str, size: pd.Series[float], cells: Mapping[Any, Mapping[Any, Any]]) -> Column:
    def cell(row: Row) -> Mapping[Any, Any]:
        return cells[row["rater"], study_type]

    def limits(row: Row) -> str:
        found = cell(row)
        called = "" if found["n"] == size["studies"] else f"; {found['n']} called"
        return "" if np.isnan(found["kappa"]) else interval(found["low"], found["high"], 2) + called

    return Column(
        study_type,
        lambda row: marked_kappa(cell(row)),
        detail=limits,
        below=f"{size['studies']:.0f} studies, {size['positives']:.0f} abnormal",
        style=lambda row: "small-stratum" if cell(row)["small"] else "",
    )


def _checks(comparison: Comparison) -> Notices | Paragraph:
    if not comparison.checks:
        return Paragraph("No check has anything to say.")
    return Notices(comparison.checks)


def _provenance(comparison: Comparison) -> Iterator[TableBlock | Paragraph]:
    rows = list(
        _flat({"seed": comparison.seed, "resamples": comparison.resamples, "level": comparison.level})
    )
    rows += _flat(comparison.provenance)
    frame = pd.DataFrame(rows, columns=["what", "value"]).set_index("what")
    yield TableBlock(
        frame,
        [
            Column("What", lambda row: row["what"], align="left", header=True),
            Column("Value", lambda row: row["value"], align="left", style="long"),
        ],
        "What the numbers were made from.",
        ("comparison.json",),
    )


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        full = f"{above}{name}"  # names are literal: what is printed is what is in comparison.json
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{full}: ")
        else:
            yield full, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
