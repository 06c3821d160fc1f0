"""Explain, search, list: what is inside ensembles, and which backbones are worth having."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.commands.work.ensembles import signed, weight_lines
from mura_ensemble.comparison.gather.models import read_cards
from mura_ensemble.comparison.gather.splits import split_covered
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import write_frame
from mura_ensemble.data.tables.contracts import read_labels
from mura_ensemble.ensembles.ensemble import Ensemble
from mura_ensemble.ensembles.fitting import common_role, gold_of, labelled_sample
from mura_ensemble.ensembles.pooling.studies import Missing, read_study_probabilities
from mura_ensemble.ensembles.store import load_ensemble
from mura_ensemble.ensembles.worth.contributions import (
    MOST_BACKBONES,
    Share,
    leave_one_out,
    out_of_fold_pooled,
    shapley,
)
from mura_ensemble.ensembles.worth.search import SubsetSearch, search_subsets

__all__ = ["explain_ensemble", "list_ensembles", "search_backbones"]


def explain_ensemble(
    path: Path,
    predictions: Path,
    labels: Path,
    *,
    split: str | None = None,
    missing: Missing = "error",
    resamples: int = 500,
    out: Path | None = None,
) -> str:
    """Weights, leave-one-backbone-out and Shapley values of an ensemble, on the studies it was fitted on."""
    ensemble = load_ensemble(path)
    split = split or ensemble.fitted_on.split
    studies = read_study_probabilities(predictions, split, backbones=ensemble.backbones, missing=missing)
    common_role(read_cards(predictions, ensemble.backbones), split)
    found = ensemble.evaluation
    backbones, where, sample = labelled_sample(
        studies,
        gold_of(studies.studies, read_labels(labels), source=str(labels)),
        folds=found.folds,
        seed=found.seed,
    )
    draws = {"level": found.level, "resamples": resamples, "seed": found.seed}
    parts: dict[str, tuple[Share, ...]] = {}
    if len(backbones) > 1:
        parts["leave one out"] = leave_one_out(ensemble.recipe, sample, **draws)  # type: ignore[arg-type]
    if len(backbones) <= MOST_BACKBONES:
        each = out_of_fold_pooled(ensemble.recipe.pooling, sample)
        parts["Shapley value"] = shapley(each, sample, **draws)  # type: ignore[arg-type]
    table = _explained(ensemble, backbones, parts)
    if out is not None:
        write_frame(out, table)
    percent = f"{100 * found.level:g} % interval"
    lines = [
        f"{'simulated data: ' if ensemble.fitted_on.simulated else ''}{ensemble.name}: {ensemble.recipe.label}; "
        f"{len(where):,} studies of split '{split}', {found.folds} patient-grouped folds",
        f"  nested kappa    {found.nested:.3f} ({found.low:.3f} to {found.high:.3f}), gap {signed(found.gap)}",
        *weight_lines(ensemble),
        "",
        f"  {'kappa that it adds':<28} " + "".join(f" {name:>14}  {percent:<16}" for name in parts),
    ]
    for position, backbone in enumerate(backbones):
        shares = (own[position] for own in parts.values())
        lines.append(
            f"  {backbone:<28} "
            + "".join(f" {one.estimate:>+14.3f}  {one.low:+.3f} to {one.high:+.3f}" for one in shares)
        )
    lines.append(
        "  leave one out: nested kappa of this recipe with all minus without it; Shapley: its share in the kappa "
        "of the mean of all at 0.5"
    )
    if len(backbones) > MOST_BACKBONES:
        lines.append(f"  no Shapley values: exact ones take at most {MOST_BACKBONES} backbones")
    return "\n".join([*lines, *([f"wrote {out}"] if out else [])])


def _explained(
    ensemble: Ensemble, backbones: Sequence[str], parts: dict[str, tuple[Share, ...]]
) -> pd.DataFrame:
    rows = [
        ("weight", backbone, weight.estimate, weight.low, weight.high)
        for backbone, weight in zip(ensemble.backbones, ensemble.weights, strict=False)
    ]
    for name, shares in parts.items():
        rows += [
            (name.lower().replace(" ", "_"), backbone, share.estimate, share.low, share.high)
            for backbone, share in zip(backbones, shares, strict=True)
        ]
    return pd.DataFrame(rows, columns=["quantity", "backbone", "estimate", "low", "high"])


def search_backbones(
    predictions: Path,
    labels: Path,
    *,
    split: str | None = None,
    backbones: Sequence[str] = (),
    pooling: str = "mean",
    folds: int = 5,
    missing: Missing = "error",
    out: Path | None = None,
    subsets: Path | None = None,
    seed: int = 0,
) -> str:
    """Score the mean of every subset of the backbones; the front of size against kappa."""
    labelled = read_labels(labels)
    split = split_covered(predictions, split, labelled.index, source=labels, backbones=backbones, to_fit=True)
    if folds < 3:
        raise InputError(f"{folds} folds: the nested evaluation needs at least 3")
    common_role(read_cards(predictions, backbones), split)
    studies = read_study_probabilities(predictions, split, backbones=tuple(backbones), missing=missing)
    names, where, sample = labelled_sample(
        studies, gold_of(studies.studies, labelled, source=str(labels)), folds=folds, seed=seed
    )
    found = search_subsets(out_of_fold_pooled(pooling, sample), sample, seed=seed)
    table = _front(found, names)
    if out is not None:
        write_frame(out, table)
    if subsets is not None:
        write_frame(subsets, _subsets(found, names))
    lines = [
        f"{len(found.kappa):,} subsets of {len(names)} backbones by mean probability at 0.5: {len(where):,} studies of "
        f"split '{split}', {int(sample.gold.sum()):,} abnormal, {folds} patient-grouped folds",
        "  size  nested kappa  95 % interval   apparent  same in folds  best subset on all studies",
    ]
    for row in table.itertuples():
        size = "any" if row.size == 0 else str(row.size)
        lines.append(
            f"  {size:>4}  {row.nested:>12.3f}  {row.low:.3f} to {row.high:.3f}  {row.apparent:>8.3f}  "
            f"{f'{row.same_in_folds} of {folds}':>13}  {row.backbones}"
        )
    where_, which = shlex.quote(str(predictions)), shlex.quote(str(labels))
    more = "" if missing == "error" else f" --missing {missing}"
    best = table.loc[table["size"] == 0, "backbones"].iloc[0]
    lines += [
        "  apparent: the greatest of many kappas on the studies it was found on, do not report it; nested: each fold "
        "called by the subset that was best on the others",
        *([f"wrote {path}" for path in (out, subsets) if path is not None]),
        "next:",
        f"  mura-ensemble fit-stack {where_} --labels {which} --split {split}{more} --strategy mean "
        f"--pooling {pooling} --backbones {shlex.quote(best)} --name best_subset --out best_subset.json",
        "  (its nested kappa there takes the subset as given; the honest one of the search is the line 'any' above)",
    ]
    return "\n".join(lines)


def _front(found: SubsetSearch, names: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "size": row.size,
            "nested": row.nested,
            "low": row.low,
            "high": row.high,
            "apparent": row.apparent,
            "same_in_folds": row.same,
            "backbones": ",".join(names[k] for k in row.subset),
        }
        for row in found.front
    )


def _subsets(found: SubsetSearch, names: Sequence[str]) -> pd.DataFrame:
    labels = [",".join(names[k] for k in np.flatnonzero(row).tolist()) for row in found.members]
    return pd.DataFrame(
        {"backbones": labels, "size": found.members.sum(axis=1).astype(np.int64), "kappa": found.kappa}
    )


def _of(recipe: str, backbones: int) -> str:
    strategy, comma, rest = recipe.partition(", ")
    return f"{strategy} of {backbones}{comma}{rest}"


def list_ensembles(folder: Path, *, out: Path | None = None) -> str:
    """One line for every ensemble in a folder; other JSON files are passed over and counted."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name one with ensembles of mura-ensemble fit-stack")
    rows: list[dict[str, Any]] = []
    others = 0
    for path in sorted(folder.glob("*.json")):
        try:
            ensemble = load_ensemble(path)
        except InputError:
            others += 1
            continue
        found = ensemble.evaluation
        rows.append(
            {
                "file": path.name,
                "name": ensemble.name,
                "recipe": ensemble.recipe.label,
                "backbones": len(ensemble.backbones),
                "split": ensemble.fitted_on.split,
                "n": found.n,
                "nested": found.nested,
                "low": found.low,
                "high": found.high,
                "gap": found.gap,
                "simulated": ensemble.fitted_on.simulated,
            }
        )
    rows.sort(key=lambda row: (-row["nested"], row["file"]))
    if not rows:
        raise InputError(
            f"{folder}: no ensemble here ({others} other JSON files); write one with mura-ensemble fit-stack"
        )
    table = pd.DataFrame(rows)
    if out is not None:
        write_frame(out, table)
    wide = max(len("file"), *(len(str(row["file"])) for row in rows))
    lines = [f"{'file':<{wide}}  nested kappa  95 % interval      gap     n      split     recipe"]
    lines += [
        f"{row['file']:<{wide}}  {row['nested']:>12.3f}  {row['low']:.3f} to {row['high']:.3f}  "
        f"{signed(row['gap']):>6}  {row['n']:>5,}  {row['split']:<8}  {_of(row['recipe'], row['backbones'])}"
        + (" (simulated data)" if row["simulated"] else "")
        for row in rows
    ]
    lines += [f"{others} other JSON files"] if others else []
    return "\n".join([*lines, *([f"wrote {out}"] if out else [])])
