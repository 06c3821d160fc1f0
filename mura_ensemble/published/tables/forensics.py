"""From a published board of kappas and legacy limits back to the 2x2 table of every entry.

Three steps, each joint over all that can inform it: how many rows each entry was scored on (study types add up
to the overall row), how many of those rows are abnormal (shared by all entries scored on the same rows), and
the tables of each entry (study types add up to the overall table).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.data.errors import InputError
from mura_ensemble.published.board.entries import OperatingPoint, study_types_of
from mura_ensemble.published.tables.rowsets import BoardCells, Counts
from mura_ensemble.published.tables.scored import RowSet, describe_rows

__all__ = ["RecoveredBoard", "recover_board"]


@dataclass(frozen=True)
class RecoveredBoard:
    """What the kappas and limits of a board reveal. All of it is inferred from published results.

    Attributes
    ----------
    study_types : tuple of str
        The T study types; the overall table follows them in `tables`.
    entries : Index
        The E index labels of the board.
    tables : NDArray of int64
        (E, T + 1, 2, 2) counts [[TN, FP], [FN, TP]]; all zero where not recovered.
    recovered : NDArray of bool
        (E,) whether exactly one set of tables gives kappa and both limits of every column to 1e-9.
    row_set : NDArray of int64
        (E,) position in `row_sets`; -1 where unknown.
    row_sets : tuple of RowSet
        The first is the one that most entries share.
    reasons : tuple of str
        (E,) why an entry was not recovered; empty where it was.
    classes_known : bool
        Whether an anchor or a class count told which class is abnormal; if not, the rarer one was taken to be.
    from_limits : bool
        Whether kappa and its published limits gave the tables, or kappa alone.
    """

    study_types: tuple[str, ...]
    entries: pd.Index
    tables: NDArray[np.int64]
    recovered: NDArray[np.bool_]
    row_set: NDArray[np.int64]
    row_sets: tuple[RowSet, ...]
    reasons: tuple[str, ...]
    classes_known: bool
    from_limits: bool = True

    @property
    def comparable(self) -> NDArray[np.bool_]:
        """(E,) whether the entry was recovered and scored on the rows that most entries share."""
        return np.asarray(self.recovered & (self.row_set == 0))

    def composition(self) -> pd.DataFrame:
        """Index (row_set, study_type) with the overall row last; columns n, positives, normals."""
        names = (*self.study_types, "overall") if self.study_types else ("overall",)
        records = []
        for number, rows in enumerate(self.row_sets):
            counts = list(zip(rows.rows, rows.positives, strict=True))
            if self.study_types:
                counts.append((rows.n, rows.n_positive))
            records += [(number, name, n, p, n - p) for name, (n, p) in zip(names, counts, strict=True)]
        columns = ["row_set", "study_type", "n", "positives", "normals"]
        return pd.DataFrame(records, columns=columns).set_index(["row_set", "study_type"])


def recover_board(
    board: pd.DataFrame,
    *,
    anchor: OperatingPoint | None = None,
    positives: int | None = None,
    max_rows: int = 1000,
) -> RecoveredBoard:
    """Recover the 2x2 tables behind a board that prints kappa and legacy limits at full precision.

    Parameters
    ----------
    board
        One row per entry: columns `<X>_kappa`, `<X>_lower`, `<X>_upper` for `overall` and for every study
        type X (there may be none); `model` is needed with an anchor. Missing numbers are NaN.
    anchor
        A published sensitivity and specificity of one entry; it tells abnormal from normal.
    positives
        All abnormal studies of the rows most entries share, if known; tells the same.
    max_rows
        Largest number of rows tried per column.

    Returns
    -------
    RecoveredBoard

    Raises
    ------
    InputError
        If columns are missing, the numbers fix no number of rows or abnormal rows, or the anchor names no
        entry, several, or one whose table contradicts it.

    Notes
    -----
    Assumes plain Cohen's kappa with the limits of `legacy_interval`, and that most entries were scored on the
    same rows. An entry that was not is given the rows that its own numbers demand, of those the nearest in
    prevalence to the shared ones.
    """
    study_types = study_types_of(board)
    cells = BoardCells(board, study_types, max_rows)
    usual = cells.usual_rows()
    groups: dict[Counts, list[int]] = {usual: []}
    reasons = [""] * len(board)
    for entry in range(len(board)):
        rows = cells.rows_of(entry, usual)
        if rows is None:
            reasons[entry] = _why_no_rows(cells, entry)
        else:
            groups.setdefault(rows, []).append(entry)
    usual_counts = _usual_composition(cells, board, usual, groups[usual], anchor, positives)

    row_sets: list[RowSet] = []
    tables = np.zeros((len(board), len(cells.columns), 2, 2), dtype=np.int64)
    recovered = np.zeros(len(board), dtype=bool)
    row_set = np.full(len(board), -1, dtype=np.int64)
    for rows in sorted(groups, key=lambda rows: (rows != usual, -len(groups[rows]), rows)):
        members = groups[rows]
        counts = usual_counts
        if rows != usual:
            found = _odd_composition(cells, rows, members, usual, usual_counts)
            if found is None:
                for entry in members:
                    reasons[entry] = (
                        f"scored on {sum(rows)} other rows; their abnormal ones cannot be counted"
                    )
                continue
            counts = found
        kind, finding = describe_rows(study_types or ("overall",), rows, counts, usual, usual_counts)
        labels = tuple(board.index[entry] for entry in members)
        row_sets.append(RowSet(rows, counts, labels, kind, finding))
        for entry in members:
            solutions = cells.solutions(entry, rows, counts)
            row_set[entry] = len(row_sets) - 1
            if len(solutions) == 1:
                tables[entry], recovered[entry] = solutions[0], True
            elif len(solutions) == 0:
                reasons[entry] = "no tables with the shared class counts add up to the overall row"
            else:
                reasons[entry] = f"{len(solutions)} different sets of tables give the same numbers"
    return RecoveredBoard(
        study_types,
        board.index,
        tables,
        recovered,
        row_set,
        tuple(row_sets),
        tuple(reasons),
        anchor is not None or positives is not None,
    )


def _why_no_rows(cells: BoardCells, entry: int) -> str:
    for column, name in enumerate(cells.columns):
        if np.isnan(cells.values[entry, column]).any():
            return f"{name}: kappa or a limit is missing"
        if not cells.row_counts(entry, column):
            return f"{name}: no table of up to {cells.max_rows} rows gives kappa and both limits"
    return "the rows of the study types do not add up to those of the overall row"


def _usual_composition(
    cells: BoardCells,
    board: pd.DataFrame,
    rows: Counts,
    members: Sequence[int],
    anchor: OperatingPoint | None,
    total: int | None,
) -> Counts:
    fitting = cells.compositions(members, rows)
    if total is not None:
        fitting = [p for p in fitting if sum(p) == total]
    elif anchor is None:
        # Every fit has its mirror image; without an anchor the rarer class is called abnormal.
        fitting = [p for p in fitting if (sum(p), p) <= (sum(rows) - sum(p), _mirrored(rows, p))]
    if anchor is not None:
        entry = _anchor_entry(board, anchor)
        if entry not in members:
            raise InputError(f"the anchor '{anchor.entry}' was not scored on the rows most entries share")
        fitting = [p for p in fitting if _agrees(cells.solutions(entry, rows, p)[:, -1], anchor)]
    if len(fitting) != 1:
        raise InputError(
            f"{len(fitting)} ways to divide the {sum(rows)} rows into abnormal and normal fit the board"
            "; exactly one is needed: check the anchor or the number of abnormal studies, or add entries"
        )
    return fitting[0]


def _odd_composition(
    cells: BoardCells, rows: Counts, members: Sequence[int], usual: Counts, usual_positives: Counts
) -> Counts | None:
    shares = np.divide(usual_positives, usual)

    def strangeness(positives: Counts) -> float:
        return float(np.abs(np.asarray(positives) - shares * np.asarray(rows)).sum())

    # Of a composition and its mirror image, the one nearer in prevalence to the usual rows.
    nearer = [
        positives
        for positives in cells.compositions(members, rows, usual_positives)
        if strangeness(positives) <= strangeness(_mirrored(rows, positives))
    ]
    return nearer[0] if len(nearer) == 1 else None


def _mirrored(rows: Counts, positives: Counts) -> Counts:
    return tuple(n - p for n, p in zip(rows, positives, strict=True))


def _anchor_entry(board: pd.DataFrame, anchor: OperatingPoint) -> int:
    named = np.flatnonzero(board["model"].astype(str).str.contains(anchor.entry, regex=False))
    if len(named) != 1:
        raise InputError(
            f"the anchor '{anchor.entry}' names {len(named)} entries of the board; it must name one"
        )
    return int(named[0])


def _agrees(tables: NDArray[np.int64], anchor: OperatingPoint) -> bool:
    right = np.diagonal(tables, axis1=-2, axis2=-1) / tables.sum(axis=-1)
    published = np.array([anchor.specificity, anchor.sensitivity])
    return bool((np.abs(right - published) <= 0.5 * 10.0**-anchor.decimals + 1e-9).all(axis=-1).any())
