"""Adjusted p-values for many comparisons: Holm, Benjamini-Hochberg and step-down max-T from joint resamples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mura_ensemble.stats.division import ratio

FloatArray = NDArray[np.float64]


def holm(p: ArrayLike) -> FloatArray:
    """Holm's adjusted p-values (1979 Scand J Stat 6:65): any error among all claims at most alpha.

    Parameters
    ----------
    p : (P,) in [0, 1] or NaN
        A NaN p is no test: it stays NaN and is not counted.

    Returns
    -------
    (P,) adjusted p-values, in the order given.

    Raises
    ------
    ValueError
        If a p lies outside [0, 1].
    """
    tests, values, out = _ordered(p)
    falling = np.arange(len(values), 0, -1)
    out[tests] = np.minimum(1.0, np.maximum.accumulate(values * falling))
    return out


def benjamini_hochberg(p: ArrayLike) -> FloatArray:
    """Benjamini and Hochberg's adjusted p-values (1995 JRSS B 57:289): the expected share of false claims.

    Parameters, returns and errors as in `holm`.
    """
    tests, values, out = _ordered(p)
    rank = np.arange(1, len(values) + 1)
    scaled = values * len(values) / rank
    out[tests] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return out


def max_t(estimate: ArrayLike, draws: ArrayLike) -> FloatArray:
    """Step-down max-T adjusted p-values of H0: difference = 0, two-sided, from joint resamples.

    Parameters
    ----------
    estimate : (P,)
        Differences; NaN is no test.
    draws : (B, P)
        Their joint bootstrap draws, e.g. `Differences.draws(group)`; NaN where undefined.

    Returns
    -------
    (P,)
        Adjusted p-values; any error among all claims at most alpha, using how strongly the comparisons depend on
        each other. A difference that is 0 in every resample gets 1.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    t = abs(estimate) / SD of draws; its null distribution is that of abs(draws - estimate) / SD. From the largest
    t down, p = (1 + #{max over the comparisons not yet passed >= t}) / (1 + B), made non-decreasing (Westfall &
    Young 1993; Romano & Wolf 2005 Econometrica 73:1237).

    Draws of the plain bootstrap spread too little in a small study. Measured for all pairs of six raters of equal kappa
    (1,500 resamples, alpha .05): some false claim in about 22 % of studies of 15 patients, 10 to 13 % of 30, 11 % of 50,
    and no more than promised at 207. Below 100 patients prefer `holm` of the exact p of `swaps.swap_p`.
    """
    centre, joint = _with_draws(estimate, draws)
    out = np.full(len(centre), np.nan)
    tests = np.flatnonzero(~np.isnan(centre))
    if not len(tests):
        return out
    away = np.abs(joint[:, tests] - centre[tests])
    undefined = np.isnan(away)
    away[undefined] = 0.0
    spread = np.sqrt((away**2).sum(axis=0) / np.maximum(len(away) - undefined.sum(axis=0), 1))
    varies = spread > 0
    away[:, varies] /= spread[varies]
    t = np.where(varies, np.abs(centre[tests]), 0.0) / np.where(varies, spread, 1.0)
    order = np.argsort(t, kind="stable")
    highest = np.maximum.accumulate(away[:, order], axis=1)  # over each test and those with smaller t
    p = (1 + (highest >= t[order]).sum(axis=0)) / (1 + len(away))
    p = np.maximum.accumulate(p[::-1])[::-1]
    out[tests[order]] = p
    return out


def simultaneous_limits(
    estimate: ArrayLike, draws: ArrayLike, *, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Max-T limits (P,) and (P,) that hold for all differences at once, from joint resamples.

    Parameters
    ----------
    estimate : (P,)
        Differences; NaN has no limits.
    draws : (B, P)
        Their joint bootstrap draws; NaN where undefined.
    level : float in (0, 1)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    estimate +- c * SD of its draws, c being the quantile of the largest abs(draw - estimate) / SD. A difference that is
    the same in every draw has NaN limits.
    """
    centre, joint = _with_draws(estimate, draws)
    away = joint - centre
    spread = np.sqrt(ratio(np.nansum(away**2, axis=0), (~np.isnan(away)).sum(axis=0)))
    largest = np.nan_to_num(np.abs(ratio(away, spread))).max(axis=1, initial=0.0)
    reach = float(np.quantile(largest, level)) * np.where(spread > 0, spread, np.nan)
    return centre - reach, centre + reach


def _with_draws(estimate: ArrayLike, draws: ArrayLike) -> tuple[FloatArray, FloatArray]:
    centre, joint = np.asarray(estimate, dtype=np.float64), np.asarray(draws, dtype=np.float64)
    if centre.ndim != 1 or joint.ndim != 2 or joint.shape[1] != len(centre):
        raise ValueError(f"estimate must be (P,) and draws (B, P), found {centre.shape} and {joint.shape}.")
    return centre, joint


def _ordered(p: ArrayLike) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """Places and values of the tests in rising order of p, and the vector to fill."""
    values = np.asarray(p, dtype=np.float64)
    tests = np.flatnonzero(~np.isnan(values))
    if values.ndim != 1 or np.any((values[tests] < 0) | (values[tests] > 1)):
        raise ValueError("p must be a vector of values in [0, 1] or NaN.")
    tests = tests[np.argsort(values[tests], kind="stable")]
    return tests, values[tests], np.full(len(values), np.nan)
