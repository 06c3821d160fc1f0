"""What a comparison is given, checked and put into one order, so that no later step depends on the caller's."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import digest_of_rows
from mura_ensemble.data.names import STUDY_TYPES

__all__ = ["Kind", "Reads", "checked_reads"]

Kind = Literal["backbone", "ensemble", "reader", "panel reader"]


@dataclass(frozen=True)
class Reads:
    """Gold standard and calls of the same studies, sorted by study; raters sorted by name.

    Attributes
    ----------
    studies : tuple of str
        Keys of the n studies.
    gold : (n,) int
        0 normal, 1 abnormal.
    patients, types : (n,) int
        Codes of the patient and of the study type, the latter an index into `type_names`.
    type_names : tuple of str
        MURA's order, any other types after it by name.
    calls : DataFrame
        n studies x R raters, 0.0 / 1.0 / NaN.
    kinds : mapping
        Rater to backbone, ensemble or reader.
    in_panel : tuple of str
        Readers left out because they made the gold standard.
    """

    studies: tuple[str, ...]
    gold: NDArray[np.int64]
    patients: NDArray[np.int64]
    types: NDArray[np.int64]
    type_names: tuple[str, ...]
    calls: pd.DataFrame
    kinds: Mapping[str, str]
    in_panel: tuple[str, ...]

    @property
    def repeated_patients(self) -> int:
        """Number of patients with more than one study."""
        return int((np.bincount(self.patients) > 1).sum())

    def clusters(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64] | None:
        """Patients of the chosen studies, or None if each has one study there and studies are independent."""
        patients = self.patients[chosen]
        return patients if len(np.unique(patients)) < len(patients) else None

    def digest(self) -> str:
        """SHA-256 of gold standard, patients, types and calls, whatever their order."""
        columns = [
            np.array(self.studies),
            self.patients.astype(str),
            self.types.astype(str),
            self.gold.astype(str),
        ]
        rows = zip(*columns, *self.calls.fillna(-1).astype(int).astype(str).to_numpy().T, strict=True)
        return digest_of_rows(
            [*(tuple(map(str, row)) for row in rows), tuple(self.calls.columns), self.type_names]
        )


def checked_reads(calls: pd.DataFrame, studies: pd.DataFrame, kinds: Mapping[str, str]) -> Reads:
    """Check calls against studies and bring both into one order.

    Parameters
    ----------
    calls : DataFrame
        Index study, one column per rater, 0 / 1 / NaN; a study without a row has no call by anyone.
    studies : DataFrame
        Index study; columns patient, study_type, gold (0/1).
    kinds : mapping
        Rater to `backbone`, `ensemble`, `reader`, or `panel reader`, who is left out.

    Raises
    ------
    InputError
        A rater without a kind, a call that is not 0, 1 or missing, a study twice or unknown, no rater at all.
    """
    _refuse_columns(studies, ("patient", "study_type", "gold"))
    for name, frame in (("calls", calls), ("studies", studies)):
        if not frame.index.is_unique:
            twice = frame.index[frame.index.duplicated()][0]
            raise InputError(f"{name}: study {twice} stands twice; keep one row")
    if not len(studies):
        raise InputError("studies: the table has no rows, so there is nothing to compare on")
    unknown = calls.index.difference(studies.index)
    if len(unknown):
        raise InputError(
            f"calls: study {unknown[0]} is not in the table of studies; give its patient, type and gold"
        )
    _refuse_kinds(calls, kinds)
    in_panel = tuple(sorted(str(name) for name in calls.columns if kinds[name] == "panel reader"))
    raters = sorted(str(name) for name in calls.columns if str(name) not in in_panel)
    if not raters:
        raise InputError(
            "calls: no rater is left to compare; give at least one that did not make the gold standard"
        )
    ordered = studies.sort_index()
    kept = calls.set_axis([str(name) for name in calls.columns], axis=1).reindex(
        index=ordered.index, columns=raters
    )
    gold = _binary(ordered["gold"].to_frame(), "studies", missing=False).to_numpy()[:, 0].astype(np.int64)
    present = set(ordered["study_type"].astype(str))
    type_names = [*(name for name in STUDY_TYPES if name in present), *sorted(present - set(STUDY_TYPES))]
    return Reads(
        studies=tuple(map(str, ordered.index)),
        gold=gold,
        patients=np.unique(ordered["patient"].astype(str).to_numpy(dtype=object), return_inverse=True)[1],
        types=pd.Index(type_names).get_indexer(pd.Index(ordered["study_type"].astype(str))).astype(np.int64),
        type_names=tuple(type_names),
        calls=_binary(kept, "calls", missing=True),
        kinds={name: kinds[name] for name in raters},
        in_panel=in_panel,
    )


def _refuse_columns(studies: pd.DataFrame, wanted: tuple[str, ...]) -> None:
    for column in wanted:
        if column not in studies.columns:
            found = ", ".join(map(str, studies.columns))
            raise InputError(f"studies: column '{column}' is missing; found {found}")
        if studies[column].isna().any():
            study = studies.index[studies[column].isna()][0]
            raise InputError(
                f"studies: study {study}, column '{column}' is empty; fill it or leave the study out"
            )


def _refuse_kinds(calls: pd.DataFrame, kinds: Mapping[str, str]) -> None:
    if not calls.columns.is_unique:
        raise InputError(
            f"calls: rater {calls.columns[calls.columns.duplicated()][0]} stands twice; rename one"
        )
    for name in calls.columns:
        if name not in kinds:
            raise InputError(
                f"calls: rater '{name}' has no kind; say whether it is a backbone, an ensemble or a reader"
            )
        if kinds[name] not in get_args(Kind):
            raise InputError(
                f"calls: rater '{name}' is said to be a '{kinds[name]}'; expected {', '.join(get_args(Kind))}"
            )


def _binary(frame: pd.DataFrame, source: str, *, missing: bool) -> pd.DataFrame:
    numbers = pd.DataFrame(
        {name: pd.to_numeric(column, errors="coerce").astype(np.float64) for name, column in frame.items()},
        index=frame.index,
    )
    wrong = ~numbers.isin((0.0, 1.0)) & (frame.notna() if missing else True)
    if wrong.to_numpy().any():
        row, column = (int(place) for place in np.argwhere(wrong.to_numpy())[0])
        study: Hashable = frame.index[row]
        wanted = "0, 1 or empty" if missing else "0 (normal) or 1 (abnormal)"
        value: Any = frame.iloc[row, column]
        shown = "empty" if pd.isna(value) else repr(value) if isinstance(value, str) else str(value)
        raise InputError(
            f"{source}: study {study}, column '{frame.columns[column]}' is {shown}; expected {wanted}"
        )
    return numbers
