"""Which rows were the entries of a board scored on: integrality, jointly over study types and entries.

A board is taken apart into cells (entry, column), a column being a study type or, last, the overall row. Each
cell allows a few (n, table); the searches here find what agrees over all columns of an entry (study types add
up to the overall row) and over all entries scored on the same rows (they share the gold standard).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.data.errors import InputError
from mura_ensemble.published.tables.inversion import row_counts_from_limits, tables_from_limits
from mura_ensemble.published.tables.joining import sets_adding_up

__all__ = ["BoardCells", "Counts"]

Counts = tuple[int, ...]
"""One whole number per study type (or the overall one alone, on a board without study types)."""

_MOST_COMBINATIONS = 200_000


class BoardCells:
    """Kappa and limits of every entry and column, with the searches over their integer solutions.

    Parameters
    ----------
    board
        Columns `<X>_kappa`, `<X>_lower`, `<X>_upper` for X in `study_types` and `overall`.
    study_types
        May be empty.
    max_rows
        Largest number of rows tried per column.
    """

    def __init__(self, board: pd.DataFrame, study_types: tuple[str, ...], max_rows: int) -> None:
        self.columns = (*study_types, "overall")
        self.overall = len(study_types)
        self.parts = range(max(1, len(study_types)))  # without study types the overall row is its own part
        self.size = len(board)
        self.max_rows = max_rows
        names = [f"{name}_{part}" for name in self.columns for part in ("kappa", "lower", "upper")]
        self.values = board[names].to_numpy(dtype=np.float64).reshape(len(board), len(self.columns), 3)

    def row_counts(self, entry: int, column: int) -> Counts:
        """Every n that the numbers of one cell allow."""
        kappa, lower, upper = map(float, self.values[entry, column])
        return _row_counts(kappa, lower, upper, self.max_rows)

    def tables(self, entry: int, column: int, n: int) -> NDArray[np.int64]:
        """(S, 2, 2): every table of n rows that gives the numbers of one cell."""
        kappa, lower, upper = map(float, self.values[entry, column])
        return _tables(kappa, lower, upper, n)

    def usual_rows(self) -> Counts:
        """Rows per study type that fit most entries in every column and add up to the overall row.

        Raises
        ------
        InputError
            If not even two entries agree.
        """
        fits = [[set(self.row_counts(e, c)) for c in range(self.overall + 1)] for e in range(self.size)]
        likely: list[list[int]] = []
        for c in self.parts:
            # A perfect kappa fits every n, so it has no say.
            votes = Counter(n for e, row in enumerate(fits) if self.values[e, c, 0] != 1 for n in row[c])
            most_votes = max(votes.values(), default=0)
            likely.append([n for n, count in votes.most_common(3) if 5 * count >= most_votes])
        best: Counts = ()
        most = 1
        for rows in product(*likely):
            wanted = rows if self.overall == 0 else (*rows, sum(rows))
            agreeing = sum(all(n in found for n, found in zip(wanted, row, strict=True)) for row in fits)
            if agreeing > most:
                best, most = rows, agreeing
        if most < 2:
            raise InputError(
                "no number of rows explains the kappas and limits of even two entries of the board: they are "
                "rounded or are not the legacy limits; leave the limits out and use the kappas alone"
            )
        return best

    def rows_of(self, entry: int, usual: Counts) -> Counts | None:
        """Rows per study type of one entry: the usual ones wherever they fit; None if nothing adds up."""
        allowed = [self.row_counts(entry, c) for c in self.parts]
        total = set(self.row_counts(entry, self.overall))
        usual_where_possible = [
            (n,) if n in found else found for n, found in zip(usual, allowed, strict=True)
        ]
        for options in (usual_where_possible, allowed):
            fitting = [rows for rows in _combinations(options) if sum(rows) in total]
            if fitting:
                return min(fitting, key=lambda rows: _distance(rows, usual))
        return None

    def compositions(self, entries: Sequence[int], rows: Counts, known: Counts | None = None) -> list[Counts]:
        """Counts of abnormal rows per study type under which the most entries have tables.

        Parameters
        ----------
        entries
            Positions of entries scored on the same rows.
        rows
            Those rows per study type.
        known
            Abnormal rows to be kept in every study type where most of the entries allow them.

        Returns
        -------
        list of tuple
            The compositions that explain equally many entries, more than half of them; none if there is none.
            They come in pairs with the classes swapped.
        """
        options = [self._likely_positives(entries, c, n) for c, n in zip(self.parts, rows, strict=True)]
        total = set(self._likely_positives(entries, self.overall, sum(rows)))
        choices = [options]
        if known is not None:
            kept = [[p] if p in found else found for p, found in zip(known, options, strict=True)]
            choices.insert(0, kept)
        for choice in choices:
            adding_up = [positives for positives in _combinations(choice) if sum(positives) in total]
            most, best = len(entries) // 2, []
            for positives in adding_up:
                explained = self._explained(entries, rows, positives, most)
                if explained > most:
                    most, best = explained, [positives]
                elif explained == most and best:
                    best.append(positives)
            if best:
                return best
        return []

    def _explained(self, entries: Sequence[int], rows: Counts, positives: Counts, needed: int) -> int:
        """Entries that have tables; -1 as soon as fewer than `needed` can be reached."""
        left = len(entries)
        for entry in entries:
            left -= len(self.solutions(entry, rows, positives)) == 0
            if left < needed:
                return -1
        return left

    def solutions(self, entry: int, rows: Counts, positives: Counts) -> NDArray[np.int64]:
        """(S, T + 1, 2, 2): every set of tables of one entry, study types adding up to the overall table."""
        overall = self._tables_with(entry, self.overall, sum(rows), sum(positives))
        if self.overall == 0:
            return overall[:, None]
        parts = [self._tables_with(entry, c, rows[c], positives[c]) for c in self.parts]
        return sets_adding_up(parts, overall)

    def _tables_with(self, entry: int, column: int, n: int, positives: int) -> NDArray[np.int64]:
        found = self.tables(entry, column, n)
        return np.asarray(found[found[:, 1].sum(axis=-1) == positives])

    def _likely_positives(self, entries: Sequence[int], column: int, n: int) -> list[int]:
        votes = Counter(
            p for e in entries for p in set(self.tables(e, column, n)[:, 1].sum(axis=-1).tolist())
        )
        return sorted(p for p, count in votes.items() if 2 * count > len(entries))


def _combinations(options: Sequence[Sequence[int]]) -> Iterator[Counts]:
    if prod(map(len, options)) > _MOST_COMBINATIONS:
        return iter(())  # too little is known to single anything out
    return product(*options)


def _distance(rows: Counts, usual: Counts) -> int:
    return sum(abs(a - b) for a, b in zip(rows, usual, strict=True))


# Entries of a board share most of their cells, so each distinct triple is inverted once.
@lru_cache(maxsize=8192)
def _row_counts(kappa: float, lower: float, upper: float, max_rows: int) -> Counts:
    return tuple(row_counts_from_limits(kappa, lower, upper, max_rows).tolist())


@lru_cache(maxsize=8192)
def _tables(kappa: float, lower: float, upper: float, n: int) -> NDArray[np.int64]:
    found = tables_from_limits(kappa, lower, upper, n)
    found.flags.writeable = False
    return found
