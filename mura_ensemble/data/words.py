"""Words for messages."""

from __future__ import annotations

__all__ = ["count"]


def count(number: float, one: str, many: str | None = None) -> str:
    """`1 study`, `1,199 studies`: a number with its noun."""
    noun = one if number == 1 else (many if many is not None else f"{one}s")
    return f"{number:,.0f} {noun}"
