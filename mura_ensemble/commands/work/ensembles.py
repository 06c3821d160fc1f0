"""Fit, apply: from cached predictions to an ensemble, from an ensemble to calls."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pandas as pd

from mura_ensemble.comparison.gather.gathered_warnings import patients_warning
from mura_ensemble.comparison.gather.models import SCORING_SPLITS
from mura_ensemble.comparison.gather.splits import split_covered, split_not_fitted_on
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_json, write_frame
from mura_ensemble.data.names import MURA_ROOTS
from mura_ensemble.data.predictions import backbone_folders, read_split, splits_of
from mura_ensemble.data.tables.contracts import read_labels
from mura_ensemble.data.tables.readers import read_readers
from mura_ensemble.ensembles.combining.means import PowerMean, RankMean
from mura_ensemble.ensembles.ensemble import Ensemble
from mura_ensemble.ensembles.fitting import fit_ensemble, gold_of
from mura_ensemble.ensembles.pooling.rules import LearnedPooling
from mura_ensemble.ensembles.pooling.studies import Missing, read_study_probabilities
from mura_ensemble.ensembles.store import load_ensemble, save_ensemble
from mura_ensemble.ensembles.thresholds import OPERATING_POINTS, parse_operating_point

__all__ = ["apply_ensemble", "fit_stack", "signed", "weight_lines"]


def fit_stack(
    predictions: Path,
    labels: Path,
    out: Path,
    *,
    strategy: str = "stack",
    threshold: str = "half",
    pooling: str = "mean",
    calibration: str = "none",
    split: str | None = None,
    backbones: Sequence[str] = (),
    name: str | None = None,
    folds: int = 5,
    missing: Missing = "error",
    mix: str | None = None,
    readers: Path | None = None,
    seed: int = 0,
) -> str:
    """Fit one ensemble on one split and write it as JSON."""
    if threshold.startswith("reader=") and readers is None:
        raise InputError(
            f"--threshold {threshold} needs that reader's calls of these studies; give --readers"
        )
    labelled = read_labels(labels)
    split = split_covered(predictions, split, labelled.index, source=labels, backbones=backbones, to_fit=True)
    studies = read_study_probabilities(predictions, split, backbones=tuple(backbones), missing=missing)
    gold = gold_of(studies.studies, labelled, source=str(labels))
    ensemble = fit_ensemble(
        studies,
        gold,
        strategy=strategy,
        operating_point=_matched(threshold, readers, gold),
        pooling=pooling,
        calibration=calibration,
        name=name,
        folds=folds,
        seed=seed,
        mix=None if mix is None else _mix_of(predictions, mix),
    )
    save_ensemble(ensemble, out)
    return "\n".join(
        [
            _summary(ensemble, patients_warning(predictions, studies.cards, split)),
            "",
            f"wrote {out}; next:",
            *_next_commands(predictions, labels, out, split, missing, backbones),
        ]
    )


def _matched(threshold: str, readers: Path | None, gold: pd.Series[float]) -> str:
    """`reader=NAME` as the specificity of that reader on these studies; anything else as it is."""
    kind, _, reader = threshold.partition("=")
    if kind != "reader":
        if threshold != "auto":
            try:
                parse_operating_point(threshold)
            except InputError as error:
                raise InputError(
                    f"--threshold {threshold}: choose {', '.join(OPERATING_POINTS[:4])}, sensitivity=VALUE or "
                    "specificity=VALUE (between 0 and 1), reader=NAME (with --readers) or auto"
                ) from error
        return threshold
    assert readers is not None  # fit_stack says so before it reads anything
    calls = read_readers(readers)
    if reader not in calls:
        raise InputError(f"{readers}: no reader '{reader}'; found {', '.join(map(str, calls.columns))}")
    read = calls[reader].reindex(gold.index)
    normal = (gold == 0) & read.notna()
    if not normal.any():
        raise InputError(
            f"{readers}: reader '{reader}' read none of the normal studies of this split, so there is no operating "
            "point to match; fit on a split that was read, or choose --threshold specificity=VALUE"
        )
    specificity = float((read[normal] == 0).mean())
    if not 0 < specificity < 1:
        raise InputError(
            f"{readers}: reader '{reader}' has a specificity of {specificity:.0f} on these studies, which no "
            "threshold can be matched to"
        )
    return f"specificity={specificity!r}"


def _mix_of(predictions: Path, split: str) -> pd.Series[float]:
    """Share of each study type in a split."""
    studies = read_split(backbone_folders(predictions)[0], split).drop_duplicates("study")
    return studies["study_type"].value_counts(normalize=True).rename(split)


def _summary(ensemble: Ensemble, warnings: Sequence[str]) -> str:
    fitted, found = ensemble.fitted_on, ensemble.evaluation
    percent = f"{100 * found.level:g} %"
    point = ensemble.operating_point
    at_mix = f", weighted to the study types of split '{found.mix}'" if found.mix else ""
    lines = [
        f"{'simulated data: ' if fitted.simulated else ''}{ensemble.recipe.strategy} of {len(ensemble.backbones)} "
        f"backbones, fitted on split '{fitted.split}': {fitted.studies:,} studies of {fitted.patients:,} patients, "
        f"{fitted.abnormal:,} abnormal" + (f"; {fitted.left_out:,} left out" if fitted.left_out else ""),
        f"  recipe          {ensemble.recipe.label}",
        f"  nested kappa    {found.nested:.3f} ({percent} interval {found.low:.3f} to {found.high:.3f}, "
        f"{found.folds} patient-grouped folds, n = {found.n:,}{at_mix})",
        f"  apparent kappa  {found.apparent:.3f} (on the studies it was fitted on: do not report it)",
        f"  gap             {signed(found.gap)}",
    ]
    if fitted.role == "unknown":
        lines.append(
            "  warning: nobody said whether the base models were trained on these studies; if they were, "
            "every kappa here is too high"
        )
    lines += [f"  warning: {note}" for note in (*ensemble.notes, *warnings)]
    if found.candidates:
        leading = sorted(found.candidates, key=lambda item: (-item.chosen, -item.kappa))
        shown = leading[: max(8, sum(item.chosen > 0 for item in leading))]
        lines += ["", f"  {'chosen among':<50} cross-validated kappa  chosen in folds"]
        lines += [
            f"  {item.recipe:<50} {item.kappa:>21.3f}  {f'{item.chosen} of {found.folds}':>15}"
            for item in shown
        ]
        if len(shown) < len(found.candidates):
            lines.append(
                f"  and {len(found.candidates) - len(shown)} others, never chosen; all are in the file"
            )
        lines.append(
            "  the best of these kappas is too good, because it was picked; the nested kappa above is not"
        )
    lines += ["", *weight_lines(ensemble)]
    lines.append(f"  abnormal above {point.threshold:.3f} ({point.kind})")
    lines += [f"    {study_type:<12} {value:.3f}" for study_type, value in point.per_study_type.items()]
    return "\n".join(lines)


def signed(value: float) -> str:
    """Three decimals with the sign, unless that is of a zero."""
    return f"{value:+.3f}" if abs(value) >= 0.0005 else "0.000"


def weight_lines(ensemble: Ensemble) -> list[str]:
    """A short table of the weights with their intervals."""
    what = "coefficient" if ensemble.combination.kind == "stack" else "weight"
    if not any(weight.resamples for weight in ensemble.weights):
        fitted = _fitted_parts(ensemble)
        plain = "" if fitted or ensemble.operating_point.kind != "half" else ": nothing is fitted"
        return [f"  {what} {1 / len(ensemble.backbones):.3f} for each backbone{plain}", *fitted]
    level = f"{100 * ensemble.evaluation.level:g} % interval"
    lines = [f"  {what + ' of':<28} {'estimate':>8}  {level:<16}  over folds"]
    for backbone, weight in zip(ensemble.backbones, ensemble.weights, strict=True):
        # A weight on its bound in every resample has no spread; limits without width would claim to be sure.
        spread = (
            f"{weight.low:+.3f} to {weight.high:+.3f}" if weight.low < weight.high else "in all resamples"
        )
        lines.append(
            f"  {backbone:<28} {weight.estimate:>+8.3f}  {spread:<16}  {weight.fold_low:+.3f} to {weight.fold_high:+.3f}"
        )
    if what == "coefficient":
        lines.append("  intervals take the penalty as it was chosen; over folds it is chosen anew")
    if ensemble.recipe.strategy.endswith("-bagged"):
        lines.append("  intervals: spread of the bagged weights over resampled patients, around the estimate")
    return [*lines, *_fitted_parts(ensemble)]


def _fitted_parts(ensemble: Ensemble) -> list[str]:
    """What was fitted beside weights and thresholds."""
    lines = []
    if isinstance(ensemble.combination, PowerMean):
        lines.append(f"  power mean      exponent {ensemble.combination.exponent:g}, chosen by log-loss")
    if isinstance(ensemble.combination, RankMean):
        lines.append("  rank mean       ranks among the studies of the fit, kept in the file")
    if isinstance(ensemble.pooling, LearnedPooling):
        by_term = ensemble.pooling.coefficients
        lines.append(f"  {'learned pooling of':<28} " + " ".join(f"{term:>9}" for term in by_term))
        lines += [
            f"  {backbone:<28} " + " ".join(f"{row[number]:>+9.3f}" for row in by_term.values())
            for number, backbone in enumerate(ensemble.backbones)
        ]
        if ensemble.pooling.type_coefficients:
            lines.append(
                f"  and what {len(ensemble.pooling.type_coefficients)} study types add to these; all are in the file"
            )
    calibration = ensemble.parts.calibration
    if calibration.knots is not None:
        lines.append(f"  calibration     isotonic, {len(calibration.knots)} knots")
    elif calibration.kind == "temperature":
        lines.append(f"  calibration     temperature {1 / calibration.slope:.3f}")
    elif calibration.kind != "none":
        lines.append(
            f"  calibration     {calibration.kind}: logit times {calibration.slope:.3f} {calibration.intercept:+.3f}"
        )
    return lines


def _next_commands(
    predictions: Path, labels: Path, out: Path, split: str, missing: Missing, backbones: Sequence[str]
) -> list[str]:
    """Commands that work when pasted: on another split, and with labels that are really there."""
    where, ensemble = shlex.quote(str(predictions)), shlex.quote(str(out))
    more = "" if missing == "error" else f" --missing {missing}"
    only = f" --backbones {shlex.quote(','.join(backbones))}" if backbones else ""
    explain = f"  mura-ensemble explain {ensemble} {where} --labels {shlex.quote(str(labels))} --split {split}{more}"
    others = [name for name in splits_of(predictions) if name != split]
    if not others:
        return [
            explain,
            "  predict or import another split with these backbones, then apply and report on it",
        ]
    target = next((name for name in SCORING_SPLITS if name in others), others[0])
    commands = [explain, f"  mura-ensemble apply {ensemble} {where} --split {target}{more} --out calls.csv"]
    gold = _labels_for(predictions, labels, split, target)
    if gold is not None:
        commands.append(
            f"  mura-ensemble report {where} --split {target} --ensemble {ensemble} "
            f"--labels {shlex.quote(str(gold))}{more}{only} --out {shlex.quote(str(_free(predictions.name)))}"
        )
    listed = _view_list(labels, target)
    if listed is not None:
        commands.append(
            f"  mura-ensemble submit {shlex.quote(str(listed))} submission.csv --ensemble {ensemble} "
            f"--predictions {where}{more}"
        )
    return commands


def _view_list(labels: Path, split: str) -> Path | None:
    """MURA's own list of the views of a split, if the labels lie beside the index of a copy that has it."""
    index = labels.parent / "index.json"
    if not index.is_file():
        return None
    root = Path(str(read_json(index).get("root", "")))
    places = [folder / f"{split}_image_paths.csv" for folder in (root, *(root / name for name in MURA_ROOTS))]
    return next((path for path in places if path.is_file()), None)


