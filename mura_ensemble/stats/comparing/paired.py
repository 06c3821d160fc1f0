"""Two or more raters on the same studies: whether one kappa is better than another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import f as f_distribution

from mura_ensemble.stats.comparing.mcnemar import mcnemar_by_patient
from mura_ensemble.stats.comparing.swaps import swap_p
from mura_ensemble.stats.kappa.clustered import patient_stretch, smoothed_influence
from mura_ensemble.stats.kappa.cohen import cohen_kappa, influence, tables_2x2
from mura_ensemble.stats.validation import refuse_missing

FloatArray = NDArray[np.float64]
Codes = NDArray[np.int64]

_SAME = 1e-8  # differences of kappa smaller than this are rounding
_PRIOR = 0.25  # pseudo-studies in each of the 8 cells
_POSTERIOR_DRAWS = 80_000  # an even number; limits then vary by 0.0003 from seed to seed at 1,199 studies


@dataclass(frozen=True)
class PairedComparison:
    """Kappa of a rater less kappa of a reference on the studies both called.

    Attributes
    ----------
    kappa, kappa_reference, difference : float
        Estimates; NaN where undefined, and with them every interval and p but McNemar's.
    low, high : float
        Limits of the difference.
    level : float
        Confidence level of both intervals.
    kind : str
        "dirichlet", or "dirichlet by patient" where patients have several studies.
    delta_se, delta_low, delta_high : float
        Standard error from the influences summed by patient (sandwich) and its Wald limits, kept within [-2, 2].
        Both limits are 0 for raters that never differ, which says that no difference was seen and not that there is
        none: `low` and `high` stay apart there.
    p_swap : float
        Two-sided p of the permutation test that swaps the raters patient by patient, with kappa as statistic.
    p_swap_exact : bool
        Whether all swaps were accounted for, rather than a sample of them.
    p_mcnemar_exact, p_mcnemar_mid : float
        McNemar's test of correctness (accuracy, not kappa), by patient.
    n, patients : int
        Studies both called and their patients.
    b, c : int
        Studies only the rater, and only the reference, called right.
    probability_superior, probability_rope : float
        Posterior probabilities that the difference is positive, and smaller than `rope` in size.
    rope : float
        Half-width of the region of practical equivalence.
    margin, noninferior, p_noninferior : float or bool, or None
        The declared margin, whether low > -margin, and the one-sided p of H0: difference <= -margin, to be held
        against (1 - level) / 2. None without a margin.
    """

    kappa: float
    kappa_reference: float
    difference: float
    low: float
    high: float
    level: float
    kind: str
    delta_se: float
    delta_low: float
    delta_high: float
    p_swap: float
    p_swap_exact: bool
    p_mcnemar_exact: float
    p_mcnemar_mid: float
    n: int
    patients: int
    b: int
    c: int
    probability_superior: float
    probability_rope: float
    rope: float
    margin: float | None
    noninferior: bool | None
    p_noninferior: float | None


@dataclass(frozen=True)
class HotellingResult:
    """Test of H0: all kappas are equal.

    Attributes
    ----------
    kappas : (R,)
        Estimates on the studies all raters called.
    covariance : (R, R)
        Their covariance, from the influences summed by patient.
    statistic : float
        F statistic; NaN where a kappa is undefined, patients are too few, or kappas differ without variance.
    df : (int, int)
        Its degrees of freedom.
    p : float
    n, patients : int
    """

    kappas: FloatArray
    covariance: FloatArray
    statistic: float
    df: tuple[int, int]
    p: float
    n: int
    patients: int


def compare_kappas(
    gold: ArrayLike,
    call: ArrayLike,
    reference: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    margin: float | None = None,
    rope: float = 0.02,
    swaps: int = 10_000,
    rng: int | np.random.Generator = 0,
) -> PairedComparison:
    """Compare the kappas of two raters of the same studies.

    Parameters
    ----------
    gold : (n,) 0/1
        Gold standard; 1 = abnormal.
    call, reference : (n,) 0/1/NaN
        Calls; a study that either did not call is left out.
    clusters : (n,) int, optional
        Patients. Without them each study is its own patient.
    level : float in (0, 1)
        Confidence level.
    margin : float > 0, optional
        Non-inferiority margin in kappa, declared before the data were seen.
    rope : float >= 0
        Half-width of the region of practical equivalence in kappa.
    swaps : int
        Swaps drawn where they are too many for the exact permutation p.
    rng : int or numpy Generator
        Seed or generator; exchanging rater and reference changes the sign and no digit, 0 <-> 1 nothing at all
        (but for rounding where patients have several studies).

    Notes
    -----
    The interval is the posterior under a Dirichlet(1/4) prior on the eight cells of (gold, call, reference):
    in simulations with 27 and 207 studies it covers 94.5 to 98 % where delta, percentile and BCa fall to 86-88 %.
    Where patients have several studies its draws are stretched about the estimate by `clustered.patient_stretch`:
    94.4 to 98.8 % with 10 to 300 patients, where the bootstrap of patients falls to 88 %, delta to 89 % and the
    interval that ignores patients to 86 % (`benchmarks/results/clustered_coverage.csv`). The design effect is that of
    `clustered.smoothed_influence`, so it is not taken for 1 where few errors were seen: with 10 patients of 6 studies or 30
    of 4, beta-binomial errors of intraclass correlation 0.5 and 0.8 and kappas 0.70 to 0.94 it covers 92.5 to 100 %
    (400 runs a cell), and 89 % at the lowest without that.

    Raises
    ------
    ValueError
        If shapes differ, no study is left, a patient is missing, or level, margin or rope is out of range.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}.")
    if (margin is not None and not margin > 0) or not rope >= 0:
        raise ValueError("margin must be positive and rope must not be negative.")
    truth, calls, unit = _called_by_all(gold, np.column_stack([call, reference]), clusters)
    first, second = calls.T
    kappas = cohen_kappa(tables_2x2(truth, calls))
    difference = float(kappas[0] - kappas[1])
    n, patients = len(truth), int(unit.max()) + 1

    by_study = influence(truth, first) - influence(truth, second)
    by_patient = np.bincount(unit, by_study)
    delta_se = float(np.sqrt(by_patient @ by_patient) / n)
    stretch = 1.0 if patients == n else patient_stretch(_apart(truth, first, second), unit, level)
    generator = np.random.default_rng(rng)
    posterior = _posterior(truth, first, second, generator)
    draws = np.clip(difference + stretch * (posterior - difference), -2, 2)
    tail = (1 - level) / 2
    # The upper limit as the lower one of the negatives: exchanging the raters then mirrors both to the last digit.
    low, high = float(np.quantile(draws, tail)), -float(np.quantile(-draws, tail))
    low, high = min(low, difference), max(high, difference)
    p_swap, p_swap_exact = swap_p(truth, first, second, unit, swaps=swaps, rng=generator)
    right = (first == truth).astype(np.int64) - (second == truth)
    p_exact, p_mid = mcnemar_by_patient(np.bincount(unit, right).astype(np.int64))
    defined = not np.isnan(difference)
    z = float(ndtri(1 - tail))
    return PairedComparison(
        kappa=float(kappas[0]),
        kappa_reference=float(kappas[1]),
        difference=difference,
        low=low if defined else np.nan,
        high=high if defined else np.nan,
        level=level,
        kind="dirichlet" if patients == n else "dirichlet by patient",
        delta_se=delta_se,
        delta_low=max(-2.0, difference - z * delta_se) if defined else np.nan,
        delta_high=min(2.0, difference + z * delta_se) if defined else np.nan,
        p_swap=p_swap,
        p_swap_exact=p_swap_exact,
        p_mcnemar_exact=p_exact,
        p_mcnemar_mid=p_mid,
        n=n,
        patients=patients,
        b=int((right > 0).sum()),
        c=int((right < 0).sum()),
        probability_superior=float(np.mean(draws > 0) + 0.5 * np.mean(draws == 0)) if defined else np.nan,
        probability_rope=float(np.mean(np.abs(draws) < rope)) if defined else np.nan,
        rope=rope,
        margin=margin,
        noninferior=None if margin is None else defined and low > -margin,
        p_noninferior=None if margin is None else _share_plus_one(draws <= -margin) if defined else np.nan,
    )


