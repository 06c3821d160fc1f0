"""Calls of readers as they stand in a file: 0, 1, or words that somebody says the meaning of."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.tables.contracts import binary_values, row_name

__all__ = ["parse_words", "read_calls"]

_MEANINGS = {"1": 1.0, "abnormal": 1.0, "0": 0.0, "normal": 0.0, "missing": np.nan}


def parse_words(text: str) -> dict[str, float]:
    """Read `YES=1,NO=0,HEDGE=missing`: what each word of a file of reads means.

    Returns
    -------
    dict
        Word to 1 (abnormal), 0 (normal) or NaN (as if not read).

    Raises
    ------
    InputError
        For a part without `=`, another meaning, or a word that is given twice or that stands for an empty cell.
    """
    words: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        word, equals, meaning = (piece.strip() for piece in part.rpartition("="))
        if not equals or not word or meaning.lower() not in _MEANINGS:
            raise InputError(
                f"map: '{part}' is not word=1, word=0 or word=missing, e.g. YES=1,NO=0,HEDGE=missing"
            )
        if word in words:
            raise InputError(f"map: '{word}' is given twice")
        if pd.read_csv(StringIO(f"word,\n{word},1"))["word"].isna().all():
            raise InputError(
                f"map: a cell with '{word}' counts as empty, and an empty cell as not read; leave it out"
            )
        words[word] = _MEANINGS[meaning.lower()]
    return words


def read_calls(
    frame: pd.DataFrame, name: str, path: Path, words: Mapping[str, float] | None
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A column as 0, 1 or NaN, its words translated."""
    values = frame[name]
    if not words:
        texts = values[pd.to_numeric(values, errors="coerce").isna() & values.notna()]
        if len(texts):
            place = int(np.argmax(values.index == texts.index[0]))
            raise InputError(
                f"{path}: {row_name(path, place)}, column '{name}' is {str(texts.iloc[0])!r}; expected 0, 1 or empty "
                "(words are translated by --map of `readers`, e.g. --map YES=1,NO=0,HEDGE=missing)"
            )
        return binary_values(values, name, path, missing=True)
    written = [_written(value) for value in values]
    for place, word in enumerate(written):
        if word and word not in words:
            raise InputError(
                f"{path}: {row_name(path, place)}, column '{name}' is '{word}'; the map knows {', '.join(words)}"
            )
    return np.array([words[word] if word else np.nan for word in written])


def _written(value: object) -> str:
    """A cell as it was typed: pandas reads 2 as 2.0 where another cell is empty."""
    if value is None or value != value or value is pd.NA:
        return ""
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value).strip()
