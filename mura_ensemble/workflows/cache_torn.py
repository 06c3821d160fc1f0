"""What is torn in a cache: tables whose card is gone, cards whose table is gone."""

from __future__ import annotations

from pathlib import Path

from mura_ensemble.data.predictions import CARD
from mura_ensemble.reporting.formats import name_list

__all__ = ["missing_table", "orphan_words", "orphans"]


def orphans(folder: Path) -> list[Path]:
    """Folders of a set that hold tables but no card, so that no verb reads them."""
    return [
        below
        for below in sorted(folder.iterdir())
        if below.is_dir() and not (below / CARD).exists() and any(below.glob("*.parquet"))
    ]


def orphan_words(home: Path) -> str:
    """What is wrong with such a folder, and the mend."""
    tables = name_list([path.name for path in sorted(home.glob("*.parquet"))], most=4)
    return (
        f"{home}: {tables} without {CARD}, so nothing here is ever read; restore the card, predict or import again, or "
        f"remove it: mura-ensemble cache rm {home.parent} --backbone {home.name}"
    )


def missing_table(path: Path) -> str:
    """What is wrong where a card names a split whose table is gone, and the mend."""
    return f"{path}: the card names this split, but the file is missing; predict or import it again"
