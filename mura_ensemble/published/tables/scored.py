"""The rows that entries were scored on, and in words how they differ from the rows most entries share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mura_ensemble.published.tables.rowsets import Counts

__all__ = ["RowKind", "RowSet", "describe_rows"]

RowKind = Literal["studies", "altered", "views"]


@dataclass(frozen=True)
class RowSet:
    """Rows on which a group of entries was scored, as their numbers demand.

    Attributes
    ----------
    rows, positives : tuple of int
        Rows and abnormal rows per study type, in the order of `RecoveredBoard.study_types`.
    entries : tuple
        Index labels of the entries scored on these rows.
    kind : str
        "studies" for the rows that most entries share; "altered" where some studies are missing or counted more
        than once; "views" where there is about one row per view.
    finding : str
        The same in words and numbers.
    """

    rows: Counts
    positives: Counts
    entries: tuple[object, ...]
    kind: RowKind
    finding: str

    @property
    def n(self) -> int:
        """All rows."""
        return sum(self.rows)

    @property
    def n_positive(self) -> int:
        """All abnormal rows."""
        return sum(self.positives)


def describe_rows(
    names: Sequence[str], rows: Counts, positives: Counts, usual: Counts, usual_positives: Counts
) -> tuple[RowKind, str]:
    """Compare rows and abnormal rows per study type with the usual ones; see `RowSet.kind` and `finding`."""
    kind = _kind(rows, positives, usual, usual_positives)
    return kind, _finding(kind, names, rows, positives, usual, usual_positives)


def _kind(rows: Counts, positives: Counts, usual: Counts, usual_positives: Counts) -> RowKind:
    if (rows, positives) == (usual, usual_positives):
        return "studies"
    several_each = all(n >= 1.5 * due for n, due in zip(rows, usual, strict=True))
    return "views" if several_each else "altered"


def _finding(
    kind: RowKind,
    names: Sequence[str],
    rows: Counts,
    positives: Counts,
    usual: Counts,
    usual_positives: Counts,
) -> str:
    if kind == "studies":
        normals = sum(rows) - sum(positives)
        return f"scored on {sum(rows)} studies, {sum(positives)} abnormal and {normals} normal"
    head = f"not scored on the {sum(usual)} studies but on {sum(rows)} rows"
    if kind == "views":
        return f"{head}: {sum(rows) / sum(usual):.1f} rows per study, which is what one row per view gives"
    changes = []
    for name, n, p, due, due_p in zip(names, rows, positives, usual, usual_positives, strict=True):
        parts = [
            _change(p - due_p, "abnormal"),
            _change((n - p) - (due - due_p), "normal"),
        ]
        if any(parts):
            changes.append(f"{name} {' and '.join(filter(None, parts))}")
    return f"{head}: {'; '.join(changes)}"


def _change(extra: int, kind: str) -> str:
    if extra == 0:
        return ""
    count = abs(extra)
    if extra < 0:
        return f"{count} {kind} {'study' if count == 1 else 'studies'} missing"
    return f"{count} {kind} {'row' if count == 1 else 'rows'} too many"
