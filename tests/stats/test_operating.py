"""Operating points against brute force over every cut, scikit-learn, and their own invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import amount
from scipy.special import expit, logit

from mura_ensemble.stats.kappa.cohen import cohen_kappa, tables_2x2
from mura_ensemble.stats.probabilities.operating import (
    best_threshold,
    stratified_thresholds,
    threshold_for_sensitivity,
    threshold_for_specificity,
)

STUDIES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12)), min_size=2, max_size=40)


def columns(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    gold, level = np.array(rows).T
    return gold, level / 12


def simulated(n: int, seed: int = 0, decimals: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    gold = (rng.random(n) < 0.45).astype(int)
    probability = expit(rng.normal(1.5 * (gold - 0.5), 1.0))
    return gold, probability if decimals is None else np.round(probability, decimals)


def every_cut(gold: np.ndarray, probability: np.ndarray) -> dict[str, np.ndarray]:
    """Metrics at every cut, one at a time with scikit-learn."""
    from sklearn.metrics import accuracy_score, cohen_kappa_score, recall_score

    thresholds = [-1.0, *np.unique(probability)]
    found: dict[str, list[float]] = {"kappa": [], "youden": [], "accuracy": []}
    for threshold in thresholds:
        call = probability > threshold
        found["kappa"].append(cohen_kappa_score(gold, call))
        found["accuracy"].append(accuracy_score(gold, call))
        specificity = recall_score(gold, call, pos_label=0)
        found["youden"].append(recall_score(gold, call) + specificity - 1)
    return {name: np.array(values) for name, values in found.items()}


@pytest.mark.parametrize("metric", ["kappa", "youden", "accuracy"])
@pytest.mark.parametrize(("n", "seed", "decimals"), [(30, 1, None), (60, 2, 1), (207, 3, 2)])
def test_best_threshold_is_the_best_of_every_cut(metric, n, seed, decimals):
    gold, probability = simulated(n, seed, decimals)
    point = best_threshold(gold, probability, metric=metric)
    reached = {
        "kappa": point.kappa,
        "youden": point.sensitivity + point.specificity - 1,
        "accuracy": np.trace(point.table) / point.n,
    }[metric]
    assert reached == pytest.approx(every_cut(gold, probability)[metric].max(), abs=1e-12)


@settings(max_examples=amount(150), deadline=None)
@given(STUDIES)
def test_table_and_kappa_are_those_of_the_calls_and_no_cut_is_better(rows):
    gold, probability = columns(rows)
    point = best_threshold(gold, probability)
    assert point.n == len(gold)
    if len(set(gold)) == 1 or len(set(probability)) == 1:
        assert np.isnan(point.threshold)
        assert np.isnan(point.kappa)
        assert np.isnan(point.sensitivity)
        assert not point.table.any()
        return
    table = tables_2x2(gold, probability > point.threshold)[0]
    np.testing.assert_array_equal(table, point.table)
    assert point.kappa == pytest.approx(float(cohen_kappa(table)), abs=1e-12)
    cuts = np.append(-1.0, np.unique(probability))
    all_kappas = cohen_kappa(tables_2x2(gold, probability[:, None] > cuts))
    assert point.kappa == pytest.approx(np.nanmax(all_kappas), abs=1e-12)
    assert 0 <= point.threshold <= 1


@settings(max_examples=amount(100), deadline=None)
@given(STUDIES)
def test_best_kappa_ignores_row_order_rescaling_and_the_names_of_the_classes(rows):
    gold, probability = columns(rows)
    best = best_threshold(gold, probability)
    turned = best_threshold(gold[::-1], probability[::-1])
    stretched = best_threshold(gold, probability**3)
    flipped = best_threshold(1 - gold, 1 - probability)
    for other in (turned, stretched, flipped):
        assert other.kappa == pytest.approx(best.kappa, abs=1e-12, nan_ok=True)
    assert turned.threshold == pytest.approx(best.threshold, nan_ok=True)


@settings(max_examples=amount(60), deadline=None)
@given(STUDIES, st.floats(0, 1))
def test_targets_are_met_and_one_step_further_would_miss_them(rows, target):
    gold, probability = columns(rows)
    cuts = np.append(-1.0, np.unique(probability))
    tables = tables_2x2(gold, probability[:, None] > cuts)
    if gold.any():
        point = threshold_for_sensitivity(gold, probability, target)
        sensitivity = tables[:, 1, 1] / gold.sum()
        assert point.sensitivity >= target
        assert point.table[0, 1] == tables[sensitivity >= target, 0, 1].min()
        np.testing.assert_array_equal(tables_2x2(gold, probability > point.threshold)[0], point.table)
    else:
        assert np.isnan(threshold_for_sensitivity(gold, probability, target).threshold)
    if not gold.all():
        point = threshold_for_specificity(gold, probability, target)
        specificity = tables[:, 0, 0] / (1 - gold).sum()
        assert point.specificity >= target
        assert point.table[1, 1] == tables[specificity >= target, 1, 1].max()
    else:
        assert np.isnan(threshold_for_specificity(gold, probability, target).threshold)


def test_full_sensitivity_is_reached_even_where_an_abnormal_study_has_probability_zero():
    point = threshold_for_sensitivity([1, 0, 1], [0.0, 0.5, 1.0], 1.0)
    assert point.sensitivity == 1.0
    assert point.table.tolist() == [[0, 1], [0, 2]]


def test_thresholds_lie_midway_and_ties_go_to_the_one_nearest_half():
    point = best_threshold([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9])
    assert (point.threshold, point.kappa) == (pytest.approx(0.4), 1.0)
    # Cutting at .15 and at .75 are mirror images with the same kappa; .75 is nearer to .5.
    tied = best_threshold([0, 1, 0, 1], [0.1, 0.2, 0.7, 0.8])
    assert tied.threshold == pytest.approx(0.75)


def test_neighbouring_floats_can_still_be_told_apart():
    low = 0.5
    high = float(np.nextafter(low, 1))
    point = best_threshold([0, 1], [low, high])
    assert point.kappa == 1.0
    assert low <= point.threshold < high


def test_a_useless_rater_gets_kappa_zero_by_calling_nothing_abnormal():
    point = best_threshold([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9])
    assert point.kappa == 0
    assert point.table.tolist() == [[2, 0], [2, 0]]


def test_shrinkage_follows_its_formula_and_leaves_strata_that_teach_nothing_at_the_common_threshold():
    gold, probability = simulated(300, 5)
    strata = np.repeat([0, 1, 3, 4], [200, 60, 39, 1])
    found = stratified_thresholds(gold, probability, strata, k0=50)
    common = best_threshold(gold, probability).threshold
    assert found.threshold == common
    np.testing.assert_array_equal(found.n, [200, 60, 0, 39, 1])
    for stratum in (0, 1, 3):
        own = best_threshold(gold[strata == stratum], probability[strata == stratum]).threshold
        n = found.n[stratum]
        assert found.raw[stratum] == own
        expected = (n * logit(own) + 50 * logit(common)) / (n + 50)
        assert logit(found.shrunk[stratum]) == pytest.approx(expected, abs=1e-9)
    for stratum in (2, 4):
        assert np.isnan(found.raw[stratum])
        assert found.shrunk[stratum] == common


def test_without_shrinkage_the_thresholds_are_raw_and_with_endless_shrinkage_common():
    gold, probability = simulated(120, 6)
    strata = np.arange(120) % 3
    free = stratified_thresholds(gold, probability, strata, k0=0)
    np.testing.assert_array_equal(free.shrunk, free.raw)
    bound = stratified_thresholds(gold, probability, strata, k0=np.inf)
    np.testing.assert_array_equal(bound.shrunk, np.full(3, bound.threshold))


def test_one_class_everywhere_leaves_every_threshold_undefined():
    found = stratified_thresholds([1, 1, 1], [0.1, 0.5, 0.9], [0, 0, 1], k0=10)
    assert np.isnan([found.threshold, *found.raw, *found.shrunk]).all()


@pytest.mark.parametrize(
    ("gold", "probability", "what"),
    [
        ([0, 2], [0.1, 0.2], "only 0 and 1"),
        ([0, np.nan], [0.1, 0.2], "only 0 and 1"),
        ([], [], "non-empty"),
        ([0, 1], [0.1, np.nan], "lie in"),
        ([0, 1], [0.1, 1.2], "lie in"),
        ([0, 1], [0.1, 0.2, 0.3], "must be"),
        ([0, 1], [[0.1], [0.2]], "one probability"),
    ],
)
def test_bad_input_is_named(gold, probability, what):
    with pytest.raises(ValueError, match=what):
        best_threshold(gold, probability)


def test_bad_settings_are_named():
    gold, probability = [0, 1], [0.1, 0.9]
    with pytest.raises(ValueError, match="metric"):
        best_threshold(gold, probability, metric="f1")
    with pytest.raises(ValueError, match="k0"):
        stratified_thresholds(gold, probability, [0, 0], k0=-1)
    with pytest.raises(ValueError, match="strata"):
        stratified_thresholds(gold, probability, [0.0, 1.0], k0=1)
    with pytest.raises(ValueError, match="target"):
        threshold_for_sensitivity(gold, probability, 1.1)
