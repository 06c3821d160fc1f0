"""The tables that cross a boundary, declared once; every error names file, row and column.

| table       | key         | columns                                                                     |
|-------------|-------------|-----------------------------------------------------------------------------|
| MANIFEST    | study, view | patient, study_type, split, path                                            |
| PREDICTIONS | study, view | patient, study_type, split, fold, logit, probability, status, reason        |
| STUDIES     | study       | patient, study_type, split                                                  |
| LABELS      | study       | gold                                                                        |

Rows are counted as a spreadsheet shows them: in a CSV the header is row 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_frame

__all__ = [
    "LABELS",
    "MANIFEST",
    "PREDICTIONS",
    "STUDIES",
    "Column",
    "Kind",
    "Table",
    "binary_values",
    "check_table",
    "read_labels",
    "read_table",
    "row_name",
]

Kind = Literal["text", "optional text", "probability", "number", "integer", "binary"]


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    Attributes
    ----------
    name : str
    kind : str
        `text` (never empty, blanks at its ends dropped), `optional text` (missing becomes an empty
        string), `probability` (in [0, 1] or missing), `number` (finite or missing), `integer`, `binary`
        (0 or 1, never missing).
    allowed : tuple of str
        If not empty, the only values of a text column.
    """

    name: str
    kind: Kind
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A contract: which columns a table has and which of them together name a row (none: rows may repeat)."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]


_STUDY = Column("study", "text")
_VIEW = Column("view", "text")
_WHERE = (Column("patient", "text"), Column("study_type", "text"), Column("split", "text"))

MANIFEST = Table("manifest", ("study", "view"), (_STUDY, _VIEW, *_WHERE, Column("path", "text")))
PREDICTIONS = Table(
    "predictions",
    ("study", "view"),
    (
        _STUDY,
        _VIEW,
        *_WHERE,
        Column("fold", "integer"),
        Column("logit", "number"),
        Column("probability", "probability"),
        Column("status", "text", ("ok", "failed")),
        Column("reason", "optional text"),
    ),
)
STUDIES = Table("studies", ("study",), (_STUDY, *_WHERE))
LABELS = Table("labels", ("study",), (_STUDY, Column("gold", "binary")))


def row_name(source: Path | str, position: int) -> str:
    """Name row `position` (0-based) of a table as the person who opens the file will see it."""
    return f"row {position + (2 if str(source).lower().endswith('.csv') else 1)}"


def read_table(path: Path, table: Table) -> pd.DataFrame:
    """Read a CSV or Parquet file and check it against a contract.

    Raises
    ------
    InputError
        As `read_frame` and `check_table`.
    """
    text = [column.name for column in table.columns if "text" in column.kind]
    return check_table(read_frame(path, text_columns=text), table, source=path)


def read_labels(path: Path) -> pd.Series[int]:
    """Read `study,gold` (0 normal, 1 abnormal) as a series indexed by study."""
    frame = read_table(path, LABELS)
    gold: pd.Series[int] = frame.set_index("study")["gold"]
    return gold


def check_table(frame: pd.DataFrame, table: Table, *, source: Path | str) -> pd.DataFrame:
    """Return the contract's columns, typed, in order; other columns are left out.

    Parameters
    ----------
    frame : DataFrame
        The columns of the contract among any others.
    table : Table
    source : Path or str
        What to call the table in an error.

    Raises
    ------
    InputError
        A missing column, a value of the wrong kind, or a row that stands twice.
    """
    missing = [column.name for column in table.columns if column.name not in frame.columns]
    if missing:
        found = ", ".join(map(str, frame.columns))
        raise InputError(
            f"{source}: column '{missing[0]}' is missing from the {table.name} table; found {found}"
        )
    checked = pd.DataFrame(
        {column.name: _typed(frame[column.name], column, source) for column in table.columns}
    )
    _refuse_duplicates(checked, table.key, source)
    return checked


