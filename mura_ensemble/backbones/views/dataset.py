"""Batches of views: decoded in memory when they fit, by loader processes when they do not."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from mura_ensemble.backbones.prediction.turns import local_rank
from mura_ensemble.backbones.views.reading import Preprocessing, ViewError, decode_view, fitted, read_bytes
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.tables.manifests import MISSING

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = [
    "ViewBatch",
    "Views",
    "batches_of",
    "chosen_device",
    "normalised",
    "refuse_unreadable",
]

MEMORY = 2 * 2**30
"""Bytes of decoded views that training keeps in memory rather than decode them again every epoch."""

THREADS, AHEAD = 8, 2
"""Threads that decode where no processes do, and how many batches they are ahead."""

PROBED = 64
"""Views of each fold that are decoded before training begins."""


@dataclass(frozen=True)
class ViewBatch:
    """Some views of a table.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        Positions in the table.
    values : Tensor, shape (n, channels, size, size)
        In [0, 1]; zeros for a view that failed.
    reasons : list of str, length n
        Why a view failed; an empty string for a view that did not.
    """

    rows: NDArray[np.int64]
    values: Tensor
    reasons: list[str]

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Which views could be read, shape (n,)."""
        return np.array([not reason for reason in self.reasons], dtype=bool)

    def failed(self, names: Sequence[str]) -> list[str]:
        """Each view that could not be read by its name in the table, and why."""
        told = zip(self.rows, self.reasons, strict=True)
        return [f"{names[row]} ({reason})" for row, reason in told if reason]


class Reading(NamedTuple):
    """What came of one view: values (zeros if it failed), the reason if it failed, digest of its file."""

    values: NDArray[np.float32]
    reason: str
    content: str


class Views:
    """The views of a table by position, for a torch DataLoader.

    Parameters
    ----------
    rows : DataFrame
        Columns `view`, `file` and `content` of `manifests.read_views`.
    preprocessing : Preprocessing
    """

    def __init__(self, rows: pd.DataFrame, preprocessing: Preprocessing) -> None:
        self.files = list(rows["file"])
        self.names = list(rows["view"])
        self.contents = list(rows["content"])
        self.preprocessing = preprocessing
        self._kept: list[Reading] | None = None

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, position: int) -> tuple[int, Reading]:
        return position, self._read(position) if self._kept is None else self._kept[position]

    def keep_in_memory(self) -> None:
        """Decode every view once, if all together are small enough."""
        side = self.preprocessing
        if self._kept is None and len(self) * side.channels * side.size**2 * 4 <= MEMORY:
            with ThreadPoolExecutor() as pool:
                self._kept = list(pool.map(self._read, range(len(self))))

    @property
    def kept(self) -> bool:
        """Whether every view is decoded already."""
        return self._kept is not None

    def _read(self, position: int) -> Reading:
        side = self.preprocessing
        content = MISSING
        try:
            data = read_bytes(Path(self.files[position]))
            content = hashlib.sha256(data).hexdigest()
            return Reading(fitted(decode_view(data), side), "", content)
        except ViewError as error:
            blank = np.zeros((side.channels, side.size, side.size), dtype=np.float32)
            return Reading(blank, str(error), content)


def refuse_unreadable(views: Views, rows: pd.DataFrame, *, source: Path) -> None:
    """Find out before the first epoch whether there is anything to train on.

    Missing files are counted over all views; of each fold, up to `PROBED` views spread evenly are decoded.

    Parameters
    ----------
    views : Views
    rows : DataFrame
        Of `views`, with `path`, `content` and `fold`.
    source : Path
        The manifest, for the error.

    Raises
    ------
    InputError
        If more than half of the views, or all views of one fold, cannot be read.
    """
    everywhere = np.arange(len(rows))
    fold_of = rows["fold"].to_numpy()
    spread = [
        of_fold[np.unique(np.linspace(0, len(of_fold) - 1, PROBED).astype(np.int64))]
        for of_fold in (np.flatnonzero(fold_of == fold) for fold in np.unique(fold_of))
    ]
    _refuse_most(views, rows, everywhere, (rows["content"] == MISSING).to_numpy(), source)
    probed = np.sort(np.concatenate(spread))
    with ThreadPoolExecutor() as pool:
        failed = np.array(list(pool.map(lambda position: bool(views[position][1].reason), probed)))
    _refuse_most(views, rows, probed, failed, source)


