import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import amount
from scipy import stats

from mura_ensemble.stats.comparing.ranks import (
    competition_ranks,
    rank_confidence_sets,
    rank_confidence_sets_from_covariance,
    rank_summary,
)
from mura_ensemble.stats.resampling.resample import joint_bootstrap


def study(n=150, raters=5, seed=0):
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 2, n)
    accuracy = np.linspace(0.9, 0.65, raters)
    calls = np.where(rng.random((n, raters)) < accuracy, gold[:, None], 1 - gold[:, None])
    return gold, calls, np.arange(n) % 3


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=12))
def test_competition_ranks_are_those_of_scipy(values):
    np.testing.assert_array_equal(
        competition_ranks(np.array(values, dtype=float)), stats.rankdata([-v for v in values], method="min")
    )


def test_probabilities_of_ranks_are_shares_of_resamples_with_ties_split():
    gold, calls, types = study(n=40, raters=4)
    boot = joint_bootstrap(gold, calls, strata=types, resamples=300)
    found = rank_summary(boot)
    draws = boot.draws[:, boot.overall]
    expected = np.zeros((4, 4))
    for row in draws:
        best = stats.rankdata(-row, method="min").astype(int)
        worst = stats.rankdata(-row, method="max").astype(int)
        for i in range(4):
            expected[i, best[i] - 1 : worst[i]] += 1 / (worst[i] - best[i] + 1)
    np.testing.assert_allclose(found.p_rank, expected / 300, atol=1e-12)
    np.testing.assert_allclose(found.p_rank.sum(axis=0), 1)
    np.testing.assert_allclose(found.p_best, found.p_rank[:, 0])
    assert found.used == 300
    assert (found.low <= found.rank).all()
    assert (found.rank <= found.high).all()
    macro = rank_summary(boot, group=-1)
    assert not np.array_equal(macro.p_rank, found.p_rank)


def test_identical_raters_share_rank_and_probability():
    gold, calls, _ = study(raters=3)
    calls[:, 2] = calls[:, 0]
    found = rank_summary(joint_bootstrap(gold, calls, resamples=200))
    assert found.rank[0] == found.rank[2] == 1
    assert found.p_best[0] == found.p_best[2]
    assert found.p_best.sum() == pytest.approx(1)


def test_a_rater_without_kappa_is_not_ranked_and_undefined_resamples_are_left_out():
    gold, calls, _ = study(n=12, raters=3)
    missing = calls.astype(float)
    missing[:, 1] = np.nan
    found = rank_summary(joint_bootstrap(gold, missing, resamples=100))
    assert np.isnan(found.rank[1])
    assert np.isnan(found.p_best[1])
    assert found.p_best[[0, 2]].sum() == pytest.approx(1)
    rare = np.r_[1, np.zeros(7, dtype=int)]
    found = rank_summary(joint_bootstrap(rare, np.column_stack([rare, 0 * rare]), resamples=200))
    assert found.used < 200
    nothing = rank_summary(joint_bootstrap(0 * rare, 0 * rare[:, None], resamples=5))
    assert np.isnan(nothing.p_rank).all()


@settings(max_examples=amount(15), deadline=None)
@given(st.integers(0, 10_000))
def test_digits_do_not_depend_on_the_order_of_the_raters(seed):
    gold, calls, types = study(seed=seed)
    columns = np.random.default_rng(seed).permutation(5)
    boot = joint_bootstrap(gold, calls, strata=types, resamples=100)
    moved = joint_bootstrap(gold, calls[:, columns], strata=types, resamples=100)
    np.testing.assert_array_equal(rank_summary(moved).p_best, rank_summary(boot).p_best[columns])
    one, other = (rank_confidence_sets(b.estimate[3], b.draws[:, 3]) for b in (boot, moved))
    assert one.critical == other.critical
    np.testing.assert_array_equal(other.high, one.high[columns])
    np.testing.assert_array_equal(other.better, one.better[np.ix_(columns, columns)])
    spread = np.cov(boot.draws[:, 3].T)
    given_ = {"draws": 200, "rng": 1}
    one = rank_confidence_sets_from_covariance(boot.estimate[3], spread, **given_)
    other = rank_confidence_sets_from_covariance(
        boot.estimate[3][columns], spread[np.ix_(columns, columns)], **given_
    )
    assert other.critical == pytest.approx(one.critical, abs=1e-12)
    np.testing.assert_array_equal(other.low, one.low[columns])


