"""The views of one split: which they are, where their files stand and what the files hold."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_json
from mura_ensemble.data.predictions import manifest_digest
from mura_ensemble.data.tables.contracts import MANIFEST, read_table

__all__ = ["MISSING", "content_digest", "listed_views", "read_views", "studies_of", "views_digest"]

MISSING = "missing"


def read_views(manifest: Path, split: str, views_root: Path | None) -> pd.DataFrame:
    """Read the rows of one split of a manifest and the digests of their files.

    Parameters
    ----------
    manifest : Path
        The MANIFEST table.
    split : str
    views_root : Path, optional
        Where relative paths start; if not given, the copy that the `index.json` beside the manifest names,
        or else the manifest's own folder.

    Returns
    -------
    DataFrame
        The MANIFEST columns, `file` (str) and `content` (SHA-256 of the file, or `missing`), sorted by
        study and view.

    Raises
    ------
    InputError
        As `listed_views`; if there is no folder of views, or it holds none of them.
    """
    rows = listed_views(manifest, split)
    root = _indexed_root(Path(manifest)) if views_root is None else Path(views_root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder of views; check the path, or name the folder with --root")
    rows["file"] = [str(root / path) for path in rows["path"]]
    with ThreadPoolExecutor() as pool:
        rows["content"] = list(pool.map(content_digest, [Path(file) for file in rows["file"]]))
    if (rows["content"] == MISSING).all():
        raise InputError(
            f"{root}: none of the {len(rows):,} views of split '{split}' is here, the first as {rows['path'].iloc[0]}; "
            "name the folder that their paths start from with --root"
        )
    return rows


def listed_views(manifest: Path, split: str) -> pd.DataFrame:
    """The rows of one split of a manifest, sorted by study and view; no view is looked for.

    Raises
    ------
    InputError
        If the split has no views, or the views of one study name two patients or study types.
    """
    table = read_table(manifest, MANIFEST)
    rows = table[table["split"] == split].sort_values(["study", "view"], ignore_index=True)
    if rows.empty:
        found = ", ".join(sorted(table["split"].unique()))
        raise InputError(f"{manifest}: no view of split '{split}'; found {found}")
    named = rows.groupby("study")[["patient", "study_type"]].nunique()
    for column in ("patient", "study_type"):
        torn = named.index[named[column] > 1]
        if len(torn):
            raise InputError(
                f"{manifest}: the views of study '{torn[0]}' name two values of '{column}'; keep one"
            )
    return rows


def _indexed_root(manifest: Path) -> Path:
    """Where `index` found the views of its manifest; the manifest's folder if `index` did not write it."""
    index = manifest.parent / "index.json"
    root = read_json(index).get("root") if index.is_file() else None
    return Path(root) if isinstance(root, str) and root else manifest.parent


def studies_of(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per study: `study`, `patient`, `study_type`."""
    return rows.drop_duplicates("study")[["study", "patient", "study_type"]].reset_index(drop=True)


def views_digest(rows: pd.DataFrame) -> str:
    """Digest of the views with their files; a patient or study type that changes also changes it."""
    told = rows["content"] + " " + rows["patient"] + " " + rows["study_type"]
    return manifest_digest(rows.assign(told=told), content="told")


def content_digest(path: Path) -> str:
    """SHA-256 (hex) of the file of a view; `MISSING` if there is nothing to read."""
    try:
        data = path.read_bytes()
    except OSError:
        return MISSING
    return hashlib.sha256(data).hexdigest() if data else MISSING
