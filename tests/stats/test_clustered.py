import numpy as np
import pytest
from scipy import stats

from mura_ensemble.stats.kappa.clustered import (
    clustered_kappa_interval,
    clustered_kappa_intervals,
    patient_stretch,
)
from mura_ensemble.stats.kappa.cohen import cell_influence, tables_2x2
from mura_ensemble.stats.kappa.intervals import kappa_interval
from mura_ensemble.stats.kappa.limits import wald_limits
from mura_ensemble.stats.resampling.resample import joint_bootstrap


def correlated_study(rng, sizes, sensitivity, specificity, prevalence, share):
    """Gold and errors of thresholded normals, `share` of whose variance is the patient's."""
    patient = np.repeat(np.arange(len(sizes)), sizes)

    def latent():
        common = rng.normal(size=len(sizes))[patient]
        return np.sqrt(share) * common + np.sqrt(1 - share) * rng.normal(size=len(patient))

    gold = (latent() < stats.norm.ppf(prevalence)).astype(int)
    right = latent() < stats.norm.ppf(np.where(gold == 1, sensitivity, specificity))
    return gold, np.where(right, gold, 1 - gold), patient


def kappa_of(sensitivity, specificity, prevalence):
    agree = prevalence * sensitivity + (1 - prevalence) * specificity
    calls = prevalence * sensitivity + (1 - prevalence) * (1 - specificity)
    chance = prevalence * calls + (1 - prevalence) * (1 - calls)
    return (agree - chance) / (1 - chance)


