"""Which columns the tables of an honest board have; the same in HTML, Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.data.numbers import (
    estimate,
    interval,
    p_value,
    rank_range,
    signed,
    signed_interval,
)
from mura_ensemble.report.document.columns import Column
from mura_ensemble.report.figures.svg import kind_colour
from mura_ensemble.report.pages.published.verdict import span, span_of_probabilities, span_of_rates

__all__ = [
    "PERCENT",
    "comparison_columns",
    "leaderboard_columns",
    "names_by_label",
    "neighbour_columns",
    "plain_columns",
    "rate_columns",
    "row_style",
    "studies",
]

PERCENT = "\N{NO-BREAK SPACE}%"
"""A number and its sign stay on one line."""

_Row = Mapping[Hashable, Any]
_DASH = "\N{EN DASH}"


def names_by_label(rows: pd.DataFrame) -> Mapping[str, str]:
    """What every entry and reader is called."""
    return {str(label): str(name) for label, name in rows["name"].items()}


def row_style(row: _Row) -> str:
    """CSS class of a row by its kind; entries that are not compared are muted."""
    return f"kind-{kind_colour(row['kind'])}" if row["comparable"] else "muted"


def leaderboard_columns(rows: pd.DataFrame) -> list[Column]:
    """The whole board; columns that no row fills are left out."""
    columns = [
        Column(
            "Rank",
            lambda row: _DASH if pd.isna(row["shared_rank"]) else str(row["shared_rank"]),
            detail=lambda row: (
                "" if pd.isna(row["rank_low"]) else rank_range(row["rank_low"], row["rank_high"])
            ),
            help="1 + the entries shown to be better; below it where the true rank may lie (95 %, all entries at "
            "once, error correlation 0.5).",
        )
    ]
    if rows["published_rank"].notna().any() or rows["published_low"].notna().any():
        columns.append(
            Column(
                "Published",
                lambda row: span(row["published_rank"], row["published_rank"]),
                detail=lambda row: (
                    ""
                    if np.isnan(row["published_low"])
                    else interval(row["published_low"], row["published_high"])
                ),
                help="Rank as published; below it the limits that were published, which are no confidence limits.",
            )
        )
    columns += [
        Column("Entry", lambda row: row["name"], align="left", header=True, style="name", detail=_kind),
        Column(
            "Kappa",
            lambda row: estimate(row["kappa"]),
            detail=lambda row: "no interval" if np.isnan(row["low"]) else interval(row["low"], row["high"]),
            help="Cohen's kappa and its 95 % interval.",
            style="strong",
        ),
    ]
    columns += rate_columns()
    columns.append(
        Column(
            "Better than next",
            lambda row: span_of_probabilities(row["better_low"], row["better_high"]),
            help="Probability of truly fewer wrong calls than the next smaller kappa, over every overlap of errors.",
        )
    )
    return columns


def _kind(row: _Row) -> str:
    if row["kind"] == "reader":
        return "; ".join(filter(None, ("reader", row["notes"])))
    kind = "kind not said" if row["kind"] == "not said" else row["kind"]
    return "; ".join(filter(None, (f"no. {row['entry']}, {kind}", row["notes"])))


def rate_columns() -> list[Column]:
    """Wrong calls, sensitivity and specificity; ranges where several tables fit."""
    return [
        Column(
            "Wrong calls",
            lambda row: span(row["errors_low"], row["errors_high"]),
            detail=lambda row: (
                ""
                if pd.isna(row["fn_low"])
                else f"{span(row['fn_low'], row['fn_high'])} missed, {span(row['fp_low'], row['fp_high'])} false"
            ),
            help="Abnormal studies called normal (missed) and normal ones called abnormal (false).",
        ),
        Column("Sensitivity", lambda row: span_of_rates(row["sensitivity_low"], row["sensitivity_high"])),
        Column("Specificity", lambda row: span_of_rates(row["specificity_low"], row["specificity_high"])),
    ]


def comparison_columns(names: Mapping[str, str]) -> list[Column]:
    """Bounds of one entry against another that the caption names; `names` by label."""
    return [
        Column("Entry", lambda row: names[str(row["entry"])], align="left", header=True, style="name"),
        Column("Difference of kappa", lambda row: signed(row["difference"])),
        Column(
            "95 % interval",
            lambda row: signed_interval(row["wide_low"], row["wide_high"]),
            detail=lambda row: (
                ""
                if pd.isna(row.get("narrow_low"))
                else f"narrowest {signed_interval(row['narrow_low'], row['narrow_high'])}"
            ),
            help="At the least favourable overlap of errors; below it at the most favourable one.",
        ),
        Column(
            "Exact p",
            lambda row: _p_range(row["p_low"], row["p_high"]),
            detail=lambda row: f"mid-p {_p_range(row['mid_p_low'], row['mid_p_high'])}",
            help="McNemar's test, two-sided; smallest and largest over all overlaps; not corrected for many entries.",
        ),
        Column("P(better)", lambda row: span_of_probabilities(row["better_low"], row["better_high"]),
               help="Probability of truly fewer wrong calls."),
        Column("Finding", lambda row: row["verdict"], align="left", style="long"),
    ]  # fmt: skip


def _p_range(low: float, high: float) -> str:
    return p_value(low) if p_value(low) == p_value(high) else f"{p_value(low)} to {p_value(high)}"


def neighbour_columns(frame: pd.DataFrame, names: Mapping[str, str]) -> list[Column]:
    """Studies needed to tell neighbours apart."""
    columns = [
        Column("Entry", lambda row: names[str(row["entry"])], align="left", header=True, style="name"),
        Column("Next above", lambda row: names[str(row["above"])], align="left", style="name"),
        Column("Gap of kappa", lambda row: estimate(row["kappa_gap"])),
    ]
    if frame["error_gap"].notna().any():
        columns.append(
            Column("Gap of wrong calls", lambda row: f"{row['error_gap']:+.0f}".replace("+0", "0"))
        )
    columns.append(Column("Studies, best case", lambda row: studies(row["best_case"])))
    return columns + [
        Column(f"if {share}{PERCENT} are discordant", _needed(f"at_{share}_percent")) for share in (5, 10, 20)
    ]


def _needed(name: str) -> Callable[[_Row], str]:
    return lambda row: studies(row[name])


def studies(number: float) -> str:
    """A number of studies: `1,623`; `no number` where even infinitely many would not do; a dash where undefined."""
    return _DASH if np.isnan(number) else "no number" if np.isinf(number) else f"{number:,.0f}"


def plain_columns(frame: pd.DataFrame, shown: Mapping[str, tuple[str, Callable[[Any], str]]]) -> list[Column]:
    """Columns of a small frame: heading and text of one value, by the column's name; the first names the row."""

    def cell(name: str, form: Callable[[Any], str]) -> Callable[[_Row], str]:
        return lambda row: form(row[name])

    named = frame.reset_index()
    return [
        Column(
            heading,
            cell(name, form),
            align="right" if pd.api.types.is_numeric_dtype(named[name]) and position else "left",
            header=position == 0,
        )
        for position, (name, (heading, form)) in enumerate(shown.items())
    ]
