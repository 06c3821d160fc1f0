"""Verbs of the data floor: index, simulate, import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mura_ensemble.commands.shared.options import Seed

__all__ = ["VERBS"]


def index_copy(
    root: Annotated[Path, typer.Argument(help="Your copy: the folder MURA-v1.1 or the one that holds it.")],
    out: Annotated[Path, typer.Option(help="Folder for manifest.csv, labels.csv, index.json.")] = Path(
        "mura"
    ),
    labels: Annotated[
        Path | None, typer.Option(help="Another list of labels (path,label), e.g. a corrected one.")
    ] = None,
) -> None:
    """List the views of a copy of MURA, check it against the published counts, keep labels apart."""
    from mura_ensemble.data.mura.index import index_mura, write_index

    index = index_mura(root, labels=labels)
    write_index(index, out)
    typer.echo(index.summary())
    typer.echo(f"wrote {', '.join(str(path) for path in sorted(out.iterdir()))}")


def simulate(
    out: Annotated[Path, typer.Option(help="Folder of the simulated set.")] = Path("predictions/simulated"),
    seed: Seed = 1,
) -> None:
    """Write a simulated reader study with MURA's shape: backbones, labels, six readers."""
    from mura_ensemble.data.simulation.study import simulate_reader_study, write_reader_study

    write_reader_study(simulate_reader_study(seed=seed), out)
    typer.echo(f"wrote the simulated reader study to {out}; its README.md says what is in it")


def import_table(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet with one row per view or study.")],
    out: Annotated[Path, typer.Option(help="Folder of the set of predictions.")],
    name: Annotated[str, typer.Option(help="Name of the backbone.")],
    split: Annotated[str, typer.Option(help="Name of the split.")],
    columns: Annotated[
        str, typer.Option(help="Ours=theirs, comma-separated: view=filename,probability=p_abnormal")
    ] = "",
    level: Annotated[Literal["view", "study"], typer.Option(help="What one row is.")] = "view",
    logits: Annotated[bool, typer.Option("--logits", help="The probability column holds logits.")] = False,
    manifest: Annotated[
        Path | None, typer.Option(help="Check that exactly these views or studies are there.")
    ] = None,
    role: Annotated[
        Literal["held-out", "out-of-fold", "in-sample", "unknown"],
        typer.Option(help="What the model had seen of these studies in training."),
    ] = "unknown",
) -> None:
    """Bring anybody's probabilities into the cache."""
    from mura_ensemble.data.importing.predictions import COLUMNS, import_predictions
    from mura_ensemble.data.importing.their_columns import parse_columns

    summary = import_predictions(
        file,
        out,
        name=name,
        split=split,
        columns=parse_columns(columns, COLUMNS),
        level=level,
        logits=logits,
        manifest=manifest,
        role=role,
    )
    typer.echo(summary)


VERBS = (("index", index_copy), ("simulate", simulate), ("import", import_table))
