"""Fit an ensemble on labelled studies, nested evaluation included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.tables.folds import assign_folds
from mura_ensemble.ensembles.combining.combination import Array, Folds, Names, Sample
from mura_ensemble.ensembles.ensemble import Candidate, Ensemble, Evaluation, FittedOn, key_digest
from mura_ensemble.ensembles.pooling.rules import LEARNED, pooled, rules_of
from mura_ensemble.ensembles.pooling.studies import StudyProbabilities
from mura_ensemble.ensembles.recipes import Recipe, fit_parts, recipes_of
from mura_ensemble.ensembles.worth.intervals import weights_with_intervals
from mura_ensemble.ensembles.worth.nested import best_recipe, kappa_of, nested_choice, reweighted_interval
from mura_ensemble.stats.kappa.clustered import clustered_kappa_interval

__all__ = ["common_role", "fit_ensemble", "gold_of", "labelled_sample"]

_USUAL = (0.25, 0.75)  # shares of abnormal studies beyond which another split is likely to differ much


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
    operating_point: str = "half",
    pooling: str = "mean",
    calibration: str = "none",
    name: str | None = None,
    folds: int = 5,
    seed: int = 0,
    level: float = 0.95,
    mix: pd.Series[float] | None = None,
    cards: Mapping[str, Mapping[str, Any]] | None = None,
) -> Ensemble:
    """Fit on all studies that have every probability and a gold standard.

    Parameters
    ----------
    studies : StudyProbabilities
        One split, views included.
    gold : Series
        Indexed by study: 0, 1, or NaN where the gold standard is undecided; other studies are left aside.
    strategy : str
        A name in `STRATEGIES`, or `auto`: the choice is then part of what the nested kappa measures.
    operating_point : str
        As `parse_operating_point` reads it, or `auto` (0.5 or an intercept per study type).
    pooling : str
        A name in `POOLINGS`, or `auto` (mean or learned).
    calibration : {'none', 'platt', 'isotonic', 'temperature'}
    folds : int
        Patient-grouped folds of the nested evaluation and of every inner choice; at least 3, with `auto` 4.
    seed : int
        Decides the folds; same seed, same digits.
    mix : Series, optional
        Study type to its share elsewhere, named as that split: kappas are weighted to it (fits are not).
    cards : mapping, optional
        Backbone to its card (`read_card`), for the leakage check and the record; those of `studies` if not given.

    Raises
    ------
    InputError
        For unknown names, combinations that mean nothing, predictions that are in-sample, too few usable studies,
        or a study without a label.
    """
    split = str(studies.studies["split"].iloc[0])
    gold = gold_of(studies.studies, gold, source="gold standard")
    cards = studies.cards if cards is None else cards
    role = common_role(cards, split)
    recipes = recipes_of(
        strategy,
        pooling,
        operating_point,
        calibration,
        backbones=studies.probabilities.shape[1],
        study_types=int(studies.studies["study_type"].nunique()),
        several_views=studies.views is not None and studies.views.shape[1] > 1,
    )
    needed = 3 if len(recipes) == 1 else 4
    if folds < needed:
        raise InputError(f"{folds} folds: the nested evaluation needs at least {needed}")
    _refuse_unknown_types(recipes, studies)
    backbones, where, sample = labelled_sample(studies, gold, folds=folds, seed=seed, mix=mix)
    best, kappas = best_recipe(recipes, sample)
    parts = fit_parts(recipes[best], sample)
    found = nested_choice(recipes, sample)
    if mix is None:
        interval = clustered_kappa_interval(
            sample.gold, found.calls, clusters=sample.patients, level=level, rng=seed
        )
        low, high = float(interval.low), float(interval.high)
    else:
        low, high = reweighted_interval(sample, found.calls, level=level, seed=seed)
    without_fold = [fit_parts(recipes[best], sample.without(fold)) for fold in sample.names_of_folds]
    left_out = len(studies.studies) - len(where)
    return Ensemble(
        name=name or (strategy if len(recipes) == 1 or strategy != "auto" else "auto"),
        backbones=backbones,
        recipe=recipes[best],
        parts=parts,
        fitted_on=FittedOn(
            split=split,
            studies=len(where),
            patients=int(where["patient"].nunique()),
            abnormal=int(sample.gold.sum()),
            left_out=left_out,
            role=role,
            prediction_keys={name: card["splits"][split]["key"] for name, card in cards.items()},
            study_digests=frozenset(key_digest(key) for key in where.index),
            patient_digests=frozenset(key_digest(key) for key in where["patient"]),
            simulated=any(card["simulated"] for card in cards.values()),
        ),
        evaluation=Evaluation(
            apparent=kappa_of(sample, parts.call(sample.probabilities, sample.study_types)),
            nested=kappa_of(sample, found.calls),
            low=low,
            high=high,
            level=level,
            folds=folds,
            seed=seed,
            n=len(where),
            candidates=tuple(
                Candidate(recipe.label, kappa, found.chosen.count(number))
                for number, (recipe, kappa) in enumerate(zip(recipes, kappas, strict=bool(kappas)))
            ),
            mix="" if mix is None else str(mix.name),
        ),
        weights=weights_with_intervals(
            recipes[best].strategy,
            pooled(parts.pooling, sample),
            parts.combination,
            [other.combination for other in without_fold],
            level=level,
            seed=seed,
        ),
        notes=_notes(studies, float(sample.gold.mean())),
    )


def _notes(studies: StudyProbabilities, abnormal: float) -> tuple[str, ...]:
    """What must be known to read the numbers."""
    notes = [
        f"'{one}' and '{two}' have identical probabilities: one network under two names counts twice"
        for one, two in studies.duplicates()
    ]
    if not _USUAL[0] <= abnormal <= _USUAL[1]:
        notes.append(
            f"{100 * abnormal:.0f} % of these studies are abnormal; every kappa here, and whatever was fitted to "
            "labels, holds for such a share: elsewhere a plain mean may do better"
        )
    return tuple(notes)


def labelled_sample(
    studies: StudyProbabilities,
    gold: pd.Series[float],
    *,
    folds: int,
    seed: int,
    mix: pd.Series[float] | None = None,
) -> tuple[tuple[str, ...], pd.DataFrame, Sample]:
    """The studies with every probability and a gold standard, in an order of their own.

    Studies and backbones are put in the order of their names, so that the order in which they were given
    decides no digit, not even where two backbones tie.

    Returns
    -------
    backbones : tuple of str
    studies : DataFrame
        Those that can be used.
    sample : Sample
        Probabilities (n, V, M).

    Raises
    ------
    InputError
        If a class has fewer studies than there are folds, or a study type of `mix` does not occur.
    """
    split = str(studies.studies["split"].iloc[0])
    backbones = tuple(sorted(str(name) for name in studies.probabilities.columns))
    usable = (studies.probabilities.notna().all(axis=1) & gold.notna()).to_numpy()
    where, labels, views = studies.studies[usable], gold[usable], studies.views_of(backbones)[usable]
    order = np.argsort(where.index.to_numpy(dtype=np.str_), kind="stable")
    where, labels, views = where.iloc[order], labels.iloc[order], views[order]
    for value, word in ((0, "normal"), (1, "abnormal")):
        if (labels == value).sum() < folds:
            raise InputError(
                f"split '{split}': {(labels == value).sum():,} {word} studies with every probability, too few for "
                f"{folds:,} folds, which need one each; ask for fewer folds"
            )
    fold = assign_folds(where.reset_index(), labels.astype(np.int64), folds=folds, seed=seed).reindex(
        where.index
    )
    fold_of: Folds = np.asarray(fold, dtype=np.int64)
    study_types: Names = where["study_type"].to_numpy(dtype=np.str_)
    truth: Array = np.asarray(labels, dtype=np.float64)
    patients: Folds = pd.factorize(where["patient"], sort=True)[0].astype(np.int64)
    weights = None if mix is None else _weights(study_types, mix)
    return backbones, where, Sample(views, truth, study_types, patients, fold_of, weights)


def _weights(study_types: Names, mix: pd.Series[float]) -> Array:
    """Weight of each study so that the study types have the shares of `mix`; the mean weight is 1."""
    here = pd.Series(study_types).value_counts(normalize=True)
    absent = mix.index.difference(here.index)
    if len(absent):
        raise InputError(
            f"split '{mix.name}' has study type '{absent[0]}', of which no study is here to be weighted; "
            "leave --mix out"
        )
    ratio = (mix.reindex(here.index).fillna(0.0) / here).to_dict()
    return np.array([ratio[str(name)] for name in study_types], dtype=np.float64)


def common_role(cards: Mapping[str, Mapping[str, Any]], split: str) -> str:
    """What the base models had seen of a split, at worst; refused where one was trained on it, unknown without cards."""
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
    return "held-out" if roles else "unknown"


def _refuse_unknown_types(recipes: Sequence[Recipe], studies: StudyProbabilities) -> None:
    """A rule for a study type that is not there would change nothing and say nothing."""
    there = sorted(studies.studies["study_type"].unique())
    for recipe in recipes:
        if recipe.pooling in LEARNED:
            continue
        for study_type in rules_of(recipe.pooling)[1]:
            if study_type not in there:
                raise InputError(
                    f"pooling '{recipe.pooling}': no study of type '{study_type}' here; found {', '.join(there)}"
                )
