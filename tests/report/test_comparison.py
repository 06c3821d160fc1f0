from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from mura_ensemble.comparison.compare import Comparison
from mura_ensemble.data.errors import InputError
from mura_ensemble.stats.comparing.paired import compare_kappas


def kappa_of_counts(row: pd.Series) -> float:
    n = row["tp"] + row["fn"] + row["fp"] + row["tn"]
    observed = (row["tp"] + row["tn"]) / n
    called = (row["tp"] + row["fp"]) / n
    abnormal = (row["tp"] + row["fn"]) / n
    expected = called * abnormal + (1 - called) * (1 - abnormal)
    return (observed - expected) / (1 - expected)


def test_every_kappa_is_that_of_its_counts_and_of_scikit_learn(new_study: Callable) -> None:
    study = new_study()
    found = study.compare()
    for name, row in found.leaderboard.iterrows():
        assert row["kappa"] == pytest.approx(kappa_of_counts(row), abs=1e-12)
        assert row["kappa"] == pytest.approx(
            cohen_kappa_score(study.studies["gold"], study.calls[name]), abs=1e-12
        )
        assert row["sensitivity"] == pytest.approx(row["tp"] / (row["tp"] + row["fn"]))
        assert row["specificity"] == pytest.approx(row["tn"] / (row["tn"] + row["fp"]))
        assert row["low"] < row["kappa"] < row["high"]
    for (name, study_type), row in found.by_study_type.iterrows():
        own = study.studies["study_type"] == study_type
        wanted = cohen_kappa_score(study.studies["gold"][own], study.calls.loc[own, name])
        assert row["kappa"] == pytest.approx(wanted, abs=1e-12)
        assert row["n"] == own.sum()


def test_differences_are_paired_antisymmetric_and_against_the_best_reader(new_study: Callable) -> None:
    study = new_study()
    found = study.compare()
    board, pairs = found.leaderboard, found.differences
    readers = board[board["kind"] == "reader"]
    assert found.reference is not None
    assert found.reference.rater == readers["kappa"].idxmax()
    assert found.reference.role == "best reader"
    assert len(pairs) == len(board) * (len(board) - 1)
    for (rater, reference), row in pairs.iterrows():
        assert row["difference"] == pytest.approx(
            board.loc[rater, "kappa"] - board.loc[reference, "kappa"], abs=1e-12
        )
        back = pairs.loc[(reference, rater)]
        assert (row["low"], row["high"], row["p"]) == (-back["high"], -back["low"], back["p"])
    clusters = np.unique(study.studies["patient"], return_inverse=True)[1]
    again = compare_kappas(
        study.studies["gold"],
        study.calls["stack"],
        study.calls[found.reference.rater],
        clusters=clusters,
        rng=0,
    )
    assert board.loc["stack", "p"] == pytest.approx(again.p_swap)
    pair = pairs.loc[("stack", found.reference.rater)]
    assert (pair["low"], pair["high"]) == (pytest.approx(again.low), pytest.approx(again.high))
    assert board.loc["stack", "diff_low"] <= pair["low"], "the best of several is a maximum"


def test_holm_over_the_comparisons_made(comparison: Comparison) -> None:
    from statsmodels.stats.multitest import multipletests

    p = comparison.leaderboard["p"].dropna()
    assert comparison.compared == len(p) == len(comparison.leaderboard) - 1
    once = comparison.differences[
        [
            one < other for one, other in comparison.differences.index
        ]  # every pair stands there in both directions
    ]
    np.testing.assert_allclose(once["p_all_pairs"], multipletests(once["p"], method="holm")[1])


def test_nothing_depends_on_the_order_of_studies_or_raters(new_study: Callable) -> None:
    study = new_study(60, 50)
    found = study.compare()
    study.calls = study.calls.iloc[::-1, ::-1]
    study.studies = study.studies.sample(frac=1, random_state=1)
    again = study.compare()
    pd.testing.assert_frame_equal(found.leaderboard, again.leaderboard, check_exact=True)
    pd.testing.assert_frame_equal(found.by_study_type, again.by_study_type, check_exact=True)
    pd.testing.assert_frame_equal(found.differences, again.differences, check_exact=True)
    assert found.provenance == again.provenance


def test_shared_ranks_and_their_sets(comparison: Comparison) -> None:
    board = comparison.leaderboard
    assert (board["rank"] == board["rank_low"]).all()
    assert ((board["rank_low"] <= board["place"]) & (board["place"] <= board["rank_high"])).all()
    assert board["p_best"].sum() == pytest.approx(1)
    assert board["kappa"].is_monotonic_decreasing


def test_without_readers_the_reference_is_the_best_backbone(new_study: Callable) -> None:
    study = new_study(80, 80)
    study.calls = study.calls.drop(columns=["reader_4", "reader_5"])
    found = study.compare()
    assert found.readers is None
    assert found.reference is not None
    assert found.reference.role == "best backbone"
    assert "ME009" in {item.code for item in found.checks}
    assert "ME010" not in {item.code for item in found.checks}, "every patient has one study"


