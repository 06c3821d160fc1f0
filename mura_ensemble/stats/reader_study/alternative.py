"""The alternative annotator test: does a model stand for the readers as well as one of them (Calderon et al. 2025)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from mura_ensemble.stats.validation import patient_codes

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class AlternativeTest:
    """Result for one model; arrays are per reader, NaN for a reader with too few studies.

    Attributes
    ----------
    winning_rate : float
        Share of the readers tested whom the model is shown to replace; passed from 0.5 on.
    advantage : float
        Mean probability that the model agrees with the others at least as well as the reader left out (rho).
    model_wins, reader_wins : (J,)
        Shares of studies with that outcome for the model, and for the reader; ties count for both.
    p : (J,)
        One-sided p of H0: reader_wins - model_wins >= epsilon.
    rejected : (J,) bool
        After Benjamini and Yekutieli.
    n : (J,) int
        Studies of the reader that the model called and another reader read.
    tested : int
    passed : bool
    epsilon, q : float
    """

    winning_rate: float
    advantage: float
    model_wins: FloatArray
    reader_wins: FloatArray
    p: FloatArray
    rejected: NDArray[np.bool_]
    n: NDArray[np.int64]
    tested: int
    passed: bool
    epsilon: float
    q: float


def alternative_test(
    call: ArrayLike,
    reads: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    epsilon: float = 0.2,
    q: float = 0.05,
    least: int = 30,
) -> AlternativeTest:
    """Test a model against each reader in turn, the other readers being the measure (arXiv 2501.10970).

    On a study the model wins if it agrees with at least as many of the others as the reader left out does, and the
    other way round. A one-sided t test per reader asks whether the reader's wins exceed the model's by less than
    epsilon; with patients the test is between patients.

    Parameters
    ----------
    call : (n,) of 0, 1 or NaN
    reads : (n, J) of 0, 1 or NaN
    patients : (n,) labels, optional
    epsilon : float
        What a reader may be better by and still be replaced; 0.2 is the authors' choice for experts, a wide one.
    q : float
        False discovery rate.
    least : int
        Readers with fewer studies are not tested.

    Raises
    ------
    ValueError
        If shapes or values do not fit.
    """
    model, votes = np.asarray(call, dtype=np.float64), np.asarray(reads, dtype=np.float64)
    if model.ndim != 1 or votes.ndim != 2 or len(votes) != len(model) or votes.shape[1] < 2:
        raise ValueError(f"call must be (n,) and reads (n, J >= 2), not {model.shape} and {votes.shape}")
    for values in (model, votes):
        if not (np.isnan(values) | np.isin(values, (0, 1))).all():
            raise ValueError("calls and reads must be 0, 1 or NaN")
    codes, _ = patient_codes(patients, len(model))
    ones, made = (votes == 1).sum(axis=1), (~np.isnan(votes)).sum(axis=1)
    readers = votes.shape[1]
    p, model_wins, reader_wins = (np.full(readers, np.nan) for _ in range(3))
    n = np.zeros(readers, dtype=np.int64)
    for j, own in enumerate(votes.T):
        kept = ~np.isnan(own) & ~np.isnan(model) & (made > 1)
        n[j] = kept.sum()
        if n[j] < max(least, 2):
            continue
        x, f = own[kept], model[kept]
        others, abnormal = made[kept] - 1, ones[kept] - x
        ours = np.where(x == 1, abnormal, others - abnormal)
        its = np.where(f == 1, abnormal, others - abnormal)
        model_wins[j], reader_wins[j] = np.mean(its >= ours), np.mean(ours >= its)
        behind = (ours >= its).astype(np.float64) - (its >= ours)
        p[j] = _p_below(behind, codes[kept], epsilon)
    tested = ~np.isnan(p)
    rejected = np.zeros(readers, dtype=np.bool_)
    rejected[tested] = _benjamini_yekutieli(p[tested], q)
    count = int(tested.sum())
    rate = float(rejected.sum() / count) if count else float("nan")
    return AlternativeTest(
        winning_rate=rate,
        advantage=float(model_wins[tested].mean()) if count else float("nan"),
        model_wins=model_wins,
        reader_wins=reader_wins,
        p=p,
        rejected=rejected,
        n=n,
        tested=count,
        passed=count > 0 and rate >= 0.5,
        epsilon=epsilon,
        q=q,
    )


def _p_below(values: FloatArray, codes: NDArray[np.int64], bound: float) -> float:
    """One-sided p of H0: mean >= bound, from the spread between patients."""
    unit = np.unique(codes, return_inverse=True)[1]
    mean, n = float(values.mean()), len(values)
    away = np.bincount(unit, values - mean)
    units = len(away)
    if units < 2:
        return float("nan")
    se = float(np.sqrt(away @ away * units / (units - 1)) / n)
    if not se > 0:
        return 0.0 if mean < bound else 1.0
    return float(student.cdf((mean - bound) / se, units - 1))


def _benjamini_yekutieli(p: FloatArray, q: float) -> NDArray[np.bool_]:
    """Rejections at false discovery rate q under any dependence (Benjamini & Yekutieli 2001)."""
    m = len(p)
    out = np.zeros(m, dtype=np.bool_)
    order = np.argsort(p, kind="stable")
    places = np.arange(1, m + 1)
    below = np.flatnonzero(p[order] <= places * q / (m * (1 / places).sum()))
    if len(below):
        out[order[: below[-1] + 1]] = True
    return out
