"""A finished run: its plan, its folds, its members and how they did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mura_ensemble.backbones.views.reading import Preprocessing
from mura_ensemble.backbones.weights.catalogue import not_for_all_uses
from mura_ensemble.backbones.weights.registry import create_backbone, load_weights, weights_digest
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.words import count

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["ADOPTED", "RUN", "TRAINED", "Member", "TrainedRun"]

RUN = "run.json"
TRAINED, ADOPTED = "training run", "adopted run"
"""Kinds of runs, and so who makes their weights again: `train`, `adopt`."""


@dataclass(frozen=True)
class Member:
    """One network of a run.

    Attributes
    ----------
    file : Path
        Its weights (safetensors); an epoch that was kept by its validation loss is a member of its own.
    fold : int
        The fold whose patients it never saw; -1: it was trained on every patient.
    study_type : str or None
        The only study type that it was trained on; None: all.
    weights : str
        Digest of its weights when the training ended.
    verb : str
        What makes it again.
    """

    file: Path
    fold: int
    study_type: str | None
    weights: str
    verb: str = "train"

    def state(self) -> dict[str, Tensor]:
        """Its weights, proved to be those of its training.

        The weights of another fold would give predictions of patients that they were trained on.

        Raises
        ------
        InputError
            If the file is missing, cannot be read or holds other weights.
        """
        if not self.file.is_file():
            raise InputError(
                f"{self.file}: missing, though {RUN} names it; restore the file, or run {self.verb} again with the same "
                "arguments to make it again"
            )
        state, _ = load_weights(self.file)
        if weights_digest(state) != self.weights:
            raise InputError(
                f"{self.file}: not the weights that {RUN} names; restore the file, or remove it and run {self.verb} "
                "again with the same arguments"
            )
        return state


@dataclass(frozen=True)
class TrainedRun:
    """A finished run.

    Attributes
    ----------
    folder : Path
    plan : dict
        Architecture, arguments, start, preprocessing, training settings and digests of the data.
    folds : DataFrame
        Columns `study`, `patient`, `study_type`, `fold`; no row where nobody said what it was trained on.
    members : tuple of Member
    metrics : DataFrame
        One row per training and epoch; none of adopted weights.
    kind : str
        `TRAINED` or `ADOPTED`.
    stood : bool
        Whether there was nothing left to make.
    """

    folder: Path
    plan: dict[str, Any]
    folds: pd.DataFrame
    members: tuple[Member, ...]
    metrics: pd.DataFrame
    kind: str = TRAINED
    stood: bool = False

    def __str__(self) -> str:
        data, start, adopted = self.plan["data"], self.plan["start"], self.kind == ADOPTED
        members = f"{count(len(self.members), 'member')}{' adopted' if adopted else ''}"
        on = "; nobody said what it was trained on, so its predictions have the role unknown"
        if self.split is not None:
            on = (
                f"{',' if adopted else ''} trained on split '{self.split}', {data['studies']:,} studies of "
                f"{data['patients']:,} patients, {data['views']:,} views"
            )
        lines = [
            f"{self.plan['architecture']}: {members}{on}",
            *(f"  {change}" for change in start.get("changes", ())),
            *(f"  {line}" for line in self._trainings()),
        ]
        terms = not_for_all_uses(start.get("licence", ""))
        if terms:
            lines.append(f"  began with the weights {start['tag']}, licence {start['licence']}: {terms}")
        lines += [f"  {line}" for line in self._left_out()]
        end = (
            f"already whole, nothing had to be {'adopted' if adopted else 'trained'}:"
            if self.stood
            else "wrote"
        )
        return "\n".join([*lines, f"{end} {self.folder}"])

    def _trainings(self) -> Iterator[str]:
        """How each training did on the fold that it did not see: its last epoch, or its best by validation loss."""
        if "kappa" not in self.metrics:
            return
        kept, wanted = self.plan["training"]["kept"], self.plan["training"]["epochs"]
        lines = [
            {str(name): value for name, value in line.items()} for line in self.metrics.to_dict("records")
        ]
        for (fold, kind), history in groupby(lines, key=lambda line: (line["fold"], _kind(line))):
            epochs = list(history)
            line = min(epochs, key=_validation_loss) if kept else epochs[-1]
            if pd.notna(line["kappa"]) and pd.notna(line["auroc"]):
                which = f", epoch {line['epoch']} of lowest validation loss" if kept else ""
                if not kept and line["epoch"] < wanted:  # a torn line is not read
                    which = f", epoch {line['epoch']} of {wanted}"
                yield (
                    f"fold {fold}{kind and f', {kind}'}{which}: kappa {line['kappa']:.3f}, AUROC {line['auroc']:.3f} "
                    f"on its {line['studies']:,.0f} held-out studies (threshold 0.5)"
                )

    def _left_out(self) -> Iterator[str]:
        """How many views could not be read, of those trained on and of those of a split to validate on."""
        if self.metrics.empty:
            return
        # Every training goes over all views of its study type; those of one fold together over all.
        last = self.metrics[self.metrics["epoch"] == self.metrics["epoch"].max()]
        last = last[last["fold"] == last["fold"].min()]
        data, total = self.plan["data"], last.sum(numeric_only=True)
        # What a share validates on is of the training views, too.
        parts = [("training", self.split, ["", "validation_"])]
        if data["validation_split"] is not None:
            parts = [
                ("training", self.split, [""]),
                ("validation", data["validation_split"], ["validation_"]),
            ]
        for which, split, prefixes in parts:
            failed = int(sum(total.get(f"{prefix}failed", 0) for prefix in prefixes))
            if failed:
                views = data["views"] if which == "training" else failed + int(total["validation_views"])
                told = [text for prefix in prefixes for text in last.get(f"{prefix}first_failed", ())]
                first = min((text for text in told if isinstance(text, str) and text), default="not named")
                yield f"unreadable and left out: {failed:,} of {views:,} {which} views (split '{split}'), first {first}"

    @property
    def split(self) -> str | None:
        """The split that it was trained on; None: nobody said."""
        split: str | None = self.plan["data"]["split"]
        return split

    @property
    def verb(self) -> str:
        """What makes such a run."""
        return "adopt" if self.kind == ADOPTED else "train"

    @property
    def preprocessing(self) -> Preprocessing:
        """What the members expect as input."""
        return Preprocessing.from_card(self.plan["preprocessing"])

    def network(self, state: dict[str, Tensor]) -> nn.Module:
        """A network of this run with the weights of a member, in evaluation mode.

        Raises
        ------
        InputError
            If the architecture in `run.json` cannot be made, or is another than that of the weights.
        """
        network = create_backbone(
            self.plan["architecture"],
            channels=self.preprocessing.channels,
            size=self.preprocessing.size,
            arguments=self.plan["arguments"],
        )
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise InputError(
                f"{self.folder / RUN}: the weights are not of the architecture '{self.plan['architecture']}' that it "
                f"names; restore the file or {self.verb} again"
            ) from error
        return network

    def members_for(self, fold: int, study_type: str) -> tuple[int, ...]:
        """Positions of the members whose mean is the logit of a view.

        Parameters
        ----------
        fold : int
            Members that never saw this fold; -1: of every fold, for patients that no member saw.
        study_type : str
            Members of this study type or of all.
        """
        return tuple(
            position
            for position, member in enumerate(self.members)
            if fold in (-1, member.fold) and member.study_type in (None, study_type)
        )


def _kind(line: dict[str, Any]) -> str:
    return "" if pd.isna(line["study_type"]) else str(line["study_type"])


def _validation_loss(line: dict[str, Any]) -> float:
    return np.inf if pd.isna(line["validation_loss"]) else float(line["validation_loss"])
