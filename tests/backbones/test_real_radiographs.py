"""The whole way on real radiographs: train, predict out-of-fold, map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.backbones
pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

from mura_ensemble.backbones import predict_backbone, read_view, train_backbone  # noqa: E402
from mura_ensemble.backbones.maps.cam_store import map_views  # noqa: E402
from mura_ensemble.data.predictions import read_split  # noqa: E402

VIEWS = Path(__file__).parent / "real_radiographs"


def test_real_radiographs_are_trained_on_predicted_and_mapped(tmp_path: Path) -> None:
    files = sorted(VIEWS.glob("*.png"))
    assert len(files) == 16
    rows = pd.DataFrame({"path": [path.name for path in files]})
    rows["study"] = rows["view"] = rows["patient"] = rows["path"].str.removesuffix(".png")
    rows.assign(study_type="chest", split="train").to_csv(tmp_path / "manifest.csv", index=False)
    gold = rows["study"].str.startswith("pneumonia").astype(int)
    pd.DataFrame({"study": rows["study"], "gold": gold}).to_csv(tmp_path / "labels.csv", index=False)
    run = train_backbone(
        tmp_path / "manifest.csv",
        tmp_path / "labels.csv",
        tmp_path / "run",
        architecture="test_resnet",
        views_root=VIEWS,
        size=64,
        folds=2,
        epochs=2,
        batch_size=4,
        device="cpu",
    )
    assert run is not None
    where = {"split": "train", "views_root": VIEWS, "device": "cpu"}
    predict_backbone(run.folder, tmp_path / "manifest.csv", tmp_path / "out", **where)  # type: ignore[arg-type]
    found = read_split(tmp_path / "out" / "run", "train").set_index("study")
    assert (found["status"] == "ok").all()
    assert found["fold"].isin([0, 1]).all()
    maps = map_views(
        run.folder, tmp_path / "manifest.csv", tmp_path / "cam", studies=list(rows["study"]), **where  # type: ignore[arg-type]
    )  # fmt: skip
    assert maps.kind == "exact"
    for (study, _), grid in maps.table["map"].items():
        assert grid.mean() == pytest.approx(found.loc[study, "logit"], abs=1e-4)
    first = read_view(files[0], run.preprocessing)
    stored = np.asarray(Image.open(files[0]))
    assert first.shape == (1, 64, 64)
    assert first.mean() == pytest.approx(stored.mean() / 255, abs=0.02)
