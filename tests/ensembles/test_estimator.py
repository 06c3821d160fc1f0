"""The scikit-learn estimator: scikit-learn's own checks, and the same numbers as without it."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.utils.estimator_checks import check_estimator

from mura_ensemble.ensembles.estimator import EnsembleClassifier


def simulated(n=300, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.choice(["normal", "wrong"], n)
    X = expit(np.where(y == "wrong", 1, -1)[:, None] * [1.5, 1.0, 0.2] + rng.normal(size=(n, 3)))
    return X, y, np.arange(n) // 2


@pytest.mark.parametrize("strategy", ["mean", "logit-mean", "rank-mean", "weighted", "greedy-kappa", "stack"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_check_estimator(strategy):
    found = check_estimator(EnsembleClassifier(strategy=strategy, input="logit"), on_fail=None)
    # A mean of columns that are no opinions on y has no duty to predict it.
    accuracy = {"check_classifiers_train", "check_classifiers_classes"} if strategy != "stack" else set()
    failed = {check["check_name"]: check["exception"] for check in found if check["status"] == "failed"}
    assert set(failed) <= accuracy, failed


def test_the_stack_is_logistic_regression_on_logits():
    X, y, patients = simulated()
    found = EnsembleClassifier().fit(X, y, groups=patients)
    penalty = found.parts_.combination.penalty
    reference = LogisticRegression(C=1 / penalty, tol=1e-12, max_iter=5000).fit(logit(X), y)
    assert found.predict_proba(X) == pytest.approx(reference.predict_proba(logit(X)), abs=1e-6)
    assert (found.predict(X) == reference.predict(X=logit(X))).all()
    same = EnsembleClassifier(input="logit").fit(logit(X), y, groups=patients)
    assert same.predict_proba(logit(X)) == pytest.approx(found.predict_proba(X), abs=1e-6)


def test_it_is_cloned_pickled_and_cross_validated():
    X, y, patients = simulated()
    found = EnsembleClassifier(strategy="weighted", operating_point="kappa").fit(X, y)
    assert clone(found).get_params() == found.get_params()
    assert (pickle.loads(pickle.dumps(found)).predict(X) == found.predict(X)).all()  # noqa: S301
    held_out = cross_val_predict(clone(found), X, y, groups=patients, cv=GroupKFold(5))
    assert (held_out == y).mean() > 0.7


def test_what_is_no_probability_is_refused():
    X, y, _ = simulated()
    with pytest.raises(ValueError, match="no probabilities; choose input='logit'"):
        EnsembleClassifier().fit(logit(X), y)


def test_importing_the_module_does_not_import_scikit_learn():
    program = "import sys, mura_ensemble.ensembles.estimator; assert 'sklearn' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
