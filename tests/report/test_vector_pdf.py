"""Drawings as PDF: vectors, text and no trace of when or where they were made."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader

from mura_ensemble.comparison.compare import Comparison
from mura_ensemble.report.figures import intervals as figures
from mura_ensemble.report.figures.save import svg_to_pdf
from mura_ensemble.report.figures.svg import Svg

ROOT = Path(__file__).parents[2]
WRITE = """
import sys
from pathlib import Path
from tests.report.conftest import make_study
from mura_ensemble.report.write import write_report
write_report(make_study(60, 50).compare(simulated=True, resamples=200), Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def forest(comparison: Comparison) -> str:
    return figures.forest(comparison.leaderboard, simulated=True)


def test_a_drawing_is_one_page_of_vectors_with_its_text(forest: str, comparison: Comparison) -> None:
    reader = PdfReader(io.BytesIO(svg_to_pdf(forest)))
    (page,) = reader.pages
    width, height = (float(number) for number in forest.split('viewBox="0 0 ')[1].split('"')[0].split())
    assert (float(page.mediabox.width), float(page.mediabox.height)) == pytest.approx(
        (width, height), abs=0.1
    )
    assert not page.images
    text = page.extract_text()
    assert "simulated data" in text
    for name, rater in comparison.leaderboard.iterrows():
        assert str(name) in text
        assert f"{rater['kappa']:.3f}" in text


def test_a_pdf_says_nothing_of_time_and_place(forest: str) -> None:
    written = svg_to_pdf(forest)
    assert written == svg_to_pdf(forest)
    assert b"Date" not in written
    assert PdfReader(io.BytesIO(written)).metadata == {"/Producer": "mura-ensemble"}


def test_names_that_no_font_has_do_not_break_it() -> None:
    drawing = Svg(300, 40)
    drawing.text(10, 20, "日本 <b> & $x$ κ − …", bold=True)
    text = PdfReader(io.BytesIO(svg_to_pdf(drawing.done()))).pages[0].extract_text()
    assert "<b> & $x$ κ − …" in text


def test_two_processes_write_the_same_bytes_whatever_their_hash_seed(tmp_path: Path) -> None:
    written = []
    for seed in ("1", "4242"):
        out = tmp_path / seed / "report"
        subprocess.run(
            [sys.executable, "-c", WRITE, str(out)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            check=True,
            timeout=120,
        )
        written.append(
            {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
        )
    first, second = written
    assert first.keys() == second.keys()
    assert {name for name in first if name.endswith((".pdf", ".svg"))}
    assert [name for name in first if first[name] != second[name]] == []
