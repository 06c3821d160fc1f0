"""What notebooks use agrees with the report they lead to."""

import re
from pathlib import Path

import pandas as pd
import pytest

import mura_ensemble as me

SIMULATED = Path(__file__).parents[2] / "predictions" / "simulated"
PANEL = ["reader_1", "reader_2", "reader_3"]


@pytest.fixture(scope="module")
def raters():
    return me.assemble_raters(SIMULATED, "test", readers=SIMULATED / "readers_test.csv", panel=PANEL)


@pytest.fixture(scope="module")
def comparison(raters):
    return me.compare_assembled(raters, title="Simulated", resamples=1000)


def test_kappa_table_has_the_numbers_of_the_leaderboard(raters, comparison):
    rivals = [name for name, kind in raters.kinds.items() if kind != "panel reader"]
    table = me.kappa_table(raters.calls[rivals], raters.studies, resamples=1000)
    pd.testing.assert_frame_equal(
        table.sort_index(), comparison.leaderboard[table.columns].sort_index(), check_dtype=False
    )
    assert list(table["kappa"]) == sorted(table["kappa"], reverse=True)


def test_what_was_assembled_is_compared_with_all_it_knows(raters, comparison):
    by_hand = me.compare_raters(
        raters.calls, raters.studies, raters.kinds, title="Simulated", resamples=1000,
        simulated=raters.simulated, notes=raters.notes, apparent=raters.apparent, warnings=raters.warnings,
        provenance=raters.provenance,
    )  # fmt: skip
    pd.testing.assert_frame_equal(by_hand.leaderboard, comparison.leaderboard)
    assert by_hand.provenance == comparison.provenance
    assert comparison.simulated


def test_figures_show_themselves_in_a_notebook(comparison):
    drawn = me.draw_figures(comparison)
    assert {"forest", "sensitivity_specificity"} <= set(drawn)
    for figure in drawn.values():
        shown = figure._repr_svg_()
        assert shown.lstrip().startswith(("<?xml", "<svg"))
        assert re.search(r'max-width: [0-9.]+(pt|px)"', shown)
        assert "simulated data" in figure


def test_cards_travel_with_the_studies_and_labels_may_hold_more():
    valid = me.read_study_probabilities(SIMULATED, "valid")
    gold = me.read_labels(SIMULATED / "labels_valid.csv")
    more = pd.concat([gold.iloc[::-1], pd.Series({"another/study": 1})])
    stack = me.fit_ensemble(valid, more, strategy="stack")
    assert stack.fitted_on.role == "held-out"
    assert stack.fitted_on.simulated
    assert stack == me.fit_ensemble(valid, gold, strategy="stack", cards=valid.cards)
    with pytest.raises(me.InputError, match="gold standard: no label for study"):
        me.fit_ensemble(valid, gold.iloc[1:], strategy="mean")


def test_lines_say_each_estimate_with_its_interval_and_n():
    table = pd.DataFrame(
        {
            "kappa": [0.8, float("nan")],
            "low": [0.71, float("nan")],
            "high": [0.88, float("nan")],
            "n": [1200, 3],
        },
        index=["net", "a reader"],
    )
    assert me.kappa_lines(table, data="simulated") == (
        "simulated: net       kappa 0.800 (0.710 to 0.880), n = 1,200\n"
        "simulated: a reader  kappa undefined (undefined), n = 3"
    )


def test_ensemble_table_repeats_what_the_fit_said():
    ensembles = [me.load_ensemble(path) for path in sorted((SIMULATED / "ensembles").glob("*.json"))]
    table = me.ensemble_table(ensembles)
    assert list(table.index) == [ensemble.name for ensemble in ensembles]
    assert table["simulated"].all()
    assert list(table["gap"]) == pytest.approx(list(table["apparent"] - table["nested"]))
    first = me.kappa_lines(table, column="nested").splitlines()[0]
    found = ensembles[0].evaluation
    assert first.startswith(f"{ensembles[0].name} ")
    assert f"nested kappa {found.nested:.3f} ({found.low:.3f} to {found.high:.3f}), n = 1,199" in first


def test_a_missing_probability_is_no_call():
    views = me.read_predictions(SIMULATED, "test", ["sim_resnet50"])
    rows = views["sim_resnet50"].copy()
    lost = rows["study"] == rows["study"].iloc[0]
    rows.loc[lost, ["probability", "logit", "status", "reason"]] = [
        float("nan"),
        float("nan"),
        "failed",
        "gone",
    ]
    studies = me.pool_studies({"net": rows}, missing="renormalise")
    calls = studies.calls()["net"]
    assert calls.isna().sum() == 1
    assert calls.index[calls.isna()][0] == rows["study"].iloc[0]
    assert calls.dropna().equals((studies.probabilities["net"].dropna() > 0.5).astype(float))


def test_without_cards_nobody_said_what_the_backbones_had_seen():
    views = me.read_predictions(SIMULATED, "valid")
    gold = me.read_labels(SIMULATED / "labels_valid.csv")
    assert me.fit_ensemble(me.pool_studies(views), gold, strategy="mean").fitted_on.role == "unknown"