def _refuse_duplicates(frame: pd.DataFrame, key: Iterable[str], source: Path | str) -> None:
    key = list(key)
    if not key:
        return
    repeated = frame.duplicated(key, keep="first").to_numpy()
    if not repeated.any():
        return
    second = int(np.argmax(repeated))
    values = frame.loc[frame.index[second], key]
    first = int(np.argmax((frame[key] == values).all(axis=1).to_numpy()))
    what = " / ".join(str(value) for value in values)
    raise InputError(
        f"{source}: {row_name(source, second)}, column '{key[-1]}': {what} stands already in "
        f"{row_name(source, first)}; keep one of the two"
    )


def _typed(values: pd.Series, column: Column, source: Path | str) -> pd.Series:
    values = values.reset_index(drop=True)
    if "text" in column.kind:
        return _text(values, column, source)
    if column.kind == "binary":
        return pd.Series(binary_values(values, column.name, source).astype(np.int64))
    numbers = _numbers(values, column.name, source)
    if column.kind == "integer":
        _refuse(
            ~np.isfinite(numbers) | (numbers != np.round(numbers)),
            values,
            column.name,
            source,
            "a whole number",
        )
        return pd.Series(numbers.astype(np.int64))
    _refuse(np.isinf(numbers), values, column.name, source, "a finite number")
    if column.kind == "probability":
        outside = (numbers < 0) | (numbers > 1)
        _refuse(outside, values, column.name, source, "a probability from 0 to 1")
    return pd.Series(numbers)


def _text(values: pd.Series, column: Column, source: Path | str) -> pd.Series:
    empty = values.isna().to_numpy() | (values.astype("str").str.strip() == "").to_numpy()
    if column.kind == "optional text":
        return values.astype("object").where(~empty, "").astype("str")
    _refuse(empty, values, column.name, source, "a value")
    # ' a' and 'a' look alike in every list; as two keys they would never meet.
    texts = values.astype("str").str.strip()
    if column.allowed:
        unknown = ~texts.isin(column.allowed).to_numpy()
        _refuse(unknown, values, column.name, source, " or ".join(column.allowed))
    return texts


def binary_values(
    values: pd.Series,
    column: str,
    source: Path | str,
    *,
    missing: bool = False,
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Values 0 / 1 as floats; with `missing=True` an empty cell becomes NaN.

    Raises
    ------
    InputError
        For anything else, naming the row.
    """
    wanted = "0, 1 or empty" if missing else "0 (normal) or 1 (abnormal)"
    numbers = _numbers(values, column, source, wanted)
    wrong = ~np.isin(numbers, (0.0, 1.0))
    if missing:
        wrong &= ~np.isnan(numbers)
    _refuse(wrong, values, column, source, wanted)
    return numbers


def _numbers(
    values: pd.Series,
    column: str,
    source: Path | str,
    wanted: str = "a number",
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    unreadable = np.isnan(numbers) & ~values.isna().to_numpy()
    if unreadable.any() and wanted == "a number":
        first = str(values.iloc[int(np.argmax(unreadable))])
        wanted += " (with a point, not a comma)" if first.count(",") == 1 else ""
    _refuse(unreadable, values, column, source, wanted)
    return numbers


def _refuse(
    wrong: np.ndarray[tuple[int], np.dtype[np.bool_]],
    values: pd.Series,
    column: str,
    source: Path | str,
    wanted: str,
) -> None:
    if not wrong.any():
        return
    position = int(np.argmax(wrong))
    value = values.iloc[position]
    value = value.item() if isinstance(value, np.generic) else value
    shown = "is empty" if pd.isna(value) or str(value).strip() == "" else f"is {value!r}"
    more = int(wrong.sum()) - 1
    also = f" ({more:,} more like it)" if more else ""
    raise InputError(
        f"{source}: {row_name(source, position)}, column '{column}' {shown}; expected {wanted}{also}"
    )
