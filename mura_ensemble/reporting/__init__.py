"""From finished calls to a page: comparison, checks, words, tables, figures, report."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mura_ensemble.reporting.compare import Comparison, compare_raters
    from mura_ensemble.reporting.page import Page, render_markdown, render_page
    from mura_ensemble.reporting.report import write_report

__all__ = ["Comparison", "Page", "compare_raters", "render_markdown", "render_page", "write_report"]

_HOME = {
    "Comparison": "compare",
    "compare_raters": "compare",
    "Page": "page",
    "render_markdown": "page",
    "render_page": "page",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
