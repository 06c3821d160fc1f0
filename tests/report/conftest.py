"""A small reader study with known properties, made in place: nothing is read from disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.comparison.compare import Comparison, compare_raters

RATES = {
    "mean": ("ensemble", 0.07),
    "stack": ("ensemble", 0.06),
    "densenet169": ("backbone", 0.12),
    "resnet50": ("backbone", 0.14),
    "reader_4": ("reader", 0.11),
    "reader_5": ("reader", 0.12),
}


@dataclass
class Study:
    calls: pd.DataFrame
    studies: pd.DataFrame
    kinds: dict[str, str]

    def compare(self, **changes: object) -> Comparison:
        settings = {"title": "A small study", "resamples": 500, **changes}
        return compare_raters(self.calls, self.studies, self.kinds, **settings)  # type: ignore[arg-type]


def make_study(n: int = 150, patients: int = 120, seed: int = 3, rates: dict | None = None) -> Study:
    rng = np.random.default_rng(seed)
    rates = RATES if rates is None else rates
    gold = (rng.random(n) < 0.45).astype(int)
    index = pd.Index([f"test/s{i:04d}" for i in range(n)], name="study")
    studies = pd.DataFrame(
        {
            "patient": [
                f"p{i:04d}" for i in np.r_[np.arange(patients), rng.integers(0, patients, n - patients)]
            ],
            "study_type": rng.choice(["elbow", "wrist", "hand"], n, p=[0.15, 0.45, 0.4]),
            "gold": gold,
        },
        index=index,
    )
    calls = pd.DataFrame(
        {
            name: np.where(rng.random(n) < rate, 1 - gold, gold).astype(float)
            for name, (_, rate) in rates.items()
        },
        index=index,
    )
    return Study(calls, studies, {name: kind for name, (kind, _) in rates.items()})


@pytest.fixture(scope="session")
def new_study() -> Callable[..., Study]:
    return make_study


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    study = make_study()
    return study.compare(simulated=True, provenance={"keys": {"a": "0" * 64}}, notes={"stack": "out-of-fold"})
