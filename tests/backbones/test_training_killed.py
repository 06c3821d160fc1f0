from __future__ import annotations

from pathlib import Path

import pytest
from conftest import TINY, Study
from killing import contents, killed_until_done, train_all
from sampling import amount

pytestmark = pytest.mark.backbones
pytest.importorskip("torch")


def test_killed_at_any_step_training_ends_with_the_same_bytes(fixed_study: Study, tmp_path: Path) -> None:
    folders = killed_until_done(
        train_all,
        lambda number: tmp_path / f"run{number}",
        fixed_study.manifest,
        fixed_study.labels,
        TINY,
        kills=amount(20, 2),
        seed=1,
    )
    whole = contents(folders[0])
    assert len([name for name in whole if name.endswith(".safetensors")]) == 4  # two kept epochs of two folds
    for folder in folders[1:]:
        assert contents(folder) == whole
