import numpy as np
import pytest
from scipy import stats

from mura_ensemble.stats.comparing.winner import (
    _log_mass,
    empirical_bayes,
    equicorrelated_covariance,
    naive_bootstrap_maximum,
    winner_interval,
)


def test_equal_errors_shrink_differences_by_the_formula():
    estimate = np.array([0.70, 0.74, 0.78, 0.83, 0.62, 0.75])
    covariance = equicorrelated_covariance(np.full(6, 0.03), 0.5)
    found = empirical_bayes(estimate, covariance)
    assert found.centre == pytest.approx(estimate.mean())
    # REML with equal variances: between-rater variance is the sample variance less the noise of a difference.
    assert found.spread**2 == pytest.approx(estimate.var(ddof=1) - 0.03**2 * 0.5, rel=1e-4)
    factor = found.spread**2 / (found.spread**2 + 0.03**2 * 0.5)
    np.testing.assert_allclose(found.mean, estimate.mean() + factor * (estimate - estimate.mean()))


def test_spread_that_noise_explains_is_shrunk_away():
    found = empirical_bayes([0.70, 0.71, 0.69, 0.70], 0.05**2 * np.eye(4))
    assert found.spread == 0
    np.testing.assert_allclose(found.mean, 0.70, atol=1e-6)
    np.testing.assert_allclose(found.sd, 0.025, rtol=1e-3)


def test_shrinkage_removes_the_winners_curse_that_the_naive_maximum_misjudges():
    rng = np.random.default_rng(0)
    covariance = equicorrelated_covariance(np.full(20, 0.04), 0.4)
    root = np.linalg.cholesky(covariance)
    curse, shrunk, inside, naive = [], [], [], []
    for _ in range(400):
        truth = 0.75 + 0.02 * rng.normal(size=20)
        estimate = truth + root @ rng.normal(size=20)
        best = int(np.argmax(estimate))
        found = empirical_bayes(estimate, covariance)
        curse.append(estimate[best] - truth[best])
        shrunk.append(found.mean[best] - truth[best])
        inside.append(abs(shrunk[-1]) < 1.96 * found.sd[best])
        naive.append(naive_bootstrap_maximum(estimate, estimate + rng.normal(size=(200, 20)) @ root.T))
    assert np.mean(curse) > 0.04
    assert abs(np.mean(shrunk)) < 0.01
    assert np.mean(inside) > 0.9
    assert np.mean(naive) < 0.75 * np.mean(curse)


def test_standard_errors_that_fall_with_kappa_do_not_make_shrinkage_worse_than_none():
    rng = np.random.default_rng(0)
    loss = np.zeros((150, 3))
    for i in range(len(loss)):
        truth = 0.75 + 0.04 * rng.normal(size=20)
        error = np.sqrt(0.7) * rng.normal() + np.sqrt(0.3) * rng.normal(size=20)
        # Balanced classes and equal margins: variance of kappa = (1 - kappa^2) / n.
        estimate = truth + np.sqrt((1 - truth**2) / 207) * error
        plug_in = equicorrelated_covariance(np.sqrt((1 - estimate**2) / 207), 0.7)
        common = empirical_bayes(estimate, plug_in)
        assert estimate.min() < common.centre < estimate.max()
        own = empirical_bayes(estimate, plug_in, known_covariance=True)
        loss[i] = [((found - truth) ** 2).mean() for found in (estimate, common.mean, own.mean)]
    raw, common_error, own_error = loss.mean(axis=0)
    assert common_error < raw
    assert own_error > 2 * raw


def test_a_known_covariance_is_taken_as_it_is():
    estimate = np.array([0.70, 0.74, 0.78, 0.83, 0.62, 0.75])
    covariance = equicorrelated_covariance([0.01, 0.02, 0.03, 0.02, 0.06, 0.01], 0.3)
    found = empirical_bayes(estimate, covariance, known_covariance=True)
    precision = np.linalg.inv(covariance + found.spread**2 * np.eye(6))
    assert found.centre == pytest.approx(precision.sum(axis=0) @ estimate / precision.sum())
    assert found.centre != pytest.approx(empirical_bayes(estimate, covariance).centre, abs=1e-3)


