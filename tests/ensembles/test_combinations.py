import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from statsmodels.api import Logit, add_constant

from mura_ensemble.ensembles.combining import stacked, weighted
from mura_ensemble.ensembles.combining.combination import Sample, to_logit
from mura_ensemble.ensembles.combining.logistic import logistic_path, nonnegative_path


def simulated(n=400, strengths=(1.5, 1.0, 0.4), seed=0):
    rng = np.random.default_rng(seed)
    gold = (rng.random(n) < 0.45).astype(float)
    logits = (2 * gold[:, None] - 1) * np.array(strengths) + rng.normal(size=(n, len(strengths)))
    return expit(logits), gold, rng.integers(0, 5, n)


def sample_of(probabilities, gold, folds, types=None):
    n = len(gold)
    return Sample(probabilities, gold, np.full(n, "wrist") if types is None else types, np.arange(n), folds)


def test_logits_stay_finite_at_the_edges():
    assert np.isfinite(to_logit(np.array([0.0, 1.0]))).all()
    assert to_logit(np.array([0.2])) == pytest.approx(np.log(0.25))


def test_weights_satisfy_the_conditions_of_the_convex_optimum():
    probabilities, gold, folds = simulated(strengths=(1.5, 1.2, 0.1, 0.0))
    weights = np.array(weighted.fit(sample_of(probabilities, gold, folds)).weights)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    true_class = np.where(gold[:, None] == 1, probabilities, 1 - probabilities)
    # Karush-Kuhn-Tucker: the mean ratio is 1 where a weight is used and at most 1 where it is not.
    ratio = (true_class / (true_class @ weights)[:, None]).mean(axis=0)
    assert ratio[weights > 0] == pytest.approx(1, abs=1e-4)
    assert (ratio <= 1 + 1e-4).all()
    assert (weights == 0).any()


def test_weights_equal_an_unconstrained_softmax_solution():
    probabilities, gold, folds = simulated(strengths=(1.2, 1.0, 0.9), seed=4)
    true_class = np.where(gold[:, None] == 1, probabilities, 1 - probabilities)

    def loss(free):
        weights = np.exp(np.append(free, 0.0))
        return -np.log(true_class @ (weights / weights.sum())).mean()

    free = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13}).x
    expected = np.exp(np.append(free, 0.0))
    assert weighted.fit(sample_of(probabilities, gold, folds)).weights == pytest.approx(
        expected / expected.sum(), abs=2e-4
    )


def test_one_backbone_has_all_the_weight():
    probabilities, gold, folds = simulated(strengths=(1.0,))
    assert weighted.fit(sample_of(probabilities, gold, folds)).weights == (1.0,)


def test_the_stack_is_scikit_learns_logistic_regression_at_its_penalty():
    probabilities, gold, folds = simulated()
    found = stacked.fit(sample_of(probabilities, gold, folds))
    reference = LogisticRegression(C=1 / found.penalty, solver="lbfgs", tol=1e-12, max_iter=10_000)
    reference.fit(to_logit(probabilities), gold)
    assert found.coefficients == pytest.approx(reference.coef_[0], abs=1e-5)
    assert found.intercept == pytest.approx(reference.intercept_[0], abs=1e-5)
    assert found.predict(probabilities, np.full(len(gold), "wrist")) == pytest.approx(
        reference.predict_proba(to_logit(probabilities))[:, 1], abs=1e-6
    )


def test_with_hardly_a_penalty_the_stack_is_the_maximum_likelihood_of_statsmodels(monkeypatch):
    monkeypatch.setattr(stacked, "PENALTIES", (1e-8,))
    probabilities, gold, folds = simulated(n=300)
    found = stacked.fit(sample_of(probabilities, gold, folds))
    reference = Logit(gold, add_constant(to_logit(probabilities))).fit(disp=0, tol=1e-12)
    assert (found.intercept, *found.coefficients) == pytest.approx(reference.params, abs=1e-6)


def test_the_penalty_is_the_one_of_least_held_out_log_loss():
    probabilities, gold, folds = simulated(n=120, strengths=(0.3, 0.2, 0.0, 0.0, 0.0))
    losses = []
    for penalty in stacked.PENALTIES:
        total = 0.0
        for fold in range(5):
            inside = folds != fold
            model = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=5000)
            model.fit(to_logit(probabilities[inside]), gold[inside])
            abnormal = model.predict_proba(to_logit(probabilities[~inside]))[:, 1]
            total -= np.log(np.where(gold[~inside] == 1, abnormal, 1 - abnormal)).sum()
        losses.append(total)
    assert (
        stacked.fit(sample_of(probabilities, gold, folds)).penalty
        == stacked.PENALTIES[int(np.argmin(losses))]
    )


def test_a_stack_needs_both_classes():
    probabilities, gold, folds = simulated()
    with pytest.raises(ValueError, match="only one of them"):
        stacked.fit(sample_of(probabilities, np.zeros_like(gold), folds))


