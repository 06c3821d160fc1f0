"""What published numbers alone reveal: 2x2 tables behind kappas, and an honest reading of a leaderboard.

Everything here is inferred from published results; no views, labels or predictions are needed or contained.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mura_ensemble.published.board.analyse import analyse_board as analyse_board
    from mura_ensemble.published.board.entries import MURA_OPERATING_POINT as MURA_OPERATING_POINT
    from mura_ensemble.published.board.entries import OperatingPoint as OperatingPoint
    from mura_ensemble.published.board.entries import load_published_board as load_published_board
    from mura_ensemble.published.board.entries import load_published_readers as load_published_readers
    from mura_ensemble.published.board.honest import HonestBoard as HonestBoard
    from mura_ensemble.published.board.honest import honest_board as honest_board
    from mura_ensemble.published.board.honest import mura_honest_board as mura_honest_board
    from mura_ensemble.published.tables.bounds import OverlapBounds as OverlapBounds
    from mura_ensemble.published.tables.bounds import overlap_bounds as overlap_bounds
    from mura_ensemble.published.tables.forensics import RecoveredBoard as RecoveredBoard
    from mura_ensemble.published.tables.forensics import recover_board as recover_board
    from mura_ensemble.published.tables.lattice import CompatibleTables as CompatibleTables
    from mura_ensemble.published.tables.lattice import RoundedTables as RoundedTables
    from mura_ensemble.published.tables.lattice import compatible_tables as compatible_tables
    from mura_ensemble.published.tables.lattice import tables_from_rounded as tables_from_rounded
    from mura_ensemble.published.tables.legacy import LegacyInterval as LegacyInterval
    from mura_ensemble.published.tables.legacy import legacy_interval as legacy_interval
    from mura_ensemble.published.tables.scored import RowSet as RowSet

_HOMES = {
    "MURA_OPERATING_POINT": "board.entries",
    "CompatibleTables": "tables.lattice",
    "HonestBoard": "board.honest",
    "LegacyInterval": "tables.legacy",
    "OperatingPoint": "board.entries",
    "OverlapBounds": "tables.bounds",
    "RecoveredBoard": "tables.forensics",
    "RoundedTables": "tables.lattice",
    "RowSet": "tables.scored",
    "analyse_board": "board.analyse",
    "compatible_tables": "tables.lattice",
    "honest_board": "board.honest",
    "legacy_interval": "tables.legacy",
    "load_published_board": "board.entries",
    "load_published_readers": "board.entries",
    "mura_honest_board": "board.honest",
    "overlap_bounds": "tables.bounds",
    "recover_board": "tables.forensics",
    "tables_from_rounded": "tables.lattice",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"mura_ensemble.published.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mura_ensemble.published' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
