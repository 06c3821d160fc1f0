"""The rows of an honest board as they are shown: entries and readers in one order, every number as a range.

A board whose tables are known and one of which only kappas are known differ in how much is open, not in what is
shown: where a number is known its range has one value. Terminal, page, LaTeX and CSV are all made from these rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.published.board.honest import HonestBoard

__all__ = ["COUNTS", "RATES", "board_rows"]

COUNTS = ("errors", "fn", "fp")
RATES = ("sensitivity", "specificity")


def board_rows(board: HonestBoard) -> pd.DataFrame:
    """Entries and readers by kappa, entries that cannot be compared last.

    Returns
    -------
    DataFrame
        Index `entry` (the label of an entry, or the reader's name); columns `name`, `kind` ("ensemble", "single",
        "not said" or "reader"), `comparable`, `shared_rank`, `rank_low`, `rank_high`, `published_rank` (missing for
        readers), `n`, `kappa` (a reader's is the largest that fits), `low`, `high`, `published_low`,
        `published_high`, `tables` (how many fit; 1 where known), `<x>_low` and `<x>_high` for errors, fn, fp,
        sensitivity and specificity, `next` (the label of the next smaller kappa), `better_low`, `better_high`
        (probability of fewer wrong calls than that one) and `notes`.
    """
    entries = _entry_rows(board)
    shown = pd.concat([entries, *_reader_rows(board)])
    order = np.lexsort(
        (-shown["kappa"].to_numpy(dtype=np.float64), ~shown["comparable"].to_numpy(dtype=bool))
    )
    shown = shown.iloc[order]
    shown.index = pd.Index(shown.index.astype(str), name="entry")
    ranks = ["shared_rank", "rank_low", "rank_high", "published_rank", "n", "tables"]
    return shown.astype(
        dict.fromkeys([*ranks, *(f"{name}_{end}" for name in COUNTS for end in ("low", "high"))], "Int64")
    )


def _entry_rows(board: HonestBoard) -> pd.DataFrame:
    entries = board.entries
    rows = pd.DataFrame(index=entries.index)
    rows["name"] = entries["model"].astype(str)
    for name in ("kind", "comparable", "shared_rank", "rank_low", "rank_high"):
        rows[name] = entries[name]
    rows["published_rank"] = entries.get("published_rank", pd.Series(pd.NA, index=entries.index))
    for name in ("n", "kappa", "low", "high"):
        rows[name] = entries[name]
    for name in ("published_low", "published_high"):
        rows[name] = entries.get(name, np.nan)
    rows["tables"] = entries["tables"] if "tables" in entries else (entries["n"] > 0).astype(int)
    known = rows["tables"] > 0
    for name in (*COUNTS, *RATES):
        for end in ("low", "high"):
            values = entries[name] if name in entries else entries[f"{name}_{end}"]
            rows[f"{name}_{end}"] = values.where(known).astype(float)
    # Without comparisons, or where all kappas are equal, nobody is next.
    following = board.comparisons
    if len(following):
        following = following[following.index.get_level_values("against") == "next"].droplevel("against")
    rows["next"] = following["other"].reindex(rows.index).fillna("") if len(following) else ""
    for name in ("better_low", "better_high"):
        rows[name] = following[name].reindex(rows.index) if len(following) else np.nan
    rows["notes"] = [_notes(entry) for entry in entries.to_dict("records")]
    return rows


def _notes(entry: dict[Any, Any]) -> str:
    """What sets an entry apart, in a few words; the finding in full stands in the section on its like."""
    if not entry["comparable"]:
        return re.split("[:;]", str(entry["finding"]))[0]
    same = entry.get("same_tables_as", "")
    return f"same tables as no. {same}" if same else ""


def _reader_rows(board: HonestBoard) -> Iterable[pd.DataFrame]:
    if board.readers.empty:
        return
    for reader, tables in board.readers.groupby(level="reader", sort=False):
        row: dict[str, Any] = {"name": str(reader), "kind": "reader", "comparable": True}
        row |= {"n": int(tables["n"].iloc[0]), "kappa": float(tables["kappa"].max())}
        row |= {"low": float(tables["low"].min()), "high": float(tables["high"].max()), "tables": len(tables)}
        for name in ("published_low", "published_high"):
            row[name] = float(tables[name].iloc[0]) if name in tables else np.nan
        for name in (*COUNTS, *RATES):
            row[f"{name}_low"], row[f"{name}_high"] = float(tables[name].min()), float(tables[name].max())
        row["next"] = ""
        row["notes"] = f"{len(tables)} tables fit" if len(tables) > 1 else ""
        yield pd.DataFrame([row], index=[str(reader)])
