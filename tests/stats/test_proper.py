"""Proper losses against scikit-learn and scipy, and their comparison against exact enumeration."""

from itertools import product

import numpy as np
import pytest
from scipy.special import expit

from mura_ensemble.stats.probabilities.proper import brier_losses, compare_losses, log_losses


def simulated(n: int, seed: int, raters: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    signal = rng.normal(0, 2, n)
    gold = (rng.random(n) < expit(signal)).astype(int)
    noise = rng.normal(size=(n, raters)) * np.linspace(0.2, 1.0, raters)
    return gold, expit(signal[:, None] + noise)


def test_means_equal_scikit_learn_also_for_saturated_probabilities():
    from sklearn.metrics import brier_score_loss, log_loss

    gold, probability = simulated(120, 0)
    probability[:3, 0], probability[3:6, 1] = 0.0, 1.0
    brier, log = brier_losses(gold, probability), log_losses(gold, probability)
    for rater, column in enumerate(probability.T):
        assert brier[:, rater].mean() == pytest.approx(brier_score_loss(gold, column), abs=1e-12)
        assert log[:, rater].mean() == pytest.approx(log_loss(gold, column), rel=1e-12)
    np.testing.assert_array_equal(brier_losses(gold, probability[:, 0]), brier[:, 0])
    np.testing.assert_array_equal(log_losses(gold, probability[:, 0]), log[:, 0])
    assert np.isfinite(log).all()


def test_flipping_both_classes_changes_no_loss():
    gold, probability = simulated(50, 1)
    for losses in (brier_losses, log_losses):
        np.testing.assert_allclose(losses(1 - gold, 1 - probability), losses(gold, probability), rtol=1e-9)


@pytest.mark.parametrize("loss", ["brier", "log"])
def test_limits_agree_with_scipys_bootstrap_of_the_same_losses(loss):
    from scipy.stats import bootstrap, norm, t

    gold, probability = simulated(150, 2, raters=2)
    found = compare_losses(gold, probability, loss=loss, resamples=20_000, rng=1)
    each = {"brier": brier_losses, "log": log_losses}[loss](gold, probability)
    np.testing.assert_allclose(found.mean, each.mean(axis=0))
    expanded = 1 - 2 * norm.cdf(-np.sqrt(150 / 149) * t.ppf(0.975, 149))
    for values, low, high in [
        (each[:, 0], found.low[0], found.high[0]),
        (each[:, 0] - each[:, 1], found.diff_low[0, 1], found.diff_high[0, 1]),
    ]:
        theirs = bootstrap(
            (values,), np.mean, confidence_level=expanded, n_resamples=20_000, method="percentile", rng=2
        ).confidence_interval
        width = theirs.high - theirs.low
        assert low == pytest.approx(theirs.low, abs=0.03 * width)
        assert high == pytest.approx(theirs.high, abs=0.03 * width)


def test_p_value_is_that_of_all_sign_flips():
    gold, probability = simulated(12, 3, raters=2)
    patients = np.repeat(np.arange(6), 2)
    found = compare_losses(gold, probability, patients=patients, resamples=40_000)
    each = brier_losses(gold, probability)
    apart = np.bincount(patients, each[:, 0] - each[:, 1])
    sums = np.array([np.dot(signs, apart) for signs in product([-1, 1], repeat=6)])
    exact = np.mean(np.abs(sums) >= abs(apart.sum()) * (1 - 1e-10))
    assert found.p[0, 1] == found.p[1, 0] == pytest.approx(exact, abs=0.01)
    assert found.patients == 6


def test_patients_widen_the_limits_when_their_studies_resemble_each_other():
    gold, probability = simulated(60, 4, raters=2)
    gold, probability = np.repeat(gold, 4), np.repeat(probability, 4, axis=0)
    alone = compare_losses(gold, probability, resamples=2_000)
    together = compare_losses(gold, probability, patients=np.repeat(np.arange(60), 4), resamples=2_000)
    width = lambda found: found.high - found.low  # noqa: E731
    np.testing.assert_allclose(width(together) / width(alone), 2, rtol=0.15)


def test_patients_of_unequal_size_give_the_ratio_of_resampled_sums():
    gold, probability = simulated(90, 5, raters=1)
    patients = np.random.default_rng(6).integers(0, 40, 90)
    found = compare_losses(gold, probability, patients=patients, resamples=20_000)
    units = np.unique(patients)
    losses = brier_losses(gold, probability)[:, 0]
    sums = np.array([losses[patients == unit].sum() for unit in units])
    sizes = np.array([(patients == unit).sum() for unit in units])
    linearised = (sums - losses.mean() * sizes) / sizes.mean()
    se = linearised.std(ddof=1) / np.sqrt(len(units))
    assert (found.high - found.low)[0] == pytest.approx(2 * 2.02 * se, rel=0.06)


def test_digits_depend_on_seed_and_rater_alone():
    gold, probability = simulated(70, 7, raters=4)
    patients = np.arange(70) // 2
    whole = compare_losses(gold, probability, patients=patients, resamples=500, rng=9)
    order = [2, 0]
    part = compare_losses(gold, probability[:, order], patients=patients, resamples=500, rng=9)
    for name in ("mean", "low", "high"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[order])
    for name in ("difference", "diff_low", "diff_high", "p"):
        expected = getattr(whole, name)[np.ix_(order, order)]
        np.testing.assert_allclose(getattr(part, name), expected, rtol=1e-12, atol=1e-15)
    turned = compare_losses(gold[::-1], probability[::-1], patients=patients[::-1], resamples=500, rng=9)
    np.testing.assert_allclose(turned.diff_low, whole.diff_low, rtol=1e-9, atol=1e-12)


def test_equal_raters_differ_by_nothing_and_a_single_patient_teaches_no_limits():
    gold, probability = simulated(30, 8, raters=1)
    same = compare_losses(gold, np.repeat(probability, 2, axis=1), resamples=200)
    assert same.difference[0, 1] == same.diff_low[0, 1] == same.diff_high[0, 1] == 0
    assert same.p[0, 1] == 1
    single = compare_losses(gold, np.repeat(probability, 2, axis=1), patients=np.zeros(30), resamples=20)
    assert np.isnan([single.low, single.high]).all()
    assert np.isnan(single.diff_low[0, 1])
    one_class = compare_losses(np.ones(30), probability, resamples=20)
    assert np.isfinite(one_class.low).all()


def test_bad_input_is_named():
    gold, probability = simulated(10, 0)
    for kwargs, what in [
        ({"loss": "hinge"}, "loss must"),
        ({"resamples": 0}, "resamples"),
        ({"level": 1.0}, "level"),
        ({"patients": [1]}, "patients"),
    ]:
        with pytest.raises(ValueError, match=what):
            compare_losses(gold, probability, **kwargs)
    with pytest.raises(ValueError, match="compare raters"):
        compare_losses(gold, probability[:, 0])
