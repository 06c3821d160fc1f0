"""Probabilities and logits: one from the other, and one that is declared as the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.tables.contracts import row_name

__all__ = ["doubtful_logits", "from_logits", "from_probabilities"]

FloatArray = NDArray[np.float64]

_SURE = 1e-7
"""Nearest to 0 and 1 that a logit is taken from: a probability of exactly 1 becomes a logit of 16.1."""
_ENOUGH_TO_BE_SURE = 8
"""A third of standard normal logits lies between 0 and 1, and all of eight in one file of five thousand."""


def doubtful_logits(values: FloatArray, column: str, file: Path) -> list[str]:
    """Say of logits that all of them could be probabilities; empty where one could not.

    Parameters
    ----------
    values : (n,)
        What is declared as logits, NaN where there is none.
    column : str
        Its name in `file`.
    file : Path

    Raises
    ------
    InputError
        If they are enough to be sure that they are probabilities.
    """
    known = values[~np.isnan(values)]
    if not len(known) or known.min() < 0 or known.max() > 1:
        return []
    found = (
        f"column '{column}' is declared as logits, but all {len(known):,} values lie between 0 and 1, as "
        "probabilities do; leave --logits out"
    )
    if len(known) >= _ENOUGH_TO_BE_SURE:
        raise InputError(f"{file}: {found}")
    return [f"{found} if they are"]


def from_logits(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Probabilities and logits; NaN stays NaN."""
    with np.errstate(invalid="ignore"):
        return np.exp(-np.logaddexp(0, -values)), values


def from_probabilities(values: FloatArray, column: str, file: Path) -> tuple[FloatArray, FloatArray]:
    """Probabilities and logits, those of 0 and 1 kept finite; NaN stays NaN.

    Raises
    ------
    InputError
        If a value is no probability; the first row is named, and what the values may be instead.
    """
    outside = (values < 0) | (values > 1)
    if outside.any():
        known = values[~np.isnan(values)]
        at = int(np.argmax(outside))
        place = f"{file}: {row_name(file, at)}, column '{column}' is {values[at]:g}; expected a probability from 0 to 1"
        if outside.sum() == 1:
            raise InputError(place)
        guess = (
            "percentages, divide by 100"
            if known.min() >= 0 and known.max() <= 100
            else "logits, declare them with --logits"
        )
        spread = f"from {known.min():.4g} to {known.max():.4g}"
        raise InputError(f"{place} ({outside.sum():,} such values, {spread}: if they are {guess})")
    inner = np.clip(values, _SURE, 1 - _SURE)
    return values, np.log(inner) - np.log1p(-inner)
