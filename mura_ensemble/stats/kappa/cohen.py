"""Cohen's kappa and its companions from 2x2 tables of counts, for any number of raters and strata at once.

A table is an array (..., 2, 2) indexed [gold, call]: [[TN, FP], [FN, TP]]. Everything undefined is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mura_ensemble.stats.division import ratio

FloatArray = NDArray[np.float64]

_ROUNDING = 4 * np.finfo(np.float64).eps  # what a variance of 0 may come out as
_BLOCK_CELLS = 4_000_000  # calls looked at together, so 10 million studies need no second copy in memory


@dataclass(frozen=True)
class KappaSummary:
    """What a 2x2 table says about a rater; every field has the leading shape of the tables.

    Attributes
    ----------
    kappa
        Cohen's kappa in [-1, 1]; NaN where gold and calls are one and the same single class.
    se
        Standard error of kappa (Fleiss, Cohen & Everitt 1969), the one for intervals; 0 for a perfect table.
    se_null
        Standard error of kappa if the rater called at random with the same margins: for ``z`` only, never for
        an interval.
    z
        ``kappa / se_null``.
    n
        Studies (or the sum of their weights).
    prevalence_index
        ``(TP - TN) / n``; its absolute value is Byrt's prevalence index.
    bias_index
        ``(FP - FN) / n``: how much more often the rater says abnormal than the gold standard.
    pabak
        Prevalence- and bias-adjusted kappa, ``2 * observed - 1``.
    kappa_max
        Largest kappa attainable with these margins.
    mcc
        Matthews correlation (phi).
    sensitivity, specificity, balanced_accuracy
        Shares in [0, 1]; balanced accuracy is the mean of the two.
    observed, expected
        Observed agreement and the agreement expected by chance.
    """

    kappa: FloatArray
    se: FloatArray
    se_null: FloatArray
    z: FloatArray
    n: FloatArray
    prevalence_index: FloatArray
    bias_index: FloatArray
    pabak: FloatArray
    kappa_max: FloatArray
    mcc: FloatArray
    sensitivity: FloatArray
    specificity: FloatArray
    balanced_accuracy: FloatArray
    observed: FloatArray
    expected: FloatArray


def tables_2x2(gold: ArrayLike, calls: ArrayLike, *, weights: ArrayLike | None = None) -> FloatArray:
    """Count the calls of every rater against the gold standard.

    Parameters
    ----------
    gold
        (n,) of 0, 1 or NaN (no gold standard: the study is left out).
    calls
        (n,) or (n, R) of 0, 1 or NaN (no call: the study is left out for that rater only).
    weights
        (n,) non-negative weights of the studies; one each by default.

    Returns
    -------
    FloatArray
        (R, 2, 2) of [[TN, FP], [FN, TP]]; R is 1 for one-dimensional calls.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not 0, 1 or NaN, or a weight is negative or not finite.
    """
    truth = np.asarray(gold)
    votes = np.asarray(calls)
    if votes.ndim == 1:
        votes = votes[:, None]
    if truth.ndim != 1 or votes.ndim != 2 or len(votes) != len(truth):
        raise ValueError(
            f"gold must be (n,) and calls (n,) or (n, R), not {truth.shape} and {np.shape(calls)}"
        )
    heft = None if weights is None else np.asarray(weights, dtype=np.float64)
    if heft is not None and (heft.shape != truth.shape or not np.isfinite(heft).all() or (heft < 0).any()):
        raise ValueError("weights must be one finite, non-negative number per study")
    tables = np.zeros((votes.shape[1], 2, 2))
    step = max(1, _BLOCK_CELLS // max(1, votes.shape[1]))
    for start in range(0, len(truth), step):
        rows = slice(start, start + step)
        rows_gold = _indicators(truth[rows], "gold")
        if heft is not None:
            rows_gold = [indicator * heft[rows] for indicator in rows_gold]
        for call, indicator in enumerate(_indicators(votes[rows], "calls")):
            tables[:, :, call] += np.stack([row @ indicator for row in rows_gold], axis=1)
    return tables


def cohen_kappa(tables: ArrayLike) -> FloatArray:
    """Cohen's kappa of 2x2 tables (Cohen 1960), ``2 (TN TP - FP FN) / (chance disagreement)``.

    Parameters
    ----------
    tables
        (..., 2, 2) counts or weights, [gold, call].

    Returns
    -------
    FloatArray
        (...) kappas; NaN where the table is empty or all of it lies in one agreeing cell. Exactly 1 for a
        perfect table.

    Raises
    ------
    ValueError
        If the last two axes are not 2x2 or a count is negative or infinite (NaN gives NaN).
    """
    tn, fp, fn, tp = _cells(tables)
    return ratio(2 * (tn * tp - fp * fn), (tn + fp) * (fp + tp) + (tn + fn) * (fn + tp))


def cell_influence(tables: ArrayLike) -> FloatArray:
    """Influence of one study in each cell on kappa.

    With p_o and p_e the observed and expected agreement, a study with gold g and call x moves kappa by
    ``IF = (1[g=x] - p_o) / (1 - p_e) - (1 - p_o) (P(call=g) + P(gold=x) - 2 p_e) / (1 - p_e)^2`` per unit of
    its share. The mean is zero and ``sum(table / n * IF^2) / n`` is the Fleiss-Cohen-Everitt variance.

    Parameters
    ----------
    tables
        (..., 2, 2) counts or weights, [gold, call].

    Returns
    -------
    FloatArray
        (..., 2, 2); NaN where kappa is undefined.

    Raises
    ------
    ValueError
        As `cohen_kappa`.
    """
    counts = _checked(tables)
    shares = ratio(counts, counts.sum(axis=(-2, -1), keepdims=True))
    gold, call = shares.sum(axis=-1), shares.sum(axis=-2)
    observed = np.trace(shares, axis1=-2, axis2=-1)[..., None, None]
    expected = (gold * call).sum(axis=-1)[..., None, None]
    chance = (gold[..., ::-1] * call).sum(axis=-1)[..., None, None]  # 1 - expected without cancellation
    margins = call[..., :, None] + gold[..., None, :]
    disagreement = shares[..., 0, 1] + shares[..., 1, 0]
    slope = ratio(disagreement[..., None, None], chance * chance)
    values: FloatArray = ratio(np.eye(2) - observed, chance) - slope * (margins - 2 * expected)
    return values


def influence(gold: ArrayLike, calls: ArrayLike) -> FloatArray:
    """Influence of every study on a rater's kappa.

    The values of one rater have mean zero; their sum of squares over n squared is the delta variance of that
    rater's kappa, and the sum of squares of per-patient sums over n squared the variance respecting patients.

    Parameters
    ----------
    gold
        (n,) of 0, 1 or NaN.
    calls
        (n,) or (n, R) of 0, 1 or NaN.

    Returns
    -------
    FloatArray
        Shape of ``calls``; NaN where gold or call is missing, or the rater's kappa is undefined.

    Raises
    ------
    ValueError
        As `tables_2x2`.
    """
    by_cell = cell_influence(tables_2x2(gold, calls))
    truth = np.asarray(gold, dtype=np.float64)
    votes = np.asarray(calls, dtype=np.float64)
    columns = votes.reshape(len(truth), -1)
    known = ~(np.isnan(truth)[:, None] | np.isnan(columns))
    row = np.where(known, truth[:, None], 0).astype(np.intp)
    column = np.where(known, columns, 0).astype(np.intp)
    values = by_cell[np.arange(columns.shape[1]), row, column]
    return np.where(known, values, np.nan).reshape(votes.shape)


def kappa_variance(tables: ArrayLike) -> FloatArray:
    """Fleiss-Cohen-Everitt (1969, Psychological Bulletin 72:323) variance of kappa, never negative.

    Parameters
    ----------
    tables
        (..., 2, 2) counts, [gold, call].

    Returns
    -------
    FloatArray
        (...) variances; NaN where kappa is undefined.

    Raises
    ------
    ValueError
        As `cohen_kappa`.
    """
    counts = _checked(tables)
    total = counts.sum(axis=(-2, -1))
    return ratio((counts * cell_influence(counts) ** 2).sum(axis=(-2, -1)), total * total)


def summarise_tables(tables: ArrayLike) -> KappaSummary:
    """Every agreement and accuracy figure of 2x2 tables.

    Sources: Cohen 1960 (kappa); Fleiss, Cohen & Everitt 1969 (both standard errors); Byrt, Bishop & Carlin
    1993 (prevalence and bias index, PABAK); Matthews 1975.

    Parameters
    ----------
    tables
        (..., 2, 2) counts, [gold, call], for example (raters, strata, 2, 2).

    Returns
    -------
    KappaSummary
        Fields of shape (...).

    Raises
    ------
    ValueError
        If the last two axes are not 2x2 or a count is negative or not finite.
    """
    counts = _checked(tables)
    if np.isnan(counts).any():
        raise ValueError("tables must be (..., 2, 2) arrays of finite, non-negative counts")
    tn, fp, fn, tp = _cells(counts)
    n = tn + fp + fn + tp
    abnormal, normal = fn + tp, tn + fp
    positive, negative = fp + tp, tn + fn
    observed = ratio(tn + tp, n)
    expected = ratio(normal * negative + abnormal * positive, n * n)
    chance = ratio(normal * positive + abnormal * negative, n * n)
    kappa = cohen_kappa(counts)
    best = ratio(np.minimum(normal, negative) + np.minimum(abnormal, positive), n)
    sensitivity, specificity = ratio(tp, abnormal), ratio(tn, normal)
    spread = ratio(
        abnormal * positive * (abnormal + positive) + normal * negative * (normal + negative), n**3
    )
    null_variance = expected + expected**2 - spread
    null_variance = np.where(null_variance > _ROUNDING, null_variance, 0.0)
    se_null = ratio(np.sqrt(null_variance), chance * np.sqrt(n))
    return KappaSummary(
        kappa=kappa,
        se=np.sqrt(kappa_variance(counts)),
        se_null=se_null,
        z=ratio(kappa, se_null),
        n=n,
        prevalence_index=ratio(tp - tn, n),
        bias_index=ratio(fp - fn, n),
        pabak=ratio(tn + tp - fp - fn, n),
        kappa_max=ratio(best - expected, chance),
        mcc=ratio(tn * tp - fp * fn, np.sqrt(normal * abnormal) * np.sqrt(negative * positive)),
        sensitivity=sensitivity,
        specificity=specificity,
        balanced_accuracy=(sensitivity + specificity) / 2,
        observed=observed,
        expected=expected,
    )


def _checked(tables: ArrayLike) -> FloatArray:
    counts = np.asarray(tables, dtype=np.float64)
    if counts.shape[-2:] != (2, 2) or (counts < 0).any() or np.isposinf(counts).any():
        raise ValueError("tables must be (..., 2, 2) arrays of finite, non-negative counts")
    return counts


def _cells(tables: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    counts = _checked(tables)
    return counts[..., 0, 0], counts[..., 0, 1], counts[..., 1, 0], counts[..., 1, 1]


def _indicators(values: NDArray[np.generic], name: str) -> list[FloatArray]:
    normal, abnormal = values == 0, values == 1
    if not (normal | abnormal).all():
        unknown = np.asarray(values, dtype=np.float64)[~(normal | abnormal)]
        if not np.isnan(unknown).all():
            raise ValueError(f"{name} must be 0, 1 or NaN, found {unknown[~np.isnan(unknown)][0]:g}")
    return [normal.astype(np.float64), abnormal.astype(np.float64)]
