"""What stands in a cache of predictions: from what, how far, and which of it is the same under two names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.cache.networks import one_network, same_weights
from mura_ensemble.cache.torn import missing_table, orphan_words, orphans, read_plan
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.predictions import CARD, read_card
from mura_ensemble.data.words import name_list

__all__ = ["CacheRow", "Listing", "list_cache", "made_from", "set_folders"]

ALIKE = 1e-4
"""Probabilities that differ by no more on any view come from one network: what batches and machines move them by."""
_ROWS = 250_000  # read at a time
_PROBES = 32


@dataclass(frozen=True)
class CacheRow:
    """One split of one backbone, finished or under way.

    Attributes
    ----------
    set, backbone, split : str
    role, level : str
    views, failed : int
        Of the finished split; of the plan, where it is under way.
    made_from : str
        Architecture, or what an import or a simulation says.
    precision, tta : str
        Empty where nobody said.
    key : str
    parts_done, parts : int
        Of a split under way; both 0 for a finished one.
    bytes : int
        On disk.
    missing : bool
        Whether the card names the split but its file is gone.
    """

    set: str
    backbone: str
    split: str
    role: str
    level: str
    views: int
    failed: int
    made_from: str
    precision: str
    tta: str
    key: str
    parts_done: int
    parts: int
    bytes: int
    missing: bool = False


@dataclass(frozen=True)
class Listing:
    """All rows of some sets, and what is worth a second look."""

    rows: tuple[CacheRow, ...]
    remarks: tuple[str, ...]


def set_folders(folders: list[Path]) -> list[Path]:
    """Folders of sets of predictions among these or directly below them; a backbone's folder stands for its set.

    Raises
    ------
    InputError
        If one holds no predictions.
    """
    found: list[Path] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder of predictions; check the path")
        sets = (
            [folder]
            if _backbones(folder)
            else [below for below in sorted(folder.iterdir()) if _backbones(below)]
        )
        if not sets and orphans(folder):
            sets = [folder]
        if not sets:
            raise InputError(f"{folder}: no backbone here (no */{CARD}); predict or import some first")
        found += sets
    return list(dict.fromkeys(found))


def _backbones(folder: Path) -> list[Path]:
    """Folders below that hold a card, or parts of a prediction under way."""
    if not folder.is_dir():
        return []
    return [
        below
        for below in sorted(folder.iterdir())
        if below.is_dir() and ((below / CARD).exists() or any(below.glob(".partial/*/plan.json")))
    ]


def list_cache(folders: list[Path]) -> Listing:
    """List every split of every backbone of some sets; what cannot be read is a remark.

    Raises
    ------
    InputError
        If a folder holds no predictions.
    """
    rows: list[CacheRow] = []
    remarks: list[str] = []
    for folder in set_folders(folders):
        own: list[CacheRow] = []
        cards: dict[str, dict[str, Any]] = {}
        for backbone in _backbones(folder):
            if (backbone / CARD).exists():
                try:
                    cards[backbone.name] = read_card(backbone)
                    own += _finished(folder, backbone, cards[backbone.name])
                except InputError as error:
                    remarks.append(str(error))
            own += _under_way(folder, backbone)
        rows += own
        remarks += [
            missing_table(folder / row.backbone / f"{row.split}.parquet") for row in own if row.missing
        ]
        remarks += map(orphan_words, orphans(folder))
        remarks += [
            f"{folder.name}: {name_list(names)} have the same weights: {one_network(len(names))}"
            for names in same_weights(cards)
        ]
        for split in sorted({split for card in cards.values() for split in card["splits"]}):
            remarks += _same_probabilities(folder, split, [n for n in cards if split in cards[n]["splits"]])
    return Listing(tuple(rows), tuple(remarks))


def _finished(folder: Path, backbone: Path, card: Mapping[str, Any]) -> Iterator[CacheRow]:
    for split, entry in card["splits"].items():
        path = backbone / f"{split}.parquet"
        yield CacheRow(
            set=folder.name,
            backbone=backbone.name,
            split=split,
            role=entry["role"],
            level=entry["level"],
            views=entry["views"],
            failed=entry["failed"],
            key=entry["key"],
            parts_done=0,
            parts=0,
            bytes=path.stat().st_size if path.exists() else 0,
            missing=not path.exists(),
            **_told(card["inputs"], card["made_by"]),
        )


def _under_way(folder: Path, backbone: Path) -> Iterator[CacheRow]:
    for path in sorted(backbone.glob(".partial/*/plan.json")):
        plan = read_plan(path)
        if plan is None:
            continue
        done = list(path.parent.glob("part-*.parquet"))
        yield CacheRow(
            set=folder.name,
            backbone=backbone.name,
            split=plan["split"],
            role=plan["role"],
            level="view",
            views=plan.get("views", 0),
            failed=0,
            key=path.parent.name,
            parts_done=len(done),
            parts=plan.get("parts", 0),
            bytes=sum(part.stat().st_size for part in done),
            **_told(plan["inputs"], "mura-ensemble predict"),
        )


def _told(inputs: Mapping[str, Any], made_by: str) -> dict[str, Any]:
    tta = inputs.get("tta") or []
    return {
        "made_from": made_from(inputs, made_by),
        "precision": str(inputs.get("precision", "")),
        "tta": "; ".join(map(str, tta)),
    }


def made_from(inputs: Mapping[str, Any], made_by: str) -> str:
    """`densenet169, 5 members`, or who made it."""
    if "architecture" not in inputs:
        return made_by
    members = inputs.get("members") or []
    return f"{inputs['architecture']}, {len(members)} member{'' if len(members) == 1 else 's'}"


def _same_probabilities(folder: Path, split: str, names: list[str]) -> Iterator[str]:
    """Pairs whose probabilities are the same or each other's complement, on the views both have."""
    from scipy.spatial import cKDTree

    keys, signatures, known = None, [], []
    for name in names:
        table = _probabilities(folder / name / f"{split}.parquet")
        if table is None or not len(table):
            continue
        if keys is None:
            keys = table.index[np.linspace(0, len(table) - 1, min(_PROBES, len(table))).astype(np.int64)]
        at_probes = table.reindex(keys).to_numpy(dtype=np.float64)
        if not np.isnan(at_probes).any():
            signatures.append(at_probes)
            known.append(name)
    if len(known) < 2:
        return
    points = np.array(signatures)
    near = ALIKE * np.sqrt(points.shape[1])
    tree = cKDTree(points)
    same = tree.query_pairs(near)
    swapped = {
        (one, other)
        for one, others in enumerate(tree.query_ball_point(1 - points, near))
        for other in others
        if one < other
    }
    for pairs, complement in ((same, False), (swapped - same, True)):
        for one, other in sorted(pairs):
            first, second = (_probabilities(folder / known[at] / f"{split}.parquet") for at in (one, other))
            assert first is not None
            assert second is not None
            yield from _alike(
                f"{folder.name}, split '{split}'", known[one], known[other], first, second, complement
            )


