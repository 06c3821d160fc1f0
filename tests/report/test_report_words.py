"""What the report may say: a claim only where the adjusted test and the interval both support it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.comparison.compare import Comparison
from mura_ensemble.report.document.blocks import render_markdown, render_page
from mura_ensemble.report.pages.comparison.page import comparison_methods, comparison_page
from mura_ensemble.report.pages.comparison.verdict import better_than_reference, headline, verdict_items


def whole_text(comparison: Comparison) -> str:
    return f"{headline(comparison)} {' '.join(text for _, text in verdict_items(comparison))}"


def with_numbers(comparison: Comparison, rater: str, **numbers: float) -> Comparison:
    board = comparison.leaderboard.copy()
    for name, value in numbers.items():
        board.loc[rater, name] = value
    return dataclasses.replace(comparison, leaderboard=board)


@pytest.mark.parametrize("p", [0.0001, 0.049, 0.0499999, 0.05, 0.0500001, 0.2, 1.0])
@pytest.mark.parametrize("low", [-0.001, 0.0, 0.001])
@pytest.mark.parametrize("level", [0.95, 0.9])
def test_better_than_needs_test_and_interval(
    comparison: Comparison, p: float, low: float, level: float
) -> None:
    changed = with_numbers(comparison, "stack", difference=0.06, diff_low=low, diff_high=0.12, p_adjusted=p)
    for other in changed.leaderboard.index.drop("stack"):
        changed = with_numbers(changed, str(other), p_adjusted=1.0)
    changed = dataclasses.replace(changed, level=level)
    allowed = p < {0.95: 0.05, 0.9: 0.1}[level] and low > 0
    assert better_than_reference(changed.leaderboard, level) == (["stack"] if allowed else [])
    assert (" better than " in whole_text(changed)) == allowed
    assert (" better than " in headline(changed)) == allowed


def test_a_lower_kappa_is_never_better_however_sure(comparison: Comparison) -> None:
    changed = with_numbers(
        comparison, "mean", difference=-0.2, diff_low=-0.3, diff_high=-0.1, p_adjusted=0.0001
    )
    assert "mean" not in better_than_reference(changed.leaderboard, 0.95)


def test_chance_makes_no_claims(new_study: Callable) -> None:
    """Equal raters: over many studies hardly any claim, whichever leads."""
    equal = {
        name: (kind, 0.12)
        for name, kind in (("a", "ensemble"), ("b", "backbone"), ("c", "reader"), ("d", "reader"))
    }
    claims = sum(
        " better than " in whole_text(new_study(60, 60, seed, equal).compare(resamples=200))
        for seed in range(10)
    )
    assert claims == 0


def test_a_clear_winner_is_called_so(new_study: Callable) -> None:
    study = new_study(300, 300, 5, {"a": ("ensemble", 0.02), "b": ("backbone", 0.2), "c": ("reader", 0.2)})
    found = study.compare()
    assert headline(found) == "a is better than the reader (c) on these studies."
    assert "a has a higher kappa than c" in whole_text(found)


def test_no_claim_is_said_as_such(comparison: Comparison) -> None:
    changed = with_numbers(
        comparison, "stack", difference=0.01, diff_low=-0.05, diff_high=0.07, p_adjusted=0.9
    )
    changed = with_numbers(changed, "mean", p_adjusted=0.9)
    text = headline(changed)
    assert text.startswith("No ensemble or backbone is shown to surpass the best reader")


def test_the_verdict_admits_what_it_cannot_show(comparison: Comparison) -> None:
    said = dict(verdict_items(comparison))["What this cannot show"]
    assert "picked on these very studies, a maximum" in said
    assert "not a sample of all readers" in said


def test_without_readers_the_words_name_the_backbone(new_study: Callable) -> None:
    study = new_study(80, 80)
    study.calls = study.calls.drop(columns=["reader_4", "reader_5"])
    text = whole_text(study.compare())
    assert "the best backbone" in text
    assert "reader" not in text


def test_a_single_rater_and_a_hopeless_one(new_study: Callable) -> None:
    study = new_study(60, 60)
    study.calls = study.calls[["stack"]]
    assert headline(study.compare()).startswith("stack agrees with the gold standard with a kappa of ")
    study.calls = study.calls * np.nan
    found = study.compare()
    assert headline(found) == "No kappa can be computed from these calls."
    assert "called none of the studies" in whole_text(found)
    render_markdown(comparison_page(found))
    assert "undefined" in render_page(comparison_page(found))


def test_ties_at_the_top_are_named(new_study: Callable) -> None:
    study = new_study(60, 60)
    study.calls["twin"] = study.calls["stack"]
    study.kinds["twin"] = "ensemble"
    found = study.compare()
    assert any(item.code == "ME005" and "stack and twin" in item.sentence for item in found.checks)
    board = found.leaderboard
    assert board.loc["stack", "place"] == board.loc["twin", "place"]
    if board.index[0] == "stack":
        assert "the same as twin" in dict(verdict_items(found))["Highest kappa"]
    assert isinstance(board, pd.DataFrame)


@pytest.mark.parametrize(
    ("p", "low", "open_question"), [(0.001, 0.01, False), (0.2, 0.01, True), (0.001, -0.01, True)]
)
def test_an_ensemble_against_its_parts_is_said_with_its_doubt(
    comparison: Comparison, p: float, low: float, open_question: bool
) -> None:
    board = comparison.leaderboard
    pair = tuple(str(board.index[board["kind"] == kind][0]) for kind in ("ensemble", "backbone"))
    pairs = comparison.differences.copy()
    pairs.loc[[pair], ["difference", "low", "high", "p_all_pairs"]] = (0.05, low, 0.1, p)
    said = dict(verdict_items(dataclasses.replace(comparison, differences=pairs)))["Ensemble against parts"]
    assert (f"{pair[0]} is not shown to differ from {pair[1]}" in said) == open_question
    assert (f"{pair[0]} has a higher kappa than {pair[1]}" in said) != open_question


def test_nothing_is_claimed_for_a_rater_fitted_on_these_studies(new_study: Callable) -> None:
    rates = {"a": ("ensemble", 0.01), "b": ("backbone", 0.2), "b2": ("backbone", 0.1), "c": ("reader", 0.2)}
    study = new_study(300, 300, 5, rates)
    assert "a and b2 are better than" in headline(study.compare())
    found = study.compare(apparent=["a"])
    text = whole_text(found)
    assert headline(found) == "b2 is better than the reader (c) on these studies."
    assert "It was trained, fitted or tuned on studies of this comparison" in text
    assert any(item.code == "ME015" and item.level == "warning" for item in found.checks)
    assert list(found.leaderboard.index[found.leaderboard["apparent"]]) == ["a"]
    study.calls = study.calls.drop(columns="c")
    without = study.compare(apparent=["b2"]).reference
    assert without is not None
    assert without.rater == "b", "an apparent kappa is no reference while another can be"


def easy_and_hard_studies(new_study: Callable) -> object:
    """Rater a called only the easier half, on which b, who called all, does better than a."""
    study = new_study(240, 240, 1, {"a": ("ensemble", 0.0), "b": ("backbone", 0.0), "c": ("reader", 0.0)})
    gold, easy = study.studies["gold"].to_numpy(), np.arange(240) < 120
    wrong = {
        "a": easy & (np.arange(240) % 12 == 0),
        "b": ~easy & (np.arange(240) % 3 == 0) | easy & (np.arange(240) % 40 == 0),
        "c": np.arange(240) % 5 == 0,
    }
    for name, rows in wrong.items():
        study.calls[name] = np.where(rows, 1 - gold, gold).astype(float)
    study.calls.loc[~easy, "a"] = np.nan
    return study


def test_ranks_and_words_rest_on_the_same_studies_where_calls_are_missing(new_study: Callable) -> None:
    found = easy_and_hard_studies(new_study).compare(resamples=1_000)  # type: ignore[attr-defined]
    board = found.leaderboard
    assert board.index[0] == "a", "its kappa on its own, easier, studies is the highest"
    assert board["place"].to_dict() == {"a": 2, "b": 1, "c": 3}
    assert board.loc["b", "p_best"] > board.loc["a", "p_best"]
    assert found.ranked_studies == 120
    assert found.differences.loc[("b", "a"), "difference"] > 0
    said = dict(verdict_items(found))
    assert said["How sure is first place"].startswith(
        "b has the highest kappa on the 120 studies that all raters called"
    )
    assert "On the 120 studies that all raters called b has the highest." in said["Highest kappa"]
    assert any("ranks rest on the 120 studies" in text for text in comparison_methods(found))
    study = easy_and_hard_studies(new_study)
    study.calls = study.calls.drop(columns="c")  # type: ignore[attr-defined]
    study.kinds["a"] = "backbone"  # type: ignore[attr-defined]
    alone = study.compare()  # type: ignore[attr-defined]
    assert alone.reference.rater == "b", "the best backbone is the best on the same studies"
    assert headline(alone).startswith("b has the highest kappa on the 120 studies")


def test_the_reference_is_quoted_on_the_studies_of_the_difference(new_study: Callable) -> None:
    study = easy_and_hard_studies(new_study)
    found = study.compare()  # type: ignore[attr-defined]
    pair = found.differences.loc[("a", "c")]
    assert pair["kappa"] - pair["kappa_reference"] == pytest.approx(pair["difference"], abs=1e-15)
    only = dataclasses.replace(found, leaderboard=found.leaderboard.drop(index="b"))
    said = dict(verdict_items(only))["Against the reader"]
    assert f"{pair['kappa']:.3f} against {pair['kappa_reference']:.3f} on the 120 studies both called" in said


def test_without_a_usable_resample_ranks_are_said_to_be_undefined(new_study: Callable) -> None:
    study = new_study(40, 40)
    study.calls.iloc[:39, 0] = np.nan
    study.calls.iloc[:2, 0] = study.studies["gold"].iloc[:2]
    study.calls.iloc[39, 0] = np.nan
    study.calls.iloc[0, 1:] = np.nan
    study.calls.iloc[1, 1:] = np.nan
    study.studies.iloc[:2, study.studies.columns.get_loc("gold")] = [0, 1]
    study.calls.iloc[:2, 0] = [0.0, 1.0]
    found = study.compare()
    assert found.leaderboard["rank"].isna().all()
    text = whole_text(found)
    assert "anks are undefined" in text
    assert "ruled out" not in text
    assert "resamples of the patients" not in text
    assert "ME018" in {item.code for item in found.checks}
    assert any(paragraph.startswith("No ranks are given") for paragraph in comparison_methods(found))
    render_page(comparison_page(found))


def test_the_resamples_named_are_those_used(new_study: Callable) -> None:
    study = new_study(12, 12, 1)
    study.studies["gold"] = [1] + [0] * 11
    study.calls["stack"] = study.studies["gold"].astype(float)
    found = study.compare()
    assert 0 < found.ranked_resamples < 500
    assert f"of {found.ranked_resamples:,} resamples" in dict(verdict_items(found))["How sure is first place"]


def test_few_patients_are_ranked_only_as_the_test_of_all_pairs_allows(new_study: Callable) -> None:
    """Six equal raters of 15 patients: the bootstrap alone ranks some above others in one study of five."""
    rates = dict.fromkeys("abcdef", ("backbone", 0.25))
    claims = 0
    for seed in range(12):
        found = new_study(15, 15, seed, rates).compare(resamples=1_000)
        board, pairs = found.leaderboard, found.differences
        claims += bool((board["rank_low"] > 1).any())
        better = (pairs["difference"] > 0) & (pairs["p_all_pairs"] < 0.05)
        worse_than = better[better].groupby(level="reference").size().reindex(board.index, fill_value=0)
        assert (board["rank"] <= 1 + worse_than).all()
        assert "ME016" in {item.code for item in found.checks}
    assert claims == 0
    assert any("Holm's method over all pairs" in text for text in comparison_methods(found))


def test_few_resamples_are_warned_of(new_study: Callable) -> None:
    codes = [
        {item.code for item in new_study(120, 120).compare(resamples=number).checks}
        for number in (999, 1_000)
    ]
    assert "ME017" in codes[0]
    assert "ME017" not in codes[1]
    assert "ME016" not in codes[1]


def test_equal_calls_and_a_single_study_are_said_in_words(new_study: Callable) -> None:
    study = new_study(60, 60)
    study.calls["twin"] = study.calls["stack"]
    study.kinds["twin"] = "ensemble"
    assert any(item.sentence == "stack and twin make the same calls." for item in study.compare().checks)
    study.calls["one"] = np.nan
    study.calls.loc[study.calls.index[0], "one"] = float(study.studies["gold"].iloc[0])
    study.kinds["one"] = "backbone"
    said = " ".join(item.sentence for item in study.compare().checks)
    assert "the only study it called is" in said
    assert "all 1 studies" not in said


UNKNOWN = "Patients are not known; each study counts as its own patient, so intervals may be too narrow."
UNDECIDED = "7 of 120 studies have no decided gold standard and are left out; every kappa is too high."


def test_a_warning_that_touches_every_number_is_in_the_verdict(new_study: Callable) -> None:
    study = new_study(120, 120)
    said = dict(verdict_items(study.compare(warnings=[UNKNOWN, UNDECIDED, "a: 3 failed views"])))
    before = said["Before you quote it"]
    assert UNKNOWN in before
    assert UNDECIDED in before
    assert "failed views" not in before
    assert "warnings under Checks." in before
    assert UNKNOWN not in " ".join(dict(verdict_items(study.compare())).values())


def test_unknown_patients_are_nowhere_counted(new_study: Callable) -> None:
    study = new_study(130, 130)
    found = study.compare(warnings=[UNKNOWN], resamples=1_000)
    text = render_markdown(comparison_page(found))
    assert "130 patients" not in text
    assert "Every patient had one study" not in text
    assert "of the patients;" not in text
    assert "patients not known" in text
    assert "each study was taken as its own patient" in " ".join(comparison_methods(found))
    assert found.data.by_type["patients"].isna().all()
    known = render_markdown(comparison_page(study.compare(resamples=1_000)))
    assert "130 studies of 130 patients" in known
    assert "Every patient had one study" in known


def test_too_few_studies_are_said_to_be_too_few(new_study: Callable) -> None:
    found = new_study(4, 4, 2).compare(resamples=200)
    assert headline(found) == "Too few studies to estimate any kappa: 4 studies."
    said = dict(verdict_items(found))
    assert "Too few studies to estimate it." in said["Highest kappa"]
    assert "All rests on 4 studies" in said["Before you quote it"]
    assert "Too few" not in headline(new_study(150, 120).compare())


def test_a_perfect_rater_is_doubted_in_the_verdict(new_study: Callable) -> None:
    study = new_study(120, 120)
    study.calls["stack"] = study.studies["gold"].astype(float)
    said = dict(verdict_items(study.compare()))["Before you quote it"]
    assert "stack differs from the gold standard on none of 120 studies." in said


def test_the_reference_names_the_studies_it_is_best_on(new_study: Callable) -> None:
    study = new_study(120, 120)
    study.calls.iloc[:7, 0] = np.nan
    found = study.compare()
    best = "best reader on the 113 studies that all raters called"
    text = render_markdown(comparison_page(found))
    assert found.reference_role == best
    assert f"Difference to {best}" in text
    said = dict(verdict_items(found))["Against the best reader"]
    assert " the best of 2 readers on the 113 studies that all raters called, here reader_" in said
    assert any(
        "the 113 studies that all ranked raters called" in part and "chosen" in part
        for part in comparison_methods(found)
    )
    assert next(item for item in found.checks if item.code == "ME009").sentence.endswith(
        "on the 113 studies all called."
    )
    assert "up to 7 not called by a rater" in text
    assert new_study(120, 120).compare().reference_role == "best reader"


def test_who_is_ruled_out_agrees_with_the_ranges(new_study: Callable) -> None:
    seen = set()
    for seed, n in ((1, 120), (2, 400), (5, 300)):
        rates = {
            "a": ("ensemble", 0.03),
            "b": ("ensemble", 0.05),
            "c": ("backbone", 0.25),
            "d": ("reader", 0.1),
        }
        found = new_study(n, n, seed, rates).compare()
        board = found.leaderboard
        others = board.drop(index=str(board["place"].idxmin()))
        possible = int((others["rank_low"] == 1).sum())
        said = dict(verdict_items(found))["How sure is first place"]
        seen.add(possible)
        words = {0: "every other rater can be", 3: "no other rater can be"}
        assert words.get(possible, f"{possible} of the 3 others cannot be") + " ruled out" in said
        text = render_markdown(comparison_page(found))
        for name, row in board.iterrows():
            low, high = int(row["rank_low"]), int(row["rank_high"])
            assert f"| {low} to {high} | {name} " in text or (low == high and f"| {low} | {name} " in text)
    assert len(seen) > 1


def test_a_leader_whose_own_range_goes_on_rules_nobody_out(comparison: Comparison) -> None:
    board = comparison.leaderboard
    top = str(board["place"].idxmin())
    for name in board.index.drop(top):
        comparison = with_numbers(comparison, str(name), rank_low=2.0)
    alone = with_numbers(comparison, top, rank_low=1.0, rank_high=1.0)
    assert "every other rater can be ruled out" in dict(verdict_items(alone))["How sure is first place"]
    wide = with_numbers(comparison, top, rank_low=1.0, rank_high=2.0)
    said = dict(verdict_items(wide))["How sure is first place"]
    assert "ruled out" not in said
    assert f"that of {top} reaches to 2" in said


def test_a_rater_that_saw_the_studies_is_not_denied_its_place_in_the_table(new_study: Callable) -> None:
    rates = {"a": ("ensemble", 0.01), "b": ("ensemble", 0.3), "c": ("reader", 0.1), "d": ("backbone", 0.3)}
    study = new_study(120, 120, 5, rates)
    found = study.compare(apparent=["a"])
    assert found.leaderboard.index[0] == "a"
    assert headline(found) == (
        "No ensemble or backbone that did not see these studies has a higher kappa than the reader (c)."
    )
    study.calls.iloc[:30, 1] = np.nan
    assert headline(study.compare(apparent=["a"])).endswith("on the studies that both called.")
    rates = {"a": ("backbone", 0.01), "b": ("backbone", 0.3), "c": ("ensemble", 0.4)}
    found = new_study(120, 120, 5, rates).compare(apparent=["a"])
    assert "the backbone that did not see these studies (b)" in headline(found)


def test_what_would_be_shown_counts_the_studies_that_both_called(new_study: Callable) -> None:
    rates = {"a": ("backbone", 0.2), "b": ("reader", 0.2), "c": ("reader", 0.25)}
    study = new_study(200, 200, 6, rates)
    whole = study.compare()
    study.calls.loc[study.calls.index[:150], ["b", "c"]] = np.nan
    fewer = study.compare()
    assert whole.tables["power"].loc["all types", "units"] == 200
    assert fewer.tables["power"].loc["all types", "units"] == 50
    assert not fewer.detectable < 1.5 * whole.detectable


def test_a_rater_of_one_mind_is_named_on_the_first_screen(new_study: Callable) -> None:
    study = new_study(120, 120)
    study.calls["yes"] = 1.0
    study.kinds["yes"] = "backbone"
    assert "yes calls every study abnormal" in dict(verdict_items(study.compare()))["Before you quote it"]
