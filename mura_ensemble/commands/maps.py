"""Verbs of the maps: cam. It needs the [backbones] extra, and [cam] for networks whose map is not exact."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mura_ensemble.commands.shared.options import Device, Manifest, Root, continuable, names_of

__all__ = ["VERBS"]


def cam(
    manifest: Manifest,
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs of `train` or `adopt`.")],
    out: Annotated[Path, typer.Option(help="Folder of the pictures.")],
    split: Annotated[str, typer.Option(help="Split of the manifest.")],
    studies: Annotated[str, typer.Option(help="Study keys, comma-separated.")] = "",
    count: Annotated[
        int,
        typer.Option(
            help="How many studies without --studies: the most wrong with --predictions and --labels.", min=1
        ),
    ] = 12,
    predictions: Annotated[
        Path | None,
        typer.Option(help="predictions/<set> of these runs: maps are kept there and checked against it."),
    ] = None,
    ensemble: Annotated[Path | None, typer.Option(help="An ensemble of `fit-stack`, mapped too.")] = None,
    labels: Annotated[Path | None, typer.Option(help="study,gold: said above each sheet.")] = None,
    root: Root = None,
    batch_size: Annotated[int, typer.Option(help="Views per forward pass.", min=1)] = 16,
    workers: Annotated[int, typer.Option(help="Processes that open views.", min=0)] = 0,
    device: Device = "auto",
) -> None:
    """Show where in the views backbones and their ensemble see what they see; exact where the network allows it."""
    with continuable():
        from mura_ensemble.commands.work.maps import map_studies

        typer.echo(
            map_studies(
                manifest,
                runs,
                out,
                split=split,
                studies=names_of(studies),
                count=count,
                predictions=predictions,
                ensemble=ensemble,
                labels=labels,
                views_root=root,
                batch_size=batch_size,
                workers=workers,
                device=device,
            )
        )


VERBS = (("cam", cam),)
