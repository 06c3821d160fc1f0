"""Ensembles taken apart: kappa by kappa, and weight by weight."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mura_ensemble.data.numbers import estimate
from mura_ensemble.report.figures.axes import WIDTH, heading, round_span, shortened, ticks_of
from mura_ensemble.report.figures.svg import Scale, Svg

__all__ = ["kappa_gaps", "weight_grid"]

_COLUMNS = 4
_STEP, _HEAD, _FOOT = 18.0, 64.0, 30.0
_LEFT, _GAP = 224.0, 44.0


def kappa_gaps(ensembles: pd.DataFrame, *, simulated: bool = False) -> str:
    """Three rows per ensemble: apparent and nested kappa on the studies of the fit, and kappa on the studies scored here.

    Parameters
    ----------
    ensembles : DataFrame
        Index ensemble; columns `apparent`, `nested`, `nested_low`, `nested_high`, `kappa`, `low`, `high`,
        `apparent_here`.
    simulated : bool
        Write it on the drawing.

    Returns
    -------
    str
        SVG.
    """
    step, top = 17.0, 62.0
    block = 3 * step + 14
    bottom = top + block * len(ensembles) - 14
    svg = Svg(WIDTH, bottom + 44)
    heading(svg, {}, simulated)
    ends = pd.concat(
        [ensembles[name] for name in ("apparent", "nested_low", "nested_high", "low", "high", "kappa")]
    )
    scale = Scale(*round_span(ends, ends), 470, 880)
    svg.ticks(scale, ticks_of(scale), top - 14, bottom, form=".2f")
    svg.text((scale.start + scale.end) / 2, bottom + 32, "kappa", anchor="middle")
    for place, (name, row) in enumerate(ensembles.iterrows()):
        y = top + block * place
        svg.text(_LEFT, y, shortened(str(name), 26), anchor="end", size=12, bold=True)
        here = "scored here, but fitted on these" if row["apparent_here"] else "scored here"
        lines = (
            ("apparent, on the studies of the fit", row["apparent"], np.nan, np.nan, 0.35),
            ("nested, on the studies of the fit", row["nested"], row["nested_low"], row["nested_high"], 1.0),
            (here, row["kappa"], row["low"], row["high"], 0.35 if row["apparent_here"] else 1.0),
        )
        for line, (label, value, low, high, opacity) in enumerate(lines):
            height = y + step * line
            svg.text(_LEFT + 14, height, label, size=11, colour="ink" if opacity == 1 else "quiet")
            if np.isnan(value):
                continue
            if not np.isnan(low):
                svg.line(scale(low), height, scale(high), height, "ensemble", 2, opacity=opacity)
            svg.mark(scale(value), height, "ensemble", 4.2, opacity=opacity)
            svg.text(894, height, estimate(float(value)), size=11, colour="ink" if opacity == 1 else "quiet")
    return svg.done()


def weight_grid(weights: pd.DataFrame, *, simulated: bool = False) -> str:
    """One column per ensemble and one row per backbone: weight with its interval.

    Parameters
    ----------
    weights : DataFrame
        Index ensemble, one row per backbone; columns `backbone`, `weight`, `low`, `high`, `resamples`.
    simulated : bool
        Write it on the drawing.

    Returns
    -------
    str
        SVG.
    """
    names = list(dict.fromkeys(map(str, weights.index)))
    backbones = list(dict.fromkeys(map(str, weights["backbone"])))
    lines = -(-len(names) // _COLUMNS)
    block = _STEP * len(backbones) + _FOOT
    svg = Svg(WIDTH, _HEAD + lines * block + (lines - 1) * 30)
    heading(svg, {"backbone": "weight or coefficient of a backbone"}, simulated)
    columns = min(_COLUMNS, len(names))
    width = (WIDTH - _LEFT - 12 - _GAP * (columns - 1)) / columns
    for place, name in enumerate(names):
        own = weights.loc[[name]]
        top = _HEAD + (place // _COLUMNS) * (block + 30)
        x = _LEFT + (place % _COLUMNS) * (width + _GAP)
        ends = pd.concat([own["low"], own["high"], own["weight"], pd.Series([0.0])])
        scale = Scale(*round_span(ends, ends), x, x + width)
        bottom = top + _STEP * len(backbones) - _STEP / 2
        svg.text(x, top - 22, shortened(name, int(width / 8)), colour="ensemble", size=12, bold=True)
        svg.ticks(scale, ticks_of(scale, most=int(width / 45)), top - _STEP / 2, bottom, form=".2f")
        svg.line(scale(0), top - _STEP / 2, scale(0), bottom, "ink", 1)
        rows = {str(row["backbone"]): row for _, row in own.iterrows()}
        for line, backbone in enumerate(backbones):
            y = top + _STEP * line
            if place % _COLUMNS == 0:
                svg.text(_LEFT - 12, y, shortened(backbone), anchor="end", size=11.5)
            if backbone not in rows:
                continue
            row = rows[backbone]
            if row["resamples"]:
                svg.line(scale(row["low"]), y, scale(row["high"]), y, "backbone", 1.8)
            svg.mark(scale(row["weight"]), y, "backbone", 3.6)
    return svg.done()
