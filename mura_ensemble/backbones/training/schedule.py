"""How the learning rate goes over the steps and epochs of a training."""

from __future__ import annotations

from typing import Any

from mura_ensemble.backbones.training.recipes import Settings
from mura_ensemble.backbones.weights.checkpoints import Standing

__all__ = ["Schedule"]


class Schedule:
    """The learning rate: timm's cosine by step, or torch's plateau by epoch.

    timm's own plateau schedule is deprecated there because its state is not saved in checkpoints.

    Parameters
    ----------
    settings : Settings
    optimizer : torch.optim.Optimizer
    steps : int
        Of an epoch.
    """

    def __init__(self, settings: Settings, optimizer: Any, steps: int) -> None:
        from timm.scheduler import create_scheduler_v2
        from torch.optim.lr_scheduler import ReduceLROnPlateau

        self._optimizer = optimizer
        self._cosine: Any = None
        self._plateau: Any = None
        if settings.schedule == "cosine":
            self._cosine, _ = create_scheduler_v2(
                optimizer,
                sched="cosine",
                num_epochs=settings.epochs,
                warmup_epochs=settings.epochs / 20,
                warmup_lr=settings.learning_rate / 100,
                step_on_epochs=False,
                updates_per_epoch=steps,
            )
        else:
            self._plateau = ReduceLROnPlateau(optimizer, factor=0.1, patience=1)

    @property
    def rates(self) -> list[float]:
        """Learning rate of each group of the optimiser."""
        return [float(group["lr"]) for group in self._optimizer.param_groups]

    @property
    def state(self) -> dict[str, Any]:
        """What the plateau remembers; empty for the cosine, which knows the step."""
        if self._plateau is None:
            return {}
        named = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")
        return {name: self._plateau.state_dict()[name] for name in named}

    def resume(self, standing: Standing) -> None:
        """Go on where a checkpoint left it."""
        if self._plateau is not None and standing.plateau:
            self._plateau.load_state_dict(standing.plateau)

    def before(self, step: int) -> None:
        """Set the rate of a step, counted from 0 over all epochs."""
        if self._cosine is not None:
            self._cosine.step_update(step)

    def after(self, validation_loss: float | None) -> None:
        """Look at the validation loss of an epoch."""
        if self._plateau is not None and validation_loss is not None:
            self._plateau.step(validation_loss)
