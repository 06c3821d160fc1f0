"""How often an interval for kappa really holds the truth: by enumeration where possible, else by simulation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.stats.kappa.cohen import cohen_kappa
from mura_ensemble.stats.kappa.enumeration import walk_tables
from mura_ensemble.stats.kappa.intervals import Kind, kappa_intervals

FloatArray = NDArray[np.float64]
Rule = Callable[[FloatArray, float], tuple[FloatArray, FloatArray]]

_MOST_CLASSES = 100_000


@dataclass(frozen=True)
class CoverageResult:
    """Coverage of one rule at one truth. Shares are among tables with a defined kappa.

    Attributes
    ----------
    n, kappa, prevalence, bias, level
        The truth and the nominal level.
    coverage
        Share of tables whose interval holds the true kappa. An interval that is NaN does not.
    above, below
        Share of intervals lying entirely above (below) the truth: claims of too much (too little) agreement.
    width
        Mean width of the interval.
    undefined
        Probability of a table without kappa, left out of the shares.
    missing_mass
        Probability of the tables not enumerated; 0 when simulated.
    standard_error
        Monte-Carlo standard error of ``coverage``; 0 when enumerated.
    tables
        Distinct tables looked at.
    """

    n: int
    kappa: float
    prevalence: float
    bias: float
    level: float
    coverage: float
    above: float
    below: float
    width: float
    undefined: float
    missing_mass: float
    standard_error: float
    tables: int


def cell_probabilities(kappa: float, prevalence: float, bias: float = 0.0) -> FloatArray:
    """Cell probabilities with a given kappa, prevalence and bias.

    With gold prevalence p and rater rate p + bias, expected agreement is p (p + bias) + (1 - p) (1 - p - bias);
    kappa gives the observed agreement, and the bias splits the disagreement: FP - FN = bias.

    Parameters
    ----------
    kappa
        True kappa in [-1, 1].
    prevalence
        Share of abnormal studies, in (0, 1).
    bias
        Share the rater calls abnormal minus ``prevalence``.

    Returns
    -------
    FloatArray
        (2, 2) probabilities [gold, call].

    Raises
    ------
    ValueError
        If no table has these three.
    """
    rate = prevalence + bias
    chance = prevalence * (1 - rate) + (1 - prevalence) * rate
    apart = (1 - kappa) * chance
    fp, fn = (apart + bias) / 2, (apart - bias) / 2
    shares = np.array([[1 - prevalence - fp, fp], [fn, prevalence - fn]])
    if not (0 < prevalence < 1 and 0 < rate < 1) or (shares < -1e-12).any():
        raise ValueError(f"no table has kappa {kappa:g}, prevalence {prevalence:g} and bias {bias:g}")
    clipped = np.maximum(shares, 0.0)
    return np.asarray(clipped / clipped.sum())


def coverage(
    kind: Kind | Rule,
    n: int,
    kappa: float,
    prevalence: float,
    bias: float = 0.0,
    level: float = 0.95,
    *,
    missing_mass: float = 1e-7,
    simulations: int = 10_000,
    rng: np.random.Generator | int = 0,
) -> CoverageResult:
    """Coverage of an interval for kappa when n studies are drawn from a known truth.

    All tables of non-negligible probability are enumerated, one per symmetry class (relabelling 0 and 1, or
    swapping gold and rater, changes no interval); beyond 100,000 classes tables are simulated.

    Parameters
    ----------
    kind
        A kind of `kappa_intervals`, or a rule ``(tables (T, 2, 2), level) -> (low, high)`` such as those of
        `limits`, to measure an interval without our guards. A rule must treat symmetric tables alike.
    n
        Studies.
    kappa, prevalence, bias
        The truth, see `cell_probabilities`.
    level
        Nominal level in (0, 1).
    missing_mass
        Probability of the tables that may be skipped.
    simulations
        Tables drawn where enumeration is too long.
    rng
        Seed or generator for those, and for "dirichlet".

    Returns
    -------
    CoverageResult

    Raises
    ------
    ValueError
        If no table has the given kappa, prevalence and bias.
    """
    shares = cell_probabilities(kappa, prevalence, bias)
    walk = walk_tables(n, shares, missing_mass)
    enumerated = max(walk.steps) == 1 and len(walk) <= _MOST_CLASSES
    if enumerated:
        tables, mass = walk.tables(), walk.probabilities()
    else:
        draws = np.random.default_rng(rng).multinomial(n, shares.ravel(), simulations)
        distinct, times = np.unique(draws, axis=0, return_counts=True)
        tables, mass = distinct.reshape(-1, 2, 2).astype(np.float64), times / simulations
    missing = max(0.0, 1.0 - float(mass.sum()))
    defined = ~np.isnan(cohen_kappa(tables))
    undefined = float(mass[~defined].sum())
    tables, mass = tables[defined], mass[defined]
    if callable(kind):
        low, high = kind(tables, level)
    else:
        intervals = kappa_intervals(tables, kind, level, rng=rng)
        low, high = intervals.low, intervals.high
    share = mass / mass.sum()
    # A limit that equals the truth up to rounding holds it.
    above, below = low > kappa + 1e-12, high < kappa - 1e-12
    known = ~(np.isnan(low) | np.isnan(high))
    held = float(share[known & ~above & ~below].sum())
    width = np.clip(high, -1, 1) - np.clip(low, -1, 1)
    return CoverageResult(
        n=n,
        kappa=kappa,
        prevalence=prevalence,
        bias=bias,
        level=level,
        coverage=held,
        above=float(share[above].sum()),
        below=float(share[below].sum()),
        width=float((share[known] * width[known]).sum() / share[known].sum()),
        undefined=undefined,
        missing_mass=missing if enumerated else 0.0,
        standard_error=0.0 if enumerated else float(np.sqrt(held * (1 - held) / simulations)),
        tables=len(tables),
    )
