"""Figures of merit: against scikit-learn, undefined ones, functions of one's own."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    recall_score,
)

from mura_ensemble.stats.kappa.cohen import tables_2x2
from mura_ensemble.stats.reader_study.merit import FIGURES, figure_of

REFERENCE = {
    "kappa": cohen_kappa_score,
    "sensitivity": recall_score,
    "specificity": lambda gold, call: recall_score(1 - gold, 1 - call),
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
    "f1": f1_score,
}


@pytest.mark.parametrize("name", FIGURES)
def test_is_scikit_learns(name):
    rng = np.random.default_rng(4)
    gold = rng.integers(0, 2, 60)
    calls = np.where(rng.random((60, 3)) < 0.3, 1 - gold[:, None], gold[:, None])
    found = figure_of(name)(tables_2x2(gold, calls))
    np.testing.assert_allclose(found, [REFERENCE[name](gold, call) for call in calls.T])


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_counted_is_undefined(name):
    assert np.isnan(figure_of(name)(np.zeros((2, 2))))


def test_a_function_is_itself_and_an_unknown_name_is_refused():
    own = FIGURES["f1"]
    assert figure_of(own) is own
    with pytest.raises(ValueError, match="known are kappa, sensitivity"):
        figure_of("auc")
