"""What must be known to read all numbers, found while raters are gathered; one sentence each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mura_ensemble.data.files import read_json
from mura_ensemble.ensembles.pooling.studies import StudyProbabilities

__all__ = ["gold_warnings", "patients_warning", "role_warnings", "view_warnings"]


def patients_warning(predictions: Path, cards: Mapping[str, Mapping[str, Any]], split: str) -> list[str]:
    """One sentence where nobody knows whose studies these are.

    So it is where a `set.json` beside the backbones says `{"patients": "unknown"}`, or where a backbone was
    imported without a column of patients.
    """
    said = predictions / "set.json"
    unknown = said.exists() and read_json(said).get("patients") == "unknown"
    for card in cards.values():
        source = card["provenance"].get(split)
        notes = source.get("notes", ()) if isinstance(source, dict) else ()
        unknown = unknown or any(str(note).startswith("no column of patients") for note in notes)
    return (
        ["Patients are not known; each study counts as its own patient, so intervals may be too narrow."]
        if unknown
        else []
    )


def gold_warnings(panel: Sequence[str], undecided: int, count: int) -> list[str]:
    """What a gold standard that is no majority, or that leaves studies out, does to every kappa."""
    warnings = []
    if len(panel) == 1:
        warnings.append(
            f"The gold standard is the calls of {panel[0]}, one reader: no panel and no majority; every kappa is "
            "agreement with that reader, mistakes included."
        )
    elif panel and len(panel) % 2 == 0:
        warnings.append(
            f"The panel has an even number of readers ({len(panel)}), so a divided panel decides nothing; name an "
            "odd number."
        )
    if undecided:
        warnings.append(
            f"{undecided} of {count} studies have no decided gold standard and are left out; these are the hard "
            "ones, so every kappa on the rest is too high."
        )
    return warnings


def role_warnings(cards: Mapping[str, Mapping[str, Any]], split: str) -> list[str]:
    """Backbones of which nobody said whether they were trained on these studies."""
    unknown = [name for name, card in cards.items() if card["splits"][split]["role"] == "unknown"]
    if not unknown:
        return []
    return [
        f"Nobody said whether {', '.join(unknown)} {'was' if len(unknown) == 1 else 'were'} trained on these studies "
        "(role unknown); where that is so, every kappa of theirs and of an ensemble of them is too high."
    ]


def view_warnings(pooled: StudyProbabilities) -> list[str]:
    """Views without a probability, per backbone."""
    lost = pooled.failed_views[pooled.failed_views > 0]
    return [
        f"{name}: {count} failed views; studies are pooled over the views that remain."
        for name, count in lost.items()
    ]
