"""Verbs of the readers: readers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mura_ensemble.commands.shared.options import AllowFitted, Backbones, Missing, Seed, Split, names_of
from mura_ensemble.commands.shared.waiting import waiting
from mura_ensemble.comparison.defaults import RESAMPLES

__all__ = ["VERBS"]


def readers(
    file: Annotated[
        Path, typer.Argument(help="Reads: study,<reader>,... or study,reader,call; patient beside them.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the tables and the page.")] = Path("reports/readers"),
    calls: Annotated[
        Path | None, typer.Option(help="Models' calls: study,<model>,... or a file of `apply`.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="A set of predictions; its backbones are models.")
    ] = None,
    split: Split = None,
    ensemble: Annotated[
        list[Path] | None, typer.Option(help="An ensemble of `fit-stack` to apply to the predictions.")
    ] = None,
    backbones: Backbones = "",
    words: Annotated[
        str,
        typer.Option(
            "--map", help="What words mean, e.g. YES=1,NO=0,HEDGE=missing; no other word may stand there."
        ),
    ] = "",
    columns: Annotated[
        str, typer.Option(help='Columns of FILE: "study=Image ID,reader=Reader ID,call=Fracture".')
    ] = "",
    repeats: Annotated[
        Literal["refuse", "agree"],
        typer.Option(help="Several rows of one reader on one study: an error, or one read if they agree."),
    ] = "refuse",
    gold: Annotated[Path | None, typer.Option(help="Gold standard from elsewhere: study,gold.")] = None,
    made_by: Annotated[
        str, typer.Option(help="Readers who made --gold, comma-separated; they are compared with nobody.")
    ] = "",
    panel: Annotated[
        str, typer.Option(help="Readers whose vote is the gold standard, comma-separated.")
    ] = "",
    panels: Annotated[
        str,
        typer.Option(
            help="Without gold or panel: every panel of so many; or 'others', leave-one-out majority."
        ),
    ] = "3",
    rule: Annotated[Literal["majority", "unanimous"], typer.Option(help="How a panel decides.")] = "majority",
    ties: Annotated[
        Literal["undecided", "abnormal", "normal"], typer.Option(help="What half against half means.")
    ] = "undecided",
    missing_reads: Annotated[
        Literal["decided", "present"],
        typer.Option(help="Gold only where no missing read could change it; or the reads there vote alone."),
    ] = "decided",
    adjudication: Annotated[
        Path | None, typer.Option(help="Final labels of what panels leave undecided: study,gold.")
    ] = None,
    adjudicates: Annotated[
        Literal["undecided", "all"],
        typer.Option(help="The adjudication decides what a panel left undecided, or overrides it."),
    ] = "undecided",
    figure: Annotated[
        Literal["kappa", "sensitivity", "specificity", "accuracy", "balanced_accuracy", "f1"],
        typer.Option(help="Figure of merit of every comparison with the gold standard."),
    ] = "kappa",
    margin: Annotated[
        float | None,
        typer.Option(help="Non-inferiority margin in units of the figure, declared beforehand.", min=0.001),
    ] = None,
    epsilon: Annotated[
        float, typer.Option(help="Allowance of the alternative annotator test.", min=0.0, max=1.0)
    ] = 0.2,
    level: Annotated[float, typer.Option(help="Level of every interval.", min=0.5, max=0.999)] = 0.95,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of patients.", min=200)] = RESAMPLES,
    missing: Missing = "error",
    allow_fitted: AllowFitted = False,
    seed: Seed = 0,
) -> None:
    """Readers, panels, and models against them: panels, agreement, readers as a sample, best reader as a maximum."""
    from mura_ensemble.commands.work.readers import analyse_readers
    from mura_ensemble.data.importing.their_columns import parse_columns
    from mura_ensemble.data.tables.call_words import parse_words
    from mura_ensemble.data.tables.readers import COLUMNS, parse_panel_size

    with waiting("scoring every panel"):
        said = analyse_readers(
            file,
            out,
            calls=calls,
            predictions=predictions,
            split=split,
            ensembles=tuple(ensemble or ()),
            backbones=names_of(backbones),
            words=parse_words(words),
            columns=parse_columns(columns, COLUMNS),
            repeats=repeats,
            gold=gold,
            made_by=names_of(made_by),
            panel=names_of(panel),
            size=parse_panel_size(panels),
            rule=rule,
            ties=ties,
            missing_reads=missing_reads,
            adjudication=adjudication,
            adjudicates=adjudicates,
            figure=figure,
            margin=margin,
            epsilon=epsilon,
            level=level,
            resamples=resamples,
            missing=missing,
            allow_fitted=allow_fitted,
            seed=seed,
        )
    typer.echo(said)


VERBS = (("readers", readers),)
