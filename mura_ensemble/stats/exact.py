"""The bootstrap distribution of Cohen's kappa from a 2x2 table, computed instead of simulated.

Resampling n studies is drawing a table from Multinomial(n, table / n). Kappa sees such a table only through
three counts (Byrt, Bishop & Carlin 1993 write it with their shares): the discordant studies d = FN + FP, the
imbalance of the discordant k = |FN - FP| and of the concordant j = |TP - TN|,

    kappa = 1 - 2 n d / (n^2 - j^2 + k^2).

Here d is binomial and, given d, FN and TP are independent binomials. So the whole distribution is an outer
product per d, folded over the two signs: about a quarter of the tables, three operations each. Every integer
above is exact in floating point and the quotient correctly rounded: tied tables tie to the last bit.

Beyond some millions of tables the same sum runs over a regular sub-lattice of the three counts: cost stays flat
in n, still without a seed, and a quantile is off by far less than that of 100,000 draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from mura_ensemble.stats.quantiles import weighted_quantile

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MOST_TABLES = 4_000_000
_LATTICE_FINENESS = 8.0  # lattice points per standard deviation of each count, at least
_TABLE_OF_FACTORIALS = 100_000
_TINY = 1e-300


@dataclass(frozen=True)
class ExactBootstrap:
    """The bootstrap distribution of kappa for one 2x2 table.

    Resamples in which kappa is undefined (one class, one call) are left out and their probability kept in
    ``undefined_mass``; everything below is conditional on kappa being defined.

    Attributes
    ----------
    estimate
        Kappa of the table itself; NaN where undefined.
    values, probabilities
        (K,) kappas and their probabilities in the order of enumeration, with repeats; `support` sorts and
        merges them.
    missing_mass
        Probability of the tables that were not visited.
    undefined_mass
        Probability of the tables without a kappa.
    n
        Studies.
    method
        "exact": every table but ``missing_mass`` was visited; "lattice": a regular sub-lattice of them.
    """

    estimate: float
    values: FloatArray
    probabilities: FloatArray
    missing_mass: float
    undefined_mass: float
    n: int
    method: Literal["exact", "lattice"]

    def support(self) -> tuple[FloatArray, FloatArray]:
        """Sorted distinct kappas and their probabilities, which sum to 1 (both empty if always undefined)."""
        possible = self.probabilities > 0
        values, place = np.unique(self.values[possible], return_inverse=True)
        mass = np.bincount(place, self.probabilities[possible], len(values))
        return values, mass / self.probabilities.sum()

    def quantile(self, q: ArrayLike) -> FloatArray:
        """Smallest kappa whose cumulative probability reaches q; NaN where kappa is always undefined."""
        return weighted_quantile(self.values, self.probabilities, q)

    def midrank(self, kappa: float) -> float:
        """P(kappa* < kappa) + P(kappa* = kappa) / 2: the mid-p share below a value."""
        below = float(self.probabilities[self.values < kappa].sum())
        equal = float(self.probabilities[self.values == kappa].sum())
        total = float(self.probabilities.sum())
        return (below + equal / 2) / total if total > 0 else float("nan")

    @property
    def mean(self) -> float:
        """Mean of the distribution."""
        total = float(self.probabilities.sum())
        return float(self.values @ self.probabilities) / total if total > 0 else float("nan")

    @property
    def se(self) -> float:
        """Standard deviation of the distribution: the bootstrap standard error."""
        total = float(self.probabilities.sum())
        if total <= 0:
            return float("nan")
        return float(np.sqrt((self.values - self.mean) ** 2 @ self.probabilities / total))

    @property
    def bias(self) -> float:
        """Mean of the distribution minus the estimate."""
        return self.mean - self.estimate


def exact_bootstrap(table: ArrayLike, missing_mass: float = 1e-9) -> ExactBootstrap:
    """Enumerate the bootstrap distribution of kappa.

    Parameters
    ----------
    table
        (2, 2) whole counts [[TN, FP], [FN, TP]], at least one study.
    missing_mass
        Probability of the tables that may be skipped, in (0, 0.01].

    Returns
    -------
    ExactBootstrap
        Its ``missing_mass`` is what was really skipped.

    Raises
    ------
    ValueError
        If the table is not 2x2, empty, negative or fractional, or ``missing_mass`` is out of range.
    """
    counts = whole_counts(table)
    if not 0 < missing_mass <= 0.01:
        raise ValueError(f"missing_mass must lie in (0, 0.01], not {missing_mass}")
    values, probabilities, undefined, steps = enumerate_statistic(counts, kappa_statistic, missing_mass)
    (tn, fp), (fn, tp) = counts.tolist()
    undefined_here = fp + fn == 0 and tn * tp == 0
    squares = (np.array([[float(fn - fp) ** 2]]), np.array([[float(tp - tn) ** 2]]))
    n = tn + fp + fn + tp
    return ExactBootstrap(
        estimate=float("nan") if undefined_here else float(kappa_statistic(n, fp + fn, *squares).item()),
        values=values,
        probabilities=probabilities,
        missing_mass=max(0.0, 1.0 - float(probabilities.sum()) - undefined),
        undefined_mass=undefined,
        n=n,
        method="exact" if max(steps) == 1 else "lattice",
    )


class Statistic(Protocol):
    """A function of the counts n, d (whole numbers), k^2 and j^2 (broadcastable arrays); see the module."""

    def __call__(self, n: int, d: int, k_squared: FloatArray, j_squared: FloatArray, /) -> FloatArray:
        """Compute the statistic for every pair of squares."""
        ...  # a protocol has no body


def kappa_statistic(n: int, d: int, k_squared: FloatArray, j_squared: FloatArray, /) -> FloatArray:
    """Kappa from the three counts; with d = 0 it is 1 (`enumerate_statistic` removes the undefined case)."""
    if d == 0:
        return np.ones(np.broadcast_shapes(k_squared.shape, j_squared.shape))
    out: FloatArray = k_squared + (float(n) * n - j_squared)
    np.divide(2.0 * n * d, out, out=out)
    return np.subtract(1.0, out, out=out)


def enumerate_statistic(
    counts: IntArray, statistic: Statistic, missing_mass: float
) -> tuple[FloatArray, FloatArray, float, tuple[int, int, int]]:
    """Bootstrap distribution of a statistic of d, k^2 and j^2.

    Parameters
    ----------
    counts
        (2, 2) whole counts, at least one study.
    statistic
        What to compute from the three counts.
    missing_mass
        Probability of the tables that may be skipped.

    Returns
    -------
    tuple
        (K,) values, (K,) probabilities, the probability that kappa is undefined (those tables have probability 0
        here), and the lattice steps of d, k and j, all 1 when every table was visited.
    """
    (_, fp), (fn, tp) = counts.tolist()
    n, discordant = int(counts.sum()), fp + fn
    agree = n - discordant
    miss = fn / discordant if discordant else 0.5
    share = tp / agree if agree else 0.5
    spreads = [
        (n * (discordant / n) * (agree / n)) ** 0.5,
        (discordant * miss * (1 - miss)) ** 0.5,
        (agree * share * (1 - share)) ** 0.5,
    ]
    steps = _steps(spreads)
    log_factorial = _LogFactorial(n)
    # A sixth of the allowance for each tail of d and for each tail of the two counts given d.
    allowance = missing_mass / 6
    rows, mass = _discordant(n, discordant, steps[0], allowance, log_factorial)
    tail = np.minimum(allowance / (len(rows) * np.maximum(mass, _TINY)), 0.4)
    k_squared, k_mass = _folded_binomial(rows, miss, steps[1], tail, log_factorial)
    j_squared, j_mass = _folded_binomial(n - rows, share, steps[2], tail, log_factorial)
    sizes = [len(k) * len(j) for k, j in zip(k_mass, j_mass, strict=True)]
    values, probabilities = np.empty(sum(sizes)), np.empty(sum(sizes))
    undefined, at = 0.0, 0
    for row, d in enumerate(rows.tolist()):
        inside, shape = slice(at, at + sizes[row]), (len(k_mass[row]), len(j_mass[row]))
        at += sizes[row]
        np.multiply.outer(k_mass[row] * mass[row], j_mass[row], out=probabilities[inside].reshape(shape))
        values[inside].reshape(shape)[:] = statistic(n, d, k_squared[row][:, None], j_squared[row])
        if d == 0 and j_squared[row][-1] == float(n) * n:
            undefined, probabilities[at - 1] = float(probabilities[at - 1]), 0.0
    return values, probabilities, undefined, steps


def whole_counts(table: ArrayLike) -> IntArray:
    """Check that a table holds whole counts of at least one study.

    Parameters
    ----------
    table
        (2, 2) counts.

    Returns
    -------
    IntArray
        (2, 2) of the same counts.

    Raises
    ------
    ValueError
        If it is not 2x2, empty, negative or fractional.
    """
    counts = np.asarray(table, dtype=np.float64)
    if counts.shape != (2, 2) or not np.isfinite(counts).all() or (counts < 0).any() or not counts.sum() > 0:
        raise ValueError("table must be (2, 2) non-negative counts with at least one study")
    if (counts != np.rint(counts)).any():
        raise ValueError("table must hold whole counts: weighted studies have no exact bootstrap")
    return counts.astype(np.int64)


class _LogFactorial:
    """log k!; a table while n is modest, since looking up is ten times faster than the gamma function."""

    def __init__(self, n: int) -> None:
        self._table = gammaln(np.arange(1.0, n + 2)) if n <= _TABLE_OF_FACTORIALS else None

    def __call__(self, k: IntArray) -> FloatArray:
        out: FloatArray = gammaln(k + 1.0) if self._table is None else self._table[k]
        return out


def _steps(spreads: list[float]) -> tuple[int, int, int]:
    """Choose the lattice steps of the three counts: 1 while all tables can be visited, else odd to fold."""
    if np.prod([13.0 * spread + 1 for spread in spreads]) <= 4 * _MOST_TABLES:
        return 1, 1, 1
    first, second, third = (max(1, int(spread / _LATTICE_FINENESS)) for spread in spreads)
    return first, second - 1 + second % 2, third - 1 + third % 2


def _discordant(
    n: int, centre: int, step: int, allowance: float, log_factorial: _LogFactorial
) -> tuple[IntArray, FloatArray]:
    """List the counts of discordant studies worth visiting, and their probabilities (times the step)."""
    share = centre / n
    reach = _reach(n * share * (1 - share), allowance)
    first = max(centre - reach, centre % step)
    first += (centre - first) % step
    d = np.arange(first, min(centre + reach, n) + 1, step)
    log_mass = log_factorial(np.array(n)) - log_factorial(d) - log_factorial(n - d)
    log_mass = log_mass + d * np.log(max(share, _TINY)) + (n - d) * np.log(max(1 - share, _TINY))
    mass = step * np.exp(log_mass)
    keep = (np.cumsum(mass) >= allowance) & (np.cumsum(mass[::-1])[::-1] >= allowance)
    return d[keep], mass[keep]


def _folded_binomial(
    totals: IntArray, share: float, step: int, tail: FloatArray, log_factorial: _LogFactorial
) -> tuple[list[FloatArray], list[FloatArray]]:
    """|2 X - m| for X ~ Binomial(m, share), for every m in totals: values squared, and their probabilities.

    Values have the parity of m; with an odd step h the lattice 0, 2h, 4h... or h, 3h, 5h... is its own mirror
    image, so both signs fall on it. ``tail`` is the mass each end of each row may lose.
    """
    m = totals[:, None]
    centre = abs(2 * share - 1) * totals
    reach = 2 * _reach(totals.max() * share * (1 - share), float(tail.min()))
    first = np.maximum(0, (centre - reach) // (2 * step)).astype(np.int64)
    width = int(reach / step) + 2
    value = 2 * step * (first[:, None] + np.arange(width)) + step * (m % 2)
    possible = value <= m
    value = np.where(possible, value, m)
    more, fewer = (m + value) // 2, (m - value) // 2
    log_ways = log_factorial(m) - log_factorial(more) - log_factorial(fewer)
    log_hit, log_miss = np.log(max(share, _TINY)), np.log(max(1 - share, _TINY))
    mass = np.exp(log_ways + more * log_hit + fewer * log_miss)
    mass += np.where(value > 0, np.exp(log_ways + more * log_miss + fewer * log_hit), 0.0)
    mass *= step * possible
    start = (np.cumsum(mass, axis=1) < tail[:, None]).sum(axis=1)
    stop = width - (np.cumsum(mass[:, ::-1], axis=1) < tail[:, None]).sum(axis=1)
    squares = value.astype(np.float64) ** 2
    windows = list(zip(start.tolist(), stop.tolist(), strict=True))
    return (
        [row[a:b] for row, (a, b) in zip(squares, windows, strict=True)],
        [row[a:b] for row, (a, b) in zip(mass, windows, strict=True)],
    )


def _reach(variance: float, tail: float) -> int:
    """Bound how far a binomial strays from its mean but with probability ``tail`` (Bernstein's inequality)."""
    log_odds = -np.log(max(tail, _TINY))
    return int(np.ceil(log_odds / 3 + np.sqrt(log_odds**2 / 9 + 2 * log_odds * variance))) + 1
