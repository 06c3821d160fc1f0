"""Options that several verbs share, each declared once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = [
    "AllowFitted",
    "Backbones",
    "Device",
    "LabelledSplit",
    "Manifest",
    "Missing",
    "NewSplit",
    "Predictions",
    "ReportedSplit",
    "Root",
    "Seed",
    "Shard",
    "Split",
    "continuable",
    "names_of",
]

Predictions = Annotated[Path, typer.Argument(help="Folder of a set of predictions, one folder per backbone.")]
Seed = Annotated[int, typer.Option(help="Same seed, same digits.", min=0)]
Split = Annotated[str | None, typer.Option(help="Which split; if not given, the only one that can be meant.")]
LabelledSplit = Annotated[
    str | None,
    typer.Option(
        help="If not given: the only split that the file labels wholly, or of several the out-of-fold one."
    ),
]
ReportedSplit = Annotated[
    str | None,
    typer.Option(
        help="If not given: the only split that --labels (or --readers, with --panel) covers wholly."
    ),
]
NewSplit = Annotated[
    str | None, typer.Option(help="If not given: the only split that the ensemble was not fitted on.")
]
Backbones = Annotated[str, typer.Option(help="Only these, comma-separated.")]
Missing = Annotated[
    Literal["error", "renormalise"], typer.Option(help="Failed views: refuse, or pool the views that remain.")
]
AllowFitted = Annotated[
    bool, typer.Option("--allow-fitted", help="Also on studies an ensemble was fitted on; they are marked.")
]
Root = Annotated[
    Path | None,
    typer.Option(
        help="Where the manifest's paths begin; else what `index` wrote beside it, else its folder."
    ),
]
Manifest = Annotated[Path, typer.Argument(help="manifest.csv of `index`, or any table with its columns.")]
Shard = Annotated[
    str | None,
    typer.Option(
        help="i/n, counted from 0: only that share of the work; torchrun's or SLURM's if not given."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]


def names_of(listed: str) -> tuple[str, ...]:
    """Split `a,b,c`."""
    return tuple(name.strip() for name in listed.split(",") if name.strip())


@contextmanager
def continuable() -> Iterator[None]:
    """Say on Ctrl-C that nothing is lost; typer itself would end without a word."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("stopped; run the same command again to continue", err=True)
        raise typer.Exit(130) from None
