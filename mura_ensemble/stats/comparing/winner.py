"""The winner's curse: the best of many estimates is too good; what to report for it instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_ndtr

from mura_ensemble.stats.resampling.draws import square_root

FloatArray = NDArray[np.float64]

_REACH = 60.0  # standard errors from the winner beyond which a limit is no limit


@dataclass(frozen=True)
class ShrunkEstimates:
    """Empirical-Bayes estimates of R raters.

    Attributes
    ----------
    mean, sd : (R,)
        Posterior means and standard deviations; the mean of the best is its corrected estimate.
    centre, spread : float
        Mean and standard deviation (tau) of the raters' true values; tau 0 = all differences may be noise.
    """

    mean: FloatArray
    sd: FloatArray
    centre: float
    spread: float


@dataclass(frozen=True)
class WinnerInterval:
    """Inference on the true value of the rater with the highest estimate, given that it was the highest.

    Attributes
    ----------
    winner : int
        Its index; the first where several share the maximum.
    estimate : float
        Its estimate, biased upwards.
    low, high : float
        Locally simultaneous limits, the ones to report: simultaneous over the raters that could have won.
    rivals : (R,) bool
        The raters that could have won, the winner among them.
    conditional, conditional_low, conditional_high : float
        Median-unbiased estimate and limits given who won; infinite where the race was too close to tell, NaN where
        the maximum is shared.
    hybrid, hybrid_low, hybrid_high : float
        The same, held inside simultaneous limits at a tenth of the error; NaN where the maximum is shared.
    projection_low, projection_high : float
        Simultaneous limits for all raters: valid for whoever wins, wide.
    level : float
    """

    winner: int
    estimate: float
    low: float
    high: float
    rivals: NDArray[np.bool_]
    conditional: float
    conditional_low: float
    conditional_high: float
    hybrid: float
    hybrid_low: float
    hybrid_high: float
    projection_low: float
    projection_high: float
    level: float


def equicorrelated_covariance(standard_error: ArrayLike, correlation: float) -> FloatArray:
    """Covariance (R, R) of estimates with standard errors (R,) whose errors all correlate by `correlation`.

    Raters of the same studies share their hard ones; between published networks 0.3 to 0.7 is usual.

    Raises
    ------
    ValueError
        If the correlation lies outside [0, 1].
    """
    if not 0 <= correlation <= 1:
        raise ValueError(f"correlation must lie in [0, 1], not {correlation}.")
    se = np.asarray(standard_error, dtype=np.float64)
    return np.asarray(correlation * np.outer(se, se) + (1 - correlation) * np.diag(se**2))


def empirical_bayes(
    estimate: ArrayLike, covariance: ArrayLike, *, known_covariance: bool = False
) -> ShrunkEstimates:
    """Shrink estimates towards their centre by as much as their noise explains their spread.

    Parameters
    ----------
    estimate : (R,)
        Estimates.
    covariance : (R, R)
        Their covariance; what errors share cancels between raters, so correlated errors mean less shrinkage.
    known_covariance : bool
        Take it as it is. By default it counts as estimated from the same studies, and every rater gets the
        root-mean-square standard error; correlations stay.

    Notes
    -----
    The standard error of kappa falls as kappa rises. Taken at its estimate, it makes lucky raters look precise, and
    where errors also correlate the generalised mean can leave the range of the data (in 6 % of the simulations).
    Mean squared error x 1e4 over 2,000 boards of 20 raters (true kappas N(0.75, 0.04^2), 207 studies, error
    correlation 0.7, standard error sqrt((1 - kappa^2) / n)): unshrunk 20.3, each its own standard error 55.3 (worse
    than nothing), one for all 18.8.

    The raters are exchangeable to the prior: a clear winner is drawn towards the others like anybody else, that is
    too far. `winner_interval` has no such prior.

    theta ~ N(mu, tau^2 I), estimate ~ N(theta, Sigma); tau by restricted maximum likelihood, mu by generalised
    least squares; with equal standard errors s and correlation r differences shrink by
    tau^2 / (tau^2 + s^2 (1 - r)) (Efron & Morris 1975 JASA 70:311). The uncertainty of mu is in `sd`, that of tau
    is not.

    Raises
    ------
    ValueError
        If fewer than three estimates are given or the shapes do not fit.
    """
    x, sigma = _checked(estimate, covariance)
    if len(x) < 3:
        raise ValueError("At least three estimates are needed to tell their spread from their noise.")
    if not known_covariance:
        variance = np.diag(sigma)
        sigma = sigma / np.sqrt(np.outer(variance, variance)) * variance.mean()
    noise, vectors = np.linalg.eigh(sigma)
    noise = np.maximum(noise, 0.0)
    turned, ones = vectors.T @ x, vectors.sum(axis=0)

    def loss(tau: float) -> float:
        variance = np.maximum(noise + tau**2, 1e-300)
        weight = float((ones**2 / variance).sum())
        rest = turned - ones * (ones * turned / variance).sum() / weight
        return float(np.log(variance).sum() + np.log(weight) + (rest**2 / variance).sum())

    widest = 3 * float(x.std(ddof=1)) + 1e-12
    found = minimize_scalar(loss, bounds=(0.0, widest), method="bounded", options={"xatol": 1e-9 * widest})
    floor = 1e-6 * np.sqrt(noise.max()) if noise.max() > 0 else 0.0
    # The optimiser stops just short of its bounds; a flat loss there means no spread.
    tau = 0.0 if loss(floor) <= found.fun + 1e-9 * abs(found.fun) else float(found.x)
    precision = vectors / np.maximum(noise + tau**2, 1e-300) @ vectors.T
    weight = float(precision.sum())
    centre = float((precision @ x).sum() / weight)
    mean = centre + tau**2 * precision @ (x - centre)
    pull = 1 - tau**2 * precision.sum(axis=1)
    variance = tau**2 - tau**4 * np.diag(precision) + pull**2 / weight
    return ShrunkEstimates(mean, np.sqrt(np.maximum(variance, 0.0)), centre, tau)


def winner_interval(
    estimate: ArrayLike,
    covariance: ArrayLike,
    *,
    level: float = 0.95,
    draws: int = 20_000,
    rng: int | np.random.Generator = 0,
) -> WinnerInterval:
    """Correct the winner's estimate and interval for having won.

    Parameters
    ----------
    estimate : (R,)
        Estimates, higher = better.
    covariance : (R, R)
        Their covariance, e.g. `numpy.cov(boot.draws[:, group].T)`.
    level : float in (0, 1)
        Confidence level.
    draws : int
        Normal draws behind the projection interval.
    rng : int or numpy Generator
        Seed or generator.

    Notes
    -----
    Estimates are taken as normal. Conditional and hybrid: Andrews, Kitagawa & McCloskey (2024 Q J Econ 139:305):
    given the winner and the part of the others that is independent of it, the winner's estimate is a truncated
    normal. They break down as the gap to the second closes, which with kappas on a lattice is common. Locally
    simultaneous inference (Zrnic & Fithian, arXiv 2212.09009) does not: a tenth of the error buys simultaneous
    limits of all differences; raters further behind than twice those cannot have won; the rest of the error goes
    to simultaneous limits of the others. The worst case is barely wider than the projection, a clear winner gets
    nearly the plain interval.

    Raises
    ------
    ValueError
        If the shapes do not fit or the level is out of range.
    """
    x, sigma = _checked(estimate, covariance)
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}.")
    j, alpha = int(np.argmax(x)), 1 - level
    beta = alpha / 10
    noise = _noise(x, sigma, draws, rng)
    errors = np.abs(noise) / np.sqrt(np.diag(sigma))[:, None]
    se = float(np.sqrt(sigma[j, j]))
    rivals = _could_win(x, sigma, noise, j, beta)
    local = se * float(np.quantile(errors[rivals].max(axis=0), 1 - alpha + beta))
    wide, bound = (se * float(np.quantile(errors.max(axis=0), 1 - error)) for error in (alpha, beta))

    slope = sigma[:, j] / sigma[j, j]
    rest = x - slope * x[j]
    below, above = slope < 1 - 1e-12, slope > 1 + 1e-12
    lower = float((rest[below] / (1 - slope[below])).max(initial=-np.inf))
    upper = float((rest[above] / (1 - slope[above])).min(initial=np.inf))
    shared = bool((np.delete(x, j) == x[j]).any())

    def solve(share: float, reach: float) -> float:
        def excess(mean: float) -> float:
            low, high = max(lower, mean - reach), min(upper, mean + reach)
            return _truncated_cdf(x[j], mean, se, low, high) - share

        span = min(reach, _REACH * se)
        return np.nan if shared else _falling_root(excess, x[j] - span, x[j] + span)

    tail = (alpha - beta) / (1 - beta) / 2
    return WinnerInterval(
        winner=j,
        estimate=float(x[j]),
        low=float(x[j] - local),
        high=float(x[j] + local),
        rivals=rivals,
        conditional=solve(0.5, np.inf),
        conditional_low=solve(1 - alpha / 2, np.inf),
        conditional_high=solve(alpha / 2, np.inf),
        hybrid=solve(0.5, bound),
        hybrid_low=solve(1 - tail, bound),
        hybrid_high=solve(tail, bound),
        projection_low=float(x[j] - wide),
        projection_high=float(x[j] + wide),
        level=level,
    )


def naive_bootstrap_maximum(estimate: ArrayLike, draws: ArrayLike) -> float:
    """Bootstrap "bias" of the maximum, mean of max(draws) - max(estimate): NOT a correction, shown as a warning.

    The draws (B, R) scatter around estimates (R,) that already contain the noise, so the spread between raters is
    counted twice and the answer depends on how many near-ties the noise happened to make. Report
    `winner_interval` or `empirical_bayes`.
    """
    joint = np.asarray(draws, dtype=np.float64)
    return float(np.nanmean(np.max(joint, axis=1)) - np.nanmax(np.asarray(estimate, dtype=np.float64)))


def _noise(x: FloatArray, sigma: FloatArray, draws: int, rng: int | np.random.Generator) -> FloatArray:
    """Normal errors (R, draws) with covariance sigma, the same for a rater whatever the order given."""
    order = np.lexsort((sigma.sum(axis=1), np.diag(sigma), x))
    normal = np.random.default_rng(rng).standard_normal((len(x), draws))
    noise: FloatArray = square_root(sigma[np.ix_(order, order)]) @ normal
    return noise[np.argsort(order)]


def _could_win(
    x: FloatArray, sigma: FloatArray, noise: FloatArray, winner: int, error: float
) -> NDArray[np.bool_]:
    """Raters that win somewhere within twice the simultaneous limits of all differences."""
    variance = np.diag(sigma)
    apart = variance[:, None] + variance - 2 * sigma
    # Raters whose errors are the same differ by rounding only, which is no spread.
    scale = np.sqrt(np.where(apart > 1e-12 * variance.max(), apart, 0.0))
    safe = np.where(scale > 0, scale, np.inf)
    highest = np.zeros(noise.shape[1])
    for i, row in enumerate(noise[:-1]):
        others = noise[i + 1 :] - row
        others /= safe[i, i + 1 :, None]
        np.maximum(highest, np.abs(others, out=others).max(axis=0), out=highest)
    rivals: NDArray[np.bool_] = x[winner] - x <= 2 * np.quantile(highest, 1 - error) * scale[winner]
    return rivals


def _truncated_cdf(y: float, mean: float, se: float, low: float, high: float) -> float:
    """Probability that a normal truncated to [low, high] is at most y, stable far in the tails."""
    if y <= low:
        return 0.0
    if y >= high:
        return 1.0
    a, b, c = (low - mean) / se, (y - mean) / se, (high - mean) / se
    return float(np.exp(_log_mass(a, b) - _log_mass(a, c)))


def _log_mass(a: float, b: float) -> float:
    """Log of the standard normal mass between a < b."""
    if a > 0:
        a, b = -b, -a
    return float(log_ndtr(b) + np.log1p(-np.exp(min(log_ndtr(a) - log_ndtr(b), -2e-16))))


def _falling_root(function: Callable[[float], float], low: float, high: float) -> float:
    """Root of a falling function; -inf or inf where it lies outside [low, high]."""
    if function(low) <= 0:
        return -np.inf
    if function(high) >= 0:
        return np.inf
    return float(brentq(function, low, high, xtol=1e-10))


def _checked(estimate: ArrayLike, covariance: ArrayLike) -> tuple[FloatArray, FloatArray]:
    x, sigma = np.asarray(estimate, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    if x.ndim != 1 or sigma.shape != (len(x), len(x)) or not np.allclose(sigma, sigma.T):
        raise ValueError(
            f"estimate must be (R,) and covariance symmetric (R, R), found {x.shape}, {sigma.shape}."
        )
    if not np.isfinite(x).all() or not (np.diag(sigma) > 0).all():
        raise ValueError("Estimates must be finite and variances positive.")
    return x, sigma
