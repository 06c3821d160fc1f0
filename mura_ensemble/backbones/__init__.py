"""Backbones: networks that give one probability per view, trained and run through timm.

The only floor that knows torch. Importing it is cheap: torch and timm are imported by the functions
that need them, which raise `MissingExtraError` first if the `[backbones]` extra is not installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mura_ensemble.backbones.prediction.predict import merge_predictions, predict_backbone
    from mura_ensemble.backbones.prediction.shards import PredictionSummary
    from mura_ensemble.backbones.training.train import train_backbone
    from mura_ensemble.backbones.views.reading import Preprocessing, ViewError, decode_view, read_view
    from mura_ensemble.backbones.weights.adopt import adopt_backbone
    from mura_ensemble.backbones.weights.registry import parse_arguments
    from mura_ensemble.backbones.weights.runs import read_run
    from mura_ensemble.backbones.weights.trained import TrainedRun

_HOME = {
    "PredictionSummary": "prediction.shards",
    "Preprocessing": "views.reading",
    "TrainedRun": "weights.trained",
    "ViewError": "views.reading",
    "adopt_backbone": "weights.adopt",
    "decode_view": "views.reading",
    "merge_predictions": "prediction.predict",
    "parse_arguments": "weights.registry",
    "predict_backbone": "prediction.predict",
    "read_run": "weights.runs",
    "read_view": "views.reading",
    "train_backbone": "training.train",
}

__all__ = [
    "PredictionSummary",
    "Preprocessing",
    "TrainedRun",
    "ViewError",
    "adopt_backbone",
    "decode_view",
    "merge_predictions",
    "parse_arguments",
    "predict_backbone",
    "read_run",
    "read_view",
    "train_backbone",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
