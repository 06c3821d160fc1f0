"""A reference that was picked as the best of several is a maximum; one named beforehand is not."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from sampling import amount
from statsmodels.stats.multitest import multipletests

from mura_ensemble.comparison.compare import compare_raters
from mura_ensemble.comparison.result import Comparison
from mura_ensemble.data.errors import InputError
from mura_ensemble.report.pages.comparison.page import comparison_methods
from mura_ensemble.report.pages.comparison.verdict import headline, verdict_items
from mura_ensemble.stats.comparing.paired import compare_kappas

READERS = [f"reader_{number}" for number in range(1, 7)]


def study(
    seed: int, n: int = 150, *, net: float = 0.15, reader: float = 0.15, gaps: bool = False
) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    gold = (rng.random(n) < 0.45).astype(int)
    rates = dict.fromkeys(READERS, reader) | {"net": net}
    index = pd.Index([f"s{place}" for place in range(n)], name="study")
    calls = pd.DataFrame(
        {name: np.where(rng.random(n) < rate, 1 - gold, gold).astype(float) for name, rate in rates.items()},
        index,
    )
    if gaps:
        calls = calls.mask(rng.random(calls.shape) < 0.1)
    studies = pd.DataFrame(
        {"patient": [f"p{place}" for place in range(n)], "study_type": "hand", "gold": gold}, index
    )
    kinds = {name: "backbone" if name == "net" else "reader" for name in rates}
    return {"calls": calls, "studies": studies, "kinds": kinds}


def compare(given: dict[str, object], **changes: object) -> Comparison:
    return compare_raters(**given, title="Best of six", resamples=500, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("net", [0.02, 0.15, 0.4])
def test_p_is_that_of_every_reader_above_and_of_any_below(net: float, gaps: bool) -> None:
    given = study(5, net=net, gaps=gaps)
    found = compare(given)
    board, reference = found.leaderboard, found.reference
    assert reference is not None
    assert reference.among == tuple(READERS)
    by_hand = {}
    for rater in board.index.drop(reference.rater):
        opponents = [name for name in READERS if name != rater]
        single = {
            name: compare_kappas(
                given["studies"]["gold"],  # type: ignore[index]
                given["calls"][rater],  # type: ignore[index]
                given["calls"][name],  # type: ignore[index]
                rng=0,
            )
            for name in opponents
        }
        if board.loc[rater, "difference"] > 0:
            by_hand[rater] = max(one.p_swap if one.difference > 0 else 1.0 for one in single.values())
        else:
            by_hand[rater] = min(1.0, len(opponents) * single[reference.rater].p_swap)
    expected = pd.Series(multipletests(list(by_hand.values()), method="holm")[1], index=list(by_hand))
    pd.testing.assert_series_equal(
        board["p_adjusted"].dropna().sort_index(), expected.sort_index(), check_names=False, atol=2e-3
    )


def test_limits_count_the_choice() -> None:
    found = compare(study(3))
    assert found.reference is not None
    plain = found.differences.xs(found.reference.rater, level="reference")
    board = found.leaderboard.drop(index=found.reference.rater)
    plain = plain.loc[board.index]
    assert (board["diff_low"] < plain["low"]).all()
    assert (board["diff_high"] >= plain["high"]).all()
    assert (board["difference"] == plain["difference"]).all()
    assert "and the choice of" in dict(verdict_items(found))["Against the best reader"]
    assert any("max-T" in text and "chosen among 6" in text for text in comparison_methods(found))


def test_a_reference_named_beforehand_is_a_fixed_opponent() -> None:
    given = study(3)
    found = compare(given, reference="reader_4")
    assert found.reference is not None
    assert (found.reference.rater, found.reference.role) == ("reader_4", "named reader")
    plain = found.differences.xs("reader_4", level="reference").loc[found.leaderboard.index.drop("reader_4")]
    board = found.leaderboard.drop(index="reader_4")
    for ours, theirs in (("diff_low", "low"), ("diff_high", "high"), ("p", "p")):
        assert (board[ours] == plain[theirs]).all()
    np.testing.assert_allclose(board["p_adjusted"], multipletests(board["p"], method="holm")[1])
    assert "ME009" not in {item.code for item in found.checks}
    assert "the named reader (reader_4)" in headline(found)
    assert not any("chosen among" in text for text in comparison_methods(found))
    with pytest.raises(InputError, match="no rater 'reader_9' to be the reference; there are "):
        compare(given, reference="reader_9")
    given["calls"].loc[:, "reader_4"] = np.nan  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="the reference 'reader_4' has no kappa"):
        compare(given, reference="reader_4")


def test_equal_raters_seldom_differ_from_the_best_of_six() -> None:
    """Against the best as if it had been named beforehand, more of them would look worse."""
    runs, claimed, naive, covered = amount(20, 8), 0, 0, 0
    for seed in range(runs):
        found = compare(study(1000 + seed, 100), level=0.9)
        net = found.leaderboard.loc["net"]
        assert found.reference is not None
        plain = found.differences.loc[("net", found.reference.rater)]
        claimed += bool(net["p_adjusted"] < 0.1 and not net["diff_low"] <= 0 <= net["diff_high"])
        naive += bool(not plain["low"] <= 0 <= plain["high"])
        covered += bool(net["diff_low"] <= 0 <= net["diff_high"])
    assert naive > claimed
    assert claimed <= 1
    assert covered >= 0.9 * runs


def test_a_rater_that_saw_the_studies_has_no_rank_and_moves_none() -> None:
    given = study(8, net=0.02)
    found, without = (
        compare(given, apparent=("net",)),
        compare(
            {
                **given,
                "calls": given["calls"].drop(columns="net"),  # type: ignore[attr-defined]
                "kinds": dict.fromkeys(READERS, "reader"),
            }
        ),
    )
    ranks = ["place", "rank", "rank_low", "rank_high", "p_best"]
    assert found.leaderboard.loc["net", ranks].isna().all()
    pd.testing.assert_frame_equal(
        found.leaderboard.drop(index="net")[ranks[:1]], without.leaderboard[ranks[:1]]
    )
    assert (found.leaderboard.drop(index="net")["rank_high"] <= 6).all()
    np.testing.assert_allclose(
        found.leaderboard.drop(index="net")["p_best"], without.leaderboard["p_best"], atol=0.07
    )
    assert found.tables["rank_probabilities"].index.tolist() == without.leaderboard.index.tolist()
    assert "net" not in dict(verdict_items(found))["How sure is first place"]
    assert any("Raters that saw these studies have no rank" in text for text in comparison_methods(found))
    everyone = compare(given, apparent=tuple(found.leaderboard.index))
    assert everyone.leaderboard["rank_low"].notna().all()
    assert len(list(combinations(everyone.leaderboard.index, 2))) == 21


def test_above_the_one_and_not_above_the_best_of_two_is_said_as_what_it_is() -> None:
    """A network that makes a subset of reader 1's mistakes is above him; reader 2 errs elsewhere and may be the best."""
    rng = np.random.default_rng(1)
    n = 400
    gold = (rng.random(n) < 0.45).astype(int)
    index = pd.Index([f"s{place}" for place in range(n)], name="study")
    wrong = {"reader_1": np.arange(n) < 40, "net": np.arange(n) < 24, "reader_2": np.arange(n) >= n - 42}
    calls = pd.DataFrame(
        {name: np.where(rows, 1 - gold, gold) for name, rows in wrong.items()}, index
    ).astype(float)
    studies = pd.DataFrame({"patient": index.to_list(), "study_type": "hand", "gold": gold}, index)
    kinds = {"net": "backbone", "reader_1": "reader", "reader_2": "reader"}
    found = compare({"calls": calls, "studies": studies, "kinds": kinds})
    assert headline(found) == "No backbone is shown to surpass the best reader (reader_1)."
    assert found.differences.loc[("net", "reader_1"), "p_all_pairs"] < 0.05
    said = dict(verdict_items(found))["Against the best reader"]
    assert said.startswith("net is not shown to differ from the best of 2 readers, here reader_1 (")


