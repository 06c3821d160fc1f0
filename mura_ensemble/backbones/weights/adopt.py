"""Weights that were trained elsewhere as a run of this house, so that `predict` and `cam` take them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from mura_ensemble.backbones.views.reading import Preprocessing
from mura_ensemble.backbones.weights.filling import channels_of, fill
from mura_ensemble.backbones.weights.registry import (
    create_backbone,
    load_weights,
    normalisation,
    require_extra,
    save_weights,
    weights_digest,
)
from mura_ensemble.backbones.weights.runs import (
    begun_here,
    folds_digest,
    read_run,
    run_card,
    studies_digest,
    versions,
)
from mura_ensemble.backbones.weights.trained import ADOPTED, RUN, TrainedRun
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import digest_of_file, locked, write_frame, write_json
from mura_ensemble.data.tables.manifests import listed_views, studies_of

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["adopt_backbone"]


def adopt_backbone(
    weights: Sequence[Path],
    out: Path,
    *,
    architecture: str,
    size: int = 320,
    channels: Literal[1, 3] | None = None,
    resize: Literal["square", "letterbox"] = "square",
    arguments: Mapping[str, Any] | None = None,
    imagenet: bool = False,
    manifest: Path | None = None,
    split: str | None = None,
) -> TrainedRun:
    """Make a run of weights that were trained elsewhere.

    They must fit the architecture wholly, classifier included: one logit is taken as it is, two classes (normal,
    abnormal) as the one logit whose sigmoid is their softmax.

    Parameters
    ----------
    weights : sequence of Path
        Safetensors files, one per member; the members' logits are averaged.
    out : Path
        Folder of the run; see `mura_ensemble.backbones.weights.runs`.
    architecture : str
        Any timm name.
    size : int
        Side of the square input, pixels.
    channels : {1, 3}, optional
        As many as the weights take, if not given. With others the first convolution is adapted, which moves the logits.
    resize : {'square', 'letterbox'}
        Stretch a view to the square, or keep its proportions and fill up with black.
    arguments : mapping, optional
        Keyword arguments of the architecture, JSON values.
    imagenet : bool
        Views are normalised by ImageNet's mean and deviation, not by those that timm states for the architecture.
    manifest : Path, optional
        The MANIFEST table with the views that they were trained on. Without it every prediction has the role unknown.
    split : str, optional
        The split of the manifest that they were trained on; no view of it is opened.

    Returns
    -------
    TrainedRun
        `stood` where the same weights stood there already.

    Raises
    ------
    MissingExtraError
        Without the `[backbones]` extra; before anything else is done.
    InputError
        For every fault of the input; nothing is written then.
    """
    require_extra()
    out, files, given = Path(out), [Path(file) for file in weights], dict(arguments or {})
    if not files:
        raise InputError("no weights; give a safetensors file for each member")
    if channels is None:
        channels = channels_of(architecture, load_weights(files[0])[0])
    Preprocessing.refuse(size, channels, resize)
    folds, data = _trained_on(manifest, split)
    model = create_backbone(architecture, channels=channels, size=size, arguments=given)
    mean, std = normalisation(model, channels, imagenet=imagenet)
    states, changes = _members(model, files)
    plan = {
        "architecture": architecture,
        "arguments": given,
        "start": {"from": "adopted weights", "weights": list(states), "changes": changes},
        "preprocessing": Preprocessing(
            size=size, channels=channels, mean=mean, std=std, resize=resize
        ).card(),
        "training": {},
        "data": data,
    }
    if begun_here(out, plan, ADOPTED) and _whole(out):
        return replace(read_run(out), stood=True)
    _write(out, plan, folds, states, files)
    return read_run(out)


def _trained_on(manifest: Path | None, split: str | None) -> tuple[pd.DataFrame | None, dict[str, Any]]:
    """The studies that were trained on, and the plan's words for them; nothing where nobody said."""
    if manifest is None or split is None:
        if manifest is not None or split is not None:
            raise InputError(
                "a manifest and its split say together what the weights were trained on; give both or neither"
            )
        told = ("studies", "patients", "views", "studies_digest", "folds_digest")
        return None, {"split": None, "validation_split": None, **dict.fromkeys(told)}
    rows = listed_views(manifest, split)
    studies = studies_of(rows).assign(fold=0)
    return studies, {
        "split": split,
        "validation_split": None,
        "studies": len(studies),
        "patients": int(studies["patient"].nunique()),
        "views": len(rows),
        "studies_digest": studies_digest(studies),
        "folds_digest": folds_digest(studies),
    }


def _members(model: nn.Module, files: Sequence[Path]) -> tuple[dict[str, dict[str, Tensor]], list[str]]:
    """What the network holds after each file has filled it, by its digest; and what was changed to make them fit."""
    states: dict[str, dict[str, Tensor]] = {}
    known: dict[str, Path] = {}
    changes: dict[str, None] = {}
    for file in files:
        changes |= dict.fromkeys(fill(model, load_weights(file)[0], file, whole=True))
        state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        digest = weights_digest(state)
        if digest in known:
            raise InputError(f"{file}: the same weights as {known[digest]}; give each member once")
        states[digest], known[digest] = state, file
    return states, list(changes)


def _whole(out: Path) -> bool:
    try:
        for member in read_run(out).members:
            member.state()
    except InputError:  # lost or damaged; the originals are at hand
        return False
    return True


def _write(
    out: Path,
    plan: dict[str, Any],
    folds: pd.DataFrame | None,
    states: Mapping[str, dict[str, Tensor]],
    files: Sequence[Path],
) -> None:
    """Write all of it aside, then move it into place, `run.json` last: a run that is there is whole."""
    from safetensors import SafetensorError

    made = not out.exists()
    try:
        with locked(out), TemporaryDirectory(prefix=".adopting-", dir=out) as aside:
            begun_here(out, plan, ADOPTED)  # another may have come first
            for left in set(out.glob(".adopting-*")) - {Path(aside)}:  # by a kill
                shutil.rmtree(left, ignore_errors=True)
            members = []
            for number, (digest, state) in enumerate(states.items()):
                name = f"member-{number}.safetensors"
                save_weights(Path(aside) / name, state, {})
                members.append({"file": name, "fold": -1, "study_type": None, "weights": digest})
            if folds is not None:
                write_frame(Path(aside) / "folds.csv", folds)
            # A path would name a machine.
            originals = [{"file": file.name, "sha256": digest_of_file(file)} for file in files]
            card = run_card(ADOPTED, plan, members=members, provenance={**versions(), "originals": originals})
            write_json(Path(aside) / RUN, card)
            for path in sorted(Path(aside).iterdir(), key=lambda path: path.name == RUN):
                path.replace(out / path.name)
    except (OSError, SafetensorError) as error:
        if made:
            with suppress(OSError):
                (out / ".lock").unlink()
                out.rmdir()
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{out}: cannot be written ({why}); choose another place") from error
