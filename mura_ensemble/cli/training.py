"""Verbs of training: train. It needs the [backbones] extra."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from mura_ensemble.cli.options import Device, Manifest, Root, Seed, continuable

__all__ = ["VERBS"]


def train(
    manifest: Manifest,
    labels: Annotated[Path, typer.Argument(help="labels.csv: study,gold.")],
    architecture: Annotated[str, typer.Option(help="Any timm name, e.g. densenet169.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    root: Root = None,
    split: Annotated[str, typer.Option(help="Split to train on.")] = "train",
    folds: Annotated[
        int, typer.Option(help="Patient-grouped folds, one member each; 1: one model of all.")
    ] = 5,
    size: Annotated[int, typer.Option(help="Side of the square views, pixels.")] = 320,
    channels: Annotated[
        Literal["1", "3"], typer.Option(help="1 grey channel, or 3 for weights that want RGB.")
    ] = "1",
    argument: Annotated[
        list[str] | None, typer.Option(help="Argument of the architecture, name=value; may be repeated.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the training views.", min=1)] = 20,
    batch_size: Annotated[int, typer.Option(help="Views per step.", min=1)] = 32,
    learning_rate: Annotated[float, typer.Option(help="Peak of the cosine schedule (AdamW).")] = 5e-4,
    weight_decay: Annotated[float, typer.Option(help="Of AdamW.")] = 0.05,
    pretrained: Annotated[
        bool, typer.Option("--pretrained", help="Begin with timm's weights (needs a network).")
    ] = False,
    checkpoint: Annotated[Path | None, typer.Option(help="Begin with these weights (safetensors).")] = None,
    workers: Annotated[int, typer.Option(help="Processes that open views.", min=0)] = 0,
    device: Device = "auto",
    seed: Seed = 0,
) -> None:
    """Train one timm backbone with patient-grouped folds; continues where it stopped."""
    with continuable():
        from mura_ensemble.backbones.registry import parse_arguments
        from mura_ensemble.backbones.train import train_backbone

        run = train_backbone(
            manifest,
            labels,
            out,
            architecture=architecture,
            split=split,
            views_root=root,
            size=size,
            channels=3 if channels == "3" else 1,
            folds=folds,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            seed=seed,
            pretrained=pretrained,
            checkpoint=checkpoint,
            arguments=parse_arguments(argument or ()),
            workers=workers,
            device=device,
        )
    words = ["mura-ensemble", "predict", out, manifest, *(["--root", root] if root else ())]
    typer.echo(f"{run}\nnext:\n  {shlex.join(map(str, words))} --split {run.split} --out predictions/mine")


VERBS = (("train", train),)
