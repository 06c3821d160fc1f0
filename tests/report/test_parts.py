"""Readers, panels, ensembles, probabilities and hardest studies: each number against another way to it."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gathered import compared, gather, long_named, shuffled, troubled
from headless import CHROMIUM, measure, print_pages
from shown import unexplained
from sklearn.metrics import brier_score_loss, cohen_kappa_score, roc_auc_score
from statsmodels.stats.multitest import multipletests

from mura_ensemble.comparison.gather.raters import RaterTable
from mura_ensemble.comparison.result import Comparison
from mura_ensemble.comparison.topics.hardest import independent_counts
from mura_ensemble.comparison.topics.readers import APPARENT, HIGHER, LOWER, OPEN
from mura_ensemble.report.document.blocks import render_markdown, render_page
from mura_ensemble.report.pages.comparison.page import comparison_methods, comparison_page
from mura_ensemble.report.pages.comparison.topics import topic_sections
from mura_ensemble.report.write import table_files, write_report

CONSTANTS = (
    "typical inflation of such a kappa is 0.06 to 0.13",
    "cover at least about 92 %",
    "Use 1,000 or more",
)


@pytest.fixture(scope="module")
def raters() -> RaterTable:
    return gather()


@pytest.fixture(scope="module")
def whole(raters: RaterTable) -> Comparison:
    return compared(raters)


CORE = ("rank-probabilities", "differences", "power")


def said_of_readers(comparison: Comparison) -> str:
    """The first paragraph of the readers' section."""
    (section,) = [section for section in topic_sections(comparison) if section.anchor == "readers"]
    return section.blocks[0].text  # type: ignore[union-attr]


def anchors(comparison: Comparison) -> list[str]:
    """The topics that need more than calls; the others stand in every comparison."""
    return [topic for topic in comparison.topics if topic not in CORE]


def test_a_whole_study_has_all_parts_in_the_readers_order(whole: Comparison) -> None:
    assert anchors(whole) == ["readers", "panels", "anatomy", "calibration", "hardest"]
    order = [section.anchor for section in comparison_page(whole).sections]
    assert order.index("readers") < order.index("panels") < order.index("anatomy") < order.index("hardest")
    assert len(comparison_methods(whole)) > 5, "each part says how it was done"


def test_differences_from_readers_are_the_paired_ones_adjusted_together(whole: Comparison) -> None:
    found = whole.tables["reader_differences"].set_index("reader", append=True)
    assert set(found.index.get_level_values("reader")) == {"reader_4", "reader_5"}, "nobody of the panel"
    assert set(found.index.get_level_values("rater")) == {"net_1", "net_2", "net_3", "mean_1", "mean_2"}
    pairs = whole.differences
    for (rater, reader), row in found.iterrows():
        own = pairs.loc[(rater, reader)]
        assert (row["difference"], row["p"]) == (own["difference"], own["p"])
        assert row["low"] == own["low"] or reader == whole.reference.rater  # type: ignore[union-attr]
    assert whole.reference is not None
    found = found.reset_index("reader")
    others = found[found["reader"] != whole.reference.rater]
    np.testing.assert_allclose(others["p_adjusted"], multipletests(others["p"], method="holm")[1])
    best = found[found["reader"] == whole.reference.rater]
    np.testing.assert_array_equal(
        best[["low", "high", "p_adjusted"]],
        whole.leaderboard.loc[best.index, ["diff_low", "diff_high", "p_adjusted"]],
        "one page has one answer",
    )


