"""How two records of what was asked for differ, in a few words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["first_difference"]

_LONG = 60  # characters of a value that a message can bear


def first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The first place in which two records differ, in the order of the new one: `training.seed: 0 there, 1 here`.

    Parameters
    ----------
    old, new : mapping
        JSON-able; lists of one length are compared item by item.
    """
    for name in {**new, **old}:
        if old.get(name) != new.get(name):
            before, after = old.get(name), new.get(name)
            if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
                before, after = (
                    {str(place): each for place, each in enumerate(part)} for part in (before, after)
                )
            if isinstance(before, dict) and isinstance(after, dict):
                return f"{name}.{first_difference(before, after)}"
            there, here = (json.dumps(each, ensure_ascii=False) for each in (before, after))
            return f"{name}: {_short(there)} there, {_short(here)} here"
    return "no difference"


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."
