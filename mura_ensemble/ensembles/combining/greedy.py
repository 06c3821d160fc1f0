"""Greedy selection of backbones with replacement, and bagging of it.

Caruana, Niculescu-Mizil, Crew and Ksikes 2004, Ensemble selection from libraries of models, ICML; Caruana,
Munson and Niculescu-Mizil 2006, Getting the most out of ensemble selection, ICDM. From the empty ensemble the
backbone that makes the mean probability best is added, again and again, the same one as often as it helps; of
all prefixes the best is kept. The counts are the weights of a weighted mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.ensembles.combining.combination import EDGE, Array, Sample
from mura_ensemble.ensembles.combining.weighted import WeightedCombination, kappa_of_counts

__all__ = ["BAGS", "GRID", "ROUNDS", "Metric", "fit_greedy", "select"]

Metric = Literal["log-loss", "kappa", "kappa-joint"]
Worth = Callable[[int], Array]

ROUNDS = 25
BAGS = 20
BAG_SHARE = 0.5  # of the backbones, the share that Caruana et al. 2006 settle on
GRID = 1000  # `kappa-joint` sees probabilities rounded to 1/1000, so that every cut is a whole number
_EQUAL = 1e-12
_BLOCK = 16  # probabilities multiplied before one logarithm: 1e-7^16 is still a normal float


def fit_greedy(sample: Sample, metric: Metric, *, rounds: int = ROUNDS, bags: int = 1) -> WeightedCombination:
    """Greedy selection on all backbones, or its mean over `bags` bags.

    Each bag sees a bootstrap resample of the patients and a random half of the backbones. The draws depend on
    the numbers of patients and backbones alone, so that the same data give the same weights.

    Parameters
    ----------
    sample : Sample
    metric : {'log-loss', 'kappa', 'kappa-joint'}
        Least log-loss, greatest kappa at a cut of 0.5, or greatest kappa at the best cut of each candidate.
    rounds : int
        Greatest number of (repeated) backbones in a selection.
    bags : int
    """
    if bags == 1:
        counts, _ = select(sample.probabilities, sample.gold, metric, rounds=rounds)
        return WeightedCombination(tuple((counts / counts.sum()).tolist()))
    total = np.zeros(sample.probabilities.shape[1])
    rng = np.random.default_rng(len(sample.gold))
    groups = _rows_by_patient(sample)
    size = max(1, round(BAG_SHARE * len(total)))
    for _ in range(bags):
        columns = np.sort(rng.choice(len(total), size, replace=False))
        rows = np.concatenate([groups[k] for k in rng.integers(0, len(groups), len(groups))])
        if len(np.unique(sample.gold[rows])) < 2:
            continue
        counts, _ = select(
            sample.probabilities[np.ix_(rows, columns)], sample.gold[rows], metric, rounds=rounds
        )
        total[columns] += counts / counts.sum()
    return WeightedCombination(tuple((total / total.sum()).tolist()))


def _rows_by_patient(sample: Sample) -> list[NDArray[np.int64]]:
    order = np.argsort(sample.patients, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(sample.patients[order])) + 1)


def select(
    probabilities: Array, gold: Array, metric: Metric, *, rounds: int = ROUNDS
) -> tuple[NDArray[np.int64], float]:
    """How often each backbone is in the best prefix of the greedy path, and what that prefix is worth.

    Equally good candidates: the first column wins; equally good prefixes: the shortest.

    Parameters
    ----------
    probabilities : (n, M) array
    gold : (n,) array
        0 or 1; both must occur.

    Returns
    -------
    counts : (M,) array of int
    worth : float
        Minus the log-loss, or kappa, on these studies: apparent.
    """
    order = np.argsort(-gold, kind="stable")
    columns, gold = probabilities.T[:, order], gold[order]
    add, worth = _METRICS[metric](columns, gold, rounds)
    path, values = np.empty(rounds, dtype=np.int64), np.empty(rounds)
    for step in range(rounds):
        found = worth(step)
        path[step] = _first_best(found)
        values[step] = found[path[step]]
        add(int(path[step]))
    length = _first_best(values) + 1
    return np.bincount(path[:length], minlength=len(columns)), float(values[length - 1])


def _first_best(values: Array) -> int:
    """The first of the best: sums in another order of the studies must not tell equals apart."""
    return int(np.argmax(values >= values.max() - _EQUAL))


def _log_loss(columns: Array, gold: Array, rounds: int) -> tuple[Callable[[int], None], Worth]:  # noqa: ARG001
    count, n = columns.shape
    wide = -(-n // _BLOCK) * _BLOCK
    true_class = np.ones((count, wide))
    true_class[:, :n] = np.maximum(np.where(gold == 1, columns, 1 - columns), EDGE)
    running, mixed = np.zeros(wide), np.empty(wide)
    blocks = mixed.reshape(_BLOCK, -1)
    product = np.empty(blocks.shape[1])

    def add(chosen: int) -> None:
        running[:] += true_class[chosen]

    def worth(step: int) -> Array:
        found = np.empty(count)
        for m in range(count):
            np.add(running, true_class[m], out=mixed)
            np.multiply(mixed, 1 / (step + 1), out=mixed)
            np.multiply.reduce(blocks, axis=0, out=product)
            found[m] = np.log(product).sum() / n
        return found

    return add, worth


def _kappa(columns: Array, gold: Array, rounds: int) -> tuple[Callable[[int], None], Worth]:  # noqa: ARG001
    count, n = columns.shape
    columns = np.ascontiguousarray(columns)
    running, cut = np.zeros(n), np.empty(n)
    called = np.empty(n, dtype=bool)
    abnormal = int(gold.sum())

    def add(chosen: int) -> None:
        running[:] += columns[chosen]

    def worth(step: int) -> Array:
        tp, fp = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
        np.subtract(0.5 * (step + 1), running, out=cut)
        for m in range(count):
            np.greater(columns[m], cut, out=called)
            tp[m] = np.count_nonzero(called[:abnormal])
            fp[m] = np.count_nonzero(called[abnormal:])
        return kappa_of_counts(tp, fp, gold)

    return add, worth


def _kappa_joint(columns: Array, gold: Array, rounds: int) -> tuple[Callable[[int], None], Worth]:  # noqa: ARG001
    count, n = columns.shape
    whole = np.rint(columns * GRID).astype(np.int64)
    running, summed = np.zeros(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    abnormal = int(gold.sum())

    def add(chosen: int) -> None:
        running[:] += whole[chosen]

    def worth(step: int) -> Array:
        found = np.empty(count)
        bins = GRID * (step + 1) + 1
        for m in range(count):
            np.add(running, whole[m], out=summed)
            # Counts at or below every cut; kappa of calling abnormal what lies above it.
            below = np.cumsum(np.bincount(summed[:abnormal], minlength=bins))
            beside = np.cumsum(np.bincount(summed[abnormal:], minlength=bins))
            found[m] = kappa_of_counts(abnormal - below, n - abnormal - beside, gold).max()
        return found

    return add, worth


_METRICS = {"log-loss": _log_loss, "kappa": _kappa, "kappa-joint": _kappa_joint}
