"""Which split is meant where none was named: guessed only where nothing else can be meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.predictions import backbone_folders, read_card, read_split
from mura_ensemble.ensembles.ensemble import FittedOn

__all__ = ["split_covered", "split_not_fitted_on"]


def split_covered(
    predictions: Path,
    split: str | None,
    studies: Iterable[str],
    *,
    source: Path,
    backbones: Sequence[str] = (),
    to_fit: bool = False,
) -> str:
    """The split that was named, or the only one whose studies are all among `studies`.

    A file that covers no split wholly and touches a single one is taken to mean that one: what it lacks is then
    said study by study.

    Parameters
    ----------
    studies : iterable of str
        Studies with a label, or that were read.
    source : Path
        Their file, for the message.
    backbones : sequence of str
        Only these must have the split; all if empty.
    to_fit : bool
        Of several wholly covered splits, take the one with out-of-fold predictions if there is just one.

    Raises
    ------
    InputError
        If it was not named and cannot be guessed.
    """
    if split is not None:
        return split
    known, roles = set(studies), _roles(predictions, backbones)
    share = {name: _covered(predictions, name, backbones, known) for name in roles}
    whole = [name for name in roles if share[name] == 1]
    out_of_fold = [name for name in whole if "out-of-fold" in roles[name]]
    if len(whole) > 1 and to_fit and len(out_of_fold) == 1:
        return out_of_fold[0]
    found = whole or [name for name in roles if share[name] > 0]
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(
            f"{source}: holds no study of {predictions} (splits {', '.join(roles) or 'none'}); check the study keys "
            "or name a --split"
        )
    raise InputError(
        f"{source}: covers several splits of {predictions} ({_listed(found, roles)}); say which with --split"
    )


def split_not_fitted_on(
    predictions: Path, split: str | None, fitted_on: FittedOn, *, backbones: Sequence[str] = ()
) -> str:
    """The split that was named, or the only one without a study that the ensemble was fitted on.

    Raises
    ------
    InputError
        If it was not named and cannot be guessed.
    """
    if split is not None:
        return split
    roles = _roles(predictions, backbones)
    first = backbone_folders(predictions, backbones)[0]
    new = [name for name in roles if not fitted_on.overlap(read_split(first, name)["study"], ())[0]]
    if len(new) == 1:
        return new[0]
    what = (
        f"several splits are new to the ensemble ({_listed(new, roles)})"
        if new
        else (f"the ensemble was fitted on every split ({_listed(list(roles), roles)})")
    )
    raise InputError(f"{predictions}: {what}; say which with --split")


def _roles(predictions: Path, backbones: Sequence[str]) -> dict[str, list[str]]:
    """The splits that all these backbones have, each with its roles."""
    cards = [read_card(folder)["splits"] for folder in backbone_folders(predictions, backbones)]
    common = sorted(set.intersection(*(set(card) for card in cards)))
    return {name: sorted({card[name]["role"] for card in cards}) for name in common}


def _covered(predictions: Path, split: str, backbones: Sequence[str], known: set[str]) -> float:
    studies = set(read_split(backbone_folders(predictions, backbones)[0], split)["study"])
    return len(studies & known) / len(studies)


def _listed(names: Sequence[str], roles: dict[str, list[str]]) -> str:
    return ", ".join(f"{name}: {' and '.join(roles[name])}" for name in names)
