"""Predicting views of 320 px with densenet169: our whole loop beside a bare forward loop over ready tensors.

Ours opens, decodes, checks and resizes every view and writes the parts of the cache; the bare loop has the batches in
memory and keeps nothing. Rounds alternate; of each the least is taken. Throughput is of wall seconds; the seconds in the
table are of the processor, decoding beside the network included, and on a GPU of the wall.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import OURS, Row

ARCHITECTURE, SIDE, BATCH = "densenet169", 320, 8
ROUNDS = 5


def run(quick: bool) -> list[Row]:
    import torch

    from mura_ensemble.backbones.views.dataset import chosen_device

    device = chosen_device("auto")
    on_gpu = device.type != "cpu"
    views = (16 if quick else 48) * (64 if on_gpu else 1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        table = _views(Path(folder), views)
        for precision in ("float32", "bfloat16"):
            ours, bare = _both(Path(folder), table, precision, device)
            wall, cpu = _alternating(ours, bare, device)
            seconds = wall if on_gpu else cpu
            task = f"{views} views, {ARCHITECTURE}, {SIDE} px, {precision}, {device.type}"
            note = f"throughput {wall[1] / wall[0] - 1:+.1%} beside the bare loop: {views / wall[0]:.1f} views a second"
            note += "" if on_gpu else f"; processor time {cpu[0] / cpu[1] - 1:+.1%}"
            rows.append(Row(task, OURS, seconds[0], note=note))
            rows.append(
                Row(task, f"bare loop, torch {torch.__version__}", seconds[1], note="views ready in memory")
            )
    return rows


def _views(folder: Path, count: int) -> pd.DataFrame:
    """Radiograph-like PNGs of 512 px, as rows of a manifest."""
    import hashlib

    from PIL import Image

    rng = np.random.default_rng(0)
    smooth = np.asarray(Image.fromarray(rng.integers(0, 255, (16, 16), dtype=np.uint8)).resize((512, 512), 3))
    rows = []
    for number in range(count):
        path = folder / f"{number}.png"
        noisy = np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
        Image.fromarray(np.roll(noisy, number, axis=1)).save(path)
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        rows.append((f"s{number}", f"v{number}", f"p{number}", "hand", "test", str(path), content, -1, (0,)))
    names = ("study", "view", "patient", "study_type", "split", "file", "content", "fold", "asked")
    return pd.DataFrame(rows, columns=list(names))


def _both(
    folder: Path, table: pd.DataFrame, precision: Any, device: Any
) -> tuple[Callable[[], None], Callable[[], None]]:
    import torch

    from mura_ensemble.backbones.prediction import forward
    from mura_ensemble.backbones.prediction.shards import Work, parts_of
    from mura_ensemble.backbones.prediction.testtime import TestTime
    from mura_ensemble.backbones.views.dataset import Views, normalised
    from mura_ensemble.backbones.views.reading import Preprocessing
    from mura_ensemble.backbones.weights.registry import create_backbone
    from mura_ensemble.backbones.weights.trained import Member, TrainedRun

    preprocessing = Preprocessing(size=SIDE, channels=1, mean=(0.449,), std=(0.226,))
    model = create_backbone(ARCHITECTURE, channels=1, size=SIDE, arguments={})
    trained = TrainedRun(
        folder=folder,
        plan={"architecture": ARCHITECTURE, "arguments": {}, "preprocessing": preprocessing.card()},
        folds=pd.DataFrame(),
        members=(Member(folder / "none", -1, None, ""),),
        metrics=pd.DataFrame(),
    )
    members = forward.Members(
        trained,
        [model.state_dict()],
        precision=precision,
        ways=TestTime(),
        channels_last=False,
        compiled=False,
        device=device,
    )
    work = Work(folder / "out", "test", "held-out", {"precision": precision}, "", {})
    numbers = range(len(parts_of(len(table))))
    ready = Views(table, preprocessing)
    held = torch.from_numpy(np.stack([ready[place][1].values for place in range(len(table))]))
    bare_model = model.to(device)

    def ours() -> None:
        forward.predict_parts(work, table, numbers, members, batch_size=BATCH, workers=0)

    def bare() -> None:
        half = torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16")
        with torch.inference_mode(), half, torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            for start in range(0, len(held), BATCH):
                bare_model(normalised(held[start : start + BATCH].to(device), preprocessing)).float().cpu()

    return ours, bare


def _alternating(
    ours: Callable[[], None], bare: Callable[[], None], device: Any
) -> tuple[list[float], list[float]]:
    """Least wall and least processor seconds, each of (ours, bare)."""
    import torch

    bare()  # the first pass of a network chooses its kernels
    took = np.empty((2, 2, ROUNDS))  # clock, work, round
    for number in range(ROUNDS):
        for place, work in enumerate((ours, bare)):
            start = time.perf_counter(), time.process_time()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize()
            took[:, place, number] = time.perf_counter() - start[0], time.process_time() - start[1]
    wall, cpu = took.min(axis=2).tolist()
    return wall, cpu
