"""Score one list of study calls against a gold standard: as MURA's evaluator did, or as it should be done.

`official` reproduces the evaluator of the competition: mode of the readers (a tie counts as normal), inner
merge on the study path (missing studies vanish, duplicates count twice), study types found by substring,
kappa over all merged rows, and the legacy limits, which use the variance where the standard error belongs
(`mura_ensemble.published.legacy_interval`). `strict` refuses a list that is not one call for every study
and prints intervals that hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.mura.official import read_gold, read_study_calls
from mura_ensemble.data.names import STUDY_TYPES, parse_study_path, parse_view_path
from mura_ensemble.published.tables.legacy import legacy_interval
from mura_ensemble.stats.kappa.clustered import clustered_kappa_interval
from mura_ensemble.stats.kappa.cohen import tables_2x2

__all__ = ["Evaluation", "Protocol", "evaluate"]

Protocol = Literal["official", "strict"]
OVERALL = "overall"


@dataclass(frozen=True)
class Evaluation:
    """Kappa per study type and overall.

    Attributes
    ----------
    protocol : str
    table : DataFrame
        Indexed by study type, `overall` last: `n`, `abnormal`, `TP`, `FN`, `FP`, `TN`, `kappa`, `low`, `high`,
        `interval` (the rule of the limits).
    notes : tuple of str
        What must be known to read the table.
    """

    protocol: Protocol
    table: pd.DataFrame
    notes: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """JSON-able; under `official` with the evaluator's own keys (`Elbow_Mean`, `Elbow_Lower`, ...)."""
        if self.protocol == "official":
            keys = {"kappa": "Mean", "low": "Lower", "high": "Upper"}
            values = {
                f"{str(name).capitalize()}_{suffix}": _number(row[column])
                for name, row in self.table.iterrows()
                for column, suffix in keys.items()
            }
            return {"protocol": "official", "limits": "legacy, not a confidence interval", **values}
        rows = [
            {"study_type": name, **{key: _number(value) for key, value in row.items()}}
            for name, row in self.table.iterrows()
        ]
        return {"protocol": "strict", "level": 0.95, "rows": rows, "notes": list(self.notes)}


