"""The pages of published results: the same numbers everywhere, nothing left out, nothing claimed too much."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from shown import unexplained

from mura_ensemble.data.numbers import estimate, interval, rank_range
from mura_ensemble.published import analyse_board, mura_honest_board
from mura_ensemble.report.pages.published.files import board_files
from mura_ensemble.report.pages.published.rows import board_rows
from mura_ensemble.report.pages.published.verdict import (
    MURA_SOURCES,
    board_headline,
    span,
    span_of_probabilities,
    span_of_rates,
)

LABEL = "inferred from published results"


def files_of(board, sources=MURA_SOURCES):
    return board_files(board, board_rows(board), title="A board", sources=sources, made_by="test 1", seed=0)


@pytest.fixture(scope="module")
def board(mura_board):
    return mura_board


@pytest.fixture(scope="module")
def files(board):
    return files_of(board)


@pytest.fixture(scope="module")
def foreign():
    """Four kappas of 30 studies, 15 abnormal; the last cannot be."""
    frame = pd.DataFrame(
        {"model": ["A <b>", "B | ensemble", "C_&", "liar"], "kappa": [0.867, 0.8, 0.733, 0.79]},
        index=pd.RangeIndex(1, 5, name="entry"),
    )
    return analyse_board(frame, 30, 15)


class Tables(HTMLParser):
    """Text of the cells of every table; links; whether anything is fetched."""

    def __init__(self, page):
        super().__init__()
        self.tables, self.links, self.fetched, self.inside = [], [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.inside = True
            self.tables[-1][-1].append("")
        elif tag == "span" and "detail" in found.get("class", ""):
            self.tables[-1][-1][-1] += "|"
        elif tag == "a":
            self.links.append(found["href"])
        if tag in ("script", "img", "link", "iframe"):
            self.fetched.append(tag)

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.tables[-1][-1][-1] += data


def leaderboard_of(page):
    return next(table for table in Tables(page).tables if table[0][0] == "Rank")


def test_numbers_on_the_page_are_those_of_the_csv(files, tmp_path):
    (tmp_path / "leaderboard.csv").write_text(files["leaderboard.csv"])
    rows = pd.read_csv(
        tmp_path / "leaderboard.csv", keep_default_na=False, na_values={"": []}, dtype={"entry": str}
    )
    number = ["kappa", "low", "high", "published_low", "published_high", "better_low", "better_high"]
    rows[number] = rows[number].apply(pd.to_numeric)
    head, *shown = leaderboard_of(files["report.html"])
    assert len(shown) == len(rows) == 84 + 3
    for cells, (_, row) in zip(shown, rows.iterrows(), strict=True):
        cell = dict(zip(head, cells, strict=True))
        limits = interval(row["low"], row["high"]) if np.isfinite(row["low"]) else "no interval"
        assert cell["Kappa"] == f"{estimate(row['kappa'])}|{limits}"
        assert cell["Entry"].split("|")[0] == row["name"]
        assert cell["Wrong calls"].startswith(span(float(row["errors_low"]), float(row["errors_high"])))
        rates = (float(row["sensitivity_low"]), float(row["sensitivity_high"]))
        assert cell["Sensitivity"] == span_of_rates(*rates)
        assert cell["Better than next"] == span_of_probabilities(row["better_low"], row["better_high"])
        if row["kind"] != "reader":
            assert cell["Published"].split("|")[1] == interval(row["published_low"], row["published_high"])
            assert f"no. {row['entry']}, " in cell["Entry"]
        if row["shared_rank"] != "" and not pd.isna(row["shared_rank"]):
            ranks = rank_range(float(row["rank_low"]), float(row["rank_high"]))
            assert cell["Rank"] == f"{int(float(row['shared_rank']))}|{ranks}"


def test_every_number_of_every_table_is_in_the_files_named_below_it(files, tmp_path):
    for name, text in files.items():
        if "/" not in name:
            (tmp_path / name).write_text(text, encoding="utf-8")
    lost, total = unexplained(tmp_path / "report.html", texts=False, skip=["provenance"])
    assert lost == []
    assert total > 900


def test_all_rows_are_on_the_page_in_markdown_and_in_the_forest(board, files):
    svg = ET.fromstring(files["figures/forest.svg"])
    drawn = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    for _, row in board_rows(board).iterrows():
        assert sum(text.startswith(row["name"][:40]) for text in drawn) >= 1
        assert f"{estimate(row['kappa'])}  (" in " ".join(drawn)
    assert files["report.md"].count("| no. ") + files["report.md"].count("(no. ") >= 84


def test_the_published_limits_are_drawn_twenty_times_too_narrow(board, files):
    lines = re.findall(
        r'd="M([\d.]+) [\d.]+L([\d.]+) [\d.]+" style="stroke:#1b2026;stroke-width:2.6',
        files["figures/forest.svg"],
    )
    widths = np.array([float(end) - float(start) for start, end in lines])
    rows = board_rows(board)
    used = rows[rows["published_high"].notna()]
    assert (used["kind"] == "reader").sum() == 3
    pixels = (815 - 345) / (1 - 0.3)
    published = (used["published_high"] - used["published_low"]).to_numpy() * pixels
    np.testing.assert_allclose(widths, published, atol=0.11)
    honest = (used["high"] - used["low"]).to_numpy() * pixels
    assert 15 < np.nanmedian(honest / published) < 25


def test_verdict_first_in_the_order_asked_for(files):
    anchors = re.findall(r'<section id="([^"]+)"', files["report.html"])
    wanted = [
        "verdict", "leaderboard", "forest", "ranks", "readers", "study-types", "comparisons", "planning",
        "other-studies", "same-tables", "ensembles", "methods", "assumptions", "provenance",
    ]  # fmt: skip
    assert anchors == wanted


def test_no_reader_is_said_to_be_beaten_unless_shown(board):
    assert board_headline(board).startswith(
        "No model on this board is shown to be better than the best reader"
    )
    against = board.comparisons.copy()
    ahead = (against.index.get_level_values("against") == "Radiologist 3") & (against["difference"] > 0)
    against.loc[ahead, ["p_low", "p_high"]] = [0.001, 0.04]
    beaten = replace(board, comparisons=against)
    assert board_headline(beaten).startswith("9 models of this board are better than the best reader")
    against.loc[ahead, "p_high"] = 0.2
    assert "depends on overlaps" in board_headline(replace(board, comparisons=against))
    assert "No model" not in board_headline(replace(board, comparisons=against))


def test_every_file_is_labelled_and_cites_its_sources(files):
    for name, text in files.items():
        if name.endswith(".csv"):
            assert text.splitlines()[0].split(",")[-1] == "label"
            assert all(line.endswith(LABEL) for line in text.splitlines()[1:])
        elif not name.endswith((".svg", ".pdf")):
            assert LABEL in text.lower(), name
            assert "stanfordmlgroup.github.io/competitions/mura" in text.replace("\\", ""), name
            assert "1712.06957" in text, name


def test_the_page_needs_nothing_beside_itself_and_links_what_is_there(files):
    page = Tables(files["report.html"])
    assert page.fetched == []
    local = {link for link in page.links if not link.startswith("#")}
    assert local <= set(files)
    assert {
        "leaderboard.csv",
        "leaderboard.tex",
        "comparisons.csv",
        "readers.csv",
        "figures/forest.svg",
    } <= local
    assert len(files["report.html"].encode()) < 1_000_000
    assert "prefers-color-scheme: dark" in files["report.html"]
    assert "@media print" in files["report.html"]


def test_drawings_take_the_colours_of_the_theme(files):
    from mura_ensemble.report.figures.theme import COLOURS

    body = files["report.html"].split("</style>")[1]
    assert not re.search("|".join(light for light, _ in COLOURS.values()), body)
    for name in ("forest", "ranks", "operating_points", "study_types"):
        ET.fromstring(files[f"figures/{name}.svg"])


def test_the_same_to_the_byte(board, files):
    assert files_of(mura_honest_board()) == files


def test_nothing_undefined_reaches_a_reader(files):
    for name in ("report.html", "report.md", "leaderboard.tex", "comparisons.tex", "readers.tex"):
        found = re.search(r"(?<![\w])(nan|NaN|None|inf|<NA>|&lt;NA&gt;)(?![\w])", files[name])
        assert found is None, (name, files[name][max(0, found.start() - 80) : found.end() + 40])


def test_methods_name_formulas_and_sources(files):
    for words in (
        "1.96 v",
        "p_o (1 - p_o) / (n (1 - p_e)^2)",
        "Psychometrika",
        "Rev Econ Stud 91:476",
        "Connor 1987",
    ):
        assert words in files["report.html"]


def test_latex_is_balanced_and_escaped(files, foreign):
    theirs = files_of(foreign, sources=("theirs_50%.csv",))
    for text in (files["leaderboard.tex"], files["comparisons.tex"], theirs["leaderboard.tex"]):
        assert text.count(r"\begin{") == text.count(r"\end{")
        caption = re.search(r"\\caption\{.*", text)[0]
        assert not re.search(r"(?<!\\)[%&_#]", caption)
        columns = len(re.search(r"\\begin\{tabular\}\{(\w+)\}", text)[1])
        rows = [line for line in text.splitlines() if r"\\" in line]
        assert all(len(re.findall(r"(?<!\\)&", line)) == columns - 1 for line in rows)


def test_a_foreign_board_shows_ranges_and_names_the_impossible_kappa(foreign):
    files = files_of(foreign, sources=("theirs.csv",))
    text = files["report.html"]
    assert "A &lt;b&gt;" in text
    assert "stanford" not in text.lower()
    assert "no table gives kappa 0.790 at n = 30" in text
    lost = [row for row in leaderboard_of(text) if row[0] == "–"]
    assert len(lost) == 1
    assert "liar" in "".join(lost[0])
    assert "Readers" not in re.findall(r"<h2[^>]*>([^<]+)", text)
    assert "unknown" in text
    record = json.loads(files["board.json"])
    assert record["sources"] == ["theirs.csv"]
    assert record["unknown"]


def test_a_foreign_board_of_unknown_classes_is_drawn_without_a_plane():
    frame = pd.DataFrame({"kappa": [0.84, 0.83, 0.78, 0.71]}, index=pd.RangeIndex(1, 5, name="entry"))
    files = files_of(analyse_board(frame, 207), sources=("theirs.csv",))
    assert "figures/operating_points.svg" not in files
    assert "figures/forest.svg" in files


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((0.001, 0.2), "<0.01 to 0.20"),
        ((0.5, 0.5), "0.50"),
        ((0.94, 0.9999), "0.94 to >0.99"),
        ((np.nan, 0.5), "–"),
    ],
)
def test_no_probability_is_printed_as_never_or_always(ends, said):
    assert span_of_probabilities(*ends) == said


def test_the_committed_report_is_what_the_verb_writes_now(files):
    folder = Path(__file__).parents[2] / "reports" / "mura-leaderboard"
    for name in ("leaderboard.csv", "comparisons.csv", "readers.csv", "ranks.csv"):
        kept, made = pd.read_csv(folder / name), pd.read_csv(StringIO(files[name]))
        pd.testing.assert_frame_equal(kept, made, check_exact=False, rtol=1e-6, atol=1e-9)
    assert (
        json.loads((folder / "board.json").read_text())["headline"]
        == json.loads(files["board.json"])["headline"]
    )
