import dataclasses

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data.errors import InputError
from mura_ensemble.published import (
    HonestBoard,
    analyse_board,
    load_published_board,
    load_published_readers,
    mura_honest_board,
    overlap_bounds,
    recover_board,
)
from mura_ensemble.published.board.readers import iso_kappa_frame, solve_readers
from mura_ensemble.stats.comparing.mcnemar import mcnemar_exact, mcnemar_mid
from mura_ensemble.stats.comparing.ranks import rank_confidence_sets_from_covariance
from mura_ensemble.stats.comparing.winner import equicorrelated_covariance
from mura_ensemble.stats.kappa.cohen import cohen_kappa


@pytest.fixture(scope="module")
def honest(mura_board):
    return mura_board


@pytest.fixture(scope="module")
def top_reader(honest):
    return honest.readers.loc[("Radiologist 3", 1)]


def published(**columns):
    return load_published_board().rename(columns={"kappa": "shown", **columns})


def test_every_row_is_there_and_the_pages_ranks_are_reproduced(honest):
    entries = honest.entries
    assert len(entries) == 84
    assert (entries["rank"] == entries["published_rank"]).all()
    assert entries["comparable"].sum() == 75
    assert (entries[["tp", "fn", "fp", "tn"]].sum(axis=1) == entries["n"]).all()
    assert entries["finding"].str.len().min() > 0
    assert honest.label == "inferred from published results"


def test_intervals_are_honest(honest):
    top = honest.entries.iloc[0]
    assert (round(top["low"], 2), round(top["high"], 2)) == (0.76, 0.90)
    baseline = honest.entries[honest.entries["model"].str.startswith("Stanford Baseline")].iloc[0]
    assert (baseline["tp"], baseline["fn"], baseline["fp"], baseline["tn"]) == (75, 17, 13, 102)
    assert (round(baseline["low"], 2), round(baseline["high"], 2)) == (0.6, 0.79)
    used = honest.entries[honest.entries["comparable"]]
    narrower = (used["high"] - used["low"]) / (used["published_high"] - used["published_low"])
    assert narrower.min() > 15
    assert ((used["low"] < used["kappa"]) & (used["kappa"] < used["high"])).all()


def test_tables_of_views_get_no_interval_and_no_comparison(honest):
    views = honest.entries[honest.entries["n"] == 556]
    assert len(views) == 3
    assert views[["low", "high", "shared_rank", "shrunk"]].isna().all(axis=None)
    assert not honest.comparisons.index.get_level_values("entry").isin(views.index).any()
    altered = honest.entries[honest.entries["finding"].str.contains("missing")]
    assert len(altered) == 6
    assert (altered["kappa_if_complete_low"] < altered["kappa"]).all()
    assert (altered["kappa"] < altered["kappa_if_complete_high"]).all()


def test_study_types_add_up(honest):
    by_type = honest.study_types["errors"].unstack()  # noqa: PD010
    assert (by_type.drop(columns="overall").sum(axis=1) == by_type["overall"]).all()
    assert (by_type["overall"] == honest.entries["errors"]).all()


def test_no_entry_is_shown_better_than_the_best_reader(honest):
    against = honest.comparisons.xs("Radiologist 3", level="against")
    ahead = against[against["difference"] > 0]
    assert len(ahead) == 9
    # At most 11 of the 23 and 16 wrong calls can be shared per study type and class: b = 12, c = 5.
    assert ahead["p_low"].min() == pytest.approx(mcnemar_exact(12, 5))
    assert ahead["mid_p_low"].min() == pytest.approx(mcnemar_mid(12, 5))
    assert (ahead["p_low"] > 0.05).all()


def test_bounds_over_a_reader_with_several_tables_hold_for_each(honest):
    board = load_published_board()
    recovered = recover_board(board)
    found = solve_readers(load_published_readers(), recovered, ["Radiologist 2"])["Radiologist 2"]
    row = honest.comparisons.loc[(1, "Radiologist 2")]
    for tables in found.tables:
        own = overlap_bounds(recovered.tables[0, :-1], tables[:-1])
        assert row["p_low"] <= own.p_low <= own.p_high <= row["p_high"]
        assert row["better_low"] <= own.better_low <= own.better_high <= row["better_high"]
        assert row["wide_low"] <= own.wide[0] < own.wide[1] <= row["wide_high"]


