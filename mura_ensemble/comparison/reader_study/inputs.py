"""Tables of a reader study brought into the order of the reads."""

from __future__ import annotations

from typing import TypeVar

import pandas as pd

from mura_ensemble.data.errors import InputError

__all__ = ["in_order"]

Table = TypeVar("Table", pd.DataFrame, pd.Series)


def in_order(table: Table | None, reads: pd.DataFrame, what: str) -> Table | None:
    """Rows in the order of the reads: taken as they stand they would be read for other studies, without a word.

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
    if table is None or table.index.equals(reads.index):
        return table
    other = table.index.symmetric_difference(reads.index)
    if len(other):
        raise InputError(
            f"{what}: study {other[0]} is not both here and among the reads ({len(other):,} differ); give the same studies"
        )
    return table.reindex(reads.index)
