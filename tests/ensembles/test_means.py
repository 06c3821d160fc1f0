import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import gmean, spearmanr

from mura_ensemble.ensembles.combining import means
from mura_ensemble.ensembles.combining.combination import Sample

NONE = np.array([], dtype=str)


def simulated(n=500, seed=0):
    rng = np.random.default_rng(seed)
    gold = (rng.random(n) < 0.45).astype(float)
    probabilities = expit((2 * gold[:, None] - 1) * [1.5, 1.0, 0.4] + rng.normal(size=(n, 3)))
    return Sample(probabilities, gold, np.full(n, "wrist"), np.arange(n), np.arange(n) % 5)


def test_the_means_by_their_formulas():
    sample = simulated()
    p = sample.probabilities
    assert means.fit_mean(sample).predict(p, NONE) == pytest.approx(p.mean(axis=1))
    odds = gmean(p / (1 - p), axis=1)
    assert means.fit_logit_mean(sample).predict(p, NONE) == pytest.approx(odds / (1 + odds))
    assert means.PowerMean(2.0).predict(p, NONE) == pytest.approx(np.sqrt((p**2).mean(axis=1)))
    assert means.PowerMean(1.0).predict(p, NONE) == pytest.approx(p.mean(axis=1))


def test_the_exponent_is_the_one_of_least_log_loss():
    sample = simulated()

    def loss(exponent):
        p = means.PowerMean(exponent).predict(sample.probabilities, NONE)
        return -np.log(np.where(sample.gold == 1, p, 1 - p)).mean()

    assert means.fit_power_mean(sample).exponent == min(means.EXPONENTS, key=loss)


def test_ranks_are_blind_to_a_backbones_scale():
    """One backbone squeezed into a corner orders the studies as before; the plain mean then ignores it."""
    sample = simulated()
    squeezed = sample.probabilities.copy()
    squeezed[:, 0] = 0.001 * squeezed[:, 0]
    other = Sample(squeezed, sample.gold, sample.study_types, sample.patients, sample.folds)
    one = means.fit_rank_mean(sample).predict(sample.probabilities, NONE)
    two = means.fit_rank_mean(other).predict(squeezed, NONE)
    assert spearmanr(one, two).statistic > 0.9999
    assert spearmanr(one, squeezed.mean(axis=1)).statistic < 0.95


def test_ranks_are_frozen_when_fitting():
    """A study's rank does not depend on which other studies are called with it."""
    sample = simulated()
    found = means.fit_rank_mean(sample)
    whole = found.predict(sample.probabilities, NONE)
    assert found.predict(sample.probabilities[7:8], NONE)[0] == whole[7]
    extreme = found.predict(np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]), NONE)
    means_seen = sample.probabilities.mean(axis=1)
    assert extreme == pytest.approx([means_seen.min(), means_seen.max()], abs=0.02)


def test_the_rank_mean_keeps_the_distribution_of_the_mean():
    sample = simulated(n=2000)
    found = means.fit_rank_mean(sample).predict(sample.probabilities, NONE)
    plain = sample.probabilities.mean(axis=1)
    assert np.quantile(found, [0.1, 0.5, 0.9]) == pytest.approx(np.quantile(plain, [0.1, 0.5, 0.9]), abs=0.01)


def test_many_equal_probabilities_share_the_middle_rank():
    """scipy's average ranks, of which the knots keep what 257 points can."""
    from scipy.stats import rankdata

    rng = np.random.default_rng(0)
    p = np.round(rng.random((1000, 1)), 1)
    sample = Sample(
        p, np.zeros(1000), np.full(1000, "wrist"), np.arange(1000), np.zeros(1000, dtype=np.int64)
    )
    found = means.fit_rank_mean(sample)
    ranks = means._mean_rank(p, found.references)
    assert ranks == pytest.approx((rankdata(p[:, 0]) - 0.5) / 1000, abs=0.005)


def test_a_missing_backbone_leaves_the_mean_of_the_others():
    present = np.array([True, False, True])
    p = simulated().probabilities
    for combination in (means.Mean(), means.LogitMean(), means.PowerMean(2.0)):
        assert combination.only(present).predict(p[:, present], NONE) == pytest.approx(
            type(combination)(*vars(combination).values()).predict(p[:, [0, 2]], NONE)
        )
    ranked = means.fit_rank_mean(simulated()).only(present)
    assert len(ranked.references) == 2


def test_logit_mean_of_certainty_is_finite():
    assert np.isfinite(means.LogitMean().predict(np.array([[0.0, 1.0, 0.5]]), NONE)).all()
    assert logit(means.LogitMean().predict(np.array([[0.2, 0.2]]), NONE)) == pytest.approx(logit(0.2))