def test_the_first_step_is_tukeys_studentised_range():
    # Independent estimates of equal variance: the largest studentised difference is Tukey's range over sqrt(2).
    sets = rank_confidence_sets_from_covariance(np.zeros(6), np.eye(6), draws=40_000)
    expected = stats.studentized_range.ppf(0.95, 6, np.inf) / np.sqrt(2)
    assert sets.critical == pytest.approx(expected, rel=0.01)
    np.testing.assert_array_equal(sets.low, 1)
    np.testing.assert_array_equal(sets.high, 6)
    np.testing.assert_array_equal(sets.shared_rank, 1)


def test_clear_groups_are_told_apart_and_steps_only_sharpen():
    estimate = np.array([0.0, 0.1, 5.0, 5.3, 10.0, 8.4])
    sets = rank_confidence_sets_from_covariance(estimate, 0.2 * np.eye(6))
    np.testing.assert_array_equal(sets.rank, [6, 5, 4, 3, 1, 2])
    np.testing.assert_array_equal(sets.low, [5, 5, 3, 3, 1, 1])
    np.testing.assert_array_equal(sets.high, [6, 6, 4, 4, 2, 2])
    assert not (sets.better & sets.better.T).any()
    for seed in range(20):
        estimate = np.random.default_rng(seed).normal(size=8) * 2
        sets = rank_confidence_sets_from_covariance(estimate, np.eye(8), draws=2_000)
        assert (sets.low_single <= sets.low).all()
        assert (sets.low <= sets.low_marginal).all()
        assert (sets.high_marginal <= sets.high).all()
        assert (sets.high <= sets.high_single).all()


def test_sets_hold_for_all_raters_at_once():
    rng = np.random.default_rng(3)
    truth = np.array([0.0, 0.0, 0.5, 3.0, 3.0, 6.0])
    best, worst = competition_ranks(truth), 7 - competition_ranks(-truth)
    held = 0
    for _ in range(300):
        sets = rank_confidence_sets_from_covariance(truth + rng.normal(size=6), np.eye(6), draws=500, rng=rng)
        held += bool(((sets.low <= best) & (worst <= sets.high)).all())
    assert held / 300 > 0.92


def test_copies_of_a_rater_are_never_told_apart():
    gold, calls, _ = study(raters=3)
    calls[:, 2] = calls[:, 0]
    boot = joint_bootstrap(gold, calls, resamples=200)
    sets = rank_confidence_sets(boot.estimate[0], boot.draws[:, 0])
    assert not sets.better[0, 2]
    assert not sets.better[2, 0]
    np.testing.assert_array_equal(sets.low[[0, 2]], sets.low[0])


def test_a_difference_that_no_draw_varies_is_no_proof():
    noise = np.random.default_rng(1).normal(size=(300, 1))
    sets = rank_confidence_sets([0.5, 0.4, 9.0], np.array([0.5, 0.4, 9.0]) + noise * [0.0, 0.0, 1.0])
    assert not sets.better[0, 1]
    np.testing.assert_array_equal(sets.low, [2, 2, 1])
    np.testing.assert_array_equal(sets.high, [3, 3, 1])
    constant = rank_confidence_sets([0.2, 0.1], np.tile([0.2, 0.1], (50, 1)))
    assert not constant.better.any()
    np.testing.assert_array_equal(constant.low_marginal, [1, 1])


def test_unranked_raters_stay_nan_and_bad_input_is_named():
    draws = np.array([0.0, np.nan, 9.0]) + np.random.default_rng(0).normal(size=(50, 3))
    sets = rank_confidence_sets([0.0, np.nan, 9.0], draws)
    assert np.isnan(sets.low[1])
    assert not sets.better[1].any()
    np.testing.assert_array_equal(sets.high[[0, 2]], [2, 1])
    with pytest.raises(ValueError, match="No draw"):
        rank_confidence_sets([0.0, 1.0], np.full((5, 2), np.nan))
    with pytest.raises(ValueError, match="estimate must be"):
        rank_confidence_sets([0.0, 1.0], np.zeros((5, 3)))
    with pytest.raises(ValueError, match="level"):
        rank_confidence_sets([0.0], np.zeros((5, 1)), level=2)
    with pytest.raises(ValueError, match="symmetric"):
        rank_confidence_sets_from_covariance([0.0, 1.0], np.array([[1.0, 0.5], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="positive semi-definite"):
        rank_confidence_sets_from_covariance([0.0, 1.0], np.array([[1.0, 2.0], [2.0, 1.0]]))
