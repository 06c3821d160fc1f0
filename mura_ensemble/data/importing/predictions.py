"""Anybody's probabilities, per view or per study, into the cache of predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import digest_of_file, read_frame
from mura_ensemble.data.importing.their_columns import check_theirs, refuse_unknown, their_column
from mura_ensemble.data.mura.lists import path_table
from mura_ensemble.data.names import parse_path
from mura_ensemble.data.predictions import (
    CARD,
    Role,
    backbone_folder,
    manifest_digest,
    plain_name,
    read_card,
    write_split,
)
from mura_ensemble.data.scales import doubtful_logits, from_logits, from_probabilities
from mura_ensemble.data.tables.contracts import (
    MANIFEST,
    PREDICTIONS,
    Kind,
    check_table,
    read_table,
    row_name,
)

__all__ = ["COLUMNS", "Imported", "import_predictions"]

_KINDS: dict[str, Kind] = {
    "study": "text",
    "view": "text",
    "patient": "text",
    "study_type": "text",
    "probability": "number",
    "fold": "integer",
}
COLUMNS = tuple(_KINDS)
"""Columns of ours that a file may have."""


@dataclass(frozen=True)
class Imported:
    """What was brought into the cache; as text, one line and the notes.

    Attributes
    ----------
    folder : Path
        `<out>/<name>`.
    split : str
    studies, views, failed : int
        Failed: rows without a value.
    notes : tuple of str
        What was assumed.
    """

    folder: Path
    split: str
    studies: int
    views: int
    failed: int
    notes: tuple[str, ...]

    def __str__(self) -> str:
        failed = f", {self.failed:,} without a value" if self.failed else ""
        told = f"{self.folder}: {self.split}, {self.studies:,} studies, {self.views:,} rows{failed}"
        return "\n".join([told, *(f"note: {note}" for note in self.notes)])


def import_predictions(
    file: Path,
    out: Path,
    *,
    name: str,
    split: str,
    columns: Mapping[str, str] | None = None,
    level: Literal["view", "study"] = "view",
    logits: bool = False,
    manifest: Path | None = None,
    role: Role = "unknown",
) -> Imported:
    """Bring probabilities of abnormality into the cache.

    Paths of MURA in the column of views (of studies, for `level="study"`) say study, patient and study type by
    themselves, and their `_positive` / `_negative` is dropped. So does a manifest. Otherwise `study` and
    `study_type` are needed; without `patient` every study is its own patient, and the card says so. Other numbers
    under the same name and split are replaced, with a note. An empty value becomes a failed row. A probability of
    exactly 0 or 1 keeps its value, but its logit is that of 1e-7 or 1 - 1e-7, so that it stays finite.

    Parameters
    ----------
    file : Path
        CSV or Parquet with a header.
    out : Path
        The set of predictions; the cache becomes `out/name`.
    name, split : str
    columns : mapping, optional
        Ours to theirs, for `study`, `view`, `patient`, `study_type`, `probability` and `fold` (the member
        that did not see the patient); a column of ours that is not named is looked for by its own name.
    level : str
        What one row is.
    logits : bool
        Whether the column `probability` holds logits.
    manifest : Path, optional
        A MANIFEST table: exactly the views (studies) of its rows of `split` must be in the file.
    role : str
        What the model saw of these studies; see `predictions.py`.

    Raises
    ------
    InputError
        A missing column, values that are no probabilities (or no logits), a view or study that stands
        twice, is unknown to the manifest or missing from the file, a study with two patients, a name or
        split that is no plain name.
    """
    file, folder = Path(file), backbone_folder(out, name)
    plain_name(split, "split")
    named = dict(columns or {})
    refuse_unknown(named, _KINDS)
    rows = _read(file, named, level)
    column, values = named.get("probability", "probability"), rows["probability"].to_numpy()
    notes = doubtful_logits(values, column, file) if logits else []
    rows["probability"], rows["logit"] = (
        from_logits(values) if logits else from_probabilities(values, column, file)
    )
    keyed = _from_mura_paths(rows, level, split, file)
    if manifest is not None:
        keyed = _from_manifest(keyed, read_table(manifest, MANIFEST), level, split, file, manifest)
    for needed in ("study", "study_type"):
        if needed not in keyed:
            raise InputError(
                f"{file}: no column '{needed}'; name it with --columns {needed}=..., or give a --manifest"
            )
    if "patient" not in keyed:
        keyed["patient"] = keyed["study"]
        notes.append("no column of patients: every study counts as its own patient")
    table = _complete(keyed, split, level, file)
    source: dict[str, Any] = {
        "file": file.name,
        "file_digest": digest_of_file(file),
        "columns": named,
        "notes": notes,
    }
    # What was imported stands in the digest where the views' files stand for a model's own predictions.
    digest = manifest_digest(table.assign(value=table["logit"].map(repr)), content="value")
    before = read_card(folder)["splits"].get(split) if (folder / CARD).exists() else None
    write_split(
        folder,
        split,
        table,
        inputs={"imported": name, "level": level, "logits": logits},
        manifest=digest,
        made_by="imported",
        role=role,
        level=level,
        provenance=source,
    )
    if before is not None and before["manifest_digest"] != digest:
        notes.append(
            f"replaced other numbers of '{name}' for split '{split}' ({before['views']:,} rows); ensembles fitted on "
            "them must be fitted again"
        )
    failed = int((table["status"] == "failed").sum())
    return Imported(folder, split, table["study"].nunique(), len(table), failed, tuple(notes))


def _read(file: Path, named: Mapping[str, str], level: str) -> pd.DataFrame:
    """The columns that the file has, typed, under our names."""
    theirs = {ours: named.get(ours, ours) for ours in _KINDS}
    text = [theirs[ours] for ours, kind in _KINDS.items() if kind == "text"]
    frame = read_frame(file, text_columns=text)
    for ours in ("probability", level, *named):
        if theirs[ours] not in frame.columns:
            found = ", ".join(map(str, frame.columns))
            raise InputError(
                f"{file}: {their_column(ours, theirs[ours])} is missing; found {found}; "
                f"name it with --columns {ours}=..."
            )
    if level == "study" and "view" in named:
        raise InputError(
            f"{file}: a column of views is named, but one row is a study; say that a row is a view with --level view"
        )
    used = {
        ours: name
        for ours, name in theirs.items()
        if name in frame.columns and (ours, level) != ("view", "study")
    }
    kinds = {ours: _KINDS[ours] for ours in used}
    key = [ours for ours in ("study", "view") if ours in used]
    rows = check_theirs(frame, kinds, key, used, name="imported", source=file)
    if "study_type" in rows:
        rows["study_type"] = rows["study_type"].str.replace(
            r"^XR_([A-Z]+)$", lambda m: m[1].lower(), regex=True
        )
    return rows


def _from_mura_paths(rows: pd.DataFrame, level: str, split: str, file: Path) -> pd.DataFrame:
    """Keys, patient and study type from MURA's paths, if the column holds such paths."""
    try:
        parse_path(rows[level].iloc[0])
    except InputError:
        return rows
    told = path_table(rows[level], source=file, first_row=2 if file.suffix.lower() == ".csv" else 1)
    is_level = (told["view"] != "") == (level == "view")
    for wrong, why in (
        (~is_level, f"is not the path of a {level}"),
        (told["split"] != split, f"is not of split '{split}'"),
    ):
        if wrong.any():
            at = int(np.argmax(wrong))
            raise InputError(f"{file}: {row_name(file, at)}: '{rows[level].iloc[at]}' {why}")
    keyed = rows.assign(study=told["study"], patient=told["patient"], study_type=told["study_type"])
    return keyed.assign(view=told["view"]) if level == "view" else keyed


