"""A finished frame as a table for a manuscript: LaTeX that compiles whatever the names in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from mura_ensemble.report.document.columns import Column, detail_of, rows_of, text_of

__all__ = ["escape_latex", "to_latex"]

_LATEX = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\N{MINUS SIGN}": "$-$",
    "\N{NO-BREAK SPACE}": "~",
    "\N{DAGGER}": r"$\dagger$",
    "\N{GREEK SMALL LETTER KAPPA}": r"$\kappa$",
    "\N{EN DASH}": "--",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\le$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\ge$",
    "\N{MIDDLE DOT}": r"$\cdot$",
    "\N{SUPERSCRIPT TWO}": "$^2$",
    "\N{DEGREE SIGN}": r"$^\circ$",
    "\N{HORIZONTAL ELLIPSIS}": r"\dots{}",
    "\N{RIGHTWARDS ARROW}": r"$\to$",
    "\N{LEFT SINGLE QUOTATION MARK}": "`",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
    '"': "''",
    "\n": " ",
    **{sign: f"{{{sign}}}" for sign in "[*"},  # after a line's end they would be its arguments
}


def to_latex(frame: pd.DataFrame, columns: Sequence[Column], *, caption: str = "", label: str = "") -> str:
    """A `table` environment for the packages booktabs and graphicx; text only, every special character escaped.

    Second lines of cells and headings stand in small type below the first. A table that is wider than the page is
    scaled to its width.
    """
    columns = [column for column in columns if column.text]
    layout = "".join("r" if column.align == "right" else "l" for column in columns)
    body = [
        line
        for row in rows_of(frame)
        for line in _latex_lines((text_of(column, row), detail_of(column, row)) for column in columns)
    ]
    lines = [
        r"% \usepackage{booktabs,graphicx}",
        r"\begin{table}",
        r"\centering",
        *([rf"\caption{{{escape_latex(caption)}}}"] if caption else []),
        *([rf"\label{{{label}}}"] if label else []),
        r"\par\smallskip\setlength{\tabcolsep}{3pt}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{layout}}}",
        r"\toprule",
        *_latex_lines((column.heading, column.below) for column in columns),
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escape_latex(text: str) -> str:
    """Plain text that every LaTeX engine sets as it is; a letter that pdfTeX has no glyph for as its code point."""
    return "".join(
        _LATEX.get(sign, sign if _latex_knows(sign) else f"{{[}}U+{ord(sign):04X}]") for sign in text
    )


def _latex_knows(sign: str) -> bool:
    """ASCII, and Latin letters with the accents that LaTeX can put on them."""
    if sign.isascii():
        return sign.isprintable()
    parts = unicodedata.normalize("NFD", sign)
    accented = sign < "\u0180" and len(parts) == 2 and not parts.endswith("\N{COMBINING OGONEK}")
    return accented or sign in "ßæÆœŒøØłŁı"


def _latex_lines(cells: Iterable[tuple[str, str]]) -> Iterator[str]:
    """One line of a table, and one in small type below it if a cell has a second line."""
    first, second = zip(*cells, strict=True)
    yield " & ".join(map(escape_latex, first)) + r" \\"
    if any(second):
        small = (rf"\scriptsize {escape_latex(detail)}" if detail else "" for detail in second)
        yield " & ".join(small) + r" \\[2pt]"