@pytest.mark.parametrize("n", [20, 150])
def test_one_study_per_patient_is_the_plain_interval_to_the_digit(n):
    rng = np.random.default_rng(n)
    gold, call, _ = correlated_study(rng, np.ones(n, dtype=int), 0.85, 0.9, 0.45, 0.0)
    found = clustered_kappa_interval(gold, call, clusters=rng.permutation(n))
    assert found == kappa_interval(tables_2x2(gold, call)[0], "auto")
    types = np.arange(n) % 2
    twice = clustered_kappa_intervals(gold, call[:, None], clusters=np.arange(n) // 2, strata=types)
    for s in range(2):  # two studies a patient, but one in each type
        own = kappa_interval(tables_2x2(gold[types == s], call[types == s])[0], "auto")
        assert (twice.low[s, 0], twice.high[s, 0], twice.kind[s, 0]) == (own.low, own.high, own.kind)
    assert twice.kind[2, 0].endswith("by patient")


def test_few_patients_stretch_the_add_one_interval():
    rng = np.random.default_rng(1)
    gold, call, patient = correlated_study(rng, np.full(15, 3), 0.85, 0.85, 0.5, 0.8)
    found = clustered_kappa_interval(gold, call, clusters=patient)
    low, high = wald_limits(tables_2x2(gold, call)[0], pseudo=1.0)
    by_study = cell_influence(tables_2x2(gold, call)[0] + 1)[gold, call]
    sums = np.bincount(patient, by_study)
    effect = (sums @ sums) / (by_study @ by_study) * 15 / 14
    stretch = np.sqrt(max(1, effect)) * stats.t.ppf(0.975, 14) / stats.norm.ppf(0.975)
    assert patient_stretch(by_study, patient, 0.95) == pytest.approx(stretch)
    assert found.kind == "add_one by patient"
    assert found.small
    assert found.low == pytest.approx(max(-1, (low + high) / 2 - stretch * (high - low) / 2))
    assert found.high == pytest.approx(min(1, (low + high) / 2 + stretch * (high - low) / 2))


def test_many_patients_get_the_bca_of_the_bootstrap_of_patients():
    rng = np.random.default_rng(2)
    sizes = rng.integers(1, 4, 200)
    gold, call, patient = correlated_study(rng, sizes, 0.85, 0.9, 0.5, 0.5)
    found = clustered_kappa_interval(gold, call, clusters=patient, resamples=2_000, rng=4)
    low, high = joint_bootstrap(gold, call[:, None], clusters=patient, resamples=2_000, rng=4).interval(
        kind="bca"
    )
    assert (found.low, found.high, found.kind) == (low[0, 0], high[0, 0], "bca by patient")
    assert not found.small
    plain = kappa_interval(tables_2x2(gold, call)[0])
    assert found.high - found.low > plain.high - plain.low


def test_each_rater_and_type_has_its_own_limits_whatever_the_others():
    rng = np.random.default_rng(3)
    gold, call, patient = correlated_study(rng, np.full(150, 2), 0.85, 0.9, 0.5, 0.5)
    calls = np.column_stack([call, gold, np.where(rng.random(300) < 0.1, np.nan, call)])
    types = rng.integers(0, 3, 300)
    found = clustered_kappa_intervals(gold, calls, clusters=patient, strata=types, resamples=500)
    assert found.low.shape == (4, 3)
    alone = clustered_kappa_intervals(gold, calls[:, [2, 0]], clusters=patient, strata=types, resamples=500)
    np.testing.assert_array_equal(alone.low, found.low[:, [2, 0]])
    np.testing.assert_array_equal(found.high[:, 1], 1)
    assert (found.low[:, 1] < 1).all()
    assert ((found.low <= found.estimate) & (found.estimate <= found.high)).all()
    assert found.n[3, 2] == np.isfinite(calls[:, 2]).sum()


def test_a_single_patient_rules_out_nothing_and_no_kappa_has_no_rule():
    found = clustered_kappa_interval([0, 1, 1, 0], [0, 1, 0, 0], clusters=[3, 3, 3, 3], resamples=10)
    assert (found.low, found.high) == (-1, 1)
    constant = clustered_kappa_interval([1, 1, 1], [1, 1, 1], clusters=[0, 0, 1], resamples=10)
    assert np.isnan(constant.estimate)
    assert constant.kind == "none"


@pytest.mark.parametrize(("patients", "most"), [(12, 4), (40, 3)])
def test_coverage_where_studies_of_a_patient_go_together(patients, most):
    rng = np.random.default_rng(4)
    setting = (0.93, 0.92, 0.4)
    truth, covered, plain, runs = kappa_of(*setting), 0, 0, 250
    for _ in range(runs):
        sizes = rng.integers(1, most + 1, patients)
        gold, call, patient = correlated_study(rng, sizes, *setting, 0.6)
        if gold.min() == gold.max():
            covered, plain = covered + 1, plain + 1
            continue
        found = clustered_kappa_interval(gold, call, clusters=patient, resamples=1)
        covered += found.low <= truth <= found.high
        low, high = wald_limits(tables_2x2(gold, call)[0])
        plain += low <= truth <= high
    assert covered / runs > 0.93
    assert plain / runs < 0.93


def test_without_an_error_the_design_effect_is_not_one():
    """A perfect rater of six studies a patient, gold the same within each: 20 patients tell less than 120 studies."""
    gold = np.repeat(np.arange(20) % 2, 6)
    found = clustered_kappa_interval(gold, gold, clusters=np.repeat(np.arange(20), 6), resamples=10)
    apart = clustered_kappa_interval(gold.astype(float), gold, clusters=np.arange(120), resamples=10)
    assert found == clustered_kappa_interval(
        gold * 1.0, gold, clusters=np.repeat(np.arange(20), 6), resamples=10
    )
    assert 1 - found.low > 1.8 * (1 - apart.low)


def test_coverage_where_few_patients_make_the_errors():
    """Beta-binomial errors, intraclass correlation 0.8, 6 studies a patient; the raw influence covers 85 %."""
    rng, runs, covered = np.random.default_rng(70), 300, 0
    unit = np.repeat(np.arange(10), 6)
    for _ in range(runs):
        gold = rng.integers(0, 2, len(unit))
        wrong = rng.random(len(unit)) < rng.beta(0.0375, 0.2125, 10)[unit]
        found = clustered_kappa_interval(gold, np.where(wrong, 1 - gold, gold), clusters=unit, resamples=1)
        covered += found.low <= 0.7 <= found.high
    assert covered / runs > 0.91
