"""How a member does on views that it did not learn from, for the history of its training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mura_ensemble.backbones.views.dataset import Views, batches_of, normalised

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

__all__ = ["held_out", "words_of"]


def held_out(
    model: nn.Module,
    views: Views,
    rows: pd.DataFrame,
    positions: NDArray[np.int64],
    weight: Tensor,
    target: Tensor,
    batch_size: int,
    device: Any,
    workers: int,
) -> tuple[float | None, dict[str, Any], list[str]]:
    """Weighted loss per view, and agreement per study (mean probability, threshold 0.5).

    Parameters
    ----------
    positions : ndarray of int
        The views.
    weight, target : Tensor, shape (len(rows),)

    Returns
    -------
    float or None
        The mean loss of the views that could be read; None if it is not finite.
    dict
        `studies`, `auroc`, `kappa`, `accuracy`; None where undefined.
    list of str
        The views that could not be read, and why.
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    model.eval()
    logits = torch.full((len(rows),), torch.nan, device=device)
    batches = [list(map(int, positions[at : at + batch_size])) for at in range(0, len(positions), batch_size)]
    failed: list[str] = []
    with torch.inference_mode():
        for batch in batches_of(views, batches, workers=workers):
            found = model(normalised(batch.values.to(device), views.preprocessing))[:, 0]
            seen = torch.from_numpy(batch.ok)
            failed += batch.failed(views.names)
            logits[torch.from_numpy(batch.rows)[seen].to(device)] = found[seen.to(device)]
        read = ~logits.isnan()
        loss = float(binary_cross_entropy_with_logits(logits[read], target[read], weight=weight[read]))
    known = rows.assign(probability=torch.sigmoid(logits).cpu().numpy()).loc[read.cpu().numpy()]
    studies = known.groupby("study").agg(gold=("gold", "first"), probability=("probability", "mean"))
    return _number(loss), {"studies": len(studies), **_agreement(studies)}, failed


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


def words_of(history: list[dict[str, Any]]) -> str:
    """The last epoch in a few words for a progress bar."""
    last = history[-1] if history else {}
    told = (
        ("loss", last.get("loss"), ".4f"),
        ("validation loss", last.get("validation_loss"), ".4f"),
        ("validation kappa", last.get("validation_kappa"), ".3f"),
        ("held-out kappa", last.get("kappa"), ".3f"),
    )
    return "".join(f", {name} {value:{digits}}" for name, value, digits in told if value is not None)
