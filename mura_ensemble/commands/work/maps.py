"""Where in a view the networks and their ensemble see what they see: from runs and views to pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import gcd
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.backbones.maps.cam_store import ViewMaps, map_views
from mura_ensemble.cache.networks import weights_of
from mura_ensemble.commands.work.map_sheets import Column, write_sheets
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_json
from mura_ensemble.data.predictions import CARD, read_card, read_split
from mura_ensemble.data.tables.contracts import MANIFEST, read_labels, read_table
from mura_ensemble.ensembles.ensemble import Ensemble
from mura_ensemble.ensembles.store import load_ensemble
from mura_ensemble.ensembles.worth.local import LocalWeights, local_weights

__all__ = ["chosen_studies", "ensemble_column", "map_studies", "same_grid"]

Grid = NDArray[np.float32]
AGREE = 1e-3
"""How far the mean of an exact map may be from the logit in the cache, over the larger of 1 and it (batches, machines)."""


def map_studies(
    manifest: Path,
    runs: Sequence[Path],
    out: Path,
    *,
    split: str,
    studies: Sequence[str] = (),
    count: int = 12,
    predictions: Path | None = None,
    ensemble: Path | None = None,
    labels: Path | None = None,
    views_root: Path | None = None,
    batch_size: int = 16,
    workers: int = 0,
    device: str = "auto",
) -> str:
    """Map the views of some studies by every run, and by an ensemble of them; write pictures and numbers.

    Parameters
    ----------
    manifest : Path
        The MANIFEST table.
    runs : sequence of Path
        Folders of `train_backbone` or `adopt_backbone`; a backbone is called as its folder.
    out : Path
        Folder of the pictures: one sheet per study, one picture per view and backbone, `index.html`, `index.json`.
    split : str
    studies : sequence of str
        Study keys; if none, `count` studies are chosen (`chosen_studies`).
    predictions : Path, optional
        The cache with the runs' predictions; maps are kept in it, and checked against its logits.
    ensemble : Path, optional
        An ensemble of `fit-stack` whose backbones are among the runs.
    labels : Path, optional
        Gold standard, said above each sheet and used to choose studies.

    Raises
    ------
    MissingExtraError
        Without the `[backbones]` extra, or without captum where Grad-CAM is needed.
    InputError
        For every fault of the input.
    """
    names = [Path(run).resolve().name for run in runs]
    if len(set(names)) < len(names):
        raise InputError(
            "two runs have folders of one name; rename one, backbones are called by their folders"
        )
    loaded = None if ensemble is None else load_ensemble(ensemble)
    for backbone in () if loaded is None else loaded.backbones:
        if backbone not in names:
            raise InputError(
                f"{ensemble}: it needs backbone '{backbone}'; give its run, too (have {', '.join(names)})"
            )
    gold = {} if labels is None else {str(study): int(value) for study, value in read_labels(labels).items()}
    wanted = list(studies) or chosen_studies(manifest, split, count, predictions, gold)
    _refuse_unknown(manifest, split, wanted)
    mapped = []
    for run, name in zip(runs, names, strict=True):
        kept = Path(out) / "maps" / name
        if predictions is not None and (Path(predictions) / name / CARD).exists():
            kept = Path(predictions) / name / "cam"
        found = map_views(
            run,
            manifest,
            kept,
            split=split,
            studies=wanted,
            views_root=views_root,
            batch_size=batch_size,
            workers=workers,
            device=device,
        )
        if predictions is not None:
            _agrees_with_cache(found, Path(predictions) / name, kept, split)
        mapped.append(found)
    columns = [
        Column(
            one.backbone,
            "exact" if one.kind == "exact" else "Grad-CAM: relative, not additive",
            one.kind == "exact",
            one.table[["map", "logit", "reason"]],
        )
        for one in mapped
    ]
    if loaded is not None:
        columns.append(ensemble_column(loaded, {one.backbone: one for one in mapped}))
    written = write_sheets(
        Path(out), mapped[0].table, columns, resize=mapped[0].resize, gold=gold, order=wanted
    )
    computed = sum(one.computed for one in mapped)
    kinds = ", ".join(f"{one.backbone} {one.kind}" for one in mapped)
    return (
        f"{len(wanted):,} studies, {len(mapped[0].table):,} views; {kinds}; {computed:,} maps computed now\n"
        f"wrote {Path(out) / 'index.html'} and {written:,} pictures"
    )


def chosen_studies(
    manifest: Path, split: str, count: int, predictions: Path | None, gold: Mapping[str, int]
) -> list[str]:
    """The studies that a cache gets most wrong, by the mean probability of its backbones; else the first by key."""
    listed = read_table(manifest, MANIFEST)
    keys = sorted(listed.loc[listed["split"] == split, "study"].unique())
    if predictions is None or not gold:
        return [str(key) for key in keys[:count]]
    each = [
        read_split(path.parent, split).groupby("study")["probability"].mean()
        for path in sorted(Path(predictions).glob(f"*/{CARD}"))
        if split in read_card(path.parent)["splits"]
    ]
    if not each:
        return [str(key) for key in keys[:count]]
    chance = pd.concat(each, axis=1).mean(axis=1)
    off = (chance - pd.Series(gold)).abs().dropna()
    return [str(key) for key in off.sort_values(ascending=False, kind="stable").index[:count]]


def _refuse_unknown(manifest: Path, split: str, wanted: Sequence[str]) -> None:
    listed = read_table(manifest, MANIFEST)
    known = set(listed.loc[listed["split"] == split, "study"])
    for study in wanted:
        if study not in known:
            raise InputError(f"{manifest}: no study '{study}' in split '{split}'; look up its key there")
    if not wanted:
        raise InputError(f"{manifest}: no view of split '{split}'; check the name of the split")


def _agrees_with_cache(found: ViewMaps, backbone: Path, kept: Path, split: str) -> None:
    """Whether logits of the maps are those of the cache, where the cache is of the same network seen plainly."""
    if not (backbone / CARD).exists():
        return
    card = read_card(backbone)
    own = read_json(kept / "card.json")["inputs"]
    plain = not card["inputs"].get("tta") and card["inputs"].get("precision") == "float32"
    if split not in card["splits"] or weights_of(card["inputs"]) != weights_of(own) or not plain:
        return
    cached = read_split(backbone, split).set_index(["study", "view"])["logit"].reindex(found.table.index)
    logit = found.table["logit"].astype(float)
    off = (logit - cached).abs() / logit.abs().clip(lower=1)
    if (off > AGREE).any():
        place = int(np.nanargmax(off.to_numpy(dtype=np.float64)))
        study, view = off.index[place]
        raise InputError(
            f"{backbone / f'{split}.parquet'}: view {view} of study {study} has logit {cached.iloc[place]:.4f} there and "
            f"{logit.iloc[place]:.4f} from its map; predict this split again"
        )


def ensemble_column(ensemble: Ensemble, mapped: Mapping[str, ViewMaps]) -> Column:
    """The ensemble's map of each view: its backbones' maps, each weighted by what its logit moves the ensemble's.

    The mean of the map is the ensemble's logit of the view where every backbone's map is exact. For an ensemble that is
    linear in logits the weights are its own; for any other they are those at the view (`ensembles.local`). Where a
    backbone has Grad-CAM only, maps are scaled to 1 before they are weighed, and nothing adds up.
    """
    members = [mapped[backbone] for backbone in ensemble.backbones]
    if len({(one.resize) for one in members}) > 1:
        raise InputError(
            "the backbones of the ensemble resize views in two ways; their maps do not lie on each other"
        )
    tables = [one.table for one in members]
    logits = np.column_stack([table["logit"].to_numpy(dtype=np.float64) for table in tables])
    known = ~np.isnan(logits).any(axis=1)
    types = tables[0]["study_type"].to_numpy(dtype=np.str_)
    exact = all(one.kind == "exact" for one in members)
    grids: list[Grid | None] = [None] * len(known)
    total = np.full(len(known), np.nan)
    form: LocalWeights | None = None
    if known.any():
        form = local_weights(ensemble, logits[known], types[known])
        for place, row in enumerate(np.flatnonzero(known)):
            maps = same_grid([table["map"].iloc[row] for table in tables])
            if not exact:  # maps in other units are brought to one size before they are added
                maps = [grid / max(float(np.abs(grid).max()), 1e-12) for grid in maps]
            weighted = sum(w * grid for w, grid in zip(form.weights[place], maps, strict=True))
            grids[row] = np.asarray(weighted + (form.constant[place] if exact else 0.0), dtype=np.float32)
            total[row] = form.logit[place]
    how = "relative: Grad-CAM is among its maps"
    if exact:
        linear = form is None or form.linear
        how = "exact" if linear else "mean is its logit; weights as they are at this view"
    failed = ["" if one else "a backbone has no map" for one in known]
    frame = pd.DataFrame({"logit": total, "reason": failed}, index=tables[0].index)
    frame["map"] = pd.Series(grids, index=frame.index, dtype=object)
    return Column(ensemble.name, how, exact, frame)


def same_grid(maps: Sequence[Grid]) -> list[Grid]:
    """Maps on the finest grid among them, each with the mean that it had."""
    rows, columns = (max(grid.shape[axis] for grid in maps) for axis in (0, 1))
    return [_on(_on(grid, rows, 0), columns, 1) for grid in maps]


def _on(grid: Grid, length: int, axis: int) -> Grid:
    """Repeated to a common multiple, then averaged in blocks, so that every part of the area counts alike."""
    own = grid.shape[axis]
    multiple = own * length // gcd(own, length)
    fine = np.repeat(grid.astype(np.float64), multiple // own, axis=axis)
    blocks = list(fine.shape)
    blocks[axis : axis + 1] = [length, multiple // length]
    return np.asarray(fine.reshape(blocks).mean(axis=axis + 1), dtype=np.float32)
