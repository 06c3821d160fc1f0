"""`me.kappa` on what people hold: arrays, lists, Series, frames, words."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from mura_ensemble.api.agreement import Estimate, kappa
from mura_ensemble.data.errors import InputError
from mura_ensemble.stats import kappa_interval, tables_2x2
from mura_ensemble.stats.kappa.clustered import clustered_kappa_interval

rng = np.random.default_rng(4)
GOLD = rng.integers(0, 2, 120)
CALLS = np.where(rng.random((120, 3)) < 0.15, 1 - GOLD[:, None], GOLD[:, None])


def test_a_vector_gives_an_estimate_with_the_house_interval():
    found = kappa(GOLD, CALLS[:, 0])
    right = kappa_interval(tables_2x2(GOLD, CALLS[:, [0]])[0])
    assert isinstance(found, Estimate)
    assert (found.estimate, found.low, found.high, found.n) == (right.estimate, right.low, right.high, 120)
    assert found.estimate == pytest.approx(cohen_kappa_score(GOLD, CALLS[:, 0]), abs=1e-12)
    assert str(found) == f"kappa {found.estimate:.3f} ({found.low:.3f} to {found.high:.3f}), n = 120"
    assert kappa(GOLD.tolist(), CALLS[:, 0].tolist()) == found
    assert kappa(GOLD == 1, CALLS[:, 0] == 1) == found


def test_several_raters_give_a_frame():
    frame = pd.DataFrame(CALLS, columns=["a", "b", "c"])
    found = kappa(GOLD, frame)
    assert list(found.index) == ["a", "b", "c"]
    for name in found.index:
        assert found.loc[name, "kappa"] == pytest.approx(cohen_kappa_score(GOLD, frame[name]), abs=1e-12)
    pd.testing.assert_frame_equal(kappa(GOLD, {"a": CALLS[:, 0]}), found.loc[["a"]])


def test_patients_widen_the_interval_as_the_statistics_say():
    patients = np.repeat(np.arange(60), 2)
    right = clustered_kappa_interval(GOLD, CALLS[:, 0], clusters=patients)
    found = kappa(GOLD, CALLS[:, 0], patients)
    assert (found.estimate, found.low, found.high) == (right.estimate, right.low, right.high)
    assert kappa(GOLD, CALLS[:, 0], [f"p{who:03d}" for who in patients]) == found


def test_series_are_matched_by_study_and_words_are_told():
    index = [f"s{i}" for i in range(120)]
    gold = pd.Series(np.where(GOLD == 1, "abnormal", "normal"), index=index)
    calls = pd.Series(np.where(CALLS[:, 0] == 1, "abnormal", "normal"), index=index, name="me")
    assert kappa(gold.sample(frac=1, random_state=1), calls, positive="abnormal") == kappa(GOLD, CALLS[:, 0])


def test_one_class_is_undefined_and_missing_calls_are_left_out():
    found = kappa([0, 0, 0], [0, 1, 0])
    assert np.isnan([found.estimate, found.low, found.high]).all()
    assert str(found) == "kappa undefined, n = 3"
    assert kappa([0, 1, 0, 1], [0, 1, None, 1]).n == 3


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"gold": ["yes", "no"], "calls": [1, 0]}, "gold: .* positive="),
        ({"gold": [0, 1, 1], "calls": [1, 0]}, "gold: expected one value for each of the 2 rows of calls"),
        ({"gold": [0, 1], "calls": [1, 2]}, "calls: study 1, column 'rater' is"),
        ({"gold": [0, None], "calls": [1, 0]}, "gold: study 1 has no value"),
        ({"gold": [0, 1], "calls": [1, 0], "patients": ["a", None]}, "patients: study 1 has no patient"),
        ({"gold": ["a", "b"], "calls": ["a", "b"], "positive": "c"}, "positive= names"),
        (
            {"gold": pd.Series([0, 1], ["a", "b"]), "calls": pd.Series([0, 1], ["a", "c"])},
            "gold: study c of calls is not in its index",
        ),
    ],
)
def test_what_does_not_fit_is_named_by_its_argument(given, sentence):
    with pytest.raises(InputError, match=sentence) as told:
        kappa(**given)
    assert "--" not in str(told.value)
