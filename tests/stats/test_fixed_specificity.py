"""Sensitivity at a wanted specificity: equal to the exact threshold search, and limits that hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import amount

from mura_ensemble.stats.kappa.proportion import wilson_limits
from mura_ensemble.stats.probabilities.fixed_specificity import sensitivity_at_specificity
from mura_ensemble.stats.probabilities.operating import threshold_for_specificity

STUDIES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10)), min_size=2, max_size=40)


@settings(max_examples=amount(150), deadline=None)
@given(studies=STUDIES, target=st.sampled_from([0.0, 0.5, 0.8, 0.9, 1.0]))
def test_the_point_is_that_of_the_exact_search(studies, target):
    gold, tenths = np.array(studies).T
    values = tenths / 10
    found = sensitivity_at_specificity(gold, values[:, None], [target], resamples=1)
    if len(set(gold)) < 2:
        assert np.isnan(found.sensitivity).all()
        return
    exact = threshold_for_specificity(gold, values, target)
    assert found.sensitivity[0, 0] == pytest.approx(exact.sensitivity)
    assert found.specificity[0, 0] == pytest.approx(exact.specificity)


@settings(max_examples=amount(60), deadline=None)
@given(studies=STUDIES, seed=st.integers(0, 99))
def test_a_resample_is_the_repeated_studies(studies, seed):
    from mura_ensemble.stats.probabilities.fixed_specificity import _at, _Ordered

    gold, tenths = np.array(studies).T
    values = tenths / 10
    times = np.random.default_rng(seed).integers(0, 3, len(gold))
    repeated = np.repeat(np.arange(len(gold)), times)
    weighed = _at([_Ordered.of(gold == 1, values)], times[None].astype(float), np.array([0.8]))[:, 0, 0, 0]
    if len(set(gold[repeated])) < 2:
        assert np.isnan(weighed).all()
        return
    exact = threshold_for_specificity(gold[repeated], values[repeated], 0.8)
    assert weighed == pytest.approx([exact.sensitivity, exact.specificity])


def test_limits_cover_the_sensitivity_at_that_specificity():
    from scipy.stats import norm

    rng = np.random.default_rng(5)
    truth = norm.cdf(1.6 - norm.ppf(0.8))  # of normal values, abnormal ones 1.6 standard deviations higher
    held = 0
    for seed in range(200):
        gold = (rng.random(200) < 0.5).astype(int)
        values = norm.cdf(rng.normal(1.6 * gold, 1))
        found = sensitivity_at_specificity(gold, values[:, None], [0.8], resamples=200, rng=seed)
        held += bool(found.low[0, 0] <= truth <= found.high[0, 0])
    assert 0.9 * 200 <= held <= 0.99 * 200


def test_a_rater_that_finds_all_has_wilsons_limits():
    gold = np.repeat([0, 1], 20)
    found = sensitivity_at_specificity(gold, (0.1 + 0.8 * gold)[:, None], [0.9], resamples=50)
    assert found.sensitivity[0, 0] == 1
    assert (found.low[0, 0], found.high[0, 0]) == pytest.approx(tuple(map(float, wilson_limits(1.0, 20))))


def test_patients_are_resampled_whole():
    rng = np.random.default_rng(2)
    gold, values = rng.integers(0, 2, 60), rng.random(60)
    once = sensitivity_at_specificity(gold, values[:, None], [0.8, 0.9], resamples=300)
    twice = sensitivity_at_specificity(
        np.repeat(gold, 2),
        np.repeat(values, 2)[:, None],
        [0.8, 0.9],
        patients=np.repeat(np.arange(60), 2),
        resamples=300,
    )
    np.testing.assert_allclose(twice.low, once.low, atol=0.03)
    np.testing.assert_allclose(twice.sensitivity, once.sensitivity)


@pytest.mark.parametrize("bad", [{"targets": [1.2]}, {"probability": [0.1, 0.3]}, {"targets": 0.9}])
def test_what_does_not_fit_is_refused(bad):
    asked = {"probability": [[0.1], [0.3]], "targets": [0.9], **bad}
    with pytest.raises(ValueError, match="must"):
        sensitivity_at_specificity([0, 1], asked["probability"], asked["targets"])
