"""A coded remark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Notice"]


@dataclass(frozen=True)
class Notice:
    """One coded remark: what was found and what to do about it."""

    level: Literal["warning", "note"]
    code: str
    sentence: str
    action: str
