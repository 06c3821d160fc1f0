"""Which weights stand in the cards of a cache, and which of them under several names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["one_network", "same_weights", "weights_of"]


def weights_of(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Digests of the weights of the members, sorted; empty where the card names none."""
    members = inputs.get("members") or []
    return tuple(sorted(member["weights"] if isinstance(member, dict) else str(member) for member in members))


def same_weights(cards: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Names of backbones that have the same weights by their cards, one list for each such network.

    Parameters
    ----------
    cards : mapping
        Backbone to its card.
    """
    by_weights: dict[tuple[str, ...], list[str]] = {}
    for name, card in cards.items():
        if weights := weights_of(card["inputs"]):
            by_weights.setdefault(weights, []).append(name)
    return [names for names in by_weights.values() if len(names) > 1]


def one_network(names: int) -> str:
    """`one network under two names`, `one network under 5 names`: the words by which a report knows such a warning."""
    return f"one network under {'two' if names == 2 else names} names"
