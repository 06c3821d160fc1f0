"""What each backbone does for an ensemble: leave one out, and Shapley values."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np

from mura_ensemble.data.errors import InputError
from mura_ensemble.ensembles.combining.combination import Array, Sample
from mura_ensemble.ensembles.recipes import Recipe, fit_parts
from mura_ensemble.ensembles.worth.nested import kappa_draws, kappa_of, nested_calls
from mura_ensemble.stats.kappa.cohen import cohen_kappa

__all__ = ["MOST_BACKBONES", "Share", "leave_one_out", "out_of_fold_pooled", "shapley", "subset_members"]

MOST_BACKBONES = 12
_CHUNK = 2**23  # calls held at once


@dataclass(frozen=True)
class Share:
    """What one backbone adds to kappa.

    Attributes
    ----------
    estimate : float
    low, high : float
        Percentile interval over resamples of the patients.
    """

    estimate: float
    low: float
    high: float


def leave_one_out(
    recipe: Recipe, sample: Sample, *, level: float, resamples: int, seed: int
) -> tuple[Share, ...]:
    """Nested kappa with every backbone minus that without one, for each backbone.

    The recipe is fitted anew on the others, in the same folds; both kappas are of held-out calls of the same
    studies, so that the interval is one of paired differences.

    Parameters
    ----------
    sample : Sample
        Probabilities (n, V, M), M at least 2.
    """
    count = sample.probabilities.shape[2]
    if count < 2:
        raise InputError("leave-one-backbone-out needs at least 2 backbones")
    calls = [nested_calls(recipe, sample)]
    for backbone in range(count):
        others = np.delete(np.arange(count), backbone)
        calls.append(nested_calls(recipe, sample.chosen(others)))
    kappas = np.array([kappa_of(sample, column) for column in calls])
    draws = kappa_draws(sample, np.column_stack(calls), resamples=resamples, seed=seed)
    return _shares(kappas[0] - kappas[1:], draws[:, :1] - draws[:, 1:], level)


def out_of_fold_pooled(pooling: str, sample: Sample) -> Array:
    """Probability (n, M) per study and backbone; a learned pooling is fitted on the other folds."""
    recipe = Recipe(pooling=pooling, operating_point="kappa")
    each = np.empty((len(sample.gold), sample.probabilities.shape[2]))
    for fold in sample.names_of_folds:
        outside = sample.only(fold)
        rule = fit_parts(recipe, sample.without(fold)).pooling
        each[sample.folds == fold] = rule.pool(outside.probabilities, outside.study_types)
    return each


def shapley(each: Array, sample: Sample, *, level: float, resamples: int, seed: int) -> tuple[Share, ...]:
    r"""Exact Shapley values of the backbones in the kappa of their mean probability at a cut of 0.5.

    The value of a set of backbones is the kappa of their mean, of the empty set 0 (no information); the Shapley
    value of a backbone is what it adds to that, averaged over all orders in which the backbones could have been
    put together: :math:`\sum_S |S|! (M - |S| - 1)! / M! \, (v(S + m) - v(S))` (Shapley 1953). The values sum to
    the kappa of the mean of all. Nothing is fitted, so nothing flatters.

    Parameters
    ----------
    each : (n, M) array
        Probabilities per backbone; at most 12 backbones.
    sample : Sample
        Gold and patients of the same studies.
    """
    count = each.shape[1]
    if count > MOST_BACKBONES:
        raise InputError(
            f"exact Shapley values take every subset of the backbones: at most {MOST_BACKBONES}, not {count}; choose "
            "--backbones"
        )
    members = subset_members(count)
    rng = np.random.default_rng(seed)
    patients, unit = np.unique(sample.patients, return_inverse=True)
    times = rng.multinomial(len(patients), np.full(len(patients), 1 / len(patients)), size=resamples)
    weights = np.vstack([np.ones(len(unit)), times[:, unit]])  # the first row is the sample itself
    if sample.weights is not None:
        weights *= sample.weights
    values = _values(each, sample.gold, members, weights)
    table = np.zeros((len(values), 2**count))
    table[:, 1:] = np.nan_to_num(values)
    shares = np.empty((len(table), count))
    sizes = np.array([bin(code).count("1") for code in range(2**count)])
    weight_of = np.array([factorial(k) * factorial(count - k - 1) for k in range(count)]) / factorial(count)
    codes = np.arange(2**count)
    for backbone in range(count):
        without = codes[(codes >> backbone) & 1 == 0]
        gain = table[:, without | (1 << backbone)] - table[:, without]
        shares[:, backbone] = gain @ weight_of[sizes[without]]
    return _shares(shares[0], shares[1:], level)


def subset_members(count: int) -> Array:
    """Indicators (2^count - 1, count) of every subset but the empty one; row k - 1 has the binary digits of k."""
    codes = np.arange(1, 2**count)
    members: Array = ((codes[:, None] >> np.arange(count)) & 1).astype(np.float64)
    return members


def _values(each: Array, gold: Array, members: Array, weights: Array) -> Array:
    """Kappa (B, S) of the mean of each subset at 0.5 under each row of `weights` (B, n)."""
    single = weights.astype(np.float32)
    abnormal = single * gold.astype(np.float32)
    total, positive_gold = weights.sum(axis=1, keepdims=True), (weights * gold).sum(axis=1, keepdims=True)
    found = np.empty((len(weights), len(members)))
    chunk = max(1, _CHUNK // len(gold))
    for start in range(0, len(members), chunk):
        part = slice(start, start + chunk)
        called = (each @ members[part].T > 0.5 * members[part].sum(axis=1)).astype(np.float32)
        tp = (abnormal @ called).astype(np.float64)
        fp = (single @ called).astype(np.float64) - tp
        tables = np.stack(
            [np.stack([total - positive_gold - fp, fp], -1), np.stack([positive_gold - tp, tp], -1)], -2
        )
        found[:, part] = cohen_kappa(tables)
    return found


def _shares(estimate: Array, draws: Array, level: float) -> tuple[Share, ...]:
    low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return tuple(Share(*row) for row in np.stack([estimate, low, high]).T.tolist())
