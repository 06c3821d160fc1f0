"""How many raters are wrong together: studies found beside studies that independent errors would give."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mura_ensemble.report.figures.axes import WIDTH, heading
from mura_ensemble.report.figures.svg import Scale, Svg

__all__ = ["error_counts"]

_STEP, _TOP = 21.0, 62.0


def error_counts(counts: pd.DataFrame, *, simulated: bool = False) -> str:
    """One bar per number of raters who are wrong together; a stroke marks what independent errors would give.

    Parameters
    ----------
    counts : DataFrame
        Index `wrong`, from 0; columns `found` and `expected`, studies.
    simulated : bool
        Write it on the drawing.

    Returns
    -------
    str
        SVG.
    """
    shown = counts[(counts["found"] > 0) | (counts["expected"] >= 0.05)]
    shown = counts.loc[: shown.index.max()] if len(shown) else counts
    bottom = _TOP + _STEP * len(shown)
    svg = Svg(WIDTH, bottom + 40)
    heading(svg, {}, simulated)
    svg.box(200, 11, 18, 10, "backbone")
    svg.text(224, 16, "studies found")
    svg.line(336, 9, 336, 23, "warning", 2.5)
    svg.text(344, 16, "expected if raters erred independently")
    most = float(max(shown["found"].max(), shown["expected"].max(), 1))
    # Few studies stand beside hundreds: on the scale of roots both can be seen.
    scale = Scale(0, float(np.sqrt(most)), 200, 830)
    ticks = [
        value for value in (0, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000) if value <= most
    ]
    for value in ticks:
        x = scale(float(np.sqrt(value)))
        svg.line(x, _TOP - _STEP / 2, x, bottom - _STEP / 2, "line", 0.8)
        svg.text(x, bottom, f"{value:,}", anchor="middle", colour="quiet", size=11)
    svg.text(515, bottom + 22, "studies (scale of square roots)", anchor="middle")
    for place, (wrong, row) in enumerate(shown.iterrows()):
        y = _TOP + _STEP * place
        label = "nobody wrong" if wrong == 0 else f"{wrong} wrong"
        svg.text(188, y, label, anchor="end", size=11.5)
        end = scale(float(np.sqrt(row["found"])))
        if row["found"]:
            svg.box(200, y - 6, end - 200, 12, "backbone")
        x = scale(float(np.sqrt(row["expected"])))
        svg.line(x, y - 9, x, y + 9, "warning", 2.5)
        svg.text(844, y, f"{row['found']:,.0f} found, {row['expected']:,.1f} expected", size=11)
    return svg.done()