def test_a_reference_that_saw_the_studies_is_refused() -> None:
    with pytest.raises(InputError, match="'net' was trained or fitted on these studies; name another one"):
        compare(study(3), reference="net", apparent=("net",))


def test_who_saw_the_studies_has_no_say_about_first_place() -> None:
    given = study(8, net=0.02)
    found = compare(given, apparent=("net",))
    said = dict(verdict_items(found))
    assert "Of those that did not see these studies reader_" in said["Highest kappa"]
    assert "of those that did not see these studies in " in said["How sure is first place"]
    calls = given["calls"][["net", "reader_1"]]  # type: ignore[index]
    two = compare(
        {**given, "calls": calls, "kinds": {"net": "backbone", "reader_1": "reader"}}, apparent=("net",)
    )
    assert headline(two) == (
        "reader_1 has the highest kappa of those that did not see these studies; no other rater can be ranked."
    )
    everyone = compare(study(8, net=0.4), apparent=("net", *READERS))
    assert (everyone.leaderboard["rank_low"] == 1).all()


def test_a_reader_of_one_class_decides_nothing() -> None:
    """A reader of normal studies alone has no kappa; the formula's 0 would make every comparison with him a tie."""
    given = study(5, 400, net=0.01)
    whole = compare(given)
    calls, gold = given["calls"].copy(), given["studies"]["gold"]  # type: ignore[attr-defined, index]
    calls.loc[gold == 1, "reader_3"] = np.nan
    found = compare({**given, "calls": calls})
    assert np.isnan(found.leaderboard.loc["reader_3", "kappa"])
    assert found.differences.loc[("net", "reader_3")][["difference", "low", "p"]].isna().all()
    assert found.differences.loc[("net", "reader_3"), "n"] == (gold == 0).sum()
    (undefined,) = [item.sentence for item in found.checks if item.code == "ME006"]
    assert "reader_3" in undefined
    assert "normal by the gold standard" in undefined
    assert found.reference is not None
    assert "reader_3" not in found.reference.among
    assert headline(found).startswith("net is better than the best reader")
    assert headline(whole).startswith("net is better than the best reader")


def test_an_opponent_who_never_differs_widens_the_limits() -> None:
    given = study(6)
    calls = given["calls"].copy()  # type: ignore[attr-defined]
    calls["reader_2"] = calls["net"]
    found = compare({**given, "calls": calls})
    assert found.reference is not None
    plain = found.differences.loc[("net", "reader_2")]
    assert plain["difference"] == 0
    assert found.leaderboard.loc["net", "diff_low"] <= plain["low"] < 0
