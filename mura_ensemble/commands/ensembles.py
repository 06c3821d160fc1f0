"""Verbs of the ensembles: fit-stack, apply, explain, search, ensembles ls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mura_ensemble.commands.shared.options import (
    AllowFitted,
    Backbones,
    LabelledSplit,
    Missing,
    NewSplit,
    Predictions,
    Seed,
    names_of,
)
from mura_ensemble.commands.shared.waiting import waiting

__all__ = ["VERBS"]

Strategy = Literal[
    "mean",
    "logit-mean",
    "rank-mean",
    "power-mean",
    "weighted",
    "weighted-kappa",
    "greedy",
    "greedy-bagged",
    "greedy-kappa",
    "greedy-kappa-bagged",
    "greedy-kappa-joint",
    "greedy-kappa-joint-bagged",
    "stack",
    "stack-nonnegative",
    "stack-types",
    "hierarchical",
    "auto",
]


def fit_stack(
    predictions: Predictions,
    labels: Annotated[Path, typer.Option(help="study,gold for the studies of the split.")],
    out: Annotated[Path, typer.Option(help="The ensemble, a .json file.")] = Path("stack.json"),
    strategy: Annotated[
        Strategy, typer.Option(help="How the backbones are combined; auto: the best.")
    ] = "stack",
    pooling: Annotated[
        str,
        typer.Option(
            help="How the views of a study become one probability: mean, logit-mean, max, noisy-or, top-2, top-3, "
            "learned, learned-per-study-type, auto; other rules for some types: mean,hand=max,wrist=top-2."
        ),
    ] = "mean",
    threshold: Annotated[
        str,
        typer.Option(
            metavar="half|kappa|per-study-type|intercept|sensitivity=V|specificity=V|reader=NAME|auto",
            help="Abnormal above 0.5; the kappa-optimal threshold; one per study type, shrunk; an intercept per "
            "study type; at a sensitivity, a specificity or a reader's specificity; auto: the better of half and intercept.",
        ),
    ] = "half",
    calibration: Annotated[
        Literal["none", "platt", "isotonic", "temperature"], typer.Option(help="Of the combined probability.")
    ] = "none",
    split: LabelledSplit = None,
    backbones: Backbones = "",
    name: Annotated[str | None, typer.Option(help="Its name in reports; the strategy if not given.")] = None,
    folds: Annotated[int, typer.Option(help="Patient-grouped folds of the nested evaluation.", min=3)] = 5,
    missing: Missing = "error",
    mix: Annotated[
        str | None, typer.Option(help="Weight every kappa to the mix of study types of this split.")
    ] = None,
    readers: Annotated[
        Path | None, typer.Option(help="Readers' calls of these studies, for --threshold reader=NAME.")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Fit an ensemble on labelled studies; say what it is worth on studies it has not seen."""
    from mura_ensemble.commands.work import ensembles as verbs

    with waiting("fitting, and fitting again without each fold"):
        said = verbs.fit_stack(
            predictions,
            labels,
            out,
            strategy=strategy,
            threshold=threshold,
            pooling=pooling,
            calibration=calibration,
            split=split,
            backbones=names_of(backbones),
            name=name,
            folds=folds,
            missing=missing,
            mix=mix,
            readers=readers,
            seed=seed,
        )
    typer.echo(said)


def apply_ensemble(
    ensemble: Annotated[Path, typer.Argument(help="An ensemble written by `fit-stack`.")],
    predictions: Predictions,
    out: Annotated[Path, typer.Option(help="Study, probability and call, .csv or .parquet.")] = Path(
        "calls.csv"
    ),
    split: NewSplit = None,
    missing: Missing = "error",
    allow_fitted: AllowFitted = False,
) -> None:
    """Write an ensemble's probability and call for every study."""
    from mura_ensemble.commands.work import ensembles as verbs

    typer.echo(
        verbs.apply_ensemble(
            ensemble, predictions, out, split=split, missing=missing, allow_fitted=allow_fitted
        )
    )


def explain(
    ensemble: Annotated[Path, typer.Argument(help="An ensemble written by `fit-stack`.")],
    predictions: Predictions,
    labels: Annotated[Path, typer.Option(help="study,gold for the studies of the split.")],
    split: Annotated[str | None, typer.Option(help="The split it was fitted on if not given.")] = None,
    missing: Missing = "error",
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of patients.", min=50)] = 500,
    out: Annotated[Path | None, typer.Option(help="Also as a table, .csv or .parquet.")] = None,
) -> None:
    """Say what each backbone does for an ensemble: weights, leave-one-out, Shapley values."""
    from mura_ensemble.commands.work import anatomy as verbs

    with waiting("taking the ensemble apart"):
        said = verbs.explain_ensemble(
            ensemble, predictions, labels, split=split, missing=missing, resamples=resamples, out=out
        )
    typer.echo(said)


def search(
    predictions: Predictions,
    labels: Annotated[Path, typer.Option(help="study,gold for the studies of the split.")],
    split: LabelledSplit = None,
    backbones: Backbones = "",
    pooling: Annotated[
        Literal["mean", "logit-mean", "top-2", "top-3", "learned", "learned-per-study-type"],
        typer.Option(help="How the views of a study become one probability."),
    ] = "mean",
    folds: Annotated[int, typer.Option(help="Patient-grouped folds of the nested evaluation.", min=3)] = 5,
    missing: Missing = "error",
    out: Annotated[Path | None, typer.Option(help="The front as a table, .csv or .parquet.")] = None,
    subsets: Annotated[Path | None, typer.Option(help="Every subset as a table, .csv or .parquet.")] = None,
    seed: Seed = 0,
) -> None:
    """Score every subset of up to 15 backbones; show how many are worth having."""
    from mura_ensemble.commands.work import anatomy as verbs

    with waiting("trying every recipe"):
        said = verbs.search_backbones(
            predictions,
            labels,
            split=split,
            backbones=names_of(backbones),
            pooling=pooling,
            folds=folds,
            missing=missing,
            out=out,
            subsets=subsets,
            seed=seed,
        )
    typer.echo(said)


def list_ensembles(
    folder: Annotated[Path, typer.Argument(help="Folder with ensembles written by `fit-stack`.")] = Path(),
    out: Annotated[Path | None, typer.Option(help="Also as a table, .csv or .parquet.")] = None,
) -> None:
    """List the ensembles in a folder with what they are honestly worth."""
    from mura_ensemble.commands.work import anatomy as verbs

    typer.echo(verbs.list_ensembles(folder, out=out))


VERBS = (
    ("fit-stack", fit_stack),
    ("apply", apply_ensemble),
    ("explain", explain),
    ("search", search),
    ("ensembles ls", list_ensembles),
)
