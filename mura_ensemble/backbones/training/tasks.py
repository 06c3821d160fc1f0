"""Who learns from what: views with their gold standard, folds, and the trainings of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mura_ensemble.backbones.training.member import Task
from mura_ensemble.backbones.training.recipes import Settings
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.tables.contracts import read_labels
from mura_ensemble.data.tables.folds import assign_folds
from mura_ensemble.data.tables.manifests import read_views, studies_of

__all__ = ["divided", "read_training_views", "tasks_of"]


def read_training_views(
    manifest: Path, labels: Path, split: str, validation_split: str | None, views_root: Path | None
) -> pd.DataFrame:
    """The views of the split, and of the one to validate on, with `gold`.

    Raises
    ------
    InputError
        As `read_views`; if a study has no label, or the two splits share a patient or are one.
    """
    rows = read_views(manifest, split, views_root)
    if validation_split is not None:
        if validation_split == split:
            raise InputError(
                f"split '{split}' is to be trained on and to validate on; name another, or give a validation share"
            )
        others = read_views(manifest, validation_split, views_root)
        both = sorted(set(others["patient"]) & set(rows["patient"]))
        if both:
            raise InputError(
                f"{manifest}: patient '{both[0]}' is in split '{split}' and in split '{validation_split}' "
                f"({len(both):,} such patients); take these patients out of one of the two"
            )
        rows = pd.concat([rows, others], ignore_index=True)
    gold = read_labels(labels)
    missing = rows.loc[~rows["study"].isin(gold.index), "study"].unique()
    if len(missing):
        more = f" ({len(missing) - 1:,} more like it)" if len(missing) > 1 else ""
        raise InputError(
            f"{labels}: study '{missing[0]}' of the manifest has no row{more}; add its gold standard"
        )
    return rows.assign(gold=rows["study"].map(gold).astype("int64"))


def divided(rows: pd.DataFrame, split: str, *, folds: int, seed: int) -> pd.DataFrame:
    """The studies of the split with the `fold` of their patient; 0 for all where there is one."""
    own = rows[rows["split"] == split]
    studies = studies_of(own)
    if folds == 1:
        return studies.assign(fold=0)
    gold = own.drop_duplicates("study").set_index("study")["gold"]
    return studies.assign(fold=assign_folds(studies, gold, folds=folds, seed=seed).to_numpy())


def tasks_of(
    rows: pd.DataFrame, split: str, *, folds: int, per_study_type: bool, settings: Settings
) -> list[Task]:
    """The trainings of a run: of each study type if asked, of each fold.

    Parameters
    ----------
    rows : DataFrame
        `read_training_views` with `fold`; -1 for views of the split to validate on.

    Raises
    ------
    InputError
        If one would have nothing to learn from, only one class, or nothing to validate on.
    """
    kinds = [None] if not per_study_type else sorted(rows.loc[rows["split"] == split, "study_type"].unique())
    own = (rows["split"] == split).to_numpy()
    tasks: list[Task] = []
    for kind in kinds:
        of_kind = np.ones(len(rows), dtype=bool) if kind is None else (rows["study_type"] == kind).to_numpy()
        for fold in range(folds) if folds > 1 else [-1]:
            held = own & (rows["fold"] == fold).to_numpy()
            learning = own & ~held
            validation = ~own
            if settings.validation_share:
                validation = learning & _validated(rows, learning, fold, settings)
                learning &= ~validation
            task = Task(
                number=len(tasks),
                fold=fold,
                study_type=kind,
                training=np.flatnonzero(learning & of_kind),
                validation=np.flatnonzero(validation & of_kind),
                held=np.flatnonzero(held & of_kind),
            )
            _refuse(task, rows, settings)
            tasks.append(task)
    return tasks


def _validated(
    rows: pd.DataFrame, learning: np.ndarray[tuple[int], np.dtype[np.bool_]], fold: int, settings: Settings
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which views are of the patients that a training leaves out to validate on; the same for every study type."""
    known = rows[learning]
    gold = known.drop_duplicates("study").set_index("study")["gold"]
    parts = max(2, round(1 / settings.validation_share))
    # Another division than that into folds, and for each fold another.
    entropy = int(np.random.SeedSequence([settings.seed, fold + 1, 1]).generate_state(1)[0])
    part = assign_folds(studies_of(known), gold, folds=parts, seed=entropy)
    return rows["study"].isin(part.index[part == 0]).to_numpy()


def _refuse(task: Task, rows: pd.DataFrame, settings: Settings) -> None:
    kind = "" if task.study_type is None else f" of study type '{task.study_type}'"
    without = f" without fold {task.fold}" if task.fold >= 0 else ""
    if rows["gold"].iloc[task.training].nunique() < 2:
        left_out = [task.held, *([task.validation] if settings.validation_share else [])]
        own = rows.iloc[np.concatenate([task.training, *left_out])]
        fewer = "leave fewer patients out (fewer folds, a smaller validation share)"
        wrong, mend = f"the views{kind}{without} to learn from are not of both classes", fewer
        if own["gold"].nunique() < 2:
            label = "abnormal" if own["gold"].iloc[0] else "normal"
            wrong = f"every view{kind} of split '{own['split'].iloc[0]}' is labelled {label}"
            mend = "a network learns from both classes: check the labels"
        raise InputError(f"{wrong}; {mend}{kind and ', or train networks of all study types'}")
    if settings.validates and not len(task.validation):
        raise InputError(
            f"no view{kind}{without} to validate on; give a larger validation share or another validation split"
        )
