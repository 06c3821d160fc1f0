"""The nested kappa against the truth, which a simulation knows: kappa on a large draw from the population."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sampling import amount
from scipy.special import expit

from mura_ensemble.data.tables.folds import assign_folds
from mura_ensemble.ensembles.combining.combination import Sample
from mura_ensemble.ensembles.recipes import Recipe, fit_parts
from mura_ensemble.ensembles.worth.nested import (
    best_recipe,
    kappa_draws,
    kappa_of,
    nested_choice,
    reweighted_interval,
)
from mura_ensemble.stats.kappa.cohen import cohen_kappa, tables_2x2

TYPES = np.array(["elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist"])


def population(n, seed, backbones=12):
    """Studies of seven types; backbones that share half of their noise and differ in skill."""
    rng = np.random.default_rng(seed)
    gold = (rng.random(n) < 0.45).astype(float)
    skill = np.linspace(1.3, 0.8, backbones)
    noise = 0.9 * rng.normal(size=(n, 1)) + 1.3 * rng.normal(size=(n, backbones))
    views = expit((2 * gold[:, None] - 1) * skill + noise)[:, None, :]
    return views, gold, rng.choice(TYPES, n)


def sample_of(views, gold, types, seed=0):
    n = len(gold)
    frame = pd.DataFrame(
        {"study": np.arange(n).astype(str), "patient": np.arange(n) // 2, "study_type": types}
    )
    labels = pd.Series(gold.astype(int), index=pd.Index(frame["study"], name="study"))
    fold = assign_folds(frame, labels, folds=5, seed=seed).to_numpy().astype(np.int64)
    return Sample(views, gold, types, np.arange(n) // 2, fold)


GREEDY = [Recipe("greedy-kappa", operating_point="kappa")]
CHOICE = [
    Recipe(strategy, operating_point=point)
    for point in ("kappa", "per-study-type")
    for strategy in ("mean", "logit-mean", "greedy-kappa", "stack")
]


@pytest.mark.parametrize(("recipes", "samples"), [(GREEDY, 60), (CHOICE, 30)], ids=["greedy", "choice"])
def test_nested_kappa_is_true_where_apparent_kappa_flatters(recipes, samples):
    """Mean over samples, less the luck of the draw: what the plain mean, fitted to nothing, has too much."""
    runs = amount(samples, samples // 3)
    views, gold, types = population(30_000, seed=999)
    plain = fit_parts(Recipe("mean"), sample_of(*population(100, 0)))
    plain_truth = float(cohen_kappa(tables_2x2(gold, plain.call(views, types)))[0])
    optimism = []
    for seed in range(runs):
        sample = sample_of(*population(400, seed), seed=seed)
        luck = kappa_of(sample, plain.call(sample.probabilities, sample.study_types)) - plain_truth
        best, _ = best_recipe(recipes, sample)
        parts = fit_parts(recipes[best], sample)
        truth = float(cohen_kappa(tables_2x2(gold, parts.call(views, types)))[0])
        apparent = kappa_of(sample, parts.call(sample.probabilities, sample.study_types))
        nested = kappa_of(sample, nested_choice(recipes, sample).calls)
        optimism.append((apparent - truth - luck, nested - truth - luck))
    of_apparent, of_nested = np.mean(optimism, axis=0)
    assert of_apparent > 0.03
    assert abs(of_nested) < 0.01 * np.sqrt(samples / runs)  # the sample's own noise


def test_weighting_to_a_mix_is_kappa_on_that_mix():
    """Twice the weight on wrists is the kappa with every wrist standing twice."""
    views, gold, types = population(400, seed=3)
    plain = sample_of(views, gold, types)
    calls = (views[:, 0].mean(axis=1) > 0.5).astype(float)
    doubled = np.concatenate([np.arange(400), np.flatnonzero(types == "wrist")])
    weighted = replace(plain, weights=np.where(types == "wrist", 2.0, 1.0))
    assert kappa_of(weighted, calls) == pytest.approx(
        float(cohen_kappa(tables_2x2(gold[doubled], calls[doubled]))[0]), abs=1e-12
    )
    low, high = reweighted_interval(weighted, calls, level=0.95, resamples=2000, seed=0)
    assert low < kappa_of(weighted, calls) < high


def test_draws_of_kappa_are_the_bootstrap_of_patients():
    """A straight loop over resamples of patients gives the same distribution."""
    views, gold, types = population(240, seed=4)
    sample = sample_of(views, gold, types)
    calls = (views[:, 0] > 0.5).astype(float)[:, :2]
    draws = kappa_draws(sample, calls, resamples=4000, seed=1)
    rng = np.random.default_rng(5)
    loop = []
    for _ in range(1500):
        rows = np.concatenate([[2 * k, 2 * k + 1] for k in rng.integers(0, 120, 120)])
        loop.append(cohen_kappa(tables_2x2(gold[rows], calls[rows])))
    assert draws.mean(axis=0) == pytest.approx(np.mean(loop, axis=0), abs=0.005)
    assert draws.std(axis=0) == pytest.approx(np.std(loop, axis=0), rel=0.08)
    # Both raters are called on the same resamples: their difference varies as in the loop.
    assert np.ptp(draws, axis=1).std() == pytest.approx(np.ptp(loop, axis=1).std(), rel=0.15)
