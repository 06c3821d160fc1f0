from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.backbones
Image = pytest.importorskip("PIL.Image")

from mura_ensemble.data.tables.contracts import MANIFEST, read_labels, read_table  # noqa: E402

SCRIPT = Path(__file__).parents[2] / "examples" / "medmnist_to_views.py"


def _run(source: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(source), str(folder), "--study-type", "chest"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_medmnist_file_becomes_views_a_manifest_and_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {}
    for split, views in (("train", 5), ("val", 3), ("test", 2)):
        arrays[f"{split}_images"] = rng.integers(0, 255, (views, 28, 28), dtype=np.uint8)
        arrays[f"{split}_labels"] = rng.integers(0, 2, (views, 1), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", **arrays)
    done = _run(tmp_path / "set.npz", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].startswith("val: 3 studies, ")
    manifest = read_table(tmp_path / "out" / "manifest.csv", MANIFEST)
    assert manifest["patient"].is_unique
    assert list(manifest["split"].value_counts(sort=False)) == [5, 3, 2]
    gold = read_labels(tmp_path / "out" / "labels.csv")
    for split in ("train", "val", "test"):
        rows = manifest[manifest["split"] == split]
        stored = [np.asarray(Image.open(tmp_path / "out" / path)) for path in rows["path"]]
        np.testing.assert_array_equal(stored, arrays[f"{split}_images"])
        np.testing.assert_array_equal(gold[rows["study"]], arrays[f"{split}_labels"].ravel())


def test_labels_of_more_than_two_classes_are_refused(tmp_path: Path) -> None:
    arrays = {"train_images": np.zeros((2, 28, 28), dtype=np.uint8), "train_labels": np.array([[0], [3]])}
    np.savez(tmp_path / "set.npz", **arrays)
    done = _run(tmp_path / "set.npz", tmp_path / "out")
    assert done.returncode != 0
    assert "other values than 0 and 1" in done.stderr
