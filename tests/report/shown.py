"""What a report shows, read from its HTML, and what its CSV files say: every number of the one must come from the other.

Nothing here knows how a table was made. A number on the page is explained if a value in the rows that the cell or the
sentence names rounds to it, or the sum of two counts does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Table", "Text", "explained", "numbers_in", "read_page", "read_rows", "unexplained"]

Row = dict[str, Any]
_NUMBER = re.compile(r"(?<![\w.])([<>]?)([+−]?)(\d[\d,]*)(\.\d+)?(\s?%)?(?![\w]|\.\d)")
# Describe a rater or a row; the other columns of text say which row it is.
_DESCRIBING = {"kind", "interval", "notes", "label", "simulated", "verdict", "status", "reason"}


@dataclass
class Table:
    """A table as shown; cells are (first line, second line)."""

    section: str
    caption: str = ""
    head: list[tuple[str, str]] = field(default_factory=list)
    rows: list[list[tuple[str, str]]] = field(default_factory=list)
    named: list[int] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


@dataclass
class Text:
    """A sentence, a fact, or what a figure is called for those who do not see it."""

    section: str
    text: str


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.tables: list[Table] = []
        self.texts: list[Text] = []
        self.section = ""
        self.lead = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("wbr", "meta"):
            return
        self.open.append((tag, given.get("class", "")))
        if tag == "section":
            self.section = given["id"]
        elif tag == "table":
            self.tables.append(Table(self.section))
        elif tag == "tr" and not self._within("thead"):
            self.tables[-1].rows.append([])
        elif tag in ("td", "th"):
            cells = self._cells()
            if tag == "th" and given.get("scope") == "row":
                self.tables[-1].named.append(len(cells))
            cells.append(("", ""))
        elif tag == "a" and any(style == "quiet files" for _, style in self.open) and self.tables:
            self.tables[-1].files.append(given["href"])
        elif tag == "svg" and given.get("aria-label"):
            self.texts.append(Text(self.section, given["aria-label"]))
        elif tag in ("p", "li", "figcaption", "dt", "dd") and "files" not in given.get("class", ""):
            self.texts.append(Text(self.section, self.lead if tag == "dd" else ""))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass
        if tag == "dt":
            self.lead = f"{self.texts.pop().text}: "

    def handle_data(self, data: str) -> None:
        if self._within("svg") or self._within("style") or self._within("details"):
            return
        if self._within("caption"):
            self.tables[-1].caption += data
        elif self._within("td") or self._within("th"):
            cells = self._cells()
            first, second = cells[-1]
            detail = any("detail" in style for _, style in self.open)
            cells[-1] = (first, second + data) if detail else (first + data, second)
        elif self.texts and any(self._within(tag) for tag in ("p", "li", "figcaption", "dt", "dd")):
            if any("files" in style for _, style in self.open):
                return
            gap = " " if any("detail" in style for _, style in self.open) else ""
            self.texts[-1].text += gap + data

    def _within(self, tag: str) -> bool:
        return any(name == tag for name, _ in self.open)

    def _cells(self) -> list[tuple[str, str]]:
        table = self.tables[-1]
        return table.head if self._within("thead") else table.rows[-1]


def read_page(html: str) -> tuple[list[Table], list[Text]]:
    """Tables and texts of a page, in its order."""
    page = _Page()
    page.feed(html)
    return page.tables, [text for text in page.texts if text.text.strip()]


def read_rows(folder: Path) -> dict[str, list[Row]]:
    """Every CSV file of a folder as rows."""
    files = {}
    for path in sorted(folder.glob("*.csv")):
        frame = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"entry": str})
        files[path.name] = [
            {str(name): value for name, value in row.items()} for row in frame.to_dict("records")
        ]
    return files


@dataclass(frozen=True)
class Number:
    """A number as shown: its value, its decimals, and whether it is a bound or a percentage."""

    shown: str
    value: float
    decimals: int
    bound: str
    signed: bool

    def is_shown_of(self, value: float) -> bool:
        """Whether `value` would be printed like this."""
        if not np.isfinite(value):
            return False
        step = 10.0**-self.decimals
        scaled = 100 * value if "%" in self.shown else value
        if self.bound:
            return scaled < self.value + 1e-9 if self.bound == "<" else scaled > self.value - 1e-9
        near = abs(scaled - self.value) <= 0.5 * step * (1 + 1e-6) + 1e-9
        return near and (self.signed or scaled > -0.5 * step - 1e-9)


def numbers_in(text: str) -> Iterator[Number]:
    """The numbers of a text; digits that are part of a name are none."""
    for found in _NUMBER.finditer(text):
        bound, sign, whole, part, percent = found.groups()
        value = float(whole.replace(",", "") + (part or "")) * (-1 if sign == "−" else 1)
        yield Number(
            found[0] if percent else found[0].strip(), value, len(part or ".") - 1, bound, bool(sign)
        )


def explained(number: Number, values: Iterable[float]) -> bool:
    """Whether one of the values rounds to the number, or the sum of two counts is it."""
    values = list(values)
    if any(number.is_shown_of(value) for value in values):
        return True
    if number.decimals or "%" in number.shown:
        return False
    counts = [value for value in values if float(value).is_integer() and value >= 0]
    return any(one + other == number.value for one, other in combinations(counts, 2))


def unexplained(
    page: Path,
    *,
    texts: bool = True,
    skip: Sequence[str] = (),
    constants: Sequence[str] = (),
    derived: Sequence[float] = (),
) -> tuple[list[str], int]:
    """Numbers of a page that do not follow from the CSV files beside it, and how many numbers there are.

    Parameters
    ----------
    page : Path
        HTML, in the folder of its report.
    texts : bool
        Sentences, facts and the names of figures too, not tables alone.
    skip : sequence of str
        Sections whose texts quote formulas and sources; of their tables only those with CSV files are read.
    constants : sequence of str
        Phrases with numbers that no data decide.
    derived : sequence of float
        Computed from the CSV files by the caller.
    """
    folder = page.parent
    tables, said = read_page(page.read_text(encoding="utf-8"))
    files = read_rows(folder)
    lost, total = [], 0
    for table in tables:
        if table.section in skip and not any(name in files for name in table.files):
            continue
        for where, number, values in _cells_and_values(table, files, folder):
            total += 1
            if not explained(number, values):
                lost.append(f"{table.section}, {where}: {number.shown}")
    everywhere, mentioned = [*_summaries(files, folder), *derived], _Mentions(files)
    raters = max((len(rows) for name, rows in files.items() if name == "leaderboard.csv"), default=0)
    for text in said if texts else ():
        if text.section in skip:
            continue
        for phrase in constants:
            text.text = text.text.replace(phrase, "")
        whole = [*mentioned(text.text), *everywhere]
        for clause in _clauses(text.text):
            values = [*mentioned(clause), *everywhere]
            for number in numbers_in(clause):
                total += 1
                small = (
                    not number.decimals and "%" not in number.shown and 0 <= number.value <= max(10, raters)
                )
                if not (small or explained(number, values) or explained(number, whole)):
                    lost.append(f"{text.section}, '{clause.strip()[:90]}': {number.shown}")
    return lost, total


def _cells_and_values(
    table: Table, files: dict[str, list[Row]], folder: Path
) -> Iterator[tuple[str, Number, list[float]]]:
    rows = [row for name in table.files for row in files.get(name, [])]
    if not rows:
        said = "".join(
            (folder / name).read_text(encoding="utf-8") for name in table.files if name.endswith(".json")
        )
        for cells in table.rows:
            for text in (part for cell in cells for line in cell for part in line.split(": ")):
                assert json.dumps(text, ensure_ascii=False)[1:-1] in said, (
                    f"{table.section}: '{text}' is in no file"
                )
        return
    known = _names(rows)
    for cells in table.rows:
        names = {text for text, _ in cells}
        for (heading, _), (text, detail) in zip(table.head, cells, strict=True):
            if text.casefold() in known:
                continue
            chosen = _nearest(rows, names | {heading})
            values = [float(len(chosen)), *(value for row in chosen for value in _values(row))]
            for number in numbers_in(f"{text} ; {detail}"):
                yield f"'{next(iter(cells))[0]}' / {heading}", number, values
    for heading, below in table.head:
        for number in numbers_in(below):
            yield f"heading {heading}", number, [v for row in _nearest(rows, {heading}) for v in _values(row)]


def _names(rows: Sequence[Row]) -> set[str]:
    return {value.casefold() for row in rows for value in row.values() if isinstance(value, str)}


def _nearest(rows: Sequence[Row], names: set[str]) -> list[Row]:
    """The rows all of whose names are given; without such, those that most of the names point to."""
    said = {name.casefold() for name in names if not name.isdecimal()}
    whole = [row for row in rows if (own := _identity(row)) and all(name.casefold() in said for name in own)]
    if whole:
        return whole
    hits = [
        sum(isinstance(value, str) and value.casefold() in said for value in row.values()) for row in rows
    ]
    best = max(hits, default=0)
    return [row for row, hit in zip(rows, hits, strict=True) if hit == best]


def _identity(row: Row) -> list[str]:
    return [value for name, value in row.items() if isinstance(value, str) and name not in _DESCRIBING]


def _values(row: Row) -> list[float]:
    return [
        float(value)
        for value in row.values()
        if isinstance(value, int | float | np.number) and not isinstance(value, bool) and not np.isnan(value)
    ]


def _clauses(text: str) -> list[str]:
    return re.split(r"(?<=[;.?]) (?=\S)", text)


class _Mentions:
    """Values of the rows all of whose names stand in a text."""

    def __init__(self, files: dict[str, list[Row]]) -> None:
        rows = [row for rows in files.values() for row in rows]
        self.rows = [(names, _values(row)) for row in rows if (names := _identity(row))]

    def __call__(self, text: str) -> list[float]:
        words = set(re.findall(r"\w+|[\w*()<>&$.+-]+", text))
        return [
            value
            for names, values in self.rows
            if all(name in words or (" " in name and name in text) for name in names)
            for value in values
        ]


def _summaries(files: dict[str, list[Row]], folder: Path) -> list[float]:
    """What a sentence may say of all: how many rows, sums of counts, ranges of kappa, and the scalars of the record."""
    found: list[float] = []
    for rows in files.values():
        frame = pd.DataFrame(rows)
        found += [len(frame), len(frame) / 2]
        for _, column in frame.select_dtypes("integer").items():
            found += [float(column.sum()), float(column.min()), float(column.max())]
        if "kind" in frame and "kappa" in frame:
            for kappas in [frame["kappa"], *(part["kappa"] for _, part in frame.groupby("kind"))]:
                found += [float(kappas.min()), float(kappas.mean()), float(kappas.max())]
            found += [float(size) for size in frame["kind"].value_counts()]
    for name in ("comparison.json", "board.json"):
        if (folder / name).exists():
            found += _scalars(json.loads((folder / name).read_text(encoding="utf-8")))
    return [value for value in found if np.isfinite(value)]


def _scalars(record: Any) -> list[float]:
    """Numbers of a record that stand alone, not in lists of rows."""
    if isinstance(record, dict):
        return [number for value in record.values() for number in _scalars(value)]
    return [float(record)] if isinstance(record, int | float) and not isinstance(record, bool) else []
