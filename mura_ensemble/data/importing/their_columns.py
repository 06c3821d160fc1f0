"""Columns of a file that is not ours: which is which, as a person says it, and errors in the file's own names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.tables.contracts import Column, Kind, Table, check_table

__all__ = ["check_theirs", "parse_columns", "refuse_unknown", "their_column"]


def parse_columns(text: str, known: Iterable[str]) -> dict[str, str]:
    """Read `ours=theirs,ours=theirs`, e.g. `study=Image ID,reader=Reader ID,call=Fracture`.

    Parameters
    ----------
    text : str
    known : iterable of str
        Columns of ours.

    Raises
    ------
    InputError
        For a part without `=`, a column of ours that does not exist or is named twice.
    """
    columns: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        ours, equals, theirs = (piece.strip() for piece in part.partition("="))
        if not equals or not theirs:
            raise InputError(f"columns: '{part}' is not ours=theirs, e.g. study=exam")
        if ours in columns:
            raise InputError(f"columns: '{ours}' is named twice")
        columns[ours] = theirs
    refuse_unknown(columns, known)
    return columns


def refuse_unknown(columns: Iterable[str], known: Iterable[str]) -> None:
    """Refuse a column that is none of ours."""
    known = list(known)
    for ours in columns:
        if ours not in known:
            raise InputError(f"columns: there is no column '{ours}' of ours; known are {', '.join(known)}")


def their_column(ours: str, theirs: str) -> str:
    """Both names of a column, said once where they are one."""
    return f"column '{ours}'" if ours == theirs else f"column '{theirs}' (our '{ours}')"


def check_theirs(
    frame: pd.DataFrame,
    kinds: Mapping[str, Kind],
    key: Sequence[str],
    theirs: Mapping[str, str],
    *,
    name: str,
    source: Path,
) -> pd.DataFrame:
    """Check the columns of a table, so that an error says what stands in the file's header.

    Parameters
    ----------
    frame : DataFrame
        Under the file's names.
    kinds : mapping
        Our columns to their kinds.
    key : sequence of str
        Ours, which together name a row; empty where rows may repeat.
    theirs : mapping
        Our names to the file's, where they differ.
    name : str
        Of the table.
    source : Path

    Returns
    -------
    DataFrame
        Under our names.

    Raises
    ------
    InputError
        As `check_table`.
    """
    of = {ours: theirs.get(ours, ours) for ours in kinds}
    contract = Table(
        name, tuple(of[ours] for ours in key), tuple(Column(of[ours], kind) for ours, kind in kinds.items())
    )
    checked = check_table(frame, contract, source=source)
    return pd.DataFrame({ours: checked[own] for ours, own in of.items()})