def test_first_and_second_differ_by_one_study(honest):
    pair = honest.comparisons.loc[(2, "top")]
    assert pair["error_gap"] == -1
    assert 1 - pair["better_high"] == pytest.approx(0.568, abs=5e-4)
    assert 1 - pair["better_low"] == pytest.approx(0.75)
    assert pair["p_low"] == 1
    assert "differ by 1 study of 207" in honest.findings[0].sentence


def test_rank_sets_widen_as_errors_correlate_less(honest):
    top = honest.ranks.xs(1, level="entry")
    assert (top["low"] == 1).all()
    assert top["high"].is_monotonic_decreasing
    assert 45 <= top["high"].iloc[-1] < top["high"].iloc[0] <= 75
    assert (honest.ranks["low"] <= honest.ranks["low_alone"]).all()
    assert (honest.ranks["high_alone"] <= honest.ranks["high"]).all()
    np.testing.assert_allclose(honest.ranks["p_best"].groupby(level="correlation").sum(), 1)
    shown = honest.entries[honest.entries["comparable"]]
    assert ((shown["rank_low"] <= shown["shared_rank"]) & (shown["shared_rank"] <= shown["rank_high"])).all()


@pytest.mark.parametrize(("correlation", "last"), [(0.3, 74), (0.5, 71), (0.7, 53)])
def test_the_tops_rank_set_is_that_of_csranks(honest, correlation, last):
    # Recorded from csranks 1.2.3: all 84 kappas, simultaneous, approximate standard errors whose formula was not
    # recorded. This one is that of balanced classes; Fleiss, Cohen & Everitt's at n = 207 gives the same within one.
    kappa = honest.entries["kappa"].to_numpy()
    se = np.sqrt((1 - kappa**2) / 207)
    found = rank_confidence_sets_from_covariance(
        kappa, equicorrelated_covariance(se, correlation), draws=2_000, rng=0
    )
    assert found.low[0] == 1
    assert abs(found.high[0] - last) <= 1  # either side draws its critical value


def test_the_top_is_shrunk_towards_the_rest(honest):
    centre = honest.entries.loc[honest.entries["comparable"], "kappa"].mean()
    for correlation, row in honest.winners.iterrows():
        assert centre < row["shrunk"] < row["kappa"], correlation
        assert row["low"] < row["shrunk"] < row["high"]
    assert honest.winners["shrunk"].is_monotonic_increasing


def test_readers_stand_at_their_own_operating_points(honest, top_reader):
    assert honest.readers.index.tolist() == [
        ("Radiologist 1", 1),
        ("Radiologist 2", 1),
        ("Radiologist 2", 2),
        ("Radiologist 3", 1),
    ]
    assert (top_reader["fn"], top_reader["fp"], top_reader["place"]) == (5, 18, 10)
    assert np.isnan(top_reader["best_specificity"])  # no entry is as sensitive
    assert top_reader["fn_of_those_low"] > 2 * top_reader["fn"]
    assert len(honest.readers_by_type) == (1 + 4 + 1) * 8


def test_readers_have_the_limits_the_paper_prints(honest):
    # 0.731 (0.726, 0.735), 0.763 (0.759, 0.767), 0.778 (0.774, 0.782): a variance for a standard error here too.
    limits = honest.readers[["published_low", "published_high"]].to_numpy()
    assert limits.tolist() == [[0.726, 0.735], [0.759, 0.767], [0.759, 0.767], [0.774, 0.782]]
    assert ((limits[:, 0] > honest.readers["low"]) & (limits[:, 1] < honest.readers["high"])).all()


