"""The folder of a trained run: what was asked for, the folds, one file of weights per member.

```
run.json              schema, plan (all that decides the weights), members with their digests, provenance
folds.csv             study, patient, study_type, fold
fold-0.safetensors    weights of the member that never saw fold 0 (see `checkpoints` for other names)
metrics.jsonl         one line per training and epoch
```

No path of the machine and no label is written; `members` appears when the last training is finished. A run of adopted
weights (`adopt`) has `member-0.safetensors`, no metrics, and folds only where somebody said what they were trained on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mura_ensemble.backbones.weights.checkpoints import Files
from mura_ensemble.backbones.weights.registry import load_weights, require_extra, weights_digest
from mura_ensemble.backbones.weights.trained import ADOPTED, RUN, TRAINED, Member, TrainedRun
from mura_ensemble.data.differences import first_difference
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import (
    digest_of_rows,
    read_frame,
    read_json,
    read_json_lines,
    refuse_gaps,
    write_frame,
    write_json,
    write_text,
)

__all__ = [
    "begun_here",
    "finish_run",
    "folds_digest",
    "read_run",
    "reopen_run",
    "run_card",
    "standing_run",
    "start_run",
    "studies_digest",
    "sweep_run",
    "versions",
    "write_metrics",
]

SCHEMA = 3
METRICS = "metrics.jsonl"
_PLAN = ("architecture", "arguments", "data")
_MEMBER = ("file", "fold", "study_type", "weights")


def studies_digest(folds: pd.DataFrame) -> str:
    """Digest of the set of studies that a run was trained on."""
    return digest_of_rows((study,) for study in folds["study"])


def folds_digest(folds: pd.DataFrame) -> str:
    """Digest of which patient is in which fold."""
    return digest_of_rows((str(row.study), str(row.patient), str(row.fold)) for row in folds.itertuples())


def start_run(folder: Path, plan: dict[str, Any], folds: pd.DataFrame) -> None:
    """Make the folder, or find in it the same run, begun earlier.

    Raises
    ------
    InputError
        As `begun_here`.
    """
    if not begun_here(folder, plan, TRAINED):
        write_frame(folder / "folds.csv", folds)
        write_json(folder / RUN, run_card(TRAINED, plan))


def begun_here(folder: Path, plan: dict[str, Any], kind: str) -> bool:
    """Whether this run was begun in the folder before.

    Raises
    ------
    InputError
        If another run stands there, naming the first difference.
    """
    path = folder / RUN
    if not path.exists():
        return False
    card, here = read_json(path), {"kind": kind, **plan}
    there = {"kind": card.get("kind", TRAINED), **card.get("plan", {})}
    if there != here:
        raise InputError(
            f"{path}: another run stands here ({first_difference(there, here)}); give this one another folder"
        )
    return True


def run_card(kind: str, plan: dict[str, Any], **finished: Any) -> dict[str, Any]:
    """What `run.json` holds; `members` and `provenance` when it is finished."""
    return {"schema": SCHEMA, "kind": kind, "plan": plan, **finished}


def finish_run(folder: Path, plan: dict[str, Any], trainings: Sequence[Files]) -> None:
    """Enter the members and their digests in `run.json`, which makes the run complete."""
    write_metrics(folder, trainings)
    members = [
        {
            "file": name,
            "fold": _held_fold(training, plan),
            "study_type": training.study_type,
            "weights": weights_digest(load_weights(folder / name)[0]),
        }
        for training in trainings
        for name in training.members()
    ]
    write_json(folder / RUN, run_card(TRAINED, plan, members=members, provenance=versions()))
    sweep_run(folder, trainings)


def sweep_run(folder: Path, trainings: Sequence[Files]) -> None:
    """Take away what a finished run no longer needs, also when the process that finished it was killed before it could."""
    # Their histories stand in metrics.jsonl now. Hidden files are what kills in the middle of a write have left.
    hidden = [path for path in folder.glob(".*") if path.name != ".lock" and path.is_file()]
    members = {member["file"] for member in read_json(folder / RUN)["members"]}
    given_up = [path for training in trainings for path in training.epochs() if path.name not in members]
    spent = [file for training in trainings for file in (training.done, training.unfinished)]
    for leftover in (*spent, *given_up, *hidden):
        leftover.unlink(missing_ok=True)


def reopen_run(folder: Path, trainings: Sequence[Files]) -> None:
    """Make a finished run that has lost weights unfinished, so that training makes them, and only them, again.

    Raises
    ------
    InputError
        If weights that are there are not those of the run.
    """
    run, lines = read_run(folder), read_json_lines(folder / METRICS)
    for training in trainings:
        own = (_held_fold(training, run.plan), training.study_type)
        members = [member for member in run.members if (member.fold, member.study_type) == own]
        if all(member.file.is_file() for member in members):
            for member in members:
                member.state()
            history = [line for line in lines if (line["fold"], line["study_type"]) == own]
            training.say_done([member.file.name for member in members], history)
    write_json(folder / RUN, run_card(TRAINED, run.plan))


def _held_fold(training: Files, plan: dict[str, Any]) -> int:
    """The fold that a training does not see; -1: there is none."""
    return training.fold if plan["training"]["folds"] > 1 else -1


def write_metrics(folder: Path, trainings: Sequence[Files]) -> None:
    """Write `metrics.jsonl` from the histories of the trainings."""
    lines = [json.dumps(line) for training in trainings for line in training.history()]
    write_text(folder / METRICS, "".join(f"{line}\n" for line in lines))


def standing_run(folder: Path, plan: dict[str, Any]) -> bool:
    """Whether a finished run of this plan stands in the folder."""
    path = folder / RUN
    return path.exists() and "members" in (card := read_json(path)) and card["plan"] == plan


def read_run(folder: Path) -> TrainedRun:
    """Read a finished run.

    Raises
    ------
    MissingExtraError
        Without the `[backbones]` extra.
    InputError
        If the folder holds no run, an unfinished one, or one of another schema.
    """
    require_extra()
    folder = Path(folder)
    if not (folder / RUN).is_file():
        raise InputError(f"{folder}: no {RUN} here; give the folder that train or adopt wrote")
    card = read_json(folder / RUN)
    if card.get("schema") != SCHEMA:
        raise InputError(f"{folder / RUN}: schema {card.get('schema')!r}; this version reads schema {SCHEMA}")
    if "members" not in card:
        raise InputError(f"{folder / RUN}: the run is not finished; run train again with the same arguments")
    for what, part, fields in (
        ("the run", card, ("kind", "plan")),
        ("plan", card.get("plan"), _PLAN),
        *((f"member {place}", member, _MEMBER) for place, member in enumerate(card["members"])),
    ):
        refuse_gaps(folder / RUN, what, part, fields, "the file was edited, restore it or train again")
    adopted = card["kind"] == ADOPTED
    verb = "adopt" if adopted else "train"
    return TrainedRun(
        folder=folder,
        plan=card["plan"],
        folds=_read_folds(folder / "folds.csv", card["plan"]["data"], verb),
        members=tuple(
            Member(folder / member["file"], member["fold"], member["study_type"], member["weights"], verb)
            for member in card["members"]
        ),
        metrics=pd.DataFrame([] if adopted else read_json_lines(folder / METRICS)),
        kind=card["kind"],
    )


def _read_folds(path: Path, data: dict[str, Any], verb: str) -> pd.DataFrame:
    if data["split"] is None:
        return pd.DataFrame(columns=["study", "patient", "study_type", "fold"])
    folds = read_frame(path, text_columns=("study", "patient", "study_type"))
    if folds_digest(folds) != data["folds_digest"]:
        raise InputError(f"{path}: not the folds that {RUN} names; restore the file or {verb} again")
    return folds


def versions() -> dict[str, str]:
    """Versions of what computed the numbers, for provenance."""
    import platform

    import timm
    import torch

    return {"python": platform.python_version(), "torch": torch.__version__, "timm": timm.__version__}
