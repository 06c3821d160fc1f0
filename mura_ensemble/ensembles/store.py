"""Ensembles as JSON that a person can read, with the names of the backbones beside their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_json, write_json
from mura_ensemble.ensembles.combining.calibrating import Calibration
from mura_ensemble.ensembles.ensemble import Candidate, Ensemble, Evaluation, FittedOn
from mura_ensemble.ensembles.pooling.rules import FixedPooling, LearnedPooling, Pooling, fixed_pooling
from mura_ensemble.ensembles.recipes import Parts, Recipe
from mura_ensemble.ensembles.strategies import RECORDS
from mura_ensemble.ensembles.thresholds import OperatingPoint
from mura_ensemble.ensembles.worth.intervals import Weight

__all__ = ["SCHEMA", "load_ensemble", "save_ensemble"]

SCHEMA = 1


def save_ensemble(ensemble: Ensemble, path: Path) -> None:
    """Write an ensemble; the same ensemble always gives the same bytes."""
    if path.suffix.lower() != ".json":
        raise InputError(f"{path}: the name of an ensemble must end in .json")
    fitted_on = asdict(ensemble.fitted_on)
    for name in ("study_digests", "patient_digests"):
        fitted_on[name] = sorted(fitted_on[name])
    parts, backbones = ensemble.parts, ensemble.backbones
    fixed = isinstance(parts.pooling, FixedPooling)
    combination = {"kind": parts.combination.kind, **asdict(parts.combination)}  # type: ignore[call-overload]
    write_json(
        path,
        {
            "schema": SCHEMA,
            "name": ensemble.name,
            "pooling": parts.pooling.kind if fixed else _named(asdict(parts.pooling), backbones),  # type: ignore[call-overload]
            "backbones": list(backbones),
            "recipe": asdict(ensemble.recipe),
            "combination": _named(combination, backbones),
            "calibration": asdict(parts.calibration),
            "operating_point": asdict(parts.operating_point),
            "weights": {
                name: asdict(weight) for name, weight in zip(backbones, ensemble.weights, strict=False)
            },
            "evaluation": {
                **asdict(ensemble.evaluation),
                "candidates": [asdict(candidate) for candidate in ensemble.evaluation.candidates],
                "gap": ensemble.evaluation.gap,
            },
            "fitted_on": fitted_on,
            "notes": list(ensemble.notes),
        },
    )


def _named(value: Any, backbones: tuple[str, ...]) -> Any:
    """A tuple holds one value per backbone and is written by name; so in mappings, at any depth."""
    if isinstance(value, tuple):
        return {
            name: list(item) if isinstance(item, tuple) else item
            for name, item in zip(backbones, value, strict=True)
        }
    if isinstance(value, dict):
        return {name: _named(item, backbones) for name, item in value.items()}
    return value


def _unnamed(name: str, value: Any, backbones: tuple[str, ...]) -> Any:
    """The other way: in mappings of mappings the inner one is by backbone; `type_intercepts` is by study type."""
    if not isinstance(value, dict) or name == "type_intercepts":
        return value
    if value and all(isinstance(item, dict) for item in value.values()):
        return {key: _unnamed(key, item, backbones) for key, item in value.items()}
    if not value:
        return {}
    found = (value[backbone] for backbone in backbones)
    return tuple(tuple(item) if isinstance(item, list) else float(item) for item in found)


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
    combination = dict(record["combination"])
    kind = combination.pop("kind")
    evaluation = {name: value for name, value in record["evaluation"].items() if name != "gap"}
    evaluation["candidates"] = tuple(Candidate(**item) for item in evaluation.get("candidates", ()))
    fitted_on = dict(record["fitted_on"])
    for name in ("study_digests", "patient_digests"):
        fitted_on[name] = frozenset(fitted_on[name])
    point = OperatingPoint(**record["operating_point"])
    pooling = _pooling(record["pooling"], backbones)
    weights = record.get("weights", {})
    return Ensemble(
        name=record["name"],
        backbones=backbones,
        # Files written before recipes were kept hold only parts whose kind is the name of their strategy.
        recipe=Recipe(**record.get("recipe", {"strategy": kind, "operating_point": point.kind})),
        parts=Parts(
            pooling,
            RECORDS[kind](**{name: _unnamed(name, item, backbones) for name, item in combination.items()}),
            Calibration(**record.get("calibration", {})),
            point,
        ),
        fitted_on=FittedOn(**fitted_on),
        evaluation=Evaluation(**evaluation),
        weights=tuple(Weight(**weights[name]) for name in backbones if name in weights),
        notes=tuple(record.get("notes", ())),
    )


def _pooling(record: Any, backbones: tuple[str, ...]) -> Pooling:
    if isinstance(record, str):
        return fixed_pooling(record)
    return LearnedPooling(**{name: _unnamed(name, item, backbones) for name, item in record.items()})
