"""Verbs of the backbones: backbones, which lists them."""

from __future__ import annotations

import json
from typing import Annotated

import typer

__all__ = ["VERBS"]

_GROUPS = {
    "board": "Families on MURA's public leaderboard",
    "today": "Strong today",
    "timm": "Others of timm",
}


def backbones(
    search: Annotated[
        str | None,
        typer.Option(help="Every architecture of timm whose name holds this (needs the [backbones] extra)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """List backbones: size, licence of timm's weights, whether the class activation map is exact."""
    from dataclasses import asdict

    from mura_ensemble.backbones.weights.catalogue import catalogue, not_for_all_uses, search_timm

    if search is None:
        entries = list(catalogue())
    else:
        from mura_ensemble.backbones.weights.registry import require_extra

        require_extra()
        entries = list(search_timm(search))
    if as_json:
        rows = [{**asdict(entry), "restricted": not_for_all_uses(entry.licence)} for entry in entries]
        text = json.dumps(rows, indent=1, ensure_ascii=False).replace("NaN", "null")
        typer.echo(text)
        return
    if not entries:
        typer.echo(f"timm has nothing like '{search}'; mura-ensemble backbones without --search lists some")
        return
    width = max(len(entry.timm_name) for entry in entries)
    for group, heading in _GROUPS.items():
        of_group = [entry for entry in entries if entry.group == group]
        if not of_group:
            continue
        typer.echo(
            f"\n{heading}\n  {'timm name':{width}}  size  million  exact CAM  licence of timm's weights"
        )
        for entry in of_group:
            millions = "" if entry.parameters != entry.parameters else f"{entry.parameters:.2f}"
            exact = {True: "yes", False: "no", None: ""}[entry.exact_cam]
            licence = entry.licence or ("not stated" if entry.weights else "no weights")
            terms = not_for_all_uses(entry.licence)
            more = "; ".join(
                part for part in (terms.upper() if terms.startswith("not") else terms, entry.note) if part
            )
            line = f"  {entry.timm_name:{width}}  {entry.size:4d}  {millions:>7}  {exact:9}  {licence}"
            typer.echo(f"{line}{f' ({more})' if more else ''}")
    if any(entry.exact_cam is None for entry in entries):
        typer.echo("\nEmpty under million and exact CAM: not in the catalogue, so not measured.")
    typer.echo(
        "\nsize: side in pixels nearest to the 320 of MURA's paper. Any other of timm's architectures can be trained too:"
        " --search TEXT."
    )


VERBS = (("backbones", backbones),)
