"""What stands beside a page: its drawings as SVG and PDF, its tables as LaTeX, under the names that the page gives them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from mura_ensemble.report.document.blocks import Block, Drawing, Page, TableBlock
from mura_ensemble.report.document.latex import to_latex
from mura_ensemble.report.figures.save import svg_to_pdf

__all__ = ["drawings", "figure_files", "latex_files"]


def figure_files(page: Page) -> dict[str, str | bytes]:
    """The drawings of a page that have a file name: SVG text and, beside it, PDF bytes."""
    files: dict[str, str | bytes] = {}
    for drawing in drawings(page):
        files[drawing.file] = drawing.svg
        files[drawing.pdf] = svg_to_pdf(drawing.svg)
    return files


def drawings(page: Page) -> list[Drawing]:
    """The drawings of a page that have a file name."""
    return [block for block in _blocks(page) if isinstance(block, Drawing) and block.file]


def latex_files(page: Page, *, note: str = "") -> dict[str, str]:
    """The tables of a page among whose files a `.tex` is named; the label is `tab:` and that name.

    Parameters
    ----------
    page : Page
    note : str
        Added to every caption, e.g. that the data are simulated: a table that is pasted leaves its page behind.
    """
    return {
        file: to_latex(
            block.frame,
            block.columns,
            caption=f"{block.caption} {note}".strip(),
            label=f"tab:{PurePosixPath(file).stem}",
        )
        for block in _blocks(page)
        if isinstance(block, TableBlock)
        for file in block.files
        if file.endswith(".tex")
    }


def _blocks(page: Page) -> Iterator[Block]:
    for section in page.sections:
        yield from section.blocks
