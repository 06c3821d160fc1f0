"""What an ensemble is worth on studies it was not fitted on, although all studies serve to fit it.

One patient-grouped partition serves every level: a fold is held out, and what is fitted on the other
folds (penalty, weights, threshold) uses only those, cross-validating among them. Kappa of the held-out
calls is the nested kappa; kappa of the final ensemble on its own studies is the apparent one; their
difference is the optimism that a report without nesting would have printed (Varma and Simon 2006,
BMC Bioinformatics 7:91).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.ensembles.combination import Array, Combination, Folds
from mura_ensemble.ensembles.strategies import STRATEGIES
from mura_ensemble.ensembles.thresholds import OperatingPoint, OperatingPointKind
from mura_ensemble.ensembles.thresholds import fit as fit_operating_point

__all__ = ["cross_fitted", "fit_and_call", "nested_calls"]


def cross_fitted(strategy: str, probabilities: Array, gold: Array, folds: Folds) -> Array:
    """Combined probability (n,) of each study by a combination fitted on the other folds.

    Parameters
    ----------
    strategy : str
        A name in `STRATEGIES`.
    probabilities : (n, M) array
    gold, folds : (n,) arrays
    """
    held_out = np.full(len(gold), np.nan)
    for fold in np.unique(folds):
        inside = folds != fold
        combination = STRATEGIES[strategy].fit(probabilities[inside], gold[inside], folds[inside])
        held_out[~inside] = combination.predict(probabilities[~inside])
    return held_out


def fit_and_call(
    strategy: str,
    operating_point: OperatingPointKind,
    probabilities: Array,
    gold: Array,
    study_types: NDArray[np.str_],
    folds: Folds,
) -> tuple[Combination, OperatingPoint]:
    """Fit the combination on all rows and the operating point on its cross-fitted probabilities."""
    combination = STRATEGIES[strategy].fit(probabilities, gold, folds)
    if operating_point == "half":
        return combination, OperatingPoint()
    held_out = cross_fitted(strategy, probabilities, gold, folds)
    return combination, fit_operating_point(operating_point, held_out, gold, study_types)


def nested_calls(
    strategy: str,
    operating_point: OperatingPointKind,
    probabilities: Array,
    gold: Array,
    study_types: NDArray[np.str_],
    folds: Folds,
) -> Array:
    """Calls (n,) of each study by an ensemble fitted, threshold included, on the other folds.

    Raises
    ------
    ValueError
        With fewer than three folds: inside a held-out fold two must be left to cross-validate with.
    """
    names = np.unique(folds)
    if len(names) < 3:
        raise ValueError(f"nested evaluation needs at least 3 folds, {len(names)} given")
    calls = np.full(len(gold), np.nan)
    for fold in names:
        inside = folds != fold
        combination, point = fit_and_call(
            strategy, operating_point, probabilities[inside], gold[inside], study_types[inside], folds[inside]
        )
        calls[~inside] = point.call(combination.predict(probabilities[~inside]), study_types[~inside])
    return calls
