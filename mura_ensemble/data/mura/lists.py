"""MURA's own lists, which have no header, and MURA's folders, as tables of views and labels.

v1.1 ships `<split>_image_paths.csv` (a path per view) and `<split>_labeled_studies.csv` (the path of a
study, its label); v1.0 shipped `<split>.csv` (the path of a view, its label).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.names import parse_path

__all__ = ["SPLITS", "has_lists", "list_files", "path_table", "read_list", "walk_files"]

Paths = Literal["views", "studies", "studies or views"]
SPLITS = ("train", "valid", "test")

_VIEWS_V11, _LABELS_V11, _BOTH_V10 = "{}_image_paths.csv", "{}_labeled_studies.csv", "{}.csv"


def list_files(folder: Path, split: str) -> tuple[str, Path | None, Path | None]:
    """Which version's lists of a split are in a folder: version, list of views, list of labels."""
    views, labels = folder / _VIEWS_V11.format(split), folder / _LABELS_V11.format(split)
    old = folder / _BOTH_V10.format(split)
    if views.is_file() or labels.is_file() or not old.is_file():
        return "v1.1", views if views.is_file() else None, labels if labels.is_file() else None
    return "v1.0", old, old


def has_lists(folder: Path) -> bool:
    """Whether any list of either version is in a folder."""
    return any(any(list_files(folder, split)[1:]) for split in SPLITS)


def read_list(path: Path, *, of: Paths, labelled: bool) -> pd.DataFrame:
    """Read a list without a header; a header that somebody added is recognised and passed over.

    Parameters
    ----------
    path : Path
    of : str
        What the paths must name.
    labelled : bool
        Whether a second column with 0 or 1 must be there.

    Returns
    -------
    DataFrame
        As `path_table`, and `gold` (0/1) if `labelled`.

    Raises
    ------
    InputError
        An empty or unreadable file, a path that is not MURA's, a label other than 0 or 1; with the row.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the path")
    try:
        # Blank lines are kept while reading, so that rows are counted as the file shows them.
        cells = pd.read_csv(path, header=None, dtype="str", encoding="utf-8-sig", skip_blank_lines=False)
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{path}: the list is empty") from error
    except (pd.errors.ParserError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({str(error).strip()})") from error
    cells = cells.loc[: cells[0].last_valid_index()].fillna("")
    if labelled and cells.shape[1] < 2:
        raise InputError(f"{path}: has one column; expected the path and the label, 0 or 1")
    first = 1 if "/" not in str(cells.iloc[0, 0]).replace("\\", "/") else 0
    cells = cells.iloc[first:]
    if cells.empty:
        raise InputError(f"{path}: the list has a header and no rows")
    table = path_table(cells[0], source=path, first_row=first + 1)
    _refuse_paths_of(table, of, path)
    if labelled:
        told = cells[1].str.strip()
        wrong = ~told.isin(["0", "1"]).to_numpy()
        if wrong.any():
            at = int(np.argmax(wrong))
            raise InputError(f"{path}: row {first + at + 1}, column 2 is {told.iloc[at]!r}; expected 0 or 1")
        table["gold"] = told.to_numpy(dtype=np.int64)
    return table


def _refuse_paths_of(table: pd.DataFrame, of: Paths, path: Path) -> None:
    is_view = (table["view"] != "").to_numpy()
    strange = {"views": ~is_view, "studies": is_view, "studies or views": np.zeros_like(is_view)}[of]
    if strange.any():
        at = int(np.argmax(strange))
        row, named = table["row"].iloc[at], table["path"].iloc[at]
        raise InputError(
            f"{path}: row {row}: '{named}' is not the path of one of the {of}; is this the right list?"
        )


def path_table(paths: Iterable[str], *, source: Path, first_row: int = 1) -> pd.DataFrame:
    """Take MURA paths apart.

    Parameters
    ----------
    paths : iterable of str
        Paths of views or of studies.
    source : Path
        The file they come from; `first_row` is the row of the first.

    Returns
    -------
    DataFrame
        Columns `study`, `view` (empty for the path of a study), `patient`, `study_type`, `split`, `path`
        (below the root, from the split on), `folder_gold` (1, 0 or NaN: what the folder's name says) and
        `row` (in the file).
    """
    rows = []
    for row, path in enumerate(map(str, paths), start=first_row):
        try:
            found = parse_path(path)
        except InputError as error:
            raise InputError(f"{source}: row {row}: {error}") from error
        below = path.strip().replace("\\", "/").rstrip("/")
        below = below[below.rindex(f"{found.split}/XR_") :]
        view = "" if found.file is None else found.view
        folder_gold = np.nan if found.label is None else found.label
        rows.append(
            (found.study, view, found.patient, found.study_type, found.split, below, folder_gold, row)
        )
    columns = ["study", "view", "patient", "study_type", "split", "path", "folder_gold", "row"]
    return pd.DataFrame(rows, columns=columns)


def walk_files(root: Path, split: str) -> list[str]:
    """Paths of all files of a split, relative to the root, sorted; one scan per folder, no look at a file."""
    found: list[str] = []
    start = len(str(root)) + 1
    for folder, _, files in os.walk(root / split, followlinks=True):
        below = folder[start:].replace(os.sep, "/")
        found.extend(f"{below}/{name}" for name in files)
    return sorted(found)
