import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import amount
from sklearn.metrics import cohen_kappa_score

from mura_ensemble.stats.resampling.patterns import PatternCounter, compress, margins_kappa


def study(n=120, raters=4, strata=3, patients=70, seed=0, missing=0.0):
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 2, n)
    calls = np.where(rng.random((n, raters)) < 0.8, gold[:, None], 1 - gold[:, None]).astype(float)
    calls[rng.random(calls.shape) < missing] = np.nan
    types = rng.integers(0, strata, n)
    types[:strata] = np.arange(strata)
    return gold, calls, types, rng.integers(0, patients, n)


def sklearn_kappa(gold, call):
    seen = ~np.isnan(call)
    return cohen_kappa_score(gold[seen], call[seen].astype(int))


@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("with_patients", [False, True])
def test_weights_of_ones_give_the_kappas_of_scikit_learn(missing, with_patients):
    gold, calls, types, patients = study(missing=missing)
    patterns = compress(gold, calls, strata=types, clusters=patients if with_patients else None)
    found = patterns.kappas(patterns.multiplicity[None])[:, :, 0]
    for r in range(calls.shape[1]):
        per_type = [sklearn_kappa(gold[types == s], calls[types == s, r]) for s in range(3)]
        expected = [*per_type, sklearn_kappa(gold, calls[:, r]), np.mean(per_type)]
        np.testing.assert_allclose(found[:, r], expected, rtol=1e-12)
    seen = ~np.isnan(calls)
    np.testing.assert_array_equal(patterns.called()[:3], [seen[types == s].sum(axis=0) for s in range(3)])
    np.testing.assert_array_equal(patterns.called()[3], seen.sum(axis=0))


def test_a_resample_of_patients_counts_all_their_studies():
    gold, calls, types, patients = study(missing=0.1)
    patterns = compress(gold, calls, strata=types, clusters=patients)
    codes = np.unique(patients)
    drawn = np.random.default_rng(1).integers(0, len(codes), len(codes))
    weights = np.bincount(patterns.unit_pattern[drawn], minlength=len(patterns.multiplicity))
    rows = np.concatenate([np.flatnonzero(patients == codes[d]) for d in drawn])
    again = compress(gold[rows], calls[rows], strata=types[rows])
    np.testing.assert_array_equal(
        patterns.kappas(weights[None])[:, :, 0], again.kappas(again.multiplicity[None])[:, :, 0]
    )


@pytest.mark.parametrize("group", [0, 1, 2, 3, 4, -1])
def test_leave_one_out_is_the_kappa_without_that_patient(group):
    gold, calls, types, patients = study(n=60, patients=30, missing=0.1)
    patterns = compress(gold, calls, strata=types, clusters=patients)
    left_out = patterns.leave_one_out(group)
    for unit, patient in enumerate(np.unique(patients)):
        rest = patients != patient
        again = compress(gold[rest], calls[rest], strata=types[rest])
        np.testing.assert_allclose(
            left_out[patterns.unit_pattern[unit]],
            again.kappas(again.multiplicity[None])[group, :, 0],
            rtol=1e-12,
        )


def test_a_hundred_raters_in_many_study_types_need_several_words():
    gold, calls, types, _ = study(n=200, raters=101, strata=70, missing=0.05)
    patterns = compress(gold, calls, strata=types)
    found = patterns.kappas(patterns.multiplicity[None])[patterns.strata, :, 0]
    np.testing.assert_allclose(found, [sklearn_kappa(gold, c) for c in calls.T], rtol=1e-12)


@settings(max_examples=amount(25), deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.integers(1, 5))
def test_counting_in_chunks_finds_the_patterns_of_the_whole(seed, with_patients, n_chunks):
    gold, calls, types, patients = study(n=80, raters=2, patients=40, seed=seed, missing=0.1)
    order = np.argsort(patients, kind="stable")
    gold, calls, types, patients = gold[order], calls[order], types[order], patients[order]
    cuts = np.searchsorted(patients, np.linspace(0, 40, n_chunks + 1)[1:-1])
    counter = PatternCounter(raters=2, strata=3)
    for rows in np.split(np.arange(80), cuts):
        if len(rows):
            counter.add(gold[rows], calls[rows], types[rows], patients[rows] if with_patients else None)
    counted = counter.patterns()
    whole = compress(gold, calls, strata=types, clusters=patients if with_patients else None)
    np.testing.assert_array_equal(counted.multiplicity, whole.multiplicity)
    np.testing.assert_array_equal(counted.features, whole.features)
    np.testing.assert_array_equal(counted.columns, whole.columns)
    assert counted.units == (len(np.unique(patients)) if with_patients else 80)
    assert counted.studies == whole.studies == 80


def test_a_patient_in_two_chunks_is_refused():
    counter = PatternCounter(raters=1)
    counter.add([0, 1], [[0], [1]], clusters=[0, 1])
    with pytest.raises(ValueError, match="grow from chunk to chunk"):
        counter.add([0, 1], [[0], [1]], clusters=[1, 2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gold": [0, 2]}, "gold must be 0 or 1"),
        ({"gold": [0.0, np.nan]}, "gold must be 0 or 1"),
        ({"calls": [[0], [0.5]]}, "calls must be 0, 1 or NaN"),
        ({"calls": [[0]]}, "must be"),
        ({"strata": [0, -1]}, "strata must be a vector of whole numbers"),
        ({"strata": [0, 0, 0]}, "strata has 3 entries for 2 studies"),
        ({"clusters": [0.5, 1.0]}, "clusters must be a vector of whole numbers"),
        ({"clusters": [1]}, "clusters has 1 entries for 2 studies"),
        ({"gold": [], "calls": np.empty((0, 1))}, "At least one study"),
    ],
)
def test_bad_input_is_named(change, message):
    given = {"gold": [0, 1], "calls": [[0], [1]], **change}
    with pytest.raises(ValueError, match=message):
        compress(given.pop("gold"), given.pop("calls"), **given)


def test_kappa_is_undefined_only_where_gold_and_rater_are_constant_and_equal():
    both, call, gold, n = np.array([[0, 0, 0, 5], [5, 5, 5, 5], [0, 0, 5, 5], [0, 5, 0, 5]], dtype=float).T
    np.testing.assert_array_equal(margins_kappa(both, call, gold, n), [np.nan, np.nan, 0, 0])
