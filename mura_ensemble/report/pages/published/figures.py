"""Drawings of an honest board: all intervals, operating points, rank sets, study types."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.data.numbers import estimate, interval
from mura_ensemble.published.board.honest import HonestBoard
from mura_ensemble.report.figures.svg import Scale, Svg, kind_colour

__all__ = ["board_forest", "operating_plane", "rank_sets", "study_type_strips"]

_Row = Mapping[Hashable, Any]
_WIDTH = 1000.0
_LONGEST_NAME = 44
_MOST_AIRY = 60


def board_forest(rows: pd.DataFrame) -> str:
    """One line per entry and reader: the interval, and below it the published limits where there are any.

    Parameters
    ----------
    rows : DataFrame
        As `board_rows`.
    """
    used, lost = rows[rows["comparable"]], rows[~rows["comparable"]]
    # 87 rows and their caption fit a printed page; fewer need not be so dense.
    step, top = (13.6 if len(rows) > _MOST_AIRY else 18.0), 52.0
    bottom = top + step * (len(used) + (len(lost) + 1.5 if len(lost) else 0))
    svg = Svg(_WIDTH, bottom + 46)
    low = float(np.floor(10 * np.nanmin(rows[["low", "kappa"]].to_numpy(dtype=np.float64))) / 10)
    scale = Scale(low, 1.0, 345, 815)
    readers = used.loc[used["kind"] == "reader", "kappa"]
    if len(readers) > 1:
        left, right = scale(readers.min()), scale(readers.max())
        svg.box(left, top - step / 2, right - left, step * len(used), "band")
    svg.ticks(scale, _tenths(low), top - step / 2, bottom - step / 2)
    svg.text((scale.start + scale.end) / 2, bottom + 26, "Cohen's kappa", anchor="middle")
    _forest_legend(svg, rows, len(readers) > 1)
    y = top
    for row in used.reset_index().to_dict("records"):
        _forest_row(svg, scale, row, y)
        y += step
    if len(lost):
        y += step / 2
        svg.text(335, y, "not compared:", anchor="end", colour="quiet", size=10.5, bold=True)
        for row in lost.reset_index().to_dict("records"):
            y += step
            _forest_row(svg, scale, row, y)
    return svg.done()


def _forest_row(svg: Svg, scale: Scale, row: _Row, y: float) -> None:
    colour = kind_colour(row["kind"])
    if not np.isnan(row["low"]):
        svg.line(scale(row["low"]), y - 1.5, scale(row["high"]), y - 1.5, colour, 1.8)
    if not np.isnan(row["published_low"]):
        svg.line(scale(row["published_low"]), y + 4, scale(row["published_high"]), y + 4, "ink", 2.6)
    svg.mark(scale(row["kappa"]), y - 1.5, row["kind"], 3)
    muted = "ink" if row["comparable"] else "quiet"
    name = row["kind"] == "reader"
    svg.text(
        335,
        y,
        _shortened(row["name"]),
        anchor="end",
        colour="reader" if name else muted,
        size=10.5,
        bold=name,
    )
    limits = "no interval" if np.isnan(row["low"]) else interval(row["low"], row["high"])
    svg.text(828, y, f"{estimate(row['kappa'])}  ({limits})", size=10.5, colour=muted)


def _forest_legend(svg: Svg, rows: pd.DataFrame, band: bool) -> None:
    end = svg.legend(14, 16, _kinds(rows))
    if rows["published_low"].notna().any():
        svg.line(end, 16, end + 6, 16, "ink", 3)
        svg.text(end + 14, 16, "limits as published, to scale")
        end += 206
    if band:
        svg.box(end, 9, 22, 14, "band")
        svg.text(end + 30, 16, "lowest to highest reader")


def operating_plane(rows: pd.DataFrame, board: HonestBoard) -> str:
    """Sensitivity against 1 - specificity with lines of equal kappa; readers and the first entry are named.

    An entry with several tables is a line from its most sensitive to its most specific one.
    """
    used = rows[rows["comparable"]]
    svg = Svg(_WIDTH, 640)
    top, bottom, left, right = 44.0, 580.0, 66.0, 960.0
    wide = min(1.0, float(1 - used["specificity_low"].min()) + 0.03)
    least = max(0.0, float(used["sensitivity_low"].min()) - 0.03)
    across, up = Scale(0, wide, left, right), Scale(least, 1, bottom, top)
    svg.ticks(across, _tenths(0.0, wide), top, bottom)
    for value in _tenths(least):
        svg.line(left, up(value), right, up(value), "line", 0.8)
        svg.text(left - 8, up(value), f"{value:.1f}", anchor="end", colour="quiet", size=11)
    for kappa, line in board.iso_kappa.groupby("kappa"):
        inside = line[(1 - line["specificity"] <= wide) & (line["sensitivity"] >= least)]
        if len(inside) > 1:
            points = [
                (across(1 - c), up(s))
                for s, c in zip(inside["sensitivity"], inside["specificity"], strict=True)
            ]
            svg.curve(points, "quiet", 0.9)
            x, y = max(points)
            svg.text(x + 4 if x < right - 40 else x - 2, y - 9, f"κ {kappa:.1f}", colour="quiet", size=11,
                     anchor="start" if x < right - 40 else "end")  # fmt: skip
    for row in used[used["kind"] != "reader"].iloc[::-1].to_dict("records"):
        _operating_point(svg, across, up, row, 4.0, 0.75)
    for row in used[used["kind"] == "reader"].to_dict("records"):
        (x, y), (other, _) = _operating_point(svg, across, up, row, 6.0, 1.0)
        place = (x + 12, y, "start") if x == other else (other - 12, y, "end")
        svg.text(*place[:2], row["name"], anchor=place[2], colour="reader", bold=True, halo=True)
    first = used[used["kind"] != "reader"].iloc[0]
    x, y = across(1 - first["specificity_high"]), up(first["sensitivity_low"])
    svg.text(x - 12, y - 10, "first", anchor="end", colour=kind_colour(first["kind"]), bold=True, halo=True)
    svg.text(
        (left + right) / 2,
        bottom + 32,
        "1 − specificity: share of normal studies called abnormal",
        anchor="middle",
    )
    svg.vertical_text(20, (top + bottom) / 2, "sensitivity: share of abnormal studies called abnormal")
    svg.legend(14, 16, _kinds(used))
    return svg.done()


def _operating_point(
    svg: Svg, across: Scale, up: Scale, row: _Row, size: float, opacity: float
) -> list[tuple[float, float]]:
    """Draw one entry; its most sensitive and its most specific place, equal where its table is known."""
    ends = [
        (across(1 - row["specificity_low"]), up(row["sensitivity_high"])),
        (across(1 - row["specificity_high"]), up(row["sensitivity_low"])),
    ]
    if ends[0] != ends[1]:
        svg.line(*ends[0], *ends[1], kind_colour(row["kind"]), 2.2, opacity=opacity)
    for x, y in ends if ends[0] != ends[1] else ends[:1]:
        svg.mark(x, y, row["kind"], size, opacity=opacity)
    return ends


def rank_sets(rows: pd.DataFrame, ranks: pd.DataFrame) -> str:
    """Where the true rank of every entry may lie, one bar per error correlation.

    Parameters
    ----------
    rows : DataFrame
        As `board_rows`.
    ranks : DataFrame
        As `HonestBoard.ranks`.
    """
    used = rows[rows["comparable"] & (rows["kind"] != "reader")]
    correlations = list(dict.fromkeys(ranks.index.get_level_values("correlation")))
    step, top = (12.4 if len(used) > _MOST_AIRY else 16.0), 52.0
    bottom = top + step * len(used)
    svg = Svg(_WIDTH, bottom + 46)
    scale = Scale(1, max(2, len(used)), 345, 970)
    svg.ticks(scale, _rank_ticks(len(used)), top - step / 2, bottom - step / 2, ".0f")
    opacities = np.linspace(0.4, 1.0, len(correlations))
    x = 14.0
    for correlation, opacity in zip(correlations, opacities, strict=True):
        svg.line(x, 16, x + 26, 16, "ink", 3, opacity=opacity)
        svg.text(x + 34, 16, f"error correlation {correlation:g}")
        x += 186
    by_correlation = [ranks.xs(value, level="correlation") for value in correlations]
    places = {str(entry): position for position, entry in enumerate(by_correlation[0].index)}
    for line, (entry, kind, name) in enumerate(zip(used.index, used["kind"], used["name"], strict=True)):
        y = top + step * line
        svg.text(335, y, _shortened(name), anchor="end", size=10.5)
        for number, (found, opacity) in enumerate(zip(by_correlation, opacities, strict=True)):
            own = found.iloc[places[str(entry)]]
            at = y + 3.2 * (number - (len(correlations) - 1) / 2)
            svg.line(
                scale(own["low"]) - 1.5,
                at,
                scale(own["high"]) + 1.5,
                at,
                kind_colour(kind),
                2.4,
                opacity=opacity,
            )
    svg.text((scale.start + scale.end) / 2, bottom + 26, "rank among the entries compared", anchor="middle")
    return svg.done()


def study_type_strips(board: HonestBoard) -> str:
    """All entries within every study type, and with their intervals the first entry and the readers."""
    types = board.study_types.reset_index()
    types = types[types["entry"].isin(board.entries.index[board.entries["comparable"]])]
    readers = board.readers_by_type.reset_index() if len(board.readers_by_type) else pd.DataFrame()
    first = (
        board.entries[board.entries["comparable"]]
        .sort_values("kappa", ascending=False, kind="stable")
        .index[0]
    )
    names = list(dict.fromkeys(types["study_type"]))
    shown = list(dict.fromkeys(readers["reader"])) if len(readers) else []
    lane, gap, top = 15.0, 16.0, 40.0
    block = lane * (2 + len(shown)) + gap
    svg = Svg(_WIDTH, top + block * len(names) + 34)
    low = float(np.floor(10 * np.nanmin(types[["kappa"]].to_numpy())) / 10)
    scale = Scale(max(-0.2, low), 1.0, 345, 815)
    svg.ticks(scale, _tenths(scale.low), top - 8, top + block * len(names) - gap)
    for number, name in enumerate(names):
        y = top + block * number
        own = types[types["study_type"] == name]
        svg.text(14, y, f"{name}", bold=True)
        svg.text(
            14,
            y + 15,
            f"{own['n'].iloc[0]} studies, {own['positives'].iloc[0]} abnormal",
            colour="quiet",
            size=11,
        )
        svg.text(335, y, f"all {len(own)} entries compared", anchor="end", size=11.5)
        for kappa, entry in zip(own["kappa"], own["entry"], strict=True):
            svg.mark(scale(kappa), y, board.entries.loc[entry, "kind"], 3, opacity=0.35)
        svg.text(828, y, f"median {estimate(own['kappa'].median())}", size=11.5, colour="quiet")
        best = own[own["entry"] == first].iloc[0]
        _strip(svg, scale, y + lane, "the first entry", board.entries.loc[first, "kind"], best, best)
        for place, reader in enumerate(shown, start=2):
            rows = readers[(readers["reader"] == reader) & (readers["study_type"] == name)].sort_values(
                "kappa"
            )
            _strip(svg, scale, y + lane * place, reader, "reader", rows.iloc[0], rows.iloc[-1])
    svg.text(
        (scale.start + scale.end) / 2, svg.height - 10, "Cohen's kappa within the study type", anchor="middle"
    )
    svg.legend(14, 14, {"ensemble": "ensemble", "single": "single model, or not said", "reader": "reader"})
    return svg.done()


def _strip(
    svg: Svg, scale: Scale, y: float, name: str, kind: str, lowest: pd.Series, highest: pd.Series
) -> None:
    svg.text(335, y, name, anchor="end", size=11.5, colour=kind_colour(kind))
    svg.line(scale(lowest["low"]), y, scale(highest["high"]), y, kind_colour(kind), 1.8)
    svg.mark(scale(lowest["kappa"]), y, kind, 3.6)
    if highest["kappa"] > lowest["kappa"]:
        svg.mark(scale(highest["kappa"]), y, kind, 3.6)
    svg.text(828, y, f"{estimate(lowest['kappa'])}  ({interval(lowest['low'], highest['high'])})", size=11.5)


def _kinds(rows: pd.DataFrame) -> dict[str, str]:
    present = set(rows["kind"])
    names = {"ensemble": "ensemble", "single": "single model", "not said": "single model", "reader": "reader"}
    if "not said" in present:
        names["single"] = names["not said"] = (
            "single model, or not said" if present & {"single", "ensemble"} else "entry"
        )
    # One mark for both kinds that are no ensembles.
    return {
        kind: name
        for kind, name in names.items()
        if kind in present and not (kind == "not said" and "single" in present)
    }


def _tenths(low: float, high: float = 1.0) -> list[float]:
    return [round(value / 10, 1) for value in range(int(np.ceil(10 * low - 1e-9)), int(10 * high + 1e-9) + 1)]


def _rank_ticks(most: int) -> list[float]:
    step = 1 if most <= 15 else 5 if most <= 40 else 10
    return sorted({1.0, *(float(rank) for rank in range(step, most + 1, step))})


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
