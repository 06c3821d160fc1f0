"""Alternative annotator test: against the published recipe written out, missing reads, boundaries."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from statsmodels.stats.multitest import multipletests

from mura_ensemble.stats.reader_study.alternative import alternative_test


def _recipe(call, reads, epsilon):
    p, wins = [], []
    for j in range(reads.shape[1]):
        ours, its = [], []
        for f, row in zip(call, reads, strict=True):
            others = np.delete(row, j)
            others = others[~np.isnan(others)]
            if np.isnan(row[j]) or not len(others):
                continue
            agree, disagree = np.mean(others == row[j]), np.mean(others == f)
            ours.append(float(agree >= disagree))
            its.append(float(disagree >= agree))
        p.append(ttest_1samp(np.array(ours) - np.array(its), epsilon, alternative="less").pvalue)
        wins.append(np.mean(its))
    return np.array(p), np.array(wins)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_is_the_published_recipe(missing):
    rng = np.random.default_rng(6)
    truth = rng.random(100) < 0.4
    reads = (truth[:, None] ^ (rng.random((100, 5)) < 0.2)).astype(float)
    reads[rng.random(reads.shape) < missing] = np.nan
    call = (truth ^ (rng.random(100) < 0.15)).astype(float)
    found = alternative_test(call, reads)
    p, wins = _recipe(call, reads, 0.2)
    np.testing.assert_allclose(found.p, p, rtol=1e-9)
    np.testing.assert_array_equal(found.rejected, multipletests(p, 0.05, "fdr_by")[0])
    assert found.advantage == pytest.approx(wins.mean())
    assert found.winning_rate == found.rejected.mean()


def test_a_copy_of_a_good_reader_passes_and_a_coin_does_not():
    rng = np.random.default_rng(1)
    truth = rng.random(200) < 0.5
    reads = (truth[:, None] ^ (rng.random((200, 4)) < 0.05)).astype(float)
    assert alternative_test(truth.astype(float), reads).passed
    coin = alternative_test((rng.random(200) < 0.5).astype(float), reads)
    assert not coin.passed
    assert coin.winning_rate == 0


def test_twice_every_study_of_a_patient_is_no_new_information():
    rng = np.random.default_rng(9)
    truth = rng.random(60) < 0.5
    reads = (truth[:, None] ^ (rng.random((60, 3)) < 0.2)).astype(float)
    call = (truth ^ (rng.random(60) < 0.2)).astype(float)
    once = alternative_test(call, reads)
    twice = alternative_test(np.tile(call, 2), np.tile(reads, (2, 1)), patients=np.tile(np.arange(60), 2))
    np.testing.assert_allclose(twice.p, once.p)


def test_readers_of_few_studies_are_not_tested():
    reads = np.ones((40, 3))
    reads[20:, 0] = np.nan
    found = alternative_test(np.ones(40), reads)
    assert found.tested == 2
    assert np.isnan(found.p[0])
