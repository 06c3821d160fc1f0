"""Processes that are killed at random moments, started again, and must end as if nothing had happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

# A process that has imported torch already and only forks, so that a start takes a moment, not seconds.
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "killing",
        "mura_ensemble.backbones.training.train",
        "mura_ensemble.backbones.prediction.predict",
        "timm",
    ]
)

Job = Callable[..., Any]


def _quietly(job: Job, arguments: tuple[Any, ...]) -> None:
    import os

    import torch

    torch.set_num_threads(1)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    job(*arguments)


def _started(job: Job, arguments: tuple[Any, ...]) -> Any:
    process = _CONTEXT.Process(target=_quietly, args=(job, arguments))
    process.start()
    return process


def run(job: Job, *arguments: Any) -> None:
    """Run a job in a process of its own, to its end."""
    process = _started(job, arguments)
    process.join()
    assert process.exitcode == 0


def killed_until_done(
    job: Job, folder: Callable[[int], Path], *arguments: Any, kills: int, seed: int
) -> list[Path]:
    """Start a job, kill it at a random moment, start it again, in one folder after the other.

    Parameters
    ----------
    job : callable
        Importable; takes a folder and `arguments`, continues what it finds there.
    folder : callable
        A fresh folder by number.
    kills : int
        How many kills must have met a process at work.

    Returns
    -------
    list of Path
        The folders, in each of which the job has ended.
    """
    run(job, folder(0), *arguments)
    began = time.monotonic()
    run(job, folder(1), *arguments)
    takes = time.monotonic() - began
    rng = np.random.default_rng(seed)
    folders, met, number = [folder(0), folder(1)], 0, 2
    while met < kills:
        process = _started(job, (folder(number), *arguments))
        process.join(timeout=float(rng.uniform(0, takes)))
        if process.exitcode is None:
            process.kill()
            process.join()
            met += process.exitcode == -9
        else:
            assert process.exitcode == 0
            folders.append(folder(number))
            number += 1
    run(job, folder(number), *arguments)
    return [*folders, folder(number)]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but locks, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def train_all(out: Path, manifest: Path, labels: Path, tiny: dict[str, Any]) -> None:
    """Everything that a training can have: kept epochs, a validation share, averaged weights, a plateau."""
    from mura_ensemble.backbones import train_backbone

    train_backbone(
        manifest,
        labels,
        out,
        **tiny,
        recipe="paper",
        average=0.9,
        kept=2,
        folds=2,
        epochs=3,
        batch_size=4,
        validation_share=0.34,
        checkpoint_seconds=0,
        device="cpu",
    )


def predict_all(out: Path, run: Path, manifest: Path) -> None:
    """Both splits of a study into one folder, in as many parts as it has views."""
    from mura_ensemble.backbones import predict_backbone
    from mura_ensemble.backbones.prediction import shards

    shards.PART = (1, 1)
    for split in ("train", "test"):
        predict_backbone(
            run, manifest, out, split=split, name="tiny", batch_size=2, tta=("flip",), device="cpu"
        )


def predict_share(out: Path, run: Path, manifest: Path, split: str, shard: str) -> None:
    """One share of one split, in as many parts as it has views."""
    from mura_ensemble.backbones import predict_backbone
    from mura_ensemble.backbones.prediction import shards

    shards.PART = (1, 1)
    predict_backbone(run, manifest, out, split=split, name="tiny", shard=shard, device="cpu")


def predict_split(out: Path, run: Path, manifest: Path, split: str) -> None:
    """One split, as a user would."""
    from mura_ensemble.backbones import predict_backbone

    predict_backbone(run, manifest, out, split=split, name="tiny", device="cpu")


def together(jobs: list[tuple[Job, tuple[Any, ...]]]) -> None:
    """Run jobs at the same time, each in a process of its own, to their ends."""
    started = [_started(job, arguments) for job, arguments in jobs]
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0] * len(started)
