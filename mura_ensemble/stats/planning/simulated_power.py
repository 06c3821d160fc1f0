"""Power by simulation, from the joint chances of gold standard, a rater's call and the reference's call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, ndtr, ndtri

from mura_ensemble.stats.kappa.cohen import cell_influence, cohen_kappa
from mura_ensemble.stats.kappa.proportion import wilson_limits
from mura_ensemble.stats.validation import FloatArray

PairedTest = Literal["delta", "mcnemar", "mcnemar-midp"]

_CHUNK = 100_000  # simulated sets of studies held at once


@dataclass(frozen=True)
class SimulatedPower:
    """Share of simulated comparisons that came out significant.

    Attributes
    ----------
    power
        In [0, 1], either direction counted; the size of the test where the two kappas are equal.
    low, high
        Wilson 95 % limits for the simulation error.
    simulations
        Comparisons simulated.
    n
        Studies in each.
    test
        The test.
    """

    power: float
    low: float
    high: float
    simulations: int
    n: int
    test: PairedTest


def paired_cells(
    kappa: float, reference: float, *, prevalence: float = 0.5, error_correlation: float = 0.0
) -> FloatArray:
    """Probabilities of gold x call x reference's call for two raters with given kappas and correlated errors.

    Both raters call as many studies abnormal as there are; so a rater misses ``(1 - kappa)(1 - prevalence)`` of
    the abnormal and falsely calls ``(1 - kappa) prevalence`` of the normal studies.

    Parameters
    ----------
    kappa, reference
        True kappas of rater and reference.
    prevalence
        Share of abnormal studies in (0, 1).
    error_correlation
        Correlation (phi) of the two raters' errors within each class.

    Returns
    -------
    FloatArray
        (2, 2, 2) indexed [gold, call, reference's call], summing to 1.

    Raises
    ------
    ValueError
        If the prevalence is not in (0, 1), or no raters have these kappas and this correlation.
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"prevalence must lie between 0 and 1, not {prevalence}")
    cells = np.zeros((2, 2, 2))
    for gold, share in enumerate((1 - prevalence, prevalence)):
        first, second = (1 - kappa) * (1 - share), (1 - reference) * (1 - share)
        spread = max(first * (1 - first) * second * (1 - second), 0.0)
        both = first * second + error_correlation * np.sqrt(spread)
        parts = np.array([[1 - first - second + both, second - both], [first - both, both]])
        if not (parts >= -1e-12).all():
            raise ValueError(
                f"no two raters have kappas {kappa} and {reference} with errors correlated {error_correlation} "
                f"at prevalence {prevalence}"
            )
        right_first = np.maximum(parts, 0.0)  # [rater wrong, reference wrong]
        cells[gold] = share * (right_first if gold == 0 else right_first[::-1, ::-1])
    return cells


def discordance(cells: ArrayLike) -> float:
    """Share of studies on which exactly one rater is right.

    Parameters
    ----------
    cells
        (2, 2, 2) probabilities or counts [gold, call, reference's call], as of `paired_cells`.
    """
    counts = np.asarray(cells, dtype=np.float64)
    return float(counts[:, [0, 1], [1, 0]].sum() / counts.sum())


def delta_power(n: int, cells: ArrayLike, *, alpha: float = 0.05) -> float:
    """Power of the two-sided Wald test of two dependent kappas, by the delta method.

    Parameters
    ----------
    n
        Studies.
    cells
        (2, 2, 2) probabilities [gold, call, reference's call], as of `paired_cells`.
    alpha
        Two-sided level in (0, 1).

    Returns
    -------
    float
        In (0, 1), the wrong direction included: alpha where the kappas are equal. NaN where the standard
        error is 0.
    """
    difference, variance = _delta(np.asarray(cells, dtype=np.float64).reshape(1, 2, 2, 2))
    if not variance[0] > 0:
        return float("nan")
    shift = float(difference[0] / np.sqrt(variance[0] / n))
    z_a = _two_sided(alpha)
    return float(ndtr(shift - z_a) + ndtr(-shift - z_a))