def _share_plus_one(hits: NDArray[np.bool_]) -> float:
    """Share of draws with one hit added, so that no finite number of draws makes a p of 0."""
    return float((1 + hits.sum()) / (1 + len(hits)))


def hotelling_kappas(
    gold: ArrayLike, calls: ArrayLike, *, clusters: ArrayLike | None = None
) -> HotellingResult:
    """Hotelling's T2 test that several dependent kappas are equal.

    Parameters
    ----------
    gold : (n,) 0/1
        Gold standard.
    calls : (n, R) 0/1/NaN
        Calls; studies that a rater did not call are left out for all.
    clusters : (n,) int, optional
        Patients.

    Notes
    -----
    T2 = d' V^-1 d with d the differences to the last kappa and V their covariance (Vanbelle & Albert 2008
    J Stat Comput Simul 78:1009; by patient, Vanbelle 2017 Biom J 59:1016); (K - q) T2 / (q (K - 1)) is F(q, K - q)
    for K patients and q = rank V, which identical raters lower. V carries the factor K / (K - 1).

    Where kappas differ in a direction in which V has no variance, as when one rater's influences are the same for
    every patient, no test can be made: statistic and p are NaN, and never those of the other directions alone.
    """
    truth, table, unit = _called_by_all(gold, np.asarray(calls), clusters)
    kappas = cohen_kappa(tables_2x2(truth, table))
    n, patients = len(truth), int(unit.max()) + 1
    sums = np.zeros((patients, len(kappas)))
    np.add.at(sums, unit, influence(truth, table))
    covariance = sums.T @ sums / n**2 * (patients / max(patients - 1, 1))
    contrast = np.eye(len(kappas))[:-1] - np.eye(len(kappas))[-1]
    statistic, df, p = np.nan, (len(kappas) - 1, 0), np.nan
    if not np.isnan(kappas).any():
        spread = contrast @ covariance @ contrast.T
        apart = contrast @ kappas
        q = int(np.linalg.matrix_rank(spread, hermitian=True)) if len(apart) else 0
        df = (q, patients - q)
        inverse = np.linalg.pinv(spread, hermitian=True)
        # The part of the differences that the covariance cannot explain at all.
        unexplained = apart - spread @ (inverse @ apart)
        if q and df[1] > 0 and np.abs(unexplained).max() <= _SAME:
            t2 = float(apart @ inverse @ apart)
            statistic = df[1] * t2 / (q * (patients - 1))
            p = float(f_distribution.sf(statistic, *df))
    return HotellingResult(kappas, covariance, statistic, df, p, n, patients)