def _from_manifest(
    rows: pd.DataFrame, manifest: pd.DataFrame, level: str, split: str, file: Path, source: Path
) -> pd.DataFrame:
    """Study, patient and study type from the manifest; refuses another set of views (studies) than its."""
    wanted = manifest[manifest["split"] == split]
    if wanted.empty:
        found = ", ".join(sorted(manifest["split"].unique()))
        raise InputError(f"{source}: no view of split '{split}'; found {found}")
    facts = ["study", "patient", "study_type"]
    if level == "study":
        wanted, key = wanted.drop_duplicates("study")[facts], ["study"]
    elif "study" in rows:
        wanted, key = wanted[[*facts, "view"]], ["study", "view"]
    else:
        wanted, key = wanted[[*facts, "view"]], ["view"]
        if wanted["view"].duplicated().any():
            raise InputError(
                f"{file}: views of {source} share a name across studies; name the column of studies too, --columns study=..."
            )
    theirs, ours = pd.MultiIndex.from_frame(rows[key]), pd.MultiIndex.from_frame(wanted[key])
    unknown = ~theirs.isin(ours)
    if unknown.any():
        at = int(np.argmax(unknown))
        raise InputError(
            f"{file}: {row_name(file, at)}: {level} '{rows[level].iloc[at]}' is not in {source} under split '{split}' "
            f"({unknown.sum():,} such rows)"
        )
    missing = ~ours.isin(theirs)
    if missing.any():
        raise InputError(
            f"{file}: {level} '{wanted[level].iloc[int(np.argmax(missing))]}' of {source} is missing "
            f"({missing.sum():,} of {len(wanted):,}); add a row, with an empty value if there is none"
        )
    own = [name for name in rows.columns if name not in facts or name in key]
    return rows[own].merge(wanted, on=key, how="left", validate="one_to_one")


def _complete(rows: pd.DataFrame, split: str, level: str, file: Path) -> pd.DataFrame:
    """The PREDICTIONS table, each study with one patient and one study type."""
    for name in ("patient", "study_type"):
        values = rows.groupby("study")[name].nunique()
        if values.max() > 1:
            raise InputError(
                f"{file}: study '{values.idxmax()}' has {values.max()} values of '{name}'; keep one"
            )
    missing = rows["probability"].isna()
    if missing.all():
        raise InputError(
            f"{file}: no row has a value; name the column of the probabilities with --columns probability=..."
        )
    table = rows.assign(
        view=rows["study"] if level == "study" else rows["view"],
        split=split,
        fold=rows.get("fold", -1),
        status=np.where(missing, "failed", "ok"),
        reason=np.where(missing, f"no value in {file.name}", ""),
    )
    # Checked here already, so that an error names the row of the file and not one of the cache.
    return check_table(table, PREDICTIONS, source=file)