def simulated_power(
    n: int,
    cells: ArrayLike,
    *,
    test: PairedTest = "delta",
    alpha: float = 0.05,
    simulations: int = 10_000,
    rng: int | np.random.Generator = 0,
) -> SimulatedPower:
    """Power of a paired test by simulation of n studies with the given cell probabilities.

    Parameters
    ----------
    n
        Studies.
    cells
        (2, 2, 2) probabilities [gold, call, reference's call], as of `paired_cells`; they need not sum to 1.
    test
        ``delta`` (Wald test of the difference of kappa), ``mcnemar`` (exact) or ``mcnemar-midp``, both on which
        studies are called rightly.
    alpha
        Two-sided level in (0, 1).
    simulations
        Comparisons to simulate.
    rng
        Seed or generator.

    Returns
    -------
    SimulatedPower

    Raises
    ------
    ValueError
        If the test is unknown, n or the number of simulations is not positive, or the cells are not (2, 2, 2)
        non-negative numbers.
    """
    shares = np.asarray(cells, dtype=np.float64)
    if shares.shape != (2, 2, 2) or not np.isfinite(shares).all() or (shares < 0).any() or not shares.any():
        raise ValueError("cells must be (2, 2, 2) non-negative shares [gold, call, reference's call]")
    if test not in _REJECTS:
        raise ValueError(f"test must be one of {', '.join(_REJECTS)}, not {test!r}")
    if n < 1 or simulations < 1:
        raise ValueError("n and simulations must be at least 1")
    _two_sided(alpha)
    generator = np.random.default_rng(rng)
    rejected = 0
    for start in range(0, simulations, _CHUNK):
        size = min(_CHUNK, simulations - start)
        counts = generator.multinomial(n, shares.ravel() / shares.sum(), size=size).reshape(-1, 2, 2, 2)
        rejected += int(_REJECTS[test](counts, alpha).sum())
    power = rejected / simulations
    low, high = wilson_limits(power, simulations)
    return SimulatedPower(power, float(low), float(high), simulations, n, test)


def _delta(cells: NDArray[np.float64]) -> tuple[FloatArray, FloatArray]:
    """Difference of kappa and its variance for one study, of cells (S, 2, 2, 2)."""
    shares = cells / cells.sum(axis=(1, 2, 3), keepdims=True)
    tables = np.stack([shares.sum(axis=3), shares.sum(axis=2)], axis=1)
    kappa, influence = cohen_kappa(tables), cell_influence(tables)
    apart = influence[:, 0, :, :, None] - influence[:, 1, :, None, :]
    return kappa[:, 0] - kappa[:, 1], (shares * apart**2).sum(axis=(1, 2, 3))


def _delta_rejects(counts: NDArray[np.int64], alpha: float) -> NDArray[np.bool_]:
    difference, variance = _delta(counts.astype(np.float64))
    n = counts.sum(axis=(1, 2, 3))
    limit = _two_sided(alpha) * np.sqrt(variance / n)
    rejected: NDArray[np.bool_] = (np.abs(difference) > limit) & (variance > 0)  # undefined kappa: no
    return rejected


def _only_one_wrong(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The smaller of the two kinds of discordant studies, and both kinds together."""
    rater_wrong = counts[:, 0, 1, 0] + counts[:, 1, 0, 1]
    reference_wrong = counts[:, 0, 0, 1] + counts[:, 1, 1, 0]
    return np.minimum(rater_wrong, reference_wrong), rater_wrong + reference_wrong


def _mcnemar_rejects(counts: NDArray[np.int64], alpha: float) -> NDArray[np.bool_]:
    fewer, total = _only_one_wrong(counts)
    p = np.minimum(2 * bdtr(fewer, total, 0.5), 1)
    return np.asarray(p <= alpha)


def _midp_rejects(counts: NDArray[np.int64], alpha: float) -> NDArray[np.bool_]:
    fewer, total = _only_one_wrong(counts)
    below = np.where(fewer > 0, bdtr(np.maximum(fewer - 1, 0), total, 0.5), 0.0)
    return np.asarray(below + bdtr(fewer, total, 0.5) <= alpha)  # 2 P(X <= k) - P(X = k)


_REJECTS: dict[str, Callable[[NDArray[np.int64], float], NDArray[np.bool_]]] = {
    "delta": _delta_rejects,
    "mcnemar": _mcnemar_rejects,
    "mcnemar-midp": _midp_rejects,
}


def _two_sided(alpha: float) -> float:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    return float(-ndtri(alpha / 2))
