"""What drawings of `board_svg.Svg` have in common: scales with round ends, ticks, short names, the line above."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mura_ensemble.report.figures.svg import Scale, Svg

__all__ = ["WIDTH", "heading", "round_span", "shortened", "ticks_of"]

WIDTH = 1000.0
"""Of every drawing, in pixels."""

_LONGEST_NAME = 30
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


def heading(svg: Svg, kinds: Mapping[str, str], simulated: bool) -> float:
    """Marks with their names, and whether the data are simulated; returns where the names end."""
    end = svg.legend(14, 16, dict(kinds))
    if simulated:
        svg.text(WIDTH - 8, 16, "simulated data", anchor="end", colour="warning")
    return end


def shortened(name: str, length: int = _LONGEST_NAME) -> str:
    """A name that fits beside a drawing."""
    return name if len(name) <= length else f"{name[: length - 1]}\N{HORIZONTAL ELLIPSIS}"


def round_span(low: pd.Series[float], high: pd.Series[float]) -> tuple[float, float]:
    """Ends of an axis on whole twentieths that hold all values."""
    known = pd.concat([low, high]).dropna()
    if known.empty:
        return 0.0, 1.0
    start, end = np.floor(20 * known.min()) / 20, np.ceil(20 * known.max()) / 20
    return float(start), float(end if end > start else start + 0.05)


def ticks_of(scale: Scale, most: int = 8) -> list[float]:
    """Round values on a scale, about `most` of them."""
    span = scale.high - scale.low
    step = next((size for size in _STEPS if span / size <= most), 1.0)
    first = int(np.ceil(scale.low / step - 1e-9))
    return [round(step * k, 10) for k in range(first, int(np.floor(scale.high / step + 1e-9)) + 1)]
