"""Verbs of MURA's own protocol: evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["VERBS"]


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
    from mura_ensemble.workflows.official import evaluate_calls

    typer.echo(evaluate_calls(gold, predictions, protocol=protocol, out=out))


VERBS = (("evaluate", evaluate),)
