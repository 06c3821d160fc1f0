"""Verbs of published results: leaderboard, table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mura_ensemble.commands.shared.options import Seed
from mura_ensemble.commands.shared.waiting import waiting

__all__ = ["VERBS"]

_Positives = Annotated[int | None, typer.Option(help="Abnormal studies, if known.", min=1)]


def leaderboard(
    file: Annotated[
        Path | None, typer.Argument(help="CSV or Parquet of names and kappas; MURA's own board if not given.")
    ] = None,
    n: Annotated[int | None, typer.Option("--n", help="Studies behind every kappa of FILE.")] = None,
    positives: _Positives = None,
    model_column: Annotated[str | None, typer.Option(help="FILE's column of names ['model'].")] = None,
    kappa_column: Annotated[str | None, typer.Option(help="FILE's column of kappas ['kappa'].")] = None,
    lower_column: Annotated[str | None, typer.Option(help="Lower limits, if they are MURA's kind.")] = None,
    upper_column: Annotated[str | None, typer.Option(help="Upper limits, if they are MURA's kind.")] = None,
    rank_column: Annotated[str | None, typer.Option(help="Published ranks ['rank', if there].")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the whole report.")] = None,
    top: Annotated[int, typer.Option(help="Entries to print; readers are always printed.", min=1)] = 20,
    seed: Seed = 0,
) -> None:
    """What a published leaderboard really says, inferred from its published numbers alone."""
    import shutil
    import sys

    from mura_ensemble.commands.work.leaderboard import show_leaderboard

    named = {
        "model": model_column,
        "kappa": kappa_column,
        "lower": lower_column,
        "upper": upper_column,
        "rank": rank_column,
    }
    with waiting("reading the board again"):
        said = show_leaderboard(
            file,
            n=n,
            positives=positives,
            columns={role: name for role, name in named.items() if name is not None},
            out=out,
            top=top,
            seed=seed,
            width=shutil.get_terminal_size((110, 24)).columns,
            colours=sys.stdout.isatty(),
        )
    typer.echo(said)


def table(
    kappa: Annotated[str, typer.Option(help="Kappa as printed; its digits say how it was rounded.")],
    n: Annotated[int, typer.Option("--n", help="Studies.")],
    positives: _Positives = None,
    sensitivity: Annotated[str | None, typer.Option(help="As printed, if known.")] = None,
    specificity: Annotated[str | None, typer.Option(help="As printed, if known.")] = None,
    decimals: Annotated[
        int | None, typer.Option(help="Decimals of kappa, if not all were typed.", min=1, max=15)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also as .json, .csv or .parquet.")] = None,
) -> None:
    """Every 2x2 table that one published kappa allows, and the interval over all of them."""
    from mura_ensemble.commands.work.leaderboard import answer_kappa

    typer.echo(
        answer_kappa(
            kappa,
            n,
            positives=positives,
            sensitivity=sensitivity,
            specificity=specificity,
            decimals=decimals,
            out=out,
        )
    )


VERBS = (("leaderboard", leaderboard), ("table", table))
