"""Sensitivity against false alarms: raters as points, lines of equal kappa, the range of the readers, ROC curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.comparison.topics.calibration import corners
from mura_ensemble.report.figures.axes import WIDTH, heading, shortened, ticks_of
from mura_ensemble.report.figures.geometry import iso_kappa_specificity, spread_labels
from mura_ensemble.report.figures.svg import Scale, Svg, kind_colour
from mura_ensemble.report.figures.theme import FAMILIES

__all__ = ["kappa_plane"]

FloatArray = NDArray[np.float64]

_LEFT, _RIGHT, _TOP, _BOTTOM = 72.0, 690.0, 62.0, 520.0
_KAPPAS = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def kappa_plane(
    board: pd.DataFrame,
    prevalence: float,
    *,
    curves: pd.DataFrame | None = None,
    simulated: bool = False,
) -> str:
    """Every rater as a point with its two intervals.

    Parameters
    ----------
    board : DataFrame
        Index rater; columns `kind`, `sensitivity`, `specificity`, each with `_low` and `_high`, in [0, 1].
    prevalence : float
        Share of abnormal studies in (0, 1).
    curves : DataFrame, optional
        Index rater; columns `false_alarms`, `sensitivity`: points of ROC curves.
    simulated : bool
        Write it on the drawing.

    Returns
    -------
    str
        SVG.
    """
    placed = board.dropna(subset=["sensitivity", "specificity"])
    alarms, hits = 1 - placed["specificity"], placed["sensitivity"]
    right = min(1.0, float(alarms.max()) + 0.06) if len(placed) else 0.3
    low = max(0.0, float(hits.min()) - 0.08) if len(placed) else 0.7
    across, up = Scale(-0.012 * right, right, _LEFT, _RIGHT), Scale(low, 1 + 0.012 * (1 - low), _BOTTOM, _TOP)
    svg = Svg(WIDTH, _BOTTOM + 52)
    kinds = {kind: family.one for kind, family in FAMILIES.items() if kind in set(placed["kind"])}
    end = heading(svg, kinds, simulated)
    _readers_box(svg, placed[placed["kind"] == "reader"], across, up, end)
    _axes(svg, across, up)
    _iso_lines(svg, across, up, prevalence)
    for name, part in () if curves is None else curves.groupby(level=0, sort=False):
        points = part[["false_alarms", "sensitivity"]].to_numpy(np.float64)
        _curve(svg, points, kind_colour(str(board.loc[[str(name)], "kind"].iloc[0])), across, up)
    for _, rater in placed.iterrows():
        x, y, colour = across(1 - rater["specificity"]), up(rater["sensitivity"]), kind_colour(rater["kind"])
        if not np.isnan(rater["specificity_low"]):
            ends = [across(1 - rater[f"specificity_{side}"]) for side in ("high", "low")]
            svg.line(ends[0], y, ends[1], y, colour, 0.8, opacity=0.35)
        if not np.isnan(rater["sensitivity_low"]):
            svg.line(
                x, up(rater["sensitivity_low"]), x, up(rater["sensitivity_high"]), colour, 0.8, opacity=0.35
            )
    _names(svg, placed, across, up)
    for _, rater in placed.iterrows():
        svg.mark(across(1 - rater["specificity"]), up(rater["sensitivity"]), rater["kind"], 4.6)
    return svg.done()


def _axes(svg: Svg, across: Scale, up: Scale) -> None:
    svg.line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "guide", 1)
    svg.line(_LEFT, _TOP, _LEFT, _BOTTOM, "guide", 1)
    for value in ticks_of(across):
        svg.text(across(value), _BOTTOM + 14, f"{value:.2f}", anchor="middle", colour="quiet", size=11)
    for value in ticks_of(up):
        svg.text(_LEFT - 8, up(value), f"{value:.2f}", anchor="end", colour="quiet", size=11)
    svg.text(
        (_LEFT + _RIGHT) / 2,
        _BOTTOM + 36,
        "1 \N{MINUS SIGN} specificity: share of normal studies called abnormal",
        anchor="middle",
    )
    svg.vertical_text(
        _LEFT - 54, (_TOP + _BOTTOM) / 2, "sensitivity: share of abnormal studies called abnormal"
    )


def _readers_box(svg: Svg, readers: pd.DataFrame, across: Scale, up: Scale, end: float) -> None:
    """From the least to the greatest rates of the readers."""
    if len(readers) < 2:
        return
    alarms, hits = 1 - readers["specificity"], readers["sensitivity"]
    x, y = across(float(alarms.min())), up(float(hits.max()))
    width, height = across(float(alarms.max())) - x, up(float(hits.min())) - y
    svg.box(x, y, max(width, 2.0), max(height, 2.0), "band")
    svg.box(end, 10, 14, 12, "band")
    svg.text(end + 20, 16, "range of the readers")


def _iso_lines(svg: Svg, across: Scale, up: Scale, prevalence: float) -> None:
    """Lines of equal kappa, each named where it leaves the plane."""
    if not 0 < prevalence < 1:
        return
    for kappa in _KAPPAS:
        ends = np.array([up.low, up.high])
        alarms = 1 - iso_kappa_specificity(kappa, ends, prevalence)
        slope = (ends[1] - ends[0]) / (alarms[1] - alarms[0])
        inside = np.clip(alarms, across.low, across.high)
        heights = ends[0] + slope * (inside - alarms[0])
        if inside[0] == inside[1]:
            continue
        (x1, x2), (y1, y2) = map(across, inside), map(up, heights)
        svg.line(x1, y1, x2, y2, "guide", 0.7, dash="2 3")
        at_top = bool(heights.max() > up.high - 1e-9)
        x, y = (x2, y2) if heights[1] >= heights[0] else (x1, y1)
        svg.text(
            x + (0 if at_top else -4), y - 9 if at_top else y + 10, f"\N{GREEK SMALL LETTER KAPPA} {kappa:.1f}",
            anchor="middle" if at_top else "end", colour="quiet", size=10.5,
        )  # fmt: skip


def _curve(svg: Svg, points: FloatArray, colour: str, across: Scale, up: Scale) -> None:
    """The part of an ROC curve that lies on the plane."""
    alarms, hits = points.T
    if not np.isfinite(points).all():
        return
    edge = float(np.interp(across.high, alarms, hits))
    rows = (alarms <= across.high) & (hits >= up.low)
    kept = points[rows]
    start = [[float(np.interp(up.low, hits, alarms)), up.low]] if hits.min() < up.low else []
    stop = [[across.high, edge]] if edge >= up.low else []
    whole = corners(np.array([*start, *kept.tolist(), *stop], dtype=np.float64).reshape(-1, 2))
    if len(whole) > 1:
        svg.curve([(across(x), up(y)) for x, y in whole], colour, 1.4)


def _names(svg: Svg, placed: pd.DataFrame, across: Scale, up: Scale) -> None:
    """Names beside the plane, each led to its point."""
    ordered = placed.sort_values("sensitivity", ascending=False, kind="stable")
    wanted = np.array([up(value) for value in ordered["sensitivity"]], dtype=np.float64)
    heights = spread_labels(wanted, 15.0, _TOP, _BOTTOM)
    size = min(11.5, 0.9 * (_BOTTOM - _TOP) / max(1, len(ordered) - 1))
    for (name, rater), height in zip(ordered.iterrows(), heights, strict=True):
        x, y = across(1 - rater["specificity"]), up(rater["sensitivity"])
        svg.line(x, y, _RIGHT + 22, float(height), "guide", 0.5, dash="1 3")
        svg.text(
            _RIGHT + 26, float(height), shortened(str(name), 36), colour=kind_colour(rater["kind"]), size=size
        )