def test_nothing_is_claimed_that_the_adjusted_test_does_not_support(raters: RaterTable) -> None:
    gold = raters.studies["gold"].to_numpy(float)
    rng = np.random.default_rng(0)
    calls = raters.calls.assign(
        mean_1=np.where(rng.random(len(gold)) < 0.03, 1 - gold, gold),
        net_1=np.where(rng.random(len(gold)) < 0.45, 1 - gold, gold),
    )
    comparison = compared(replace(raters, calls=calls))
    found = comparison.tables["reader_differences"]
    clear = (found["p_adjusted"] < 0.05) & ((found["low"] > 0) | (found["high"] < 0))
    assert set(found["verdict"]) == {HIGHER, LOWER, OPEN}
    assert ((found["verdict"] != OPEN) == clear).all()
    assert (found.loc[found["verdict"] == HIGHER, "difference"] > 0).all()
    said = said_of_readers(comparison)
    assert "mean_1" in said
    assert "is shown to have a higher kappa than reader_" in said
    fitted = compared(replace(raters, calls=calls, apparent=("mean_1",)))
    assert set(fitted.tables["reader_differences"].loc["mean_1", "verdict"]) == {APPARENT}
    assert "mean_1" not in said_of_readers(fitted)
    quiet = compared(raters).tables["reader_differences"]
    if (quiet["verdict"] == OPEN).all():
        assert "No ensemble or backbone is shown to differ" in said_of_readers(compared(raters))


def test_a_panel_of_two_does_not_flatter_its_members_elsewhere() -> None:
    """On the studies that two readers agree on either is the other's double; other panels decide more studies."""
    raters = gather(n=300, patients=300, panel=2, ensembles=0)
    reading = raters.reading
    assert reading is not None
    agreed = reading["reader_1"] == reading["reader_2"]
    assert 10 < (~agreed).sum() < 150
    undecided = raters.calls[~agreed].assign(patient=raters.studies.loc[~agreed, "patient"])
    decided = replace(
        raters,
        calls=raters.calls[agreed],
        studies=raters.studies[agreed],
        probabilities=raters.probabilities[agreed],
        reading=reading[agreed],
    )
    short = compared(decided).tables["panel_ranges"].loc[["reader_1", "reader_2"], "mean"]
    whole = compared(replace(decided, undecided=undecided))
    ranges, panels = whole.tables["panel_ranges"], whole.tables["panels"]
    assert (ranges.loc[short.index, "mean"] < short - 0.05).all()
    for members, rows in panels.groupby(level="panel"):
        seats = members.split(" + ")
        gold = reading[seats].mean(axis=1).where(reading[seats[0]] == reading[seats[1]])
        kept = gold.notna()
        assert set(rows["n"]) == {kept.sum()}
        for rater in set(reading.columns) - set(seats):
            expected = cohen_kappa_score(gold[kept], reading.loc[kept, rater])
            assert rows.loc[rows["rater"] == rater, "kappa"].item() == pytest.approx(expected)


def test_panels_are_what_they_say(whole: Comparison, raters: RaterTable) -> None:
    panels, ranges = whole.tables["panels"], whole.tables["panel_ranges"]
    reading = raters.reading
    assert reading is not None
    assert panels.index.nunique() == 10
    for members in combinations(sorted(reading.columns), 3):
        gold = (reading[list(members)].sum(axis=1) > 1.5).astype(int)
        own = panels.loc[" + ".join(members)].set_index("rater")
        assert own.loc["net_2", "kappa"] == pytest.approx(cohen_kappa_score(gold, raters.calls["net_2"]))
        assert set(own.index[own["inside"]]) == set(members)
    here = panels[panels["here"]]
    assert set(here.index) == {"reader_1 + reader_2 + reader_3"}
    outside = here[~here["inside"]].set_index("rater")["kappa"]
    np.testing.assert_allclose(outside, whole.leaderboard.loc[outside.index, "kappa"])
    some = panels[(panels["rater"] == "reader_4") & ~panels["inside"]]
    assert ranges.loc["reader_4", ["mean", "lowest", "highest"]].tolist() == pytest.approx(
        [some["kappa"].mean(), some["kappa"].min(), some["kappa"].max()]
    )
    seats = whole.tables["panel_seats"]
    own = panels[(panels["rater"] == "reader_1") & panels["inside"]]["kappa"].mean()
    assert seats.loc["reader_1", "own"] == pytest.approx(own)
    assert (seats["bias"] > 0).all(), "a reader agrees with his own vote"


