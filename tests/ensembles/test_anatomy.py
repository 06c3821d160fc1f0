"""Shapley values, leave-one-out and the search over subsets against plain loops."""

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import cohen_kappa_score

from mura_ensemble.data.errors import InputError
from mura_ensemble.ensembles.combining.combination import Sample
from mura_ensemble.ensembles.recipes import Recipe
from mura_ensemble.ensembles.worth.contributions import leave_one_out, out_of_fold_pooled, shapley
from mura_ensemble.ensembles.worth.nested import kappa_of, nested_calls
from mura_ensemble.ensembles.worth.search import search_subsets


def simulated(n=300, strengths=(1.4, 1.2, 0.8, 0.0), seed=0, views=1):
    rng = np.random.default_rng(seed)
    gold = (rng.random(n) < 0.45).astype(float)
    shape = (n, views, len(strengths))
    probabilities = np.sort(
        expit((2 * gold[:, None, None] - 1) * np.array(strengths) + rng.normal(size=shape)), axis=1
    )
    types = rng.choice(["elbow", "wrist"], n)
    return Sample(probabilities, gold, types, np.arange(n) // 2, np.arange(n) // 2 % 5)


def mean_kappa(each, gold, subset):
    return cohen_kappa_score(gold, each[:, list(subset)].mean(axis=1) > 0.5) if subset else 0.0


def test_shapley_values_are_the_mean_over_all_orders():
    sample = simulated()
    each = sample.probabilities[:, 0]
    expected = np.zeros(4)
    for order in permutations(range(4)):
        for place, backbone in enumerate(order):
            before, after = order[:place], order[: place + 1]
            expected[backbone] += mean_kappa(each, sample.gold, after) - mean_kappa(each, sample.gold, before)
    found = shapley(each, sample, level=0.95, resamples=100, seed=0)
    assert [share.estimate for share in found] == pytest.approx(expected / 24, abs=1e-9)
    assert sum(share.estimate for share in found) == pytest.approx(mean_kappa(each, sample.gold, range(4)))
    assert all(share.low < share.estimate < share.high for share in found)


def test_identical_backbones_have_the_same_share_and_noise_has_next_to_none():
    sample = simulated(n=1500)
    each = sample.probabilities[:, 0][:, [0, 0, 1, 3]]
    one, two, _, noise = (share.estimate for share in shapley(each, sample, level=0.9, resamples=50, seed=0))
    assert one == pytest.approx(two, abs=1e-12)
    assert noise < 0.5 * one


def test_too_many_backbones_for_shapley_and_search():
    sample = simulated()
    with pytest.raises(InputError, match="at most 12"):
        shapley(np.full((300, 13), 0.5), sample, level=0.95, resamples=50, seed=0)
    with pytest.raises(InputError, match="at most 15"):
        search_subsets(np.full((300, 16), 0.5), sample)


def test_leave_one_out_is_the_difference_of_nested_kappas():
    sample = simulated()
    recipe = Recipe("stack", operating_point="kappa")
    found = leave_one_out(recipe, sample, level=0.95, resamples=200, seed=0)
    whole = kappa_of(sample, nested_calls(recipe, sample))
    for backbone, share in enumerate(found):
        others = [k for k in range(4) if k != backbone]
        fresh = Sample(sample.probabilities[..., others], *list(vars(sample).values())[1:5])
        assert share.estimate == pytest.approx(
            whole - kappa_of(fresh, nested_calls(recipe, fresh)), abs=1e-12
        )
        assert share.low <= share.estimate <= share.high


def test_leave_one_out_of_one():
    with pytest.raises(InputError, match="at least 2"):
        leave_one_out(Recipe(), simulated(strengths=(1.0,)), level=0.95, resamples=50, seed=0)


def test_a_learned_pooling_is_learnt_on_the_other_folds():
    sample = simulated(views=3)
    before = out_of_fold_pooled("learned", sample)
    mine = sample.folds == 2
    turned = np.where(mine, 1 - sample.gold, sample.gold)
    after = out_of_fold_pooled(
        "learned", Sample(sample.probabilities, turned, *list(vars(sample).values())[2:5])
    )
    assert after[mine] == pytest.approx(before[mine], abs=1e-12)
    assert not np.allclose(after[~mine], before[~mine])


def naive_search(each, gold, folds, size):
    """Per fold the best subset of a size on the other folds calls the fold."""
    subsets = list(combinations(range(each.shape[1]), size))
    calls = np.empty(len(gold))
    for fold in np.unique(folds):
        inside = folds != fold
        best = max(subsets, key=lambda subset: round(mean_kappa(each[inside], gold[inside], subset), 12))
        calls[~inside] = each[~inside][:, best].mean(axis=1) > 0.5
    return cohen_kappa_score(gold, calls)


def test_the_search_is_the_naive_loop():
    sample = simulated(n=240, strengths=(1.2, 1.1, 1.0, 0.9, 0.0))
    each = sample.probabilities[:, 0]
    found = search_subsets(each, sample)
    assert len(found.kappa) == 31
    for members, kappa in zip(found.members, found.kappa, strict=True):
        assert kappa == pytest.approx(
            mean_kappa(each, sample.gold, tuple(np.flatnonzero(members))), abs=1e-12
        )
    for row in found.front[:-1]:
        subsets = list(combinations(range(5), row.size))
        assert row.apparent == pytest.approx(
            max(mean_kappa(each, sample.gold, s) for s in subsets), abs=1e-12
        )
        assert row.nested == pytest.approx(naive_search(each, sample.gold, sample.folds, row.size), abs=1e-12)
        assert row.low < row.nested < row.high
    assert found.front[-1].size == 0
    assert found.front[-1].apparent == found.kappa.max()


def test_among_equals_the_search_takes_fewer_and_does_not_flatter():
    """Backbones of noise: the best of 1,023 looks good, its nested kappa does not."""
    rng = np.random.default_rng(0)
    apparent, nested = [], []
    for _ in range(6):
        sample = simulated(n=200, strengths=(0.0,) * 10, seed=int(rng.integers(1000)))
        last = search_subsets(sample.probabilities[:, 0], sample).front[-1]
        apparent.append(last.apparent)
        nested.append(last.nested)
    assert np.mean(apparent) > 0.12
    assert abs(np.mean(nested)) < 0.08
