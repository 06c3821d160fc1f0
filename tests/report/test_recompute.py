"""Every number of a report can be computed again from the CSV files beside it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from shown import Number, explained, numbers_in, read_page, unexplained
from statsmodels.stats.multitest import multipletests

from mura_ensemble.commands.work.comparison import report_raters
from mura_ensemble.commands.work.readers import analyse_readers
from mura_ensemble.report.write import write_report
from mura_ensemble.stats.planning.power import detectable_difference

SIMULATED = Path(__file__).parents[2] / "predictions" / "simulated"
QUOTING = ("methods",)
# Phrases with numbers that are the same in every report; where each comes from is said in the methods or the documents.
CONSTANTS = (
    "typical inflation of such a kappa is 0.06 to 0.13",
    "cover at least about 92 %",
    "Use 1,000 or more",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "report"
    report_raters(
        SIMULATED,
        out,
        split="test",
        readers=SIMULATED / "readers_test.csv",
        panel=("reader_1", "reader_2", "reader_3"),
        ensembles=sorted((SIMULATED / "ensembles").glob("*.json")),
        title="A whole report",
        resamples=1_000,
    )
    return out


@pytest.fixture(scope="module")
def gaps(new_study: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = new_study(140, 110)
    study.calls.iloc[:9, 0] = np.nan
    study.calls.iloc[4:30, 3] = np.nan
    out = tmp_path_factory.mktemp("gaps") / "report"
    write_report(study.compare(resamples=300, apparent=["stack"]), out)
    return out


def worth_of_a_study(folder: Path) -> float:
    types = pd.read_csv(folder / "study_types.csv")
    studies, share = types["studies"].sum(), types["positives"].sum() / types["studies"].sum()
    return float(1 / (2 * studies * share * (1 - share)))


@pytest.mark.parametrize("which", ["folder", "gaps"])
def test_every_number_on_the_page_follows_from_the_files(which: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(which)
    lost, total = unexplained(
        report / "report.html", skip=QUOTING, constants=CONSTANTS, derived=[worth_of_a_study(report)]
    )
    assert lost == []
    assert total > 300


def test_every_number_of_the_readers_follows_from_the_files(tmp_path: Path) -> None:
    analyse_readers(
        SIMULATED / "readers_test.csv",
        tmp_path / "found",
        predictions=SIMULATED,
        split="test",
        backbones=("sim_convnext_tiny", "sim_mobilenet_v3"),
        resamples=200,
    )
    lost, total = unexplained(tmp_path / "found" / "readers.html", texts=False)
    assert lost == []
    assert total > 100


def test_a_changed_file_is_noticed(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "report")
    board = pd.read_csv(folder / "leaderboard.csv")
    numbers = board.select_dtypes("float").columns.difference(["place", "rank", "rank_low", "rank_high"])
    board[numbers] += 0.0037
    board.to_csv(tmp_path / "report" / "leaderboard.csv", index=False)
    lost, _ = unexplained(tmp_path / "report" / "report.html", texts=False)
    (table, *_) = read_page((folder / "report.html").read_text(encoding="utf-8"))[0]
    cells = [number for row in table.rows for cell in row for number in numbers_in(" ; ".join(cell))]
    shown = sum(number.decimals == 3 for number in cells)
    assert sum(line.startswith("leaderboard") for line in lost) > 0.8 * shown


@pytest.mark.parametrize("which", ["folder", "gaps"])
def test_markdown_has_the_cells_of_the_page(which: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(which)
    shown = [
        [
            f"{first} ({second})" if second else first
            for (first, second), (heading, _) in zip(row, table.head, strict=True)
            if not re.fullmatch(r"[\d.−]+ to [\d.−]+", heading)  # drawn, not written
        ]
        for table in read_page((report / "report.html").read_text(encoding="utf-8"))[0]
        for row in table.rows
    ]
    lines = (report / "report.md").read_text(encoding="utf-8").splitlines()
    written = [
        [re.sub(r"\\(.)", r"\1", cell) for cell in re.split(r"(?<!\\) \| ", line[2:-2])]
        for above, line in pairwise(lines)
        if line.startswith("| ") and above.startswith("| ") and not line.startswith(("| ---", "| ---:"))
    ]
    assert written == shown


def test_counts_give_kappa_sensitivity_and_specificity(folder: Path, gaps: Path) -> None:
    tables = 0
    for path in [*folder.glob("*.csv"), *gaps.glob("*.csv")]:
        table = pd.read_csv(path)
        if not {"tp", "fn", "fp", "tn", "kappa"} <= set(table.columns):
            continue
        tables += 1
        tp, fn, fp, tn = (table[name].astype(float) for name in ("tp", "fn", "fp", "tn"))
        n = tp + fn + fp + tn
        expected = ((tp + fn) * (tp + fp) + (fp + tn) * (fn + tn)) / n**2
        np.testing.assert_allclose(table["kappa"], ((tp + tn) / n - expected) / (1 - expected), atol=1e-11)
        np.testing.assert_array_equal(table["n"], n)
        for name, right, all_of in (("sensitivity", tp, tp + fn), ("specificity", tn, tn + fp)):
            if name in table:
                np.testing.assert_allclose(table[name], right / all_of, atol=1e-11)
        if "positives" in table:
            np.testing.assert_array_equal(table["positives"], tp + fn)
    assert tables >= 4


@pytest.mark.parametrize("which", ["folder", "gaps"])
def test_differences_and_adjusted_p_values_follow(which: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(which)
    pairs = pd.read_csv(report / "differences.csv")
    board = pd.read_csv(report / "leaderboard.csv").set_index("rater")
    record = json.loads((report / "comparison.json").read_text(encoding="utf-8"))
    np.testing.assert_allclose(pairs["difference"], pairs["kappa"] - pairs["kappa_reference"], atol=1e-11)
    once = pairs[
        pairs["rater"].map(list(board.index).index) < pairs["reference"].map(list(board.index).index)
    ]
    np.testing.assert_allclose(once["p_all_pairs"], multipletests(once["p"], method="holm")[1], atol=1e-11)
    against = board[board["p"].notna()]
    reference, among = record["reference"]["rater"], record["reference"]["among"]
    own = pairs[pairs["reference"] == reference].set_index("rater").loc[against.index]
    for name in ("difference", "p"):
        np.testing.assert_allclose(against[name], own[name], atol=1e-11)
    # The reference was picked as the best: above it means above all, below it means below one of them.
    counted = []
    for rater, row in own.iterrows():
        plain = pairs[(pairs["rater"] == rater) & pairs["reference"].isin(among) & pairs["p"].notna()]
        above = plain["p"].where(plain["difference"] > 0, 1.0).max()
        counted.append(above if row["difference"] > 0 else min(1.0, len(plain) * row["p"]))
    np.testing.assert_allclose(against["p_adjusted"], multipletests(counted, method="holm")[1], atol=1e-11)
    assert len(among) > 1
    assert (against["diff_low"] <= own["low"] + 1e-11).all()
    assert (against["diff_high"] >= own["high"] - 1e-11).all()
    if not board["missing"].any():
        wrong = board["fn"] + board["fp"]
        gap = wrong.loc[pairs["reference"]].to_numpy() - wrong.loc[pairs["rater"]].to_numpy()
        np.testing.assert_array_equal(pairs["only_rater_right"] - pairs["only_reference_right"], gap)


def test_the_scalars_of_the_record_follow_from_the_tables(folder: Path) -> None:
    record = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    types = pd.read_csv(folder / "study_types.csv")
    board = pd.read_csv(folder / "leaderboard.csv")
    pairs = pd.read_csv(folder / "differences.csv")
    data = record["data"]
    assert data["studies"] == types["studies"].sum() == board["n"].max()
    assert data["positives"] == types["positives"].sum()
    assert data["prevalence"] == pytest.approx(data["positives"] / data["studies"])
    kappas = board.loc[board["kind"] == "reader", "kappa"]
    band = record["readers"]
    assert (band["count"], band["lowest"], band["mean"], band["highest"]) == pytest.approx(
        (len(kappas), kappas.min(), kappas.mean(), kappas.max())
    )
    own = pairs[pairs["reference"] == record["reference"]["rater"]]
    middle = float(((own["only_rater_right"] + own["only_reference_right"]) / own["n"]).median())
    found = detectable_difference(
        data["patients"], middle, prevalence=data["prevalence"], alpha=1 - record["level"]
    )
    assert record["detectable"] == pytest.approx(float(found))
    assert record["compared"] == board["p"].notna().sum()


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("0.775", 0.77524, True), ("0.775", 0.7756, False), ("−0.100", -0.1004, True), ("0.100", -0.1004, False),
        ("<0.001", 0.0004, True), ("<0.001", 0.002, False), ("41 %", 0.4118, True), (">99 %", 0.9999, True),
        ("10,000", 10_000, True), ("reader_6", 6, False), ("+0.065", 0.0651, True), ("1e-3", 1, False),
    ],
)  # fmt: skip
def test_a_number_is_known_by_how_it_is_written(text: str, value: float, shown: bool) -> None:
    found: list[Number] = list(numbers_in(text))
    assert any(explained(number, [value]) for number in found) is shown
