"""Words for messages."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["count", "name_list"]


def count(number: float, one: str, many: str | None = None) -> str:
    """`1 study`, `1,199 studies`: a number with its noun."""
    noun = one if number == 1 else (many if many is not None else f"{one}s")
    return f"{number:,.0f} {noun}"


def name_list(names: Sequence[str], most: int | None = None) -> str:
    """`a`, `a and b`, `a, b and c`; beyond `most` names: `a, b and 5 others`."""
    shown = list(names)
    if most is not None and len(shown) > most:
        hidden = len(shown) - most + 1
        shown = [*shown[: most - 1], f"{hidden} others"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