def test_a_single_rater_has_an_interval_and_no_comparison(new_study: Callable) -> None:
    study = new_study(80, 80)
    study.calls = study.calls[["stack"]]
    found = study.compare()
    row = found.leaderboard.loc["stack"]
    assert found.reference is None
    assert found.differences.empty
    assert np.isnan(row["difference"])
    assert (row["rank_low"], row["rank_high"], row["p_best"]) == (1, 1, 1)
    assert row["low"] < row["kappa"] < row["high"]


def test_a_rater_with_missing_calls_is_compared_on_what_it_called(new_study: Callable) -> None:
    study = new_study()
    study.calls.loc[study.calls.index[:40], "stack"] = np.nan
    found = study.compare()
    row = found.leaderboard.loc["stack"]
    assert (row["n"], row["missing"]) == (110, 40)
    assert found.differences.loc[("stack", "mean"), "n"] == 110
    both = study.calls.index[40:]
    gold = study.studies["gold"][both]
    wanted = cohen_kappa_score(gold, study.calls.loc[both, "stack"]) - cohen_kappa_score(
        gold, study.calls.loc[both, "mean"]
    )
    assert found.differences.loc[("stack", "mean"), "difference"] == pytest.approx(wanted)
    assert "ME004" in {item.code for item in found.checks}


def test_a_study_without_any_call_counts_as_missing_for_all(new_study: Callable) -> None:
    study = new_study(60, 60)
    study.calls = study.calls.iloc[5:]
    found = study.compare()
    assert (found.leaderboard["missing"] == 5).all()
    assert found.data.studies == 60


def test_undefined_stays_undefined_and_is_explained(new_study: Callable) -> None:
    study = new_study(90, 90)
    elbow = study.studies["study_type"] == "elbow"
    study.studies.loc[elbow, "gold"] = 0
    study.calls.loc[elbow, "stack"] = 0.0
    study.calls["silent"] = np.nan
    study.kinds["silent"] = "backbone"
    found = study.compare()
    cell = found.by_study_type.loc[("stack", "elbow")]
    assert np.isnan(cell[["kappa", "low", "high"]].astype(float)).all()
    assert found.leaderboard.index[-1] == "silent"
    silent = found.leaderboard.loc["silent"]
    assert np.isnan(silent[["kappa", "rank", "difference", "p_adjusted"]].astype(float)).all()
    said = {item.code: item.sentence for item in found.checks}
    assert "called none" in said["ME006"]
    assert "elbow normal" in said["ME012"]


def test_a_panel_reader_is_left_out(new_study: Callable) -> None:
    study = new_study(60, 60)
    study.kinds["reader_4"] = "panel reader"
    found = study.compare()
    assert "reader_4" not in found.leaderboard.index
    assert "reader_4" not in found.by_study_type.index.get_level_values("rater")
    assert any(item.code == "ME002" and "reader_4" in item.sentence for item in found.checks)


def test_patients_widen_intervals(new_study: Callable) -> None:
    study = new_study(160, 160)
    alone = study.compare().leaderboard
    study.studies["patient"] = [f"p{i // 4}" for i in range(160)]
    errors = (study.calls["stack"] != study.studies["gold"]).sort_values(kind="stable").index
    # All errors in the same few patients: as clustered as can be.
    study.calls, study.studies = study.calls.loc[errors], study.studies.loc[errors]
    study.studies["patient"] = [f"p{i // 4}" for i in range(160)]
    together = study.compare().leaderboard
    for low, high in (("low", "high"), ("sensitivity_low", "sensitivity_high")):
        width = together.loc["stack", high] - together.loc["stack", low]
        assert width > 1.3 * (alone.loc["stack", high] - alone.loc["stack", low])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s: s.calls.__setitem__("stack", 0.5), "column 'stack' is 0.5"),
        (lambda s: s.kinds.pop("stack"), "'stack' has no kind"),
        (lambda s: s.kinds.__setitem__("stack", "model"), "is said to be a 'model'"),
        (lambda s: setattr(s, "studies", s.studies.iloc[1:]), "is not in the table of studies"),
        (lambda s: setattr(s, "calls", pd.concat([s.calls, s.calls.iloc[:1]])), "stands twice"),
        (lambda s: setattr(s, "studies", s.studies.drop(columns="patient")), "column 'patient' is missing"),
        (lambda s: s.studies.__setitem__("gold", 2), "column 'gold' is 2"),
        (lambda s: setattr(s, "calls", s.calls.iloc[:, :0]), "no rater is left"),
    ],
)  # fmt: skip
def test_bad_input_is_named(new_study: Callable, spoil: Callable, words: str) -> None:
    study = new_study(20, 20)
    spoil(study)
    with pytest.raises(InputError, match=words):
        study.compare()


@pytest.mark.parametrize("settings", [{"level": 1.0}, {"level": 0.0}, {"resamples": 10}])
def test_settings_out_of_range(new_study: Callable, settings: dict) -> None:
    with pytest.raises(InputError):
        new_study(20, 20).compare(**settings)