def test_ensembles_say_what_their_records_say(whole: Comparison, raters: RaterTable) -> None:
    found = whole.tables["ensembles"]
    assert (found["gap"] == found["apparent"] - found["nested"]).all()
    assert found["fitted_share"].tolist() == [0.45, 0.45]
    assert found["kappa"].tolist() == whole.leaderboard.loc[found.index, "kappa"].tolist()
    weights = whole.tables["ensemble_weights"].loc["mean_2"]
    assert weights["backbone"].tolist() == ["net_1", "net_2", "net_3"]
    nets = raters.probabilities[["net_1", "net_2", "net_3"]].mean(axis=1) > 0.5
    assert whole.tables["backbone_shares"]["share"].sum() == pytest.approx(
        cohen_kappa_score(raters.studies["gold"], nets)
    )
    pairs = whole.tables["backbone_pairs"].set_index("other", append=True)
    for (one, other), row in pairs.iterrows():
        assert row["agreement"] == pytest.approx((raters.calls[one] == raters.calls[other]).mean())


def test_probabilities_are_measured_as_others_measure_them(whole: Comparison, raters: RaterTable) -> None:
    found, bins = whole.tables["calibration"], whole.tables["reliability"]
    gold = raters.studies["gold"]
    for name, row in found.iterrows():
        values = raters.probabilities[str(name)]
        assert row["auroc"] == pytest.approx(roc_auc_score(gold, values))
        assert row["brier"] == pytest.approx(brier_score_loss(gold, values))
        own = bins.loc[[name]]
        off = (own["n"] * (own["observed"] - own["mean_probability"]).abs()).sum() / own["n"].sum()
        assert row["error"] == pytest.approx(off)
        assert row["error_low"] <= row["error"] <= row["error_high"]
    cuts = whole.tables["thresholds"]
    for name, row in cuts.iterrows():
        calls = raters.probabilities[str(name)] > row["best_threshold"]
        assert row["best_kappa"] == pytest.approx(cohen_kappa_score(gold, calls))
        assert row["gain"] >= -1e-12
    fixed = whole.tables["fixed_specificity"]
    assert (fixed["specificity"] >= fixed["wanted"] - 1e-12).all()
    assert (fixed["low"] <= fixed["sensitivity"] + 1e-12).all()


def test_independent_errors_by_enumeration() -> None:
    chances = np.array([[0.1, 0.4, 0.7], [0.2, np.nan, 0.5]])
    expected = np.zeros(4)
    for row in np.nan_to_num(chances):
        for wrong in product((0, 1), repeat=3):
            expected[sum(wrong)] += np.prod(np.where(wrong, row, 1 - row))
    np.testing.assert_allclose(independent_counts(chances), expected)


def test_hardest_studies_and_errors_together(whole: Comparison, raters: RaterTable) -> None:
    counts, board = whole.tables["errors_together"], whole.leaderboard
    voices = board[board["kind"] != "ensemble"]
    errors = (voices["fn"] + voices["fp"]).sum()
    assert (counts.index * counts["found"]).sum() == errors
    assert (counts.index * counts["expected"]).sum() == pytest.approx(errors)
    assert [counts["found"].sum(), counts["expected"].sum()] == pytest.approx([160, 160])
    studies = whole.tables["hardest_studies"]
    wrong = raters.calls[list(board.index)].ne(raters.studies["gold"], axis=0)
    first = str(studies.index[0])
    assert studies["wrong"].iloc[0] == wrong.sum(axis=1).max() == wrong.loc[first].sum()
    assert studies["wrong"].is_monotonic_decreasing
    together = whole.tables["backbones_together"].loc["backbones"]
    nets = wrong[["net_1", "net_2", "net_3"]].all(axis=1)
    assert together["wrong"] == nets.sum()
    assert together["wrong"] > together["expected"], "hard studies are hard for all"
    gold = raters.studies["gold"]
    assert together["ceiling"] == pytest.approx(cohen_kappa_score(gold, np.where(nets, 1 - gold, gold)))
    losses = whole.tables["ensemble_losses"]
    parts = ["all_backbones_wrong", "most_backbones_wrong", "at_most_half_wrong"]
    assert (losses[parts].sum(axis=1) == losses["wrong"]).all()
    assert (losses["wrong"] == board.loc[losses.index, ["fn", "fp"]].sum(axis=1)).all()


