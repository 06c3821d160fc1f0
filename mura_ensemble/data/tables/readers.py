"""Readers' calls from a file, and the gold standard as the majority of named panel members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_frame
from mura_ensemble.data.importing.their_columns import check_theirs
from mura_ensemble.data.tables.call_words import read_calls
from mura_ensemble.data.tables.contracts import Kind, row_name

__all__ = [
    "COLUMNS",
    "Repeats",
    "count_repeats",
    "gold_by_majority",
    "parse_panel_size",
    "pick_readers",
    "read_readers",
    "read_reading_patients",
]

Repeats = Literal["refuse", "agree"]
"""Several rows of one reader on one study: an error, or one read where they agree and none where they do not."""

_BESIDE = ("study", "patient", "study_type", "split")
COLUMNS = ("study", "reader", "call", "patient")
"""Columns of ours that a file may have under other names."""
_NOT_A_READER = ("gold", "label", "truth", "probability", "logit")


def parse_panel_size(text: str) -> int | Literal["others"]:
    """Read the size of a panel, or `others`.

    Raises
    ------
    InputError
        For anything else.
    """
    if text.strip() == "others":
        return "others"
    if not text.strip().isdecimal() or int(text) < 1:
        raise InputError(f"panels: '{text}' is neither a number of readers from 1 on nor 'others'")
    return int(text)


def read_readers(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    words: Mapping[str, float] | None = None,
    repeats: Repeats = "refuse",
) -> pd.DataFrame:
    """Read calls of readers, in the wide or the long form.

    Parameters
    ----------
    path : Path
        CSV or Parquet. Wide: `study` and one column per reader (columns `patient`, `study_type` and
        `split` are passed over). Long: `study`, `reader`, `call`. A call is 0 (normal), 1 (abnormal)
        or empty (not read).
    columns : mapping, optional
        Ours to theirs, for `study`, `reader`, `call` and `patient`.
    words : mapping, optional
        What the words that stand for calls mean, as `parse_words` gives it; then no other word may stand there.
    repeats : str
        What several rows of one reader on one study mean (long form); see `Repeats`.

    Returns
    -------
    DataFrame
        Indexed by study, one float column per reader with 0, 1 or NaN (not read); in the long form
        readers are in the order of their names and studies in the order of their first row.

    Raises
    ------
    InputError
        Another value, a study (long: a study of one reader) that stands twice, no column of a reader,
        or a column such as `gold` that is no reader's.
    """
    named = dict(columns or {})
    frame = _read(path, named)
    if {named.get(name, name) for name in ("reader", "call")} & set(frame.columns):
        return _from_long(frame, path, named, words, repeats)
    keys = check_theirs(frame, {"study": "text"}, ["study"], named, name="readers", source=path)
    frame = frame.rename(columns={theirs: ours for ours, theirs in named.items()})
    frame = frame.rename(columns=lambda name: str(name).strip())
    readers = [name for name in frame.columns if name not in _BESIDE]
    for name in readers:
        if readers.count(name) > 1:
            raise InputError(
                f"{path}: the header names reader '{name}' {readers.count(name)} times; keep one"
            )
    if not readers:
        raise InputError(
            f"{path}: no column of a reader beside 'study'; expected study,reader_1,reader_2,..."
        )
    for name in readers:
        if str(name).startswith("Unnamed: "):
            raise InputError(
                f"{path}: the header has a column without a name; name the reader or drop the column"
            )
        if str(name).lower() in _NOT_A_READER:
            raise InputError(f"{path}: column '{name}' is not a reader; keep it in a file of its own")
    calls = {str(name): read_calls(frame, name, path, words) for name in readers}
    return pd.DataFrame(calls, index=pd.Index(keys["study"], name="study"))


def read_reading_patients(
    path: Path, studies: pd.Index, *, columns: Mapping[str, str] | None = None
) -> pd.Series[str] | None:
    """Patient of each study in a file of reads, or None if it has no column `patient`.

    Raises
    ------
    InputError
        If a row has no patient, or a study has two.
    """
    named = dict(columns or {})
    frame = _read(path, named)
    column = named.get("patient", "patient")
    if column not in frame.columns:
        return None
    kinds: dict[str, Kind] = {"study": "text", "patient": "text"}
    rows = check_theirs(frame, kinds, [], named, name="readers", source=path)
    first = rows.drop_duplicates("study").set_index("study")["patient"]
    apart = np.flatnonzero(rows["patient"].to_numpy() != first.reindex(rows["study"]).to_numpy())
    if len(apart):
        study = rows["study"].iloc[apart[0]]
        raise InputError(
            f"{path}: {row_name(path, int(apart[0]))}, column '{column}': study {study} has patient "
            f"'{rows['patient'].iloc[apart[0]]}' here and '{first[study]}' before; a study has one patient"
        )
    return first.reindex(studies)


def _read(path: Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """The file under its own names of its columns, those that would get in the way left out."""
    text = {*(columns.get(name, name) for name in ("study", "reader", *_BESIDE))}
    frame = read_frame(path, text_columns=sorted(text))
    for ours, theirs in columns.items():
        if theirs not in frame.columns:
            raise InputError(
                f"{path}: there is no column '{theirs}' to take for '{ours}'; found {', '.join(map(str, frame.columns))}"
            )
        if ours != theirs and ours in frame.columns:
            raise InputError(f"{path}: both '{theirs}' and a column '{ours}' would be '{ours}'; rename one")
    if "call" in columns:  # the long form; other columns are other questions
        kept = [columns.get(name, name) for name in (*COLUMNS, *_BESIDE)]
        frame = frame[[name for name in frame.columns if name in kept]]
    return frame


def _from_long(
    frame: pd.DataFrame,
    path: Path,
    columns: Mapping[str, str],
    words: Mapping[str, float] | None,
    repeats: Repeats,
) -> pd.DataFrame:
    rows = _long_rows(frame, path, columns, words)
    if repeats == "refuse":
        _refuse_repeats(rows, path, columns.get("reader", "reader"))
    if repeats == "agree":
        made = rows.groupby(["study", "reader"], sort=False)["call"].agg(["min", "max"])
        agreed = made["min"].where(made["min"] == made["max"])
        rows = agreed.rename("call").reset_index()
    calls = {str(name): part.set_index("study")["call"] for name, part in rows.groupby("reader")}
    return pd.DataFrame(calls).reindex(pd.Index(rows["study"].unique(), name="study"))


def _refuse_repeats(rows: pd.DataFrame, path: Path, column: str) -> None:
    keys = rows[["study", "reader"]]
    again = keys.duplicated().to_numpy()
    if not again.any():
        return
    second = int(np.argmax(again))
    study, reader = keys.iloc[second]
    first = int(np.argmax(((rows["study"] == study) & (rows["reader"] == reader)).to_numpy()))
    raise InputError(
        f"{path}: {row_name(path, second)}, column '{column}': {study} / {reader} stands already in "
        f"{row_name(path, first)}; keep one of the two, or take those that agree as one read "
        "(--repeats agree of `readers`)"
    )


def _long_rows(
    frame: pd.DataFrame, path: Path, columns: Mapping[str, str], words: Mapping[str, float] | None
) -> pd.DataFrame:
    for ours in ("reader", "call"):
        if columns.get(ours, ours) not in frame.columns:
            raise InputError(f"{path}: column '{ours}' is missing; the long form has study,reader,call")
    kinds: dict[str, Kind] = {"study": "text", "reader": "text"}
    rows = check_theirs(frame, kinds, [], columns, name="readers", source=path)
    rows["call"] = read_calls(frame, columns.get("call", "call"), path, words)
    return rows


def count_repeats(
    path: Path, *, columns: Mapping[str, str] | None = None, words: Mapping[str, float] | None = None
) -> tuple[int, int]:
    """Studies that one reader read several times in a file in the long form, and how many of them contradict.

    Raises
    ------
    InputError
        As `read_readers`.
    """
    named = dict(columns or {})
    rows = _long_rows(_read(path, named), path, named, words)
    made = rows.dropna(subset=["call"]).groupby(["study", "reader"])["call"].agg(["size", "nunique"])
    return int((made["size"] > 1).sum()), int((made["nunique"] > 1).sum())


def pick_readers(calls: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Columns of the named readers, in the order asked for.

    Raises
    ------
    InputError
        For no name, an unknown one (the known ones are named) or one that is named twice.
    """
    if not names:
        raise InputError(f"no reader is named; known are {', '.join(map(str, calls.columns))}")
    for name in names:
        if name not in calls.columns:
            raise InputError(f"unknown reader '{name}'; known are {', '.join(map(str, calls.columns))}")
        if list(names).count(name) > 1:
            raise InputError(f"reader '{name}' is named {list(names).count(name)} times; name each once")
    return calls[list(names)]


