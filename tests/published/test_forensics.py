import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import amount

from mura_ensemble.data.errors import InputError
from mura_ensemble.published import (
    MURA_OPERATING_POINT,
    OperatingPoint,
    legacy_interval,
    load_published_board,
    recover_board,
)
from mura_ensemble.published.tables.inversion import row_counts_from_limits, tables_from_limits

COLUMNS = ("kappa", "lower", "upper")


@pytest.fixture(scope="module")
def board():
    return load_published_board()


@pytest.fixture(scope="module")
def recovered(board):
    return recover_board(board, anchor=MURA_OPERATING_POINT)


def published_numbers(board, study_types):
    names = [f"{name}_{part}" for name in (*study_types, "overall") for part in COLUMNS]
    return board[names].to_numpy().reshape(len(board), -1, 3)


def board_of(tables, study_types):
    """The page that the evaluator would print for tables (E, T, 2, 2)."""
    full = np.concatenate([tables, tables.sum(axis=1, keepdims=True)], axis=1)
    made = legacy_interval(full)
    return pd.DataFrame(
        {
            f"{name}_{part}": getattr(made, part)[:, column]
            for column, name in enumerate((*study_types, "overall"))
            for part in COLUMNS
        }
    ).assign(model=[f"model {e}" for e in range(len(tables))])


def simulated_tables(rng, entries, sizes, positives, accuracy=(0.6, 0.97)):
    right = rng.uniform(*accuracy, size=(entries, 1))
    sizes, positives = np.asarray(sizes), np.asarray(positives)
    tn = rng.binomial(sizes - positives, right)
    tp = rng.binomial(positives, right)
    return np.stack(
        [np.stack([tn, sizes - positives - tn], axis=-1), np.stack([positives - tp, tp], axis=-1)], axis=-2
    )


def test_every_row_has_a_table_that_reproduces_kappa_and_both_limits(board, recovered):
    assert recovered.recovered.all()
    assert set(recovered.reasons) == {""}
    made = legacy_interval(recovered.tables)
    printed = published_numbers(board, recovered.study_types)
    for position, part in enumerate(COLUMNS):
        assert np.abs(getattr(made, part) - printed[:, :, position]).max() < 1e-9
        # and to the precision of the page itself
        assert (np.round(getattr(made, part), 3) == np.round(printed[:, :, position], 3)).all()


def test_study_types_add_up_to_the_overall_table(recovered):
    assert (recovered.tables[:, :-1].sum(axis=1) == recovered.tables[:, -1]).all()


def test_composition_of_the_hidden_test_set(recovered):
    shared = recovered.composition().loc[0]
    expected = {
        "elbow": (17, 11),
        "finger": (19, 11),
        "forearm": (14, 16),
        "hand": (19, 11),
        "humerus": (15, 15),
        "shoulder": (17, 13),
        "wrist": (14, 15),
        "overall": (115, 92),
    }
    assert {name: (row.normals, row.positives) for name, row in shared.iterrows()} == expected
    assert shared.loc["overall", "n"] == 207


def test_known_tables(board, recovered):
    top = recovered.tables[0, -1]
    assert top.tolist() == [[107, 8], [8, 84]]
    baseline = int(np.flatnonzero(board["model"].str.startswith("Stanford Baseline"))[0])
    assert recovered.tables[baseline, -1].tolist() == [[102, 13], [17, 75]]
    per_type = [(int(t[1, 0]), int(t[0, 1])) for t in recovered.tables[baseline, :-1]]
    assert per_type == [(1, 3), (3, 6), (4, 0), (2, 0), (5, 1), (2, 2), (0, 1)]


def test_entries_scored_on_other_rows_are_named(board, recovered):
    assert recovered.comparable.sum() == 75
    by_size = {rows.n: rows for rows in recovered.row_sets[1:] if rows.n != 207}
    per_view = by_size[556]
    assert per_view.rows == (79, 94, 67, 86, 61, 89, 80)  # the views of the hidden test set, per study type
    assert "one row per view" in per_view.finding
    assert [board.loc[e, "rank"] for e in per_view.entries] == [47, 51, 67]
    assert "forearm 1 abnormal study missing and 2 normal rows too many" in by_size[208].finding
    same_size = next(rows for rows in recovered.row_sets[1:] if rows.n == 207)
    assert "finger 1 normal study missing" in same_size.finding
    assert all("rology" in board.loc[e, "model"] for e in (*by_size[208].entries, *same_size.entries))