def everything(comparison: Comparison) -> list[str]:
    page = comparison_page(comparison)
    return [
        render_page(page),
        render_markdown(page),
        *table_files(comparison.tables, simulated=False).values(),
    ]


def test_no_order_moves_a_digit(raters: RaterTable, whole: Comparison) -> None:
    assert everything(compared(shuffled(raters))) == everything(whole)


def holes(raters: RaterTable) -> RaterTable:
    calls, probabilities = raters.calls.copy(), raters.probabilities.copy()
    for column, rows in (("net_1", slice(0, 20)), ("mean_1", slice(10, 15))):
        calls.loc[calls.index[rows], column] = np.nan
        probabilities.loc[calls.index[rows], column] = np.nan
    reading = raters.reading
    assert reading is not None
    reading = reading.copy()
    for reader, rows in (("reader_4", slice(30, 45)), ("reader_5", slice(0, 60))):
        calls.loc[calls.index[rows], reader] = np.nan
        reading.loc[calls.index[rows], reader] = np.nan
    return replace(raters, calls=calls, probabilities=probabilities, reading=reading)


def only(raters: RaterTable, *names: str) -> RaterTable:
    """Some raters alone."""
    return replace(
        raters,
        calls=raters.calls[list(names)],
        kinds={name: raters.kinds[name] for name in names},
        probabilities=raters.probabilities[[name for name in names if name in raters.probabilities]],
        ensembles=tuple(each for each in raters.ensembles if each.name in names),
    )


def one_class(raters: RaterTable) -> RaterTable:
    return replace(raters, studies=raters.studies.assign(gold=1))


def one_type(raters: RaterTable) -> RaterTable:
    return replace(raters, studies=raters.studies.assign(study_type="wrist"))


