"""The forward passes of a prediction: batches of one fold each, logits into parts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from mura_ensemble.backbones.dataset import Views, batches_of, normalised
from mura_ensemble.backbones.progress import progress
from mura_ensemble.backbones.registry import create_backbone
from mura_ensemble.backbones.runs import TrainedRun
from mura_ensemble.backbones.shards import Work, parts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

__all__ = ["Members", "Precision", "predict_parts"]

Precision = Literal["float32", "bfloat16"]


class Members:
    """The members of a run on a device.

    Parameters
    ----------
    trained : TrainedRun
    states : sequence of dict
        The weights of each member of the run.
    precision : {'float32', 'bfloat16'}
    device : torch.device
    """

    def __init__(
        self, trained: TrainedRun, states: Sequence[dict[str, Tensor]], *, precision: Precision, device: Any
    ) -> None:
        self.preprocessing = trained.preprocessing
        self.precision = precision
        self.device = device
        self.models = [self._made(trained, state) for state in states]

    def _made(self, trained: TrainedRun, state: dict[str, Tensor]) -> nn.Module:
        model = create_backbone(
            trained.plan["architecture"],
            channels=self.preprocessing.channels,
            size=self.preprocessing.size,
            arguments=trained.plan["arguments"],
        )
        model.load_state_dict(state)
        return model.to(self.device)

    def logits(self, values: Tensor, asked: Sequence[int]) -> NDArray[np.float32]:
        """Mean of the logits of the members that are asked.

        Parameters
        ----------
        values : Tensor, shape (n, channels, size, size)
            In [0, 1], not yet normalised.
        asked : sequence of int
            Positions of members.

        Returns
        -------
        ndarray, shape (n,)
        """
        import torch

        half = self.precision == "bfloat16"
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, dtype=torch.bfloat16) if half else nullcontext(),
        ):
            put = normalised(values.to(self.device), self.preprocessing)
            found = torch.stack([model(put)[:, 0].double() for model in (self.models[one] for one in asked)])
        mean: NDArray[np.float32] = found.mean(dim=0).float().cpu().numpy()
        return mean


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
    views = Views(rows, members.preprocessing)
    logits = np.full(len(rows), np.nan, dtype=np.float32)
    reasons = np.full(len(rows), "", dtype=object)
    waiting = list(numbers)
    with progress(sum(map(len, batches)), f"predicting {work.folder.name} {work.split}") as report:
        for batch in batches_of(views, batches, workers=workers):
            # An unreadable view goes through as zeros: the batch keeps its shape, its neighbours their digits.
            found = members.logits(batch.values, asked[batch.rows[0]])
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
