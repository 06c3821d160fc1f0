"""Calibration of the combined probability: Platt, isotonic, temperature.

Fitted on cross-fitted probabilities, before the operating point. It changes no order of the studies except
by ties (isotonic), so that it matters to a cut of 0.5 and to whoever reads the probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from mura_ensemble.ensembles.combining.combination import EDGE, Array, to_logit

__all__ = ["CALIBRATIONS", "Calibration", "fit_calibration"]

CALIBRATIONS = ("none", "platt", "isotonic", "temperature")


@dataclass(frozen=True)
class Calibration:
    """A rising map from probability to probability.

    Attributes
    ----------
    kind : {'none', 'platt', 'isotonic', 'temperature'}
    slope, intercept : float
        sigmoid(slope * logit + intercept) for `platt` and `temperature` (there the slope is 1/T).
    knots, values : list of float
        Linear between these for `isotonic`.
    """

    kind: str = "none"
    slope: float = 1.0
    intercept: float = 0.0
    knots: list[float] | None = None
    values: list[float] | None = None

    def apply(self, probability: Array) -> Array:
        """Calibrated probability (n,); NaN stays NaN."""
        if self.kind == "none":
            return probability
        if self.knots is not None and self.values is not None:
            known = ~np.isnan(probability)
            found = np.full(len(probability), np.nan)
            found[known] = np.interp(probability[known], self.knots, self.values)
            return found
        calibrated: Array = expit(self.slope * to_logit(probability) + self.intercept)
        return calibrated


def fit_calibration(kind: str, probability: Array, gold: Array) -> Calibration:
    """Fit the map.

    Parameters
    ----------
    kind : str
        A name in `CALIBRATIONS`.
    probability, gold : (n,) arrays
        Held-out probabilities and 0/1, both classes.

    Notes
    -----
    Platt's map is an unpenalised logistic regression on the logit and temperature scaling one without an
    intercept, both by scikit-learn's `LogisticRegression`; isotonic is its `IsotonicRegression`.
    """
    if kind == "none":
        return Calibration()
    if kind == "isotonic":
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=EDGE, y_max=1 - EDGE, out_of_bounds="clip").fit(probability, gold)
        return Calibration(kind, knots=fitted.X_thresholds_.tolist(), values=fitted.y_thresholds_.tolist())
    from sklearn.linear_model import LogisticRegression

    free = LogisticRegression(C=1e10, tol=1e-10, max_iter=1000, fit_intercept=kind == "platt")
    free.fit(to_logit(probability)[:, None], gold)
    if free.coef_[0, 0] <= 0:  # the probability points the wrong way; a rising map cannot mend that
        return Calibration()
    return Calibration(kind, float(free.coef_[0, 0]), float(np.ravel(free.intercept_)[0]))
