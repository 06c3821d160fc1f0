"""Verbs of MURA's own protocol: submit, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mura_ensemble.commands.shared.options import AllowFitted

__all__ = ["VERBS"]


def submit(
    listed: Annotated[Path, typer.Argument(help="Header-less list of view paths (CodaLab's input).")],
    out: Annotated[Path, typer.Argument(help="Header-less list of study calls to write (CodaLab's output).")],
    ensemble: Annotated[Path, typer.Option(help="An ensemble written by `fit-stack`.")],
    predictions: Annotated[
        Path | None, typer.Option(help="Cached predictions of these views; without it the backbones are run.")
    ] = None,
    runs: Annotated[
        Path, typer.Option(help="Folder with one run of `train` or `adopt` per backbone.")
    ] = Path("runs"),
    root: Annotated[Path, typer.Option(help="Where the list's paths begin.")] = Path(),
    missing: Annotated[
        Literal["error", "renormalise"],
        typer.Option(help="Failed views: refuse, or pool the views that remain."),
    ] = "renormalise",
    undecided: Annotated[
        Literal["0", "1"] | None,
        typer.Option(help="Call of studies that have failed views only; refused if not given."),
    ] = None,
    allow_fitted: AllowFitted = False,
) -> None:
    """Call every study of a list of views, in MURA's own file format."""
    from mura_ensemble.commands.work.official import submit_calls

    typer.echo(
        submit_calls(
            listed,
            out,
            ensemble=ensemble,
            predictions=predictions,
            runs=runs,
            root=root,
            missing=missing,
            undecided=undecided,
            allow_fitted=allow_fitted,
        )
    )


def evaluate(
    gold: Annotated[Path, typer.Argument(help="Header-less: study path and readers' calls, or one label.")],
    predictions: Annotated[Path, typer.Argument(help="Header-less: study path and 0 or 1.")],
    protocol: Annotated[
        Literal["strict", "official"],
        typer.Option(
            help="strict: one call for every study, intervals that hold; official: as MURA's evaluator."
        ),
    ] = "strict",
    out: Annotated[Path | None, typer.Option(help="Also as JSON.")] = None,
) -> None:
    """Evaluate one list of study calls in MURA's own file format."""
    from mura_ensemble.commands.work.official import evaluate_calls

    typer.echo(evaluate_calls(gold, predictions, protocol=protocol, out=out))


VERBS = (("submit", submit), ("evaluate", evaluate))
