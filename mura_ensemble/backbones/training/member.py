"""Training one member of a run: weighted loss, steps, checkpoints, the same end after a kill."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mura_ensemble.backbones.training.measures import held_out, words_of
from mura_ensemble.backbones.training.recipes import Settings
from mura_ensemble.backbones.training.schedule import Schedule
from mura_ensemble.backbones.views.augment import changed, drawn
from mura_ensemble.backbones.views.dataset import Views, batches_of, normalised
from mura_ensemble.backbones.weights.checkpoints import Files, Standing, lowest
from mura_ensemble.backbones.weights.registry import save_weights
from mura_ensemble.data.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

__all__ = ["Task", "class_weights", "seeded", "train_member"]


@dataclass(frozen=True)
class Task:
    """One training of a run: which views it learns from, which decide, which it must never see.

    Attributes
    ----------
    number : int
        Its place in the run; decides, with the seed, all that is drawn.
    fold : int
        The fold that it must not see; -1: it sees every one.
    study_type : str or None
        The only study type of its views; None: all.
    training, validation, held : ndarray of int
        Positions of the views that it learns from, that its validation loss is of, and of its fold.
    """

    number: int
    fold: int
    study_type: str | None
    training: NDArray[np.int64]
    validation: NDArray[np.int64]
    held: NDArray[np.int64]

    @property
    def words(self) -> str:
        """How it is called in front of a person."""
        return f"member {self.number}" + ("" if self.study_type is None else f" ({self.study_type})")

    @property
    def views(self) -> int:
        """Views that go through the network in one epoch."""
        return len(self.training) + len(self.validation) + len(self.held)


@contextmanager
def seeded(*entropy: int) -> Iterator[np.random.Generator]:
    """Seed torch from `entropy` inside the block, leave its state as it was, and yield a generator."""
    import torch

    sequence = np.random.SeedSequence(entropy)
    with torch.random.fork_rng():
        torch.manual_seed(int(sequence.generate_state(1)[0]))
        yield np.random.default_rng(sequence)


def class_weights(study_type: Sequence[str], gold: Sequence[int]) -> dict[str, tuple[float, float]]:
    """Weights of a normal and an abnormal view of each study type.

    With A abnormal and N normal views of a type, an abnormal view weighs N / (A + N) and a normal one
    A / (A + N) (Rajpurkar et al. 2017, arXiv 1712.06957), so that both classes weigh alike in the sum.

    Parameters
    ----------
    study_type, gold : sequences of one length
        One entry per training view.

    Returns
    -------
    dict
        Study type to (weight of normal, weight of abnormal).
    """
    share = pd.Series(np.asarray(gold, dtype=np.float64)).groupby(np.asarray(study_type, dtype=object)).mean()
    return {str(kind): (float(abnormal), float(1 - abnormal)) for kind, abnormal in share.items()}


def train_member(
    task: Task,
    files: Files,
    model: nn.Module,
    views: Views,
    rows: pd.DataFrame,
    *,
    settings: Settings,
    device: Any,
    workers: int,
    checkpoint_seconds: float,
    report: Callable[[int, str], None],
    after_epoch: Callable[[], None],
) -> None:
    """Train one member and leave its weights and, as the last thing, `files.done`.

    Every step draws its augmentation and dropout from (seed, member, epoch, step) alone, so that a run killed
    anywhere ends, when started again, as if it had not been. Nothing is chosen by the held-out fold: that would
    leak its gold standard into its out-of-fold probabilities.

    Parameters
    ----------
    rows : DataFrame
        Of `views`, with `study`, `study_type` and `gold`.
    checkpoint_seconds : float
        How long after a checkpoint the next one is written; one is written at the end of every epoch too.
    report : callable
        Told after every batch how many views are done and how it goes, and at the end of an epoch.
    after_epoch : callable
        Called when the checkpoint of an epoch stands.
    """
    import torch
    from timm.optim import create_optimizer_v2
    from timm.utils import ModelEmaV3
    from torch.nn.functional import binary_cross_entropy_with_logits

    if files.done.exists():
        report(settings.epochs * task.views, "")
        report(0, f"{task.words} stands")
        return
    weight, target = _weights_and_targets(rows, task.training, device)
    model.to(device)
    optimizer = create_optimizer_v2(
        model,
        opt=settings.optimizer,
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        layer_decay=settings.layer_decay if settings.layer_decay < 1 else None,
    )
    average = ModelEmaV3(model, decay=settings.average, use_warmup=True) if settings.average else None
    kept_model = model if average is None else average.module
    steps = len(_batches(task.training, settings.batch_size))
    schedule = Schedule(settings, optimizer, steps)
    standing = files.resume(model, None if average is None else average.module, optimizer)
    schedule.resume(standing)
    report(len(standing.history) * task.views, "")
    saved = time.monotonic()
    for epoch in range(len(standing.history), settings.epochs):
        with seeded(settings.seed, task.number, epoch + 1, 0) as rng:
            batches = _batches(rng.permutation(task.training), settings.batch_size)
        report(sum(map(len, batches[: standing.step])), "")
        model.train()
        for batch in batches_of(views, batches[standing.step :], workers=workers):
            schedule.before(epoch * steps + standing.step)
            with seeded(settings.seed, task.number, epoch + 1, standing.step + 1) as rng:
                changes = drawn(settings.augmentation, len(batch.rows), rng)
                if batch.ok.any():
                    seen = torch.from_numpy(batch.ok)
                    values = changed(batch.values[seen].to(device), changes.of(batch.ok))
                    chosen = torch.from_numpy(batch.rows[batch.ok]).to(device)
                    with _autocast(settings, device):
                        logits = model(normalised(values, views.preprocessing))[:, 0].float()
                    loss = binary_cross_entropy_with_logits(logits, target[chosen], weight=weight[chosen])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    standing.loss += float(loss.detach()) * int(batch.ok.sum())
            failed = batch.failed(views.names)
            standing.failed += len(failed)
            standing.first_failed = _first(standing.first_failed, *failed)
            standing.step += 1
            if average is not None:
                average.update(model, step=epoch * steps + standing.step)
            report(
                len(batch.rows),
                f"{task.words} epoch {epoch + 1}/{settings.epochs}{words_of(standing.history)}",
            )
            if time.monotonic() - saved >= checkpoint_seconds and standing.step < steps:
                standing.rates = schedule.rates
                files.save(standing, model, None if average is None else average.module, optimizer)
                saved = time.monotonic()
        line = _line(task, epoch, standing, schedule.rates[0])
        for part, named, positions in (
            ("validation_", "validation_loss", task.validation),
            ("", "held_out_loss", task.held),
        ):
            if len(positions):
                loss_there, found, failed = held_out(
                    kept_model, views, rows, positions, weight, target, settings.batch_size, device, workers
                )
                if part:
                    found |= {"views": len(positions) - len(failed), "failed": 0, "first_failed": ""}
                line |= {named: loss_there, **{f"{part}{name}": value for name, value in found.items()}}
                line[f"{part}failed"] += len(failed)
                line[f"{part}first_failed"] = _first(line[f"{part}first_failed"], *failed)
                report(len(positions), "")
        history = [*standing.history, line]
        if settings.kept and epoch + 1 in lowest(history, settings.kept):
            save_weights(files.weights(epoch + 1), kept_model.state_dict(), {})
        schedule.after(line["validation_loss"])
        standing = Standing(history=history, rates=schedule.rates, plateau=schedule.state)
        files.save(standing, model, None if average is None else average.module, optimizer)
        saved = time.monotonic()
        if settings.kept:
            files.drop_epochs(history, settings.kept)
        after_epoch()
        report(0, f"{task.words} epoch {epoch + 1}/{settings.epochs} done{words_of(history)}")
    if settings.kept and not lowest(standing.history, settings.kept):
        raise InputError(
            f"{task.words}: no epoch has a finite validation loss, so none can be kept; lower the learning rate"
        )
    if not settings.kept:
        save_weights(files.weights(None), kept_model.state_dict(), {})
    files.finish(standing.history, settings.kept)
    after_epoch()


def _autocast(settings: Settings, device: Any) -> AbstractContextManager[Any]:
    import torch

    if settings.precision == "float32":
        return nullcontext()
    autocast: AbstractContextManager[Any] = torch.autocast(device.type, dtype=torch.bfloat16)
    return autocast


def _line(task: Task, epoch: int, standing: Standing, rate: float) -> dict[str, Any]:
    read = len(task.training) - standing.failed
    return {
        "fold": task.fold,
        "study_type": task.study_type,
        "epoch": epoch + 1,
        "learning_rate": rate,
        "views": read,
        "failed": standing.failed,
        "first_failed": standing.first_failed,
        "loss": standing.loss / read if read else None,
        "validation_loss": None,
    }


def _first(*failed: str) -> str:
    """The first by name, so that it is the same whatever the order of the batches."""
    return min(filter(None, failed), default="")


def _weights_and_targets(
    rows: pd.DataFrame, training: NDArray[np.int64], device: Any
) -> tuple[Tensor, Tensor]:
    import torch

    known = rows.iloc[training]
    weights = class_weights(list(known["study_type"]), list(known["gold"]))
    # A study type that no training view has weighs its classes alike; it serves the metrics only.
    weight = [
        weights.get(kind, (0.5, 0.5))[gold]
        for kind, gold in zip(rows["study_type"], rows["gold"], strict=True)
    ]
    gold = rows["gold"].to_numpy(dtype=np.float32)
    return torch.tensor(weight, dtype=torch.float32, device=device), torch.from_numpy(gold).to(device)


def _batches(positions: NDArray[np.int64], size: int) -> list[list[int]]:
    batches = [list(map(int, positions[start : start + size])) for start in range(0, len(positions), size)]
    # Batch normalisation cannot learn from a single view.
    if len(batches) > 1 and len(batches[-1]) == 1:
        last = batches.pop()
        batches[-1] += last
    return batches
