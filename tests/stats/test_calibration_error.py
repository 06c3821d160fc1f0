"""Calibration error: equal to the reliability table's, and limits that hold for right and for wrong probabilities."""

import numpy as np
import pytest
from scipy.special import expit, logit

from mura_ensemble.stats.probabilities.calibration_error import calibration_errors
from mura_ensemble.stats.probabilities.reliability import reliability_table


def drawn(n: int, rng: np.random.Generator, slope: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    x = rng.normal(0, 1.5, n)
    return (rng.random(n) < expit(x)).astype(int), expit(slope * x)


def test_it_is_the_error_of_the_reliability_table():
    rng = np.random.default_rng(1)
    gold = rng.integers(0, 2, 200)
    values = np.round(rng.random((200, 3)), 1)  # many on the edges of bins
    found = calibration_errors(gold, values, resamples=50)
    for rater in range(3):
        assert found.error[rater] == pytest.approx(reliability_table(gold, values[:, rater]).ece)


def test_by_hand():
    # bins of 0.5: below, 2 studies of mean .25 and share .5; above, 2 of mean .75 and share 1
    found = calibration_errors([0, 1, 1, 1], [[0.2], [0.3], [0.7], [0.8]], bins=2, resamples=10)
    assert found.error[0] == pytest.approx(0.25)


@pytest.mark.parametrize(("slope", "n"), [(1.0, 150), (1.0, 600), (2.0, 300), (0.4, 300)])
def test_limits_hold_and_right_probabilities_stay_below_chance(slope, n):
    rng = np.random.default_rng(7)
    many_gold, many = drawn(2_000_000, rng, slope)
    truth = reliability_table(many_gold, many).ece
    held = below = 0
    for seed in range(150):
        gold, values = drawn(n, rng, slope)
        found = calibration_errors(gold, values[:, None], resamples=200, rng=seed)
        held += bool(found.low[0] <= truth <= found.high[0])
        below += bool(found.error[0] <= found.chance[0])
    assert held >= 0.92 * 150
    if slope == 1.0:
        assert below >= 0.9 * 150
    else:
        assert below < 0.2 * 150, "what is really wrong is found"


def test_twins_in_one_patient_count_once():
    rng = np.random.default_rng(3)
    gold, values = drawn(120, rng)
    double = np.repeat(gold, 2), np.repeat(values, 2)[:, None]
    once = calibration_errors(gold, values[:, None], resamples=400)
    twins = calibration_errors(*double, patients=np.repeat(np.arange(120), 2), resamples=400)
    strangers = calibration_errors(*double, resamples=400)
    assert twins.chance[0] == pytest.approx(once.chance[0], rel=0.12)
    assert strangers.chance[0] < 0.8 * twins.chance[0]
    assert (twins.patients, strangers.patients) == (120, 240)


def test_a_rater_has_the_same_digits_whoever_else_is_there():
    rng = np.random.default_rng(3)
    gold, values = drawn(90, rng)
    both = calibration_errors(gold, np.column_stack([values, expit(0.3 * logit(values))]), resamples=100)
    alone = calibration_errors(gold, values[:, None], resamples=100)
    assert both.chance[0] == pytest.approx(alone.chance[0], abs=1e-14)


@pytest.mark.parametrize(
    "bad",
    [
        {"probability": [0.1, 0.2]},
        {"bins": 0},
        {"level": 1.0},
        {"gold": [0, 2]},
        {"probability": [[2.0], [0.1]]},
    ],
)
def test_what_does_not_fit_is_refused(bad):
    asked = {"gold": [0, 1], "probability": [[0.1], [0.2]], **bad}
    with pytest.raises(ValueError, match=r"must|only"):
        calibration_errors(asked.pop("gold"), asked.pop("probability"), **asked)
