"""Calibration against statsmodels, scikit-learn and scipy, and against probabilities known to be right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import amount
from scipy.special import expit, logit

from mura_ensemble.stats.kappa.proportion import wilson_limits
from mura_ensemble.stats.probabilities.calibration import calibration
from mura_ensemble.stats.probabilities.reliability import reliability_table

STUDIES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=1, max_size=40)


def simulated(n: int, seed: int, slope: float = 1.0, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Gold standard and probabilities whose true recalibration line has this intercept and slope."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1.5, n)
    return (rng.random(n) < expit(shift + slope * x)).astype(int), expit(x)


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.4, -0.7), (2.5, 1.5)])
def test_line_and_intercept_equal_statsmodels(slope, shift):
    import statsmodels.api as sm

    gold, probability = simulated(300, 1, slope, shift)
    found = calibration(gold, probability)
    x = logit(probability)
    line = sm.Logit(gold, sm.add_constant(x)).fit(disp=0, tol=1e-12)
    assert (found.intercept, found.slope) == pytest.approx(tuple(line.params), rel=1e-6)
    assert (found.intercept_se, found.slope_se) == pytest.approx(tuple(line.bse), rel=1e-6)
    assert (found.slope_low, found.slope_high) == pytest.approx(tuple(line.conf_int()[1]), rel=1e-6)
    assert (found.intercept_low, found.intercept_high) == pytest.approx(tuple(line.conf_int()[0]), rel=1e-6)
    whole = sm.GLM(gold, np.ones(300), family=sm.families.Binomial(), offset=x).fit(tol=1e-12)
    assert found.in_the_large == pytest.approx(whole.params[0], rel=1e-6)
    assert found.in_the_large_se == pytest.approx(whole.bse[0], rel=1e-6)
    assert expit(x + found.in_the_large).mean() == pytest.approx(gold.mean(), abs=1e-9)


def test_clustered_standard_errors_equal_statsmodels():
    import statsmodels.api as sm

    gold, probability = simulated(240, 2, 0.8)
    patients = np.random.default_rng(2).integers(0, 80, 240)
    found = calibration(gold, probability, patients=patients)
    k = len(np.unique(patients))
    clustered = sm.Logit(gold, sm.add_constant(logit(probability))).fit(
        disp=0,
        tol=1e-12,
        cov_type="cluster",
        cov_kwds={"groups": np.unique(patients, return_inverse=True)[1], "use_correction": False},
    )
    scale = np.sqrt(k / (k - 1))
    assert (found.intercept_se, found.slope_se) == pytest.approx(tuple(clustered.bse * scale), rel=1e-5)
    assert found.patients == k


@pytest.mark.parametrize(("patients", "each"), [(10, 6), (30, 4)])
def test_limits_of_few_patients_with_several_studies_hold(patients: int, each: int) -> None:
    """Calibrated probabilities: the plain sandwich with normal quantiles covers 87 % at ten patients."""
    rng = np.random.default_rng(1)
    unit = np.repeat(np.arange(patients), each)
    held = []
    for _ in range(250):
        x = rng.normal(0, 1.2, patients)[unit] + rng.normal(0, 0.8, len(unit))
        found = calibration((rng.random(len(x)) < expit(x)).astype(int), expit(x), patients=unit)
        if not np.isnan(found.slope):
            held.append(found.slope_low <= 1 <= found.slope_high)
    assert len(held) > 200
    assert np.mean(held) >= 0.94


@settings(max_examples=amount(60), deadline=None)
@given(STUDIES)
def test_swapping_the_classes_turns_intercepts_and_keeps_the_slope(rows):
    gold, level = np.array(rows).T
    probability = (level + 0.5) / 21
    found, flipped = calibration(gold, probability), calibration(1 - gold, 1 - probability)
    for name, sign in (("slope", 1), ("intercept", -1), ("in_the_large", -1)):
        value, other = getattr(found, name), sign * getattr(flipped, name)
        assert other == pytest.approx(value, rel=1e-4, abs=1e-6, nan_ok=True)
    table, turned = (
        reliability_table(gold, probability, bins=7),
        reliability_table(1 - gold, 1 - probability, bins=7),
    )
    assert table.n.sum() == turned.n.sum() == len(gold)
    assert turned.ece == pytest.approx(table.ece, abs=1e-12)  # 21 probabilities in 7 bins never hit an edge


def test_true_probabilities_are_covered_nineteen_times_in_twenty():
    hits = []
    for seed in range(300):
        found = calibration(*simulated(207, seed))
        hits.append(
            [found.slope_low <= 1 <= found.slope_high, found.in_the_large_low <= 0 <= found.in_the_large_high]
        )
    assert (np.mean(hits, axis=0) > 0.92).all()


def test_what_cannot_be_fitted_is_undefined():
    one_class = calibration([1, 1, 1], [0.2, 0.5, 0.9])
    assert np.isnan([one_class.slope, one_class.intercept_low, one_class.in_the_large]).all()
    constant = calibration([0, 1, 1], [0.5, 0.5, 0.5])
    assert np.isnan(constant.slope)
    assert constant.in_the_large == pytest.approx(np.log(2))
    separated = calibration([0, 0, 1, 1], [0.1, 0.3, 0.3, 0.9])  # even when they only touch
    assert np.isnan(separated.slope)
    reversed_ = calibration([1, 1, 0, 0], [0.1, 0.3, 0.4, 0.9])
    assert np.isnan(reversed_.slope)
    single = calibration([0, 1, 0, 1], [0.2, 0.4, 0.6, 0.8], patients=[7, 7, 7, 7])
    assert np.isfinite(single.slope)
    assert np.isnan(single.slope_se)


def test_saturated_probabilities_are_held_inside_and_counted():
    gold, probability = simulated(100, 3)
    probability[:2], probability[2] = 1.0, 0.0
    found = calibration(gold, probability)
    assert found.clipped == 3
    assert np.isfinite([found.slope, found.in_the_large]).all()


@pytest.mark.parametrize(("binning", "theirs"), [("width", "uniform"), ("mass", "quantile")])
def test_bins_equal_scikit_learns(binning, theirs):
    from sklearn.calibration import calibration_curve

    gold, probability = simulated(200, 4)
    probability = np.round(probability, 1 if binning == "mass" else 3)
    table = reliability_table(gold, probability, bins=8, binning=binning)
    observed, expected = calibration_curve(gold, probability, n_bins=8, strategy=theirs)
    np.testing.assert_allclose(table.observed[table.n > 0], observed)
    np.testing.assert_allclose(table.mean_probability[table.n > 0], expected)
    by_hand = sum(
        n / 200 * abs(o - m)
        for n, o, m in zip(table.n, table.observed, table.mean_probability, strict=True)
        if n
    )
    assert table.ece == pytest.approx(by_hand)


def test_limits_are_wilsons():
    from scipy.stats import binomtest
    from statsmodels.stats.proportion import proportion_confint

    for hits, n in [(0, 9), (3, 10), (7, 7), (120, 207)]:
        theirs = binomtest(hits, n).proportion_ci(method="wilson")
        assert wilson_limits(hits / n, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
        wide = wilson_limits(hits / n, n, 0.9)
        assert wide == pytest.approx(proportion_confint(hits, n, 0.1, method="wilson"), abs=1e-12)
    gold, probability = simulated(150, 5)
    table = reliability_table(gold, probability)
    low, high = wilson_limits(table.observed, table.n)
    np.testing.assert_allclose(table.low, low)
    np.testing.assert_allclose(table.high, high)


def test_patients_widen_the_limits_by_their_design_effect():
    gold, probability = simulated(400, 6)
    once = reliability_table(gold, probability, bins=4)
    copies = reliability_table(
        np.repeat(gold, 3), np.repeat(probability, 3), bins=4, patients=np.repeat(np.arange(400), 3)
    )
    np.testing.assert_array_equal(copies.n, 3 * once.n)
    np.testing.assert_allclose(copies.low, once.low, atol=0.003)
    np.testing.assert_allclose(copies.high, once.high, atol=0.003)
    alone = reliability_table(gold, probability, bins=4, patients=np.arange(400)[::-1])
    np.testing.assert_allclose(alone.low, once.low)


def test_edges_belong_to_the_bin_below_and_empty_bins_are_undefined():
    table = reliability_table([1, 0, 1], [0.5, 0.0, 1.0], bins=4)
    np.testing.assert_array_equal(table.n, [1, 1, 0, 1])
    assert np.isnan([table.observed[2], table.low[2], table.mean_probability[2]]).all()
    assert table.ece == pytest.approx(1 / 6)
    assert table.ece_name == "ECE (4 bins of equal width)"
    constant = reliability_table([1, 0], [0.3, 0.3], binning="mass")
    assert constant.ece_name == "ECE (1 bin of equal size)"
    assert constant.ece == pytest.approx(0.2)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="bins"):
        reliability_table([0, 1], [0.1, 0.2], bins=0)
    with pytest.raises(ValueError, match="binning"):
        reliability_table([0, 1], [0.1, 0.2], binning="equal")
    with pytest.raises(ValueError, match="level"):
        calibration([0, 1], [0.1, 0.2], level=0)
    with pytest.raises(ValueError, match="level"):
        wilson_limits(0.5, 10, 1.5)
    for share, trials in ((1.2, 10), (-0.1, 10), (0.5, -1)):
        with pytest.raises(ValueError, match="share must lie"):
            wilson_limits(share, trials)
    assert np.isnan(wilson_limits(np.nan, 10)).all()
    for function in (calibration, reliability_table):
        with pytest.raises(ValueError, match="one probability"):
            function([0, 1], [[0.1], [0.2]])


def test_calls_given_as_probabilities_have_no_line_and_end_well():
    rng = np.random.default_rng(1)
    for _ in range(60):
        n = int(rng.choice([60, 207]))
        gold = (rng.random(n) < 0.45).astype(int)
        hits, right = rng.random(2) * 0.5 + 0.5
        called = np.where(gold == 1, rng.random(n) < hits, rng.random(n) > right).astype(float)
        calibration(gold, called, patients=np.arange(n) // 2)
    found = calibration([1] * 9 + [0], [1.0] * 9 + [0.0])
    assert np.isnan(found.slope)
