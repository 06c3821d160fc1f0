"""Taking splits, backbones and leftovers out of a cache; nothing that the cache did not write is touched."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mura_ensemble.cache.torn import own_tables, read_plan
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_json, write_json
from mura_ensemble.data.predictions import CARD, backbone_folder, read_card

__all__ = ["Removal", "planned_removal", "remove"]

BUSY = 120.0
"""Seconds within which a part was written by somebody who is still at work."""


@dataclass(frozen=True)
class Removal:
    """What would go.

    Attributes
    ----------
    files : tuple of Path
        Files and folders of parts.
    splits : tuple of (Path, str)
        Entries of cards.
    bytes : int
    stays : tuple of str
        What stays although its neighbours go, and why; ensembles that rest on what goes; cards that cannot be read.
    """

    files: tuple[Path, ...]
    splits: tuple[tuple[Path, str], ...]
    bytes: int
    stays: tuple[str, ...]


def planned_removal(folder: Path, *, backbone: str | None, split: str | None, partial: bool) -> Removal:
    """What `cache rm` would remove.

    Parameters
    ----------
    folder : Path
        A set of predictions.
    backbone, split : str, optional
        One of them or both: that split of that backbone, all of a backbone, or a split of every backbone.
    partial : bool
        Instead: parts of predictions under way and what killed writers have left, of these.

    Raises
    ------
    InputError
        If nothing is named, nothing is found, or a prediction is under way there.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of predictions; check the path")
    if backbone is None and split is None and not partial:
        raise InputError("say what to remove: --backbone NAME, --split NAME or --partial")
    homes = (
        [backbone_folder(folder, backbone)]
        if backbone is not None
        else sorted(path for path in folder.iterdir() if path.is_dir())
    )
    files: list[Path] = []
    entries: list[tuple[Path, str]] = []
    stays: list[str] = []
    gone: set[str] = set()
    for home in homes:
        if not any((home / name).exists() for name in (CARD, ".partial")) and not own_tables(home):
            if backbone is not None:
                raise InputError(f"{folder}: no backbone '{backbone}' here")
            continue
        _refuse_busy(home, split)
        files += _leftovers(home, split)
        if partial:
            continue
        card, torn = _card(home)
        if torn and (backbone is None or split is not None):
            raise InputError(f"{torn}; or remove all of it: --backbone {home.name} without --split")
        if torn:
            stays.append(f"{torn}; all of {home.name} goes")
            files.append(home / CARD)
        # Without its card nothing says which tables the cache wrote; what they hold does.
        cardless = [] if card["splits"] else own_tables(home)
        files += [path for path in cardless if split in (None, path.stem)]
        leaving = [name for name in card["splits"] if split in (None, name)]
        entries += [(home, name) for name in leaving]
        gone |= {card["splits"][name]["key"] for name in leaving}
        files += [path for name in leaving if (path := home / f"{name}.parquet").exists()]
        if len(leaving) == len(card["splits"]):
            own = {CARD, ".lock", ".partial", *(f"{name}.parquet" for name in leaving)}
            own |= {path.name for path in cardless}
            foreign = sorted(
                path.name for path in home.iterdir() if path.name not in own and path not in files
            )
            stays += [f"{home / name} stays: the cache did not write it" for name in foreign]
    if not files and not entries:
        raise InputError(f"{folder}: nothing of that kind to remove")
    stays += _ensembles_on(folder, gone)
    return Removal(tuple(files), tuple(entries), sum(map(_size, files)), tuple(stays))


def _card(home: Path) -> tuple[dict[str, Any], str]:
    """The card, one without splits where it is gone or torn, and in the latter case what is wrong with it."""
    if not (home / CARD).exists():
        return {"splits": {}}, ""
    try:
        return read_card(home), ""
    except InputError as error:
        return {"splits": {}}, str(error)


def remove(removal: Removal) -> None:
    """Take out of the cards first, then remove the files, so that a kill leaves no card without its file."""
    for home in dict.fromkeys(home for home, _ in removal.splits):
        leaving = {name for where, name in removal.splits if where == home}
        card = read_json(home / CARD)
        card["splits"] = {name: entry for name, entry in card["splits"].items() if name not in leaving}
        card["provenance"] = {name: said for name, said in card["provenance"].items() if name not in leaving}
        if card["splits"]:
            write_json(home / CARD, card)
        else:
            (home / CARD).unlink()
    for path in removal.files:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for home in {path.parent for path in removal.files} | {home for home, _ in removal.splits}:
        place = home.parent if home.name == ".partial" else home
        if (place / ".partial").is_dir() and not any((place / ".partial").iterdir()):
            (place / ".partial").rmdir()
        if place.is_dir() and not {path.name for path in place.iterdir()} - {".lock"}:
            shutil.rmtree(place)


def _leftovers(home: Path, split: str | None) -> list[Path]:
    found = [
        plan.parent
        for plan in sorted(home.glob(".partial/*/plan.json"))
        if split in (None, (read_plan(plan) or {}).get("split"))
    ]
    return found + (sorted(home.glob(".*.partial")) if split is None else [])


def _refuse_busy(home: Path, split: str | None) -> None:
    for place in _leftovers(home, split):
        newest = max(
            (path.stat().st_mtime for path in ([place, *place.iterdir()] if place.is_dir() else [place])),
            default=0.0,
        )
        if time.time() - newest < BUSY:
            raise InputError(
                f"{place}: written {time.time() - newest:.0f} seconds ago, so a prediction may be under way; stop it, or "
                f"wait {BUSY:.0f} seconds after its last part"
            )


def _ensembles_on(folder: Path, keys: set[str]) -> list[str]:
    found = []
    for path in sorted(folder.glob("ensembles/*.json")):
        fitted = (read_json(path).get("fitted_on") or {}).get("prediction_keys") or {}
        if keys & set(fitted.values()):
            found.append(f"{path} was fitted on what goes; it can still be applied, but not be fitted again")
    return found


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(below.stat().st_size for below in path.rglob("*") if below.is_file())
    return path.stat().st_size
