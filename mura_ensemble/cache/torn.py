"""What is torn in a cache: tables whose card is gone, cards whose table is gone, parts whose plan is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_json
from mura_ensemble.data.predictions import CARD
from mura_ensemble.data.tables.contracts import PREDICTIONS
from mura_ensemble.data.words import name_list

__all__ = ["missing_table", "orphan_words", "orphans", "own_tables", "read_plan"]


def own_tables(home: Path) -> list[Path]:
    """Parquet files of a backbone's folder that are predictions, or too torn to say what they are."""
    return [path for path in sorted(home.glob("*.parquet")) if _is_own(path)]


def _is_own(path: Path) -> bool:
    from pyarrow import ArrowException
    from pyarrow.parquet import read_schema

    try:
        found = read_schema(path).names
    except (ArrowException, OSError):
        return True
    return {column.name for column in PREDICTIONS.columns} <= set(found)


def orphans(folder: Path) -> list[Path]:
    """Folders of a set that hold tables but no card, so that no verb reads them."""
    return [
        below
        for below in sorted(folder.iterdir())
        if below.is_dir() and not (below / CARD).exists() and own_tables(below)
    ]


def orphan_words(home: Path) -> str:
    """What is wrong with such a folder, and the mend."""
    tables = name_list([path.name for path in own_tables(home)], most=4)
    return (
        f"{home}: {tables} without {CARD}, so nothing here is ever read; restore the card, predict or import again, or "
        f"remove it: mura-ensemble cache rm {home.parent} --backbone {home.name}"
    )


def missing_table(path: Path) -> str:
    """What is wrong where a card names a split whose table is gone, and the mend."""
    return f"{path}: the card names this split, but the file is missing; predict or import it again"


def read_plan(path: Path) -> dict[str, Any] | None:
    """What the parts beside it belong to; None where it cannot be read, so that nobody can go on with them."""
    try:
        plan = read_json(path)
    except InputError:
        return None
    return plan if isinstance(plan, dict) and {"split", "role", "inputs"} <= set(plan) else None
