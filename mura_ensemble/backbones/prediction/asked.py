"""Which members give the logit of which view, and what that makes of the prediction."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mura_ensemble.backbones.weights.trained import TrainedRun
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.predictions import Role
from mura_ensemble.data.tables.contracts import MANIFEST, read_table

__all__ = ["split_to_predict", "with_folds", "with_members"]


def with_folds(
    rows: pd.DataFrame, trained: TrainedRun, split: str, manifest: Path
) -> tuple[pd.DataFrame, Role]:
    """Add `fold`: that of the patient on the split that was trained on, else -1; and say the role.

    Where nobody said what adopted weights were trained on, every split may be that one: role unknown.

    Raises
    ------
    InputError
        If patients of another split were trained on, or studies of the split were not.
    """
    if trained.split is None:
        return rows.assign(fold=-1), "unknown"
    seen = set(trained.folds["patient"])
    if split == trained.plan["data"]["validation_split"]:
        # Its validation loss has decided which epochs are members, or when the learning rate fell.
        return rows.assign(fold=-1), "in-sample"
    if split != trained.split:
        known = rows.loc[rows["patient"].isin(seen), "patient"]
        if len(known):
            raise InputError(
                f"{manifest}: patient '{known.iloc[0]}' of split '{split}' was also trained on "
                f"(split '{trained.split}'; {known.nunique():,} such patients); take these patients out of one of the two"
            )
        return rows.assign(fold=-1), "held-out"
    fold_of = trained.folds.set_index("study")["fold"]
    unknown = rows.loc[~rows["study"].isin(fold_of.index), "study"]
    if len(unknown):
        raise InputError(
            f"{manifest}: study '{unknown.iloc[0]}' of split '{split}' was not among the studies of that split in "
            f"training; give it another split or {trained.verb} again"
        )
    if all(member.fold == -1 for member in trained.members):
        return rows.assign(fold=-1), "in-sample"
    return rows.assign(fold=rows["study"].map(fold_of)), "out-of-fold"


def with_members(rows: pd.DataFrame, trained: TrainedRun, manifest: Path) -> pd.DataFrame:
    """Add `asked`, and put views that ask the same members together, so that few batches are split.

    Raises
    ------
    InputError
        If no member was trained on the study type of a view.
    """
    asked = [trained.members_for(*view) for view in zip(rows["fold"], rows["study_type"], strict=True)]
    rows = rows.assign(asked=pd.Series(asked, index=rows.index))
    nobody = rows[~rows["asked"].astype(bool)]
    if len(nobody):
        raise InputError(
            f"{manifest}: no member of the run was trained on study type '{nobody['study_type'].iloc[0]}' "
            f"({len(nobody):,} views); take these views out or train on that type too"
        )
    return rows.sort_values(["asked", "study", "view"], ignore_index=True)


def split_to_predict(trained: TrainedRun, manifest: Path) -> str | None:
    """The split that a new run serves first: its own, out-of-fold; without folds one that decided nothing in it.

    Returns
    -------
    str or None
        None: every split of the manifest would be in-sample.
    """
    if any(member.fold >= 0 for member in trained.members):
        return trained.split
    listed = read_table(Path(manifest), MANIFEST)
    known = listed["patient"].isin(trained.folds["patient"])
    validated = listed["split"] == trained.plan["data"]["validation_split"]
    left = sorted(set(listed["split"]) - set(listed.loc[known | validated, "split"]))
    return str(left[0]) if left else None
