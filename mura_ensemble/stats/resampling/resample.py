"""One bootstrap of patients for every rater, study type, paired difference and rank at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from mura_ensemble.stats.resampling.patterns import Patterns, compress
from mura_ensemble.stats.resampling.weights import draw_weights

FloatArray = NDArray[np.float64]
BootstrapKind = Literal["percentile", "basic", "bca"]


@dataclass(frozen=True)
class JointBootstrap:
    """Bootstrap of kappa for R raters in G groups from the same B resamples of patients.

    The groups are the S study types in code order, then overall (all studies pooled), then the unweighted mean
    over study types; overall alone where no study types were given. An undefined kappa (0/0: gold and rater
    constant and equal) is NaN, makes the macro mean NaN, and is counted.

    Attributes
    ----------
    estimate : (G, R)
        Kappa of the data.
    draws : (B, G, R) float64
        Kappa of each resample (1.44 MB per 1,000 resamples of 20 raters in 9 groups; contiguous over B).
    undefined : (G, R) int
        Resamples in which kappa is undefined.
    n : (G, R) int
        Studies the rater called.
    patterns : Patterns
        The data, compressed.
    stratified : bool
        Whether patients were resampled within their sets of study types.

    Notes
    -----
    These are the plain bootstrap's intervals, which collapse on a perfect table and under-cover below about 100
    studies: for one rater's interval prefer `clustered.clustered_kappa_interval`.
    """

    estimate: FloatArray
    draws: FloatArray
    undefined: NDArray[np.int64]
    n: NDArray[np.int64]
    patterns: Patterns
    stratified: bool

    @property
    def overall(self) -> int:
        """Index of the group of all studies pooled."""
        return self.patterns.strata if self.patterns.grouped else 0

    @property
    def standard_error(self) -> FloatArray:
        """Standard deviation of the draws, (G, R)."""
        return _spread(self.draws, self.undefined)

    def interval(
        self, level: float = 0.95, kind: BootstrapKind = "percentile"
    ) -> tuple[FloatArray, FloatArray]:
        """Confidence limits (low, high), each (G, R).

        Parameters
        ----------
        level : float in (0, 1)
            Confidence level.
        kind : {"percentile", "basic", "bca"}
            BCa (Efron 1987 JASA 82:171) takes its bias from the share of draws below the estimate, ties counting
            half because kappa is discrete, and its acceleration from the jackknife over patients.

        Notes
        -----
        Undefined resamples are left out. No limit where the estimate is undefined.
        """
        draws = np.moveaxis(self.draws, 0, 2).reshape(self.estimate.size, -1)
        estimate = self.estimate.ravel()
        tails = _tails(level)
        if kind == "bca":
            acceleration = np.array([self._acceleration(g) for g in range(len(self.estimate))])
            limits = _bca(draws, estimate, acceleration.ravel(), tails)
        else:
            limits = quantiles(draws, tails)
            if kind == "basic":
                limits = 2 * estimate[:, None] - limits[:, ::-1]
            elif kind != "percentile":
                raise ValueError(f'kind must be "percentile", "basic" or "bca", not "{kind}".')
        limits = np.where(np.isnan(estimate)[:, None], np.nan, limits)
        return limits[:, 0].reshape(self.estimate.shape), limits[:, 1].reshape(self.estimate.shape)

    def difference(self, rater: int, reference: int) -> Differences:
        """Difference of one pair, rater - reference."""
        return Differences(self, np.array([[rater, reference]]))

    def differences(self) -> Differences:
        """Differences of all R (R - 1) / 2 pairs (i, j), i < j, as rater i - rater j."""
        return Differences(self, np.column_stack(np.triu_indices(self.estimate.shape[1], 1)))

    def _acceleration(self, group: int) -> FloatArray:
        """Acceleration of BCa per rater, from the jackknife over patients; closed form over patterns.

        Stratified, each cell of N_h patients is a sample of its own and its influences are divided by N_h
        (Davison & Hinkley 1997, section 5.3).
        """
        left_out = self.patterns.leave_one_out(group)
        times = self.patterns.multiplicity
        cells = np.unique(self.patterns.cell) if self.stratified else [None]
        cubes, squares = np.zeros((2, left_out.shape[1]))
        for cell in cells:
            own = slice(None) if cell is None else self.patterns.cell == cell
            for r, kappas in enumerate(left_out[own].T):
                # Summed over distinct values in their order: patterns, and so rounding, depend on other raters.
                values, which = np.unique(kappas, return_inverse=True, equal_nan=False)
                weight = np.bincount(which, times[own])
                size = weight.sum()
                influence = (size - 1) * ((weight * values).sum() / size - values)
                squares[r] += (weight * influence**2).sum() / size**2
                cubes[r] += (weight * influence**3).sum() / size**3
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(squares > 0, cubes / (6 * squares**1.5), 0.0 * squares)


@dataclass(frozen=True)
class Differences:
    """Differences of kappa, rater - reference, on the same studies; draws are made group by group on demand.

    Attributes
    ----------
    boot : JointBootstrap
        The resamples.
    pairs : (P, 2) int
        Rater and reference of each difference.
    """

    boot: JointBootstrap
    pairs: NDArray[np.int64]

    @property
    def estimate(self) -> FloatArray:
        """Differences of the data, (G, P)."""
        return self.boot.estimate[:, self.pairs[:, 0]] - self.boot.estimate[:, self.pairs[:, 1]]

    def draws(self, group: int) -> FloatArray:
        """Differences of each resample in one group, (B, P); NaN where either kappa is undefined."""
        return self._rows(group).T

    @property
    def undefined(self) -> NDArray[np.int64]:
        """Resamples in which the difference is undefined, (G, P)."""
        return np.array([np.isnan(self._rows(g)).sum(axis=1) for g in range(len(self.boot.estimate))])

    @property
    def standard_error(self) -> FloatArray:
        """Standard deviation of the draws, (G, P)."""
        return np.array([_spread(self.draws(g)) for g in range(len(self.boot.estimate))])

    def interval(
        self, level: float = 0.95, kind: Literal["percentile", "basic"] = "percentile"
    ) -> tuple[FloatArray, FloatArray]:
        """Confidence limits (low, high), each (G, P); undefined resamples are left out."""
        estimate = self.estimate
        limits = np.array([quantiles(self._rows(g), _tails(level)) for g in range(len(estimate))])
        if kind == "basic":
            limits = 2 * estimate[:, :, None] - limits[:, :, ::-1]
        elif kind != "percentile":
            raise ValueError(f'kind must be "percentile" or "basic", not "{kind}".')
        limits = np.where(np.isnan(estimate)[:, :, None], np.nan, limits)
        return limits[:, :, 0], limits[:, :, 1]

    def _rows(self, group: int) -> FloatArray:
        """Draws of one group, contiguous over resamples, (P, B)."""
        by_rater = self.boot.draws[:, group].T
        return np.asarray(by_rater[self.pairs[:, 0]] - by_rater[self.pairs[:, 1]])


def joint_bootstrap(
    gold: ArrayLike,
    calls: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    resamples: int = 10_000,
    stratified: bool = False,
    rng: int | np.random.Generator = 0,
) -> JointBootstrap:
    """Resample patients once and take every rater's kappa in every study type from the same resamples.

    Parameters
    ----------
    gold : (n,) 0/1
        Gold standard; 1 = abnormal.
    calls : (n, R) 0/1/NaN
        Calls of R raters; a missing call leaves the study out of that rater's counts only.
    strata : (n,) int in 0..S-1, optional
        Study types. A code below the highest that no study has is an empty type: its kappas are NaN and so is the
        macro mean; leave no gaps.
    clusters : (n,) int, optional
        Patients: the unit drawn, with all studies of all types. Without them each study is its own unit.
    resamples : int
        Number of resamples B.
    stratified : bool
        Draw patients within cells: those seen in one study type only, per type; those seen in several, by their
        set of types, sets with fewer than 10 patients pooled. Study numbers per type are then fixed but for the
        patients with several studies.
    rng : int or numpy Generator
        Seed or generator.

    Notes
    -----
    Weights are drawn over patients in the order of their codes and never look at gold or calls. So the same seed
    gives each rater the same digits whatever the other raters, their number or order; whatever the order of the
    rows, where clusters are given (without them rows are the units, in their order); and under 0 <-> 1.
    """
    patterns = compress(gold, calls, strata=strata, clusters=clusters)
    return bootstrap_patterns(patterns, resamples=resamples, stratified=stratified, rng=rng)


def bootstrap_patterns(
    patterns: Patterns,
    *,
    resamples: int = 10_000,
    stratified: bool = False,
    rng: int | np.random.Generator = 0,
) -> JointBootstrap:
    """`joint_bootstrap` of data already compressed or counted in chunks (`patterns.PatternCounter`).

    Notes
    -----
    Time and memory grow with the distinct patterns, not the studies, where only counts were kept. The digits
    then do not depend on the order of rows or raters either, but they do on which raters are in the study.
    """
    if resamples < 1:
        raise ValueError("resamples must be at least 1.")
    generator = np.random.default_rng(rng)
    draws = np.empty((patterns.groups, patterns.raters, resamples))
    done = 0
    for weights in draw_weights(patterns, resamples, generator, stratified=stratified):
        draws[:, :, done : done + len(weights)] = patterns.kappas(weights)
        done += len(weights)
    return JointBootstrap(
        estimate=patterns.kappas(patterns.multiplicity[None])[:, :, 0],
        draws=np.moveaxis(draws, 2, 0),
        undefined=np.isnan(draws).sum(axis=2),
        n=patterns.called(),
        patterns=patterns,
        stratified=stratified,
    )


def quantiles(rows: FloatArray, q: FloatArray) -> FloatArray:
    """Quantiles of each row (K, B) at q (Q,), linear between order statistics, NaN left out, (K, Q)."""
    place = q * (rows.shape[1] - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, rows.shape[1] - 1)
    # NaN sorts last, so the last order statistic tells which rows have any.
    wanted = np.unique(np.concatenate([below, above]))
    parted = np.partition(rows, wanted, axis=1)
    found = parted[:, below] + (place - below) * (parted[:, above] - parted[:, below])
    for k in np.flatnonzero(np.isnan(rows).any(axis=1)):
        defined = rows[k][~np.isnan(rows[k])]
        found[k] = np.quantile(defined, q) if len(defined) else np.nan
    return np.asarray(found)


def _bca(draws: FloatArray, estimate: FloatArray, acceleration: FloatArray, tails: FloatArray) -> FloatArray:
    """BCa limits of each row of draws (K, B), ties counting half in the bias, (K, 2)."""
    limits = np.full((len(draws), 2), np.nan)
    z = ndtri(tails)
    for k, row in enumerate(draws):
        defined = row[~np.isnan(row)]
        if not len(defined) or np.isnan(estimate[k]):
            continue
        below = np.mean(defined < estimate[k]) + 0.5 * np.mean(defined == estimate[k])
        bias = ndtri(np.clip(below, 0.5 / len(defined), 1 - 0.5 / len(defined)))
        level = ndtr(bias + (bias + z) / (1 - acceleration[k] * (bias + z)))
        limits[k] = np.nan if np.isnan(level).any() else quantiles(defined[None], level)[0]
    return limits


def _tails(level: float) -> FloatArray:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}.")
    return np.array([(1 - level) / 2, (1 + level) / 2])


def _spread(draws: FloatArray, undefined: NDArray[np.int64] | None = None) -> FloatArray:
    """Standard deviation over the first axis, NaN left out."""
    if undefined is None:
        undefined = np.isnan(draws).sum(axis=0)
    if not undefined.any():
        return np.asarray(draws.std(axis=0, ddof=1)) if len(draws) > 1 else np.full(draws.shape[1:], np.nan)
    defined = len(draws) - undefined
    mean = np.nansum(draws, axis=0) / np.maximum(defined, 1)
    squares = np.nansum((draws - mean) ** 2, axis=0)
    return np.where(defined > 1, np.sqrt(squares / np.maximum(defined - 1, 1)), np.nan)
