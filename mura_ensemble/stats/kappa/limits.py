"""The raw rules for confidence limits of kappa, as the literature and other tools state them.

Each takes tables (..., 2, 2) and a level and returns (low, high), unclipped and with all their failures: zero
width for a perfect table, limits beyond 1. `intervals` is the guarded way to use them; `coverage` measures both.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from mura_ensemble.stats.kappa.cohen import cohen_kappa, kappa_variance
from mura_ensemble.stats.kappa.enumeration import walk_tables
from mura_ensemble.stats.kappa.exact import exact_bootstrap, kappa_of_counts
from mura_ensemble.stats.kappa.quantiles import weighted_quantile

FloatArray = NDArray[np.float64]
Limits = tuple[FloatArray, FloatArray]

_POSTERIOR_DRAWS = 20_000
_MISSING_MASS = 1e-9


def wald_limits(tables: ArrayLike, level: float = 0.95, *, pseudo: float = 0.0) -> Limits:
    """Kappa plus and minus z standard errors (Fleiss, Cohen & Everitt 1969).

    Parameters
    ----------
    tables
        (..., 2, 2) counts [gold, call].
    level
        Confidence level in (0, 1).
    pseudo
        Studies added to every cell first: 1 is "add-one", 0.5 "add-half" (after Agresti & Coull 1998).

    Returns
    -------
    Limits
        (...) low and high; NaN where kappa is undefined.
    """
    counts = np.asarray(tables, dtype=np.float64) + pseudo
    centre, half = cohen_kappa(counts), _z(level) * np.sqrt(kappa_variance(counts))
    return centre - half, centre + half


def logit_limits(tables: ArrayLike, level: float = 0.95) -> Limits:
    """Wald limits on the logit of (1 + kappa) / 2, which is twice Fisher's z of kappa, carried back.

    Parameters
    ----------
    tables
        (..., 2, 2) counts [gold, call].
    level
        Confidence level in (0, 1).

    Returns
    -------
    Limits
        (...) low and high inside (-1, 1); NaN where kappa is undefined or +-1.
    """
    kappa = cohen_kappa(tables)
    inside = np.abs(kappa) < 1
    slope = np.divide(1.0, 1 - kappa**2, out=np.full(kappa.shape, np.nan), where=inside)
    centre = np.arctanh(kappa, out=np.full(kappa.shape, np.nan), where=inside)
    half = _z(level) * np.sqrt(kappa_variance(tables)) * slope
    return np.tanh(centre - half), np.tanh(centre + half)


def percentile_limits(tables: ArrayLike, level: float = 0.95) -> Limits:
    """Quantiles of the exact bootstrap distribution (Efron 1979).

    Parameters
    ----------
    tables
        (..., 2, 2) whole counts [gold, call].
    level
        Confidence level in (0, 1).

    Returns
    -------
    Limits
        (...) low and high; NaN where kappa is always undefined.
    """

    def limits(table: FloatArray) -> FloatArray:
        return exact_bootstrap(table, _MISSING_MASS).quantile(_tails(level))

    return _each(limits, tables)


def basic_limits(tables: ArrayLike, level: float = 0.95) -> Limits:
    """Reflect the percentile limits about the estimate (Davison & Hinkley 1997, eq. 5.6); may pass 1.

    Parameters
    ----------
    tables
        (..., 2, 2) whole counts [gold, call].
    level
        Confidence level in (0, 1).

    Returns
    -------
    Limits
        (...) low and high; NaN where kappa is undefined.
    """
    low, high = percentile_limits(tables, level)
    twice = 2 * cohen_kappa(tables)
    return twice - high, twice - low


def bca_limits(tables: ArrayLike, level: float = 0.95) -> Limits:
    """Bias-corrected and accelerated limits (Efron 1987) of the exact bootstrap distribution.

    The bias correction counts half of the resamples that tie with the estimate (mid-p); the acceleration comes
    from the jackknife, which for a 2x2 table has four distinct values.

    Parameters
    ----------
    tables
        (..., 2, 2) whole counts [gold, call].
    level
        Confidence level in (0, 1).

    Returns
    -------
    Limits
        (...) low and high; NaN where the jackknife does not vary or kappa is undefined.
    """

    def limits(table: FloatArray) -> FloatArray:
        speed = float(acceleration(table))
        if np.isnan(speed):
            return np.full(2, np.nan)
        boot = exact_bootstrap(table, _MISSING_MASS)
        shift = float(ndtri(boot.midrank(boot.estimate)))
        score = shift + ndtri(_tails(level))
        return boot.quantile(ndtr(shift + score / (1 - speed * score)))

    return _each(limits, tables)


def studentized_limits(tables: ArrayLike, level: float = 0.95) -> Limits:
    """Bootstrap-t limits (Efron 1982): quantiles of (kappa* - kappa) / se*, computed exactly.

    A resample without spread (a perfect one) has an infinite t: where those are frequent the lower limit is -inf.

    Parameters
    ----------
    tables
        (..., 2, 2) whole counts [gold, call].
    level
        Confidence level in (0, 1).

    Returns
    -------
    Limits
        (...) low and high, possibly infinite; NaN where kappa is undefined or its standard error zero.
    """

    def limits(table: FloatArray) -> FloatArray:
        kappa, se = float(cohen_kappa(table)), float(np.sqrt(kappa_variance(table)))
        if not se > 0:
            return np.full(2, np.nan)

        # The arctangent keeps the order and makes room for infinite t.
        def angle(n: int, d: int, k_squared: FloatArray, j_squared: FloatArray, /) -> FloatArray:
            away = kappa_of_counts(n, d, k_squared, j_squared) - kappa
            out: FloatArray = np.arctan2(away, np.sqrt(_variance_of_counts(n, d, k_squared, j_squared)))
            return out

        n = int(table.sum())
        walk = walk_tables(n, table / n, _MISSING_MASS)
        values, mass = walk.evaluate(angle), walk.probabilities()
        defined = ~np.isnan(values)
        values, mass = values[defined], mass[defined]
        quantiles = weighted_quantile(values, mass, _tails(level))[::-1]
        t = np.where(np.abs(quantiles) > 1.5707963, np.copysign(np.inf, quantiles), np.tan(quantiles))
        out: FloatArray = kappa - t * se
        return out

    return _each(limits, tables)


def dirichlet_limits(
    tables: ArrayLike, level: float = 0.95, *, alpha: float = 0.5, rng: np.random.Generator | int = 0
) -> Limits:
    """Equal-tailed limits of the posterior of kappa under a Dirichlet(alpha) prior on the four cells.

    The table is the only thing that decides the digits: every table draws from the same seed.

    Parameters
    ----------
    tables
        (..., 2, 2) counts [gold, call].
    level
        Posterior probability in (0, 1).
    alpha
        Prior studies per cell; 0.5 is Jeffreys' prior.
    rng
        Seed, or a generator that gives one.

    Returns
    -------
    Limits
        (...) low and high, finite for every table.

    Raises
    ------
    ValueError
        If alpha is not positive.
    """
    if not alpha > 0:
        raise ValueError(f"alpha must be positive, not {alpha}")
    seed = int(rng.integers(2**63)) if isinstance(rng, np.random.Generator) else rng

    def limits(table: FloatArray) -> FloatArray:
        shares = np.random.default_rng(seed).standard_gamma(table.ravel() + alpha, (_POSTERIOR_DRAWS, 4))
        return np.asarray(np.quantile(cohen_kappa(shares.reshape(-1, 2, 2)), _tails(level)))

    return _each(limits, tables)


def acceleration(tables: ArrayLike) -> FloatArray:
    """Acceleration of kappa by the jackknife: sum(u^3) / (6 sum(u^2)^1.5), u = mean - leave-one-out kappa.

    Parameters
    ----------
    tables
        (..., 2, 2) whole counts [gold, call].

    Returns
    -------
    FloatArray
        (...) accelerations; NaN where leaving one out changes nothing. Studies whose removal makes kappa undefined
        are left out.
    """
    counts = np.asarray(tables, dtype=np.float64)
    cells = counts.reshape(*counts.shape[:-2], 4)
    without = cells[..., None, :] - np.eye(4)
    kappas = cohen_kappa(np.where(cells[..., None] > 0, without, 0.0).reshape(*cells.shape, 2, 2))
    weights = np.where(np.isnan(kappas), 0.0, cells)
    kappas = np.where(np.isnan(kappas), 0.0, kappas)
    total = np.maximum(weights.sum(axis=-1, keepdims=True), 1.0)
    away = (weights * kappas).sum(axis=-1, keepdims=True) / total - kappas
    squares, cubes = (weights * away**2).sum(axis=-1), (weights * away**3).sum(axis=-1)
    varies = squares > 1e-20
    out = np.full(squares.shape, np.nan)
    np.divide(cubes, 6 * np.where(varies, squares, 1.0) ** 1.5, out=out, where=varies)
    return out


def _variance_of_counts(n: int, d: int, k_squared: FloatArray, j_squared: FloatArray) -> FloatArray:
    """Fleiss-Cohen-Everitt variance of kappa in terms of d, k and j; `cell_influence` written out."""
    if d == 0:
        return np.zeros(np.broadcast_shapes(k_squared.shape, j_squared.shape))
    apart, prevalence, bias = d / n, j_squared / n**2, k_squared / n**2
    u = 2 / (1 - prevalence + bias)
    gain, loss = u - 1, apart * u - 1 - apart
    agreeing = apart**2 * ((1 - apart) * (gain**2 + prevalence * u**2) - 2 * prevalence * u * gain)
    disagreeing = apart * (loss**2 + apart**2 * bias * u**2) + 2 * bias * apart * u * loss
    out: FloatArray = np.maximum(u**2 * (agreeing + disagreeing), 0.0) / n
    return out


def _each(rule: Callable[[FloatArray], FloatArray], tables: ArrayLike) -> Limits:
    """Apply a rule to every table; equal tables are computed once, empty ones have no limits."""
    counts = np.asarray(tables, dtype=np.float64)
    distinct, place = np.unique(counts.reshape(-1, 4), axis=0, return_inverse=True)
    limits = np.full((len(distinct), 2), np.nan)
    for index, table in enumerate(distinct):
        if table.any():
            limits[index] = rule(table.reshape(2, 2))
    both = limits[place.ravel()].reshape(*counts.shape[:-2], 2)
    return both[..., 0], both[..., 1]


def _tails(level: float) -> FloatArray:
    return np.array([(1 - level) / 2, (1 + level) / 2])


def _z(level: float) -> float:
    return float(ndtri((1 + level) / 2))
