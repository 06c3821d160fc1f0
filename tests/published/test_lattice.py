from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import amount

from mura_ensemble.data.errors import InputError
from mura_ensemble.published import (
    MURA_OPERATING_POINT,
    compatible_tables,
    legacy_interval,
    load_published_board,
    load_published_readers,
    recover_board,
    tables_from_rounded,
)
from mura_ensemble.stats.kappa.cohen import cohen_kappa


@pytest.fixture(scope="module")
def recovered():
    return recover_board(load_published_board(), anchor=MURA_OPERATING_POINT)


def solve(rater, recovered, **changes):
    printed = load_published_readers().loc[rater].loc[[*recovered.study_types, "overall"]]
    printed = printed.assign(**changes)
    shared = recovered.row_sets[0]
    return tables_from_rounded(
        printed["kappa"], printed["lower"], printed["upper"], n=shared.rows, positives=shared.positives
    )


def test_every_table_of_some_size_is_found_and_nothing_else():
    n = 17
    every = np.array(
        [
            [[n - p - fp, fp], [fn, p - fn]]
            for p in range(1, n)
            for fn in range(p + 1)
            for fp in range(n - p + 1)
        ]
    )
    kappas = cohen_kappa(every)
    for printed in np.unique(np.round(kappas, 3)):
        # Brute force over all tables is the reference; a tie of the printed digit counts either way.
        expected = every[np.abs(kappas - printed) <= 0.0005 + 1e-9]
        found = compatible_tables(float(printed), n).tables
        assert sorted(map(tuple, found.reshape(-1, 4))) == sorted(map(tuple, expected.reshape(-1, 4)))


@settings(max_examples=amount(60), deadline=None, derandomize=True)
@given(
    st.tuples(st.integers(1, 90), st.integers(0, 60), st.integers(0, 60), st.integers(1, 90)),
    st.sampled_from([2, 3, 4]),
)
def test_the_kappa_of_a_real_table_is_always_possible(cells, decimals):
    tn, fp, fn, tp = cells
    table = np.array([[tn, fp], [fn, tp]])
    kappa = round(float(cohen_kappa(table)), decimals)
    found = compatible_tables(kappa, int(table.sum()), decimals=decimals)
    assert found.possible
    assert (found.tables == table).all(axis=(1, 2)).any()
    known = compatible_tables(kappa, int(table.sum()), decimals=decimals, positives=fn + tp)
    assert (known.tables == table).all(axis=(1, 2)).any()
    assert known.positives.tolist() == [fn + tp]


@pytest.mark.parametrize("kappa", [0.843, 0.705])
def test_an_impossible_kappa_gives_the_verdict(kappa):
    # At 103 of 207 abnormal kappa moves almost only in steps of two studies.
    found = compatible_tables(kappa, 207, positives=103)
    assert not found.possible
    assert found.verdict.startswith(f"no table gives kappa {kappa} at n = 207")
    below, above = found.nearest
    assert below < kappa - 0.0005
    assert above > kappa + 0.0005
    for reached in (below, above):
        assert compatible_tables(round(reached, 3), 207, positives=103).possible


def test_the_nearest_kappas_keep_the_rates():
    n = 12
    every = np.array(
        [
            [[n - p - fp, fp], [fn, p - fn]]
            for p in range(1, n)
            for fn in range(p + 1)
            for fp in range(n - p + 1)
        ]
    )
    kappas = cohen_kappa(every)
    shares = [every[:, 1, 1] / every[:, 1].sum(axis=-1), every[:, 0, 0] / every[:, 0].sum(axis=-1)]
    impossible = 0
    for sensitivity, specificity in product((None, 0.0, 0.5, 0.667, 1.0), (None, 0.2, 0.5, 0.714, 1.0)):
        fits = np.ones(len(every), dtype=bool)
        for share, rate in zip(shares, (sensitivity, specificity), strict=True):
            if rate is not None:
                fits &= np.abs(share - rate) <= 0.0005 + 1e-9
        for kappa in np.linspace(-0.987, 0.987, 25):
            found = compatible_tables(float(kappa), n, sensitivity=sensitivity, specificity=specificity)
            assert len(found.tables) == (fits & (np.abs(kappas - kappa) <= 0.0005 + 1e-9)).sum()
            if not found.possible:
                below, above = kappas[fits & (kappas < kappa)], kappas[fits & (kappas > kappa)]
                nearest = [below.max() if len(below) else np.nan, above.min() if len(above) else np.nan]
                np.testing.assert_allclose(found.nearest, nearest, atol=1e-12)
                impossible += 1
    assert impossible > 300
    below, above = compatible_tables(-0.111, 12, sensitivity=1.0, specificity=0.5).nearest
    assert np.isnan(below)
    assert above == pytest.approx(0.25)
    assert compatible_tables(0.054, 13, sensitivity=0.0, specificity=0.6).nearest[0] == pytest.approx(
        -0.327, abs=5e-4
    )


