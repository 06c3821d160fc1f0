"""An honest board in a terminal: the verdict, then the table; plain aligned text, or colours where they are shown."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from mura_ensemble.data.numbers import estimate, interval, rank_range
from mura_ensemble.data.words import count
from mura_ensemble.published.board.honest import HonestBoard
from mura_ensemble.report.pages.published.verdict import (
    board_headline,
    board_verdict,
    span,
    span_of_probabilities,
    span_of_rates,
)

__all__ = ["rich_text", "shown_rows", "terminal_text"]

_Row = Mapping[Any, Any]
_DASH = "\N{EN DASH}"
_LONGEST_NAME = 42
_LEAST_NAME = 24
_DISPENSABLE = ("", "published", "no.", "spec.", "sens.", "P(> next)")
_STYLES = {"ensemble": "dark_orange", "reader": "dodger_blue2"}
_HOW_TO_READ = (
    "rank: shared by all that cannot be told apart, in brackets where the true rank may lie (95 %, all at once, error "
    "correlation 0.5). published: the rank the board gives; no.: its line there. P(> next): probability of truly fewer "
    "wrong calls than the next smaller kappa, over every overlap of their errors. Missed: abnormal called normal; "
    "false: normal called abnormal."
)


def shown_rows(rows: pd.DataFrame, top: int) -> Iterator[dict[Any, Any] | int]:
    """The first `top` comparable entries with every reader in its place; a number stands for rows left out.

    Parameters
    ----------
    rows : DataFrame
        As `board_rows`.
    top : int
        Entries to show.
    """
    used = rows[rows["comparable"]]
    is_entry = used["kind"] != "reader"
    shown = ~is_entry | (is_entry.cumsum() <= top)
    hidden = 0
    for row, wanted in zip(used.reset_index().to_dict("records"), shown, strict=True):
        if not wanted:
            hidden += 1
            continue
        if hidden:
            yield hidden
        hidden = 0
        yield row
    if hidden:
        yield hidden


def _columns(rows: pd.DataFrame) -> list[tuple[str, Callable[[_Row], str], bool]]:
    """Heading, text of a cell, and whether it stands right."""
    columns: list[tuple[str, Callable[[_Row], str], bool]] = [("rank", _rank, True)]
    if rows["published_rank"].notna().any():
        columns.append(("published", lambda row: span(row["published_rank"], row["published_rank"]), True))
    columns += [
        ("no.", lambda row: "" if row["kind"] == "reader" else str(row["entry"]), True),
        ("entry", lambda row: _name(row["name"]), False),
        (
            "kappa (95 %)",
            lambda row: _short(f"{estimate(row['kappa'])} ({interval(row['low'], row['high'])})"),
            True,
        ),
        ("wrong", lambda row: _short(span(row["errors_low"], row["errors_high"])), True),
        ("missed", lambda row: _short(span(row["fn_low"], row["fn_high"])), True),
        ("false", lambda row: _short(span(row["fp_low"], row["fp_high"])), True),
        ("sens.", lambda row: _short(span_of_rates(row["sensitivity_low"], row["sensitivity_high"])), True),
        ("spec.", lambda row: _short(span_of_rates(row["specificity_low"], row["specificity_high"])), True),
        ("P(> next)", lambda row: _short(span_of_probabilities(row["better_low"], row["better_high"])), True),
    ]
    if rows.loc[rows["comparable"], "notes"].any():
        columns.append(("", lambda row: row["notes"], False))
    return columns


def _fitting(
    columns: Sequence[tuple[str, Callable[[_Row], str], bool]], shown: Sequence[_Row], width: int
) -> tuple[list[tuple[str, Callable[[_Row], str], bool]], list[str]]:
    """Leave columns out, the least needed first, until the names have room; those left, and headings left out."""
    kept, hidden = list(columns), list[str]()
    for heading in _DISPENSABLE:
        if sum(_wide(column, shown) + 2 for column in kept) <= width:
            break
        if any(name == heading for name, _, _ in kept):
            kept = [column for column in kept if column[0] != heading]
            hidden += [heading or "notes"]
    return kept, hidden


def _wide(column: tuple[str, Callable[[_Row], str], bool], shown: Sequence[_Row]) -> int:
    heading, text, _ = column
    longest = max(len(heading), *(len(text(row)) for row in shown))
    return min(longest, _LEAST_NAME) if heading == "entry" else longest


def _rank(row: _Row) -> str:
    if row["kind"] == "reader":
        return "reader"
    return _short(f"{row['shared_rank']} ({rank_range(row['rank_low'], row['rank_high'])})")


def _short(text: str) -> str:
    # Ranges with a minus sign in them keep their "to".
    return text if "\N{MINUS SIGN}" in text else text.replace(" to ", _DASH)


def _name(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _more(hidden: int) -> str:
    return f"… {count(hidden, 'more entry', 'more entries')}"


def _introduction(board: HonestBoard, title: str) -> list[tuple[str, str]]:
    """(style, paragraph) pairs above the table."""
    above = [
        ("bold", title),
        ("", board.label[0].upper() + board.label[1:] + "."),
        ("bold", board_headline(board)),
    ]
    return above + [("", f"{lead}: {text}") for lead, text in board_verdict(board, brief=True)]


def _remarks(board: HonestBoard, rows: pd.DataFrame, sources: Sequence[str]) -> list[str]:
    lost = rows[~rows["comparable"]]
    notes = [_HOW_TO_READ]
    if len(lost):
        groups = [f"no. {', '.join(part.index)} ({note})" for note, part in lost.groupby("notes", sort=False)]
        notes.append(
            f"{count(len(lost), 'entry', 'entries').capitalize()} not compared: {'; '.join(groups)}."
        )
    return [*notes, f"{board.label[0].upper()}{board.label[1:]}: {'; '.join(sources)}."]


def terminal_text(
    board: HonestBoard,
    rows: pd.DataFrame,
    *,
    title: str,
    sources: Sequence[str],
    top: int = 20,
    width: int = 110,
) -> str:
    """The board as plain text, aligned by blanks.

    Parameters
    ----------
    board : HonestBoard
    rows : DataFrame
        Its `board_rows`.
    title : str
    sources : sequence of str
        Where the published numbers come from.
    top : int
        Entries shown; readers are always shown.
    width : int
        Of the paragraphs, in characters; the table is as wide as it is.
    """
    columns = _columns(rows)
    lines: list[list[str] | str] = [[heading for heading, _, _ in columns]]
    for row in shown_rows(rows, top):
        lines.append(_more(row) if isinstance(row, int) else [text(row) for _, text, _ in columns])
    cells = [line for line in lines if not isinstance(line, str)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    indent = " " * (sum(widths[: [heading for heading, _, _ in columns].index("entry")]) + 2)
    table = [indent + line if isinstance(line, str) else _aligned(line, widths, columns) for line in lines]
    above = [textwrap.fill(text, width) for _, text in _introduction(board, title)]
    below = [textwrap.fill(text, width) for text in _remarks(board, rows, sources)]
    return "\n\n".join([*above, "\n".join(table), *below])


def _aligned(
    line: Sequence[str], widths: Sequence[int], columns: Sequence[tuple[str, Callable[[_Row], str], bool]]
) -> str:
    cells = [
        text.rjust(width) if right else text.ljust(width)
        for text, width, (_, _, right) in zip(line, widths, columns, strict=True)
    ]
    return "  ".join(cells).rstrip()


def rich_text(
    board: HonestBoard,
    rows: pd.DataFrame,
    *,
    title: str,
    sources: Sequence[str],
    top: int = 20,
    width: int = 110,
) -> str:
    """The same with the colours of a terminal; columns that `width` has no room for are left out and named."""
    from io import StringIO

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=StringIO(), force_terminal=True, width=width)
    for style, text in _introduction(board, title):
        console.print(Text(text, style=style), "")
    lines = list(shown_rows(rows, top))
    shown = [line for line in lines if not isinstance(line, int)]
    columns, hidden = _fitting(_columns(rows), shown, width)
    table = Table(box=None, padding=(0, 1), header_style="bold")
    wide = {column[0]: _wide(column, shown) for column in columns}
    wide["entry"] = min(
        _LONGEST_NAME, max(_LEAST_NAME, width - sum(size + 2 for size in wide.values()) + wide["entry"])
    )
    for heading, _, right in columns:
        table.add_column(
            heading,
            justify="right" if right else "left",
            width=wide[heading],
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in lines:
        if isinstance(row, int):
            table.add_row(
                *(Text(_more(row) if name == "entry" else "", style="dim") for name, _, _ in columns)
            )
        else:
            table.add_row(*(Text(text(row)) for _, text, _ in columns), style=_STYLES.get(row["kind"], ""))
    console.print(table)
    remarks = _remarks(board, rows, sources)
    if hidden:
        remarks.insert(0, f"Left out for want of width: {', '.join(hidden)} (--out writes everything).")
    for text in remarks:
        console.print("", Text(text, style="dim"), sep="\n")
    written = console.file
    assert isinstance(written, StringIO)
    return written.getvalue().rstrip("\n")
