"""What a number of studies can show, by formula: detectable differences, studies needed, widths of intervals.

Closed formulas take raters that call as many studies abnormal as the gold standard does (the usual planning
case); then chance disagreement is ``2 prevalence (1 - prevalence)`` and a difference of kappa is the difference
of accuracy over it. "Discordance" is the share of studies on which exactly one of the two raters is right: the
one thing to guess when planning, and it decides the answer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from mura_ensemble.stats.kappa.cohen import kappa_variance
from mura_ensemble.stats.validation import FloatArray


def detectable_difference(
    n: ArrayLike,
    discordance: ArrayLike,
    *,
    prevalence: ArrayLike = 0.5,
    power: float = 0.8,
    alpha: float = 0.05,
) -> FloatArray:
    """Smallest difference of two kappas that n paired studies find with the wanted power.

    Solves ``n = (z_a sqrt(psi) + z_b sqrt(psi - d^2))^2 / d^2`` (Connor 1987, Biometrics 43:207, after Miettinen
    1968) for the difference of accuracy d, in closed form, and divides by the chance disagreement.

    Parameters
    ----------
    n
        Studies, each called by both raters.
    discordance
        psi, share of studies on which exactly one rater is right, in (0, 1].
    prevalence
        Share of abnormal studies in (0, 1).
    power, alpha
        Wanted power and two-sided level, each in (0, 1). Divide alpha by the number of comparisons planned.

    Returns
    -------
    FloatArray
        Differences of kappa, broadcast over the inputs; NaN where even raters that always disagree one way
        (d = psi) would not be found.

    Raises
    ------
    ValueError
        If an input is outside its range.
    """
    psi, scale, studies = _planned(discordance, prevalence, _positive(n, "n"))
    z_a, z_b = _quantiles(power, alpha)
    root = studies + z_b**2 - z_a**2
    accuracy = (
        np.sqrt(psi) * (z_a * np.sqrt(studies) + z_b * np.sqrt(np.maximum(root, 0))) / (studies + z_b**2)
    )
    return np.where((root >= 0) & (accuracy <= psi), accuracy / scale, np.nan)


def studies_needed(
    difference: ArrayLike,
    discordance: ArrayLike,
    *,
    prevalence: ArrayLike = 0.5,
    power: float = 0.8,
    alpha: float = 0.05,
) -> FloatArray:
    """Studies needed to tell two kappas apart: Connor's formula (see `detectable_difference`), rounded up.

    Parameters
    ----------
    difference
        Difference of kappa; its sign does not matter.
    discordance
        Share of studies on which exactly one rater is right, in (0, 1].
    prevalence
        Share of abnormal studies in (0, 1).
    power, alpha
        Wanted power and two-sided level, each in (0, 1).

    Returns
    -------
    FloatArray
        Whole numbers; infinite for no difference, NaN where the difference of accuracy exceeds the discordance
        (which cannot be).

    Raises
    ------
    ValueError
        If an input is outside its range.
    """
    psi, scale, gap = _planned(discordance, prevalence, difference)
    z_a, z_b = _quantiles(power, alpha)
    accuracy = np.abs(gap) * scale
    possible = accuracy <= psi
    reach = z_a * np.sqrt(psi) + z_b * np.sqrt(np.where(possible, psi - accuracy**2, 0))
    needed = np.full(accuracy.shape, np.inf)
    np.divide(reach**2, accuracy**2, out=needed, where=accuracy > 0)
    return np.where(possible, _up(needed), np.nan)


def power_of_difference(
    n: ArrayLike,
    difference: ArrayLike,
    discordance: ArrayLike,
    *,
    prevalence: ArrayLike = 0.5,
    alpha: float = 0.05,
) -> FloatArray:
    """Power to tell two kappas apart, from the same formula.

    Parameters
    ----------
    n
        Studies, each called by both raters.
    difference
        Difference of kappa; its sign does not matter.
    discordance
        Share of studies on which exactly one rater is right, in (0, 1].
    prevalence
        Share of abnormal studies in (0, 1).
    alpha
        Two-sided level in (0, 1).

    Returns
    -------
    FloatArray
        In (0, 1) (significance in the wrong direction is not counted); NaN where the difference of accuracy
        exceeds the discordance.

    Raises
    ------
    ValueError
        If an input is outside its range.
    """
    psi, scale, studies, gap = _planned(discordance, prevalence, _positive(n, "n"), difference)
    z_a, _ = _quantiles(0.5, alpha)
    accuracy = np.abs(gap) * scale
    spread = np.sqrt(np.where(accuracy < psi, psi - accuracy**2, np.nan))
    power: FloatArray = ndtr((accuracy * np.sqrt(studies) - z_a * np.sqrt(psi)) / spread)
    return power


def half_width(
    n: ArrayLike, kappa: ArrayLike, *, prevalence: ArrayLike = 0.5, level: float = 0.95
) -> FloatArray:
    """Half the width of kappa's Wald interval (Fleiss, Cohen & Everitt 1969) with n studies.

    Parameters
    ----------
    n
        Studies.
    kappa
        Expected kappa, in [-1, 1].
    prevalence
        Share of abnormal studies in (0, 1).
    level
        Confidence level in (0, 1).

    Returns
    -------
    FloatArray
        Half-widths; NaN for a kappa of 1, whose formula gives none.

    Raises
    ------
    ValueError
        If an input is outside its range.
    """
    width: FloatArray = _unit_width(kappa, prevalence, level) / np.sqrt(_positive(n, "n"))
    return width


def studies_for_half_width(
    width: ArrayLike, kappa: ArrayLike, *, prevalence: ArrayLike = 0.5, level: float = 0.95
) -> FloatArray:
    """Studies needed for an interval of kappa no wider than ``+- width`` (Wald, as `half_width`), rounded up.

    Parameters
    ----------
    width
        Wanted half-width, positive.
    kappa
        Expected kappa, in [-1, 1].
    prevalence
        Share of abnormal studies in (0, 1).
    level
        Confidence level in (0, 1).

    Returns
    -------
    FloatArray
        Whole numbers; NaN for a kappa of 1.

    Raises
    ------
    ValueError
        If an input is outside its range.
    """
    needed = (_unit_width(kappa, prevalence, level) / _positive(width, "the half-width")) ** 2
    return _up(needed)


def _planned(discordance: ArrayLike, prevalence: ArrayLike, *others: ArrayLike) -> list[FloatArray]:
    """Discordance, chance disagreement and the others, checked and broadcast together."""
    psi = np.asarray(discordance, dtype=np.float64)
    if not ((psi > 0) & (psi <= 1)).all():
        raise ValueError("discordance must lie in (0, 1]")
    share = _inside(prevalence, "prevalence")
    numbers = [np.asarray(other, dtype=np.float64) for other in others]
    return list(np.broadcast_arrays(psi, 2 * share * (1 - share), *numbers))


def _unit_width(kappa: ArrayLike, prevalence: ArrayLike, level: float) -> FloatArray:
    """Half-width for one study: z times the root of n times the variance of kappa."""
    value, share = np.broadcast_arrays(np.asarray(kappa, dtype=np.float64), _inside(prevalence, "prevalence"))
    wrong = (1 - value) * share * (1 - share)  # of each kind
    table = np.array([[1 - share - wrong, wrong], [wrong, share - wrong]])
    if not (table >= 0).all():
        raise ValueError("no rater with unbiased margins has such a kappa at this prevalence")
    variance = kappa_variance(np.moveaxis(table, (0, 1), (-2, -1)))
    width = float(ndtri((1 + float(_inside(level, "level"))) / 2)) * np.sqrt(variance)
    return np.where(value == 1, np.nan, width)


def _quantiles(power: float, alpha: float) -> tuple[float, float]:
    """Normal quantiles of the two-sided level and of the power."""
    return float(-ndtri(_inside(alpha, "alpha") / 2)), float(ndtri(_inside(power, "power")))


def _up(numbers: FloatArray) -> FloatArray:
    """Round up, but not for the sake of a last digit."""
    return np.asarray(np.ceil(numbers * (1 - 1e-12)))


def _positive(values: ArrayLike, name: str) -> FloatArray:
    numbers = np.asarray(values, dtype=np.float64)
    if not (numbers > 0).all():
        raise ValueError(f"{name} must be positive")
    return numbers


def _inside(values: ArrayLike, name: str) -> FloatArray:
    numbers = np.asarray(values, dtype=np.float64)
    if not ((numbers > 0) & (numbers < 1)).all():
        raise ValueError(f"{name} must lie between 0 and 1")
    return numbers
