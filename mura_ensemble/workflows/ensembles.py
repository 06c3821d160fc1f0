"""Fit, apply: from cached predictions to an ensemble, from an ensemble to calls."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from mura_ensemble.data.files import write_frame
from mura_ensemble.data.predictions import backbone_folders, read_split, splits_of
from mura_ensemble.data.tables import read_labels
from mura_ensemble.ensembles.ensemble import Ensemble
from mura_ensemble.ensembles.fitting import fit_ensemble, gold_of
from mura_ensemble.ensembles.pooling import Missing, read_study_probabilities
from mura_ensemble.ensembles.store import load_ensemble, save_ensemble
from mura_ensemble.ensembles.thresholds import OperatingPointKind
from mura_ensemble.reporting.assemble import SCORING_SPLITS, choose_split, read_cards

__all__ = ["apply_ensemble", "fit_stack"]

FITTING_SPLITS = ("valid", "train", "val")


def fit_stack(
    predictions: Path,
    labels: Path,
    out: Path,
    *,
    strategy: str = "stack",
    threshold: OperatingPointKind = "half",
    split: str | None = None,
    backbones: Sequence[str] = (),
    name: str | None = None,
    folds: int = 5,
    missing: Missing = "error",
    seed: int = 0,
) -> str:
    """Fit one ensemble on one split and write it as JSON."""
    split = choose_split(predictions, split, prefer=FITTING_SPLITS)
    studies = read_study_probabilities(predictions, split, backbones=tuple(backbones), missing=missing)
    ensemble = fit_ensemble(
        studies,
        gold_of(studies.studies, read_labels(labels), source=str(labels)),
        strategy=strategy,
        operating_point=threshold,
        name=name,
        folds=folds,
        seed=seed,
        cards=read_cards(predictions, backbones),
    )
    save_ensemble(ensemble, out)
    return "\n".join(
        [_summary(ensemble), "", f"wrote {out}; next:", *_next_commands(predictions, labels, out, split)]
    )


def _summary(ensemble: Ensemble) -> str:
    fitted, found = ensemble.fitted_on, ensemble.evaluation
    percent = f"{100 * found.level:g} %"
    lines = [
        f"{'simulated data: ' if fitted.simulated else ''}{ensemble.combination.kind} of {len(ensemble.backbones)} "
        f"backbones, fitted on split '{fitted.split}': {fitted.studies:,} studies of {fitted.patients:,} patients, "
        f"{fitted.abnormal:,} abnormal" + (f"; {fitted.left_out:,} left out" if fitted.left_out else ""),
        f"  nested kappa    {found.nested:.3f} ({percent} interval {found.low:.3f} to {found.high:.3f}, "
        f"{found.folds} patient-grouped folds)",
        f"  apparent kappa  {found.apparent:.3f} (on the studies it was fitted on: do not report it)",
        f"  gap             {found.gap:+.3f}",
    ]
    if fitted.role == "unknown":
        lines.append(
            "  warning: nobody said whether the base models were trained on these studies; if they were, "
            "every kappa here is too high"
        )
    for backbone, value in _weights(ensemble).items():
        lines.append(f"  {backbone:<28} {value:+.3f}")
    point = ensemble.operating_point
    lines.append(f"  abnormal above {point.threshold:.3f} ({point.kind})")
    lines += [f"    {study_type:<12} {value:.3f}" for study_type, value in point.per_study_type.items()]
    return "\n".join(lines)


def _weights(ensemble: Ensemble) -> dict[str, float]:
    for field in ("coefficients", "weights"):
        values = getattr(ensemble.combination, field, None)
        if values is not None:
            return dict(zip(ensemble.backbones, values, strict=True))
    return {name: 1 / len(ensemble.backbones) for name in ensemble.backbones}


def _next_commands(predictions: Path, labels: Path, out: Path, split: str) -> list[str]:
    """Commands that work when pasted: on another split, and with labels that are really there."""
    others = [name for name in splits_of(predictions) if name != split]
    if not others:
        return ["  predict or import another split with these backbones, then apply and report on it"]
    target = next((name for name in SCORING_SPLITS if name in others), others[0])
    where, ensemble = shlex.quote(str(predictions)), shlex.quote(str(out))
    commands = [f"  mura-ensemble apply {ensemble} {where} --split {target} --out calls.csv"]
    gold = _labels_for(predictions, labels, split, target)
    if gold is not None:
        commands.append(
            f"  mura-ensemble report {where} --split {target} --ensemble {ensemble} "
            f"--labels {shlex.quote(str(gold))} --out reports/{shlex.quote(predictions.name)}"
        )
    return commands


def _labels_for(predictions: Path, labels: Path, split: str, target: str) -> Path | None:
    """Labels of `target`: the same file if it holds them, or its neighbour of that name."""
    studies = set(read_split(backbone_folders(predictions)[0], target)["study"])
    for path in (labels, labels.with_name(labels.name.replace(split, target))):
        if path.exists() and studies <= set(read_labels(path).index):
            return path
    return None


def apply_ensemble(
    ensemble: Path,
    predictions: Path,
    out: Path,
    *,
    split: str | None = None,
    missing: Missing = "error",
    allow_fitted: bool = False,
) -> str:
    """Write `study, patient, study_type, probability, call, fitted` of every study of a split."""
    loaded = load_ensemble(ensemble)
    split = choose_split(predictions, split, prefer=SCORING_SPLITS)
    studies = read_study_probabilities(
        predictions, split, backbones=loaded.backbones, pooling=loaded.pooling, missing=missing
    )
    applied = loaded.apply(studies, allow_fitted=allow_fitted)
    table = studies.studies[["patient", "study_type"]].join(applied).reset_index()
    table["call"] = table["call"].astype("Int64")
    write_frame(out, table)
    called = applied["call"].notna()
    return (
        f"wrote {out}: {len(table):,} studies, {int(applied['call'].sum()):,} called abnormal"
        + (f", {int((~called).sum()):,} without a call (a backbone is missing)" if not called.all() else "")
        + (f", {int(applied['fitted'].sum()):,} of them fitted on" if applied["fitted"].any() else "")
    )
