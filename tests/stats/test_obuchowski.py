"""Readers as a sample: a published RJafroc result, a hand-worked one, kappa against the plain jackknife."""

import numpy as np
import pytest
from scipy.stats import rankdata
from scipy.stats import t as student
from sklearn.metrics import cohen_kappa_score, recall_score, roc_auc_score

from mura_ensemble.stats.reader_study.obuchowski import (
    figure_against_readers,
    kappa_against_readers,
    ratings_against_readers,
    readers_as_sample,
)


def _auroc(abnormal, values):
    positives = abnormal.sum()
    ranks = rankdata(values, axis=-1)
    return (ranks[..., abnormal].sum(axis=-1) - positives * (positives + 1) / 2) / (
        positives * (~abnormal).sum()
    )


def test_rjafroc_on_simulated_readers():
    """RJafroc's single-modality RRRC result as published in the tests of Google Health's reader-study analysis.

    The data are the single-modality simulation of Chakraborty (2017, ch. 23) with mu 1, reader sd .075, correlation .6.
    """
    rng = np.random.RandomState(1987)
    abnormal = np.arange(1_000) < 200
    shared = rng.randn(1_000)
    columns = [abnormal + shared]
    for _ in range(10):
        shift = 0.075 * rng.randn(2)
        own = np.sqrt(1 - 0.6**2) * rng.randn(1_000)
        columns.append(abnormal + np.where(abnormal, shift[1], shift[0]) + 0.6 * shared + own)
    scores = np.array(columns)
    areas = _auroc(abnormal, scores)
    left = np.array([_auroc(np.delete(abnormal, i), np.delete(scores, i, axis=1)) for i in range(1_000)])
    found = readers_as_sample(areas[0] - areas[1:], left[:, :1] - left[:, 1:], margin=0.05)
    assert found.difference == pytest.approx(-0.00584125, abs=1e-8)
    assert found.p == pytest.approx(0.6560453, abs=1e-6)
    assert (found.low, found.high) == pytest.approx((-0.03233184, 0.02064934), abs=1e-8)
    assert found.df == pytest.approx(31.00905, abs=1e-4)
    assert found.noninferior


def test_kappa_by_distinct_patterns_is_the_plain_jackknife_of_patients():
    rng = np.random.default_rng(8)
    gold = rng.random(90) < 0.4
    reads = (gold[:, None] ^ (rng.random((90, 4)) < 0.15)).astype(float)
    call = (gold ^ (rng.random(90) < 0.1)).astype(float)
    reads[:7, 2] = np.nan
    patients = np.repeat(np.arange(45), 2)

    def apart(rows):
        out = []
        for reader in reads.T:
            kept = rows & ~np.isnan(reader)
            out.append(
                cohen_kappa_score(gold[kept], call[kept]) - cohen_kappa_score(gold[kept], reader[kept])
            )
        return np.array(out)

    differences = apart(np.ones(90, bool))
    left = np.array([apart(patients != unit) for unit in range(45)])
    covariance = np.cov(left.T) * 44**2 / 45
    cov2 = covariance[~np.eye(4, dtype=bool)].mean()
    total = differences.var(ddof=1) + max(4 * cov2, 0)
    found = kappa_against_readers(gold, call, reads, patients=patients, margin=0.1)
    assert found.difference == pytest.approx(differences.mean())
    assert found.covariance == pytest.approx(cov2)
    assert found.se == pytest.approx(np.sqrt(total / 4))
    assert found.df == pytest.approx(3 * (total / differences.var(ddof=1)) ** 2)
    assert found.p_noninferior == pytest.approx(student.sf((differences.mean() + 0.1) / found.se, found.df))


def test_a_reader_without_a_kappa_is_left_out_and_one_reader_is_no_sample():
    left = np.random.default_rng(0).normal(0, 0.01, (20, 3))
    assert readers_as_sample([0.1, 0.2, np.nan], left).left_out == 1
    with pytest.raises(ValueError, match="two readers"):
        readers_as_sample([0.1], left[:, :1])


def _study():
    rng = np.random.default_rng(8)
    gold = (rng.random(80) < 0.4).astype(float)
    reads = np.where(rng.random((80, 4)) < 0.15, 1 - gold[:, None], gold[:, None])
    reads[:7, 2] = np.nan
    return gold, np.where(rng.random(80) < 0.1, 1 - gold, gold), reads, np.repeat(np.arange(40), 2), rng


@pytest.mark.parametrize(
    ("figure", "reference"), [("kappa", cohen_kappa_score), ("sensitivity", recall_score)]
)
def test_a_figure_of_the_table_is_that_of_plain_refits(figure, reference):
    gold, call, reads, patients, _ = _study()
    found = figure_against_readers(gold, call, reads, figure=figure, patients=patients, margin=0.1)
    plain = ratings_against_readers(gold, call, reads, reference, patients=patients, margin=0.1)
    for name in ("difference", "low", "high", "p", "df", "covariance", "p_noninferior"):
        assert getattr(found, name) == pytest.approx(getattr(plain, name)), name


def test_areas_of_readers_who_graded_their_confidence():
    gold, _, reads, patients, rng = _study()
    grades = np.where(np.isnan(reads), np.nan, np.round(2 * reads + rng.normal(size=reads.shape)))
    rating = gold + rng.normal(size=80)
    found = ratings_against_readers(gold, rating, grades, roc_auc_score, patients=patients)
    areas = []
    for reader in grades.T:
        kept = ~np.isnan(reader)
        areas.append(roc_auc_score(gold[kept], rating[kept]) - roc_auc_score(gold[kept], reader[kept]))
    assert found.difference == pytest.approx(np.mean(areas))
    assert found.patients == 40
    with pytest.raises(ValueError, match="rating must be"):
        ratings_against_readers(gold, rating[1:], grades, roc_auc_score)
