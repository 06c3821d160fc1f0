"""Tables of a reader study brought into the order of the reads."""

from __future__ import annotations

from typing import TypeVar

import pandas as pd

from mura_ensemble.data.errors import InputError

__all__ = ["by_key", "in_order"]

Table = TypeVar("Table", pd.DataFrame, pd.Series)


def by_key(table: pd.DataFrame) -> pd.DataFrame:
    """Rows by study and columns by name, both as text: resamples and sums then follow no order of a file."""
    named = table.set_axis([str(name) for name in table.columns], axis=1)
    order = sorted(range(named.shape[1]), key=lambda place: named.columns[place])
    return named.iloc[:, order].sort_index(kind="stable")


def in_order(table: Table | None, reads: pd.DataFrame, what: str) -> Table | None:
    """Rows in the order of the reads, columns by name: taken as they stand they would be read for other studies, unsaid.

    Parameters
    ----------
    table : DataFrame or Series, optional
        Index study.
    reads : DataFrame
        Index study.
    what : str
        Name of the table, for the error.

    Raises
    ------
    InputError
        If they are not of the same studies.
    """
    if table is None:
        return None
    if isinstance(table, pd.DataFrame):
        table = by_key(table)
    if table.index.equals(reads.index):
        return table
    other = table.index.symmetric_difference(reads.index)
    if len(other):
        raise InputError(
            f"{what}: study {other[0]} is not both here and among the reads ({len(other):,} differ); give the same studies"
        )
    return table.reindex(reads.index)
