"""Readers' calls from a file, and the gold standard as the majority of named panel members."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_frame
from mura_ensemble.data.tables import Column, Table, binary_values, check_table

__all__ = ["gold_by_majority", "pick_readers", "read_readers"]

_STUDY = Column("study", "text")
_WIDE = Table("readers", ("study",), (_STUDY,))
_LONG = Table("readers", ("study", "reader"), (_STUDY, Column("reader", "text")))
_BESIDE = ("study", "patient", "study_type", "split")
_NOT_A_READER = ("gold", "label", "truth", "probability", "logit")


def read_readers(path: Path) -> pd.DataFrame:
    """Read calls of readers, in the wide or the long form.

    Parameters
    ----------
    path : Path
        CSV or Parquet. Wide: `study` and one column per reader (columns `patient`, `study_type` and
        `split` are passed over). Long: `study`, `reader`, `call`. A call is 0 (normal), 1 (abnormal)
        or empty (not read).

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
    frame = read_frame(path, text_columns=("study", "reader", *_BESIDE))
    if {"reader", "call"} & set(frame.columns):
        return _from_long(frame, path)
    keys = check_table(frame, _WIDE, source=path)
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
    calls = {str(name): binary_values(frame[name], str(name), path, missing=True) for name in readers}
    return pd.DataFrame(calls, index=pd.Index(keys["study"], name="study"))


def _from_long(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    for name in ("reader", "call"):
        if name not in frame.columns:
            raise InputError(f"{path}: column '{name}' is missing; the long form has study,reader,call")
    rows = check_table(frame, _LONG, source=path)
    rows["call"] = binary_values(frame["call"], "call", path, missing=True)
    calls = {str(name): part.set_index("study")["call"] for name, part in rows.groupby("reader")}
    return pd.DataFrame(calls).reindex(pd.Index(rows["study"].unique(), name="study"))


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
