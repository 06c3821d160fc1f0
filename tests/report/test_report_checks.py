from __future__ import annotations

from collections.abc import Callable

from mura_ensemble.comparison.compare import Comparison


def codes(comparison: Comparison) -> set[str]:
    return {item.code for item in comparison.checks}


def test_a_clean_large_comparison_has_only_notes(new_study: Callable) -> None:
    found = new_study(400, 400).compare(resamples=1_000)
    assert {item.level for item in found.checks} == {"note"}
    assert codes(found) - {"ME003"} == {"ME009", "ME010", "ME027"} - (
        set() if found.data.repeated_patients else {"ME010"}
    )


def test_what_the_caller_says_comes_first(new_study: Callable) -> None:
    found = new_study(60, 60).compare(warnings=["stack was fitted on 3 of these studies."], simulated=True)
    assert found.checks[0].sentence == "stack was fitted on 3 of these studies."
    assert {"ME001", "ME011", "ME014"} <= codes(found)
    levels = [item.level for item in found.checks]
    assert levels == sorted(levels, key=lambda level: level != "warning")


def test_a_rater_of_one_mind(new_study: Callable) -> None:
    study = new_study(60, 60)
    study.calls["yes"] = 1.0
    study.kinds["yes"] = "backbone"
    found = study.compare()
    assert found.leaderboard.loc["yes", "kappa"] == 0
    assert any(
        item.code == "ME007" and item.sentence.startswith("yes calls every study abnormal")
        for item in found.checks
    )


def test_patients_with_several_studies_are_said(new_study: Callable) -> None:
    assert any(
        item.code == "ME010" and "more than one study" in item.sentence
        for item in new_study().compare().checks
    )


def test_resamples_without_a_kappa_are_counted(new_study: Callable) -> None:
    study = new_study(12, 12, 1)
    study.studies["gold"] = [1] + [0] * 11
    study.calls["stack"] = study.studies["gold"].astype(float)
    found = study.compare()
    said = next(item.sentence for item in found.checks if item.code == "ME008")
    assert "stack (" in said
    assert "of 500)" in said


def test_small_study_types_promise_no_more_than_was_found(new_study: Callable) -> None:
    said = next(item for item in new_study(120, 120).compare().checks if item.code == "ME003")
    assert "at least about 92 %" in said.action
    assert "promised" not in said.action


def test_every_check_says_what_to_do(new_study: Callable) -> None:
    said = [
        "Patients are not known.",
        "The gold standard is the calls of r1, one reader.",
        "The panel has an even number of readers (4).",
        "3 of 60 studies have no decided gold standard and are left out.",
        "Nobody said whether x was trained on these studies (role unknown).",
        "x: 2 failed views.",
        "something nobody thought of",
    ]
    study = new_study(60, 60)
    study.calls.iloc[:5, 0] = float("nan")
    study.calls["yes"] = 1.0
    study.kinds["yes"] = "backbone"
    checks = study.compare(warnings=said).checks
    assert all(item.action.strip().endswith(".") for item in checks)
    own = [item.action for item in checks if item.code == "ME001"]
    assert len(own) == len(set(own)) == len(said)
