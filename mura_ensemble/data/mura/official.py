"""MURA's own file contract (CodaLab, v1.1): header-less lists of view paths in, of study calls out.

| file        | a row                                                             |
|-------------|-------------------------------------------------------------------|
| input       | `MURA-v1.1/test/XR_WRIST/patient00001/study1/image1.png`          |
| predictions | `MURA-v1.1/test/XR_WRIST/patient00001/study1/,0`                  |
| gold        | `MURA-v1.1/test/XR_WRIST/patient00001/study1/,1,0,1` (readers) or `...,1` (label) |

Source of the contract: the competition's tutorial worksheet and evaluator (Stanford ML Group, 2018).
The trailing slash of a study is optional everywhere and always written.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import atomic_write
from mura_ensemble.data.names import parse_view_path
from mura_ensemble.data.tables.contracts import binary_values

__all__ = ["read_gold", "read_study_calls", "read_view_list", "write_study_calls"]


def read_view_list(path: Path) -> pd.DataFrame:
    """Read an input list: one view path per row, no header.

    Returns
    -------
    DataFrame
        In the list's order: `path` as given, `study_path` (its folder, with the trailing slash), and
        `study`, `view`, `patient`, `study_type`, `split`.

    Raises
    ------
    InputError
        A row that is not a view path, or a view that stands twice.
    """
    listed = _read_headless(path)
    if listed.shape[1] != 1:
        raise InputError(f"{path}: {_columns(listed)}; an input list has one view path per row")
    rows = []
    for position, text in enumerate(listed[0]):
        try:
            found = parse_view_path(text)
        except InputError as error:
            raise InputError(f"{path}: row {position + 1}, column '1': {error}") from error
        rows.append(
            (text, _folder(text), found.study, found.view, found.patient, found.study_type, found.split)
        )
    columns = ["path", "study_path", "study", "view", "patient", "study_type", "split"]
    views = pd.DataFrame(rows, columns=columns)
    _refuse_repeated(views["view"], path, "view")
    return views


def read_study_calls(path: Path) -> pd.DataFrame:
    """Read predictions as they stand: `study` (path with trailing slash) and `call` (0 or 1).

    Duplicates and paths of views are kept: what they mean is for the evaluation to say.

    Raises
    ------
    InputError
        Not two columns, an empty path, or a call other than 0 and 1.
    """
    listed = _read_headless(path)
    if listed.shape[1] != 2:
        raise InputError(f"{path}: {_columns(listed)}; predictions have two, study path and 0 or 1")
    call = binary_values(listed[1], "2", _headless(path))
    return pd.DataFrame({"study": _with_slash(listed[0]), "call": call.astype(np.int64)})


def read_gold(path: Path) -> pd.DataFrame:
    """Read a gold standard: indexed by study path (with trailing slash), one 0/1 column per vote.

    Raises
    ------
    InputError
        Fewer than two columns, another value than 0 and 1, or a study that stands twice.
    """
    listed = _read_headless(path)
    if listed.shape[1] < 2:
        raise InputError(
            f"{path}: one column; a gold standard has a study path and one or more calls of 0 or 1"
        )
    study = _with_slash(listed[0])
    _refuse_repeated(study, path, "study")
    votes = {
        f"vote_{column}": binary_values(listed[column], str(column + 1), _headless(path)).astype(np.int64)
        for column in range(1, listed.shape[1])
    }
    return pd.DataFrame(votes, index=pd.Index(study, name="study"))


def write_study_calls(path: Path, study_paths: pd.Series[str], calls: pd.Series[int]) -> None:
    """Write predictions, one study per row, in the order given.

    Raises
    ------
    InputError
        If a study has no call: the contract has no way to say so.
    """
    uncalled = calls.isna().to_numpy()
    if uncalled.any():
        raise InputError(
            f"{path}: study {study_paths.iloc[int(np.argmax(uncalled))]} has no call ({int(uncalled.sum())} such "
            "studies); the contract wants 0 or 1 for every study: mend their views, or pool the rest with "
            "--missing renormalise"
        )
    table = pd.DataFrame({"study": _with_slash(study_paths), "call": calls.astype(np.int64)})
    with atomic_write(path) as temporary:
        table.to_csv(temporary, header=False, index=False, lineterminator="\n")


def _read_headless(path: Path) -> pd.DataFrame:
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder, a file is expected")
    if not path.exists():
        raise InputError(f"{path}: no such file; check the path")
    try:
        table = pd.read_csv(path, header=None, dtype="str", encoding="utf-8-sig", skip_blank_lines=False)
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{path}: the file is empty; expected one row per path") from error
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({str(error).strip()})") from error
    table = table.iloc[
        : int(np.flatnonzero(table.notna().any(axis=1).to_numpy())[-1]) + 1
    ]  # final blank lines
    empty = table[0].isna().to_numpy()
    if empty.any():
        raise InputError(f"{path}: row {int(np.argmax(empty)) + 1}, column '1' is empty; expected a path")
    if "/" not in str(table[0].iloc[0]).replace("\\", "/"):
        raise InputError(
            f"{path}: row 1 reads '{table[0].iloc[0]}', which is no path; MURA's files have no header line"
        )
    return table


def _columns(listed: pd.DataFrame) -> str:
    return "1 column" if listed.shape[1] == 1 else f"{listed.shape[1]} columns"


def _headless(path: Path) -> str:
    # Without a header the first row of a CSV is row 1, which `row_name` tells by the ending.
    return f"{path} (no header)"


def _folder(view_path: str) -> str:
    return view_path.strip().replace("\\", "/").rpartition("/")[0] + "/"


def _with_slash(paths: pd.Series[str]) -> pd.Series[str]:
    return paths.astype("str").str.strip().str.replace("\\", "/").str.rstrip("/") + "/"


def _refuse_repeated(keys: pd.Series[str], path: Path, what: str) -> None:
    repeated = keys.duplicated().to_numpy()
    if repeated.any():
        second = int(np.argmax(repeated))
        first = int(np.argmax((keys == keys.iloc[second]).to_numpy()))
        raise InputError(
            f"{path}: row {second + 1}, column '1': {what} {keys.iloc[second]} stands already in row {first + 1}; keep one"
        )