def test_iso_kappa_lines_have_that_kappa():
    lines = iso_kappa_frame(92 / 207)
    p, s, c = 92 / 207, lines["sensitivity"], lines["specificity"]
    tables = np.stack(
        [np.stack([(1 - p) * c, (1 - p) * (1 - c)], -1), np.stack([p * (1 - s), p * s], -1)], axis=-2
    )
    np.testing.assert_allclose(cohen_kappa(tables), lines["kappa"], atol=1e-12)


def test_planning_numbers(honest):
    assert honest.detectable.loc[0.10, "one_comparison"] == pytest.approx(0.124, abs=5e-4)
    assert honest.neighbours.loc[2, "at_5_percent"] == pytest.approx(16_813, abs=1)
    assert honest.neighbours.loc[2, "error_gap"] == 1
    assert np.isinf(honest.neighbours.loc[3, "best_case"])  # 17 wrong calls each
    assert honest.neighbours.loc[3, "note"].startswith("as many wrong calls")
    numbers = honest.neighbours.drop(columns=["above", "note"])
    odd = ~np.isfinite(numbers).all(axis=1)
    assert (honest.neighbours["note"] != "").equals(odd)
    worth = honest.one_study.loc["overall", "median"]
    assert worth.between(0.0095, 0.0102).all()
    assert honest.one_study.loc[("humerus", "false alarm"), "median"] == pytest.approx(2 / 30)


def test_twins_and_kinds(honest):
    entries = honest.entries
    assert entries.loc[5, "same_tables_as"] == "6"
    assert entries.loc[6, "same_tables_as"] == "5"
    # Same overall table, different study types: no twins.
    assert entries.loc[13, "kappa"] == entries.loc[14, "kappa"]
    assert entries.loc[13, "same_tables_as"] == ""
    assert honest.kinds["entries"].sum() == 75
    assert honest.kinds.loc["ensemble", "median"] > honest.kinds.loc["single", "median"]
    assert honest.kinds.loc["single", "beats_single"] == 0.5


def test_findings_are_sentences_made_from_the_frames(honest):
    text = " ".join(map(str, honest.findings))
    assert all(sentence.endswith(".") and "nan" not in sentence for _, sentence in honest.findings)
    for fact in (
        "92 abnormal and 115 normal",
        "556 is the number of views",
        "84 of 84 entries follow",
        f"{honest.entries.iloc[0]['low']:.3f} to {honest.entries.iloc[0]['high']:.3f}",
        "No entry is as sensitive as Radiologist 1 or Radiologist 3",
        "5 = 6",
    ):
        assert fact in text
    assert any("1e-9" in sentence for sentence in honest.assumptions)
    assert any("exchangeable" in sentence for sentence in honest.assumptions)


def test_the_same_seed_gives_the_same_board_and_it_cannot_be_changed(honest):
    again = mura_honest_board()
    for name, frame in honest.frames.items():
        pd.testing.assert_frame_equal(frame, again.frames[name])
    with pytest.raises(dataclasses.FrozenInstanceError):
        honest.n = 1


def test_kappas_at_full_precision_alone_give_the_same_tables(honest):
    # Another road to 92 and 115, and to the nine entries scored on other rows: no limits, no study types.
    alone = analyse_board(published(overall_kappa="kappa")[["model", "kappa"]], 207)
    assert (alone.n, alone.positives) == (207, 92)
    assert (alone.entries["comparable"] == honest.entries["comparable"]).all()
    cells, used = ["tp", "fn", "fp", "tn"], honest.entries["comparable"]
    assert (alone.entries.loc[used, cells] == honest.entries.loc[used, cells]).all(axis=None)
    assert "kappa alone" in " ".join(map(str, alone.findings))
    assert "53 (no table of 207 studies with 92 abnormal gives this kappa)" in " ".join(
        map(str, alone.findings)
    )


def test_limits_of_anybodys_board_are_inverted(honest):
    columns = {f"overall_{part}": part for part in ("kappa", "lower", "upper")}
    board = published(**columns)[["model", "kappa", "lower", "upper"]]
    found = analyse_board(board, 207, positives=92)
    used = honest.entries["comparable"]
    assert (found.entries["comparable"] == used).all()
    assert (found.entries.loc[used, "tp"] == honest.entries.loc[used, "tp"]).all()
    mirrored = analyse_board(board, 207, positives=115)
    assert (mirrored.entries.loc[1, ["tp", "tn"]] == [107, 84]).all()
    np.testing.assert_allclose(mirrored.entries["kappa"], board["kappa"], atol=1e-12)


