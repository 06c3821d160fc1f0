"""An ensemble: pooling, combination and operating point, and the studies it was fitted on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.ensembles.combining.combination import Array, Combination, Names
from mura_ensemble.ensembles.pooling.rules import Pooling
from mura_ensemble.ensembles.pooling.studies import StudyProbabilities
from mura_ensemble.ensembles.recipes import Parts, Recipe
from mura_ensemble.ensembles.thresholds import OperatingPoint
from mura_ensemble.ensembles.worth.intervals import Weight

__all__ = ["Candidate", "Ensemble", "Evaluation", "FittedOn", "key_digest"]


def key_digest(key: str) -> str:
    """First 16 hex digits of the SHA-256 of a study or patient key."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class FittedOn:
    """What an ensemble remembers of the studies it was fitted on.

    Attributes
    ----------
    split : str
    studies, patients, abnormal : int
    left_out : int
        Studies that lacked a probability of some backbone.
    role : str
        What the base models had seen of these studies: `held-out`, `out-of-fold` or `unknown`.
    prediction_keys : mapping
        Backbone to the key of its predictions.
    study_digests, patient_digests : frozenset of str
        `key_digest` of each study and patient.
    simulated : bool
    """

    split: str
    studies: int
    patients: int
    abnormal: int
    left_out: int
    role: str
    prediction_keys: Mapping[str, str]
    study_digests: frozenset[str]
    patient_digests: frozenset[str]
    simulated: bool

    def overlap(self, studies: Iterable[str], patients: Iterable[str]) -> tuple[list[str], list[str]]:
        """Those of `studies` and of `patients` that it was fitted on, sorted."""
        seen_studies = sorted(key for key in set(studies) if key_digest(key) in self.study_digests)
        seen_patients = sorted(key for key in set(patients) if key_digest(key) in self.patient_digests)
        return seen_studies, seen_patients


@dataclass(frozen=True)
class Candidate:
    """One recipe among which was chosen.

    Attributes
    ----------
    recipe : str
        Its label.
    kappa : float
        Cross-validated on the studies of the fit. The greatest of several such kappas flatters: what the chosen
        ensemble is worth is the nested kappa of the `Evaluation`.
    chosen : int
        In how many of the folds of the nested evaluation it was chosen.
    """

    recipe: str
    kappa: float
    chosen: int


@dataclass(frozen=True)
class Evaluation:
    """Kappa on the studies of the fit.

    Attributes
    ----------
    apparent : float
        Of the final ensemble on its own studies: too good where anything was fitted or chosen.
    nested, low, high : float
        Of calls made without the study's patient (`nested_choice`), with its interval at `level`.
    level : float
    folds, seed, n : int
    candidates : tuple of Candidate
        Empty where there was no choice.
    mix : str
        Split whose mix of study types the kappas are weighted to; empty where they are not weighted.
    """

    apparent: float
    nested: float
    low: float
    high: float
    level: float
    folds: int
    seed: int
    n: int
    candidates: tuple[Candidate, ...] = ()
    mix: str = ""

    @property
    def gap(self) -> float:
        """Apparent minus nested kappa: the optimism."""
        return self.apparent - self.nested


@dataclass(frozen=True)
class Ensemble:
    """One rater made of several backbones.

    Attributes
    ----------
    name : str
    backbones : tuple of str
        The order of the columns that `parts` expects.
    recipe : Recipe
        What was fitted.
    parts : Parts
        What became of it.
    fitted_on : FittedOn
    evaluation : Evaluation
    weights : tuple of Weight
        One per backbone; empty in files of the first version.
    notes : tuple of str
        What must be known to read the numbers.
    """

    name: str
    backbones: tuple[str, ...]
    recipe: Recipe
    parts: Parts
    fitted_on: FittedOn
    evaluation: Evaluation
    weights: tuple[Weight, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def pooling(self) -> Pooling:
        """How the views of a study become one probability per backbone."""
        return self.parts.pooling

    @property
    def combination(self) -> Combination:
        """How the backbones become one probability."""
        return self.parts.combination

    @property
    def operating_point(self) -> OperatingPoint:
        """Above which probability a study is called abnormal."""
        return self.parts.operating_point

    def apply(self, studies: StudyProbabilities, *, allow_fitted: bool = False) -> pd.DataFrame:
        """Probability and call of every study.

        Parameters
        ----------
        studies : StudyProbabilities
            With at least this ensemble's backbones; their views are pooled by this ensemble's rule.
        allow_fitted : bool
            Apply it although it was fitted on some of these studies or patients. Numbers from such calls
            are apparent, not honest; the `fitted` column marks them.

        Returns
        -------
        DataFrame
            Indexed by study: `probability`, `call` (0/1; both NaN where a backbone is missing), `fitted` (bool:
            the ensemble was fitted on this study or on another one of its patient) and `backbones` (int: how many
            of them the probability is made of; fewer than all only under `missing='renormalise'`).

        Raises
        ------
        InputError
            For a backbone that is not there, or for fitted studies without `allow_fitted`.
        """
        for backbone in self.backbones:
            if backbone not in studies.probabilities:
                found = ", ".join(studies.probabilities.columns)
                raise InputError(
                    f"ensemble '{self.name}' needs backbone '{backbone}'; the predictions hold {found}"
                )
        where = studies.studies
        seen_studies, seen_patients = self.fitted_on.overlap(where.index, where["patient"])
        if (seen_studies or seen_patients) and not allow_fitted:
            what = (
                f"{len(seen_studies)} of these {len(where)} studies (first: {seen_studies[0]})"
                if seen_studies
                else f"other studies of {len(seen_patients)} of these patients (first: {seen_patients[0]})"
            )
            raise InputError(
                f"ensemble '{self.name}' was fitted on {what}, so its kappa here would be flattering; use studies "
                "it has not seen, or say --allow-fitted and have it marked"
            )
        study_types = where["study_type"].to_numpy(dtype=np.str_)
        each = self.parts.pooling.pool(studies.views_of(self.backbones), study_types)
        probability, used = self._combined(each, study_types, studies.missing == "renormalise")
        return pd.DataFrame(
            {
                "probability": probability,
                "call": self.operating_point.call(probability, study_types),
                "fitted": where.index.isin(seen_studies) | where["patient"].isin(seen_patients),
                "backbones": used,
            },
            index=where.index,
        )

    def of_single_views(self, probabilities: Array, study_types: Names) -> Array:
        """Probability of each view as if it were a study of its own.

        Parameters
        ----------
        probabilities : ndarray, shape (n, M)
            Of the views by every backbone, in the order of `backbones`.
        study_types : ndarray of str, shape (n,)

        Returns
        -------
        ndarray, shape (n,)
        """
        each = self.parts.pooling.pool(probabilities[:, None, :], study_types)
        return self._combined(each, study_types, False)[0]

    def _combined(
        self, each: Array, study_types: Names, renormalise: bool
    ) -> tuple[Array, np.ndarray[tuple[int], np.dtype[np.int64]]]:
        """Probability (n,) and how many backbones it is made of."""
        present = ~np.isnan(each)
        probability, used = np.full(len(each), np.nan), np.zeros(len(each), dtype=np.int64)
        for pattern in np.unique(present, axis=0):
            combination = self.combination.only(pattern) if renormalise and pattern.any() else None
            if pattern.all():
                combination = self.combination
            if combination is None:
                continue
            rows = (present == pattern).all(axis=1)
            combined = combination.predict(each[rows][:, pattern], study_types[rows])
            probability[rows] = self.parts.calibration.apply(combined)
            used[rows] = pattern.sum()
        return probability, used
