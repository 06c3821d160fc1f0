"""How two caches of predictions differ: what they were made from, which views they have, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.predictions import CARD, backbone_folders, read_card, read_split

__all__ = ["CacheDifference", "SplitDifference", "diff_caches"]


@dataclass(frozen=True)
class SplitDifference:
    """One split that both have.

    Attributes
    ----------
    backbone, split : str
    views : int
        Views with a number in both.
    only_first, only_second : int
        Views that only one of them has, or has a number of.
    largest, mean : float
        Absolute difference of the probabilities; NaN without a common view.
    largest_logit : float
    correlation : float
        Of the logits; NaN where one of them is constant.
    flipped_views, flipped_studies : int
        Called otherwise at 0.5; a study by the mean of its probabilities.
    studies : int
    alike : bool
        No view more or less, and no probability further apart than the tolerance.
    """

    backbone: str
    split: str
    views: int
    only_first: int
    only_second: int
    largest: float
    mean: float
    largest_logit: float
    correlation: float
    flipped_views: int
    flipped_studies: int
    studies: int
    alike: bool


@dataclass(frozen=True)
class CacheDifference:
    """Fields of the cards that differ, splits that only one has, and the splits that both have."""

    inputs: tuple[tuple[str, str, str, str], ...]
    only: tuple[str, ...]
    splits: tuple[SplitDifference, ...]
    tolerance: float

    @property
    def alike(self) -> bool:
        """Whether every split is in both, with the same views and probabilities within the tolerance."""
        return not self.only and bool(self.splits) and all(split.alike for split in self.splits)

    def as_json(self) -> dict[str, Any]:
        """For machines; NaN is null."""
        splits = [
            {name: None if value != value else value for name, value in asdict(split).items()}
            for split in self.splits
        ]
        inputs = [
            dict(zip(("backbone", "field", "first", "second"), row, strict=True)) for row in self.inputs
        ]
        return {
            "alike": self.alike,
            "tolerance": self.tolerance,
            "inputs": inputs,
            "only": list(self.only),
            "splits": splits,
        }


def diff_caches(first: Path, second: Path, *, tolerance: float = 1e-4) -> CacheDifference:
    """Compare two backbones, or the backbones of one name in two sets.

    Parameters
    ----------
    first, second : Path
        Both a backbone's folder, or both a set's.
    tolerance : float
        Largest difference of a probability that counts as none; 1e-4 is what batches and machines make in float32,
        halves of precision make about 1e-2.

    Raises
    ------
    InputError
        If one holds no predictions, or the two are not of one kind.
    """
    pairs, only = _pairs(Path(first), Path(second))
    inputs: list[tuple[str, str, str, str]] = []
    splits: list[SplitDifference] = []
    for name, one, other in pairs:
        cards = read_card(one), read_card(other)
        inputs += [(name, *row) for row in _fields(cards[0]["inputs"], cards[1]["inputs"])]
        common = [split for split in cards[0]["splits"] if split in cards[1]["splits"]]
        for card, other_card, where in ((cards[0], cards[1], first), (cards[1], cards[0], second)):
            only += [
                f"split '{split}' of {name} is only in {where}"
                for split in card["splits"]
                if split not in other_card["splits"]
            ]
        splits += [
            _split(name, split, read_split(one, split), read_split(other, split), tolerance)
            for split in common
        ]
    return CacheDifference(tuple(inputs), tuple(only), tuple(splits), tolerance)


def _pairs(first: Path, second: Path) -> tuple[list[tuple[str, Path, Path]], list[str]]:
    single = [(path / CARD).exists() for path in (first, second)]
    if all(single):
        name = first.name if first.name == second.name else f"{first.name} and {second.name}"
        return [(name, first, second)], []
    if any(single):
        raise InputError(f"{first} and {second}: give two backbones or two sets of them")
    ones, others = ({folder.name: folder for folder in backbone_folders(root)} for root in (first, second))
    only = [f"{name} is only in {first}" for name in ones if name not in others]
    only += [f"{name} is only in {second}" for name in others if name not in ones]
    return [(name, ones[name], others[name]) for name in ones if name in others], only


def _fields(one: Any, other: Any, where: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in {**one, **other}:
            yield from _fields(one.get(name), other.get(name), f"{where}.{name}" if where else str(name))
    elif one != other:
        yield where, _short(one), _short(other)


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _split(
    name: str, split: str, first: pd.DataFrame, second: pd.DataFrame, tolerance: float
) -> SplitDifference:
    both = first.merge(second, on=["study", "view"], how="outer", suffixes=("", "_other"), indicator=True)
    known = both["probability"].notna() & both["probability_other"].notna()
    common = both[known]
    a, b = (common[column].to_numpy(dtype=np.float64) for column in ("probability", "probability_other"))
    la, lb = (common[column].to_numpy(dtype=np.float64) for column in ("logit", "logit_other"))
    apart, apart_logit = np.abs(a - b), np.abs(la - lb)
    studies = common.groupby("study")[["probability", "probability_other"]].mean()
    calls = studies > 0.5
    constant = len(common) < 2 or np.ptp(la) == 0 or np.ptp(lb) == 0
    only_first = int((both["probability"].notna() & ~known).sum() + (both["_merge"] == "left_only").sum())
    only_second = int(
        (both["probability_other"].notna() & ~known).sum() + (both["_merge"] == "right_only").sum()
    )
    # A view that only one has and that has a number there would count twice.
    only_first -= int(((both["_merge"] == "left_only") & both["probability"].notna()).sum())
    only_second -= int(((both["_merge"] == "right_only") & both["probability_other"].notna()).sum())
    largest = float(apart.max()) if len(common) else float("nan")
    return SplitDifference(
        backbone=name,
        split=split,
        views=len(common),
        only_first=only_first,
        only_second=only_second,
        largest=largest,
        mean=float(apart.mean()) if len(common) else float("nan"),
        largest_logit=float(apart_logit.max()) if len(common) else float("nan"),
        correlation=float("nan") if constant else float(np.corrcoef(la, lb)[0, 1]),
        flipped_views=int(((a > 0.5) != (b > 0.5)).sum()),
        flipped_studies=int((calls["probability"] != calls["probability_other"]).sum()),
        studies=len(studies),
        alike=not only_first and not only_second and not largest > tolerance,
    )
