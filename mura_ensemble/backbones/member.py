"""Training one member of a run: weighted loss, epochs, a checkpoint after each, the same end after a kill."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mura_ensemble.backbones.dataset import Views, augmented, batches_of, normalised
from mura_ensemble.backbones.registry import load_weights, save_weights
from mura_ensemble.backbones.runs import member_file

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

__all__ = ["Settings", "class_weights", "seeded", "train_member"]

ROTATION = 30.0
"""Largest rotation of the augmentation, degrees (Rajpurkar et al. 2017, arXiv 1712.06957)."""


@dataclass(frozen=True)
class Settings:
    """How a member is trained.

    Attributes
    ----------
    epochs, batch_size, seed : int
    learning_rate, weight_decay : float
        Of AdamW; the rate warms up over a twentieth of all steps and falls along a cosine to zero.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    seed: int


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
    fold: int,
    model: nn.Module,
    views: Views,
    rows: pd.DataFrame,
    *,
    settings: Settings,
    device: Any,
    workers: int,
    folder: Path,
    report: Callable[[int, str], None],
    after_epoch: Callable[[], None],
) -> None:
    """Train on the views of the other folds and leave `fold-k.safetensors`.

    Every epoch draws its order, augmentation and dropout from (seed, fold, epoch) alone and ends with a
    checkpoint, so that a run killed anywhere ends, when started again, as if it had not been. The weights
    of the last epoch are kept: to choose an epoch by the held-out fold would leak its gold standard into
    its out-of-fold probabilities.

    Parameters
    ----------
    fold : int
        The fold that this member must not see; -1 trains on every view.
    rows : DataFrame
        Of `views`, with `study`, `study_type`, `fold` and `gold`.
    report : callable
        Told after every batch how many views are done and how it goes, and at the end of an epoch.
    after_epoch : callable
        Called when the checkpoint of an epoch stands.
    """
    import torch
    from timm.optim import create_optimizer_v2
    from timm.scheduler import create_scheduler_v2
    from torch.nn.functional import binary_cross_entropy_with_logits

    number = max(fold, 0)
    finished, unfinished = member_file(folder, number), member_file(folder, number, unfinished=True)
    training = np.flatnonzero(rows["fold"] != fold)
    held = np.flatnonzero(rows["fold"] == fold)
    if finished.exists():
        report(settings.epochs * len(training), "")
        report(0, f"member {number} stands")
        return
    weight, target = _weights_and_targets(rows, training, device)
    model.to(device)
    optimizer = create_optimizer_v2(
        model, opt="adamw", lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    steps = len(_batches(training, settings.batch_size))
    scheduler, _ = create_scheduler_v2(
        optimizer,
        sched="cosine",
        num_epochs=settings.epochs,
        warmup_epochs=settings.epochs / 20,
        warmup_lr=settings.learning_rate / 100,
        step_on_epochs=False,
        updates_per_epoch=steps,
    )
    history = _resumed(unfinished, model, optimizer) if unfinished.exists() else []
    report(len(history) * len(training), "")
    for epoch in range(len(history), settings.epochs):
        total, failed = 0.0, 0
        model.train()
        with seeded(settings.seed, number, epoch + 1) as rng:
            order = rng.permutation(training)
            for step, batch in enumerate(
                batches_of(views, _batches(order, settings.batch_size), workers=workers)
            ):
                scheduler.step_update(epoch * steps + step)
                flips, degrees = (
                    rng.random(len(batch.rows)) < 0.5,
                    rng.uniform(-ROTATION, ROTATION, len(batch.rows)),
                )
                failed += int((~batch.ok).sum())
                if batch.ok.any():
                    seen = torch.from_numpy(batch.ok)
                    values = augmented(batch.values[seen].to(device), flips[batch.ok], degrees[batch.ok])
                    chosen = torch.from_numpy(batch.rows[batch.ok]).to(device)
                    logits = model(normalised(values, views.preprocessing))[:, 0]
                    loss = binary_cross_entropy_with_logits(logits, target[chosen], weight=weight[chosen])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    total += float(loss.detach()) * int(batch.ok.sum())
                report(
                    len(batch.rows), f"member {number} epoch {epoch + 1}/{settings.epochs}{_words(history)}"
                )
        read = len(training) - failed
        line = {
            "fold": fold,
            "epoch": epoch + 1,
            "views": read,
            "failed": failed,
            "loss": total / read if read else None,
        }
        history.append(
            {**line, **_held_out(model, views, rows, held, weight, target, settings, device, workers)}
        )
        _save(unfinished, model, optimizer, history)
        after_epoch()
        report(0, f"member {number} epoch {epoch + 1}/{settings.epochs} done{_words(history)}")
    save_weights(finished, model.state_dict(), {"history": json.dumps(history)})
    unfinished.unlink(missing_ok=True)
    after_epoch()


def _words(history: list[dict[str, Any]]) -> str:
    last = history[-1] if history else {}
    told = (("loss", last.get("loss"), ".4f"), ("held-out kappa", last.get("kappa"), ".3f"))
    return "".join(f", {name} {value:{digits}}" for name, value, digits in told if value is not None)


def _weights_and_targets(
    rows: pd.DataFrame, training: NDArray[np.int64], device: Any
) -> tuple[Tensor, Tensor]:
    import torch

    known = rows.iloc[training]
    weights = class_weights(list(known["study_type"]), list(known["gold"]))
    # A study type that only the held-out fold has weighs its classes alike; it serves the metrics only.
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


def _held_out(
    model: nn.Module,
    views: Views,
    rows: pd.DataFrame,
    held: NDArray[np.int64],
    weight: Tensor,
    target: Tensor,
    settings: Settings,
    device: Any,
    workers: int,
) -> dict[str, Any]:
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    if not len(held):
        return {}
    model.eval()
    logits = torch.full((len(rows),), torch.nan, device=device)
    with torch.inference_mode():
        for batch in batches_of(views, _batches(held, settings.batch_size), workers=workers):
            found = model(normalised(batch.values.to(device), views.preprocessing))[:, 0]
            seen = torch.from_numpy(batch.ok)
            logits[torch.from_numpy(batch.rows)[seen].to(device)] = found[seen.to(device)]
        read = ~logits.isnan()
        loss = float(binary_cross_entropy_with_logits(logits[read], target[read], weight=weight[read]))
    known = rows.assign(probability=torch.sigmoid(logits).cpu().numpy()).loc[read.cpu().numpy()]
    studies = known.groupby("study").agg(gold=("gold", "first"), probability=("probability", "mean"))
    return {"held_out_loss": _number(loss), "studies": len(studies), **_agreement(studies)}


def _agreement(studies: pd.DataFrame) -> dict[str, float | None]:
    from sklearn.metrics import cohen_kappa_score, roc_auc_score

    gold, call = studies["gold"].to_numpy(), (studies["probability"] > 0.5).to_numpy(dtype=np.int64)
    both_classes = len(np.unique(gold)) == 2
    return {
        "auroc": _number(roc_auc_score(gold, studies["probability"])) if both_classes else None,
        "kappa": _number(cohen_kappa_score(gold, call)) if len({*gold, *call}) == 2 else None,
        "accuracy": _number((gold == call).mean()) if len(gold) else None,
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _save(path: Path, model: nn.Module, optimizer: Any, history: list[dict[str, Any]]) -> None:
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": tensor for name, tensor in state.items()}
    save_weights(path, tensors, {"history": json.dumps(history)})


def _resumed(path: Path, model: nn.Module, optimizer: Any) -> list[dict[str, Any]]:
    tensors, metadata = load_weights(path)
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition("/")
        if part == "optimizer":
            index, _, slot = rest.partition("/")
            state.setdefault(int(index), {})[slot] = tensor
    prefix = "model/"
    model.load_state_dict(
        {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    )
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    history: list[dict[str, Any]] = json.loads(metadata["history"])
    return history
