"""Where raters may stand: how often each rank, and every pair of raters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mura_ensemble.data.numbers import signed
from mura_ensemble.report.figures.axes import WIDTH, heading, shortened
from mura_ensemble.report.figures.svg import Svg, kind_colour
from mura_ensemble.report.figures.theme import FAMILIES

__all__ = ["pair_map", "rank_strip"]

_LEFT, _TOP = 230.0, 58.0


def rank_strip(shares: pd.DataFrame, *, simulated: bool = False) -> str:
    """One row per rater, one bar per rank, as high as its share of resamples; a line below spans the rank set.

    Parameters
    ----------
    shares : DataFrame
        Index rater, in order; `kind`, `rank_low`, `rank_high` and `share_1`, `share_2`, ... in [0, 1].
    simulated : bool
        Write it on the drawing.

    Returns
    -------
    str
        SVG.
    """
    step, tall = 34.0, 24.0
    count = len(shares)
    wide = (WIDTH - _LEFT - 150) / count
    svg = Svg(WIDTH, _TOP + step * count + 26)
    heading(svg, _kinds(shares), simulated)
    for rank in range(count):
        svg.text(
            _LEFT + wide * (rank + 0.5), _TOP - 16, f"{rank + 1}", anchor="middle", colour="quiet", size=11
        )
    svg.text(_LEFT - 12, _TOP - 16, "rank", anchor="end", colour="quiet", size=11)
    for place, (name, row) in enumerate(shares.iterrows()):
        base = _TOP + step * place + tall
        colour = kind_colour(row["kind"])
        svg.mark(14, base - 8, row["kind"])
        svg.text(26, base - 8, shortened(str(name)), size=12)
        svg.line(_LEFT, base, _LEFT + wide * count, base, "line", 0.8)
        each = [row[f"share_{rank + 1}"] for rank in range(count)]
        for rank, share in enumerate(each):
            if share >= 0.002:
                svg.box(_LEFT + wide * (rank + 0.12), base - tall * share, wide * 0.76, tall * share, colour)
        low, high = row["rank_low"], row["rank_high"]
        svg.line(_LEFT + wide * (low - 0.9), base + 4, _LEFT + wide * (high - 0.1), base + 4, "ink", 2)
        most = int(np.argmax(each))
        svg.text(
            _LEFT + wide * count + 12,
            base - 8,
            f"most often {most + 1} ({100 * each[most]:.0f} %)",
            size=11.5,
        )
    y = _TOP + step * count + 10
    svg.line(_LEFT, y, _LEFT + 30, y, "ink", 2)
    svg.text(
        _LEFT + 38,
        y,
        "ranks that the rater may truly have; bars: share of resamples",
        colour="quiet",
        size=11,
    )
    return svg.done()


def pair_map(pairs: pd.DataFrame, kinds: pd.Series[str], *, simulated: bool = False) -> str:
    """A triangle of all pairs: kappa of the row's rater minus that of the column's; pairs told apart stand in a frame.

    Parameters
    ----------
    pairs : DataFrame
        Index (rater, reference); columns `difference` and `shown` (bool).
    kinds : Series
        Rater to its kind, in order.
    simulated : bool

    Returns
    -------
    str
        SVG.
    """
    count, names = len(kinds), [str(name) for name in kinds.index]
    cells = dict(zip(pairs.index, pairs.to_dict("records"), strict=True))
    wide = min(64.0, (WIDTH - _LEFT - 40) / max(count - 1, 1))
    high, size = 24.0, 11.5 if wide >= 44 else 9.5
    svg = Svg(WIDTH, _TOP + high * (count - 1) + 40)
    heading(svg, _kinds(kinds.to_frame("kind")), simulated)
    for column in range(1, count):
        svg.text(
            _LEFT + wide * (column - 0.5),
            _TOP - 14,
            f"{column + 1}",
            anchor="middle",
            colour="quiet",
            size=11,
        )
    svg.text(_LEFT - 12, _TOP - 14, "minus", anchor="end", colour="quiet", size=11)
    for row in range(count - 1):
        y = _TOP + high * (row + 0.5)
        svg.mark(14, y, kinds.iloc[row])
        svg.text(26, y, f"{row + 1}  {shortened(names[row], 26)}", size=12)
        for column in range(row + 1, count):
            pair = cells[names[row], names[column]]
            x = _LEFT + wide * (column - 0.5)
            if pair["shown"]:
                svg.box(x - wide / 2 + 1, y - high / 2 + 1, wide - 2, high - 2, "ink")
                svg.box(x - wide / 2 + 3, y - high / 2 + 3, wide - 6, high - 6, "surface")
            text = "" if np.isnan(pair["difference"]) else signed(pair["difference"], 2)
            colour = "ink" if pair["shown"] else "quiet"
            svg.text(x, y, text, anchor="middle", colour=colour, size=size, bold=bool(pair["shown"]))
    y = _TOP + high * (count - 1) + 20
    svg.text(26, y, f"{count}  {shortened(names[-1], 26)}", colour="quiet", size=11)
    svg.box(_LEFT, y - 9, 34, 18, "ink")
    svg.box(_LEFT + 2, y - 7, 30, 14, "surface")
    svg.text(_LEFT + 44, y, "told apart by the test of all pairs", colour="quiet", size=11)
    return svg.done()


def _kinds(frame: pd.DataFrame) -> dict[str, str]:
    there = set(frame["kind"])
    return {kind: family.many for kind, family in FAMILIES.items() if kind in there}
