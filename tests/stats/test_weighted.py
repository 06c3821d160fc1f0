"""Weighted kappa for K classes against scikit-learn, statsmodels and published tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mura_ensemble.stats.kappa.cohen import summarise_tables
from mura_ensemble.stats.kappa.weighted import (
    agreement_weights,
    summarise_weighted,
    tables_kxk,
    weighted_kappa,
)

# Two radiologists reading 85 xeromammograms as normal, benign, suspected cancer, cancer (Boyd et al. 1982; Altman
# 1991, Practical Statistics for Medical Research, sec. 14.3).
MAMMOGRAMS = np.array([[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]], dtype=float)
# Two clinicians, 100 patients: psychotic, neurotic, organic (Fleiss, Levin & Paik 2003, table 18.1).
DIAGNOSES = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]], dtype=float)


def test_xeromammograms():
    plain = summarise_weighted(MAMMOGRAMS, np.eye(4))
    assert (round(float(plain.observed), 4), round(float(plain.expected), 4)) == (0.6353, 0.3082)
    assert (round(float(plain.kappa), 4), round(float(plain.se_null), 4)) == (0.4728, 0.0694)
    assert round(float(plain.z), 2) == 6.81
    linear = summarise_weighted(MAMMOGRAMS, agreement_weights([0, 1, 2, 3], "linear"))
    assert (round(float(linear.observed), 4), round(float(linear.expected), 4)) == (0.8667, 0.6911)
    assert (round(float(linear.kappa), 4), round(float(linear.se_null), 4)) == (0.5684, 0.0788)


def test_clinical_diagnoses():
    plain = summarise_weighted(DIAGNOSES, np.eye(3))
    assert (round(float(plain.kappa), 3), round(float(plain.se_null), 3)) == (0.676, 0.076)
    # vcd, irrCAC and statsmodels agree on this one; psych 2.2.9 clips a negative variance to 0.
    quadratic = summarise_weighted(DIAGNOSES, agreement_weights([0, 1, 2], "quadratic"))
    assert float(quadratic.se) == pytest.approx(0.0867071, abs=1e-7)


@pytest.mark.parametrize("weighting", ["unweighted", "linear", "quadratic"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_equals_scikit_learn_and_statsmodels(weighting):
    from sklearn.metrics import cohen_kappa_score
    from statsmodels.stats.inter_rater import cohens_kappa

    rng = np.random.default_rng(0)
    weights = agreement_weights([0, 1, 2, 3], weighting)
    name = None if weighting == "unweighted" else weighting
    for _ in range(60):
        gold, calls = rng.integers(0, 4, 15), rng.integers(0, rng.integers(1, 5), 15)
        table = tables_kxk(gold, calls, [0, 1, 2, 3])[0]
        ours = summarise_weighted(table, weights)
        score = cohen_kappa_score(gold, calls, labels=[0, 1, 2, 3], weights=name)
        assert ours.kappa == pytest.approx(score, abs=1e-12, nan_ok=True)
        theirs = cohens_kappa(table, weights=1 - weights if name else None)
        assert ours.kappa == pytest.approx(theirs.kappa, abs=1e-12)
        assert ours.se**2 == pytest.approx(max(theirs.var_kappa, 0), abs=1e-10)
        assert ours.se_null**2 == pytest.approx(max(theirs.var_kappa0, 0), abs=1e-10)


@given(hnp.arrays(np.float64, (2, 2), elements=st.integers(0, 30).map(float)))
def test_two_classes_equal_the_2x2_formulas(table):
    ours, binary = summarise_weighted(table, np.eye(2)), summarise_tables(table)
    for name in ("kappa", "se", "se_null", "n", "observed", "expected"):
        # A null variance of 0 comes out as some 1e-16, and its root as some 1e-8.
        room = 1e-7 if name == "se_null" else 1e-10
        assert getattr(ours, name) == pytest.approx(getattr(binary, name), abs=room, nan_ok=True), name


@given(hnp.arrays(np.float64, (4, 4), elements=st.integers(0, 9).map(float)), st.integers(2, 4))
def test_properties(table, times):
    for weighting in ("unweighted", "linear", "quadratic"):
        weights = agreement_weights([0, 1, 2, 3], weighting)
        kappa = weighted_kappa(table, weights)
        assert weighted_kappa(table.T, weights) == pytest.approx(kappa, abs=1e-12, nan_ok=True)
        assert weighted_kappa(table[::-1, ::-1], weights) == pytest.approx(kappa, abs=1e-12, nan_ok=True)
        assert weighted_kappa(table * times, weights) == pytest.approx(kappa, abs=1e-12, nan_ok=True)
        perfect = weighted_kappa(np.diag(table.sum(axis=0)), weights)
        assert np.isnan(perfect) if (table.sum(axis=0) > 0).sum() < 2 else perfect == pytest.approx(1)


def test_many_raters_and_missing_calls():
    gold = np.array([1, 2, 3, 3, np.nan, 1])
    calls = np.array([[1, 1], [2, 2], [3, np.nan], [2, 3], [1, 1], [1, 3]])
    tables = tables_kxk(gold, calls, [1, 2, 3])
    assert tables.tolist() == [[[2, 0, 0], [0, 1, 0], [0, 1, 1]], [[1, 0, 1], [0, 1, 0], [0, 0, 1]]]
    summary = summarise_weighted(tables, agreement_weights([1, 2, 3], "linear"))
    assert summary.kappa.shape == (2,)
    assert np.isnan(summarise_weighted(np.zeros((2, 3, 3)), np.eye(3)).kappa).all()


def test_uneven_class_values_set_the_distances():
    weights = agreement_weights([0, 1, 10], "linear")
    assert weights[0].tolist() == pytest.approx([1, 0.9, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: agreement_weights([1, 1], "linear"), "ascending"),
        (lambda: agreement_weights([0, 1], "cubic"), "weighting must be one of"),
        (lambda: tables_kxk([0, 5], [0, 1], [0, 1]), "gold holds 5"),
        (lambda: tables_kxk([0, 1], [0, 1, 1], [0, 1]), "gold must be"),
        (lambda: summarise_weighted(np.ones((3, 3)), np.eye(2)), "same"),
        (lambda: summarise_weighted(-np.ones((2, 2)), np.eye(2)), "non-negative"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
