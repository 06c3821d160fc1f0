"""Kappa and its companions from 2x2 tables, against scikit-learn, statsmodels, scipy and hand-worked tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sampling import amount

from mura_ensemble.stats.kappa.cohen import (
    cell_influence,
    cohen_kappa,
    influence,
    kappa_variance,
    summarise_tables,
    tables_2x2,
)

TABLES = hnp.arrays(np.float64, (2, 2), elements=st.integers(0, 40).map(float))
DEGENERATE = [
    [[0, 0], [0, 0]],
    [[9, 0], [0, 0]],
    [[0, 0], [0, 9]],
    [[0, 9], [0, 0]],
    [[5, 4], [0, 0]],
    [[5, 0], [4, 0]],
    [[0, 5], [4, 0]],
    [[5, 0], [0, 4]],
]


def random_tables(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 7, (count, 2, 2)).astype(float)


def votes_of(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts = np.asarray(table, dtype=int).ravel()
    return np.repeat([0, 0, 1, 1], counts), np.repeat([0, 1, 0, 1], counts)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_kappa_and_mcc_equal_scikit_learn_also_on_degenerate_tables():
    from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, matthews_corrcoef

    for table in [*random_tables(150), *np.array(DEGENERATE[1:], dtype=float)]:
        if not table.sum():
            continue
        gold, call = votes_of(table)
        ours = summarise_tables(table)
        theirs = cohen_kappa_score(gold, call, labels=[0, 1])
        assert ours.kappa == pytest.approx(theirs, abs=1e-12, nan_ok=True)
        if not np.isnan(ours.mcc):
            assert ours.mcc == pytest.approx(matthews_corrcoef(gold, call), abs=1e-12)
        if not np.isnan(ours.balanced_accuracy):
            assert ours.balanced_accuracy == pytest.approx(balanced_accuracy_score(gold, call), abs=1e-12)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_both_standard_errors_equal_statsmodels():
    from statsmodels.stats.inter_rater import cohens_kappa

    tables = [table for table in random_tables(300, 1) if table.sum()] + DEGENERATE[2:]
    for table in tables:
        ours, theirs = summarise_tables(table), cohens_kappa(np.asarray(table, dtype=float))
        assert ours.kappa == pytest.approx(theirs.kappa, abs=1e-12, nan_ok=True)
        assert ours.kappa_max == pytest.approx(theirs.kappa_max, abs=1e-12, nan_ok=True)
        if np.isnan(ours.kappa):
            continue
        assert ours.se**2 == pytest.approx(theirs.var_kappa, abs=1e-12)
        assert ours.se_null**2 == pytest.approx(max(theirs.var_kappa0, 0.0), abs=1e-12)
        if ours.se_null > 1e-6:
            assert ours.z == pytest.approx(theirs.z_value, rel=1e-9)


def test_byrt_1993_figures_by_hand():
    # The two tables of Feinstein & Cicchetti 1990 (J Clin Epidemiol 43:543) that Byrt et al. 1993 decompose:
    # yes/yes 40, 9, 6, no/no 45 and 80, 10, 5, 5. Both agree on 85 of 100; kappa is .70 and .32.
    fair, paradox = summarise_tables([[[45, 6], [9, 40]], [[5, 5], [10, 80]]]).kappa
    assert round(float(fair), 2) == 0.70
    assert float(fair) == pytest.approx((0.85 - 0.5008) / (1 - 0.5008), abs=1e-12)
    assert round(float(paradox), 2) == 0.32
    skew = summarise_tables([[5, 5], [10, 80]])
    assert (float(skew.prevalence_index), float(skew.bias_index)) == pytest.approx((0.75, -0.05))
    assert float(skew.pabak) == pytest.approx(0.70)
    bias, prevalence = float(skew.bias_index), float(skew.prevalence_index)
    rebuilt = (skew.pabak - prevalence**2 + bias**2) / (1 - prevalence**2 + bias**2)
    assert float(skew.kappa) == pytest.approx(float(rebuilt), abs=1e-12)  # Byrt's identity


def test_mura_radiologist_wrist_table():
    summary = summarise_tables([[13, 1], [0, 15]])
    assert round(float(summary.kappa), 3) == 0.931
    assert float(summary.sensitivity) == 1.0
    assert float(summary.specificity) == pytest.approx(13 / 14)


def test_undefined_is_nan_and_quiet():
    summary = summarise_tables(DEGENERATE)
    assert np.isnan(summary.kappa[:3]).all()
    assert np.isnan(summary.se[:3]).all()
    assert (summary.kappa[3:6] == 0).all()
    assert summary.kappa[6] < -0.9
    assert summary.kappa[7] == 1
    assert np.isnan(summary.sensitivity[1])
    assert summary.specificity[1] == 1
    assert np.isnan(summary.mcc[4])


def test_every_field_has_the_shape_of_the_strata():
    summary = summarise_tables(random_tables(12).reshape(3, 4, 2, 2))
    assert {np.shape(value) for value in vars(summary).values()} == {(3, 4)}


def test_missing_calls_and_gold_are_dropped_per_rater():
    gold = np.array([0, 1, 1, 0, np.nan, 1])
    calls = np.array([[0, 0], [1, np.nan], [0, 1], [1, 0], [1, 1], [np.nan, 1]])
    tables = tables_2x2(gold, calls)
    assert tables.tolist() == [[[1, 1], [1, 1]], [[2, 0], [0, 2]]]
    assert tables_2x2(gold, calls[:, 0]).tolist() == [[[1, 1], [1, 1]]]


def test_weights_of_ones_change_nothing_and_weights_count_studies():
    rng = np.random.default_rng(2)
    gold, calls = rng.integers(0, 2, 60), rng.integers(0, 2, (60, 4))
    plain = tables_2x2(gold, calls)
    assert (tables_2x2(gold, calls, weights=np.ones(60)) == plain).all()
    weights = rng.integers(0, 4, 60)
    again = tables_2x2(np.repeat(gold, weights), np.repeat(calls, weights, axis=0))
    assert np.allclose(tables_2x2(gold, calls, weights=weights), again, atol=1e-12)


def test_counting_in_blocks_gives_the_same_table(monkeypatch):
    rng = np.random.default_rng(3)
    gold, calls = rng.integers(0, 2, 101), rng.integers(0, 2, (101, 3))
    whole = tables_2x2(gold, calls)
    monkeypatch.setattr("mura_ensemble.stats.kappa.cohen._BLOCK_CELLS", 30)
    assert (tables_2x2(gold, calls) == whole).all()


@pytest.mark.parametrize(
    ("gold", "calls", "weights", "message"),
    [
        ([0, 1], [[0], [2]], None, "calls must be 0, 1 or NaN, found 2"),
        ([0, 0.5], [0, 1], None, "gold must be 0, 1 or NaN, found 0.5"),
        ([0, 1, 1], [0, 1], None, "gold must be"),
        ([0, 1], [0, 1], [1, -1], "weights must be"),
        ([0, 1], [0, 1], [1, 1, 1], "weights must be"),
    ],
)
def test_bad_votes_are_named(gold, calls, weights, message):
    with pytest.raises(ValueError, match=message):
        tables_2x2(gold, calls, weights=weights)


@pytest.mark.parametrize("tables", [[1, 2, 3], [[1, 2], [3, -1]], [[1, 2], [3, np.nan]]])
def test_bad_tables_are_refused(tables):
    with pytest.raises(ValueError, match="tables must be"):
        summarise_tables(tables)


@pytest.mark.parametrize("measure", [cohen_kappa, cell_influence, kappa_variance])
def test_every_measure_refuses_what_is_no_table_and_passes_nan_on(measure):
    for bad in ([1, 2, 3], [[1, 2, 3], [4, 5, 6]], [[1, 2], [3, -1]], [[1, 2], [3, np.inf]]):
        with pytest.raises(ValueError, match="tables must be"):
            measure(bad)
    assert np.isnan(measure([[1, 2], [3, np.nan]])).all()
    assert np.isnan(measure(np.zeros((2, 2)))).all()


def test_weights_cannot_be_mistaken_for_a_second_rater():
    with pytest.raises(TypeError):
        tables_2x2([0, 1], [0, 1], [1, 1])


@given(TABLES)
def test_relabelling_and_swapping_gold_and_rater_keep_kappa_and_its_variance(table):
    for twin in (table[::-1, ::-1], table.T):
        assert cohen_kappa(twin) == pytest.approx(cohen_kappa(table), abs=1e-12, nan_ok=True)
        assert kappa_variance(twin) == pytest.approx(kappa_variance(table), abs=1e-12, nan_ok=True)


@given(TABLES, st.integers(2, 5))
def test_duplicating_the_data_keeps_kappa_and_divides_the_variance(table, times):
    assert cohen_kappa(table * times) == pytest.approx(cohen_kappa(table), abs=1e-12, nan_ok=True)
    expected = kappa_variance(table) / times
    assert kappa_variance(table * times) == pytest.approx(expected, abs=1e-12, nan_ok=True)


@given(hnp.arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 1)))
def test_kappa_of_a_rater_with_itself_is_one_or_undefined(votes):
    kappa = cohen_kappa(tables_2x2(votes, votes))[0]
    assert kappa == 1 if 0 < votes.sum() < len(votes) else np.isnan(kappa)


@given(TABLES.filter(lambda table: not np.isnan(cohen_kappa(table))))
def test_influence_is_the_derivative_of_kappa_and_gives_the_variance(table):
    cells, n, step = cell_influence(table), table.sum(), 1e-6
    assert float((cells * table).sum()) == pytest.approx(0, abs=1e-9)
    for cell in np.ndindex(2, 2):
        nudged = (1 - step) * table / n
        nudged[cell] += step
        slope = (cohen_kappa(nudged) - cohen_kappa(table)) / step
        assert slope == pytest.approx(cells[cell], rel=2e-3, abs=2e-3 * (1 + np.abs(cells).max()))


@settings(max_examples=amount(30))
@given(st.integers(0, 2**32 - 1))
def test_influence_per_study_matches_the_standard_error_with_missing_calls(seed):
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 2, 40).astype(float)
    calls = np.where(rng.random((40, 3)) < 0.2, 1 - gold[:, None], gold[:, None])
    calls[rng.random((40, 3)) < 0.1] = np.nan
    gold[0] = np.nan
    values = influence(gold, calls)
    assert (np.isnan(values) == (np.isnan(calls) | np.isnan(gold)[:, None])).all()
    n = (~np.isnan(values)).sum(axis=0)
    assert np.allclose(np.nansum(values, axis=0), 0, atol=1e-9)
    summary = summarise_tables(tables_2x2(gold, calls))
    assert np.allclose(np.sqrt(np.nansum(values**2, axis=0)) / n, summary.se, atol=1e-12)
    assert np.array_equal(influence(gold, calls[:, 1]), values[:, 1], equal_nan=True)


def test_no_spread_under_chance_is_zero_and_not_its_rounding():
    found = summarise_tables(np.array([[0, 0], [1, 4]]))
    assert found.se_null == 0
    assert np.isnan(found.z)
