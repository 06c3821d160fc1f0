"""Whether a cache of predictions is what its cards say: every file, row and key, and the manifest's views."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.cache.listing import set_folders
from mura_ensemble.cache.torn import missing_table, orphan_words, orphans, read_plan
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import digest_of_file, read_json
from mura_ensemble.data.predictions import CARD, read_card
from mura_ensemble.data.tables.contracts import MANIFEST, PREDICTIONS, read_table

__all__ = ["verify_cache"]

_EXACT = 2e-6  # float32 probabilities of float32 logits


def verify_cache(folders: list[Path], manifest: Path | None = None, root: Path | None = None) -> list[str]:
    """Every fault of some sets of predictions, one sentence each; nothing is written.

    Parameters
    ----------
    folders : list of Path
        Sets of predictions, or folders of sets.
    manifest : Path, optional
        The MANIFEST table that the views must be those of. Where its files can be opened, they must also be
        the files that were predicted.
    root : Path, optional
        Where the manifest's paths start.

    Raises
    ------
    InputError
        If a folder holds no predictions, or the manifest cannot be read.
    """
    listed = None if manifest is None else read_table(manifest, MANIFEST)
    faults: list[str] = []
    for folder in set_folders(folders):
        keys: set[str] = set()
        for backbone in sorted(path for path in folder.iterdir() if path.is_dir()):
            if (backbone / CARD).exists():
                try:
                    card = read_card(backbone)
                except InputError as error:
                    faults.append(str(error))
                    continue
                keys |= {entry["key"] for entry in card["splits"].values()}
                faults += _backbone(backbone, card, listed, manifest, root)
        faults += map(orphan_words, orphans(folder))
        faults += _ensembles(folder, keys)
    return faults


def _backbone(
    backbone: Path,
    card: Mapping[str, Any],
    listed: pd.DataFrame | None,
    manifest: Path | None,
    root: Path | None,
) -> Iterator[str]:
    if card["backbone"] != backbone.name:
        yield f"{backbone / CARD}: it is the card of '{card['backbone']}', not of '{backbone.name}'; rename the folder back"
    for split, entry in card["splits"].items():
        yield from _split(backbone / f"{split}.parquet", split, entry, card["made_by"])
        if listed is not None and manifest is not None:
            yield from _against_manifest(backbone, split, entry, listed, manifest, root)
    for path in sorted(backbone.glob("*.parquet")):
        if path.stem not in card["splits"]:
            yield f"{path}: no split of the card; remove the file, or predict or import that split again"
    done = {entry["key"] for entry in card["splits"].values()}
    for plan in sorted(backbone.glob(".partial/*/plan.json")):
        if read_plan(plan) is None:
            yield f"{plan}: cannot be read, so its parts are lost; mura-ensemble cache rm --partial removes them"
        elif plan.parent.name in done:
            yield f"{plan.parent}: parts of a split that is finished; mura-ensemble cache rm --partial removes them"
    for path in sorted(backbone.glob(".*.partial")):
        yield f"{path}: left by a writer that was killed; mura-ensemble cache rm --partial removes it"


def _split(path: Path, split: str, entry: Mapping[str, Any], made_by: str) -> Iterator[str]:
    if not path.is_file():
        yield missing_table(path)
        return
    if digest_of_file(path) != entry["file_digest"]:
        yield f"{path}: not the file that the card was written for; predict or import this split again"
    try:
        table = read_table(path, PREDICTIONS)
    except InputError as error:
        yield str(error)
        return
    counts = {
        "views": len(table),
        "studies": int(table["study"].nunique()),
        "failed": int((table["status"] == "failed").sum()),
    }
    for name, found in counts.items():
        if found != entry[name]:
            yield f"{path}: {found:,} {name}, the card says {entry[name]:,}; predict or import this split again"
    for name, wrong in _wrong_rows(table, split, entry, made_by).items():
        if wrong.any():
            row = table.iloc[int(np.argmax(wrong))]
            more = f" ({int(wrong.sum()):,} such rows)" if wrong.sum() > 1 else ""
            yield f"{path}: view {row['view']} of study {row['study']}: {name}{more}; predict or import this split again"


def _wrong_rows(
    table: pd.DataFrame, split: str, entry: Mapping[str, Any], made_by: str
) -> dict[str, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    logit, probability = (table[name].to_numpy(dtype=np.float64) for name in ("logit", "probability"))
    failed, fold = (table["status"] == "failed").to_numpy(), table["fold"].to_numpy(dtype=np.int64)
    has_number = ~np.isnan(logit) & ~np.isnan(probability)
    with np.errstate(over="ignore"):
        off = np.abs(1 / (1 + np.exp(-logit)) - probability)
    grouped = table.groupby("study")
    torn = [(grouped[name].transform("nunique") > 1).to_numpy() for name in ("patient", "study_type")]
    out_of_fold = entry["role"] == "out-of-fold"
    predicted = made_by == "mura-ensemble predict"
    return {
        f"column split is not '{split}'": (table["split"] != split).to_numpy(),
        "it has a number although it failed": failed & has_number,
        "it has no number although it did not fail": ~failed & ~has_number,
        "it failed without a reason": failed & (table["reason"].fillna("") == "").to_numpy(),
        "logit and probability do not agree": has_number & (off > _EXACT),
        "its study names two patients": torn[0],
        "its study names two study types": torn[1],
        "no fold in an out-of-fold prediction": (fold < 0) & (out_of_fold and predicted),
        f"a fold in a prediction that is {entry['role']}": (fold >= 0) & (not out_of_fold and predicted),
    }


def _against_manifest(
    backbone: Path,
    split: str,
    entry: Mapping[str, Any],
    listed: pd.DataFrame,
    manifest: Path,
    root: Path | None,
) -> Iterator[str]:
    path = backbone / f"{split}.parquet"
    wanted = listed[listed["split"] == split]
    if wanted.empty or not path.exists():
        return
    try:
        table = pd.read_parquet(path, columns=["study", "view"])
    except (OSError, ValueError):
        return  # said already
    on = ["study", "view"] if entry["level"] == "view" else ["study"]
    found, asked = (
        pd.MultiIndex.from_frame(rows[on].astype(str).drop_duplicates()) for rows in (table, wanted)
    )
    for what, rows in (
        ("is missing", asked.difference(found)),
        ("is not in the manifest", found.difference(asked)),
    ):
        if len(rows):
            yield f"{path}: {' view '.join(map(str, rows[0]))} {what} ({len(rows):,} in all); {manifest} is another list"
    if len(found) == len(asked) and entry["level"] == "view":
        yield from _against_files(path, split, entry, manifest, root)


def _against_files(
    path: Path, split: str, entry: Mapping[str, Any], manifest: Path, root: Path | None
) -> Iterator[str]:
    """Whether the files of the views are still those that were predicted; silent where they cannot be opened."""
    from mura_ensemble.data.predictions import manifest_digest
    from mura_ensemble.data.tables.manifests import MISSING, read_views, views_digest

    try:
        rows = read_views(manifest, split, root)
    except InputError:
        return
    opened = (rows["content"] != MISSING).any()
    if opened and entry["manifest_digest"] not in (views_digest(rows), manifest_digest(rows)):
        yield f"{path}: files, patients or study types of the views are no longer those that were predicted; predict again"


def _ensembles(folder: Path, keys: set[str]) -> Iterator[str]:
    for path in sorted(folder.glob("ensembles/*.json")):
        try:
            fitted = read_json(path)["fitted_on"]["prediction_keys"]
        except (InputError, KeyError, TypeError, json.JSONDecodeError) as error:
            yield f"{path}: not an ensemble of fit-stack ({error}); fit it again"
            continue
        for backbone, key in fitted.items():
            if key not in keys:
                yield (
                    f"{path}: fitted on predictions of {backbone} that no longer stand here; fit it again before it is "
                    "applied"
                )
