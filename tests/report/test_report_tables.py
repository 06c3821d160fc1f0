from __future__ import annotations

from html.parser import HTMLParser

import pandas as pd
import pytest

from mura_ensemble.report.document import columns as tables
from mura_ensemble.report.document.columns import Column
from mura_ensemble.report.document.latex import to_latex
from mura_ensemble.report.figures.theme import FAMILIES

FRAME = pd.DataFrame(
    {"kappa": [0.8, float("nan")], "note": ["<b>50 % & $x_1$ | more</b>", "~^{}\\"]},
    index=pd.Index(["a_b", "c*d"], name="rater"),
)


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_html_escapes_and_names_its_rows() -> None:
    html = tables.to_html(
        FRAME, tables.columns_of(FRAME, {"kappa": lambda value: f"{value:.2f}"}), caption="A & B"
    )
    cells = Cells()
    cells.feed(html)
    assert cells.tags.count("b") == 0
    assert "<b>50 % & $x_1$ | more</b>" in cells.text
    assert "A & B" in cells.text
    assert html.count('<th scope="row">') == 2
    assert html.count('scope="col"') == 3


def test_markdown_has_equal_cells_in_every_line() -> None:
    text = tables.to_markdown(FRAME, tables.columns_of(FRAME))
    lines = text.splitlines()
    assert len(lines) == 4
    assert {line.replace("\\|", "").count("|") for line in lines} == {4}
    assert "a\\_b" in text
    assert "\\<b\\>" in text


def test_latex_escapes_every_special_character() -> None:
    text = to_latex(FRAME, tables.columns_of(FRAME), caption="50 %", label="tab:x")
    assert r"\textless{}b\textgreater{}50 \% \& \$x\_1\$ \textbar{} more" in text
    assert r"\textasciitilde{}\textasciicircum{}\{\}\textbackslash{}" in text
    assert r"\begin{tabular}{lrl}" in text
    assert text.count(r"\\") == 3


def test_marks_are_drawn_in_html_only() -> None:
    mark = Column(
        "bar",
        None,
        mark=lambda row: tables.interval_bar(row["kappa"], 0.7, 0.9, scale=(0, 1), band=(0.2, 0.4)),
    )
    columns = [Column("rater", lambda row: row["rater"], header=True), mark]
    html = tables.to_html(FRAME, columns)
    assert html.count("<svg") == 1, "an undefined kappa has no bar"
    assert 'd="M123.2 11H158.4"' in html
    assert "bar" not in tables.to_markdown(FRAME, columns)
    assert "bar" not in to_latex(FRAME, columns)


def test_every_family_has_a_bar_of_its_own() -> None:
    bars = {
        tables.interval_bar(0.8, 0.7, 0.9, scale=(0, 1), style=f"kind-{kind}").replace(kind, "")
        for kind in FAMILIES
    }
    assert len(bars) == len(FAMILIES)


@pytest.mark.parametrize("bad", ["`", "[", "#", "|"])
def test_markdown_escape(bad: str) -> None:
    assert tables.escape_markdown(bad) == f"\\{bad}"


def test_names_break_after_underscores_and_are_otherwise_literal() -> None:
    html = tables.to_html(FRAME, tables.columns_of(FRAME))
    assert '<th scope="row">a_<wbr>b</th>' in html
    assert "a_b" in tables.to_html(FRAME, [Column("rater", lambda row: row["rater"])])
