"""Drawings from finished frames, as SVG text that is equal for equal input. The only user of matplotlib.

Figures are drawn in the light colours; `page.inline_svg` gives them the colours of the page's theme.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mura_ensemble.data.numbers import estimate, interval
from mura_ensemble.report.figures.theme import COLOURS, FAMILIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["forest", "small_forests"]

_INK, _QUIET, _LINE, _SURFACE, _BAND = (
    COLOURS[name][0] for name in ("ink", "quiet", "line", "surface", "band")
)
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text: searchable, readable aloud, small
    "svg.hashsalt": "mura-ensemble",
    "text.parse_math": False,  # a rater may be called $x$
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _INK,
    "axes.unicode_minus": True,
    "text.color": _INK,
    "xtick.color": _QUIET,
    "ytick.color": _QUIET,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "path.simplify": True,
}
_FONT_LIST = re.compile(r"'DejaVu Sans'(?:, [^;\"]*)?sans-serif|'DejaVu Sans'")
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)


def forest(
    board: pd.DataFrame,
    *,
    band: tuple[float, float] | None = None,
    band_name: str = "range of the readers",
    axis: str = "Cohen's kappa",
    simulated: bool = False,
) -> str:
    """One row per rater: estimate and interval, over the band of the readers.

    Parameters
    ----------
    board : DataFrame
        Index rater, in the order of the rows; columns `kind`, `kappa`, `low`, `high`. An undefined kappa is said so.
    band : (low, high), optional
        Shaded range behind the rows.
    band_name, axis : str
        What the band and the axis are called.
    simulated : bool
        Write it on the drawing.

    Returns
    -------
    str
        SVG.
    """
    count = len(board)
    with _style():
        figure = _figure(9.2, 1.15 + 0.30 * count)
        axes = figure.add_axes((0.27, 0.55 / figure.get_figheight(), 0.50, 1 - 1.05 / figure.get_figheight()))
        _forest_rows(axes, board, band)
        axes.set_yticks(range(count), [_shortened(str(name)) for name in board.index])
        axes.tick_params(axis="y", labelcolor=_INK, pad=8)
        for row, (_, rater) in enumerate(board.iterrows()):
            text = estimate(rater["kappa"])
            if not np.isnan(rater["kappa"]):
                text += f"  ({interval(rater['low'], rater['high'])})"
            axes.annotate(text, (1.02, row), xycoords=("axes fraction", "data"), va="center", color=_INK)
        axes.set_xlabel(axis)
        _legend(figure, board["kind"], band_name if band else "")
        return _svg(figure, simulated)


def small_forests(strata: pd.DataFrame, order: Sequence[str], *, simulated: bool = False) -> str:
    """One small forest per study type beside each other, rows aligned.

    Parameters
    ----------
    strata : DataFrame
        Columns `rater`, `study_type`, `kind`, `kappa`, `low`, `high`, `n`, `positives`.
    order : sequence of str
        Raters from top to bottom.
    simulated : bool

    Returns
    -------
    str
        SVG.
    """
    types = list(dict.fromkeys(strata["study_type"]))
    columns = min(4, len(types))
    lines = -(-len(types) // columns)
    with _style():
        height = 0.75 + lines * (0.62 + 0.21 * len(order))
        figure = _figure(9.2, height)
        grid = figure.add_gridspec(
            lines, columns, left=0.19, right=0.985, top=1 - 0.62 / height, bottom=0.5 / height, wspace=0.08,
            hspace=0.62 / (0.21 * len(order)),
        )  # fmt: skip
        low = float(np.nanmin([strata["low"].min(), strata["kappa"].min(), 0.0]))
        for position, study_type in enumerate(types):
            axes = figure.add_subplot(grid[position // columns, position % columns])
            rows = strata[strata["study_type"] == study_type].set_index("rater").reindex(list(order))
            readers = rows.loc[rows["kind"] == "reader", "kappa"].dropna()
            band = (float(readers.min()), float(readers.max())) if len(readers) > 1 else None
            _forest_rows(axes, rows, band, size=3.6)
            axes.set_xlim(max(-1.0, low) - 0.04, 1.04)
            axes.set_xticks([tick for tick in (-1, -0.5, 0, 0.5, 1) if tick >= low - 0.04])
            first = rows.dropna(subset=["n"])
            size = "" if first.empty else f"  n = {first['n'].max():.0f}"
            axes.set_title(f"{study_type}{size}", fontsize=9.5, loc="left", color=_INK, pad=4)
            shown = position % columns == 0
            axes.set_yticks(range(len(order)), [_shortened(name, 20) for name in order] if shown else [])
            axes.tick_params(axis="y", labelcolor=_INK, labelsize=8.5)
            axes.tick_params(axis="x", labelsize=8.5)
        figure.supxlabel("Cohen's kappa", fontsize=9.5, y=0.02, va="bottom")
        _legend(figure, strata["kind"], "range of the readers")
        return _svg(figure, simulated)


def _style() -> Any:
    import matplotlib as mpl

    settings: Any = _STYLE
    return mpl.rc_context(settings)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=72, facecolor=_SURFACE)


def _frame(axes: Axes) -> None:
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)


def _forest_rows(
    axes: Axes, rows: pd.DataFrame, band: tuple[float, float] | None, *, size: float = 5.5
) -> None:
    axes.set_ylim(len(rows) - 0.4, -0.6)
    if band is not None:
        axes.axvspan(*band, color=_BAND, linewidth=0, zorder=0)
    for row, (kind, kappa, low, high) in enumerate(
        zip(rows["kind"], rows["kappa"], rows["low"], rows["high"], strict=True)
    ):
        if np.isnan(kappa):
            continue
        colour = COLOURS[kind][0]
        axes.plot([low, high], [row, row], color=colour, linewidth=1.8, solid_capstyle="butt", zorder=2)
        axes.plot(
            kappa, row, marker=FAMILIES[kind].marker, markersize=size, color=colour,
            markeredgecolor=_SURFACE, markeredgewidth=0.7, zorder=3,
        )  # fmt: skip
    _frame(axes)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=_LINE, linewidth=0.6)
    axes.set_axisbelow(True)


def _legend(figure: Figure, kinds: pd.Series[str], band_name: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    present = set(kinds)
    handles: list[Any] = [
        Line2D(
            [],
            [],
            marker=family.marker,
            color=COLOURS[kind][0],
            linewidth=1.8,
            markersize=5.5,
            label=family.one,
        )
        for kind, family in FAMILIES.items()
        if kind in present
    ]
    if band_name and "reader" in present:
        handles.append(Patch(color=_BAND, label=band_name))
    if handles:
        figure.legend(
            handles=handles, loc="upper left", ncols=len(handles), frameon=False, fontsize=9,
            bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2, handlelength=1.8, columnspacing=1.6,
        )  # fmt: skip


def _shortened(name: str, length: int = 28) -> str:
    return name if len(name) <= length else f"{name[: length - 1]}…"


def _svg(figure: Figure, simulated: bool) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    if simulated:
        figure.text(
            0.995, 0.995, "simulated data", ha="right", va="top", fontsize=10, color=COLOURS["warning"][0]
        )
    target = StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(target, metadata=nothing)
    text = _METADATA.sub("", target.getvalue())
    return _FONT_LIST.sub("system-ui, Helvetica, Arial, sans-serif", text).replace("\r\n", "\n")
