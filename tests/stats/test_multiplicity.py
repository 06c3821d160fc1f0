import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import amount
from statsmodels.stats.multitest import multipletests

from mura_ensemble.stats.comparing.multiplicity import benjamini_hochberg, holm, max_t
from mura_ensemble.stats.resampling.resample import joint_bootstrap

P = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@settings(max_examples=amount(60), deadline=None)
@given(P, st.integers(0, 5))
def test_holm_and_benjamini_hochberg_agree_with_statsmodels_and_pass_over_missing(p, gaps):
    for ours, method in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        expected = multipletests(np.array(p), method=method)[1]
        np.testing.assert_allclose(ours(p), expected, atol=1e-14)
        places = np.sort(np.random.default_rng(gaps).permutation(len(p) + gaps)[: len(p)])
        gappy = np.full(len(p) + gaps, np.nan)
        gappy[places] = p
        found = ours(gappy)
        np.testing.assert_allclose(found[places], expected, atol=1e-14)
        assert np.isnan(found).sum() == gaps


def test_p_values_outside_0_to_1_are_refused():
    for bad in ([1.2], [-0.1], [[0.1]]):
        with pytest.raises(ValueError, match=r"values in \[0, 1\]"):
            holm(bad)
    assert holm([]).size == 0
    assert np.isnan(benjamini_hochberg([np.nan])).all()


def test_max_t_is_the_step_down_procedure_written_out():
    rng = np.random.default_rng(0)
    estimate = np.array([0.1, -0.5, 0.3, 0.0])
    draws = estimate + rng.normal(size=(500, 4)) * [0.1, 0.2, 0.1, 0.3]
    spread = np.sqrt(((draws - estimate) ** 2).mean(axis=0))
    t, noise = np.abs(estimate) / spread, np.abs(draws - estimate) / spread
    order, expected, last = np.argsort(-t), np.empty(4), 0.0
    for step, k in enumerate(order):
        p = (1 + (noise[:, order[step:]].max(axis=1) >= t[k]).sum()) / 501
        last = expected[k] = max(last, p)
    np.testing.assert_allclose(max_t(estimate, draws), expected)


def test_max_t_of_identical_comparisons_is_the_unadjusted_p_and_of_no_difference_one():
    noise = np.random.default_rng(1).normal(size=2_000)
    draws = 2.2 + np.column_stack([noise] * 5)
    single = max_t([2.2], draws[:, :1])
    np.testing.assert_array_equal(max_t(np.full(5, 2.2), draws), np.repeat(single, 5))
    assert max_t([0.0, np.nan], np.zeros((50, 2)))[0] == 1
    assert np.isnan(max_t([0.0, np.nan], np.zeros((50, 2)))[1])
    assert np.isnan(max_t([np.nan], np.full((5, 1), np.nan))).all()


def test_max_t_keeps_false_claims_rare_and_is_not_stricter_than_bonferroni():
    rng = np.random.default_rng(2)
    runs, false = amount(200, 50), 0
    for _ in range(runs):
        gold = rng.integers(0, 2, 200)
        hard = rng.random((200, 1)) < 0.3
        calls = np.where(rng.random((200, 5)) < np.where(hard, 0.6, 0.95), gold[:, None], 1 - gold[:, None])
        pairs = joint_bootstrap(gold, calls, resamples=400, rng=rng).differences()
        estimate, draws = pairs.estimate[0], pairs.draws(0)
        adjusted = max_t(estimate, draws)
        single = [max_t(estimate[[k]], draws[:, [k]])[0] for k in range(10)]
        assert (single <= adjusted).all()
        assert (adjusted <= np.minimum(1, 10 * np.max(single) + 1e-12)).all()
        assert adjusted.min() <= min(1, 10 * np.min(single))
        false += adjusted.min() < 0.05
    assert false / runs < 0.1


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="draws"):
        max_t([0.1, 0.2], np.zeros((10, 3)))
