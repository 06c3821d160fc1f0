"""Cohen's kappa for K classes with linear, quadratic or any other agreement weights.

Tables are arrays (..., K, K) of counts indexed [gold, call]; everything undefined is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mura_ensemble.stats.division import ratio

FloatArray = NDArray[np.float64]
Weighting = Literal["unweighted", "linear", "quadratic"]


@dataclass(frozen=True)
class WeightedKappaSummary:
    """Weighted kappa of K x K tables; every field has the leading shape of the tables.

    Attributes
    ----------
    kappa
        Weighted kappa; NaN where chance alone would agree fully.
    se
        Standard error for intervals (Fleiss, Cohen & Everitt 1969).
    se_null, z
        Standard error for a rater who calls at random with the same margins, and ``kappa / se_null``.
    n
        Studies.
    observed, expected
        Weighted observed agreement and the one expected by chance.
    """

    kappa: FloatArray
    se: FloatArray
    se_null: FloatArray
    z: FloatArray
    n: FloatArray
    observed: FloatArray
    expected: FloatArray


def agreement_weights(values: ArrayLike, weighting: Weighting = "unweighted") -> FloatArray:
    """Agreement credited to each pair of classes.

    Parameters
    ----------
    values
        (K,) class values in ascending order; only "linear" and "quadratic" use their distances.
    weighting
        "unweighted": 1 on the diagonal, else 0; "linear": 1 - |a - b| / range;
        "quadratic": 1 - (a - b)^2 / range^2.

    Returns
    -------
    FloatArray
        (K, K) weights in [0, 1].

    Raises
    ------
    ValueError
        If the values do not ascend or the weighting is unknown.
    """
    scale = np.asarray(values, dtype=np.float64)
    if scale.ndim != 1 or not scale.size or (np.diff(scale) <= 0).any():
        raise ValueError("class values must be a non-empty ascending list")
    if weighting not in get_args(Weighting):
        raise ValueError(f"weighting must be one of {', '.join(get_args(Weighting))}, not {weighting!r}")
    if weighting == "unweighted" or scale.size == 1:
        return np.eye(scale.size)
    distance = np.abs(scale[:, None] - scale) / (scale[-1] - scale[0])
    return np.asarray(1 - distance if weighting == "linear" else 1 - distance**2)


def tables_kxk(gold: ArrayLike, calls: ArrayLike, classes: ArrayLike) -> FloatArray:
    """Count K-class calls of every rater against the gold standard.

    Parameters
    ----------
    gold
        (n,) class values, NaN where unknown.
    calls
        (n,) or (n, R) class values, NaN where missing; missing pairs are left out per rater.
    classes
        (K,) class values in ascending order.

    Returns
    -------
    FloatArray
        (R, K, K) counts [gold, call].

    Raises
    ------
    ValueError
        If shapes disagree or a value is not a class.
    """
    scale = np.asarray(classes, dtype=np.float64)
    truth = np.asarray(gold, dtype=np.float64)
    votes = np.asarray(calls, dtype=np.float64)
    votes = votes[:, None] if votes.ndim == 1 else votes
    if truth.ndim != 1 or votes.ndim != 2 or len(votes) != len(truth):
        raise ValueError(f"gold must be (n,) and calls (n,) or (n, R), not {truth.shape}, {np.shape(calls)}")
    row, column = _places(truth, scale, "gold"), _places(votes, scale, "calls")
    known = (row[:, None] >= 0) & (column >= 0)
    pair = (np.arange(votes.shape[1]) * scale.size + row[:, None]) * scale.size + column
    counts = np.bincount(pair[known], minlength=votes.shape[1] * scale.size**2)
    return counts.reshape(-1, scale.size, scale.size).astype(np.float64)


def weighted_kappa(tables: ArrayLike, weights: ArrayLike) -> FloatArray:
    """Weighted kappa (Cohen 1968), ``1 - weighted disagreement / weighted disagreement by chance``.

    Parameters
    ----------
    tables
        (..., K, K) counts [gold, call].
    weights
        (K, K) agreement weights, 1 on the diagonal (see `agreement_weights`).

    Returns
    -------
    FloatArray
        (...) kappas; NaN where no disagreement is possible by chance.
    """
    counts, apart = np.asarray(tables, dtype=np.float64), 1 - np.asarray(weights, dtype=np.float64)
    total = counts.sum(axis=(-2, -1))
    disagreement = total * (counts * apart).sum(axis=(-2, -1))
    chance = np.einsum("...i,ij,...j->...", counts.sum(axis=-1), apart, counts.sum(axis=-2))
    return 1 - ratio(disagreement, chance)


def summarise_weighted(tables: ArrayLike, weights: ArrayLike) -> WeightedKappaSummary:
    """Weighted kappa with its standard errors (Fleiss, Cohen & Everitt 1969, Psychological Bulletin 72:323).

    The variance is the mean square of the influence of a study, so it cannot turn negative.

    Parameters
    ----------
    tables
        (..., K, K) counts [gold, call].
    weights
        (K, K) agreement weights, 1 on the diagonal.

    Returns
    -------
    WeightedKappaSummary

    Raises
    ------
    ValueError
        If tables and weights do not match, or a count is negative or not finite.
    """
    counts, credit = np.asarray(tables, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if credit.ndim != 2 or counts.shape[-2:] != credit.shape or credit.shape[0] != credit.shape[1]:
        raise ValueError(f"tables {counts.shape} and weights {credit.shape} must end in the same (K, K)")
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError("tables must hold finite, non-negative counts")
    n = counts.sum(axis=(-2, -1))
    shares = ratio(counts, n[..., None, None])
    gold, call = shares.sum(axis=-1), shares.sum(axis=-2)
    observed = (shares * credit).sum(axis=(-2, -1))
    expected = np.einsum("...i,ij,...j->...", gold, credit, call)
    kappa = weighted_kappa(counts, credit)
    left = 1 - expected
    left = np.where(np.isnan(kappa), np.nan, left)
    margins = np.einsum("ij,...j->...i", credit, call)[..., :, None]
    margins = margins + np.einsum("...i,ij->...j", gold, credit)[..., None, :]
    by_cell = ratio(credit - observed[..., None, None], left[..., None, None]) - ratio(
        (1 - observed)[..., None, None] * (margins - 2 * expected[..., None, None]),
        (left**2)[..., None, None],
    )
    variance = ratio((shares * by_cell**2).sum(axis=(-2, -1)), n)
    by_chance = gold[..., :, None] * call[..., None, :] * (credit - margins) ** 2
    null_variance = np.maximum(by_chance.sum(axis=(-2, -1)) - expected**2, 0.0)
    se_null = ratio(np.sqrt(null_variance), left * np.sqrt(n))
    return WeightedKappaSummary(
        kappa, np.sqrt(variance), se_null, ratio(kappa, se_null), n, observed, expected
    )


def _places(values: FloatArray, scale: FloatArray, name: str) -> NDArray[np.intp]:
    """Index of each value among the classes, -1 where missing."""
    place = np.minimum(np.searchsorted(scale, values), scale.size - 1)
    missing = np.isnan(values)
    unknown = ~missing & (scale[place] != values)
    if unknown.any():
        raise ValueError(f"{name} holds {values[unknown][0]:g}, which is not among the classes")
    return np.where(missing, -1, place)
