"""Drawings of a reader study from its finished tables: panels and ranks, differences, ROC curves with readers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.comparison.topics.calibration import corners
from mura_ensemble.data.numbers import estimate, interval, rank_range, signed, signed_interval
from mura_ensemble.report.figures.axes import WIDTH, heading, round_span, shortened, ticks_of
from mura_ensemble.report.figures.svg import Scale, Svg, kind_colour

FloatArray = NDArray[np.float64]

__all__ = ["difference_forest", "panel_ranges", "roc_planes"]


def panel_ranges(ranges: pd.DataFrame, panels: pd.DataFrame, figure: str, *, simulated: bool = False) -> str:
    """One row per rater: its figure against each panel without it, and the ranks it takes.

    Parameters
    ----------
    ranges : DataFrame
        Index rater; columns `kind`, `mean`, `lowest`, `highest`, `best_rank`, `median_rank`, `worst_rank`; those with
        a true `in_panel` are marked.
    panels : DataFrame
        Columns `rater`, `inside` and `figure`; one row per panel and rater. The figure of the panel with a true `here`
        is drawn dark.
    figure : str
        Name of the figure of merit and of its column.
    simulated : bool
        Write it on the drawing.

    Returns
    -------
    str
        SVG.
    """
    rows = ranges.dropna(subset=["mean"]).sort_values("mean", ascending=False, kind="stable")
    step, top = 24.0, 74.0
    bottom = top + step * len(rows)
    svg = Svg(WIDTH, bottom + 44)
    values = Scale(*round_span(rows["lowest"], rows["highest"]), 250, 620)
    worst = max(2.0, float(rows["worst_rank"].max())) if len(rows) else 2.0
    ranks = Scale(1.0, worst, 700, 900)
    svg.ticks(values, ticks_of(values), top - step / 2, bottom - step / 2, form=".2f")
    svg.ticks(ranks, _rank_ticks(int(worst)), top - step / 2, bottom - step / 2, form=".0f")
    svg.text(
        435, bottom + 24, f"{figure.replace('_', ' ')} against each panel without the rater", anchor="middle"
    )
    svg.text(800, bottom + 24, "rank outside the panel, best to worst", anchor="middle")
    heading(svg, {str(kind): str(kind) for kind in dict.fromkeys(rows["kind"])}, simulated)
    outside = panels[~panels["inside"].astype(bool)].dropna(subset=[figure])
    seen = {str(name): part[figure].to_numpy(np.float64) for name, part in outside.groupby("rater")}
    now = _figure_here(outside, figure)
    for place, (name, row) in enumerate(rows.iterrows()):
        y, colour = top + step * place, kind_colour(row["kind"])
        seat = " \N{BULLET} panel" if row.get("in_panel", False) else ""
        svg.text(240, y, shortened(str(name), 28 - len(seat)) + seat, anchor="end", size=11.5)
        if str(name) in now:
            svg.line(values(now[str(name)]), y - 8, values(now[str(name)]), y + 8, "ink", 2)
        svg.strokes(map(values, seen[str(name)]), y - 6, y + 6, colour, 1.2, opacity=0.35)
        svg.line(values(row["lowest"]), y, values(row["highest"]), y, colour, 1.4)
        svg.mark(values(row["mean"]), y, row["kind"], 4.5)
        svg.line(ranks(row["best_rank"]), y, ranks(row["worst_rank"]), y, colour, 3, opacity=0.6)
        svg.mark(ranks(row["median_rank"]), y, row["kind"], 4.5)
        svg.text(912, y, rank_range(row["best_rank"], row["worst_rank"]), size=11)
    return svg.done()


def difference_forest(
    models: pd.DataFrame,
    contrasts: pd.DataFrame,
    figure: str,
    margin: float,
    *,
    simulated: bool = False,
) -> str:
    """Each model less each reader with intervals, below its difference to all of them; the margin is a dashed line.

    Parameters
    ----------
    models : DataFrame
        Index model; columns `difference`, `diff_low`, `diff_high`.
    contrasts : DataFrame
        Index model; columns `reader`, `difference`, `low`, `high`.
    figure : str
        Name of the figure of merit.
    margin : float
    simulated : bool
        Write it on the drawing.

    Returns
    -------
    str
        SVG.
    """
    lines: list[tuple[str, str, tuple[float, float, float], bool]] = []
    for name, row in models.dropna(subset=["difference"]).iterrows():
        lines.append(
            (str(name), "all readers, mean", (row["difference"], row["diff_low"], row["diff_high"]), True)
        )
        for _, part in contrasts.loc[contrasts.index == name].iterrows():
            lines.append(("", str(part["reader"]), (part["difference"], part["low"], part["high"]), False))
    heads = sum(bold for *_, bold in lines)
    step, top = 19.0, 66.0
    bottom = top + step * len(lines) + 8 * heads
    svg = Svg(WIDTH, bottom + 40)
    numbers = np.array([triple for _, _, triple, _ in lines], dtype=np.float64).reshape(-1, 3)
    ends = pd.Series(np.concatenate([numbers.ravel(), [-margin, margin]]))
    scale = Scale(*round_span(ends, ends), 400, 790)
    svg.ticks(scale, ticks_of(scale), top - step / 2, bottom - step / 2, form=".2f")
    svg.line(scale(0), top - step / 2, scale(0), bottom - step / 2, "ink", 1)
    svg.line(scale(-margin), top - step / 2, scale(-margin), bottom - step / 2, "warning", 1.2, dash="4 3")
    svg.text(
        scale(-margin) - 4,
        top - 18,
        f"margin \N{MINUS SIGN}{margin:g}",
        anchor="end",
        colour="warning",
        size=11,
    )
    svg.text(595, bottom + 22, f"model less reader, {figure.replace('_', ' ')}", anchor="middle")
    heading(svg, {"model": "model less all readers", "reader": "model less one reader"}, simulated)
    y = top - 8
    for name, against, (value, low, high), bold in lines:
        y += 8 if bold else 0
        kind = "model" if bold else "reader"
        svg.text(236, y, shortened(name), anchor="end", size=11.5, bold=True)
        svg.text(250, y, shortened(against, 20), size=11, colour="ink" if bold else "quiet", bold=bold)
        if not np.isnan(low):
            svg.line(scale(low), y, scale(high), y, kind_colour(kind), 2.4 if bold else 1.6)
        svg.mark(scale(value), y, kind, 5 if bold else 4)
        svg.text(800, y, f"{signed(value)}  ({signed_interval(low, high)})", size=11, bold=bold)
        y += step
    return svg.done()


def roc_planes(
    curves: pd.DataFrame,
    areas: pd.DataFrame,
    operating: pd.DataFrame,
    models: Sequence[str],
    *,
    simulated: bool = False,
) -> str:
    """ROC curve of each model with the operating points of the readers outside the panel.

    Parameters
    ----------
    curves : DataFrame
        Index model; columns `false_alarms`, `sensitivity`.
    areas : DataFrame
        Index model; columns `auroc`, `low`, `high`.
    operating : DataFrame
        Index model; columns `reader`, `sensitivity`, `specificity`, of the studies the reader read.
    models : sequence of str
        Which, from left to right and top to bottom.
    simulated : bool
        Write it on the drawing.

    Returns
    -------
    str
        SVG.
    """
    side, gap, left, head = 380.0, 110.0, 62.0, 84.0
    lines = -(-len(models) // 2)
    svg = Svg(WIDTH, head + lines * (side + gap) - gap + 50)
    heading(svg, {"model": "ROC curve of the model", "reader": "reader"}, simulated)
    for place, model in enumerate(models):
        x0, y0 = left + (place % 2) * (side + gap), head + (place // 2) * (side + gap)
        across, up = Scale(0, 1, x0, x0 + side), Scale(0, 1, y0 + side, y0)
        svg.ticks(across, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], y0, y0 + side)
        for value in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
            svg.line(x0, up(value), x0 + side, up(value), "line", 0.8)
            svg.text(x0 - 8, up(value), f"{value:.1f}", anchor="end", colour="quiet", size=11)
        area, low, high = areas.loc[[model], ["auroc", "low", "high"]].to_numpy(np.float64)[0]
        title = f"AUROC {estimate(area)} ({interval(low, high)})"
        svg.text(x0, y0 - 28, shortened(model), size=12.5, bold=True)
        svg.text(x0, y0 - 12, title, size=11, colour="quiet")
        svg.text(x0 + side / 2, y0 + side + 30, "1 \N{MINUS SIGN} specificity", anchor="middle", size=12)
        svg.vertical_text(x0 - 44, y0 + side / 2, "sensitivity")
        points = curves.loc[[model], ["false_alarms", "sensitivity"]].to_numpy(np.float64)
        svg.curve([(across(x), up(y)) for x, y in corners(points)], "backbone", 1.8)
        for _, reader in operating.loc[operating.index == model].iterrows():
            svg.mark(across(1 - reader["specificity"]), up(reader["sensitivity"]), "reader", 4.5)
            svg.text(
                across(1 - reader["specificity"]) + 8,
                up(reader["sensitivity"]) + 9,
                shortened(str(reader["reader"]), 16),
                size=10.5,
                colour="reader",
                halo=True,
            )
    return svg.done()


def _figure_here(outside: pd.DataFrame, figure: str) -> dict[str, float]:
    """Figure of every rater against the panel that is marked as the present one."""
    if "here" not in outside:
        return {}
    own = outside[outside["here"].astype(bool)]
    return {str(name): float(value) for name, value in zip(own["rater"], own[figure], strict=True)}


def _rank_ticks(worst: int) -> list[float]:
    step = max(1, -(-worst // 10))
    return [1.0, *(float(rank) for rank in range(step if step > 1 else 2, worst + 1, step))]
