"""The report as people will see it: on a wide screen, on a phone, in the dark and on paper."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from headless import CHROMIUM, measure, photograph, print_pages
from pypdf import PdfReader

from mura_ensemble.comparison.compare import Comparison
from mura_ensemble.comparison.reader_study.study import study_readers
from mura_ensemble.published import analyse_board
from mura_ensemble.report.document.blocks import render_page
from mura_ensemble.report.figures.theme import COLOURS
from mura_ensemble.report.pages.comparison.page import comparison_page
from mura_ensemble.report.pages.published.page import board_page
from mura_ensemble.report.pages.published.rows import board_rows
from mura_ensemble.report.pages.readers.page import reader_page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
WIDTHS = (400, 1100)
PAGES = ("comparison", "board", "readers", "long names")


@pytest.fixture(scope="module")
def pages(comparison: Comparison, new_study: Callable) -> dict[str, str]:
    kappas = pd.DataFrame(
        {"model": ["one (ensemble)", "two", "a_name_that_is_as_long_as_they_come_in_practice", "four"],
         "kappa": [0.867, 0.8, 0.733, 0.6]},
        index=pd.RangeIndex(1, 5, name="entry"),
    )  # fmt: skip
    board = analyse_board(kappas, 30, 15)
    rng = np.random.default_rng(2)
    index = pd.Index([f"s{i:03}" for i in range(60)], name="study")
    truth = rng.random(60) < 0.45
    reads = pd.DataFrame(
        (truth[:, None] ^ (rng.random((60, 4)) < 0.15)).astype(float),
        index,
        [f"reader_{j}" for j in range(4)],
    )
    model = pd.DataFrame({"a_model_with_a_long_name": truth ^ (rng.random(60) < 0.1)}, index).astype(float)
    rates = {f"{kind}_{'without_a_break' * 4}": (kind, 0.1) for kind in ("ensemble", "backbone", "reader")}
    long = new_study(40, 40, rates=rates).compare(
        title="a_title_of_one_word" * 8, resamples=100, provenance={"keys": {"a" * 90: "0" * 64}}
    )
    made = (
        comparison_page(comparison),
        board_page(
            board, board_rows(board), title="A board", sources=("theirs.csv",), made_by="test", seed=0
        ),
        reader_page(study_readers(reads, model, resamples=100), simulated=True),
        comparison_page(long),
    )
    return dict(zip(PAGES, map(render_page, made), strict=True))


@pytest.fixture(scope="module")
def seen(pages: dict[str, str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    return measure(pages, WIDTHS)


@pytest.fixture(scope="module")
def opened(pages: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(pages["comparison"], encoding="utf-8")
    return path


def test_nothing_is_fetched_and_nothing_is_complained_of(seen: Any, pages: dict[str, str]) -> None:
    answers, console = seen
    assert console == []
    for answer in answers.values():
        assert answer["requests"] == []
    for text in pages.values():
        assert not re.search(
            r"""(?:src|srcset|data|action)=|url\((?!#)|@import|<(?:script|link|iframe|object)""", text
        )
        for target in re.findall(r'href="([^"]*)"', text):
            assert not re.match(r"[a-z]+:|//", target), "links stay in the folder"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_it_fits_the_screen(seen: Any, name: str, width: int) -> None:
    answer = seen[0][f"{name} {width}"]
    assert answer["overflow"] == 0
    assert answer["wide"] == []
    assert answer["clipped"] == [], "a label that leaves its figure"


@pytest.mark.parametrize("name", PAGES)
def test_it_can_be_read_with_keyboard_and_ear(seen: Any, name: str) -> None:
    answer = seen[0][f"{name} 1100"]
    levels = [level for level, _ in answer["headings"]]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert answer["first_stop"] == "skip"
    assert answer["sections"][0] == "verdict"
    assert {"header", "main"} <= set(answer["landmarks"])
    assert answer["loose"] == answer["nameless"] == answer["unreachable"] == 0


def test_dark_is_dark_and_light_is_light(opened: Path) -> None:
    for theme, dark in enumerate((False, True)):
        picture = photograph(opened, 900, 700, dark=dark)
        codes = {
            name: tuple(int(pair[theme][i : i + 2], 16) for i in (1, 3, 5)) for name, pair in COLOURS.items()
        }
        shares = {
            name: float((np.abs(picture.astype(int) - code).max(axis=2) <= 1).mean())
            for name, code in codes.items()
        }
        assert shares["surface"] + shares["raised"] > 0.6
        assert shares["ink"] > 0.001, "text in the ink of this theme"
        assert shares["warning"] > 0.0002, "the banner that says the data are simulated"


@pytest.fixture(scope="module")
def printed(opened: Path) -> Path:
    target = opened.with_suffix(".pdf")
    print_pages(opened, target)
    return target


def test_it_prints_whole_on_few_pages(printed: Path, comparison: Comparison) -> None:
    reader = PdfReader(printed)
    assert 3 <= len(reader.pages) <= 12
    texts = [page.extract_text() for page in reader.pages]
    for number, (page, text) in enumerate(zip(reader.pages, texts, strict=True), start=1):
        size = [float(length) for length in (page.mediabox.width, page.mediabox.height)]
        assert size == pytest.approx([595.3, 841.9], abs=1), "A4, upright"
        assert f"{number} / {len(reader.pages)}" in text
        assert "Simulated data" in text, "said on every sheet"
    whole = "\n".join(texts)
    for section in comparison_page(comparison).sections:
        assert section.title.lower() in whole.lower()
    for kappa in comparison.leaderboard["kappa"]:
        assert f"{kappa:.3f}" in whole
    assert "What the columns mean" not in whole, "nothing to click on paper"
    assert "Agreement with the gold standard beyond chance, and its interval." in whole, (
        "but all that it hides"
    )


def test_no_heading_ends_a_page_and_no_short_table_is_cut(printed: Path, comparison: Comparison) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext")
    boxes = subprocess.run(
        ["pdftotext", "-bbox-layout", str(printed), "-"], capture_output=True, text=True, check=True
    ).stdout
    titles = {section.title for section in comparison_page(comparison).sections[1:]}
    found, places = set(), []
    for page in boxes.split("<page ")[1:]:
        lines = [
            (float(line[1]), " ".join(re.findall(r">([^<]+)</word>", line[2])))
            for line in re.finditer(r'<line [^>]*yMax="([\d.]+)">(.*?)</line>', page, re.DOTALL)
        ]
        right = max(float(value) for value in re.findall(r'<word [^>]*xMax="([\d.]+)"', page))
        assert right <= 595.3 - 25, "nothing runs off the sheet"
        body = [(y, text) for y, text in lines if 45 < y < 841.9 - 45]
        for y, text in body:
            if text in titles:
                found.add(text)
                assert any(below > y + 15 for below, _ in body), f"'{text}' stands alone at the end of a page"
        places.append([text for _, text in body])
    assert found == titles
    names = [str(name) for name in comparison.leaderboard.index]
    (sheet,) = [page for page in places if "Leaderboard" in page]
    start = sheet.index("Leaderboard")
    assert all(any(name in line for line in sheet[start:]) for name in names), "the whole table on one sheet"
