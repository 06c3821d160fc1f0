"""The ways to predict: test-time augmentation, precision, memory format, compiled, batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Study
from sampling import only_long
from typer.testing import CliRunner

pytestmark = pytest.mark.backbones
torch = pytest.importorskip("torch")

from mura_ensemble.backbones import predict_backbone, train_backbone  # noqa: E402
from mura_ensemble.backbones.prediction.predict import TOLERANCE  # noqa: E402
from mura_ensemble.backbones.prediction.testtime import TestTime, parse_tta  # noqa: E402
from mura_ensemble.backbones.views.dataset import normalised  # noqa: E402
from mura_ensemble.backbones.views.reading import read_view  # noqa: E402
from mura_ensemble.backbones.weights.registry import create_backbone, load_weights  # noqa: E402
from mura_ensemble.commands import app  # noqa: E402
from mura_ensemble.data.errors import InputError  # noqa: E402
from mura_ensemble.data.predictions import read_card, read_split  # noqa: E402
from mura_ensemble.data.tables.manifests import read_views  # noqa: E402

FAMILIES = {
    "densenet121": {"growth_rate": 4, "block_config": [2, 2, 2, 2]},
    "test_convnext": {},
    "test_efficientnet": {},
    "test_vit": {"patch_size": 8},
}


@pytest.fixture(scope="module", params=list(FAMILIES))
def trained(request: pytest.FixtureRequest, fixed_study: Study, tmp_path_factory: Any) -> Any:
    """One short run of a family."""
    return train_backbone(
        fixed_study.manifest,
        fixed_study.labels,
        tmp_path_factory.mktemp("family") / "run",
        architecture=request.param,
        arguments=FAMILIES[request.param],
        size=48,
        folds=1,
        epochs=1,
        batch_size=8,
        device="cpu",
    )


def _logits(run: Any, study: Study, out: Path, **how: Any) -> Any:
    predict_backbone(run.folder, study.manifest, out, split="test", name="one", device="cpu", **how)
    return read_split(out / "one", "test").set_index("view")["logit"]


def test_neither_batches_nor_format_move_a_probability(
    trained: Any, fixed_study: Study, tmp_path: Path
) -> None:
    def chances(name: str, **how: Any) -> Any:
        logit = _logits(trained, fixed_study, tmp_path / name, **how).astype(np.float64)
        return 1 / (1 + np.exp(-logit))

    one = chances("one", batch_size=1)
    for name, how in {
        "three": {"batch_size": 3},
        "all": {"batch_size": 64},
        "last": {"batch_size": 4, "channels_last": True},
    }.items():
        assert (chances(name, **how) - one).abs().max() <= TOLERANCE


def _by_hand(run: Any, study: Study, ways: Any) -> pd.Series:
    """The mean of the logits of the same network over hand-made inputs."""
    member = run.members[0]
    side = run.preprocessing
    model = create_backbone(
        run.plan["architecture"], channels=1, size=side.size, arguments=run.plan["arguments"]
    )
    model.load_state_dict(load_weights(member.file)[0])
    found = {}
    for row in read_views(study.manifest, "test", None).itertuples():
        with torch.inference_mode():
            seen = [torch.from_numpy(np.ascontiguousarray(view))[None] for view in ways(Path(row.file), side)]
            found[row.view] = np.mean([float(model(normalised(view, side))[0, 0]) for view in seen])
    return pd.Series(found)


def test_test_time_augmentation_is_the_mean_of_hand_made_inputs(
    trained: Any, fixed_study: Study, tmp_path: Path
) -> None:
    from dataclasses import replace

    def flip(file: Path, side: Any) -> Any:
        view = read_view(file, side)
        return [view, view[..., ::-1]]

    def crops(file: Path, side: Any) -> Any:
        view, size = read_view(file, replace(side, size=55)), 48  # 48 * 8 / 7 = 54.86
        return [
            view[:, top : top + size, left : left + size]
            for top, left in ((3, 3), (0, 0), (0, 7), (7, 0), (7, 7))
        ]

    fixed_size = trained.plan["architecture"] == "test_vit"

    def sizes(file: Path, side: Any) -> Any:
        return [view for size in (48, 64) for view in flip(file, replace(side, size=size))]

    cases = {"flip": (("flip",), flip), "crops": (("crops",), crops)}
    if not fixed_size:
        cases["sizes"] = (("sizes=48,64", "flip"), sizes)
    for name, (tta, ways) in cases.items():
        found = _logits(trained, fixed_study, tmp_path / name, tta=tta)
        expected = _by_hand(trained, fixed_study, ways)
        assert np.allclose(found, expected[found.index], atol=1e-4), name
    plain = _logits(trained, fixed_study, tmp_path / "plain")
    assert not np.allclose(plain, _logits(trained, fixed_study, tmp_path / "flip", tta=("flip",)), atol=1e-6)


def test_each_way_has_its_own_key_and_says_so_in_the_card(
    run: Any, fixed_study: Study, tmp_path: Path
) -> None:
    ways: list[dict[str, Any]] = [
        {},
        {"tta": ("flip",)},
        {"tta": ("crops", "flip")},
        {"precision": "bfloat16"},
        {"precision": "float16"},
    ]
    keys = []
    for number, how in enumerate(ways):
        written = predict_backbone(
            run.folder, fixed_study.manifest, tmp_path / str(number), split="test", device="cpu", **how
        )
        keys.append(written.key)
    assert len(set(keys)) == len(ways)
    card = read_card(tmp_path / "2" / "tiny")
    assert [text.split(":")[0] for text in card["inputs"]["tta"]] == ["flip", "crops", "mean of the logits"]
    full = read_split(tmp_path / "0" / "tiny", "test")["logit"]
    for number in (3, 4):
        half = read_split(tmp_path / str(number) / "tiny", "test")["logit"]
        assert 0 < (half - full).abs().max() < 0.05 * max(1, full.abs().max())


def test_the_memory_format_is_no_part_of_the_key(run: Any, fixed_study: Study, tmp_path: Path) -> None:
    first = predict_backbone(run.folder, fixed_study.manifest, tmp_path, split="test", device="cpu")
    again = predict_backbone(
        run.folder, fixed_study.manifest, tmp_path, split="test", device="cpu", channels_last=True
    )
    assert (first.computed > 0, again.computed, again.key) == (True, 0, first.key)


@only_long  # half a minute of a compiler
def test_compiled_gives_the_same_or_says_why_it_cannot(fixed_study: Study, tmp_path: Path) -> None:
    run = train_backbone(
        fixed_study.manifest,
        fixed_study.labels,
        tmp_path / "run",
        architecture="test_vit",
        arguments={"patch_size": 8, "depth": 1},
        size=32,
        folds=1,
        epochs=1,
        device="cpu",
    )
    plain = _logits(run, fixed_study, tmp_path / "plain")
    try:
        compiled = _logits(run, fixed_study, tmp_path / "compiled", compiled=True)
    except InputError as error:
        cannot = str(error)  # a machine without a C++ compiler
    else:
        assert np.allclose(plain, compiled, atol=1e-4)
        return
    assert "on cpu, compiled: " in cannot


def test_a_size_that_the_network_cannot_take_is_said_before_anything_is_predicted(
    run: Any, fixed_study: Study, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="cannot take views of 36 px on cpu: "):
        _logits(run, fixed_study, tmp_path, tta=("sizes=32,36",))
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("wrong", ["rotate", "sizes=", "sizes=32,x", "sizes=32,32", "flip=1", ""])
def test_other_augmentations_are_refused(wrong: str) -> None:
    with pytest.raises(InputError, match=f"test-time augmentation '{wrong}'"):
        parse_tta([wrong])


def test_what_is_said_twice_is_refused() -> None:
    assert parse_tta(["flip", "sizes=32,48"]) == TestTime(flip=True, sizes=(32, 48))
    with pytest.raises(InputError, match="each at most once"):
        parse_tta(["flip", "flip"])


def test_the_verb_takes_all_of_it(run: Any, fixed_study: Study, tmp_path: Path) -> None:
    words = ["predict", str(run.folder), str(fixed_study.manifest), "--split", "test", "--out", str(tmp_path)]
    how = ["--device", "cpu", "--tta", "flip", "--tta", "crops", "--precision", "bfloat16", "--channels-last"]
    result = CliRunner().invoke(app, [*words, *how])
    assert result.exit_code == 0, result.output
    assert read_card(tmp_path / "tiny")["inputs"]["precision"] == "bfloat16"
    assert read_card(tmp_path / "tiny")["provenance"]["test"]["channels_last"] is True