def _number(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    return int(value) if isinstance(value, np.integer) else value


def evaluate(gold: Path, predictions: Path, *, protocol: Protocol = "strict") -> Evaluation:
    """Evaluate a header-less list of study calls.

    Parameters
    ----------
    gold : Path
        Study path and the readers' calls, or one label.
    predictions : Path
        Study path and 0 or 1.
    protocol : {'strict', 'official'}

    Raises
    ------
    InputError
        For unreadable files; under `strict` also for duplicate, missing or unknown studies, rows of views
        and undecided gold.
    """
    votes, calls = read_gold(gold), read_study_calls(predictions)
    if protocol == "official":
        return _official(votes, calls)
    return _strict(votes, calls, gold, predictions)


def _official(votes: pd.DataFrame, calls: pd.DataFrame) -> Evaluation:
    majority = votes.mode(axis=1)[0].rename("gold")
    merged = calls.merge(majority, left_on="study", right_index=True, how="inner")
    rows = {}
    for name, part in [(name, name.upper()) for name in STUDY_TYPES] + [(OVERALL, "/")]:
        chosen = merged[merged["study"].str.contains(part, regex=False)]
        table = tables_2x2(chosen["gold"].to_numpy(np.float64), chosen["call"].to_numpy(np.float64))[0]
        found = legacy_interval(table)
        rows[name] = _row(table, found.kappa, found.lower, found.upper, "legacy")
    notes = [
        "The limits are the evaluator's (variance in place of standard error): not a confidence interval."
    ]
    lost = len(votes) - calls["study"].isin(votes.index).sum() + calls["study"].duplicated().sum()
    known = merged["study"].apply(lambda path: any(name.upper() in path for name in STUDY_TYPES))
    strange = merged.loc[~known.astype(bool), "study"]
    if len(strange):
        notes.append(
            f"{len(strange):,} rows are of no known study type and count only in the overall kappa: "
            + ", ".join(strange.iloc[:3])
            + (", ..." if len(strange) > 3 else "")
        )
    if len(merged) != len(votes) or lost:
        notes.append(
            f"{len(merged):,} rows were scored against {len(votes):,} studies with a gold standard: studies are "
            "missing, unknown or repeated, which this protocol does not notice; use --protocol strict."
        )
    return Evaluation("official", pd.DataFrame.from_dict(rows, orient="index"), tuple(notes))


def _strict(votes: pd.DataFrame, calls: pd.DataFrame, gold_file: Path, calls_file: Path) -> Evaluation:
    studies = pd.DataFrame([_parse(path, calls_file, row) for row, path in enumerate(calls["study"])])
    studies["call"] = calls["call"]
    repeated = studies["study"].duplicated().to_numpy()
    if repeated.any():
        row = int(np.argmax(repeated))
        raise InputError(
            f"{calls_file}: row {row + 1}, column '1': study {studies['study'].iloc[row]} stands already above "
            f"({int(repeated.sum())} repeated rows); give each study one call"
        )
    truth = pd.DataFrame([_parse(path, gold_file, row) for row, path in enumerate(votes.index)]).set_index(
        "study"
    )
    share = votes.mean(axis=1).to_numpy()
    if (share == 0.5).any():
        study = truth.index[int(np.argmax(share == 0.5))]
        raise InputError(
            f"{gold_file}: the votes on study {study} are a tie; a gold standard needs a strict majority"
        )
    truth["gold"] = (share > 0.5).astype(np.float64)
    missing = truth.index.difference(pd.Index(studies["study"]))
    if len(missing):
        raise InputError(
            f"{calls_file}: no call for study {missing[0]} ({len(missing):,} of {len(truth):,} studies are missing); "
            "call every study of the gold standard"
        )
    unknown = ~studies["study"].isin(truth.index).to_numpy()
    if unknown.any():
        row = int(np.argmax(unknown))
        raise InputError(
            f"{calls_file}: row {row + 1}, column '1': study {studies['study'].iloc[row]} has no gold standard "
            f"({int(unknown.sum()):,} such rows); leave it out"
        )
    merged = truth.join(studies.set_index("study")["call"])
    rows = {}
    for name in [*[name for name in STUDY_TYPES if (merged["study_type"] == name).any()], OVERALL]:
        chosen = merged if name == OVERALL else merged[merged["study_type"] == name]
        answers, called = chosen["gold"].to_numpy(np.float64), chosen["call"].to_numpy(np.float64)
        found = clustered_kappa_interval(
            answers, called, clusters=pd.factorize(chosen["patient"], sort=True)[0]
        )
        rows[name] = _row(tables_2x2(answers, called)[0], found.estimate, found.low, found.high, found.kind)
    notes = [f"{merged['patient'].nunique():,} patients; the intervals take a patient's studies together."]
    if (merged["call"] == merged["call"].iloc[0]).all():
        notes.append(f"Every study is called {int(merged['call'].iloc[0])}: kappa is 0 by construction.")
    return Evaluation("strict", pd.DataFrame.from_dict(rows, orient="index"), tuple(notes))


def _parse(path: str, file: Path, row: int) -> dict[str, str]:
    where = f"{file}: row {row + 1}, column '1'"
    try:
        found = parse_study_path(path)
    except InputError as error:
        try:
            parse_view_path(path.rstrip("/"))
        except InputError:
            raise InputError(f"{where}: {error}") from error
        raise InputError(
            f"{where}: {path.rstrip('/')} is a view; give one call per study, not per view"
        ) from error
    return {"study": found.study, "study_type": found.study_type, "patient": found.patient}


def _row(table: Any, kappa: Any, low: Any, high: Any, interval: str) -> dict[str, Any]:
    (true_normal, false_abnormal), (false_normal, true_abnormal) = np.asarray(table).astype(np.int64)
    return {
        "n": int(np.asarray(table).sum()),
        "abnormal": int(false_normal + true_abnormal),
        "TP": int(true_abnormal),
        "FN": int(false_normal),
        "FP": int(false_abnormal),
        "TN": int(true_normal),
        "kappa": float(kappa),
        "low": float(low),
        "high": float(high),
        "interval": interval,
    }
