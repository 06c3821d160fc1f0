"""What an ensemble is worth on studies it was not fitted on, although all studies serve to fit it.

One patient-grouped partition serves every level: a fold is held out, and whatever is decided on the other
folds (pooling, penalty, weights, calibration, threshold, and which recipe is best) uses only those,
cross-validating among them. Kappa of the held-out calls is the nested kappa; kappa of the final ensemble on its
own studies is the apparent one; their difference is the optimism that a report without nesting would have
printed (Varma and Simon 2006, BMC Bioinformatics 7:91).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mura_ensemble.ensembles.combining.combination import Array, Folds, Sample
from mura_ensemble.ensembles.recipes import Parts, Recipe, fit_parts
from mura_ensemble.stats.kappa.cohen import cohen_kappa, tables_2x2

__all__ = [
    "Nested",
    "best_recipe",
    "kappa_draws",
    "kappa_of",
    "nested_calls",
    "nested_choice",
    "reweighted_interval",
]


@dataclass(frozen=True)
class Nested:
    """Held-out calls and how they came about.

    Attributes
    ----------
    calls : (n,) array
        Of each study by an ensemble to which its fold was unknown.
    parts : tuple of Parts
        What was fitted without each fold, in the order of the folds.
    chosen : tuple of int
        Which recipe was chosen without each fold.
    """

    calls: Array
    parts: tuple[Parts, ...]
    chosen: tuple[int, ...]


def kappa_of(sample: Sample, calls: Array) -> float:
    """Kappa of calls (n,), weighted where the sample is; NaN where undefined."""
    return float(cohen_kappa(tables_2x2(sample.gold, calls, weights=sample.weights))[0])


def nested_calls(recipe: Recipe, sample: Sample) -> Array:
    """Calls (n,) of each study by the recipe fitted on the other folds.

    Raises
    ------
    ValueError
        With a single fold.
    """
    names = sample.names_of_folds
    if len(names) < 2:
        raise ValueError("held-out calls need at least 2 folds")
    calls = np.full(len(sample.gold), np.nan)
    for fold in names:
        outside = sample.only(fold)
        parts = fit_parts(recipe, sample.without(fold))
        calls[sample.folds == fold] = parts.call(outside.probabilities, outside.study_types)
    return calls


def best_recipe(recipes: Sequence[Recipe], sample: Sample) -> tuple[int, tuple[float, ...]]:
    """Which recipe has the greatest kappa of its held-out calls (the first of equals), and all kappas."""
    if len(recipes) == 1:
        return 0, ()
    kappas = tuple(kappa_of(sample, nested_calls(recipe, sample)) for recipe in recipes)
    return int(np.argmax(np.nan_to_num(kappas, nan=-np.inf))), kappas


def nested_choice(recipes: Sequence[Recipe], sample: Sample) -> Nested:
    """Held-out calls where also the choice among the recipes is made without the fold.

    Raises
    ------
    ValueError
        With fewer than three folds, or than four where there is a choice: two must be left to cross-validate.
    """
    names = sample.names_of_folds
    needed = 3 if len(recipes) == 1 else 4
    if len(names) < needed:
        raise ValueError(f"nested evaluation needs at least {needed} folds here, {len(names)} given")
    calls = np.full(len(sample.gold), np.nan)
    fitted, chosen = [], []
    for fold in names:
        inside, outside = sample.without(fold), sample.only(fold)
        best, _ = best_recipe(recipes, inside)
        parts = fit_parts(recipes[best], inside)
        calls[sample.folds == fold] = parts.call(outside.probabilities, outside.study_types)
        fitted.append(parts)
        chosen.append(best)
    return Nested(calls, tuple(fitted), tuple(chosen))


def kappa_draws(sample: Sample, calls: Array, *, resamples: int, seed: int) -> Array:
    """Kappa (resamples, R) of calls (n, R) on resamples of patients, the same ones for every rater.

    A patient is drawn with all his studies; a study counts `sample.weights` in its cell of the 2x2 table.
    """
    weights = np.ones(len(calls)) if sample.weights is None else sample.weights
    patients, unit = np.unique(sample.patients, return_inverse=True)
    cells: Folds = (2 * sample.gold[:, None] + calls).astype(np.int64)
    by_patient = np.stack(
        [np.bincount(unit * 4 + cell, weights, minlength=4 * len(patients)) for cell in cells.T]
    ).reshape(-1, len(patients), 4)
    rng = np.random.default_rng(seed)
    draws = []
    for start in range(0, resamples, 500):
        size = min(500, resamples - start)
        times = rng.multinomial(len(patients), np.full(len(patients), 1 / len(patients)), size=size)
        tables = np.stack([times @ own for own in by_patient], axis=1)
        draws.append(cohen_kappa(tables.reshape(size, -1, 2, 2)))
    return np.concatenate(draws)


def reweighted_interval(
    sample: Sample, calls: Array, *, level: float, resamples: int = 10_000, seed: int
) -> tuple[float, float]:
    """Percentile interval of the weighted kappa of calls (n,) over resamples of patients."""
    draws = kappa_draws(sample, calls[:, None], resamples=resamples, seed=seed)
    low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