@pytest.mark.parametrize(("n", "message"), [(206, "scored on 207 studies"), (208, "scored on 207 studies")])
def test_a_wrong_n_is_contradicted_by_the_limits(n, message):
    columns = {f"overall_{part}": part for part in ("kappa", "lower", "upper")}
    with pytest.raises(InputError, match=message):
        analyse_board(published(**columns)[["model", "kappa", "lower", "upper"]], n)


def test_rounded_limits_are_left_out_and_that_is_said():
    columns = {f"overall_{part}": part for part in ("kappa", "lower", "upper")}
    board = published(**columns)[["model", "kappa", "lower", "upper"]].round(3)
    found = analyse_board(board.head(12), 207, positives=92)
    assert found.unknown[0].startswith("The limits of the board were not used: no number of rows")


def test_rounded_kappas_give_ranges_that_hold_the_truth(honest):
    found = analyse_board(load_published_board()[["model", "kappa"]], 207, positives=92)
    used = honest.entries["comparable"]
    true, ranges = honest.entries[used], found.entries[used]
    for name in ("errors", "fn", "fp", "sensitivity", "specificity"):
        assert ((ranges[f"{name}_low"] <= true[name]) & (true[name] <= ranges[f"{name}_high"])).all()
    assert (ranges["low"] <= true["low"] + 0.003).all()
    assert (ranges["high"] >= true["high"] - 0.003).all()
    pair, exact = found.comparisons.loc[(2, "top")], honest.comparisons.loc[(2, "top")]
    assert pair["p_low"] <= exact["p_low"]
    assert pair["better_low"] <= exact["better_low"] <= exact["better_high"] <= pair["better_high"]
    assert found.study_types.empty
    assert found.unknown


def test_a_board_without_class_counts_says_which_remain():
    found = analyse_board(load_published_board()[["model", "kappa"]], 207)
    assert found.positives == 0
    assert any("87 to 96" in sentence for sentence in found.unknown)
    assert any(
        "21 to 186 of 207" in sentence and "84 of 84 kappas at once" in sentence
        for _, sentence in found.findings
    )


def test_an_impossible_kappa_is_named():
    frame = pd.DataFrame({"model": list("abcde"), "kappa": [0.836, 0.843, 0.845, 0.778, 0.701]})
    found = analyse_board(frame, 207, positives=103)
    assert found.entries["comparable"].tolist() == [True, False, True, True, True]
    assert "no table gives kappa 0.843" in found.entries.loc[1, "finding"]
    assert any("b, kappa 0.843" in sentence for _, sentence in found.findings)


@pytest.mark.parametrize(
    ("frame", "n", "message"),
    [
        (pd.DataFrame({"score": [0.5]}), 100, "no column 'kappa'"),
        (pd.DataFrame({"kappa": [0.5, 84.3, 0.2]}), 100, "row 1, column 'kappa'"),
        (pd.DataFrame({"kappa": [0.5, None, 0.2]}), 100, "row 1, column 'kappa'"),
        (pd.DataFrame({"kappa": [0.5, 0.4]}), 100, "only 2 of 2 kappas"),
        (pd.DataFrame({"kappa": [0.513, 0.402, 0.2]}), 4, "only 1 of 3 kappas"),
        (pd.DataFrame({"kappa": [0.513, 0.402, 0.777]}), 4, "no table of 4 studies"),
    ],
)
def test_bad_boards_are_refused_with_the_place(frame, n, message):
    with pytest.raises(InputError, match=message):
        analyse_board(frame, n)


def test_frames_lists_what_is_not_empty():
    bare = HonestBoard(pd.DataFrame({"kappa": [0.5]}), 10, 5, (), ())
    assert list(bare.frames) == ["entries"]
