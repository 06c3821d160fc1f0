"""Ensembles as JSON that a person can read, with the names of the backbones beside their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_json, write_json
from mura_ensemble.ensembles.combination import Combination
from mura_ensemble.ensembles.ensemble import Ensemble, Evaluation, FittedOn
from mura_ensemble.ensembles.strategies import STRATEGIES
from mura_ensemble.ensembles.thresholds import OperatingPoint

__all__ = ["SCHEMA", "load_ensemble", "save_ensemble"]

SCHEMA = 1


def save_ensemble(ensemble: Ensemble, path: Path) -> None:
    """Write an ensemble; the same ensemble always gives the same bytes."""
    if path.suffix.lower() != ".json":
        raise InputError(f"{path}: the name of an ensemble must end in .json")
    fitted_on = asdict(ensemble.fitted_on)
    for name in ("study_digests", "patient_digests"):
        fitted_on[name] = sorted(fitted_on[name])
    write_json(
        path,
        {
            "schema": SCHEMA,
            "name": ensemble.name,
            "pooling": ensemble.pooling,
            "backbones": list(ensemble.backbones),
            "combination": _named(ensemble.combination, ensemble.backbones),
            "operating_point": asdict(ensemble.operating_point),
            "evaluation": {**asdict(ensemble.evaluation), "gap": ensemble.evaluation.gap},
            "fitted_on": fitted_on,
        },
    )


def _named(combination: Combination, backbones: tuple[str, ...]) -> dict[str, Any]:
    """Fields of a combination; a tuple holds one number per backbone and is written by name."""
    fields: dict[str, Any] = {"kind": combination.kind}
    for name, value in asdict(combination).items():  # type: ignore[call-overload]
        fields[name] = dict(zip(backbones, value, strict=True)) if isinstance(value, tuple) else value
    return fields


def load_ensemble(path: Path) -> Ensemble:
    """Read an ensemble that `save_ensemble` wrote.

    Raises
    ------
    InputError
        If the file is not an ensemble of this schema.
    """
    record = read_json(path)
    if record.get("schema") != SCHEMA or "combination" not in record:
        raise InputError(
            f"{path}: not an ensemble of schema {SCHEMA} (found schema {record.get('schema')!r}); "
            "write it with mura-ensemble fit-stack"
        )
    try:
        return _parse(record)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: not a whole ensemble ({error!r}); write it again with mura-ensemble fit-stack"
        ) from error


def _parse(record: Mapping[str, Any]) -> Ensemble:
    backbones = tuple(record["backbones"])
    fields = {
        name: tuple(float(value[backbone]) for backbone in backbones) if isinstance(value, dict) else value
        for name, value in record["combination"].items()
        if name != "kind"
    }
    evaluation = {name: value for name, value in record["evaluation"].items() if name != "gap"}
    fitted_on = dict(record["fitted_on"])
    for name in ("study_digests", "patient_digests"):
        fitted_on[name] = frozenset(fitted_on[name])
    return Ensemble(
        name=record["name"],
        backbones=backbones,
        pooling=record["pooling"],
        combination=STRATEGIES[record["combination"]["kind"]].record(**fields),
        operating_point=OperatingPoint(**record["operating_point"]),
        fitted_on=FittedOn(**fitted_on),
        evaluation=Evaluation(**evaluation),
    )
