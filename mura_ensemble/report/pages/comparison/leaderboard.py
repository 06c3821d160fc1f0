"""The leaderboard as it is shown: which columns, which words above them, the same in HTML, Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from mura_ensemble.comparison.measures.claims import better_than_reference
from mura_ensemble.comparison.result import Comparison
from mura_ensemble.data.numbers import (
    estimate,
    interval,
    p_value,
    percent,
    rank_range,
    signed,
    signed_interval,
)
from mura_ensemble.data.words import count
from mura_ensemble.report.document.blocks import Paragraph, TableBlock
from mura_ensemble.report.document.columns import Column, Row, interval_bar
from mura_ensemble.report.pages.comparison.verdict import level_name

__all__ = [
    "DAGGER",
    "SMALL",
    "leaderboard_blocks",
    "marked_kappa",
    "rater_column",
    "readers_range",
]

DAGGER = "\N{DAGGER}"
"""Marks an estimate that rests on too few studies for large-sample rules."""
SMALL = "Too few studies for a sharp interval."


def marked_kappa(row: Row) -> str:
    """A kappa, with a dagger where it rests on few studies."""
    small = row["small"] and not np.isnan(row["kappa"])
    return estimate(row["kappa"]) + (DAGGER if small else "")


def rater_column(detail: Callable[[Row], str] | None = None) -> Column:
    """The column that names the rows."""
    return Column("Rater", lambda row: row["rater"], align="left", detail=detail, style="name", header=True)


def leaderboard_blocks(comparison: Comparison) -> Iterator[TableBlock | Paragraph]:
    """The table of all raters and how to read it."""
    board = comparison.leaderboard
    claimed = set(better_than_reference(board, comparison.level))
    yield TableBlock(
        board,
        _leaderboard_columns(comparison, claimed),
        _leaderboard_caption(comparison),
        ("leaderboard.csv", "leaderboard.json", "leaderboard.tex", "differences.csv"),
        row_style=lambda row: f"kind-{row['kind']}",
    )
    reference = comparison.reference
    if reference is not None:
        yield Paragraph(
            f"Difference: kappa of the rater minus kappa of {reference.rater}, the {comparison.reference_role}, on the "
            f"studies both called. p is adjusted with Holm's method for {count(comparison.compared, 'comparison')}"
            + (
                f"; interval and adjusted p count that {reference.rater} was picked among {reference.candidates}. "
                if reference.candidates > 1
                else ". "
            )
            + "Ranks come from all pairs of raters at once, p from comparisons with this one reference, so a rater may "
            "differ from the reference by p and still share a rank with it"
            + (
                f", or rank above {reference.rater} and not be shown above the best of {reference.candidates}, whoever "
                "that is. "
                if reference.candidates > 1
                else ". "
            )
            + "Highest: share of resamples in which the rater has the highest kappa.",
            quiet=True,
        )


def _leaderboard_caption(comparison: Comparison) -> str:
    return (
        f"Raters by kappa, with {level_name(comparison.level)} intervals. The rank is the "
        "range in which the true rank may lie; ranges of raters that cannot be told apart overlap."
    ) + (f" {DAGGER} {SMALL}" if comparison.leaderboard["small"].any() else "")


def _leaderboard_columns(comparison: Comparison, claimed: set[str]) -> list[Column]:
    board = comparison.leaderboard
    scale = _scale(board)
    band = readers_range(comparison)
    columns = [
        Column(
            "Rank",
            lambda row: _rank(row["rank_low"], row["rank_high"]),
            help="The range of possible ranks: from 1 + the number of raters shown to have a higher kappa, to the number of "
            "raters less those shown to have a lower one.",
        ),
        rater_column(detail=_about),
        Column(
            "Kappa",
            marked_kappa,
            detail=lambda row: "" if np.isnan(row["kappa"]) else interval(row["low"], row["high"]),
            help="Agreement with the gold standard beyond chance, and its interval.",
            style="strong",
        ),
        Column(
            f"{scale[0]:.2g} to {scale[1]:.2g}".replace("-", "\N{MINUS SIGN}"),
            None,
            align="left",
            help="The interval drawn; shaded: the range of the readers." if band else "The interval drawn.",
            mark=lambda row: interval_bar(
                row["kappa"], row["low"], row["high"], scale=scale, style=f"kind-{row['kind']}", band=band
            ),
        ),
    ]
    reference = comparison.reference
    if reference is not None:
        columns += [
            Column(
                f"Difference to {comparison.reference_role}",
                lambda row: _difference(row, reference.rater),
                detail=lambda row: (
                    "" if np.isnan(row["difference"]) else signed_interval(row["diff_low"], row["diff_high"])
                ),
                help=f"Kappa minus the kappa of {reference.rater}, paired"
                + ("; the interval holds whoever is truly the best." if reference.candidates > 1 else "."),
                style=lambda row: "strong" if row["rater"] in claimed else "",
            ),
            Column(
                "p, adjusted",
                lambda row: "" if np.isnan(row["p_adjusted"]) else p_value(row["p_adjusted"]),
                detail=lambda row: "" if np.isnan(row["p"]) else f"alone {p_value(row['p'])}",
                help="Two-sided permutation test, Holm's adjustment; below it the p value of this test alone.",
            ),
            Column(
                "Highest",
                lambda row: "" if np.isnan(row["p_best"]) else percent(row["p_best"], 0),
                help="Share of resamples in which the rater has the highest kappa; not the probability of being best.",
            ),
        ]
    columns.append(
        Column(
            "Differs from gold",
            lambda row: f"{row['fn'] + row['fp']:,} of {row['n']:,}",
            detail=lambda row: (
                f"{row['fn']:,} missed, {row['fp']:,} false"
                + (f"; {row['missing']:,} not called" if row["missing"] else "")
            ),
            help="Studies called unlike the gold standard: abnormal ones missed, and normal ones falsely called abnormal.",
        )
    )
    return columns


def _about(row: Row) -> str:
    said = "apparent" in row["notes"] or not row["apparent"]
    marks = (row["kind"], "" if said else "apparent: fitted on these studies", row["notes"])
    return "; ".join(mark for mark in marks if mark)


def _rank(low: float, high: float) -> str:
    return "\N{EN DASH}" if np.isnan(low) else rank_range(low, high)


def _difference(row: Row, reference: str) -> str:
    if row["rater"] == reference:
        return "reference"
    return signed(row["difference"])


def readers_range(comparison: Comparison) -> tuple[float, float] | None:
    """From the lowest to the highest reader; None with fewer than two."""
    band = comparison.readers
    return None if band is None or band.count < 2 else (band.lowest, band.highest)


def _scale(board: pd.DataFrame) -> tuple[float, float]:
    """Ends in tenths that hold every interval."""
    if board["low"].isna().all():
        return (0.0, 1.0)
    low, high = float(board["low"].min()), float(board["high"].max())
    return (float(np.floor(low * 10) / 10), float(np.ceil(high * 10 - 1e-9) / 10))