def _called_by_all(
    gold: ArrayLike, calls: NDArray[np.generic], clusters: ArrayLike | None
) -> tuple[Codes, Codes, Codes]:
    """Studies with every call: gold (n,), calls (n, R), and patients numbered 0..K-1 (n,)."""
    truth, table = np.asarray(gold, dtype=np.float64), np.asarray(calls, dtype=np.float64)
    if table.ndim != 2 or truth.shape != table.shape[:1]:
        raise ValueError(
            f"gold must be (n,) and each rater's calls (n,), found {truth.shape}, {table.shape}."
        )
    unit = np.arange(len(truth)) if clusters is None else np.asarray(clusters)
    refuse_missing(unit, "clusters")
    if unit.shape != truth.shape:
        raise ValueError(f"clusters has {len(unit)} entries for {len(truth)} studies.")
    if not np.isin(truth, (0, 1)).all() or not (np.isnan(table) | np.isin(table, (0, 1))).all():
        raise ValueError("gold must be 0 or 1 and calls 0, 1 or NaN (missing).")
    kept = ~np.isnan(table).any(axis=1)
    if not kept.any():
        raise ValueError("No study was called by all raters compared.")
    patient = np.unique(unit[kept], return_inverse=True)[1]
    return truth[kept].astype(np.int64), table[kept].astype(np.int64), patient.astype(np.int64)


def _apart(truth: Codes, first: Codes, second: Codes) -> FloatArray:
    """Influence of each study on the difference, for its design effect; raters that never differ lend their own."""
    one, other = smoothed_influence(truth, first), smoothed_influence(truth, second)
    return one if np.array_equal(first, second) else one - other


def _posterior(truth: Codes, first: Codes, second: Codes, rng: np.random.Generator) -> FloatArray:
    """Draws of the difference of kappas under a Dirichlet prior on the cells [gold, call, reference].

    Exchanging the raters turns the sign of the difference and 0 <-> 1 leaves it: of these four arrangements of the
    cells the same one is always drawn, and where an exchange gives the same cells each draw is taken with both signs.
    """
    cells = np.bincount(4 * truth + 2 * first + second, minlength=8).reshape(2, 2, 2)
    as_given = [cells, cells[::-1, ::-1, ::-1]]
    exchanged = [arranged.swapaxes(1, 2) for arranged in as_given]
    kept, turned = (max(tuple(arranged.ravel()) for arranged in pair) for pair in (as_given, exchanged))
    chosen = np.reshape(max(kept, turned), (2, 2, 2))
    shares = rng.standard_gamma(chosen[..., None] + _PRIOR, (2, 2, 2, _POSTERIOR_DRAWS))
    apart: FloatArray = _kappa(shares.sum(axis=2)) - _kappa(shares.sum(axis=1))
    if kept == turned:
        half = apart[: _POSTERIOR_DRAWS // 2]
        return np.concatenate([half, -half])
    return apart if kept > turned else -apart


def _kappa(shares: FloatArray) -> FloatArray:
    """Kappa of shares [gold, call, draw] of one rater, (B,)."""
    return np.asarray(cohen_kappa(np.moveaxis(shares, 2, 0)))
