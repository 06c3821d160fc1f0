"""From one kappa and its published limits, at full precision, back to the number of rows and the 2x2 table.

The slip of the evaluator (`legacy_interval`) prints the variance itself, and kappa and its variance together
fix two sums: with v the half width over 1.96 and q = v / (1 - kappa)^2,

    errors            e = n / (1 + n q)
    chance term       n^2 (1 - pe) = n e / (1 - kappa) = P (n - m) + (n - P) m

for n rows, P of them abnormal and m called abnormal. Both are integers only for the right n (and a few
accidents), and with e they leave a handful of (P, m).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.published.tables.legacy import LEGACY_Z, legacy_interval

__all__ = ["REPRODUCES", "row_counts_from_limits", "tables_from_limits"]

REPRODUCES = 1e-9
"""A table counts as recovered only if it gives kappa and both limits to this absolute accuracy."""

_INTEGER = 1e-6  # published doubles carry the integers to about 1e-11; accidents are met at 1e-3 and above


def row_counts_from_limits(kappa: float, lower: float, upper: float, max_rows: int) -> NDArray[np.int64]:
    """List every number of rows n for which some table gives this kappa and these limits.

    Parameters
    ----------
    kappa, lower, upper
        As the evaluator wrote them, at full (double) precision.
    max_rows
        Largest n tried.

    Returns
    -------
    NDArray
        Increasing n. A perfect kappa (1, limits 1 and 1) fits every n from 2 on.
    """
    n = np.arange(2, max_rows + 1, dtype=np.int64)
    errors, chance = _sums(kappa, lower, upper, n)
    if kappa == 1:
        return n if lower == upper == 1 else n[:0]
    integral = (np.abs(errors - np.rint(errors)) < _INTEGER) & (np.abs(chance - np.rint(chance)) < _INTEGER)
    # Two integers may meet by accident; only a real table settles it.
    fits = [count for count in n[integral] if len(tables_from_limits(kappa, lower, upper, int(count)))]
    return np.asarray(fits, dtype=np.int64)


def tables_from_limits(kappa: float, lower: float, upper: float, n: int) -> NDArray[np.int64]:
    """List every 2x2 table of n rows that gives this kappa and these limits.

    Parameters
    ----------
    kappa, lower, upper
        As the evaluator wrote them, at full (double) precision.
    n
        Number of rows.

    Returns
    -------
    NDArray
        (S, 2, 2) counts [[TN, FP], [FN, TP]], each giving all three numbers to `REPRODUCES`. Tables come in
        families: swapping the classes, or gold and call, changes neither kappa nor its limits.
    """
    if kappa == 1:
        positives = np.arange(1, n)
        called, errors = positives, 0
    else:
        error_sum, chance_sum = _sums(kappa, lower, upper, np.asarray([n]))
        errors, chance = int(np.rint(error_sum[0])), int(np.rint(chance_sum[0]))
        # P and m are the roots of x^2 - s x + p with s = P + m, and chance = n s - 2 p; s - e = 2 TP.
        total = np.arange(errors, 2 * n - errors + 1, 2)
        product, odd = np.divmod(n * total - chance, 2)
        square = total * total - 4 * product
        root = np.rint(np.sqrt(np.maximum(square, 0))).astype(np.int64)
        whole = (odd == 0) & (square >= 0) & (root * root == square)
        low, high = (total - root)[whole] // 2, (total + root)[whole] // 2
        pairs = np.unique(
            np.concatenate([np.stack([low, high], axis=1), np.stack([high, low], axis=1)]), axis=0
        )
        positives, called = pairs[:, 0], pairs[:, 1]
    tp = (positives + called - errors) // 2
    fn, fp = positives - tp, called - tp
    tables = np.stack([n - tp - fn - fp, fp, fn, tp], axis=-1).reshape(-1, 2, 2).astype(np.int64)
    tables = tables[(tables >= 0).all(axis=(1, 2))]
    return tables[reproduces(tables, kappa, lower, upper)]


def reproduces(tables: NDArray[np.int64], kappa: float, lower: float, upper: float) -> NDArray[np.bool_]:
    """Tell which tables (..., 2, 2) give kappa and both limits to `REPRODUCES`."""
    made = legacy_interval(tables)
    off = np.abs(np.stack([made.kappa - kappa, made.lower - lower, made.upper - upper]))
    return np.asarray((off < REPRODUCES).all(axis=0))  # NaN compares false: undefined reproduces nothing


def _sums(
    kappa: float, lower: float, upper: float, n: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if kappa == 1:
        return np.zeros(len(n)), np.zeros(len(n))
    ratio = (upper - lower) / 2 / LEGACY_Z / (1 - kappa) ** 2
    errors = n / (1 + n * ratio)
    return errors, n * np.rint(errors) / (1 - kappa)
