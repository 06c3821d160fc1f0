"""A small reader study on disk: generated views, two study types, patients with several studies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

TINY = {"architecture": "test_vit", "arguments": {"patch_size": 8}, "size": 32}


@dataclass(frozen=True)
class Study:
    """Where the generated study stands."""

    root: Path

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.csv"

    @property
    def labels(self) -> Path:
        return self.root / "labels.csv"

    def file(self, view: str) -> Path:
        return self.root / "views" / view


def write_study(root: Path, *, train: int = 24, test: int = 9) -> Study:
    """Write views in which the abnormal ones have a bright corner."""
    from PIL import Image

    rng = np.random.default_rng(7)
    rows, gold = [], []
    for split, studies in (("train", train), ("test", test)):
        for number in range(studies):
            # Two studies per patient, of one and the other study type.
            patient, study_type = f"{split}{number // 2:03d}", ("hand", "wrist")[number % 2]
            study = f"{split}/{study_type}/{patient}"
            abnormal = int(number % 4 in (0, 3))
            gold.append((study, abnormal))
            for view in range(1 + number % 2):
                values = rng.integers(0, 120, (40, 36), dtype=np.uint8)
                values[:16, :16] += np.uint8(120 * abnormal)
                path = f"views/{study}/view{view}.png"
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(values).save(root / path)
                rows.append((study, f"{study}/view{view}.png", patient, study_type, split, path))
    columns = ["study", "view", "patient", "study_type", "split", "path"]
    pd.DataFrame(rows, columns=columns).to_csv(root / "manifest.csv", index=False)
    pd.DataFrame(gold, columns=["study", "gold"]).to_csv(root / "labels.csv", index=False)
    return Study(root)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return write_study(tmp_path / "study")


@pytest.fixture(scope="session")
def fixed_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study that no test changes."""
    return write_study(tmp_path_factory.mktemp("fixed"))


@pytest.fixture(scope="session")
def run(fixed_study: Study, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of three members that no test changes."""
    pytest.importorskip("torch")
    from mura_ensemble.backbones import train_backbone

    return train_backbone(
        fixed_study.manifest,
        fixed_study.labels,
        tmp_path_factory.mktemp("runs") / "tiny",
        **TINY,
        folds=3,
        epochs=2,
        batch_size=8,
        device="cpu",
    )
