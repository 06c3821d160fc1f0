"""Verbs of the cache: cache ls, verify, diff, rm. None needs torch."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mura_ensemble.commands.shared.options import Root

__all__ = ["VERBS"]

Sets = Annotated[list[Path], typer.Argument(help="predictions/<set>, or a folder of sets.")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


def ls(folders: Sets, as_json: AsJson = False) -> None:
    """List what the cache holds, from what it was made, and what stands under two names."""
    from mura_ensemble.cache.listing import list_cache
    from mura_ensemble.cache.words import listing_lines

    listing = list_cache(folders)
    if as_json:
        rows = [asdict(row) for row in listing.rows]
        typer.echo(json.dumps({"rows": rows, "remarks": list(listing.remarks)}, indent=1, ensure_ascii=False))
    else:
        typer.echo("\n".join(listing_lines(listing)))


def verify(
    folders: Sets,
    manifest: Annotated[
        Path | None, typer.Option(help="manifest.csv whose views must be those of the cache.")
    ] = None,
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Check every file, row and key of the cache; status 2 if anything is wrong."""
    from mura_ensemble.cache.checking import verify_cache

    faults = verify_cache(folders, manifest, root)
    if as_json:
        typer.echo(json.dumps({"faults": faults}, indent=1, ensure_ascii=False))
    elif not faults:
        typer.echo("every file, row and key is as its card says")
    for fault in () if as_json else faults:
        typer.echo(f"fault: {fault}")
    if faults:
        raise typer.Exit(2)


def diff(
    first: Annotated[Path, typer.Argument(help="A set of predictions, or a backbone in one.")],
    second: Annotated[Path, typer.Argument(help="Another of the same kind.")],
    tolerance: Annotated[
        float, typer.Option(help="Difference of a probability that counts as none.", min=0)
    ] = 1e-4,
    as_json: AsJson = False,
) -> None:
    """Compare two caches: what they were made from, their views, their probabilities; status 1 if they differ."""
    from mura_ensemble.cache.difference import diff_caches
    from mura_ensemble.cache.words import difference_lines

    found = diff_caches(first, second, tolerance=tolerance)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=1, ensure_ascii=False))
    else:
        typer.echo("\n".join(difference_lines(found)))
    if not found.alike:
        raise typer.Exit(1)


def rm(
    folder: Annotated[Path, typer.Argument(help="predictions/<set>.")],
    backbone: Annotated[str | None, typer.Option(help="Of this backbone only.")] = None,
    split: Annotated[str | None, typer.Option(help="This split only.")] = None,
    partial: Annotated[
        bool,
        typer.Option("--partial", help="Only parts of unfinished predictions and what killed writers left."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a backbone, a split or leftovers; says first what would go."""
    from mura_ensemble.cache.removal import planned_removal, remove
    from mura_ensemble.cache.words import removal_lines

    removal = planned_removal(folder, backbone=backbone, split=split, partial=partial)
    typer.echo("\n".join(removal_lines(removal)))
    if not yes and not typer.confirm("remove?"):
        typer.echo("nothing was removed")
        return
    remove(removal)
    typer.echo("removed")


VERBS = (("cache ls", ls), ("cache verify", verify), ("cache diff", diff), ("cache rm", rm))
