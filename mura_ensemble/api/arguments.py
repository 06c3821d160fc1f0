"""Arguments of a notebook as the tables of the house: arrays, lists, Series or frames; 0/1, booleans or words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError

__all__ = ["as_calls", "as_frame", "as_gold", "as_labels"]


def as_frame(values: Any, name: str) -> pd.DataFrame:
    """One column per rater: a frame as it is, a named Series or vector as its only column, a mapping by its keys."""
    if isinstance(values, pd.DataFrame):
        frame = values.copy()
    elif isinstance(values, pd.Series):
        frame = values.to_frame("rater" if values.name is None else values.name)
    elif isinstance(values, Mapping):
        frame = pd.DataFrame({key: pd.Series(column) for key, column in values.items()})
    else:
        array = np.asarray(values)
        if array.ndim not in (1, 2) or not array.size:
            raise InputError(
                f"{name}: expected one value per study, or one column per rater, not shape {array.shape}"
            )
        table = array[:, None] if array.ndim == 1 else array
        names = ["rater"] if table.shape[1] == 1 else [f"rater_{i + 1}" for i in range(table.shape[1])]
        frame = pd.DataFrame(table, columns=names)
    frame.columns = [str(column) for column in frame.columns]
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise InputError(f"{name}: column '{twice}' appears twice; rename one")
    return frame


def as_labels(values: Any, index: pd.Index, name: str, like: str) -> pd.Series[Any]:
    """One label per study of `index`: by its own index where it has one, else in the order given."""
    if isinstance(values, pd.DataFrame):
        if values.shape[1] != 1:
            raise InputError(f"{name}: expected one column, not {values.shape[1]}; pick one")
        values = values.iloc[:, 0]
    if isinstance(values, pd.Series):
        if not values.index.is_unique:
            raise InputError(
                f"{name}: study {values.index[values.index.duplicated()][0]} appears twice; keep one"
            )
        lacking = index.difference(values.index)
        if len(lacking):
            raise InputError(
                f"{name}: study {lacking[0]} of {like} is not in its index ({len(lacking):,} are not); "
                "give both the same index, or pass plain arrays in one order"
            )
        return values.reindex(index)
    array = np.asarray(values, dtype=None if isinstance(values, np.ndarray) else object)
    if array.shape != (len(index),):
        raise InputError(
            f"{name}: expected one value for each of the {len(index):,} rows of {like}, not {array.shape}"
        )
    return pd.Series(array, index=index)


def as_gold(values: Any, index: pd.Index, positive: Any = None, name: str = "gold") -> pd.Series[Any]:
    """The gold standard as 0 and 1 by study; words become 1 where they are `positive`.

    Raises
    ------
    InputError
        If a value is neither 0 nor 1 and `positive` does not say which of two words is abnormal, or one is missing.
    """
    column = as_labels(values, index, name, "calls")
    if column.isna().any():
        raise InputError(
            f"{name}: study {column.index[column.isna()][0]} has no value; leave it out of every argument"
        )
    return _binary(column.to_frame(name), positive, name)[name].astype(np.int64)


def as_calls(frame: pd.DataFrame, positive: Any = None, name: str = "calls") -> pd.DataFrame:
    """Calls as 0.0, 1.0 or NaN, one column per rater."""
    return _binary(frame, positive, name)


def _binary(frame: pd.DataFrame, positive: Any, name: str) -> pd.DataFrame:
    if positive is not None:
        chosen: Sequence[Any] = (
            [positive] if isinstance(positive, str) or np.isscalar(positive) else list(positive)
        )
        if not frame.isin(chosen).to_numpy().any():
            raise InputError(f"{name}: no value is {positive!r}, which positive= names; found {_few(frame)}")
        called: pd.DataFrame = frame.isin(chosen).astype(np.float64).where(frame.notna())
        return called
    numbers: pd.DataFrame = frame.apply(pd.to_numeric, errors="coerce").astype(np.float64)
    wrong = (~numbers.isin((0.0, 1.0)) & frame.notna()).to_numpy()
    if wrong.any():
        row, column = (int(place) for place in np.argwhere(wrong)[0])
        raise InputError(
            f"{name}: study {frame.index[row]}, column '{frame.columns[column]}' is {frame.iloc[row, column]!r}; "
            f"expected 0 or 1, or say which value is abnormal with positive= (found {_few(frame)})"
        )
    return numbers


def _few(frame: pd.DataFrame) -> str:
    found = pd.unique(frame.to_numpy().ravel())[:4]
    return ", ".join(str(value) for value in found)