def _refuse_most(
    views: Views, rows: pd.DataFrame, tried: NDArray[np.int64], failed: NDArray[np.bool_], source: Path
) -> None:
    by_fold = pd.Series(failed).groupby(rows["fold"].to_numpy()[tried]).mean()
    lost = by_fold.index[by_fold == 1]
    if failed.mean() <= 0.5 and not len(lost):
        return
    wrong = failed if failed.mean() > 0.5 else failed & (rows["fold"].to_numpy()[tried] == lost[0])
    first = int(tried[np.argmax(wrong)])
    among = f"{len(tried):,} views" if len(tried) == len(rows) else f"{len(tried):,} views that were tried"
    gone = "that are validated on" if len(lost) and lost[0] < 0 else f"of fold {lost[0]}" if len(lost) else ""
    also = "" if failed.mean() > 0.5 else f", all {gone} among them"
    raise InputError(
        f"{source}: {int(failed.sum()):,} of {among} cannot be read{also}, first {views.files[first]} "
        f"({views[first][1].reason}); name the folder where the manifest's paths begin with --root"
    )


def batches_of(views: Views, batches: Sequence[Sequence[int]], *, workers: int) -> Iterator[ViewBatch]:
    """Yield the batches named by their positions, in that order.

    Parameters
    ----------
    views : Views
    batches : sequence of sequences of int
    workers : int
        Processes that decode; 0: threads of this one.

    Raises
    ------
    InputError
        If the file of a view is no longer the one whose digest the table holds.
    """
    gathered = (
        _by_processes(views, batches, workers) if workers and not views.kept else _by_threads(views, batches)
    )
    for positions, values, readings in gathered:
        for position, (_, content) in zip(positions, readings, strict=True):
            # The cache's key was made from the contents; other contents must not be filed under it.
            if content != views.contents[position]:
                raise InputError(
                    f"view {views.names[position]}: its file changed while it was in use; start again"
                )
        yield ViewBatch(positions, values, [reason for reason, _ in readings])


Gathered = tuple["NDArray[np.int64]", "Tensor", list[tuple[str, str]]]


def _by_processes(views: Views, batches: Sequence[Sequence[int]], workers: int) -> Iterator[Gathered]:
    from torch.utils.data import DataLoader

    yield from DataLoader(views, batch_sampler=batches, num_workers=workers, collate_fn=_collated)


def _by_threads(views: Views, batches: Sequence[Sequence[int]]) -> Iterator[Gathered]:
    """Decode the next batches while the network is busy with this one."""
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        coming: deque[list[Future[tuple[int, Reading]]]] = deque()
        for batch in [*batches, *[()] * AHEAD]:
            coming.append([pool.submit(views.__getitem__, position) for position in batch])
            if len(coming) > AHEAD:
                yield _collated([view.result() for view in coming.popleft()])


def _collated(items: list[tuple[int, Reading]]) -> Gathered:
    import torch

    positions = np.array([position for position, _ in items], dtype=np.int64)
    # A tensor, not an array, because loader processes hand tensors over in shared memory.
    values = torch.from_numpy(np.stack([reading.values for _, reading in items]))
    return positions, values, [(reading.reason, reading.content) for _, reading in items]


def normalised(values: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Subtract the mean and divide by the standard deviation of each channel; shape unchanged."""
    import torch

    mean = torch.tensor(preprocessing.mean, device=values.device).view(1, -1, 1, 1)
    std = torch.tensor(preprocessing.std, device=values.device).view(1, -1, 1, 1)
    return (values - mean) / std


def chosen_device(name: str) -> Any:
    """Torch's device: `auto` is this process's GPU of the machine (`turns.local_rank`) or the first, else the CPU.

    Raises
    ------
    InputError
        If torch does not know the name or the device is not there.
    """
    import torch

    if name == "auto":
        name = f"cuda:{local_rank() or 0}" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].partition(". ")[0]
        raise InputError(f"device '{name}' cannot be used: {reason}") from error
    return device
