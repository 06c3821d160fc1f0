"""What predictions and labels give away about themselves: one network twice, patients seen in training, a hidden panel.

Each function says what it found in sentences; `caller_warnings` knows their codes by the words they share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from mura_ensemble.cache.networks import one_network, same_weights
from mura_ensemble.data.predictions import read_split
from mura_ensemble.data.words import count, name_list
from mura_ensemble.ensembles.ensemble import Ensemble
from mura_ensemble.ensembles.pooling.studies import StudyProbabilities

__all__ = ["hidden_panel", "same_network", "seen_patients", "tuned_here"]

_SEEN = ("in-sample", "out-of-fold")
_FEWEST_STUDIES = 30  # on fewer, a majority may be the gold standard by chance
_PANELS = (3, 5)
_MOST_READERS = 12  # who agree most with the gold standard; a panel of it is among them


def same_network(pooled: StudyProbabilities, cards: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Backbones with identical probabilities of every view, or with the same weights by their cards; one sentence each."""
    identical: dict[str, list[str]] = {}
    for first, other in pooled.duplicates():
        identical.setdefault(first, [first]).append(other)
    for names in identical.values():
        yield f"{name_list(names)} have identical probabilities of every view: {one_network(len(names))}."
    for names in same_weights(cards):
        if not any(set(names) <= set(said) for said in identical.values()):
            yield f"{name_list(names)} have the same weights: {one_network(len(names))}."


def seen_patients(
    predictions: Path, cards: Mapping[str, Mapping[str, Any]], split: str, patients: pd.Series[str]
) -> Iterator[str]:
    """Patients of the scored studies who are also in another split, on which a backbone was trained.

    A split is taken as trained on where its own predictions are in-sample or out-of-fold.

    Parameters
    ----------
    predictions : Path
        The cache.
    cards : mapping
        Backbone to its card.
    split : str
        The split that is scored.
    patients : Series
        Of the scored studies.
    """
    scored = set(patients)
    known: dict[tuple[str, str], set[str]] = {}
    found: dict[tuple[str, int], list[str]] = {}
    for name, card in cards.items():
        if card["splits"][split]["role"] in _SEEN:
            continue
        for other, entry in card["splits"].items():
            if other == split or entry["role"] not in _SEEN:
                continue
            key = (other, entry["manifest_digest"])
            if key not in known:
                known[key] = scored & set(read_split(predictions / name, other)["patient"])
            if known[key]:
                found.setdefault((other, len(known[key])), []).append(name)
    for (other, number), names in found.items():
        are, were = ("is" if number == 1 else "are"), ("was" if len(names) == 1 else "were")
        yield (
            f"{count(number, 'patient')} of these studies {are} also in split '{other}', on which {name_list(names)} "
            f"{were} trained: training patients are scored here."
        )


def tuned_here(ensemble: Ensemble, seen: int) -> Iterator[str]:
    """An ensemble whose operating point was chosen on some of the studies that score it."""
    if seen and ensemble.operating_point.kind != "half":
        yield (
            f"The operating point of {ensemble.name} ({ensemble.operating_point.kind}) was chosen on "
            f"{count(seen, 'study', 'studies')} that {'scores' if seen == 1 else 'score'} it."
        )


def hidden_panel(reading: pd.DataFrame, gold: pd.Series[float], panel: Sequence[str]) -> Iterator[str]:
    """Three or five readers whose majority is the gold standard on every study, though no panel was named.

    Parameters
    ----------
    reading : DataFrame
        Studies x readers, 0 / 1 / NaN.
    gold : Series
        Of the same studies, 0 / 1 / NaN.
    panel : sequence of str
        Readers who were named as the panel; then nothing is hidden.
    """
    decided = gold.notna()
    if panel or decided.sum() < _FEWEST_STUDIES:
        return
    right = reading[decided].eq(gold[decided], axis=0)
    nearest = right.mean().sort_values(ascending=False, kind="stable").index[:_MOST_READERS]
    for size in _PANELS:
        for names in combinations(sorted(map(str, nearest)), size):
            if (2 * right[list(names)].to_numpy().sum(axis=1) > size).all():
                yield (
                    f"The gold standard is the majority of {name_list(names)} on every study, so they sit in its panel and "
                    "would agree with their own votes."
                )
                return
