"""Where a member in training stands on disk, so that a kill at any step costs nothing but time.

```
fold-0.unfinished.safetensors   weights, average, optimiser, and in the metadata how far it has come
fold-0-epoch-3.safetensors      an epoch that is kept by its validation loss
fold-0.safetensors              the last epoch, where none is kept by validation loss
fold-0.json                     the member is finished: its files and its history
```
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mura_ensemble.backbones.weights.registry import load_weights, save_weights
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_json, write_json

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Files", "Standing", "lowest"]

History = list[dict[str, Any]]


@dataclass
class Standing:
    """How far the training of a member has come.

    Attributes
    ----------
    history : list of dict
        One line per finished epoch.
    step : int
        Steps done in the epoch after those.
    loss : float
        Sum of the loss over the views of those steps.
    failed : int
        Views of those steps that could not be read.
    first_failed : str
        The first of them by name, and why.
    rates : list of float
        Learning rate of each group of the optimiser.
    plateau : dict
        State of the plateau schedule; empty with another.
    """

    history: History = field(default_factory=list)
    step: int = 0
    loss: float = 0.0
    failed: int = 0
    first_failed: str = ""
    rates: list[float] = field(default_factory=list)
    plateau: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Files:
    """The files of one training: of a fold, and of a study type or of all.

    Attributes
    ----------
    folder : Path
    fold : int
        Number of the fold in the names of the files.
    study_type : str or None
    """

    folder: Path
    fold: int
    study_type: str | None

    @property
    def name(self) -> str:
        """`fold-0`, or `hand-fold-0`."""
        return f"{'' if self.study_type is None else f'{self.study_type}-'}fold-{self.fold}"

    @property
    def unfinished(self) -> Path:
        """The checkpoint."""
        return self.folder / f"{self.name}.unfinished.safetensors"

    @property
    def done(self) -> Path:
        """What says that the training is finished."""
        return self.folder / f"{self.name}.json"

    def weights(self, epoch: int | None) -> Path:
        """Weights of a kept epoch, counted from 1, or of the last."""
        return self.folder / f"{self.name}{'' if epoch is None else f'-epoch-{epoch}'}.safetensors"

    def history(self) -> History:
        """The lines of the finished epochs, from whichever file holds them.

        Raises
        ------
        InputError
            If the checkpoint is damaged.
        """
        if self.done.exists():
            lines: History = read_json(self.done)["history"]
            return lines
        if self.unfinished.exists():
            return self._standing().history
        return []

    def _standing(self) -> Standing:
        """What the checkpoint says of itself, without reading its tensors."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.unfinished, framework="pt") as file:
                return Standing(**json.loads((file.metadata() or {})["standing"]))
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{self.unfinished}: the checkpoint is damaged ({error}); remove it, and this member's training begins "
                "again at its first epoch"
            ) from error

    def epochs(self) -> list[Path]:
        """The files of kept epochs that stand there."""
        return sorted(self.folder.glob(f"{self.name}-epoch-*.safetensors"))

    def members(self) -> list[str]:
        """Names of the files of weights of a finished training."""
        names: list[str] = read_json(self.done)["members"]
        return names

    def finish(self, history: History, kept: int) -> None:
        """Say that the training is finished, and remove what only served it."""
        epochs: Sequence[int | None] = lowest(history, kept) if kept else [None]
        self.say_done([self.weights(epoch).name for epoch in epochs], history)
        self.unfinished.unlink(missing_ok=True)

    def say_done(self, members: Sequence[str], history: History) -> None:
        """Write which files of weights the training has made, and how it went."""
        write_json(self.done, {"members": list(members), "history": history})

    def drop_epochs(self, history: History, kept: int) -> None:
        """Remove the weights of epochs that are no longer among those of lowest validation loss."""
        wanted = {self.weights(epoch) for epoch in lowest(history, kept)}
        for path in self.epochs():
            if path not in wanted:
                path.unlink(missing_ok=True)

    def save(self, standing: Standing, model: nn.Module, average: nn.Module | None, optimizer: Any) -> None:
        """Write the checkpoint, whole or not at all."""
        tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
        if average is not None:
            tensors |= {f"average/{name}": tensor for name, tensor in average.state_dict().items()}
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{index}/{name}": tensor for name, tensor in state.items()}
        save_weights(self.unfinished, tensors, {"standing": json.dumps(vars(standing))})

    def resume(self, model: nn.Module, average: nn.Module | None, optimizer: Any) -> Standing:
        """Bring everything to where the checkpoint left it; a new `Standing` where there is none.

        Raises
        ------
        InputError
            If the checkpoint is damaged.
        """
        if not self.unfinished.exists():
            return Standing(rates=[group["lr"] for group in optimizer.param_groups])
        standing = self._standing()
        tensors, _ = load_weights(self.unfinished)
        model.load_state_dict(_below("model/", tensors))
        if average is not None:
            average.load_state_dict(_below("average/", tensors))
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _below("optimizer/", tensors).items():
            index, _, slot = name.partition("/")
            state.setdefault(int(index), {})[slot] = tensor
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        for group, rate in zip(optimizer.param_groups, standing.rates, strict=True):
            group["lr"] = rate
        return standing


def lowest(history: History, kept: int) -> list[int]:
    """The epochs of lowest validation loss, counted from 1 and in their order; of equals the earlier."""
    known = [line for line in history if line["validation_loss"] is not None]
    best = sorted(known, key=lambda line: (line["validation_loss"], line["epoch"]))[:kept]
    return sorted(line["epoch"] for line in best)


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
