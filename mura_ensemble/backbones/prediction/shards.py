"""The work of one prediction in parts that any process can do, redo or find done.

The rows of a split are cut into parts by their number alone, so every process cuts alike; shard i of n
does the parts whose number leaves i when divided by n. A part is one Parquet file moved into place, so
it is either there or not: a kill loses at most the part in work, and two processes that do the same part
write the same rows.

```
predictions/<set>/<backbone>/.partial/<key>/plan.json  part-00000.parquet  part-00001.parquet  ...
```
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from mura_ensemble.data.differences import first_difference
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import locked, read_json, write_frame, write_json
from mura_ensemble.data.predictions import (
    CARD,
    Role,
    cache_key,
    read_card,
    read_split,
    write_split,
)
from mura_ensemble.data.tables.contracts import PREDICTIONS, read_table
from mura_ensemble.data.words import count

__all__ = ["PredictionSummary", "Work", "find_plans", "find_whole", "parts_of"]

PARTS = 64
"""Parts that a split is cut into where their size allows, so that a few shards share a small split too."""
PART = (16, 256)
"""Fewest and most views in a part; more when there would be more than `MANY` parts."""
MANY = 4096


@dataclass(frozen=True)
class PredictionSummary:
    """What a prediction came to.

    Attributes
    ----------
    folder : Path
        `<out>/<name>`.
    split, role, key : str
    views : int
        Views in the manifest's split.
    computed : int
        Views that went through the network now; 0 when the same key stood already.
    failed : DataFrame
        `view` and `reason` of the views that could not be read (of the parts that stand).
    complete : bool
        False while parts of other shards are missing.
    stood : bool
        Whether all of it was there already.
    """

    folder: Path
    split: str
    role: str
    key: str
    views: int
    computed: int
    failed: pd.DataFrame
    complete: bool
    stood: bool

    def __str__(self) -> str:
        done = f"{self.computed:,} computed now" if self.computed else "nothing had to be computed"
        done = f"already whole, {done}" if self.stood else done
        lines = [f"{self.folder.name}, split '{self.split}' ({self.role}): {self.views:,} views, {done}"]
        if len(self.failed):
            view, reason = self.failed[["view", "reason"]].iloc[0]
            lines.append(f"  {count(len(self.failed), 'view')} failed, first {view} ({reason})")
        if not self.complete:
            lines.append("  parts of other shards are missing; run them, then merge")
        return "\n".join([*lines, f"{'wrote' if self.complete else 'parts in'} {self.folder}"])


@dataclass(frozen=True)
class Work:
    """One prediction: where it goes and what its card will say.

    Attributes
    ----------
    folder : Path
        `<out>/<name>`.
    split : str
    role : str
    inputs : dict
        The card's inputs.
    manifest : str
        Digest of the views.
    provenance : dict
        Versions, device and the like; no part of the key.
    """

    folder: Path
    split: str
    role: Role
    inputs: dict[str, Any]
    manifest: str
    provenance: dict[str, Any]

    @property
    def key(self) -> str:
        """The key under which the result will stand."""
        return cache_key(self.inputs, self.manifest)

    @property
    def partial(self) -> Path:
        """Folder of the parts."""
        return self.folder / ".partial" / self.key

    def part(self, number: int) -> Path:
        """File of one part."""
        return self.partial / f"part-{number:05d}.parquet"

    def standing(self) -> pd.DataFrame | None:
        """The finished split if it has this key and is the file that its card names; None otherwise."""
        if not (self.folder / CARD).exists():
            return None
        entry = read_card(self.folder)["splits"].get(self.split)
        if entry is None or entry["key"] != self.key:
            return None
        return self._readable()

    def _readable(self) -> pd.DataFrame | None:
        """The split as it stands; None where there is none, or its file is torn: that is computed again."""
        try:
            return read_split(self.folder, self.split)
        except InputError:
            return None

    def refuse_other_inputs(self) -> None:
        """Find out before any forward pass that the name is taken by another model.

        Raises
        ------
        InputError
        """
        if (self.folder / CARD).exists() and read_card(self.folder)["inputs"] != self.inputs:
            raise InputError(
                f"{self.folder / CARD}: other predictions stand under the name '{self.folder.name}' "
                f"({first_difference(read_card(self.folder)['inputs'], self.inputs)}); give these another --name"
            )

    def refuse_to_lose(self, table: pd.DataFrame) -> None:
        """Find out whether views that have a number in the finished split would lose it.

        Parameters
        ----------
        table : DataFrame
            `study`, `view`, `status` and `reason` of what would replace it.

        Raises
        ------
        InputError
        """
        failed = table[table["status"] == "failed"]
        path = self.folder / f"{self.split}.parquet"
        standing = self._readable() if len(failed) and path.exists() else None
        if standing is None:
            return
        known = pd.MultiIndex.from_frame(standing.loc[standing["status"] == "ok", ["study", "view"]])
        lost = failed[pd.MultiIndex.from_frame(failed[["study", "view"]]).isin(known)]
        if len(lost):
            raise InputError(
                f"{path}: {count(len(lost), 'view')} with a number there cannot be read now, first {lost['view'].iloc[0]} "
                f"({lost['reason'].iloc[0]}); the file is left as it is: bring the views back (check --root), or pass "
                "--allow-failed to replace it"
            )

    def begin(self, views: int) -> None:
        """Write down what the parts belong to, so that they can be merged without the model.

        Parameters
        ----------
        views : int
            How many views the split has; for whoever looks at work under way.
        """
        path = self.partial / "plan.json"
        if not path.exists():
            told = {name: value for name, value in asdict(self).items() if name != "folder"}
            write_json(path, {**told, "views": views, "parts": len(parts_of(views))})

    def finish(self, rows: pd.DataFrame, *, allow_failed: bool = False) -> pd.DataFrame | None:
        """Merge the parts into the cache if all are there; None if some are missing.

        Parameters
        ----------
        rows : DataFrame
            Every view that was asked for: `study`, `view`.
        allow_failed : bool
            Whether a number that stands may be replaced by a failure.

        Raises
        ------
        InputError
            If the views of the parts are not exactly those of `rows`, or a number would be lost.
        """
        numbers = range(len(parts_of(len(rows))))
        # Two processes may find the last part there at once, or one may still do what another has finished.
        with locked(self.folder):
            table = self.standing()
            if table is None:
                if not all(self.part(number).exists() for number in numbers):
                    return None
                table = pd.concat(
                    [read_table(self.part(number), PREDICTIONS) for number in numbers], ignore_index=True
                )
                _refuse_other_rows(table, rows, self.partial)
                if not allow_failed:
                    self.refuse_to_lose(table)
                write_split(
                    self.folder,
                    self.split,
                    table,
                    inputs=self.inputs,
                    manifest=self.manifest,
                    made_by="mura-ensemble predict",
                    role=self.role,
                    provenance=self.provenance,
                )
            shutil.rmtree(self.partial, ignore_errors=True)
            with suppress(OSError):  # other work may be under way there
                self.partial.parent.rmdir()
            # What kills in the middle of a write have left.
            for leftover in self.folder.glob(".*.partial"):
                leftover.unlink(missing_ok=True)
        return read_split(self.folder, self.split)

    def missing(self, views: int) -> list[int]:
        """Numbers of the parts that are not there yet."""
        return [number for number in range(len(parts_of(views))) if not self.part(number).exists()]

    def write_part(self, number: int, table: pd.DataFrame) -> None:
        """Write one part, whole or not at all."""
        write_frame(self.part(number), table)


def find_whole(folder: Path, split: str, manifest: str) -> Work | None:
    """The finished prediction of exactly these views, if it stands in `<out>/<name>`.

    Parameters
    ----------
    folder : Path
    split : str
    manifest : str
        Digest of the views.
    """
    if not (folder / CARD).exists():
        return None
    card = read_card(folder)
    entry = card["splits"].get(split)
    if entry is None or entry["manifest_digest"] != manifest:
        return None
    return Work(folder, split, entry["role"], card["inputs"], manifest, {})


def find_plans(folder: Path, split: str) -> list[Work]:
    """Unfinished predictions of a split below `<out>/<name>`."""
    found = []
    for path in sorted(folder.glob(".partial/*/plan.json")):
        plan = read_json(path)
        if plan["split"] == split:
            known = {field.name for field in fields(Work)}
            found.append(Work(folder, **{name: value for name, value in plan.items() if name in known}))
    return found


def parts_of(views: int) -> list[range]:
    """Positions of each part; the cut depends on the number of views alone."""
    fewest, most = PART
    size = max(min(max(-(-views // PARTS), fewest), most), -(-views // MANY))
    return [range(start, min(start + size, views)) for start in range(0, views, size)]


def _refuse_other_rows(table: pd.DataFrame, rows: pd.DataFrame, source: Path) -> None:
    found = pd.MultiIndex.from_frame(table[["study", "view"]])
    wanted = pd.MultiIndex.from_frame(rows[["study", "view"]])
    for what, views in (
        ("twice", found[found.duplicated()]),
        ("not asked for", found.difference(wanted)),
        ("missing", wanted.difference(found)),
    ):
        if len(views):
            raise InputError(
                f"{source}: view {views[0][1]} is {what} ({len(views):,} in all); remove the folder and predict again"
            )