def _alike(
    where: str, one: str, other: str, first: pd.Series[float], second: pd.Series[float], complement: bool
) -> Iterator[str]:
    both = first.index.intersection(second.index)
    a = np.asarray(first[both], dtype=np.float64)
    b = np.asarray(second[both], dtype=np.float64)
    b = 1 - b if complement else b
    known = ~np.isnan(a) & ~np.isnan(b)
    if not known.any() or not (np.isnan(a) == np.isnan(b)).all():
        return
    furthest = float(np.abs(a[known] - b[known]).max())
    if furthest > ALIKE:
        return
    if complement:
        yield f"{where}: the probabilities of {other} are one minus those of {one}: classes are swapped in one of them"
    else:
        how = "identical" if furthest == 0 else f"the same to {furthest:.1g}"
        yield f"{where}: the probabilities of {one} and {other} are {how}: {one_network(2)}"


def _probabilities(path: Path) -> pd.Series[float] | None:
    """Probability by a hash of (study, view); None where the file cannot be read, which `cache verify` explains.

    Read in batches and keyed by eight bytes: millions of keys as text would take gigabytes.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    keys, values = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.float32)]
    try:
        for batch in ParquetFile(path).iter_batches(_ROWS, columns=["study", "view", "probability"]):
            table = batch.to_pandas()
            hashed = pd.util.hash_pandas_object(table[["study", "view"]], index=False, categorize=False)
            keys.append(hashed.to_numpy().astype(np.uint64))
            values.append(table["probability"].to_numpy(np.float32))
    except (OSError, ValueError, KeyError, ArrowException):
        return None
    found = pd.Series(np.concatenate(values), index=np.concatenate(keys), dtype=np.float32)
    return found[~found.index.duplicated()]
