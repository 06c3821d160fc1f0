"""Where things stand on a drawing: lines of equal kappa, labels that do not overlap, bends of a curve. No drawing here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["iso_kappa_specificity", "spread_labels"]


def iso_kappa_specificity(
    kappa: float, sensitivity: NDArray[np.float64], prevalence: float
) -> NDArray[np.float64]:
    """Specificity that gives `kappa` at each sensitivity: a straight line for a given prevalence.

    With prevalence pi, sensitivity s, specificity c: p_o = pi s + (1 - pi) c and p_e = (1 - pi) + (2 pi - 1) q with
    q = pi s + (1 - pi)(1 - c). kappa = (p_o - p_e) / (1 - p_e) is then linear in s and c.
    """
    tilt = (1 - kappa) * (2 * prevalence - 1)
    right_side = kappa + (1 - kappa) * 2 * prevalence * (1 - prevalence)
    return (right_side - sensitivity * prevalence * (1 - tilt)) / ((1 - prevalence) * (1 + tilt))


def spread_labels(wanted: NDArray[np.float64], gap: float, low: float, high: float) -> NDArray[np.float64]:
    """Positions as near as can be to `wanted` (ascending), inside [low, high], `gap` apart where there is room."""
    from scipy.optimize import isotonic_regression

    if not len(wanted):
        return wanted
    # Subtracting the steps turns "at least gap apart" into "not descending", which least squares solve exactly.
    steps = min(gap, (high - low) / max(1, len(wanted) - 1)) * np.arange(len(wanted))
    level = np.clip(isotonic_regression(wanted - steps).x, low, max(low, high - steps[-1]))
    placed: NDArray[np.float64] = level + steps
    return placed