def gold_by_majority(calls: pd.DataFrame, panel: Sequence[str]) -> pd.Series[float]:
    """Gold standard: what strictly more than half of the whole panel called.

    A missing read counts as a vote for neither side, so a study has a gold standard exactly when no
    missing read could overturn it: of three members, two equal reads decide; one read, or one against
    one, do not. Where nothing is decided (missing reads, or a tie in an even panel) the value is NaN;
    `gold.isna().sum()` counts these studies, which no estimate may use.

    Parameters
    ----------
    calls : DataFrame
        As `read_readers` returns it.
    panel : sequence of str
        Names of the members.

    Returns
    -------
    Series of float
        0, 1 or NaN, named `gold`, indexed by study.

    Raises
    ------
    InputError
        As `pick_readers`, or if the panel decides no study at all.
    """
    votes = pick_readers(calls, panel)
    abnormal = (votes == 1).sum(axis=1).to_numpy()
    normal = (votes == 0).sum(axis=1).to_numpy()
    gold = np.where(2 * abnormal > len(panel), 1.0, np.where(2 * normal > len(panel), 0.0, np.nan))
    if np.isnan(gold).all():
        raise InputError(f"the panel {', '.join(panel)} has no majority on any of {len(votes):,} studies")
    return pd.Series(gold, index=votes.index, name="gold")
