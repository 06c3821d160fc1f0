"""What published numbers alone reveal: 2x2 tables behind kappas, and an honest reading of a leaderboard.

Everything here is inferred from published results; no views, labels or predictions are needed or contained.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mura_ensemble.published.analyse import analyse_board as analyse_board
    from mura_ensemble.published.board import MURA_OPERATING_POINT as MURA_OPERATING_POINT
    from mura_ensemble.published.board import OperatingPoint as OperatingPoint
    from mura_ensemble.published.board import load_published_board as load_published_board
    from mura_ensemble.published.board import load_published_readers as load_published_readers
    from mura_ensemble.published.bounds import OverlapBounds as OverlapBounds
    from mura_ensemble.published.bounds import overlap_bounds as overlap_bounds
    from mura_ensemble.published.forensics import RecoveredBoard as RecoveredBoard
    from mura_ensemble.published.forensics import recover_board as recover_board
    from mura_ensemble.published.honest import HonestBoard as HonestBoard
    from mura_ensemble.published.honest import honest_board as honest_board
    from mura_ensemble.published.honest import mura_honest_board as mura_honest_board
    from mura_ensemble.published.lattice import CompatibleTables as CompatibleTables
    from mura_ensemble.published.lattice import RoundedTables as RoundedTables
    from mura_ensemble.published.lattice import compatible_tables as compatible_tables
    from mura_ensemble.published.lattice import tables_from_rounded as tables_from_rounded
    from mura_ensemble.published.legacy import LegacyInterval as LegacyInterval
    from mura_ensemble.published.legacy import legacy_interval as legacy_interval
    from mura_ensemble.published.scored import RowSet as RowSet

_HOMES = {
    "MURA_OPERATING_POINT": "board",
    "CompatibleTables": "lattice",
    "HonestBoard": "honest",
    "LegacyInterval": "legacy",
    "OperatingPoint": "board",
    "OverlapBounds": "bounds",
    "RecoveredBoard": "forensics",
    "RoundedTables": "lattice",
    "RowSet": "scored",
    "analyse_board": "analyse",
    "compatible_tables": "lattice",
    "honest_board": "honest",
    "legacy_interval": "legacy",
    "load_published_board": "board",
    "load_published_readers": "board",
    "mura_honest_board": "honest",
    "overlap_bounds": "bounds",
    "recover_board": "forensics",
    "tables_from_rounded": "lattice",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"mura_ensemble.published.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mura_ensemble.published' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
