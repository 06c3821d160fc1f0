"""Fit an ensemble on labelled studies, nested evaluation included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.folds import assign_folds
from mura_ensemble.ensembles.combination import Array, Folds
from mura_ensemble.ensembles.ensemble import Ensemble, Evaluation, FittedOn, key_digest
from mura_ensemble.ensembles.nested import fit_and_call, nested_calls
from mura_ensemble.ensembles.pooling import StudyProbabilities
from mura_ensemble.ensembles.strategies import STRATEGIES
from mura_ensemble.ensembles.thresholds import OPERATING_POINTS, OperatingPointKind
from mura_ensemble.stats.clustered import clustered_kappa_interval
from mura_ensemble.stats.kappa import cohen_kappa, tables_2x2

__all__ = ["fit_ensemble", "gold_of"]


def gold_of(studies: pd.DataFrame, labels: pd.Series[Any], *, source: str) -> pd.Series[float]:
    """Gold standard of each study, in the order of `studies`; labels of other studies are left aside.

    Raises
    ------
    InputError
        If a study has no label.
    """
    missing = studies.index.difference(labels.index)
    if len(missing):
        raise InputError(
            f"{source}: no label for study {missing[0]} ({len(missing):,} of {len(studies):,} predicted studies have "
            "none); give labels for every study or predict only labelled ones"
        )
    gold: pd.Series[float] = labels.reindex(studies.index).astype(np.float64)
    return gold


def fit_ensemble(
    studies: StudyProbabilities,
    gold: pd.Series[float],
    *,
    strategy: str = "stack",
    operating_point: OperatingPointKind = "half",
    name: str | None = None,
    pooling: str = "mean",
    folds: int = 5,
    seed: int = 0,
    level: float = 0.95,
    cards: Mapping[str, Mapping[str, Any]],
) -> Ensemble:
    """Fit on all studies that have every probability and a gold standard.

    Parameters
    ----------
    studies : StudyProbabilities
        One split, pooled by `pooling`.
    gold : Series
        Indexed like `studies.studies`: 0, 1, or NaN where the gold standard is undecided.
    strategy : str
        A name in `STRATEGIES`.
    operating_point : {'half', 'kappa', 'per-study-type'}
    folds : int
        Patient-grouped folds of the nested evaluation and of every inner choice; at least 3.
    seed : int
        Decides the folds; same seed, same digits.
    cards : mapping
        Backbone to its card (`read_card`), for the leakage check and the record.

    Raises
    ------
    InputError
        For an unknown strategy, predictions that are in-sample, or too few usable studies.
    """
    if strategy not in STRATEGIES:
        raise InputError(f"strategy '{strategy}' is unknown; choose {', '.join(STRATEGIES)}")
    if operating_point not in OPERATING_POINTS:
        raise InputError(
            f"operating point '{operating_point}' is unknown; choose {', '.join(OPERATING_POINTS)}"
        )
    if folds < 3:
        raise InputError(f"{folds} folds: the nested evaluation needs at least 3")
    split = str(studies.studies["split"].iloc[0])
    role = _common_role(cards, split)
    usable = (studies.probabilities.notna().all(axis=1) & gold.notna()).to_numpy()
    where, labels = studies.studies[usable], gold[usable]
    for value, word in ((0, "normal"), (1, "abnormal")):
        if (labels == value).sum() < folds:
            raise InputError(
                f"split '{split}': {(labels == value).sum()} {word} studies with every probability; "
                f"{folds} folds need at least {folds}"
            )
    fold = assign_folds(where.reset_index(), labels.astype(np.int64), folds=folds, seed=seed).reindex(
        where.index
    )
    fold_of: Folds = np.asarray(fold, dtype=np.int64)
    matrix: Array = studies.probabilities[usable].to_numpy(np.float64)
    truth: Array = np.asarray(labels, dtype=np.float64)
    study_types = where["study_type"].to_numpy(dtype=np.str_)
    combination, point = fit_and_call(strategy, operating_point, matrix, truth, study_types, fold_of)
    apparent = cohen_kappa(tables_2x2(truth, point.call(combination.predict(matrix), study_types)))[0]
    held_out = nested_calls(strategy, operating_point, matrix, truth, study_types, fold_of)
    patients = pd.factorize(where["patient"], sort=True)[0]
    nested = clustered_kappa_interval(truth, held_out, patients, level=level, rng=seed)
    return Ensemble(
        name=name or strategy,
        backbones=tuple(studies.probabilities.columns),
        pooling=pooling,
        combination=combination,
        operating_point=point,
        fitted_on=FittedOn(
            split=split,
            studies=len(where),
            patients=int(where["patient"].nunique()),
            abnormal=int(labels.sum()),
            left_out=int((~usable).sum()),
            role=role,
            prediction_keys={name: card["splits"][split]["key"] for name, card in cards.items()},
            study_digests=frozenset(key_digest(key) for key in where.index),
            patient_digests=frozenset(key_digest(key) for key in where["patient"]),
            simulated=any(card["simulated"] for card in cards.values()),
        ),
        evaluation=Evaluation(
            apparent=float(apparent),
            nested=float(nested.estimate),
            low=float(nested.low),
            high=float(nested.high),
            level=level,
            folds=folds,
            seed=seed,
            n=len(where),
        ),
    )


def _common_role(cards: Mapping[str, Mapping[str, Any]], split: str) -> str:
    roles = {name: card["splits"][split]["role"] for name, card in cards.items()}
    for name, role in roles.items():
        if role == "in-sample":
            raise InputError(
                f"backbone '{name}' was trained on split '{split}', so its probabilities there say nothing about new "
                "studies; train with --folds 5 and predict again to have out-of-fold ones, or fit on another split"
            )
    for role in ("unknown", "out-of-fold"):
        if role in roles.values():
            return role
    return "held-out"
