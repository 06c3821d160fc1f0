"""Caruana's selection against a loop written from the paper's words."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import cohen_kappa_score, log_loss

from mura_ensemble.ensembles.combining import greedy, weighted
from mura_ensemble.ensembles.combining.combination import Sample
from mura_ensemble.ensembles.combining.greedy import GRID, fit_greedy, select
from mura_ensemble.stats.probabilities.operating import best_threshold

METRICS = ["log-loss", "kappa", "kappa-joint"]


def simulated(n=220, strengths=(1.4, 1.2, 1.0, 0.6, 0.0), seed=0):
    rng = np.random.default_rng(seed)
    gold = (rng.random(n) < 0.45).astype(float)
    shared = 0.5 * rng.normal(size=(n, 1))
    logits = (2 * gold[:, None] - 1) * np.array(strengths) + shared + rng.normal(size=(n, len(strengths)))
    return expit(logits), gold


def worth(metric, probability, gold):
    if metric == "log-loss":
        return -log_loss(gold, np.clip(probability, 1e-7, 1 - 1e-7))
    if metric == "kappa":
        return cohen_kappa_score(gold, probability > 0.5)
    return best_threshold(gold, probability).kappa


def selection_as_the_paper_says(probabilities, gold, metric, rounds):
    """1. Start with the empty ensemble. 2. Add the model that maximises the ensemble's performance, by averaging.
    3. Repeat. 4. Return the ensemble of the nested set that is best. With replacement."""
    bag, best, best_worth = [], None, -np.inf
    for _ in range(rounds):
        values = [
            worth(metric, probabilities[:, [*bag, m]].mean(axis=1), gold)
            for m in range(probabilities.shape[1])
        ]
        bag.append(int(np.argmax(np.array(values) >= max(values) - 1e-12)))
        if max(values) > best_worth + 1e-12:
            best, best_worth = list(bag), max(values)
    return np.bincount(best, minlength=probabilities.shape[1]), best_worth


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", range(3))
def test_selection_is_the_papers_loop(metric, seed):
    probabilities, gold = simulated(seed=seed)
    if metric == "kappa-joint":
        probabilities = np.rint(probabilities * GRID) / GRID
    rounds = 10 if metric == "kappa-joint" else 25
    counts, value = select(probabilities, gold, metric, rounds=rounds)
    expected, expected_value = selection_as_the_paper_says(probabilities, gold, metric, rounds)
    assert counts.tolist() == expected.tolist()
    assert value == pytest.approx(expected_value, abs=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_the_order_of_the_studies_decides_nothing(metric):
    probabilities, gold = simulated()
    order = np.random.default_rng(1).permutation(len(gold))
    one, two = select(probabilities, gold, metric), select(probabilities[order], gold[order], metric)
    assert one[0].tolist() == two[0].tolist()
    assert one[1] == pytest.approx(two[1], abs=1e-12)


def test_certain_and_wrong_probabilities_are_survived():
    probabilities, gold = simulated()
    probabilities[:, 0] = 1 - gold
    probabilities[:, 1] = gold
    counts, value = select(probabilities, gold, "log-loss")
    assert counts.tolist() == [0, 1, 0, 0, 0]
    assert value == pytest.approx(0, abs=1e-9)


def sample_of(probabilities, gold):
    n = len(gold)
    return Sample(probabilities, gold, np.full(n, "wrist"), np.arange(n) // 2, np.arange(n) % 5)


@pytest.mark.parametrize("metric", METRICS)
def test_bagging_spreads_the_weights_and_repeats_itself(metric):
    sample = sample_of(*simulated())
    plain = np.array(fit_greedy(sample, metric).weights)
    bagged = np.array(fit_greedy(sample, metric, bags=8).weights)
    assert bagged.sum() == pytest.approx(1)
    assert (bagged > 0).sum() >= (plain > 0).sum()
    assert fit_greedy(sample, metric, bags=8).weights == tuple(bagged)


def test_every_bag_holds_half_of_the_backbones(monkeypatch):
    seen = []
    real = greedy.select

    def spy(probabilities, gold, metric, *, rounds):
        seen.append(probabilities.shape)
        return real(probabilities, gold, metric, rounds=rounds)

    monkeypatch.setattr(greedy, "select", spy)
    fit_greedy(sample_of(*simulated()), "kappa", bags=6)
    assert {shape[1] for shape in seen} == {2}
    assert len({shape[0] for shape in seen}) == 1  # every patient here has two studies


def test_weights_for_kappa_are_no_worse_than_what_they_start_from():
    sample = sample_of(*simulated(n=400))

    def kappa(weights):
        return cohen_kappa_score(sample.gold, sample.probabilities @ np.array(weights) > 0.5)

    found = weighted.fit_kappa(sample).weights
    assert sum(found) == pytest.approx(1)
    assert min(found) >= 0
    assert kappa(found) >= max(kappa(weighted.fit(sample).weights), kappa(np.full(5, 0.2)))


def test_weights_for_kappa_come_near_the_best_of_a_grid():
    probabilities, gold = simulated(n=300, strengths=(1.2, 1.0), seed=3)
    sample = sample_of(probabilities, gold)
    grid = np.linspace(0, 1, 201)
    best = max(cohen_kappa_score(gold, probabilities @ [w, 1 - w] > 0.5) for w in grid)
    found = cohen_kappa_score(gold, probabilities @ np.array(weighted.fit_kappa(sample).weights) > 0.5)
    assert found >= best - 0.015
