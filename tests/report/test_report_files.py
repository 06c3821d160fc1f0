"""The folder: whole, repeatable, self-contained, and the same numbers everywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.comparison.compare import Comparison
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.numbers import estimate, p_value, percent, signed
from mura_ensemble.report.write import write_report

NAMES = {
    "report.html", "report.md", "comparison.json", "contents.json",
    *(f"{table}.tex" for table in ("leaderboard", "by_study_type", "study_types", "operating_points", "power")),
    *(f"{table}.{ending}" for table in ("leaderboard", "by_study_type", "differences", "study_types",
                                        "rank_probabilities", "pairs_told_apart", "power", "power_needed")
      for ending in ("csv", "json")),
    *(f"figures/{name}.{ending}" for name in ("forest", "by_study_type", "sensitivity_specificity",
                                              "rank_probabilities", "pairs")
      for ending in ("svg", "pdf")),
}  # fmt: skip
VOID = {"meta", "br", "wbr", "img", "link", "input", "hr"}


@pytest.fixture(scope="module")
def folder(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "report"
    write_report(comparison, out)
    return out


class Reader(HTMLParser):
    """Tables by caption, ids, links and balance of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.used: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.labels = 0

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.note(tag, attrs)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.note(tag, attrs)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and "svg" not in self.open:
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "span" and self.open[-2:-1] and self.open[-2] in ("td", "th", "abbr"):
            self.tables[-1][-1][-1] += "|"

    def note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            elif name == "href" and tag == "a":
                self.links.append(str(value))
            elif name in ("src", "srcset", "data", "action") or (
                name in ("href", "xlink:href") and tag != "a"
            ):
                (self.used if str(value).startswith("#") else self.loaded).append(str(value))
        if tag == "svg" and dict(attrs).get("role") == "img":
            self.labels += bool(dict(attrs).get("aria-label"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.tables and self.tables[-1] and self.tables[-1][-1] and {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


def read_page(folder: Path) -> Reader:
    reader = Reader()
    reader.feed((folder / "report.html").read_text(encoding="utf-8"))
    return reader


def test_every_file_is_there_and_small(folder: Path) -> None:
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == NAMES
    assert (folder / "report.html").stat().st_size < 1_000_000


def test_the_page_is_balanced_and_loads_nothing(folder: Path) -> None:
    page = read_page(folder)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids)), "ids are unique across all drawings"
    assert page.loaded == []
    assert {use[1:] for use in page.used} <= set(page.ids)
    assert page.labels == 5, "every drawing has a text for a screen reader"
    for link in page.links:
        assert link[1:] in page.ids if link.startswith("#") else (folder / link).is_file()
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"url\((?!#)|@import|<script", html)
    for clip in re.findall(r"url\(#([^)]+)\)", html):
        assert clip in page.ids
    assert "prefers-color-scheme: dark" in html
    assert "<style" not in html.split("</head>")[1], "a style sheet of a drawing would rule the page"
    assert not re.search(r"(?:fill|stroke): #(?!f{3,6}\b)", html), "a colour that would not follow the theme"


def test_every_number_of_the_leaderboard_is_in_the_csv(folder: Path) -> None:
    board = pd.read_csv(folder / "leaderboard.csv").set_index("rater")
    shown = next(table for table in read_page(folder).tables if table[0][0].startswith("Rank"))
    assert len(shown) == len(board) + 1
    for cells, (name, row) in zip(shown[1:], board.iterrows(), strict=True):
        rank, rater, kappa, _, difference, p, highest, differs, *_ = cells
        note = f"; {row['notes']}" if isinstance(row["notes"], str) else ""
        assert rater == f"{name}|{row['kind']}{note}"
        low, high = (f"{row[side]:.0f}" for side in ("rank_low", "rank_high"))
        assert rank == (low if low == high else f"{low} to {high}")
        dagger = "†" if row["small"] else ""
        assert kappa == f"{estimate(row['kappa'])}{dagger}|{estimate(row['low'])} to {estimate(row['high'])}"
        assert highest == percent(row["p_best"], 0)
        assert differs == f"{row['fn'] + row['fp']} of {row['n']}|{row['fn']} missed, {row['fp']} false"
        if np.isnan(row["difference"]):
            assert difference == "reference"
        else:
            limits = f"{signed(row['diff_low'])} to {signed(row['diff_high'])}"
            assert difference == f"{signed(row['difference'])}|{limits}"
            assert p == f"{p_value(row['p_adjusted'])}|alone {p_value(row['p'])}"


