"""What is to be fitted: pooling x combination x calibration x operating point; and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from mura_ensemble.data.errors import InputError
from mura_ensemble.ensembles.combining.calibrating import CALIBRATIONS, Calibration, fit_calibration
from mura_ensemble.ensembles.combining.combination import Array, Combination, Names, Sample
from mura_ensemble.ensembles.pooling.rules import (
    LEARNED,
    Pooling,
    fit_pooling,
    grows_with_views,
    pooled,
    rules_of,
)
from mura_ensemble.ensembles.strategies import OWN_CUT, STRATEGIES
from mura_ensemble.ensembles.thresholds import OperatingPoint, parse_operating_point
from mura_ensemble.ensembles.thresholds import fit as fit_operating_point

__all__ = ["AUTO_STRATEGIES", "Parts", "Recipe", "cross_fitted", "fit_parts", "recipes_of"]

AUTO_STRATEGIES = (
    "mean",
    "logit-mean",
    "weighted",
    "greedy-bagged",
    "stack",
    "stack-nonnegative",
    "hierarchical",
)
AUTO_POOLINGS = ("mean", "learned")
AUTO_OPERATING_POINTS = ("half", "intercept")
_MANY_COLUMNS = 150  # beyond this a hierarchical stack takes minutes in a nested choice


@dataclass(frozen=True)
class Recipe:
    """Names of the parts; `operating_point` as `parse_operating_point` reads it."""

    strategy: str = "mean"
    pooling: str = "mean"
    operating_point: str = "half"
    calibration: str = "none"

    def __post_init__(self) -> None:
        for what, name, known in (
            ("strategy", self.strategy, tuple(STRATEGIES)),
            ("calibration", self.calibration, CALIBRATIONS),
        ):
            if name not in known:
                raise InputError(f"{what} '{name}' is unknown; choose {', '.join(known)}")
        if self.pooling not in LEARNED:
            rules_of(self.pooling)
        kind, _ = parse_operating_point(self.operating_point)
        if kind == "half" and self.calibration == "none":
            if grows_with_views(self.pooling):
                raise InputError(
                    f"pooling '{self.pooling}' rises with the number of views, so at a fixed cut of 0.5 a study with "
                    "more views is called abnormal whatever they show; choose --threshold kappa, or another --pooling"
                )
            if self.strategy in OWN_CUT:
                raise InputError(
                    f"strategy '{self.strategy}' chooses its weights for a threshold of their own and means nothing "
                    "at a fixed cut of 0.5; choose --threshold kappa, or another --strategy"
                )

    @property
    def label(self) -> str:
        """The names that differ from the plain ones, for a table."""
        parts = [self.strategy]
        parts += [f"{self.pooling} of views"] if self.pooling != "mean" else []
        parts += [self.calibration] if self.calibration != "none" else []
        parts += [self.operating_point] if self.operating_point != "half" else []
        return ", ".join(parts)


@dataclass(frozen=True)
class Parts:
    """A fitted recipe."""

    pooling: Pooling
    combination: Combination
    calibration: Calibration
    operating_point: OperatingPoint

    def probability(self, views: Array, study_types: Names) -> Array:
        """Probability (n,) of each study from its views (n, V, M)."""
        each = self.pooling.pool(views, study_types)
        return self.calibration.apply(self.combination.predict(each, study_types))

    def call(self, views: Array, study_types: Names) -> Array:
        """Call (n,) of each study from its views (n, V, M)."""
        return self.operating_point.call(self.probability(views, study_types), study_types)


def recipes_of(
    strategy: str,
    pooling: str,
    operating_point: str,
    calibration: str,
    *,
    backbones: int,
    study_types: int,
    several_views: bool,
) -> list[Recipe]:
    """The recipes among which to choose: one, unless some part is `auto`.

    Of `auto` a hierarchical stack of a single study type or of more than 150 columns and, where no study has two
    views, a learned pooling are left out.
    """
    strategies: Sequence[str] = [strategy]
    if strategy == "auto":
        plain = study_types < 2 or backbones * (study_types + 1) > _MANY_COLUMNS
        strategies = [name for name in AUTO_STRATEGIES if not (plain and name == "hierarchical")]
    poolings = [pooling]
    if pooling == "auto":
        poolings = list(AUTO_POOLINGS if several_views else AUTO_POOLINGS[:1])
    points = list(AUTO_OPERATING_POINTS) if operating_point == "auto" else [operating_point]
    return [
        Recipe(own, views, point, calibration) for point, views, own in product(points, poolings, strategies)
    ]


def fit_parts(recipe: Recipe, sample: Sample) -> Parts:
    """Fit pooling and combination on all rows, calibration and operating point on cross-fitted probabilities.

    Parameters
    ----------
    recipe : Recipe
    sample : Sample
        Probabilities (n, V, M).
    """
    return sample.remember(("parts", recipe), lambda: _fit_parts(recipe, sample))


def _fit_parts(recipe: Recipe, sample: Sample) -> Parts:
    pooling, combination = _fit_combination(recipe, sample)
    kind, target = parse_operating_point(recipe.operating_point)
    if kind == "half" and recipe.calibration == "none":
        return Parts(pooling, combination, Calibration(), OperatingPoint())
    held_out = cross_fitted(recipe, sample)
    calibration = fit_calibration(recipe.calibration, held_out, sample.gold)
    point = fit_operating_point(
        kind, calibration.apply(held_out), sample.gold, sample.study_types, target=target
    )
    return Parts(pooling, combination, calibration, point)


def cross_fitted(recipe: Recipe, sample: Sample) -> Array:
    """Combined probability (n,), not calibrated, of each study by a fit on the other folds.

    Where a single fold is left there are no others; then the fit on that fold itself.
    """
    names = sample.names_of_folds
    held_out = np.full(len(sample.gold), np.nan)
    for fold in names:
        outside = sample.only(fold)
        pooling, combination = _fit_combination(recipe, sample.without(fold) if len(names) > 1 else sample)
        each = pooling.pool(outside.probabilities, outside.study_types)
        held_out[sample.folds == fold] = combination.predict(each, outside.study_types)
    return held_out


def _fit_combination(recipe: Recipe, sample: Sample) -> tuple[Pooling, Combination]:
    def fit() -> tuple[Pooling, Combination]:
        pooling = sample.remember(("pooling", recipe.pooling), lambda: fit_pooling(recipe.pooling, sample))
        return pooling, STRATEGIES[recipe.strategy](pooled(pooling, sample))

    return sample.remember(("combination", recipe.pooling, recipe.strategy), fit)
