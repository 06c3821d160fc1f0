"""Colours, marks and names of the families, once, for figures, tables and the page.

Hues are told apart by people with any common colour vision (orange, grey, blue), and every family has a mark of its
own, so nothing hangs on colour alone. Each light colour has a partner for dark pages; both keep a contrast of
4.5 to 1 with their surface where they carry text, and of 3 to 1 where they are drawn and must be seen (`guide`: the
ends of a band, lines of equal kappa). `line` and `band` only decorate what is also drawn or said.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COLOURS", "FAMILIES", "Family"]

COLOURS: dict[str, tuple[str, str]] = {
    "ink": ("#1b2026", "#e8eaed"),
    "quiet": ("#56606b", "#a9b2bd"),
    "line": ("#d5dae0", "#3a424c"),
    "surface": ("#fffffe", "#14181d"),
    "raised": ("#f5f7f9", "#1d232a"),
    "ensemble": ("#b94a00", "#ff9e4a"),
    "backbone": ("#636c76", "#a4adb7"),
    "reader": ("#0067a8", "#62b4f2"),
    "guide": ("#7c8792", "#6f7a86"),
    "band": ("#d3e6f3", "#1d3a50"),
    "warning": ("#8a5a00", "#f0b849"),
}
"""Name to (light, dark). The light hex codes are unique: inline SVG finds its theme colour by them."""


@dataclass(frozen=True)
class Family:
    """How the raters of one kind are called and drawn.

    Attributes
    ----------
    one, many : str
        Singular and plural for sentences.
    marker : str
        Matplotlib's name of the mark.
    """

    one: str
    many: str
    marker: str


FAMILIES: dict[str, Family] = {
    "ensemble": Family("ensemble", "ensembles", "D"),
    "backbone": Family("backbone", "backbones", "o"),
    "reader": Family("reader", "readers", "s"),
}