def test_the_abstract_alone_gives_the_class_counts():
    found = compatible_tables(0.705, 207, sensitivity=0.815, specificity=0.887)
    assert found.positives.tolist() == [92]
    assert found.tables.tolist() == [[[102, 13], [17, 75]]]
    assert found.verdict == "exactly one table gives kappa 0.705 at n = 207: TP 75, FN 17, FP 13, TN 102"


def test_kappa_alone_and_kappa_with_limits_meet(recovered):
    # Two independent roads: the printed 3 decimals by listing tables, the full limits by inversion.
    printed = load_published_board()["kappa"][recovered.comparable]
    for kappa, table in zip(printed, recovered.tables[recovered.comparable, -1], strict=True):
        found = compatible_tables(float(kappa), 207, positives=92)
        assert (found.tables == table).all(axis=(1, 2)).any()
        assert len(found.tables) <= 12


def test_a_large_n_is_searched_and_a_hopeless_one_refused():
    found = compatible_tables(0.778, 1199, positives=538)
    assert found.possible
    assert np.abs(cohen_kappa(found.tables) - 0.778).max() <= 0.0005 + 1e-9
    with pytest.raises(InputError, match="number of abnormal studies"):
        compatible_tables(0.778, 14_863)


@pytest.mark.parametrize(
    ("kappa", "n", "positives"),
    [(77.8, 207, None), (0.5, 1, None), (0.5, 20, 0), (0.5, 20, range(5, 21)), (0.5, 20, [])],
)
def test_bad_questions_are_refused(kappa, n, positives):
    with pytest.raises(InputError):
        compatible_tables(kappa, n, positives=positives)


@pytest.mark.parametrize(
    ("rater", "overall", "per_type"),
    [
        (
            "Radiologist 1",
            [[93, 22], [6, 86]],
            [(1, 1), (2, 9), (0, 3), (1, 4), (1, 1), (1, 1), (0, 3)],
        ),
        (
            "Radiologist 3",
            [[97, 18], [5, 87]],
            [(0, 4), (2, 7), (1, 2), (1, 2), (0, 1), (1, 1), (0, 1)],
        ),
    ],
)
def test_readers_whose_tables_are_unique(recovered, rater, overall, per_type):
    found = solve(rater, recovered)
    assert found.unique
    assert found.tables[0, -1].tolist() == overall
    assert [(int(t[1, 0]), int(t[0, 1])) for t in found.tables[0, :-1]] == per_type


def test_reader_2_is_not_unique_and_says_so(recovered):
    found = solve("Radiologist 2", recovered)
    assert not found.unique
    assert found.overall.tolist() == [[[107, 8], [16, 76]], [[108, 7], [17, 75]]]
    assert found.verdict == "4 sets of tables give these numbers, 2 overall tables among them"


def test_every_solution_prints_as_published(recovered):
    printed = load_published_readers()
    for rater in printed.index.get_level_values("rater").unique():
        found = solve(rater, recovered)
        assert len(found.tables)
        made = legacy_interval(found.tables)
        rows = printed.loc[rater].loc[[*recovered.study_types, "overall"]]
        for part in ("kappa", "lower", "upper"):
            assert np.abs(getattr(made, part) - rows[part].to_numpy()).max() <= 0.0005 + 1e-9


def test_contradictory_rows_have_no_solution(recovered):
    found = solve("Radiologist 3", recovered, kappa=0.5)
    assert len(found.tables) == 0
    assert found.verdict == "no set of tables gives these numbers"


def test_too_little_to_single_anything_out(recovered):
    with pytest.raises(InputError, match="half a million"):
        solve("Radiologist 3", recovered, kappa=np.nan, lower=np.nan, upper=np.nan)
