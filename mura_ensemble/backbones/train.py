"""Training a backbone: patient-grouped folds, one member per fold, a folder that a kill cannot spoil."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from mura_ensemble.backbones.dataset import Views, chosen_device, refuse_unreadable
from mura_ensemble.backbones.manifests import read_views, studies_of, views_digest
from mura_ensemble.backbones.member import Settings, seeded, train_member
from mura_ensemble.backbones.progress import progress
from mura_ensemble.backbones.registry import (
    create_backbone,
    load_weights,
    normalisation,
    require_extra,
    weights_digest,
)
from mura_ensemble.backbones.runs import (
    TrainedRun,
    finish_run,
    folds_digest,
    read_run,
    start_run,
    studies_digest,
    write_metrics,
)
from mura_ensemble.backbones.views import Preprocessing
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import digest_of_rows
from mura_ensemble.data.folds import assign_folds
from mura_ensemble.data.tables import read_labels

__all__ = ["train_backbone"]


def train_backbone(
    manifest: Path,
    labels: Path,
    out: Path,
    *,
    architecture: str,
    split: str = "train",
    views_root: Path | None = None,
    size: int = 320,
    channels: Literal[1, 3] = 1,
    folds: int = 5,
    epochs: int = 20,
    batch_size: int = 32,
    learning_rate: float = 5e-4,
    weight_decay: float = 0.05,
    seed: int = 0,
    pretrained: bool = False,
    checkpoint: Path | None = None,
    arguments: Mapping[str, Any] | None = None,
    workers: int = 0,
    device: str = "auto",
) -> TrainedRun:
    """Train one member per fold of a timm architecture with one logit.

    A patient, with all studies of all types, is in one fold; member k is trained on the other folds.
    The loss is binary cross-entropy weighted per study type (`class_weights`); views are mirrored and
    rotated at random; AdamW with a cosine schedule. Started again after a kill with the same arguments it
    goes on at the last finished epoch and ends with the same weights on the same machine.

    Parameters
    ----------
    manifest, labels : Path
        The MANIFEST and LABELS tables.
    out : Path
        Folder of the run; see `mura_ensemble.backbones.runs`.
    architecture : str
        Any timm name.
    split : str
        The split to train on.
    views_root : Path, optional
        Where the manifest's relative paths start; what `index` wrote beside it, or its own folder, if not
        given.
    size : int
        Side of the square input, pixels.
    channels : {1, 3}
    folds : int
        Members; 1 trains a single model on every view, whose probabilities on `split` are in-sample.
    epochs, batch_size : int
    learning_rate, weight_decay : float
    seed : int
        Decides folds, first weights, order and augmentation.
    pretrained : bool
        Start from timm's default weights.
    checkpoint : Path, optional
        Start from the weights in this safetensors file.
    arguments : mapping, optional
        Keyword arguments of the architecture, JSON values.
    workers : int
        Processes that decode views; 0 decodes in this one.
    device : str
        `auto`, `cpu`, `cuda`, `cuda:1`, `mps`, ...

    Returns
    -------
    TrainedRun

    Raises
    ------
    MissingExtraError
        Without the `[backbones]` extra; before anything else is done.
    InputError
        For every fault of the input, as when most views cannot be read; nothing is written then.
    """
    require_extra()
    settings = Settings(epochs, batch_size, learning_rate, weight_decay, seed)
    _check(settings, folds=folds, size=size, channels=channels, pretrained=pretrained, checkpoint=checkpoint)
    out, given = Path(out), dict(arguments or {})
    rows = _with_gold(read_views(manifest, split, views_root), labels)
    studies = studies_of(rows)
    gold = rows.drop_duplicates("study").set_index("study")["gold"]
    fold_of = (
        pd.Series(0, index=gold.index) if folds == 1 else assign_folds(studies, gold, folds=folds, seed=seed)
    )
    studies["fold"] = studies["study"].map(fold_of)
    rows["fold"] = rows["study"].map(fold_of)
    where = chosen_device(device)

    def new_member(fold: int) -> Any:
        with seeded(seed, fold, 0):
            return create_backbone(
                architecture,
                channels=channels,
                size=size,
                arguments=given,
                pretrained=pretrained,
                checkpoint=checkpoint,
            )

    first = new_member(0)
    mean, std = normalisation(first, channels)
    preprocessing = Preprocessing(size=size, channels=channels, mean=mean, std=std)
    plan = {
        "architecture": architecture,
        "arguments": given,
        "start": _start(first, pretrained, checkpoint),
        "preprocessing": preprocessing.card(),
        "training": {"folds": folds, **asdict(settings)},
        "data": {
            "split": split,
            "studies": len(studies),
            "patients": int(studies["patient"].nunique()),
            "views": len(rows),
            "studies_digest": studies_digest(studies),
            "views_digest": views_digest(rows),
            "labels_digest": digest_of_rows((str(study), str(value)) for study, value in gold.items()),
            "folds_digest": folds_digest(studies),
        },
    }
    views = Views(rows, preprocessing)
    refuse_unreadable(views, rows, source=Path(manifest))
    start_run(out, plan, studies)
    views.keep_in_memory()
    with progress(epochs * len(rows) * max(folds - 1, 1), f"training {architecture}") as report:
        for fold in range(folds):
            train_member(
                fold if folds > 1 else -1,
                new_member(fold),
                views,
                rows,
                settings=settings,
                device=where,
                workers=workers,
                folder=out,
                report=report,
                after_epoch=lambda: write_metrics(out, folds),
            )
    finish_run(out, plan)
    # What a kill in the middle of a write has left.
    for leftover in out.glob(".*.partial"):
        leftover.unlink(missing_ok=True)
    return read_run(out)


def _check(
    settings: Settings, *, folds: int, size: int, channels: int, pretrained: bool, checkpoint: Path | None
) -> None:
    whole = {"folds": folds, "size": size, "epochs": settings.epochs, "batch size": settings.batch_size}
    for name, value in whole.items():
        if value < 1:
            raise InputError(f"{name} {value}: give a whole number of 1 or more")
    if not settings.learning_rate > 0:
        raise InputError(f"learning rate {settings.learning_rate}: give a number above 0")
    if settings.weight_decay < 0:
        raise InputError(f"weight decay {settings.weight_decay}: give 0 or more")
    if settings.seed < 0:
        raise InputError(f"seed {settings.seed}: give 0 or more")
    if channels not in (1, 3):
        raise InputError(f"channels {channels}: give 1 (gray) or 3")
    if pretrained and checkpoint is not None:
        raise InputError("both pretrained weights and a checkpoint are asked for; choose one")


def _with_gold(rows: pd.DataFrame, labels: Path) -> pd.DataFrame:
    gold = read_labels(labels)
    missing = rows.loc[~rows["study"].isin(gold.index), "study"].unique()
    if len(missing):
        more = f" ({len(missing) - 1:,} more like it)" if len(missing) > 1 else ""
        raise InputError(
            f"{labels}: study '{missing[0]}' of the manifest has no row{more}; add its gold standard"
        )
    return rows.assign(gold=rows["study"].map(gold).astype("int64"))


def _start(model: Any, pretrained: bool, checkpoint: Path | None) -> dict[str, str]:
    # A path would name a machine; the digest says which weights they were.
    if checkpoint is not None:
        return {"from": "checkpoint", "weights": weights_digest(load_weights(checkpoint)[0])}
    if pretrained:
        config = model.pretrained_cfg
        return {
            "from": "timm pretrained",
            "tag": f"{config.get('architecture')}.{config.get('tag')}",
            "license": str(config.get("license")),
        }
    return {"from": "random weights"}
