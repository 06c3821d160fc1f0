"""The recovered tables as frames: one row per entry, and one per entry and study type."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.published.tables.forensics import RecoveredBoard
from mura_ensemble.stats.kappa.cohen import cohen_kappa, summarise_tables
from mura_ensemble.stats.kappa.intervals import kappa_intervals

__all__ = ["entries_frame", "identical_tables", "kind_of", "study_types_frame", "summary_frame"]


def kind_of(name: str) -> str:
    """Tell whether an entry calls itself an "ensemble" or a "single" model; "not said" otherwise."""
    for kind in ("ensemble", "single"):
        if re.search(kind, name, flags=re.IGNORECASE):
            return kind
    return "not said"


def summary_frame(tables: NDArray[np.int64], independent: NDArray[np.bool_]) -> pd.DataFrame:
    """Describe recovered tables: counts, kappa with its interval, sensitivity, specificity.

    Parameters
    ----------
    tables
        (K, 2, 2) counts [[TN, FP], [FN, TP]]; an all-zero table gives a row of NaN and zero counts.
    independent
        (K,) whether the rows counted are studies. Views of one study share its truth, so a table of views gets
        no interval: the usual ones would be too narrow.

    Returns
    -------
    DataFrame
        n, positives, tp, fn, fp, tn, errors, kappa, low, high (95 %), interval (the rule), sensitivity,
        specificity.
    """
    summary = summarise_tables(tables)
    intervals = kappa_intervals(tables)
    shown = independent & np.isfinite(summary.kappa)
    return pd.DataFrame(
        {
            "n": tables.sum(axis=(1, 2)),
            "positives": tables[:, 1].sum(axis=-1),
            "tp": tables[:, 1, 1],
            "fn": tables[:, 1, 0],
            "fp": tables[:, 0, 1],
            "tn": tables[:, 0, 0],
            "errors": tables[:, 0, 1] + tables[:, 1, 0],
            "kappa": summary.kappa,
            "low": np.where(shown, intervals.low, np.nan),
            "high": np.where(shown, intervals.high, np.nan),
            "interval": np.where(shown, intervals.kind, "none"),
            "sensitivity": summary.sensitivity,
            "specificity": summary.specificity,
        }
    )


def identical_tables(recovered: RecoveredBoard) -> list[tuple[object, ...]]:
    """For every entry, the other entries whose tables agree with its own in every study type."""
    groups: dict[bytes, list[object]] = {}
    keys = [
        table.tobytes() if known else b""
        for table, known in zip(recovered.tables, recovered.recovered, strict=True)
    ]
    for key, entry in zip(keys, recovered.entries, strict=True):
        groups.setdefault(key, []).append(entry)
    return [
        tuple(other for other in groups[key] if key and other != entry)
        for key, entry in zip(keys, recovered.entries, strict=True)
    ]


def entries_frame(board: pd.DataFrame, recovered: RecoveredBoard) -> pd.DataFrame:
    """One row per entry of the board: published numbers, recovered table, corrected interval.

    Returns
    -------
    DataFrame
        Index as the board. Columns `model`, `kind`, `date` and `published_rank` where the board has them,
        `published_low`, `published_high` (the legacy limits), those of `summary_frame`, `rank` (dense, on the
        exact kappa), `comparable`, `kappa_if_complete_low`, `kappa_if_complete_high` (what the kappa could be
        on the shared studies; NaN unless a few rows differ), `same_tables_as`, `finding`.
    """
    overall = recovered.tables[:, -1]
    kinds = np.array([_row_set_kind(recovered, e) for e in range(len(board))])
    summary = summary_frame(overall, kinds != "views").set_axis(board.index)
    summary.loc[~recovered.recovered, "kappa"] = board.loc[~recovered.recovered, "overall_kappa"]
    # Recovered kappas are ratios of whole numbers: equal ones are equal to the last bit or two.
    rank = summary["kappa"].round(12).rank(method="dense", ascending=False)
    head = {
        "published_rank": board.get("rank"),
        "date": board.get("date"),
        "model": board.get("model", pd.Series(board.index.astype(str), index=board.index)),
    }
    frame = pd.DataFrame({name: column for name, column in head.items() if column is not None})
    frame.insert(len(frame.columns), "kind", [kind_of(str(name)) for name in frame["model"]])
    frame["published_low"], frame["published_high"] = board["overall_lower"], board["overall_upper"]
    frame = frame.join(summary)
    frame["rank"] = rank.astype("Int64")
    frame["comparable"] = recovered.comparable
    limits = [
        _kappa_if_complete(recovered, e) if kinds[e] == "altered" else (np.nan, np.nan)
        for e in range(len(board))
    ]
    frame[["kappa_if_complete_low", "kappa_if_complete_high"]] = np.array(limits).reshape(-1, 2)
    frame["same_tables_as"] = [", ".join(map(str, same)) for same in identical_tables(recovered)]
    frame["finding"] = [
        reason or recovered.row_sets[number].finding
        for reason, number in zip(recovered.reasons, recovered.row_set, strict=True)
    ]
    return frame


def study_types_frame(recovered: RecoveredBoard) -> pd.DataFrame:
    """One row per entry and study type, overall last: index (entry, study_type), columns of `summary_frame`."""
    names = [*recovered.study_types, "overall"]
    independent = np.array([_row_set_kind(recovered, e) != "views" for e in range(len(recovered.entries))])
    frame = summary_frame(recovered.tables.reshape(-1, 2, 2), np.repeat(independent, len(names)))
    frame.index = pd.MultiIndex.from_product([recovered.entries, names], names=["entry", "study_type"])
    return frame[np.repeat(recovered.recovered, len(names))]


def _row_set_kind(recovered: RecoveredBoard, entry: int) -> str:
    number = int(recovered.row_set[entry])
    return "unknown" if number < 0 else recovered.row_sets[number].kind


def _kappa_if_complete(recovered: RecoveredBoard, entry: int) -> tuple[float, float]:
    """Smallest and largest kappa on the shared studies if no more rows differ than the counts demand.

    A row too many may have been called rightly or wrongly, and so may a missing study have been.
    """
    shared, own = recovered.row_sets[0], recovered.row_sets[int(recovered.row_set[entry])]
    tables = recovered.tables[entry, : len(shared.rows)]
    fewest, most = np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64)
    for part, table in enumerate(tables):
        due = np.array([shared.rows[part] - shared.positives[part], shared.positives[part]])
        have = np.array([own.rows[part] - own.positives[part], own.positives[part]])
        wrong, right = np.array([table[0, 1], table[1, 0]]), np.array([table[0, 0], table[1, 1]])
        surplus, missing = np.maximum(have - due, 0), np.maximum(due - have, 0)
        fewest += wrong - np.minimum(surplus, wrong)
        most += wrong - np.maximum(surplus - right, 0) + missing
    normal, abnormal = shared.n - shared.n_positive, shared.n_positive
    fp, fn = np.meshgrid(np.arange(fewest[0], most[0] + 1), np.arange(fewest[1], most[1] + 1))
    possible = cohen_kappa(
        np.stack([np.stack([normal - fp, fp], axis=-1), np.stack([fn, abnormal - fn], axis=-1)], axis=-2)
    )
    return float(possible.min()), float(possible.max())
