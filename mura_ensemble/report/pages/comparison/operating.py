"""Sensitivity and specificity of every rater: a table, and the plane with lines of equal kappa."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mura_ensemble.comparison.result import Comparison
from mura_ensemble.data.numbers import estimate, interval, percent
from mura_ensemble.data.words import name_list
from mura_ensemble.report.document.blocks import Drawing, TableBlock
from mura_ensemble.report.document.columns import Column, Row
from mura_ensemble.report.figures.plane import kappa_plane
from mura_ensemble.report.pages.comparison.leaderboard import rater_column
from mura_ensemble.report.pages.comparison.verdict import level_name

__all__ = ["operating_blocks"]


def operating_blocks(comparison: Comparison) -> Iterator[Drawing | TableBlock]:
    """What each rater gets right and wrong; ROC curves are drawn where a part of the report has some."""
    yield TableBlock(
        comparison.leaderboard,
        [
            rater_column(),
            _rate_column("Sensitivity", "sensitivity", "tp", "fn"),
            _rate_column("Specificity", "specificity", "tn", "fp"),
            Column("Missed", lambda row: f"{row['fn']:,}", help="Abnormal studies called normal (FN)."),
            Column("False alarms", lambda row: f"{row['fp']:,}", help="Normal studies called abnormal (FP)."),
            Column("Found", lambda row: f"{row['tp']:,}", help="Abnormal studies called abnormal (TP)."),
            Column("Cleared", lambda row: f"{row['tn']:,}", help="Normal studies called normal (TN)."),
        ],
        f"What each rater gets right and wrong, with {level_name(comparison.level)} intervals.",
        ("leaderboard.csv", "operating_points.tex"),
        row_style=lambda row: f"kind-{row['kind']}",
    )
    yield _plane(comparison)


def _rate_column(heading: str, name: str, right: str, wrong: str) -> Column:
    def detail(row: Row) -> str:
        if np.isnan(row[name]):
            return "no such study"
        return f"{row[right]:,} of {row[right] + row[wrong]:,}; {interval(row[f'{name}_low'], row[f'{name}_high'])}"

    return Column(
        heading,
        lambda row: estimate(row[name]),
        detail=detail,
        help=f"Share of the {'abnormal' if name == 'sensitivity' else 'normal'} studies called so, and its interval.",
    )


def _plane(comparison: Comparison) -> Drawing:
    curves = comparison.tables.get("roc_curves")
    board = comparison.leaderboard.dropna(subset=["sensitivity", "specificity"])
    points = "; ".join(
        f"{name} sensitivity {estimate(row['sensitivity'], 2)}, specificity {estimate(row['specificity'], 2)}"
        for name, row in board.iterrows()
    )
    drawn = [str(name) for name in dict.fromkeys(curves.index)] if curves is not None else []
    reading = (
        f"Raters on one dotted line have the same kappa at this prevalence ({percent(comparison.data.prevalence)}) with "
        "different mistakes: further up and right misses fewer abnormal studies and calls more normal ones abnormal."
    )
    if drawn:
        which = "curve shows" if len(drawn) == 1 else "curves show"
        reading += f" The {which} what other thresholds would do for {name_list(drawn)} (roc_curves.csv)."
    return Drawing(
        "sensitivity-specificity",
        kappa_plane(board, comparison.data.prevalence, curves=curves, simulated=comparison.simulated),
        "Sensitivity and specificity of every rater, with lines of equal kappa.",
        f"Operating points: {points}.",
        reading=reading,
        file="figures/sensitivity_specificity.svg",
    )