def test_without_an_anchor_the_rarer_class_is_called_abnormal(board, recovered):
    unanchored = recover_board(board)
    assert not unanchored.classes_known
    assert (unanchored.tables == recovered.tables).all()
    swapped = OperatingPoint("Stanford Baseline", 0.887, 0.815, 3, "the classes the other way round")
    mirrored = recover_board(board, anchor=swapped)
    assert (mirrored.tables[0, -1] == recovered.tables[0, -1][::-1, ::-1]).all()


def test_an_anchor_that_contradicts_the_board_is_refused(board):
    with pytest.raises(InputError, match="check the anchor"):
        recover_board(board, anchor=OperatingPoint("Stanford Baseline", 0.7, 0.9, 3, "invented"))
    with pytest.raises(InputError, match="names 0 entries"):
        recover_board(board, anchor=OperatingPoint("nobody", 0.815, 0.887, 3, "invented"))


def test_a_corrupted_row_is_named_and_the_others_stay(board, recovered):
    corrupted = board.copy()
    corrupted.loc[3, "hand_kappa"] += 1e-4
    corrupted.loc[7, "wrist_upper"] = np.nan
    corrupted.loc[9, ["overall_kappa", "overall_lower", "overall_upper"]] = corrupted.loc[
        10, ["overall_kappa", "overall_lower", "overall_upper"]
    ].to_numpy()
    again = recover_board(corrupted, anchor=MURA_OPERATING_POINT)
    assert np.flatnonzero(~again.recovered).tolist() == [2, 6, 8]
    assert again.reasons[2].startswith("hand: no table")
    assert again.reasons[6] == "wrist: kappa or a limit is missing"
    assert again.reasons[8] != ""
    kept = again.recovered
    assert (again.tables[kept] == recovered.tables[kept]).all()
    assert not again.tables[~kept].any()


def test_a_study_counted_twice_is_found():
    rng = np.random.default_rng(5)
    tables = simulated_tables(rng, 12, [31, 28, 40], [12, 11, 25])
    tables[4, 1, 0, 0] += 1
    again = recover_board(board_of(tables, ("a", "b", "c")))
    assert again.recovered.all()
    assert np.flatnonzero(~again.comparable).tolist() == [4]
    assert "1 normal row too many" in again.row_sets[1].finding


def test_rounded_limits_are_refused_with_the_way_out(board):
    with pytest.raises(InputError, match="use the kappas alone"):
        recover_board(board.round(3))


def test_missing_columns_are_named(board):
    with pytest.raises(InputError, match="hand_lower"):
        recover_board(board.drop(columns="hand_lower"))


@settings(max_examples=amount(15), deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), data=st.data())
def test_round_trip_simulated_boards(seed, data):
    rng = np.random.default_rng(seed)
    sizes = data.draw(st.lists(st.integers(20, 60), min_size=2, max_size=4))
    positives = [data.draw(st.integers(max(5, n // 4), (n - 1) // 2)) for n in sizes]
    tables = simulated_tables(rng, 25, sizes, positives)
    names = tuple("abcd"[: len(sizes)])
    again = recover_board(board_of(tables, names))
    assert again.row_sets[0].rows == tuple(sizes)
    assert again.row_sets[0].positives == tuple(positives)
    usable = again.recovered
    assert usable.mean() > 0.8  # a rater with chance agreement in one type may stay ambiguous, and says so
    assert (again.tables[usable, :-1] == tables[usable]).all()
    assert all(again.reasons[e] for e in np.flatnonzero(~usable))


@settings(max_examples=amount(60), deadline=None, derandomize=True)
@given(st.tuples(*[st.integers(0, 60)] * 4))
def test_one_table_is_among_those_its_numbers_allow(cells):
    tn, fp, fn, tp = cells
    table = np.array([[tn, fp], [fn, tp]])
    made = legacy_interval(table)
    if not np.isfinite(made.kappa):
        return
    n = int(table.sum())
    numbers = float(made.kappa), float(made.lower), float(made.upper)
    assert n in row_counts_from_limits(*numbers, max_rows=300)
    found = tables_from_limits(*numbers, n)
    assert (found == table).all(axis=(1, 2)).any()
    # Swapping classes, or gold and call, changes none of the numbers: these images must be there too.
    for image in (table[::-1, ::-1], table.T):
        assert (found == image).all(axis=(1, 2)).any()


def test_a_board_of_overall_rows_alone():
    rng = np.random.default_rng(2)
    tables = simulated_tables(rng, 15, [120], [50])
    board = board_of(tables, ("all",)).filter(like="overall")
    again = recover_board(board)
    assert again.study_types == ()
    assert again.recovered.all()
    assert (again.tables[:, 0] == tables[:, 0]).all()
    assert again.composition().loc[(0, "overall"), "positives"] == 50
