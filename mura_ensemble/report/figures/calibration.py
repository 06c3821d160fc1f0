"""Reliability diagrams: few, small, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mura_ensemble.data.numbers import estimate
from mura_ensemble.report.figures.axes import WIDTH, heading, shortened
from mura_ensemble.report.figures.svg import Scale, Svg, kind_colour
from mura_ensemble.report.figures.theme import FAMILIES

__all__ = ["reliability_grid"]

_COLUMNS = 4
_BETWEEN = 46.0  # rows of squares
_SIDE, _GAP, _LEFT, _HEAD, _BARS = 188.0, 44.0, 58.0, 84.0, 34.0


def reliability_grid(
    reliability: pd.DataFrame, calibration: pd.DataFrame, names: Sequence[str], *, simulated: bool = False
) -> str:
    """One square per rater: the share of abnormal studies by probability, and below it how many studies.

    Parameters
    ----------
    reliability : DataFrame
        Index rater, one row per bin; columns `edge_low`, `edge_high`, `n`, `mean_probability`, `observed`, `low`,
        `high`.
    calibration : DataFrame
        Index rater; columns `kind`, `error`.
    names : sequence of str
        Which, from left to right and top to bottom.
    simulated : bool
        Write it on the drawing.

    Returns
    -------
    str
        SVG.
    """
    lines = -(-len(names) // _COLUMNS)
    block = _SIDE + _BARS + 62
    svg = Svg(WIDTH, _HEAD + lines * block + (lines - 1) * _BETWEEN - 14)
    kinds = [str(kind) for kind in calibration.loc[list(names), "kind"]]
    heading(svg, {kind: family.one for kind, family in FAMILIES.items() if kind in kinds}, simulated)
    for place, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        x0 = _LEFT + (place % _COLUMNS) * (_SIDE + _GAP)
        y0 = _HEAD + (place // _COLUMNS) * (block + _BETWEEN)
        across, up = Scale(0, 1, x0, x0 + _SIDE), Scale(0, 1, y0 + _SIDE, y0)
        svg.text(x0, y0 - 28, shortened(name, 22), size=12, bold=True, colour=kind)
        error = float(calibration.loc[[name], "error"].iloc[0])
        svg.text(x0, y0 - 12, f"off by {estimate(error)} on average", size=10.5, colour="quiet")
        _square(svg, across, up, first=place % _COLUMNS == 0)
        rows = reliability.loc[[name]]
        most = float(rows["n"].max())
        for _, row in rows.iterrows():
            x = across(row["mean_probability"])
            svg.line(x, up(row["low"]), x, up(row["high"]), kind_colour(kind), 1.2, opacity=0.6)
            left, width = across(row["edge_low"]), across(row["edge_high"]) - across(row["edge_low"])
            height = _BARS * row["n"] / most
            svg.box(left + 1, y0 + _SIDE + 22 + _BARS - height, width - 2, height, "guide")
        points = [(across(row["mean_probability"]), up(row["observed"])) for _, row in rows.iterrows()]
        if len(points) > 1:
            svg.curve(points, kind_colour(kind), 1)
        for x, y in points:
            svg.mark(x, y, kind, 3.4)
        svg.text(
            x0 + _SIDE / 2, y0 + _SIDE + _BARS + 36, "probability; bars: studies", anchor="middle", size=11
        )
    return svg.done()


def _square(svg: Svg, across: Scale, up: Scale, *, first: bool) -> None:
    for value in (0.0, 0.5, 1.0):
        svg.line(across(0), up(value), across(1), up(value), "line", 0.8)
        svg.line(across(value), up(0), across(value), up(1), "line", 0.8)
        svg.text(across(value), up(0) + 11, f"{value:.1f}", anchor="middle", colour="quiet", size=10.5)
        if first:
            svg.text(across(0) - 6, up(value), f"{value:.1f}", anchor="end", colour="quiet", size=10.5)
    svg.line(across(0), up(0), across(1), up(1), "guide", 1, dash="4 3")
    if first:
        svg.vertical_text(across(0) - 38, (up(0) + up(1)) / 2, "share abnormal")