@pytest.mark.parametrize("truth", [np.zeros(5), np.linspace(-1, 1, 5), np.array([0.0, -9, -9, -9, -9])])
def test_intervals_cover_the_winner_and_the_median_is_unbiased(truth):
    rng = np.random.default_rng(1)
    covariance = equicorrelated_covariance([1.0, 0.9, 1.1, 1.0, 1.2], 0.3)
    root = np.linalg.cholesky(covariance)
    covered, above = np.zeros(4), np.zeros(2)
    for _ in range(400):
        found = winner_interval(truth + root @ rng.normal(size=5), covariance, draws=2_000)
        value = truth[found.winner]
        covered += [
            found.conditional_low <= value <= found.conditional_high,
            found.hybrid_low <= value <= found.hybrid_high,
            found.projection_low <= value <= found.projection_high,
            found.low <= value <= found.high,
        ]
        above += [found.conditional > value, found.hybrid > value]
        assert found.hybrid_low <= found.hybrid <= found.hybrid_high
    assert (covered / 400 > 0.92).all()
    assert (np.abs(above / 400 - 0.5) < 0.09).all()


def test_a_clear_winner_needs_no_correction_and_a_tie_has_wide_limits():
    clear = winner_interval([0.0, 50.0, 1.0], np.eye(3))
    assert clear.winner == 1
    assert clear.conditional == pytest.approx(50)
    assert (clear.conditional_low, clear.conditional_high) == pytest.approx((50 - 1.96, 50 + 1.96), abs=0.01)
    assert (clear.low, clear.high) == pytest.approx((48, 52), abs=0.05)
    np.testing.assert_array_equal(clear.rivals, [False, True, False])
    close = winner_interval([1.0, 1.0 - 1e-3, -9.0], np.eye(3))
    assert close.conditional < close.hybrid < close.estimate
    assert close.conditional_low < close.projection_low - 1
    np.testing.assert_array_equal(close.rivals, [True, True, False])
    assert close.projection_low < close.low < 1.0 - 1.96
    shared = winner_interval([1.0, 1.0, 0.0], np.eye(3))
    assert shared.winner == 0
    assert np.isnan([shared.conditional, shared.hybrid, shared.hybrid_low]).all()
    assert shared.low < 1.0 < shared.high


def test_digits_do_not_depend_on_the_order_of_the_raters():
    estimate = np.array([0.70, 0.74, 0.78, 0.83, 0.62, 0.81])
    covariance = equicorrelated_covariance([0.03, 0.04, 0.05, 0.03, 0.04, 0.06], 0.5)
    columns = np.array([4, 2, 0, 5, 3, 1])
    one = winner_interval(estimate, covariance, rng=3)
    other = winner_interval(estimate[columns], covariance[np.ix_(columns, columns)], rng=3)
    assert columns[other.winner] == one.winner == 3
    assert (other.low, other.hybrid_low, other.projection_high) == pytest.approx(
        (one.low, one.hybrid_low, one.projection_high), abs=1e-12
    )
    np.testing.assert_array_equal(other.rivals, one.rivals[columns])


def test_normal_mass_is_stable_in_the_tails():
    for a, b in [(-1.0, 1.0), (2.0, 3.0), (-0.5, 0.2)]:
        assert _log_mass(a, b) == pytest.approx(np.log(stats.norm.cdf(b) - stats.norm.cdf(a)))
    assert _log_mass(40.0, 41.0) == pytest.approx(stats.norm.logsf(40.0))
    assert _log_mass(40.0, 41.0) == _log_mass(-41.0, -40.0)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="three estimates"):
        empirical_bayes([0.1, 0.2], np.eye(2))
    with pytest.raises(ValueError, match="symmetric"):
        winner_interval([0.1, 0.2], np.eye(3))
    with pytest.raises(ValueError, match="variances positive"):
        winner_interval([0.1, 0.2], np.zeros((2, 2)))
    with pytest.raises(ValueError, match="level"):
        winner_interval([0.1, 0.2], np.eye(2), level=0)
    with pytest.raises(ValueError, match="correlation"):
        equicorrelated_covariance([1.0], 1.5)
