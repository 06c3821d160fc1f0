"""Verbs of the comparison: report, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mura_ensemble.commands.shared.options import (
    AllowFitted,
    Backbones,
    Missing,
    Predictions,
    ReportedSplit,
    Seed,
    names_of,
)
from mura_ensemble.commands.shared.waiting import waiting
from mura_ensemble.comparison.defaults import RESAMPLES

__all__ = ["VERBS"]


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
    split: ReportedSplit = None,
    backbones: Backbones = "",
    title: Annotated[str | None, typer.Option(help="Heading of the report.")] = None,
    level: Annotated[float, typer.Option(help="Level of every interval.", min=0.5, max=0.999)] = 0.95,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of patients.", min=200)] = RESAMPLES,
    missing: Missing = "error",
    allow_fitted: AllowFitted = False,
    seed: Seed = 0,
    reference: Annotated[
        str | None,
        typer.Option(help="Rater that differences are taken from, named beforehand; else the best reader."),
    ] = None,
) -> None:
    """Compare backbones, ensembles and readers with the gold standard; write the report."""
    from mura_ensemble.commands.work.comparison import report_raters

    with waiting("comparing raters"):
        said = report_raters(
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
            reference=reference,
        )
    typer.echo(said)


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the simulated set, the ensembles and the report.")
    ] = Path("reports/demo"),
    seed: Seed = 1,
) -> None:
    """The whole way on a simulated reader study: predictions, ensembles, report."""
    from mura_ensemble.commands.work.demo import run_demo

    with waiting("the whole way"):
        said = run_demo(out, seed=seed)
    typer.echo(said)


VERBS = (("report", report), ("demo", demo))
