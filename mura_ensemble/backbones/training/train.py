"""Training a backbone: patient-grouped folds, one training per fold, a folder that a kill cannot spoil."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from mura_ensemble.backbones.prediction.turns import shard_here
from mura_ensemble.backbones.training.member import seeded, train_member
from mura_ensemble.backbones.training.progress import progress
from mura_ensemble.backbones.training.recipes import Recipe, TrainingPrecision, settings_of
from mura_ensemble.backbones.training.tasks import divided, read_training_views, tasks_of
from mura_ensemble.backbones.views.dataset import Views, chosen_device, refuse_unreadable
from mura_ensemble.backbones.views.reading import Preprocessing
from mura_ensemble.backbones.weights.checkpoints import Files
from mura_ensemble.backbones.weights.registry import (
    create_backbone,
    load_weights,
    normalisation,
    require_extra,
    weights_digest,
)
from mura_ensemble.backbones.weights.runs import (
    finish_run,
    folds_digest,
    read_run,
    reopen_run,
    standing_run,
    start_run,
    studies_digest,
    sweep_run,
    write_metrics,
)
from mura_ensemble.backbones.weights.trained import TrainedRun
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import digest_of_rows, locked
from mura_ensemble.data.tables.manifests import views_digest

__all__ = ["train_backbone"]


def train_backbone(
    manifest: Path,
    labels: Path,
    out: Path,
    *,
    architecture: str,
    recipe: Recipe = "modern",
    split: str = "train",
    views_root: Path | None = None,
    size: int = 320,
    channels: Literal[1, 3] = 1,
    resize: Literal["square", "letterbox"] = "square",
    folds: int = 5,
    per_study_type: bool = False,
    validation_split: str | None = None,
    validation_share: float | None = None,
    kept: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    layer_decay: float | None = None,
    average: float | None = None,
    precision: TrainingPrecision | None = None,
    seed: int = 0,
    pretrained: bool = False,
    checkpoint: Path | None = None,
    arguments: Mapping[str, Any] | None = None,
    shard: str | None = None,
    checkpoint_seconds: float = 300.0,
    workers: int = 0,
    device: str = "auto",
) -> TrainedRun | None:
    """Train a timm architecture with one logit once per fold (and study type).

    A patient, with all studies of all types, is in one fold; training k learns from the other folds. The loss is
    binary cross-entropy weighted per study type (`class_weights`). Where a validation loss decides, it is of patients
    outside the held-out fold, so that out-of-fold probabilities stay untouched by the choice. Started again after a
    kill with the same arguments it goes on at the last checkpoint and ends with the same weights on the same machine.

    Parameters
    ----------
    manifest, labels : Path
        The MANIFEST and LABELS tables.
    out : Path
        Folder of the run; see `mura_ensemble.backbones.weights.runs`.
    architecture : str
        Any timm name.
    recipe : {'paper', 'modern'}
        Where None is given below, the recipe decides; see `recipes.RECIPES`.
    split : str
        The split to train on.
    views_root : Path, optional
        Where the manifest's relative paths start; what `index` wrote beside it, or its own folder, if not
        given.
    size : int
        Side of the square input, pixels.
    channels : {1, 3}
    resize : {'square', 'letterbox'}
        Stretch a view to the square, or keep its proportions and fill up with black.
    folds : int
        Trainings; 1 trains on every view, whose probabilities on `split` are in-sample.
    per_study_type : bool
        Train networks of each study type alone instead of networks of all.
    validation_split : str, optional
        A split whose loss is the validation loss, as MURA's paper used `valid`. It has then decided something,
        and its predictions have the role in-sample.
    validation_share : float, optional
        Share of the training patients to validate on instead.
    kept : int, optional
        How many epochs of lowest validation loss become members; 0 keeps the last epoch.
    epochs, batch_size : int, optional
    learning_rate, weight_decay, layer_decay, average : float, optional
        See `recipes.Settings`.
    precision : {'float32', 'bfloat16'}, optional
    seed : int
        Decides folds, first weights, order and augmentation.
    pretrained : bool
        Start from timm's default weights.
    checkpoint : Path, optional
        Start from the weights in this safetensors file.
    arguments : mapping, optional
        Keyword arguments of the architecture, JSON values.
    shard : str, optional
        `i/n`: do the i-th of n shares of the trainings; torchrun's or SLURM's if not given (`turns.shard_here`).
    checkpoint_seconds : float
        Time between checkpoints within an epoch; decides no digit.
    workers : int
        Processes that decode views; 0 decodes in this one.
    device : str
        `auto`, `cpu`, `cuda`, `cuda:1`, `mps`, ...

    Returns
    -------
    TrainedRun or None
        None while trainings of other shards are missing; whoever finds all done completes the run. Of a finished
        run only members whose files are gone are trained again.

    Raises
    ------
    MissingExtraError
        Without the `[backbones]` extra; before anything else is done.
    InputError
        For every fault of the input, as when most views cannot be read; nothing is written then.
    """
    require_extra()
    Preprocessing.refuse(size, channels, resize)
    if folds < 1:
        raise InputError(f"folds {folds}: give a whole number of 1 or more")
    if pretrained and checkpoint is not None:
        raise InputError("both pretrained weights and a checkpoint are asked for; choose one")
    turn, turns = shard_here(shard)
    where = chosen_device(device)
    said = {
        "kept": kept,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "layer_decay": layer_decay,
        "average": average,
        "precision": precision,
        "validation_share": validation_share,
        "seed": seed,
    }
    settings = settings_of(recipe, said, half=_computes_half(where), validation_split=validation_split)
    out, given = Path(out), dict(arguments or {})
    rows = read_training_views(manifest, labels, split, validation_split, views_root)
    studies = divided(rows, split, folds=folds, seed=seed)
    rows["fold"] = rows["study"].map(studies.set_index("study")["fold"]).fillna(-1).astype("int64")

    def new_member(number: int) -> Any:
        with seeded(seed, number, 0, 0):
            return create_backbone(
                architecture,
                channels=channels,
                size=size,
                arguments=given,
                pretrained=pretrained,
                checkpoint=checkpoint,
            )

    first = new_member(0)
    # The paper states the mean and the deviation of its views, whatever the weights were trained with.
    mean, std = normalisation(first, channels, imagenet=recipe == "paper")
    preprocessing = Preprocessing(size=size, channels=channels, mean=mean, std=std, resize=resize)
    own = rows[rows["split"] == split]
    gold = rows.drop_duplicates("study").set_index("study")["gold"]
    plan = {
        "architecture": architecture,
        "arguments": given,
        "start": _start(first, pretrained, checkpoint),
        "preprocessing": preprocessing.card(),
        "training": {
            "recipe": recipe,
            "folds": folds,
            "per_study_type": per_study_type,
            **asdict(settings),
        },
        "data": {
            "split": split,
            "validation_split": validation_split,
            "studies": len(studies),
            "patients": int(studies["patient"].nunique()),
            "views": len(own),
            "studies_digest": studies_digest(studies),
            "views_digest": views_digest(rows),
            "labels_digest": digest_of_rows((str(study), str(value)) for study, value in gold.items()),
            "folds_digest": folds_digest(studies),
        },
    }
    tasks = tasks_of(rows, split, folds=folds, per_study_type=per_study_type, settings=settings)
    trainings = [Files(out, max(task.fold, 0), task.study_type) for task in tasks]
    if standing_run(out, plan):
        run = read_run(out)
        if all(member.file.is_file() for member in run.members):
            for member in run.members:
                member.state()  # whole is what its record says it is
            with locked(out):
                sweep_run(out, trainings)
            return replace(run, stood=True)
        with locked(out):
            if standing_run(out, plan):  # nobody else has reopened it in the meantime
                reopen_run(out, trainings)
    views = Views(rows, preprocessing)
    refuse_unreadable(views, rows, source=Path(manifest))
    start_run(out, plan, studies)
    mine = [place for place in range(len(tasks)) if place % turns == turn]
    views.keep_in_memory()
    total = settings.epochs * sum(tasks[place].views for place in mine)
    with progress(total, f"training {architecture}") as report:
        for place in mine:
            train_member(
                tasks[place],
                trainings[place],
                new_member(place),
                views,
                rows,
                settings=settings,
                device=where,
                workers=workers,
                checkpoint_seconds=checkpoint_seconds,
                report=report,
                after_epoch=lambda: write_metrics(out, trainings),
            )
    # Two processes may find the last training done at once.
    with locked(out):
        if not standing_run(out, plan):
            if not all(training.done.exists() for training in trainings):
                return None
            finish_run(out, plan, trainings)
    return read_run(out)


def _computes_half(device: Any) -> bool:
    import torch

    return bool(device.type == "cuda" and torch.cuda.is_bf16_supported())


def _start(model: Any, pretrained: bool, checkpoint: Path | None) -> dict[str, str]:
    # A path would name a machine; the digest says which weights they were.
    if checkpoint is not None:
        return {"from": "checkpoint", "weights": weights_digest(load_weights(checkpoint)[0])}
    if pretrained:
        config = model.pretrained_cfg
        return {
            "from": "timm pretrained",
            "tag": f"{config.get('architecture')}.{config.get('tag')}",
            "licence": str(config.get("license") or ""),
        }
    return {"from": "random weights"}
