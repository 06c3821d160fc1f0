"""The bootstrap distribution of Cohen's kappa from a 2x2 table, computed instead of simulated.

Resampling n studies is drawing a table from Multinomial(n, table / n); `enumeration` lists those tables. There is
no seed and no Monte-Carlo error: 34,000 table classes at n = 207, 870,000 at n = 1,199.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mura_ensemble.stats.kappa.enumeration import walk_tables
from mura_ensemble.stats.kappa.quantiles import weighted_quantile

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class ExactBootstrap:
    """The bootstrap distribution of kappa for one 2x2 table.

    Resamples in which kappa is undefined (one class, one call) are left out and their probability kept in
    ``undefined_mass``; everything below is conditional on kappa being defined, NaN if it never is.

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
        """Smallest kappa whose cumulative probability reaches q."""
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
    counts = _whole_counts(table)
    if not 0 < missing_mass <= 0.01:
        raise ValueError(f"missing_mass must lie in (0, 0.01], not {missing_mass}")
    n = int(counts.sum())
    walk = walk_tables(n, counts / n, missing_mass)
    values, probabilities = walk.evaluate(kappa_of_counts), walk.probabilities()
    missing = max(0.0, 1.0 - float(probabilities.sum()))
    undefined = 0.0
    if walk.d[0] == 0:
        defined = ~np.isnan(values)
        undefined = float(probabilities[~defined].sum())
        values, probabilities = values[defined], probabilities[defined]
    (tn, fp), (fn, tp) = counts.tolist()
    return ExactBootstrap(
        estimate=float(kappa_of_counts(n, fp + fn, np.array((fn - fp) ** 2.0), np.array((tp - tn) ** 2.0))),
        values=values,
        probabilities=probabilities,
        missing_mass=missing,
        undefined_mass=undefined,
        n=n,
        method="exact" if max(walk.steps) == 1 else "lattice",
    )


def kappa_of_counts(n: int, d: int, k_squared: FloatArray, j_squared: FloatArray, /) -> FloatArray:
    """Kappa from the discordant studies d and the squared imbalances k and j of `enumeration`.

    Parameters
    ----------
    n, d
        Studies, and those discordant.
    k_squared, j_squared
        (FN - FP)^2 and (TP - TN)^2, broadcastable.

    Returns
    -------
    FloatArray
        Kappas; NaN where no study is discordant and all are of one class.
    """
    square = float(n) * n
    if d == 0:
        return np.where(j_squared + 0 * k_squared < square, 1.0, np.nan)
    out: FloatArray = np.asarray(k_squared + (square - j_squared))
    np.divide(2.0 * n * d, out, out=out)
    np.subtract(1.0, out, out=out)
    return out


def _whole_counts(table: ArrayLike) -> IntArray:
    counts = np.asarray(table, dtype=np.float64)
    if counts.shape != (2, 2) or not np.isfinite(counts).all() or (counts < 0).any() or not counts.sum() > 0:
        raise ValueError("table must be (2, 2) non-negative counts with at least one study")
    if (counts != np.rint(counts)).any():
        raise ValueError("table must hold whole counts: weighted studies have no exact bootstrap")
    return counts.astype(np.int64)
