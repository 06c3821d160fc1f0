"""Maps of views, kept small beside the predictions: a few hundred numbers a view, computed once.

```
predictions/<set>/<backbone>/cam/card.json        key, kind, inputs
                                 <split>.parquet  study, view, content, logit, rows, columns, map, status, reason
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.backbones.maps.cam import Kind, Mapper
from mura_ensemble.backbones.prediction.asked import with_folds, with_members
from mura_ensemble.backbones.training.progress import progress
from mura_ensemble.backbones.views.dataset import Views, batches_of, chosen_device
from mura_ensemble.backbones.weights.registry import require_extra
from mura_ensemble.backbones.weights.runs import read_run
from mura_ensemble.data.files import digest_of, read_json, write_frame, write_json
from mura_ensemble.data.tables.manifests import read_views

__all__ = ["ViewMaps", "map_views"]

SCHEMA = 1
KEPT = 256
"""Views after which what has been computed is written."""
_COLUMNS = ("study", "view", "content", "logit", "rows", "columns", "map", "status", "reason")


@dataclass(frozen=True)
class ViewMaps:
    """Maps of some views by one backbone.

    Attributes
    ----------
    backbone : str
    kind : str
        `exact`: the mean of a map is the logit; `grad-cam`: relative, not additive.
    table : DataFrame
        Indexed by (study, view): `file`, `study_type`, `logit`, `map` (2-D array, None for a failed view), `reason`.
    size : int
    resize : str
        Of the preprocessing; maps lie on the network's square input.
    computed : int
        Views that went through the network now.
    """

    backbone: str
    kind: Kind
    table: pd.DataFrame
    size: int
    resize: str
    computed: int


def map_views(
    run: Path,
    manifest: Path,
    folder: Path,
    *,
    split: str,
    studies: Sequence[str],
    views_root: Path | None = None,
    batch_size: int = 16,
    workers: int = 0,
    device: str = "auto",
) -> ViewMaps:
    """Maps of every view of some studies; those that stand in `folder` are not computed again.

    A view of the split that was trained on is mapped by the members that did not see its patient.

    Parameters
    ----------
    run : Path
        Folder of `train_backbone` or `adopt_backbone`.
    manifest : Path
        The MANIFEST table.
    folder : Path
        Where the maps are kept.
    split : str
    studies : sequence of str
    views_root, batch_size, workers, device
        As `predict_backbone`.

    Raises
    ------
    MissingExtraError
        Without the `[backbones]` extra, or without captum where Grad-CAM is needed.
    InputError
        For every fault of the input.
    """
    require_extra()
    trained = read_run(run)
    rows, _ = with_folds(read_views(manifest, split, views_root), trained, split, manifest)
    rows = with_members(rows[rows["study"].isin(list(studies))].reset_index(drop=True), trained, manifest)
    states = [member.state() for member in trained.members]
    mapper = Mapper(trained, states, device=chosen_device(device))
    inputs = {
        "schema": SCHEMA,
        "kind": mapper.kind,
        "architecture": trained.plan["architecture"],
        "arguments": trained.plan["arguments"],
        "members": [
            {"weights": member.weights, "fold": member.fold, "study_type": member.study_type}
            for member in trained.members
        ],
        "preprocessing": trained.preprocessing.card(),
    }
    kept = _standing(folder, split, digest_of(inputs))
    asked_for = zip(rows["study"], rows["view"], rows["content"], strict=True)
    missing = [
        place
        for place, (study, view, content) in enumerate(asked_for)
        if kept.get((str(study), str(view)), {}).get("content") != content
    ]
    batches: list[list[int]] = []
    for place in missing:
        if (
            not batches
            or len(batches[-1]) == batch_size
            or rows["asked"][batches[-1][0]] != rows["asked"][place]
        ):
            batches.append([])
        batches[-1].append(place)
    fresh = 0
    with progress(len(missing), f"mapping {Path(run).name} {split}") as report:
        for batch in batches_of(Views(rows, trained.preprocessing), batches, workers=workers):
            maps, logits = mapper.maps(batch.values, rows["asked"][batch.rows[0]])
            for place, one, logit, reason in zip(batch.rows, maps, logits, batch.reasons, strict=True):
                row = rows.iloc[place]
                kept[row["study"], row["view"]] = _record(row, one, float(logit), reason)
            fresh += len(batch.rows)
            report(len(batch.rows), "")
            if fresh >= KEPT:
                _write(folder, split, inputs, kept)
                fresh = 0
    if missing:
        _write(folder, split, inputs, kept)
    table = rows[["study", "view", "file", "study_type"]].set_index(["study", "view"])
    found = [kept[key] for key in table.index]
    table = table.assign(
        logit=[record["logit"] for record in found],
        map=pd.Series([_as_grid(record) for record in found], index=table.index, dtype=object),
        reason=[record["reason"] for record in found],
    )
    side = trained.preprocessing
    return ViewMaps(Path(run).resolve().name, mapper.kind, table, side.size, side.resize, len(missing))


def _record(row: Any, values: NDArray[np.float32], logit: float, reason: str) -> dict[str, Any]:
    failed = bool(reason)
    return {
        "study": row["study"],
        "view": row["view"],
        "content": row["content"],
        "logit": np.float32(np.nan if failed else logit),
        "rows": 0 if failed else values.shape[0],
        "columns": 0 if failed else values.shape[1],
        "map": np.zeros(0, np.float32) if failed else values.astype(np.float32).ravel(),
        "status": "failed" if failed else "ok",
        "reason": reason,
    }


def _as_grid(record: dict[str, Any]) -> NDArray[np.float32] | None:
    if record["status"] == "failed":
        return None
    return np.asarray(record["map"], dtype=np.float32).reshape(int(record["rows"]), int(record["columns"]))


def _standing(folder: Path, split: str, key: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What was computed before by the same network; empty where another one did."""
    card, path = folder / "card.json", folder / f"{split}.parquet"
    if not card.exists() or not path.exists() or read_json(card).get("key") != key:
        return {}
    table = pd.read_parquet(path)
    return {(row["study"], row["view"]): row for row in table.to_dict("records")}  # type: ignore[misc]


def _write(
    folder: Path, split: str, inputs: dict[str, Any], kept: dict[tuple[str, str], dict[str, Any]]
) -> None:
    # Maps of another network must not stand beside the new card.
    card = folder / "card.json"
    if card.exists() and read_json(card).get("key") != digest_of(inputs):
        for old in folder.glob("*.parquet"):
            old.unlink()
    table = pd.DataFrame([kept[key] for key in sorted(kept)], columns=list(_COLUMNS))
    write_json(card, {"key": digest_of(inputs), "inputs": inputs})
    write_frame(folder / f"{split}.parquet", table)
