"""Every rater less every reader, one column of intervals per reader."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from mura_ensemble.report.figures.axes import WIDTH, heading, round_span, shortened, ticks_of
from mura_ensemble.report.figures.svg import Scale, Svg, kind_colour
from mura_ensemble.report.figures.theme import FAMILIES

__all__ = ["difference_grid"]

_COLUMNS = 4
_STEP, _HEAD, _FOOT = 19.0, 64.0, 50.0
_LEFT, _GAP = 224.0, 34.0


def difference_grid(differences: pd.DataFrame, shown: Collection[str], *, simulated: bool = False) -> str:
    """One row per rater and one column per reader; what is not shown to differ is drawn faint.

    Parameters
    ----------
    differences : DataFrame
        Index rater, one row per reader; columns `reader`, `kind`, `difference`, `low`, `high`, `verdict`.
    shown : collection of str
        Verdicts that are drawn in full.
    simulated : bool
        Write it on the drawing.

    Returns
    -------
    str
        SVG.
    """
    raters = list(dict.fromkeys(map(str, differences.index)))
    readers = list(dict.fromkeys(map(str, differences["reader"])))
    lines = -(-len(readers) // _COLUMNS)
    block = _STEP * len(raters) + _FOOT
    svg = Svg(WIDTH, _HEAD + lines * block + (lines - 1) * 18)
    heading(svg, {kind: f"{family.one} less reader" for kind, family in FAMILIES.items()
                  if kind in set(differences["kind"])}, simulated)  # fmt: skip
    ends = pd.concat([differences["low"], differences["high"], differences["difference"], pd.Series([0.0])])
    low, high = round_span(ends, ends)
    columns = min(_COLUMNS, len(readers))
    width = (WIDTH - _LEFT - 12 - _GAP * (columns - 1)) / columns
    cells = {(str(name), str(row["reader"])): row for name, row in differences.iterrows()}
    for place, reader in enumerate(readers):
        top = _HEAD + (place // _COLUMNS) * (block + 18)
        x = _LEFT + (place % _COLUMNS) * (width + _GAP)
        scale = Scale(low, high, x, x + width)
        bottom = top + _STEP * len(raters) - _STEP / 2
        svg.text(
            x, top - 22, f"less {shortened(reader, int(width / 8) - 4)}", colour="reader", size=12, bold=True
        )
        svg.ticks(scale, ticks_of(scale, most=int(width / 45)), top - _STEP / 2, bottom, form=".2f")
        svg.line(scale(0), top - _STEP / 2, scale(0), bottom, "ink", 1)
        for row, rater in enumerate(raters):
            y, cell = top + _STEP * row, cells[rater, reader]
            if place % _COLUMNS == 0:
                svg.text(_LEFT - 12, y, shortened(rater), anchor="end", size=11.5)
            if np.isnan(cell["difference"]):
                continue
            faint = 1.0 if cell["verdict"] in shown else 0.5
            if not np.isnan(cell["low"]):
                svg.line(
                    scale(cell["low"]),
                    y,
                    scale(cell["high"]),
                    y,
                    kind_colour(cell["kind"]),
                    1.8,
                    opacity=faint,
                )
            svg.mark(scale(cell["difference"]), y, cell["kind"], 3.8, opacity=faint)
        if place % _COLUMNS == 0:
            middle = _LEFT + (WIDTH - _LEFT - 12) / 2
            svg.text(middle, bottom + 32, "kappa of the rater less kappa of the reader", anchor="middle")
    return svg.done()
