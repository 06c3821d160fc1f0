"""Operating points and calibrations against scikit-learn and by their definitions."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from statsmodels.api import Logit, add_constant

from mura_ensemble.data.errors import InputError
from mura_ensemble.ensembles.combining.calibrating import fit_calibration
from mura_ensemble.ensembles.thresholds import TYPE_PENALTY, fit, parse_operating_point


def simulated(n=800, slope=1.7, shift=0.4, seed=0):
    rng = np.random.default_rng(seed)
    types = rng.choice(["elbow", "hand", "wrist"], n)
    z = rng.normal(size=n)
    own = {"elbow": -1.0, "hand": 0.0, "wrist": 1.0}
    gold = (rng.random(n) < expit(slope * z + shift + 0.8 * np.array([own[t] for t in types]))).astype(float)
    return expit(z), gold, types


def test_platt_is_the_maximum_likelihood_of_statsmodels():
    probability, gold, _ = simulated()
    found = fit_calibration("platt", probability, gold)
    reference = Logit(gold, add_constant(logit(probability))).fit(disp=0, tol=1e-12)
    assert (found.intercept, found.slope) == pytest.approx(reference.params, abs=1e-5)


def test_temperature_is_scikit_learns():
    probability, gold, _ = simulated()
    base = LogisticRegression(C=1e12, tol=1e-12).fit(logit(probability)[:, None], probability > 0.5)
    base.coef_, base.intercept_ = np.ones((1, 1)), np.zeros(1)
    reference = CalibratedClassifierCV(FrozenEstimator(base), method="temperature", ensemble=False)
    reference.fit(logit(probability)[:, None], gold.astype(bool))
    found = fit_calibration("temperature", probability, gold)
    assert found.intercept == 0
    assert found.apply(probability) == pytest.approx(
        reference.predict_proba(logit(probability)[:, None])[:, 1], abs=1e-4
    )


def test_isotonic_is_scikit_learns():
    probability, gold, _ = simulated()
    found = fit_calibration("isotonic", probability, gold)
    reference = IsotonicRegression(out_of_bounds="clip").fit(probability, gold)
    new = np.random.default_rng(1).random(200)
    assert found.apply(new) == pytest.approx(reference.predict(new), abs=1e-6)


@pytest.mark.parametrize("kind", ["none", "platt", "isotonic", "temperature"])
def test_a_calibration_rises_and_keeps_missing_missing(kind):
    probability, gold, _ = simulated()
    applied = fit_calibration(kind, probability, gold).apply(np.append(np.linspace(0, 1, 101), np.nan))
    assert np.isnan(applied[-1])
    assert (np.diff(applied[:-1]) >= 0).all()


@pytest.mark.parametrize("kind", ["platt", "temperature"])
def test_a_probability_that_points_the_wrong_way_is_left_as_it_is(kind):
    probability, gold, _ = simulated()
    assert fit_calibration(kind, 1 - probability, gold).apply(probability) == pytest.approx(probability)


def test_intercepts_are_where_the_penalised_regression_crosses_half():
    probability, gold, types = simulated()
    point = fit("intercept", probability, gold, types)
    names = np.unique(types)
    member = (types[:, None] == names).astype(float)
    scale = np.array([1e3, *[TYPE_PENALTY**-0.5] * 3])  # a slope in large units is as good as not penalised
    design = np.column_stack([logit(probability), member])
    reference = LogisticRegression(C=1.0, tol=1e-12, max_iter=50_000).fit(design * scale, gold)
    slope, *shifts = reference.coef_[0] * scale
    expected = expit(-(reference.intercept_[0] + np.array(shifts)) / slope)
    assert [point.per_study_type[name] for name in names] == pytest.approx(expected, abs=1e-3)
    called = point.call(probability, types)
    assert (called == reference.predict(design * scale)).mean() > 0.998


def test_intercepts_of_few_studies_stay_near_the_common_one():
    probability, gold, types = simulated(n=40)
    few = fit("intercept", probability, gold, types)
    many = fit("intercept", *simulated(n=4000))
    spread = [np.ptp(logit(list(point.per_study_type.values()))) for point in (few, many)]
    assert spread[0] < spread[1]


@pytest.mark.parametrize(("kind", "target"), [("sensitivity", 0.9), ("specificity", 0.95)])
def test_a_target_is_met_and_hardly_more(kind, target):
    probability, gold, types = simulated(n=3000)
    point = fit(kind, probability, gold, types, target=target)
    called = point.call(probability, types)
    rate = called[gold == 1].mean() if kind == "sensitivity" else 1 - called[gold == 0].mean()
    assert target <= rate < target + 0.005


@pytest.mark.parametrize("text", ["", "half=1", "sensitivity", "sensitivity=x", "specificity=1", "kappa=0.5"])
def test_an_operating_point_that_cannot_be_read(text):
    with pytest.raises(InputError, match="operating point"):
        parse_operating_point(text)


def test_operating_points_are_read():
    assert parse_operating_point("kappa") == ("kappa", None)
    assert parse_operating_point("sensitivity=0.9") == ("sensitivity", 0.9)
