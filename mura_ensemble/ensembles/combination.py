"""What every combination of backbones is: a frozen record with `predict`.

Rows are studies, columns are backbones in a fixed order; gold is 0 (normal) or 1 (abnormal).
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["EDGE", "Array", "Combination", "Folds", "to_logit"]

Array = NDArray[np.float64]
Folds = NDArray[np.int64]

EDGE = 1e-7
"""A float32 probability may round to exactly 0 or 1; its logit and its log-loss must stay finite."""


class Combination(Protocol):
    """Backbones to one probability per study; the fields of a combination are what JSON keeps of it."""

    kind: ClassVar[str]

    def predict(self, probabilities: Array) -> Array:
        """Combine `probabilities` (n studies, M backbones), all in [0, 1], to (n,) probabilities."""


def to_logit(probability: Array) -> Array:
    """Log odds, finite also for probabilities of exactly 0 or 1 (clipped to 1e-7 from the edge)."""
    clipped = np.clip(probability, EDGE, 1 - EDGE)
    logit: Array = np.log(clipped) - np.log1p(-clipped)
    return logit
