"""Verbs of the ensembles: fit-stack, apply."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mura_ensemble.cli.options import AllowFitted, Backbones, Missing, Predictions, Seed, Split, names_of

__all__ = ["VERBS"]


def fit_stack(
    predictions: Predictions,
    labels: Annotated[Path, typer.Option(help="study,gold for the studies of the split.")],
    out: Annotated[Path, typer.Option(help="The ensemble, a .json file.")] = Path("stack.json"),
    strategy: Annotated[
        Literal["mean", "weighted", "stack"], typer.Option(help="How the backbones are combined.")
    ] = "stack",
    threshold: Annotated[
        Literal["half", "kappa", "per-study-type"],
        typer.Option(help="Abnormal above 0.5; the kappa-optimal threshold; one per study type, shrunk."),
    ] = "half",
    split: Split = None,
    backbones: Backbones = "",
    name: Annotated[str | None, typer.Option(help="Its name in reports; the strategy if not given.")] = None,
    folds: Annotated[int, typer.Option(help="Patient-grouped folds of the nested evaluation.", min=3)] = 5,
    missing: Missing = "error",
    seed: Seed = 0,
) -> None:
    """Fit an ensemble on labelled studies; say what it is worth on studies it has not seen."""
    from mura_ensemble.workflows import ensembles as verbs

    typer.echo(
        verbs.fit_stack(
            predictions,
            labels,
            out,
            strategy=strategy,
            threshold=threshold,
            split=split,
            backbones=names_of(backbones),
            name=name,
            folds=folds,
            missing=missing,
            seed=seed,
        )
    )


def apply_ensemble(
    ensemble: Annotated[Path, typer.Argument(help="An ensemble written by `fit-stack`.")],
    predictions: Predictions,
    out: Annotated[Path, typer.Option(help="Study, probability and call, .csv or .parquet.")] = Path(
        "calls.csv"
    ),
    split: Split = None,
    missing: Missing = "error",
    allow_fitted: AllowFitted = False,
) -> None:
    """Write an ensemble's probability and call for every study."""
    from mura_ensemble.workflows import ensembles as verbs

    typer.echo(
        verbs.apply_ensemble(
            ensemble, predictions, out, split=split, missing=missing, allow_fitted=allow_fitted
        )
    )


VERBS = (("fit-stack", fit_stack), ("apply", apply_ensemble))
