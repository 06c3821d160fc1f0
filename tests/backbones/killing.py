"""Processes that are killed at chosen moments, started again, and must end as if nothing had happened.

A moment is what a process is about to do to a folder: open a file for writing, rename, remove, make a folder. Moments are
counted, not timed, so the same seed kills at the same places on any machine.
"""

from __future__ import annotations

import os
import signal
import sys
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


_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_MOMENTS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate", "open"}


def _watch(folder: Path, die_at: int, seen: Any) -> None:
    """Count what this process is about to do below `folder`, and die before the `die_at`th (0: never)."""
    places = (str(folder), str(folder.resolve()))

    def about_to(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _MOMENTS or not str(arguments[0]).startswith(places):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & _WRITING):
            return
        seen.value += 1
        if seen.value == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(about_to)


def _quietly(job: Job, arguments: tuple[Any, ...], die_at: int, seen: Any) -> None:
    import torch

    torch.set_num_threads(1)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    _watch(Path(arguments[0]), die_at, seen)
    job(*arguments)


def _started(job: Job, arguments: tuple[Any, ...], die_at: int = 0) -> tuple[Any, Any]:
    seen = _CONTEXT.Value("i", 0, lock=False)
    process = _CONTEXT.Process(target=_quietly, args=(job, arguments, die_at, seen))
    process.start()
    return process, seen


def run(job: Job, *arguments: Any) -> int:
    """Run a job in a process of its own, to its end; how many moments it had."""
    process, seen = _started(job, arguments)
    process.join()
    assert process.exitcode == 0
    return int(seen.value)


def killed_until_done(
    job: Job, folder: Callable[[int], Path], *arguments: Any, kills: int, seed: int
) -> list[Path]:
    """Start a job, kill it at moments drawn by `seed`, twice in one folder where it can be, and let it end.

    Parameters
    ----------
    job : callable
        Importable; takes a folder and `arguments`, continues what it finds there.
    folder : callable
        A fresh folder by number.
    kills : int
        How many processes are killed.

    Returns
    -------
    list of Path
        The folders, in each of which the job has ended; the first was never disturbed.
    """
    moments = run(job, folder(0), *arguments)
    rng = np.random.default_rng(seed)
    folders, met = [folder(0)], 0
    while met < kills:
        folders.append(folder(len(folders)))
        for _ in range(2):
            process, _ = _started(job, (folders[-1], *arguments), int(rng.integers(1, moments + 1)))
            process.join()
            if process.exitcode == 0:  # it had fewer moments left than that
                break
            assert process.exitcode == -signal.SIGKILL
            met += 1
        run(job, folders[-1], *arguments)
    return folders


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
    started = [_started(job, arguments)[0] for job, arguments in jobs]
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0] * len(started)
