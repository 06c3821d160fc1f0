"""The forward passes of a prediction: batches of one fold each, logits into parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from mura_ensemble.backbones.prediction.shards import Work, parts_of
from mura_ensemble.backbones.prediction.testtime import TestTime
from mura_ensemble.backbones.training.progress import progress
from mura_ensemble.backbones.views.dataset import Views, batches_of, normalised
from mura_ensemble.backbones.weights.trained import TrainedRun
from mura_ensemble.data.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

__all__ = ["PRECISIONS", "Members", "Precision", "predict_parts"]

Precision = Literal["float32", "bfloat16", "float16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


class Members:
    """The members of a run on a device.

    Parameters
    ----------
    trained : TrainedRun
    states : sequence of dict
        The weights of each member of the run.
    precision : {'float32', 'bfloat16', 'float16'}
    ways : TestTime
        How each view is seen.
    channels_last, compiled : bool
    device : torch.device

    Raises
    ------
    InputError
        If the network, the device or the compiler cannot do what is asked; found out with a first view.
    """

    def __init__(
        self,
        trained: TrainedRun,
        states: Sequence[dict[str, Tensor]],
        *,
        precision: Precision,
        ways: TestTime,
        channels_last: bool,
        compiled: bool,
        device: Any,
    ) -> None:
        import torch

        self.preprocessing = trained.preprocessing
        self.precision = precision
        self.ways = ways
        self.device = device
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.models = [self._made(trained, state, compiled) for state in states]
        for side, asked in zip(ways.sides(self.preprocessing), ways.inputs(self.preprocessing), strict=True):
            blank = torch.zeros(2, asked.channels, asked.size, asked.size)
            try:
                self._one_size(blank, side, [0])
            except Exception as error:  # compilers and networks raise what they like
                reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                how = f"{', compiled' if compiled else ''}{f', in {precision}' if precision != 'float32' else ''}"
                raise InputError(
                    f"architecture '{trained.plan['architecture']}' cannot take views of {side} px on {device.type}{how}: "
                    f"{reason}"
                ) from error

    def _made(self, trained: TrainedRun, state: dict[str, Tensor], compiled: bool) -> nn.Module:
        import torch

        model = trained.network(state).to(self.device, memory_format=self.memory_format)
        return torch.compile(model) if compiled else model

    def logits(self, values: Sequence[Tensor], asked: Sequence[int]) -> NDArray[np.float32]:
        """Mean of the logits of the members that are asked, over the ways in which they see the views.

        Parameters
        ----------
        values : sequence of Tensor, each of shape (n, channels, size, size)
            The views in [0, 1], not yet normalised, for every size of `ways.inputs`.
        asked : sequence of int
            Positions of members.

        Returns
        -------
        ndarray, shape (n,)
        """
        import torch

        sides = self.ways.sides(self.preprocessing)
        each = [self._one_size(one, side, asked) for one, side in zip(values, sides, strict=True)]
        mean: NDArray[np.float32] = torch.stack(each).mean(dim=0).float().cpu().numpy()
        return mean

    def _one_size(self, values: Tensor, side: int, asked: Sequence[int]) -> Tensor:
        import torch

        with torch.inference_mode(), self._arithmetic():
            put = normalised(values.to(self.device), self.preprocessing)
            found = [
                self.models[one](view.contiguous(memory_format=self.memory_format))[:, 0].double()
                for view in self.ways.seen(put, side)
                for one in asked
            ]
            return torch.stack(found).mean(dim=0)

    @contextmanager
    def _arithmetic(self) -> Iterator[None]:
        """The precision; on a GPU float32 means float32, not the 10 bits of TF32 that cuDNN takes by default."""
        import torch

        if self.precision == "float32":
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                yield
        else:
            with torch.autocast(self.device.type, dtype=getattr(torch, self.precision)):
                yield


def predict_parts(
    work: Work,
    rows: pd.DataFrame,
    numbers: Sequence[int],
    members: Members,
    *,
    batch_size: int,
    workers: int,
) -> int:
    """Compute and write the numbered parts, one after the other.

    A batch never crosses the border of a part, so that which other parts are computed in this process,
    or were before a kill, changes no digit.

    Parameters
    ----------
    rows : DataFrame
        All views of the split, with `fold` and `asked` (positions of the members that give its logit), in the
        order that the parts cut.
    numbers : sequence of int
        The parts to compute.

    Returns
    -------
    int
        How many views went through.
    """
    asked = rows["asked"].tolist()
    parts = parts_of(len(rows))
    batches = [batch for number in numbers for batch in _batches(parts[number], asked, batch_size)]
    sizes = [Views(rows, asked_for) for asked_for in members.ways.inputs(members.preprocessing)]
    logits = np.full(len(rows), np.nan, dtype=np.float32)
    reasons = np.full(len(rows), "", dtype=object)
    waiting = list(numbers)
    with progress(sum(map(len, batches)), f"predicting {work.folder.name} {work.split}") as report:
        for each in zip(*(batches_of(views, batches, workers=workers) for views in sizes), strict=True):
            batch = each[0]
            # An unreadable view goes through as zeros: the batch keeps its shape, its neighbours their digits.
            found = members.logits([one.values for one in each], asked[batch.rows[0]])
            logits[batch.rows[batch.ok]] = found[batch.ok]
            reasons[batch.rows] = batch.reasons
            unreal = batch.rows[batch.ok & ~np.isfinite(found)]
            logits[unreal], reasons[unreal] = np.nan, "the network gave no finite logit"
            report(len(batch.rows), "")
            if batch.rows[-1] == parts[waiting[0]][-1]:
                number = waiting.pop(0)
                work.write_part(number, _part(rows.iloc[list(parts[number])], logits, reasons))
    return sum(map(len, batches))


def _batches(part: range, asked: Sequence[tuple[int, ...]], size: int) -> list[list[int]]:
    """Cut a part into batches whose views all ask the same members."""
    batches: list[list[int]] = []
    for position in part:
        if not batches or len(batches[-1]) == size or asked[batches[-1][-1]] != asked[position]:
            batches.append([])
        batches[-1].append(position)
    return batches


def _part(rows: pd.DataFrame, logits: NDArray[np.float32], reasons: NDArray[np.object_]) -> pd.DataFrame:
    logit = logits[rows.index]
    reason = reasons[rows.index]
    return rows[["study", "view", "patient", "study_type", "split", "fold"]].assign(
        logit=logit,
        # From the float32 logit that is stored, so that the two columns always agree.
        probability=1 / (1 + np.exp(-logit.astype(np.float64))),
        status=np.where(reason == "", "ok", "failed"),
        reason=reason,
    )
