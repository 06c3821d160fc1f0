"""What notebooks use agrees with the report they lead to."""

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
    return raters.compare(title="Simulated", resamples=1000)


def test_kappa_table_has_the_numbers_of_the_leaderboard(raters, comparison):
    rivals = [name for name, kind in raters.kinds.items() if kind != "panel reader"]
    table = me.kappa_table(raters.calls[rivals], raters.studies, resamples=1000)
    pd.testing.assert_frame_equal(
        table.sort_index(), comparison.leaderboard[table.columns].sort_index(), check_dtype=False
    )
    assert list(table["kappa"]) == sorted(table["kappa"], reverse=True)


def test_a_rater_table_compares_itself_with_all_it_knows(raters, comparison):
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
        assert figure._repr_svg_().lstrip().startswith("<?xml")
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


def test_without_cards_nobody_said_what_the_backbones_had_seen():
    views = me.read_predictions(SIMULATED, "valid")
    gold = me.read_labels(SIMULATED / "labels_valid.csv")
    assert me.fit_ensemble(me.pool_studies(views), gold, strategy="mean").fitted_on.role == "unknown"
