"""Every subset of the backbones by its mean probability, and what the best of them are honestly worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.data.errors import InputError
from mura_ensemble.ensembles.combining.combination import Array, Sample
from mura_ensemble.ensembles.combining.weighted import kappa_of_counts
from mura_ensemble.ensembles.worth.contributions import subset_members
from mura_ensemble.stats.kappa.clustered import clustered_kappa_intervals

__all__ = ["MOST_BACKBONES", "Front", "SubsetSearch", "search_subsets"]

MOST_BACKBONES = 15
_CHUNK = 2**23  # calls held at once


@dataclass(frozen=True)
class Front:
    """The best subset of one size, or of any.

    Attributes
    ----------
    size : int
        How many backbones; 0 where the size itself was chosen.
    subset : tuple of int
        Best on all studies.
    apparent : float
        Its kappa on the studies on which it was found: the greatest of many, hence too good.
    nested, low, high : float
        Kappa of held-out calls, each fold called by the subset that was best on the others; with interval.
    same : int
        In how many folds that was `subset`.
    """

    size: int
    subset: tuple[int, ...]
    apparent: float
    nested: float
    low: float
    high: float
    same: int


@dataclass(frozen=True)
class SubsetSearch:
    """Every subset and the front of size against kappa.

    Attributes
    ----------
    members : (S, M) array of 0/1
        Every subset but the empty one.
    kappa : (S,) array
        Of the mean of each subset at a cut of 0.5. Honest for a subset named beforehand.
    front : tuple of Front
        Size 1 to M, then the choice among all sizes (size 0).
    """

    members: Array
    kappa: Array
    front: tuple[Front, ...]


def search_subsets(each: Array, sample: Sample, *, level: float = 0.95, seed: int = 0) -> SubsetSearch:
    """Score the mean probability of all 2^M - 1 subsets of M backbones, nested.

    For a subset only its counts of true and false abnormal calls per fold are kept, from one matrix product per
    block of subsets; kappa without a fold follows by subtraction. Equally good subsets: the smaller, then the
    one whose backbones come first.

    Parameters
    ----------
    each : (n, M) array
        Probabilities per backbone, at most 15.
    sample : Sample
        Gold, folds and patients of the same studies.
    level : float
    seed : int
        Of the intervals' resamples of patients.
    """
    count = each.shape[1]
    if count > MOST_BACKBONES:
        raise InputError(
            f"a search takes at most {MOST_BACKBONES} backbones, not {count}; choose --backbones"
        )
    members = subset_members(count)
    sizes = members.sum(axis=1).astype(np.int64)
    order = np.lexsort((*(-members.T[::-1]), sizes))
    members, sizes = members[order], sizes[order]
    names = np.array(sample.names_of_folds)
    tp, fp = _counts(each, sample, members, names)
    kappa = kappa_of_counts(tp.sum(axis=0), fp.sum(axis=0), sample.gold)
    without = np.array(
        [
            kappa_of_counts(tp.sum(axis=0) - tp[k], fp.sum(axis=0) - fp[k], sample.gold[sample.folds != fold])
            for k, fold in enumerate(names)
        ]
    )
    picks = [*((sizes == size) for size in range(1, count + 1)), np.full(len(sizes), True)]
    chosen = np.array([_best(without, allowed) for allowed in picks])  # (sizes + 1, folds)
    best = [int(_best(kappa[None], allowed)[0]) for allowed in picks]
    place = np.searchsorted(names, sample.folds)
    calls = np.empty((len(each), len(picks)))
    for column, row in enumerate(chosen):
        picked = members[row[place]]
        calls[:, column] = (each * picked).sum(axis=1) > 0.5 * picked.sum(axis=1)
    limits = clustered_kappa_intervals(sample.gold, calls, clusters=sample.patients, level=level, rng=seed)
    front = tuple(
        Front(
            column + 1 if column < count else 0,
            tuple(np.flatnonzero(members[best[column]]).tolist()),
            float(kappa[best[column]]),
            float(limits.estimate[-1, column]),
            float(limits.low[-1, column]),
            float(limits.high[-1, column]),
            int((chosen[column] == best[column]).sum()),
        )
        for column in range(len(picks))
    )
    return SubsetSearch(members, kappa, front)


def _best(kappas: Array, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Column of the greatest allowed value of each row, the first of equals."""
    best: NDArray[np.int64] = np.argmax(np.where(allowed, np.nan_to_num(kappas, nan=-2.0), -3.0), axis=1)
    return best


def _counts(
    each: Array, sample: Sample, members: Array, names: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """True and false abnormal calls (folds, S)."""
    fold = (sample.folds == names[:, None]).astype(np.float32)
    rows = np.concatenate([fold * sample.gold, fold * (1 - sample.gold)]).astype(np.float32)
    found = np.empty((len(rows), len(members)), dtype=np.int64)
    chunk = max(1, _CHUNK // len(each))
    for start in range(0, len(members), chunk):
        part = slice(start, start + chunk)
        called = each @ members[part].T > 0.5 * members[part].sum(axis=1)
        # Whole numbers below 2^24 are exact in single precision.
        found[:, part] = np.rint(rows @ called.astype(np.float32))
    return found[: len(names)], found[len(names) :]