ODD = {
    "holes": (lambda: holes(gather()), {"readers", "panels", "anatomy", "calibration", "hardest"}),
    "no readers": (lambda: gather(readers=0, panel=0), {"anatomy", "calibration", "hardest"}),
    "labels and one reader": (lambda: gather(readers=1, panel=0), {"readers", "anatomy", "calibration", "hardest"}),
    "everybody in the panel": (lambda: gather(readers=3), {"anatomy", "calibration", "hardest"}),
    "no ensemble": (lambda: gather(ensembles=0), {"readers", "panels", "calibration", "hardest"}),
    "one backbone": (lambda: only(gather(readers=0, panel=0), "net_1"), {"calibration", "hardest"}),
    "readers only": (lambda: only(gather(), "reader_4", "reader_5"), {"panels", "hardest"}),
    "no probabilities": (
        lambda: replace(gather(), probabilities=gather().probabilities[[]], points={}, ensembles=()),
        {"readers", "panels", "hardest"},
    ),
    "one class": (lambda: one_class(gather()), {"readers", "panels", "anatomy", "hardest"}),
    "one study type": (lambda: one_type(gather()), {"readers", "panels", "anatomy", "calibration", "hardest"}),
    "a dozen studies": (lambda: gather(12, 10), {"readers", "panels", "anatomy", "calibration", "hardest"}),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_studies_have_the_parts_they_can_have(name: str, tmp_path: Path) -> None:
    make, expected = ODD[name]
    comparison = compared(make(), resamples=200)
    assert set(anchors(comparison)) == expected
    write_report(comparison, tmp_path / "report")
    lost, _ = unexplained(tmp_path / "report" / "report.html", texts=False)
    assert lost == []
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "nan" not in text.replace("Hanley", "").lower().split()


def test_the_text_follows_from_the_files_too(whole: Comparison, tmp_path: Path) -> None:
    write_report(whole, tmp_path / "report")
    types = pd.read_csv(tmp_path / "report" / "study_types.csv")
    studies, share = types["studies"].sum(), types["positives"].sum() / types["studies"].sum()
    worth = float(1 / (2 * studies * share * (1 - share)))
    lost, total = unexplained(
        tmp_path / "report" / "report.html", skip=("methods",), constants=CONSTANTS, derived=[worth]
    )
    assert lost == []
    assert total > 500


def test_drawings_say_simulated_only_where_it_is_so(whole: Comparison) -> None:
    simulated = compared(gather(simulated=True))
    for comparison, said in ((whole, False), (simulated, True)):
        drawings = [
            block
            for section in topic_sections(comparison)
            for block in section.blocks
            if block.kind == "drawing"
        ]
        assert len(drawings) >= 6
        for drawing in drawings:
            assert ("simulated data" in drawing.svg) is said, drawing.name


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_labels_stay_inside_their_drawings_and_tables_on_the_screen() -> None:
    made = {"short": gather(), "long": long_named(gather(300, 250, backbones=8, ensembles=5, readers=8))}
    pages = {name: render_page(comparison_page(compared(raters))) for name, raters in made.items()}
    answers, console = measure(pages, (400, 1100))
    assert console == []
    for answer in answers.values():
        assert (answer["overflow"], answer["wide"], answer["clipped"]) == (0, [], [])
        assert answer["loose"] == answer["nameless"] == answer["unreachable"] == 0


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_many_readers_still_fit_the_sheet(tmp_path: Path) -> None:
    comparison = compared(gather(120, 100, backbones=2, ensembles=1, readers=22), resamples=100)
    assert not comparison.topic_tables["panels"], "1,540 panels are for the verb that has the time"
    (panels,) = [section for section in topic_sections(comparison) if section.anchor == "panels"]
    assert "mura-ensemble readers" in panels.blocks[0].text  # type: ignore[union-attr]
    assert len(comparison.tables["reader_differences"]) == 3 * 19
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext")
    page = tmp_path / "report.html"
    page.write_text(render_page(comparison_page(comparison)), encoding="utf-8")
    print_pages(page, tmp_path / "report.pdf")
    boxes = subprocess.run(
        ["pdftotext", "-bbox", str(tmp_path / "report.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout
    assert max(float(right) for right in re.findall(r'xMax="([\d.]+)"', boxes)) <= 595.3 - 25


def test_checks_of_the_parts() -> None:
    by_code = {item.code: item for item in compared(troubled()).checks}
    assert "net_2" in by_code["ME024"].sentence
    assert "90.0 % of the studies of the fit" in by_code["ME025"].sentence.replace("\N{NO-BREAK SPACE}", " ")
    assert by_code["ME025"].level == "warning"
    assert (
        "mean_2 was fitted on studies that score it here; its nested kappa was 0.680"
        in by_code["ME026"].sentence
    )
    assert not {"ME025", "ME026"} & {item.code for item in compared(gather()).checks}


def test_twenty_raters_on_a_thousand_studies_are_small() -> None:
    whole = compared(gather(1_199, 900, backbones=11, ensembles=6, readers=6), resamples=1_000)
    plain = replace(whole, topics={})
    size = len(render_page(comparison_page(whole))) - len(render_page(comparison_page(plain)))
    assert 0 < size < 300_000


def test_a_result_holds_frames_and_says_itself_in_a_line(whole: Comparison) -> None:
    assert (
        repr(whole)
        == f"<Comparison {whole.title!r}: {len(whole.leaderboard)} raters on {whole.data.studies} studies>"
    )
    for tables in whole.topic_tables.values():
        assert all(isinstance(table, pd.DataFrame) for table in tables.values())
