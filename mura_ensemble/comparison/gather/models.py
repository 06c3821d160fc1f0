"""Backbones and ensembles of a set of predictions, called and looked through: every verb that scores models begins here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from mura_ensemble.comparison.findings.leakage import same_network, seen_patients, tuned_here
from mura_ensemble.comparison.gather.gathered_warnings import patients_warning, role_warnings, view_warnings
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import digest_of
from mura_ensemble.data.predictions import backbone_folders, read_card, splits_of
from mura_ensemble.ensembles.ensemble import Ensemble
from mura_ensemble.ensembles.pooling.studies import Missing, read_study_probabilities
from mura_ensemble.ensembles.store import load_ensemble
from mura_ensemble.ensembles.thresholds import OperatingPoint

__all__ = ["SCORING_SPLITS", "Models", "choose_split", "gather_models", "read_cards"]

SCORING_SPLITS = ("test", "val", "valid")
"""Where a split must be guessed for scoring: the first of these that every backbone has."""


@dataclass(frozen=True)
class Models:
    """What a set of predictions calls on the studies that are scored.

    Attributes
    ----------
    studies : DataFrame
        Index study, of the whole split; `patient`, `study_type`, and `views` (how many) where views are known.
    calls, probabilities : DataFrame
        Same index; one column per model, backbones by name and then ensembles; 0, 1 or NaN, and [0, 1] or NaN.
    kinds : dict
        Model to `backbone` or `ensemble`.
    notes : dict
        Model to what must be known to read its numbers.
    apparent : tuple of str
        Models that were fitted or trained on studies that are scored.
    warnings : tuple of str
        What must be known to read all numbers.
    points : dict
        Model to the operating point that made its calls.
    ensembles : tuple of Ensemble
    simulated : bool
    provenance : dict
        Keys of the predictions and digests of the ensembles.
    """

    studies: pd.DataFrame
    calls: pd.DataFrame
    probabilities: pd.DataFrame
    kinds: dict[str, Literal["backbone", "ensemble"]]
    notes: dict[str, str]
    apparent: tuple[str, ...]
    warnings: tuple[str, ...]
    points: dict[str, OperatingPoint]
    ensembles: tuple[Ensemble, ...]
    simulated: bool
    provenance: dict[str, Any]


def read_cards(predictions: Path, backbones: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Cards of the backbones below `predictions`, by name."""
    return {folder.name: read_card(folder) for folder in backbone_folders(predictions, backbones)}


def choose_split(predictions: Path, split: str | None, *, prefer: Sequence[str]) -> str:
    """The split that was named, or the first of `prefer` that every backbone has.

    Raises
    ------
    InputError
        If it was not named and cannot be guessed.
    """
    if split is not None:
        return split
    there = splits_of(predictions)
    for name in prefer:
        if name in there:
            return name
    raise InputError(
        f"{predictions}: say which --split to use; every backbone has {', '.join(there) or 'none'}"
    )


def gather_models(
    predictions: Path,
    split: str,
    *,
    scored: pd.Index | None = None,
    ensembles: Sequence[Path] = (),
    backbones: Sequence[str] = (),
    missing: Missing = "error",
    allow_fitted: bool = False,
    patients_elsewhere: bool = False,
) -> Models:
    """Call every study and say what predictions, cards and ensembles give away about themselves.

    Parameters
    ----------
    predictions : Path
        A cache of predictions (`predictions/<set>`); backbones call a study abnormal above 0.5.
    split : str
    scored : Index, optional
        Studies that will be scored; the whole split without it.
    ensembles : sequence of Path
        JSON files of `mura-ensemble fit-stack`.
    backbones : sequence of str
        Only these; all if empty.
    patients_elsewhere : bool
        Patients are known from another file, so that it does not matter whether the predictions know them.

    Raises
    ------
    InputError
        If two models have one name, or any part does not fit the others.
    """
    pooled = read_study_probabilities(predictions, split, backbones=tuple(sorted(backbones)), missing=missing)
    cards = read_cards(predictions, sorted(backbones))
    studies = pooled.studies[["patient", "study_type"]]
    if pooled.views_per_study is not None:
        studies = studies.assign(views=pooled.views_per_study)
    here = studies.index if scored is None else studies.index.intersection(scored)
    warnings = [
        *role_warnings(cards, split),
        *([] if patients_elsewhere else patients_warning(predictions, cards, split)),
        *view_warnings(pooled),
        *same_network(pooled, cards),
        *seen_patients(predictions, cards, split, studies.loc[here, "patient"]),
    ]
    types = studies["study_type"].to_numpy(dtype=np.str_)
    probabilities = {str(name): values for name, values in pooled.probabilities.items()}
    points = dict.fromkeys(probabilities, OperatingPoint())
    calls = {
        name: pd.Series(points[name].call(values.to_numpy(np.float64), types), index=studies.index)
        for name, values in probabilities.items()
    }
    kinds: dict[str, Literal["backbone", "ensemble"]] = dict.fromkeys(calls, "backbone")
    roles = {name: cards[name]["splits"][split]["role"] for name in calls}
    notes = {name: _ROLES[role] for name, role in roles.items() if role in _ROLES}
    apparent = [name for name, role in roles.items() if role == "in-sample"]
    applied_ensembles: list[Ensemble] = []
    paths = sorted(ensembles, key=lambda path: path.name)
    for path in paths:
        ensemble = load_ensemble(path)
        name = ensemble.name
        if name in calls:
            raise InputError(
                f"{path}: a rater named '{name}' is there already; fit it again with another --name"
            )
        applied = ensemble.apply(pooled, allow_fitted=allow_fitted)
        calls[name], kinds[name] = applied["call"], "ensemble"
        probabilities[name], points[name] = applied["probability"], ensemble.operating_point
        applied_ensembles.append(ensemble)
        fitted = int(applied.loc[here, "fitted"].sum())
        if fitted:
            warnings += tuned_here(ensemble, fitted)
            notes[name] = f"fitted on {fitted} of these studies: apparent, not honest"
            apparent.append(name)
    return Models(
        studies=studies,
        calls=pd.DataFrame(calls),
        probabilities=pd.DataFrame(probabilities),
        kinds=kinds,
        notes=notes,
        apparent=tuple(apparent),
        warnings=tuple(warnings),
        points=points,
        ensembles=tuple(applied_ensembles),
        simulated=any(card["simulated"] for card in cards.values()),
        provenance={
            "predictions": predictions.name,
            "split": split,
            "prediction_keys": {name: card["splits"][split]["key"] for name, card in cards.items()},
            "ensembles": {path.name: digest_of(path.read_text(encoding="utf-8")) for path in paths},
        },
    )


_ROLES = {
    "in-sample": "trained or validated on these studies: apparent, not honest",
    "out-of-fold": "out-of-fold",
}