@pytest.mark.parametrize(
    "strengths", [(1.5, 1.0, 0.4), (30.0,), (0.0, 0.0)], ids=["usual", "separable", "noise"]
)
def test_the_whole_path_is_scikit_learns(strengths):
    probabilities, gold, _ = simulated(strengths=strengths)
    columns = to_logit(probabilities)
    penalties = [0.01, 100.0, 1.0]
    for penalty, found in zip(penalties, logistic_path(columns, gold, penalties), strict=True):
        reference = LogisticRegression(C=1 / penalty, solver="newton-cholesky", tol=1e-12, max_iter=1000)
        reference.fit(columns, gold)
        assert found == pytest.approx([reference.intercept_[0], *reference.coef_[0]], abs=1e-6)


def test_the_path_refuses_what_has_no_minimum():
    probabilities, gold, _ = simulated()
    with pytest.raises(ValueError, match="greater than 0"):
        logistic_path(probabilities, gold, [1.0, 0.0])


def test_a_penalty_per_column_is_a_column_in_other_units():
    """A ridge of 4 on a column is a ridge of 1 on half of it."""
    probabilities, gold, _ = simulated()
    columns = to_logit(probabilities)
    scale = np.array([1.0, 0.5, 2.0])
    found = logistic_path(columns, gold, 1 / scale[None] ** 2)[0]
    reference = logistic_path(columns * scale, gold, [1.0])[0]
    assert found[1:] == pytest.approx(reference[1:] * scale, abs=1e-8)


def test_nonnegative_coefficients_satisfy_the_conditions_of_the_optimum():
    probabilities, gold, _ = simulated(strengths=(1.5, 1.2, -0.8, 0.0))
    columns = to_logit(probabilities)
    for penalty, found in zip((0.1, 10.0), nonnegative_path(columns, gold, (0.1, 10.0)), strict=True):
        intercept, *rest = found
        coefficients = np.array(rest)
        residual = expit(intercept + columns @ coefficients) - gold
        gradient = columns.T @ residual + penalty * coefficients
        assert (coefficients >= 0).all()
        assert coefficients[2] == 0
        assert residual.sum() == pytest.approx(0, abs=1e-3)
        assert gradient[coefficients > 1e-6] == pytest.approx(0, abs=1e-3)
        assert (gradient[coefficients <= 1e-6] >= -1e-3).all()


def test_where_no_coefficient_wants_to_be_negative_the_sign_changes_nothing():
    probabilities, gold, _ = simulated(strengths=(1.5, 1.4, 1.3))
    columns = to_logit(probabilities)
    free = logistic_path(columns, gold, [1.0])[0]
    assert (free[1:] > 0).all()
    assert nonnegative_path(columns, gold, [1.0])[0] == pytest.approx(free, abs=1e-5)


def types_of(n, seed=5):
    return np.random.default_rng(seed).choice(["elbow", "hand", "wrist"], n)


def test_the_hierarchical_stack_is_a_ridge_on_the_whole_design():
    probabilities, gold, folds = simulated(n=600)
    types = types_of(600)
    found = stacked.refit(sample_of(probabilities, gold, folds, types), "hierarchical", 1.0, 30.0)
    logits = to_logit(probabilities)
    member = (types[:, None] == np.unique(types)).astype(float)
    own = (member[:, :, None] * logits[:, None]).reshape(600, -1)
    scale = np.concatenate([np.ones(3), np.full(3, stacked.TYPE_PENALTY**-0.5), np.full(9, 30.0**-0.5)])
    reference = LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000)
    reference.fit(np.concatenate([logits, member, own], axis=1) * scale, gold)
    assert found.coefficients == pytest.approx(reference.coef_[0, :3], abs=1e-4)
    expected = reference.predict_proba(np.concatenate([logits, member, own], axis=1) * scale)[:, 1]
    assert found.predict(probabilities, types) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kind", ["stack-types", "hierarchical"])
def test_a_study_type_never_seen_gets_the_common_part(kind):
    probabilities, gold, folds = simulated(n=600)
    found = stacked.fit(sample_of(probabilities, gold, folds, types_of(600)), kind)
    new = found.predict(probabilities[:4], np.full(4, "skull"))
    assert new == pytest.approx(
        expit(found.intercept + to_logit(probabilities[:4]) @ np.array(found.coefficients)), abs=1e-12
    )


def test_the_hierarchical_stack_learns_how_far_to_deviate():
    """A backbone that is right about wrists and wrong about hands needs deviations; like types need none."""
    rng = np.random.default_rng(2)
    n = 900
    types = types_of(n)
    gold = (rng.random(n) < 0.5).astype(float)
    sign = np.where(types == "hand", -1.0, 1.0)
    logits = (2 * gold - 1)[:, None] * np.column_stack([np.ones(n), sign]) + rng.normal(size=(n, 2))
    folds = np.arange(n) % 5
    apart = stacked.fit(sample_of(expit(logits), gold, folds, types), "hierarchical")
    alike = stacked.fit(sample_of(expit(logits[:, :1]), gold, folds, types), "hierarchical")
    assert apart.type_penalty == min(stacked.TYPE_PENALTIES)
    assert alike.type_penalty == max(stacked.TYPE_PENALTIES)
    assert apart.type_coefficients["hand"][1] < -0.5
