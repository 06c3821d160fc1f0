"""Reading and writing: whole files or nothing, canonical JSON, digests."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError

__all__ = [
    "atomic_write",
    "canonical_json",
    "digest_of",
    "digest_of_file",
    "digest_of_rows",
    "locked",
    "read_frame",
    "read_json",
    "read_json_lines",
    "refuse_gaps",
    "write_frame",
    "write_json",
    "write_text",
]


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it into place only if the block succeeds.

    A reader therefore sees the old file or the new one, never half of one, and a failed run
    leaves nothing behind.

    Parameters
    ----------
    path : Path
        Where the finished file shall stand. Its folder is made if it is missing.

    Raises
    ------
    InputError
        If nothing can be written there.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        # mkstemp makes private files; a result is as readable as any other file of the user's.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, on which other processes that want it wait; it leaves an empty file `.lock`."""
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def canonical_json(value: Any) -> str:
    """JSON text that is equal for equal content: sorted keys, no white space, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """SHA-256 (hex) of the bytes of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_rows(rows: Iterable[tuple[str, ...]]) -> str:
    """SHA-256 (hex) of a set of rows, whatever their order; fields are separated unambiguously."""
    total = hashlib.sha256()
    for row in sorted(rows):
        total.update(canonical_json(list(row)).encode())
        total.update(b"\n")
    return total.hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with unix line ends, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON that a person can read: indented, keys in the order given, no NaN."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    InputError
        If the file is missing, is not JSON or holds something other than an object.
    """
    path = _existing_file(path)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid JSON ({error}); write it again or restore it") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object, found {type(value).__name__}")
    return value


def refuse_gaps(path: Path, what: str, found: Any, fields: Sequence[str], mend: str) -> None:
    """Refuse a part of a JSON file, perhaps edited by hand, that is no object or lacks a field.

    Raises
    ------
    InputError
    """
    missing = [name for name in fields if name not in found] if isinstance(found, dict) else list(fields)
    if missing:
        raise InputError(f"{path}: {what} has no '{missing[0]}'; {mend}")


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Read JSON objects, one a line; a last line that was torn in the middle of a write is left out.

    Raises
    ------
    InputError
        If the file is missing or holds no whole line, or a line before the last is no JSON object, naming its row.
    """
    path = _existing_file(path)
    found: list[dict[str, Any]] = []
    rows = path.read_bytes().split(b"\n")
    for number, row in enumerate(rows, 1):
        try:
            value = json.loads(row)
            if not isinstance(value, dict):
                raise ValueError(f"expected an object, found {type(value).__name__}")
        except ValueError as error:
            if number == len(rows):  # after the last line end there is nothing, or what was torn
                break
            raise InputError(
                f"{path}: row {number} is not valid JSON ({error}); write it again or restore it"
            ) from error
        found.append(value)
    if not found:
        raise InputError(f"{path}: holds no whole line; write it again or restore it")
    return found


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write columns (not the index) as CSV or Parquet, by the name's ending."""
    path = Path(path)
    writer = _by_ending(
        path,
        csv=lambda to: frame.to_csv(to, index=False, lineterminator="\n"),
        parquet=lambda to: frame.to_parquet(to, index=False, compression="zstd"),
    )
    with atomic_write(path) as temporary:
        writer(temporary)


def read_frame(path: Path, *, text_columns: Iterable[str] = ()) -> pd.DataFrame:
    """Read a CSV (with a header) or Parquet table.

    Parameters
    ----------
    path : Path
        The file; the ending decides how it is read.
    text_columns : iterable of str
        Columns read as text whatever they look like, so that patient 00007 stays 00007.

    Raises
    ------
    InputError
        If the file is missing, empty, unreadable, not UTF-8, not separated by commas, or has two columns
        of one name or a row with more or fewer fields than the header.
    """
    path = _existing_file(path)
    text = dict.fromkeys(text_columns, "str")
    reader = _by_ending(
        path,
        # Blank lines are kept while reading, so that a row's number is the one a spreadsheet shows.
        csv=lambda source: pd.read_csv(source, dtype=text, encoding="utf-8-sig", skip_blank_lines=False),
        parquet=lambda source: _with_index_as_columns(pd.read_parquet(source)),
    )
    try:
        header = _csv_header(path) if path.suffix.lower() == ".csv" else []
        frame: pd.DataFrame = reader(path)
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{path}: the file is empty; expected a header line and rows") from error
    except InputError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the text is not UTF-8; save it as UTF-8") from error
    except (pd.errors.ParserError, csv.Error, ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: cannot be read as {path.suffix[1:].upper()} ({reason})") from error
    for name in header:
        if header.count(name) > 1:
            raise InputError(f"{path}: the header names column '{name}' {header.count(name)} times; keep one")
    filled = np.flatnonzero(frame.notna().any(axis=1))
    if len(filled) == 0:
        raise InputError(f"{path}: the table has no rows")
    return frame.iloc[: filled[-1] + 1]


def _csv_header(path: Path) -> list[str]:
    """The names of the columns; refuses what pandas would read wrongly without a word.

    pandas fills up a row that is too short, renames a second 'kappa' to 'kappa.1', and where the rows have
    one field more than the header it takes the first for row names and shifts all columns.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if len(header) == 1 and ";" in header[0]:
            raise InputError(
                f"{path}: the columns seem to be separated by semicolons; save it with commas between the columns "
                "and points in the decimals"
            )
        for number, row in enumerate(rows, 2):
            if len(row) != len(header) and any(cell.strip() for cell in row):
                raise InputError(
                    f"{path}: row {number} has {len(row)} fields, the header has {len(header)}; make them equal "
                    "(decimals take a point, text that holds a comma takes quotes)"
                )
    return header


def _with_index_as_columns(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.reset_index(drop=frame.index.names == [None])


def _existing_file(path: Path) -> Path:
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder, a file is expected")
    if not path.exists():
        raise InputError(f"{path}: no such file; check the path")
    return path


def _by_ending(
    path: Path, *, csv: Callable[[Path], Any], parquet: Callable[[Path], Any]
) -> Callable[[Path], Any]:
    ending = path.suffix.lower()
    if ending == ".csv":
        return csv
    if ending == ".parquet":
        return parquet
    raise InputError(f"{path}: the name must end in .csv or .parquet")
