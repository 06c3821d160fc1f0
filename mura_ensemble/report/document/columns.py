"""A finished frame as a table: HTML and Markdown; `latex` makes the third. What is shown is described once, per column.

A `Column` turns a row of the frame into text; the three renderers only escape and lay out. Marks such as an
interval bar are drawn by HTML alone, beside the text that says the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from markupsafe import Markup, escape

__all__ = [
    "Column",
    "Row",
    "columns_of",
    "detail_of",
    "escape_markdown",
    "interval_bar",
    "rows_of",
    "text_of",
    "to_html",
    "to_markdown",
]

Row = Mapping[Hashable, Any]


@dataclass(frozen=True)
class Column:
    """How one column of a table is made from a row of the frame.

    Attributes
    ----------
    heading : str
    text : callable or None
        Row (a mapping; the index stands in it under its own name) to plain text. None for a column of marks, which
        Markdown and LaTeX leave out.
    align : str
        `left` or `right`; numbers stand right.
    below : str
        A second, quieter line of the heading, e.g. how many studies the column rests on.
    help : str
        One sentence for the reader, shown when the heading is pointed at.
    detail : callable, optional
        Row to a second, quieter line of plain text, e.g. the interval below an estimate.
    mark : callable, optional
        Row to inline SVG for HTML; decoration only, what it shows must also be said by a text.
    style : str or callable
        CSS class of the cells, or row to that of its cell; HTML only.
    header : bool
        True for the column that names the row.
    """

    heading: str
    text: Callable[[Row], str] | None
    align: Literal["left", "right"] = "right"
    below: str = ""
    help: str = ""
    detail: Callable[[Row], str] | None = None
    mark: Callable[[Row], Markup] | None = None
    style: str | Callable[[Row], str] = ""
    header: bool = False


def columns_of(
    frame: pd.DataFrame, formats: Mapping[str, Callable[[Any], str]] | None = None
) -> list[Column]:
    """Columns for a frame as it stands: the index first, then every column, `formats` by column name.

    Parameters
    ----------
    frame : DataFrame
        With one index level; an unnamed index is left out.
    formats : mapping, optional
        Column name to a function of one value; other columns are shown with `str`.
    """
    formats = formats or {}
    index = [] if frame.index.name is None else [str(frame.index.name)]
    numeric = {name for name in map(str, frame.columns) if pd.api.types.is_numeric_dtype(frame[name])}

    def shows(name: str) -> Callable[[Row], str]:
        form = formats.get(name, str)
        return lambda row: form(row[name])

    return [
        Column(
            name.replace("_", " "),
            shows(name),
            align="right" if name in numeric else "left",
            header=name in index,
        )
        for name in [*index, *map(str, frame.columns)]
    ]


def to_html(
    frame: pd.DataFrame,
    columns: Sequence[Column],
    *,
    caption: str = "",
    row_style: Callable[[Row], str] | None = None,
) -> Markup:
    """A `<table>` with caption, column scopes and one row header; all text escaped.

    Parameters
    ----------
    frame : DataFrame
    columns : sequence of Column
    caption : str
        What the table shows, in plain text.
    row_style : callable, optional
        Row to the CSS class of its `<tr>`.
    """
    head = Markup().join(_head_cell(column) for column in columns)
    body = Markup("\n").join(
        Markup("<tr{}>{}</tr>").format(
            _class(row_style(row) if row_style else ""),
            Markup().join(_cell(column, row) for column in columns),
        )
        for row in rows_of(frame)
    )
    above = Markup("<caption><span>{}</span></caption>").format(caption) if caption else Markup()
    return Markup("<table>{}<thead><tr>{}</tr></thead>\n<tbody>\n{}\n</tbody></table>").format(
        above, head, body
    )


def to_markdown(frame: pd.DataFrame, columns: Sequence[Column]) -> str:
    """A pipe table; the second line of a cell follows the first in round brackets."""
    columns = [column for column in columns if column.text]
    lines = [
        _pipes(escape_markdown(_heading(column)) for column in columns),
        _pipes("---:" if column.align == "right" else "---" for column in columns),
    ]
    lines += [_pipes(escape_markdown(_one_line(column, row)) for column in columns) for row in rows_of(frame)]
    return "\n".join(lines) + "\n"


_DISC = "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z"
_MARKS = {"kind-ensemble": "m0 -5l5 5l-5 5l-5 -5z", "kind-reader": "m-4 -4h8v8h-8z"}


def interval_bar(
    estimate: float,
    low: float,
    high: float,
    *,
    scale: tuple[float, float],
    style: str = "",
    band: tuple[float, float] | None = None,
) -> Markup:
    """A small drawing of an interval on a common scale, for `Column.mark`; empty if the estimate is NaN.

    Parameters
    ----------
    estimate, low, high : float
    scale : (left, right)
        Ends of the scale, the same in all rows.
    style : str
        CSS class that colours it; `kind-ensemble` and `kind-reader` also have a mark of their own.
    band : (low, high), optional
        Range shaded behind it, its ends drawn.
    """
    if estimate != estimate:
        return Markup()
    width, height = 176.0, 22.0

    def x(value: float) -> float:
        return round(width * min(1.0, max(0.0, (value - scale[0]) / (scale[1] - scale[0]))), 1)

    shade = Markup()
    if band is not None:
        left, right = x(band[0]), x(band[1])
        shade = Markup(
            '<path class="range" d="M{l} 0H{r}V{h}H{l}z"/><path class="bound" d="M{l} 0V{h}M{r} 0V{h}"/>'
        ).format(l=left, r=right, h=height)
    return Markup(
        '<svg class="bar" viewBox="0 0 {w} {h}" aria-hidden="true">{shade}<g class="{style}">'
        '<path class="arm" d="M{low} 11H{high}"/><path d="M{at} 11{mark}"/></g></svg>'
    ).format(
        w=width,
        h=height,
        shade=shade,
        style=style,
        low=x(low),
        high=x(high),
        at=x(estimate),
        mark=_MARKS.get(style, _DISC),
    )


def escape_markdown(text: str) -> str:
    """Plain text that Markdown shows as it is, in a table cell too."""
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")


def rows_of(frame: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """The rows as mappings; a named index stands in them under its name."""
    named = frame.reset_index() if frame.index.name is not None else frame
    return named.to_dict("records")


def _heading(column: Column) -> str:
    return f"{column.heading} ({column.below})" if column.below else column.heading


def text_of(column: Column, row: Row) -> str:
    """The first line of a cell."""
    return column.text(row) if column.text else ""


def detail_of(column: Column, row: Row) -> str:
    """The second line of a cell; empty without one."""
    return column.detail(row) if column.detail else ""


def _one_line(column: Column, row: Row) -> str:
    text, detail = text_of(column, row), detail_of(column, row)
    return f"{text} ({detail})" if detail else text


def _pipes(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


def _class(*names: str) -> Markup:
    joined = " ".join(name for name in names if name)
    return Markup(' class="{}"').format(joined) if joined else Markup()


def _breakable(text: str) -> Markup:
    """Text that may go on in a new line after an underscore rather than in the middle of a word."""
    return escape(text).replace("_", Markup("_<wbr>"))


def _head_cell(column: Column) -> Markup:
    heading = _breakable(column.heading)
    inner = Markup('<abbr title="{}">{}</abbr>').format(column.help, heading) if column.help else heading
    if column.below:
        inner += Markup('<span class="detail">{}</span>').format(column.below)
    return Markup('<th scope="col"{}>{}</th>').format(
        _class("number" if column.align == "right" else ""), inner
    )


def _cell(column: Column, row: Row) -> Markup:
    shown = _breakable if column.header else escape
    inner = shown(text_of(column, row))
    detail = detail_of(column, row)
    if detail:
        inner += Markup('<span class="detail">{}</span>').format(detail)
    if column.mark:
        inner += column.mark(row)
    style = column.style if isinstance(column.style, str) else column.style(row)
    kind = _class("number" if column.align == "right" else "", style)
    if column.header:
        return Markup('<th scope="row"{}>{}</th>').format(kind, inner)
    return Markup("<td{}>{}</td>").format(kind, inner)
