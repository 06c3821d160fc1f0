"""Verbs that make runs: train, and adopt for weights from elsewhere. They need the [backbones] extra."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mura_ensemble.commands.shared.options import Device, Manifest, Root, Seed, Shard, continuable

if TYPE_CHECKING:
    from mura_ensemble.backbones.weights.trained import TrainedRun

__all__ = ["VERBS"]

_RECIPE = "the recipe's if not given"
Architecture = Annotated[str, typer.Option(help="Any timm name, e.g. densenet169.")]
Out = Annotated[Path, typer.Option(help="Folder of the run.")]
Size = Annotated[int, typer.Option(help="Side of the square views, pixels.")]
Resize = Annotated[
    Literal["square", "letterbox"],
    typer.Option(help="Stretch to the square, or keep proportions and fill up with black."),
]
Argument = Annotated[
    list[str] | None, typer.Option(help="Argument of the architecture, name=value; may be repeated.")
]


def train(
    manifest: Manifest,
    labels: Annotated[Path, typer.Argument(help="labels.csv: study,gold.")],
    architecture: Architecture,
    out: Out,
    recipe: Annotated[
        Literal["paper", "modern"],
        typer.Option(help="paper: as MURA's authors trained; modern: AdamW, cosine, averaged weights."),
    ] = "modern",
    root: Root = None,
    split: Annotated[str, typer.Option(help="Split to train on.")] = "train",
    folds: Annotated[
        int, typer.Option(help="Patient-grouped folds, one training each; 1: one training on all.")
    ] = 5,
    per_study_type: Annotated[
        bool, typer.Option("--per-study-type", help="Networks of each study type alone.")
    ] = False,
    validation_split: Annotated[
        str | None,
        typer.Option(help="Split to validate on; its predictions are in-sample then."),
    ] = None,
    validation_share: Annotated[
        float | None,
        typer.Option(help=f"Share of the training patients to validate on instead; {_RECIPE}."),
    ] = None,
    kept: Annotated[
        int | None,
        typer.Option(help=f"Epochs of lowest validation loss to keep as members; 0: the last; {_RECIPE}."),
    ] = None,
    size: Size = 320,
    channels: Annotated[
        Literal["1", "3"], typer.Option(help="1 grey channel, or 3 for weights that want RGB.")
    ] = "1",
    resize: Resize = "square",
    argument: Argument = None,
    epochs: Annotated[int | None, typer.Option(help=f"Passes over the training views; {_RECIPE}.")] = None,
    batch_size: Annotated[int | None, typer.Option(help=f"Views per step; {_RECIPE}.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help=f"Its peak; {_RECIPE}.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help=f"Of the optimiser; {_RECIPE}.")] = None,
    layer_decay: Annotated[
        float | None,
        typer.Option(help="Factor of the learning rate from each block to the one below; 1: none."),
    ] = None,
    average: Annotated[
        float | None, typer.Option(help=f"Decay of the moving average of the weights; 0: none; {_RECIPE}.")
    ] = None,
    precision: Annotated[
        Literal["float32", "bfloat16"] | None,
        typer.Option(help="Of the forward pass; modern takes bfloat16 on a GPU that has it."),
    ] = None,
    pretrained: Annotated[
        bool, typer.Option("--pretrained", help="Begin with timm's weights (needs a network).")
    ] = False,
    checkpoint: Annotated[Path | None, typer.Option(help="Begin with these weights (safetensors).")] = None,
    shard: Shard = None,
    checkpoint_every: Annotated[
        float, typer.Option(help="Seconds between checkpoints within an epoch.", min=0)
    ] = 300.0,
    workers: Annotated[int, typer.Option(help="Processes that open views.", min=0)] = 0,
    device: Device = "auto",
    seed: Seed = 0,
) -> None:
    """Train one timm backbone with patient-grouped folds; continues where it stopped."""
    with continuable():
        from mura_ensemble.backbones.training.train import train_backbone
        from mura_ensemble.backbones.weights.registry import parse_arguments

        run = train_backbone(
            manifest,
            labels,
            out,
            architecture=architecture,
            recipe=recipe,
            split=split,
            views_root=root,
            size=size,
            channels=3 if channels == "3" else 1,
            resize=resize,
            folds=folds,
            per_study_type=per_study_type,
            validation_split=validation_split,
            validation_share=validation_share,
            kept=kept,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            layer_decay=layer_decay,
            average=average,
            precision=precision,
            seed=seed,
            pretrained=pretrained,
            checkpoint=checkpoint,
            arguments=parse_arguments(argument or ()),
            shard=shard,
            checkpoint_seconds=checkpoint_every,
            workers=workers,
            device=device,
        )
    if run is None:
        typer.echo(
            f"this share of the trainings is done; the run in {out} is whole when the other shares are"
        )
        return
    typer.echo(f"{run}\n{_next(run, manifest, root)}")


def adopt(
    weights: Annotated[
        list[Path], typer.Argument(help="Safetensors files, one per member; their logits are averaged.")
    ],
    architecture: Architecture,
    out: Out,
    size: Size = 320,
    channels: Annotated[
        Literal["1", "3"] | None, typer.Option(help="As many as the weights take, if not given.")
    ] = None,
    resize: Resize = "square",
    argument: Argument = None,
    imagenet_normalisation: Annotated[
        bool,
        typer.Option(
            "--imagenet-normalisation",
            help="ImageNet's mean and deviation instead of those timm states for the architecture.",
        ),
    ] = False,
    manifest: Annotated[
        Path | None, typer.Option(help="With their training views; without it, the role is unknown.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Split of the manifest they were trained on.")] = None,
) -> None:
    """Make a run of weights trained elsewhere, with their classifier: one logit, or (normal, abnormal)."""
    from mura_ensemble.backbones.weights.adopt import adopt_backbone
    from mura_ensemble.backbones.weights.registry import parse_arguments

    run = adopt_backbone(
        weights,
        out,
        architecture=architecture,
        size=size,
        channels=None if channels is None else 3 if channels == "3" else 1,
        resize=resize,
        arguments=parse_arguments(argument or ()),
        imagenet=imagenet_normalisation,
        manifest=manifest,
        split=split,
    )
    following = (
        "next: predict; or adopt into another folder with --manifest and --split of what they were trained on"
        if manifest is None
        else _next(run, manifest, None)
    )
    typer.echo(f"{run}\n{following}")


def _next(run: TrainedRun, manifest: Path, root: Path | None) -> str:
    """The prediction that serves first, as a command."""
    from mura_ensemble.backbones.prediction.asked import split_to_predict

    following = split_to_predict(run, manifest)
    if following is None:
        return (
            f"next: predict a split of other patients; every split of {manifest} would be in-sample, and fit-stack "
            "refuses that"
        )
    words = ["mura-ensemble", "predict", run.folder, manifest, *(["--root", root] if root else ())]
    return f"next:\n  {shlex.join(map(str, words))} --split {following} --out predictions/mine"


VERBS = (("train", train), ("adopt", adopt))
