"""Greedy selection, stacking and subset search, beside plain loops over scikit-learn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from benchmarks import OURS, Row, cpu_seconds
from mura_ensemble.ensembles.combining.combination import Sample
from mura_ensemble.ensembles.combining.greedy import ROUNDS, Metric, select
from mura_ensemble.ensembles.combining.stacked import fit
from mura_ensemble.ensembles.worth.search import search_subsets

PEER_ROUNDS = 1  # of the loop: extrapolated to all rounds


def simulate(n: int, backbones: int, seed: int = 0) -> Sample:
    """Backbones of falling skill that share half of their noise."""
    rng = np.random.default_rng(seed)
    gold = (rng.random(n) < 0.45).astype(np.float64)
    skill = np.linspace(1.5, 0.7, backbones)
    noise = 0.8 * rng.normal(size=(n, 1)) + rng.normal(size=(n, backbones))
    probabilities = expit((2 * gold[:, None] - 1) * skill + noise)
    types = rng.choice(["elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist"], n)
    patients = np.arange(n) // 2
    return Sample(probabilities, gold, types, patients, patients % 5)


def loop_over_scikit_learn(sample: Sample, rounds: int) -> NDArray[np.int64]:
    """Caruana's selection with scikit-learn's kappa for every candidate."""
    from sklearn.metrics import cohen_kappa_score

    total, chosen = np.zeros(len(sample.gold)), []
    for k in range(rounds):
        worth = [
            cohen_kappa_score(sample.gold, (total + column) / (k + 1) > 0.5)
            for column in sample.probabilities.T
        ]
        chosen.append(int(np.argmax(worth)))
        total += sample.probabilities[:, chosen[-1]]
    return np.bincount(chosen, minlength=sample.probabilities.shape[1])


def run(quick: bool) -> list[Row]:
    n, backbones = (2_000, 10) if quick else (40_000, 50)
    sample = simulate(n, backbones)
    size = f"{n:,} studies x {backbones} backbones"
    rows = []
    metrics: tuple[Metric, ...] = ("kappa", "kappa-joint", "log-loss")
    for metric in metrics:
        task = f"{size}: greedy selection on {metric}, {ROUNDS} rounds"
        seconds = cpu_seconds(
            lambda metric=metric: select(sample.probabilities, sample.gold, metric), repeat=3
        )
        rows.append(Row(task, OURS, seconds))
        if metric == "kappa":
            seconds = cpu_seconds(lambda: loop_over_scikit_learn(sample, PEER_ROUNDS))
            rows.append(
                Row(task, "loop, scikit-learn's kappa", seconds * ROUNDS / PEER_ROUNDS, PEER_ROUNDS / ROUNDS)
            )
    rows += _stack(sample, size)
    small = simulate(500 if quick else 1_199, 10 if quick else 15)
    task = f"{len(small.gold):,} studies: all {2 ** small.probabilities.shape[1] - 1:,} subsets, nested, intervals"
    seconds = cpu_seconds(lambda: search_subsets(small.probabilities, small))
    return [*rows, Row(task, OURS, seconds, note="no peer known")]


def _stack(sample: Sample, size: str) -> list[Row]:
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import PredefinedSplit

    task = f"{size}: stack, penalty by 5 patient folds"
    ours = cpu_seconds(lambda: fit(Sample(*list(vars(sample).values())[:5])))
    columns = logit(np.clip(sample.probabilities, 1e-7, 1 - 1e-7))
    peer = LogisticRegressionCV(
        Cs=11,
        cv=PredefinedSplit(sample.folds),
        scoring="neg_log_loss",
        l1_ratios=(0,),
        use_legacy_attributes=False,
        max_iter=1000,
    )
    return [
        Row(task, OURS, ours),
        Row(task, "LogisticRegressionCV", cpu_seconds(lambda: peer.fit(columns, sample.gold))),
    ]
