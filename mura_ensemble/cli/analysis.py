"""Verbs of the analysis: fit-stack, apply, report, evaluate, demo. None of them needs torch."""

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
    from mura_ensemble import workflows

    typer.echo(
        workflows.fit_stack(
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
    from mura_ensemble import workflows

    typer.echo(
        workflows.apply_ensemble(
            ensemble, predictions, out, split=split, missing=missing, allow_fitted=allow_fitted
        )
    )


def report(
    predictions: Predictions,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("reports/report"),
    labels: Annotated[Path | None, typer.Option(help="Gold standard: study,gold.")] = None,
    readers: Annotated[Path | None, typer.Option(help="Readers' calls: study,<reader>,<reader>,...")] = None,
    panel: Annotated[
        str, typer.Option(help="Readers whose majority is the gold standard, comma-separated.")
    ] = "",
    ensemble: Annotated[
        list[Path] | None, typer.Option(help="An ensemble of `fit-stack`; may be repeated.")
    ] = None,
    split: Split = None,
    backbones: Backbones = "",
    title: Annotated[str | None, typer.Option(help="Heading of the report.")] = None,
    level: Annotated[float, typer.Option(help="Level of every interval.", min=0.5, max=0.999)] = 0.95,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of patients.", min=200)] = 10_000,
    missing: Missing = "error",
    allow_fitted: AllowFitted = False,
    seed: Seed = 0,
) -> None:
    """Compare backbones, ensembles and readers with the gold standard; write the report."""
    from mura_ensemble import workflows

    typer.echo(
        workflows.report_raters(
            predictions,
            out,
            labels=labels,
            readers=readers,
            panel=names_of(panel),
            ensembles=tuple(ensemble or ()),
            split=split,
            backbones=names_of(backbones),
            title=title,
            level=level,
            resamples=resamples,
            missing=missing,
            allow_fitted=allow_fitted,
            seed=seed,
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
    from mura_ensemble import workflows

    typer.echo(workflows.evaluate_calls(gold, predictions, protocol=protocol, out=out))


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the simulated set, the ensembles and the report.")
    ] = Path("reports/demo"),
    seed: Seed = 1,
) -> None:
    """The whole way on a simulated reader study: predictions, ensembles, report."""
    from mura_ensemble import workflows

    typer.echo(workflows.run_demo(out, seed=seed))


VERBS = (
    ("fit-stack", fit_stack),
    ("apply", apply_ensemble),
    ("report", report),
    ("evaluate", evaluate),
    ("demo", demo),
)
