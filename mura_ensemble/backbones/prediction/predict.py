"""Per-view probabilities of a trained run into the cache: out-of-fold, held-out or in-sample, said so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mura_ensemble.backbones.prediction.asked import with_folds, with_members
from mura_ensemble.backbones.prediction.forward import PRECISIONS, Members, Precision, predict_parts
from mura_ensemble.backbones.prediction.shards import (
    PredictionSummary,
    Work,
    find_plans,
    find_whole,
    parts_of,
)
from mura_ensemble.backbones.prediction.testtime import TestTime, parse_tta
from mura_ensemble.backbones.prediction.turns import shard_here
from mura_ensemble.backbones.views.dataset import chosen_device
from mura_ensemble.backbones.weights.registry import require_extra
from mura_ensemble.backbones.weights.runs import read_run, versions
from mura_ensemble.backbones.weights.trained import TrainedRun
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.predictions import backbone_folder, plain_name
from mura_ensemble.data.tables.manifests import MISSING, read_views, views_digest
from mura_ensemble.data.words import count

__all__ = ["TOLERANCE", "merge_predictions", "predict_backbone"]

TOLERANCE = 1e-4
"""How far batch size and sharding may move a probability in float32; a test holds it."""


def predict_backbone(
    run: Path,
    manifest: Path,
    out: Path,
    *,
    split: str,
    name: str | None = None,
    views_root: Path | None = None,
    batch_size: int = 64,
    precision: Precision = "float32",
    tta: Sequence[str] = (),
    channels_last: bool = False,
    compiled: bool = False,
    shard: str | None = None,
    workers: int = 0,
    device: str = "auto",
    allow_failed: bool = False,
) -> PredictionSummary:
    """Predict every view of a split and write `<out>/<name>/{card.json,<split>.parquet}`.

    On the split that the run was trained on, each view is predicted by the members that did not see its
    patient (role out-of-fold, `fold` says which); on any other split by all members (role held-out, fold -1).
    The logits of several members are averaged. A run without folds is in-sample on its own split, and every run
    on the split that it was validated on. Of adopted weights of which nobody said what they were trained on the role is
    unknown.

    The same weights, views and preprocessing have the same key, and the same key is never computed twice.
    A prediction that was killed goes on where it stopped and ends with the same digits. A view that cannot
    be read gets a row with its reason and no number, and changes no other view's number.

    Parameters
    ----------
    run : Path
        Folder of `train_backbone` or `adopt_backbone`.
    manifest : Path
        The MANIFEST table.
    out : Path
        Folder of a set of predictions; one folder per backbone is made in it.
    split : str
    name : str, optional
        Name of the backbone; the name of the run's folder if not given.
    views_root : Path, optional
        Where the manifest's relative paths start; what `index` wrote beside it, or its own folder, if not
        given.
    batch_size : int
        Moves no probability by more than `TOLERANCE`.
    precision : {'float32', 'bfloat16', 'float16'}
        Of the forward pass; part of the key. The halves move a logit by about 1e-3 of its size.
    tta : sequence of str
        Test-time augmentation, see `testtime.parse_tta`; part of the key. The logits are averaged.
    channels_last, compiled : bool
        Memory format and `torch.compile`, for speed. They move no probability by more than `TOLERANCE`, so they are
        no part of the key and stand in the provenance.
    shard : str, optional
        `i/n`: do the i-th of n shares of the work, counted from 0; read from torchrun's or SLURM's variables if
        not given (see `turns.shard_here`). Who finds all shares done, or `merge_predictions`, puts them together.
    workers : int
        Processes that decode views; 0: threads of this one.
    device : str
        `auto`, `cpu`, `cuda`, `cuda:1`, ...
    allow_failed : bool
        Return instead of raising when views could not be read, and let failures replace numbers that stand.

    Returns
    -------
    PredictionSummary

    Raises
    ------
    MissingExtraError
        Without the `[backbones]` extra; before anything else is done.
    InputError
        For every fault of the input; and, unless `allow_failed`, when views could not be read (their rows are
        written all the same, but where views of the standing file would lose their numbers).
    """
    require_extra()
    turn, turns = shard_here(shard)
    if batch_size < 1:
        raise InputError(f"batch size {batch_size}: give a whole number of 1 or more")
    if precision not in PRECISIONS:
        raise InputError(f"precision '{precision}': give {', '.join(PRECISIONS)}")
    ways = parse_tta(tta)
    folder = backbone_folder(out, Path(run).resolve().name if name is None else name)
    plain_name(split, "split")
    trained = read_run(run)
    rows = read_views(manifest, split, views_root)
    rows, role = with_folds(rows, trained, split, manifest)
    rows = with_members(rows, trained, manifest)
    states = [member.state() for member in trained.members]
    where = chosen_device(device)
    work = Work(
        folder=folder,
        split=split,
        role=role,
        inputs=_inputs(trained, precision, ways),
        manifest=views_digest(rows),
        provenance={
            **versions(),
            "device": where.type,
            "batch_size": batch_size,
            "channels_last": channels_last,
            "compiled": compiled,
            "seed": trained.plan["training"].get("seed"),
        },
    )
    computed = 0
    table = work.standing()
    stood = table is not None
    if not stood:
        work.refuse_other_inputs()
        # Found out before any forward pass; what cannot be decoded shows at the end.
        gone = rows.loc[rows["content"] == MISSING, ["study", "view"]].assign(
            status="failed", reason="no file, or an empty one"
        )
        if not allow_failed:
            work.refuse_to_lose(gone)
        numbers = [number for number in work.missing(len(rows)) if number % turns == turn]
        members = None
        if numbers:
            members = Members(
                trained,
                states,
                precision=precision,
                ways=ways,
                channels_last=channels_last,
                compiled=compiled,
                device=where,
            )
        work.begin(len(rows))  # after the networks: those that cannot be made leave nothing behind
        if members is not None:
            computed = predict_parts(work, rows, numbers, members, batch_size=batch_size, workers=workers)
        table = work.finish(rows, allow_failed=allow_failed)
    return _summary(work, rows, table, computed, stood=stood, allow_failed=allow_failed)


def merge_predictions(
    manifest: Path,
    folder: Path,
    *,
    split: str,
    views_root: Path | None = None,
    allow_failed: bool = False,
) -> PredictionSummary:
    """Put the shards of a split together; needs neither torch nor the run.

    Proves that the parts hold each view of the manifest once and no other, and that manifest and files
    are those that were predicted. Where the last shard has put them together already, says so.

    Parameters
    ----------
    manifest : Path
        The MANIFEST table.
    folder : Path
        `<out>/<name>` of `predict_backbone`.
    split, views_root, allow_failed
        As there.

    Raises
    ------
    InputError
        If nothing is to be merged, the manifest or a file has changed, or parts are missing.
    """
    folder = Path(folder)
    rows = read_views(manifest, split, views_root)
    digest = views_digest(rows)
    plans = find_plans(folder, split)
    whole = find_whole(folder, split, digest)
    if whole is not None and not any(work.manifest == digest for work in plans):
        return _summary(whole, rows, whole.standing(), 0, stood=True, allow_failed=allow_failed)
    if not plans:
        raise InputError(f"{folder}: no shards of split '{split}' to merge; run predict with --shard first")
    matching = [work for work in plans if work.manifest == digest]
    if len(matching) != 1:
        found = "none of these views" if not matching else "of several models"
        raise InputError(
            f"{folder}: the shards of split '{split}' are {found}; predict again into a new folder"
        )
    work = matching[0]
    missing = work.missing(len(rows))
    if missing:
        total = len(parts_of(len(rows)))
        raise InputError(
            f"{folder}: {len(missing)} of {total} parts of split '{split}' are missing (first: {missing[0]}); "
            "run the shards that are not done, or predict without --shard, which does whatever is missing"
        )
    table = work.finish(rows, allow_failed=allow_failed)
    return _summary(work, rows, table, 0, stood=False, allow_failed=allow_failed)


def _inputs(trained: TrainedRun, precision: Precision, ways: TestTime) -> dict[str, Any]:
    plan = trained.plan
    return {
        "architecture": plan["architecture"],
        "arguments": plan["arguments"],
        "members": [
            {"weights": member.weights, "fold": member.fold, "study_type": member.study_type}
            for member in trained.members
        ],
        "combination": "mean of the members' logits; on the training split of those that did not see the patient",
        "preprocessing": trained.preprocessing.card(),
        "precision": precision,
        "tta": ways.card(),
        "training": {
            "split": trained.split,
            "studies": plan["data"]["studies"],
            "studies_digest": plan["data"]["studies_digest"],
            "folds_digest": plan["data"]["folds_digest"],
        },
    }


def _summary(
    work: Work,
    rows: pd.DataFrame,
    table: pd.DataFrame | None,
    computed: int,
    *,
    stood: bool,
    allow_failed: bool,
) -> PredictionSummary:
    failed = pd.DataFrame({"view": [], "reason": []}, dtype="str")
    if table is not None:
        failed = table.loc[table["status"] == "failed", ["view", "reason"]].reset_index(drop=True)
    if len(failed) and not allow_failed:
        view, reason = failed.iloc[0]
        raise InputError(
            f"{work.folder / work.split}.parquet: {len(failed):,} of {count(len(rows), 'view')} failed, first {view} "
            f"({reason}); their rows are written without a number: mend the files and predict again, or pass --allow-failed"
        )
    return PredictionSummary(
        folder=work.folder,
        split=work.split,
        role=work.role,
        key=work.key,
        views=len(rows),
        computed=computed,
        failed=failed,
        complete=table is not None,
        stood=stood,
    )
