"""Dawid and Skene: published maximum, the mirror, recovery, models kept out."""

import numpy as np
import pytest

from mura_ensemble.stats.agreement.latent import dawid_skene

# Seven pathologists (A-G) on 118 slides, carcinoma or not: Agresti, Categorical Data Analysis (2002), table 13.1,
# after Landis and Koch 1977.
CARCINOMA = {
    "0000000": 34, "0000100": 2, "0100000": 6, "0100001": 1, "0100100": 4, "0100101": 5, "1000000": 2,
    "1010101": 1, "1100000": 2, "1100001": 1, "1100100": 2, "1100101": 7, "1100111": 1, "1101001": 1,
    "1101101": 2, "1101111": 3, "1110101": 13, "1110111": 5, "1111101": 10, "1111111": 16,
}  # fmt: skip


def test_published_two_class_model_of_the_carcinoma_slides():
    """Log-likelihood -317.2568, shares .5012 and .4988, A and B in the healthy class .1166 and .3541 (poLCA)."""
    reads = [[int(read) for read in row] for row, times in CARCINOMA.items() for _ in range(times)]
    assert len(reads) == 118
    found = dawid_skene(reads, resamples=0)
    assert found.log_likelihood == pytest.approx(-317.2568, abs=1e-3)
    assert found.prevalence[0] == pytest.approx(0.5012, abs=1e-4)
    assert found.sensitivity[0, 0] == pytest.approx(1, abs=1e-4)
    assert found.converged


def _readers(seed, n=600):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    rates = np.array([[0.95, 0.9], [0.8, 0.95], [0.9, 0.8], [0.85, 0.85]])
    right = np.where(truth[:, None], rates[:, 0], rates[:, 1])
    reads = np.where(rng.random((n, 4)) < right, truth[:, None], ~truth[:, None]).astype(float)
    return truth, rates, reads, rng


def test_recovers_what_the_reads_were_drawn_from_with_missing_reads():
    truth, rates, reads, rng = _readers(3, 4_000)
    reads[rng.random(reads.shape) < 0.3] = np.nan
    found = dawid_skene(reads, resamples=0)
    np.testing.assert_allclose(found.sensitivity[0], rates[:, 0], atol=0.04)
    np.testing.assert_allclose(found.specificity[0], rates[:, 1], atol=0.04)
    assert (
        np.mean((found.posterior[~np.isnan(found.posterior)] > 0.5) == truth[~np.isnan(found.posterior)])
        > 0.9
    )


def test_models_are_scored_but_never_vote():
    truth, _, reads, rng = _readers(7)
    call = (truth ^ (rng.random(len(truth)) < 0.05)).astype(float)
    patients = np.arange(600) // 2
    found = dawid_skene(reads, call[:, None], patients=patients, resamples=100)
    other = dawid_skene(reads, 1 - call[:, None], patients=patients, resamples=100)
    np.testing.assert_allclose(found.posterior, other.posterior, rtol=1e-12)  # the order of sums differs
    assert found.kappa[1, 0] < found.kappa[0, 0] < found.kappa[2, 0]
    table = np.zeros((2, 2))
    for g, share in ((0, 1 - found.posterior), (1, found.posterior)):
        for x in (0, 1):
            table[g, x] = share[call == x].sum()
    n = table.sum()
    chance = (table.sum(axis=0) * table.sum(axis=1)).sum() / n**2
    assert found.kappa[0, 0] == pytest.approx((np.trace(table) / n - chance) / (1 - chance))
    assert found.model_sensitivity[0, 0] == pytest.approx(table[1, 1] / table[1].sum())


def test_limits_enclose_the_estimate():
    *_, reads, _ = _readers(11)
    found = dawid_skene(reads, resamples=200)
    for triple in (found.prevalence, found.sensitivity, found.specificity):
        assert (triple[1] < triple[0]).all()
        assert (triple[0] < triple[2]).all()


def test_two_readers_do_not_identify_a_truth():
    with pytest.raises(ValueError, match="3 readers"):
        dawid_skene(np.zeros((5, 2)))


def _plain_em(reads, steps):
    """EM of Dawid and Skene study by study, from shares of votes: log-likelihood, prevalence, sensitivities."""
    seen = ~np.isnan(reads)
    abnormal = np.where(seen, reads, 0)
    posterior = abnormal.sum(axis=1) / seen.sum(axis=1)
    for _ in range(steps):
        prevalence = posterior.mean()
        sensitivity = posterior @ abnormal / (posterior @ seen)
        specificity = (1 - posterior) @ (seen - abnormal) / ((1 - posterior) @ seen)
        ill = prevalence * np.where(seen, np.where(reads == 1, sensitivity, 1 - sensitivity), 1).prod(axis=1)
        well = (1 - prevalence) * np.where(seen, np.where(reads == 0, specificity, 1 - specificity), 1).prod(
            axis=1
        )
        posterior = ill / (ill + well)
    return np.log(ill + well).sum(), prevalence, sensitivity


def test_missing_reads_give_the_maximum_of_a_plain_loop():
    """crowd-kit 1.4.2 stops on the way on these reads, at a log-likelihood of -119.18935 (17 steps)."""
    rng = np.random.default_rng(7)
    truth = rng.random(80) < 0.35
    reads = (truth[:, None] ^ (rng.random((80, 5)) < 0.15)).astype(float)
    reads[rng.random(reads.shape) < 0.4] = np.nan
    found = dawid_skene(reads, resamples=0)
    likelihood, prevalence, sensitivity = _plain_em(reads[~np.isnan(reads).all(axis=1)], 5_000)
    assert found.log_likelihood == pytest.approx(likelihood, abs=1e-6)
    assert found.log_likelihood > -119.18935
    assert found.prevalence[0] == pytest.approx(prevalence, abs=1e-5)
    np.testing.assert_allclose(found.sensitivity[0], sensitivity, atol=1e-5)


def test_a_reader_without_reads_and_a_class_without_studies_have_no_rates():
    *_, reads, _ = _readers(2, 200)
    idle = np.column_stack([reads, np.full(200, np.nan)])
    found = dawid_skene(idle, resamples=50)
    assert np.isnan(found.sensitivity[:, 4]).all()
    np.testing.assert_allclose(found.sensitivity[0, :4], dawid_skene(reads, resamples=0).sensitivity[0])
    normal = dawid_skene(np.zeros((30, 3)), resamples=20)
    assert np.isnan(normal.sensitivity[0]).all()
    assert normal.specificity[0] == pytest.approx(1, abs=1e-6)
    assert np.isnan(normal.specificity[1:]).all()  # no exception seen says nothing of how rare it is
