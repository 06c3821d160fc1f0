"""Verbs of prediction: predict, which needs the [backbones] extra, and merge, which does not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mura_ensemble.commands.shared.options import Device, Manifest, Root, Shard, continuable

__all__ = ["VERBS"]

AllowFailed = Annotated[
    bool, typer.Option("--allow-failed", help="End well although views failed; their rows say why.")
]


def predict(
    run: Annotated[Path, typer.Argument(help="Folder of a run of `train` or `adopt`.")],
    manifest: Manifest,
    out: Annotated[Path, typer.Option(help="Folder of the set of predictions.")],
    split: Annotated[str, typer.Option(help="Split of the manifest to predict.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the backbone; the run folder's if not given.")
    ] = None,
    root: Root = None,
    batch_size: Annotated[int, typer.Option(help="Views per forward pass.", min=1)] = 64,
    precision: Annotated[
        Literal["float32", "bfloat16", "float16"], typer.Option(help="Of the forward pass; part of the key.")
    ] = "float32",
    tta: Annotated[
        list[str] | None,
        typer.Option(
            help="flip, crops or sizes=288,320,352; may be repeated; logits are averaged; in the key."
        ),
    ] = None,
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="Memory format that some CPUs and GPUs are faster with.")
    ] = False,
    compiled: Annotated[
        bool, typer.Option("--compile", help="torch.compile: minutes at first, faster afterwards.")
    ] = False,
    shard: Shard = None,
    workers: Annotated[int, typer.Option(help="Processes that open views.", min=0)] = 0,
    allow_failed: AllowFailed = False,
    device: Device = "auto",
) -> None:
    """Write per-view probabilities to the cache; what is there already is not computed again."""
    with continuable():
        from mura_ensemble.backbones.prediction.predict import predict_backbone

        typer.echo(
            predict_backbone(
                run,
                manifest,
                out,
                split=split,
                name=name,
                views_root=root,
                batch_size=batch_size,
                precision=precision,
                tta=tuple(tta or ()),
                channels_last=channels_last,
                compiled=compiled,
                shard=shard,
                workers=workers,
                device=device,
                allow_failed=allow_failed,
            )
        )


def merge(
    manifest: Manifest,
    folder: Annotated[
        Path, typer.Argument(help="predictions/<set>/<backbone> with the parts of all shards.")
    ],
    split: Annotated[str, typer.Option(help="Split whose parts are joined.")],
    root: Root = None,
    allow_failed: AllowFailed = False,
) -> None:
    """Join the shards of a prediction after proving that together they are the manifest."""
    from mura_ensemble.backbones.prediction.predict import merge_predictions

    typer.echo(merge_predictions(manifest, folder, split=split, views_root=root, allow_failed=allow_failed))


VERBS = (("predict", predict), ("merge", merge))