def _free(name: str) -> Path:
    """A folder for a report that is not there yet."""
    folders = (Path("reports") / (name if number == 1 else f"{name}-{number}") for number in count(1))
    return next(folder for folder in folders if not folder.exists())


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
    """Write `study, patient, study_type, probability, call, fitted, backbones` of every study of a split."""
    loaded = load_ensemble(ensemble)
    split = split_not_fitted_on(predictions, split, loaded.fitted_on, backbones=loaded.backbones)
    studies = read_study_probabilities(predictions, split, backbones=loaded.backbones, missing=missing)
    applied = loaded.apply(studies, allow_fitted=allow_fitted)
    table = studies.studies[["patient", "study_type"]].join(applied).reset_index()
    table["call"] = table["call"].astype("Int64")
    write_frame(out, table)
    called = applied["call"].notna()
    fewer = int((called & (applied["backbones"] < len(loaded.backbones))).sum())
    return (
        f"wrote {out}: {len(table):,} studies, {int(applied['call'].sum()):,} called abnormal"
        + (f", {int((~called).sum()):,} without a call (a backbone is missing)" if not called.all() else "")
        + (f", {fewer:,} called by fewer than all backbones" if fewer else "")
        + (f", {int(applied['fitted'].sum()):,} of them fitted on" if applied["fitted"].any() else "")
    )