def test_kappa_can_be_recomputed_from_the_counts_on_disk(folder: Path) -> None:
    for name in ("leaderboard", "by_study_type"):
        table = pd.read_csv(folder / f"{name}.csv")
        tp, fn, fp, tn = (table[cell].astype(float) for cell in ("tp", "fn", "fp", "tn"))
        kappa = 2 * (tp * tn - fn * fp) / ((tp + fp) * (fp + tn) + (tp + fn) * (fn + tn))
        np.testing.assert_allclose(table["kappa"], kappa, atol=1e-11)


def test_csv_json_and_markdown_agree(folder: Path, comparison: Comparison) -> None:
    for name in ("leaderboard", "by_study_type", "differences", "study_types"):
        table = pd.read_csv(folder / f"{name}.csv", keep_default_na=True)
        stored = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        assert stored["simulated"] is True
        assert table.pop("simulated").all()
        rows = pd.DataFrame(stored["rows"])
        for column in table.columns:
            if pd.api.types.is_numeric_dtype(table[column]):
                np.testing.assert_array_equal(table[column], rows[column].astype(float), err_msg=column)
    everything = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert everything["provenance"]["keys"] == {"a": "0" * 64}
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert text.count("Simulated data") >= 1
    for kappa in comparison.leaderboard["kappa"]:
        assert f"{kappa:.3f}" in text


def test_the_same_comparison_gives_the_same_bytes(folder: Path, new_study: Callable, tmp_path: Path) -> None:
    again = new_study().compare(
        simulated=True, provenance={"keys": {"a": "0" * 64}}, notes={"stack": "out-of-fold"}
    )
    write_report(again, tmp_path / "elsewhere")
    for name in NAMES:
        assert (folder / name).read_bytes() == (tmp_path / "elsewhere" / name).read_bytes(), name


def test_an_earlier_report_is_replaced_and_a_stranger_is_spared(
    comparison: Comparison, new_study: Callable, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    write_report(comparison, out)
    study = new_study(40, 40)
    study.studies["study_type"] = "wrist"
    write_report(study.compare(), out)
    assert not (out / "figures" / "by_study_type.svg").exists(), "nothing stays of the earlier report"
    assert "imulated" not in (out / "report.md").read_text(encoding="utf-8")
    (out / "my_notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=r"my_notes\.txt"):
        write_report(comparison, out)
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert [path.name for path in tmp_path.iterdir()] == ["report"], "nothing half-written is left"


def test_a_failure_leaves_the_earlier_report(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mura_ensemble.report.document import folder as module

    out = tmp_path / "report"
    write_report(comparison, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(module, "write_json", broken)
    with pytest.raises(OSError, match="disk full"):
        write_report(comparison, out)
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_file_is_not_a_folder(comparison: Comparison, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file")
    with pytest.raises(InputError, match="is a file"):
        write_report(comparison, tmp_path / "report")


@pytest.mark.parametrize(
    "kept", [["stack"], ["stack", "mean"], ["reader_4", "reader_5"], ["densenet169", "reader_4"]]
)
def test_any_mixture_of_raters_gives_a_page(new_study: Callable, tmp_path: Path, kept: list[str]) -> None:
    study = new_study(40, 35)
    study.calls = study.calls[kept]
    study.calls.iloc[:5, 0] = np.nan
    out = tmp_path / "<b>&"
    write_report(study.compare(title="<i>A & B</i>"), out)
    page = read_page(out)
    assert page.open == []
    assert "<i>A" not in (out / "report.html").read_text(encoding="utf-8")


def test_what_ranks_rest_on_is_written_and_names_stay_literal(new_study: Callable, tmp_path: Path) -> None:
    found = new_study(60, 60).compare(
        resamples=200,
        warnings=["Patients are not known."],
        provenance={"ensembles": {"ensemble_mean.json": "0" * 64}},
    )
    write_report(found, tmp_path / "report")
    written = json.loads((tmp_path / "report" / "comparison.json").read_text(encoding="utf-8"))
    assert (written["ranked_studies"], written["ranked_resamples"]) == (60, found.ranked_resamples)
    assert written["data"]["patients"] is None
    cells = [row[0] for table in read_page(tmp_path / "report").tables for row in table]
    assert "ensembles: ensemble_mean.json" in cells
