from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Study
from typer.testing import CliRunner

pytestmark = pytest.mark.backbones
torch = pytest.importorskip("torch")
pytest.importorskip("captum")

from mura_ensemble.backbones import predict_backbone, train_backbone  # noqa: E402
from mura_ensemble.backbones.maps import cam as cam_module  # noqa: E402
from mura_ensemble.backbones.maps.cam import Mapper  # noqa: E402
from mura_ensemble.backbones.maps.cam_drawing import over_square, overlay  # noqa: E402
from mura_ensemble.backbones.maps.cam_store import map_views  # noqa: E402
from mura_ensemble.backbones.views.dataset import chosen_device, normalised  # noqa: E402
from mura_ensemble.backbones.weights.registry import load_weights  # noqa: E402
from mura_ensemble.commands import app  # noqa: E402
from mura_ensemble.commands.work.ensembles import fit_stack  # noqa: E402
from mura_ensemble.commands.work.map_sheets import Column, _lines  # noqa: E402
from mura_ensemble.commands.work.maps import ensemble_column, map_studies, same_grid  # noqa: E402
from mura_ensemble.data.errors import InputError, MissingExtraError  # noqa: E402
from mura_ensemble.data.predictions import read_split  # noqa: E402
from mura_ensemble.ensembles.store import load_ensemble  # noqa: E402

DENSENET = {"growth_rate": 4, "block_config": [2, 2, 2, 2]}
SWIN = {"embed_dim": 16, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 4, 8], "window_size": 2, "patch_size": 2}
EXACT = {"densenet121": DENSENET, "test_resnet": {}, "swin_tiny_patch4_window7_224": SWIN}
NOT_EXACT = {"test_convnext": {}, "test_vit": {"patch_size": 8}, "mobilenetv3_small_050": {}}
SIDE = 64


def _run(study: Study, out: Path, architecture: str, arguments: dict[str, Any], folds: int = 2) -> Any:
    return train_backbone(
        study.manifest,
        study.labels,
        out,
        architecture=architecture,
        arguments=arguments,
        size=SIDE,
        folds=folds,
        epochs=1,
        batch_size=8,
        learning_rate=3e-3,
        device="cpu",
    )


@pytest.fixture(scope="module")
def runs(fixed_study: Study, tmp_path_factory: Any) -> dict[str, Any]:
    """One short run of each architecture, in folders of their names."""
    root = tmp_path_factory.mktemp("mapped")
    return {
        name: _run(fixed_study, root / name, name, given) for name, given in {**EXACT, **NOT_EXACT}.items()
    }


def _mapper(run: Any) -> Mapper:
    states = [load_weights(member.file)[0] for member in run.members]
    return Mapper(run, states, device=chosen_device("cpu"))


@pytest.mark.parametrize("name", EXACT)
def test_the_mean_of_a_map_is_the_logit(name: str, runs: dict[str, Any]) -> None:
    mapper = _mapper(runs[name])
    assert mapper.kind == "exact"
    values = torch.rand(3, 1, SIDE, SIDE)
    for asked in ([0], [0, 1]):
        maps, logits = mapper.maps(values, asked)
        with torch.inference_mode():
            put = normalised(values, mapper.preprocessing)
            expected = np.mean([mapper.models[one](put)[:, 0].numpy() for one in asked], axis=0)
        assert np.allclose(logits, expected, atol=1e-6)
        assert np.allclose(
            maps.mean(axis=(1, 2)), expected, atol=1e-5 * np.maximum(1, np.abs(expected)).max()
        )
        assert maps.std() > 0


def test_the_map_by_hand_from_a_hook(runs: dict[str, Any]) -> None:
    mapper = _mapper(runs["densenet121"])
    model, values = mapper.models[0], torch.rand(2, 1, SIDE, SIDE)
    caught = []
    handle = model.features.register_forward_hook(lambda _, __, features: caught.append(features))
    with torch.inference_mode():
        model(normalised(values, mapper.preprocessing))
        handle.remove()
        (features,) = caught
        weight, bias = model.classifier.weight[0], model.classifier.bias[0]
        by_hand = (features * weight[None, :, None, None]).sum(dim=1) + bias
    maps, _ = mapper.maps(values, [0])
    assert np.allclose(maps, by_hand.numpy(), atol=1e-5)


@pytest.mark.parametrize("name", NOT_EXACT)
def test_gradients_where_no_exact_map_is(name: str, runs: dict[str, Any]) -> None:
    mapper = _mapper(runs[name])
    assert mapper.kind == "grad-cam"
    values = torch.rand(2, 1, SIDE, SIDE)
    maps, logits = mapper.maps(values, [0, 1])
    with torch.inference_mode():
        put = normalised(values, mapper.preprocessing)
        expected = np.mean([model(put)[:, 0].numpy() for model in mapper.models], axis=0)
    assert np.allclose(logits, expected, atol=1e-5)
    assert maps.shape[0] == 2
    assert np.abs(maps).max() > 0
    # The network is as it was.
    with torch.inference_mode():
        assert np.allclose(np.mean([m(put)[:, 0].numpy() for m in mapper.models], axis=0), expected)
    assert "forward_features" not in vars(mapper.models[0])


@pytest.mark.parametrize("name", ["densenet121", "swin_tiny_patch4_window7_224"])
def test_gradients_of_an_exact_network_are_its_map_up_to_a_factor(name: str, runs: dict[str, Any]) -> None:
    mapper = _mapper(runs[name])
    values = torch.rand(2, 1, SIDE, SIDE)
    exact, _ = mapper.maps(values, [0])
    mapper.kind = "grad-cam"
    relative, _ = mapper.maps(values, [0])
    for one, other in zip(exact, relative, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9999


def test_grad_cam_without_its_library_names_the_extra(runs: dict[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(cam_module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'captum is not installed; .*pip install "\.\[cam\]"'):
        _mapper(runs["test_convnext"])
    assert _mapper(runs["densenet121"]).kind == "exact"  # which needs none


def test_maps_are_kept_and_every_view_asks_the_members_that_did_not_see_it(
    runs: dict[str, Any], fixed_study: Study, tmp_path: Path
) -> None:
    run = runs["densenet121"]
    studies = list(run.folds["study"][:6])
    first = map_views(
        run.folder, fixed_study.manifest, tmp_path / "cam", split="train", studies=studies[:4], device="cpu"
    )
    assert first.computed == len(first.table) >= 4
    again = map_views(
        run.folder, fixed_study.manifest, tmp_path / "cam", split="train", studies=studies, device="cpu"
    )
    assert 0 < again.computed == len(again.table) - len(first.table)
    predict_backbone(
        run.folder, fixed_study.manifest, tmp_path / "out", split="train", name="one", device="cpu"
    )
    cached = read_split(tmp_path / "out" / "one", "train").set_index(["study", "view"])["logit"]
    means = pd.Series([grid.mean() for grid in again.table["map"]], index=again.table.index)
    assert np.allclose(means, cached[again.table.index], atol=1e-4)
    # A few hundred bytes a view.
    assert (tmp_path / "cam" / "train.parquet").stat().st_size < 1_000 * len(again.table) + 20_000
    other = runs["test_resnet"]
    fresh = map_views(
        other.folder, fixed_study.manifest, tmp_path / "cam", split="train", studies=studies[:1], device="cpu"
    )
    assert fresh.computed == len(fresh.table)  # maps of another network are not taken


def _fitted(study: Study, runs: dict[str, Any], names: list[str], out: Path, **how: Any) -> Path:
    for name in names:
        for split in ("train", "test"):
            predict_backbone(
                runs[name].folder, study.manifest, out / "set", split=split, device="cpu", allow_failed=True
            )
    ensemble = out / f"{how['strategy']}.json"
    fit_stack(out / "set", study.labels, ensemble, split="train", folds=3, **how)
    return ensemble


@pytest.mark.parametrize(
    ("strategy", "words"),
    [("stack", "exact"), ("logit-mean", "exact"), ("mean", "mean is its logit; weights as")],
)
def test_the_mean_of_an_ensembles_map_is_its_logit(
    strategy: str, words: str, runs: dict[str, Any], fixed_study: Study, tmp_path: Path
) -> None:
    names = ["densenet121", "test_resnet"]
    ensemble = load_ensemble(_fitted(fixed_study, runs, names, tmp_path, strategy=strategy))
    listed = pd.read_csv(fixed_study.manifest)
    studies = list(listed.loc[listed["split"] == "test", "study"].unique()[:5])
    mapped = {
        name: map_views(
            runs[name].folder,
            fixed_study.manifest,
            tmp_path / name,
            split="test",
            studies=studies,
            device="cpu",
        )
        for name in names
    }
    column = ensemble_column(ensemble, mapped)
    assert column.exact
    assert column.how.startswith(words)
    logits = np.column_stack([mapped[name].table["logit"] for name in ensemble.backbones])
    types = mapped[names[0]].table["study_type"].to_numpy(dtype=np.str_)
    chance = ensemble.of_single_views(1 / (1 + np.exp(-logits.astype(np.float64))), types)
    expected = np.log(chance / (1 - chance))
    assert np.allclose(column.table["logit"], expected, atol=1e-6)
    means = [grid.mean() for grid in column.table["map"]]
    assert np.allclose(means, expected, atol=1e-4)


def test_maps_of_other_grids_keep_their_means() -> None:
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=shape).astype(np.float32) for shape in ((4, 4), (7, 5), (10, 10))]
    found = same_grid(maps)
    for one, other in zip(maps, found, strict=True):
        assert other.shape == (10, 10)
        assert other.mean() == pytest.approx(one.mean(), abs=1e-6)
    assert np.array_equal(found[2], maps[2])


def test_pictures_pages_and_numbers(runs: dict[str, Any], study: Study, tmp_path: Path) -> None:
    names = ["densenet121", "test_convnext"]
    listed = pd.read_csv(study.manifest)
    broken = listed[listed["split"] == "test"].iloc[0]
    study.file(broken["view"]).write_bytes(b"no view")
    ensemble = _fitted(study, runs, names, tmp_path, strategy="stack", missing="renormalise")
    words = ["cam", str(study.manifest), *(str(runs[name].folder) for name in names)]
    how = ["--split", "test", "--predictions", str(tmp_path / "set"), "--labels", str(study.labels)]
    more = ["--ensemble", str(ensemble), "--studies", str(broken["study"]), "--device", "cpu"]
    for out in ("one", "two"):
        result = CliRunner().invoke(app, [*words, *how, *more, "--out", str(tmp_path / out)])
        assert result.exit_code == 0, result.output
    assert "0 maps computed now" in result.output
    files = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()}
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    (entry,) = json.loads((tmp_path / "one" / "index.json").read_text(encoding="utf-8"))["studies"]
    assert (tmp_path / "one" / entry["sheet"]).exists()
    assert entry["gold"] in (0, 1)
    failed = [told for told in entry["views"] if told["view"] == broken["view"]]
    assert all(told["logit"] is None and told["reason"] for told in failed)
    shown = [told for told in entry["views"] if told["logit"] is not None]
    assert all((tmp_path / "one" / told["picture"]).exists() for told in shown)
    page = (tmp_path / "one" / "index.html").read_text(encoding="utf-8")
    assert entry["sheet"] in page
    assert page.count("Not for clinical use") == 1
    assert f"<h2>{entry['study']}</h2>" in page
    assert "h2{position:absolute;clip-path" in page, "the sheet shows the study"


def test_a_caption_says_the_call_and_what_it_means() -> None:
    table = pd.DataFrame({"logit": [-0.08, 2.0, np.nan]})
    column = Column("one", "exact", True, table)
    said = [_lines(column, row) for _, row in table.iterrows()]
    assert said == [
        ("p = 0.48, logit -0.08", "called normal (abnormal above 0.5)", "exact"),
        ("p = 0.88, logit +2.00", "called abnormal (abnormal above 0.5)", "exact"),
        (),
    ]


def test_studies_are_chosen_by_how_wrong_they_are(
    runs: dict[str, Any], fixed_study: Study, tmp_path: Path
) -> None:
    _fitted(fixed_study, runs, ["densenet121"], tmp_path, strategy="mean")
    map_studies(
        fixed_study.manifest,
        [runs["densenet121"].folder],
        tmp_path / "out",
        split="test",
        count=2,
        predictions=tmp_path / "set",
        labels=fixed_study.labels,
        device="cpu",
    )
    found = [entry["study"] for entry in json.loads((tmp_path / "out" / "index.json").read_text())["studies"]]
    table = read_split(tmp_path / "set" / "densenet121", "test").groupby("study")["probability"].mean()
    gold = pd.read_csv(fixed_study.labels).set_index("study")["gold"]
    assert found == list((table - gold).abs().dropna().sort_values(ascending=False).index[:2])


def test_a_cache_of_other_numbers_is_noticed(
    runs: dict[str, Any], fixed_study: Study, tmp_path: Path
) -> None:
    from mura_ensemble.data.files import digest_of_file, read_json, write_json

    run = runs["densenet121"]
    predict_backbone(run.folder, fixed_study.manifest, tmp_path, split="test", device="cpu")
    path = tmp_path / "densenet121" / "test.parquet"
    table = pd.read_parquet(path)
    table["logit"] += np.float32(0.5)
    table["probability"] = (1 / (1 + np.exp(-table["logit"].astype(float)))).astype(np.float32)
    table.to_parquet(path, index=False)
    card = read_json(path.with_name("card.json"))
    card["splits"]["test"]["file_digest"] = digest_of_file(path)
    write_json(path.with_name("card.json"), card)
    with pytest.raises(InputError, match=r"there and .* from its map; predict this split again"):
        map_studies(
            fixed_study.manifest,
            [run.folder],
            tmp_path / "out",
            split="test",
            predictions=tmp_path,
            device="cpu",
        )


def test_what_cannot_be_mapped_is_said(runs: dict[str, Any], fixed_study: Study, tmp_path: Path) -> None:
    run = runs["densenet121"].folder
    with pytest.raises(InputError, match="no study 'nothing' in split 'test'"):
        map_studies(fixed_study.manifest, [run], tmp_path, split="test", studies=["nothing"], device="cpu")
    with pytest.raises(InputError, match="two runs have folders of one name"):
        map_studies(fixed_study.manifest, [run, run], tmp_path, split="test", device="cpu")
    ensemble = _fitted(fixed_study, runs, ["densenet121", "test_resnet"], tmp_path / "fit", strategy="mean")
    with pytest.raises(InputError, match="it needs backbone 'test_resnet'; give its run"):
        map_studies(fixed_study.manifest, [run], tmp_path, split="test", ensemble=ensemble, device="cpu")


def test_a_map_lies_where_the_network_saw_it() -> None:
    values = np.zeros((4, 4), dtype=np.float32)
    values[0, 3] = 1
    square = over_square(values, (40, 80), "square")
    assert square.shape == (40, 80)
    assert np.unravel_index(square.argmax(), square.shape)[1] > 60
    # In a letterbox the upper and lower quarter of the square are black margin of a lying view.
    boxed = over_square(values, (40, 80), "letterbox")
    assert boxed.shape == (40, 80)
    assert boxed.max() < square.max()
    values[:] = 0
    values[1, 0] = -1
    left = over_square(values, (40, 80), "letterbox")
    row, column = np.unravel_index(left.argmin(), left.shape)
    assert (row < 20, column < 20) == (True, True)


def test_colours_say_the_sign() -> None:
    view = np.full((8, 8), 0.5, dtype=np.float32)
    values = np.full((8, 8), 1.0, dtype=np.float32)
    values[:, 4:] = -1.0
    found = np.asarray(overlay(view, values, 1.0, longest=8)).astype(int)
    assert (found[4, 1, 0] > found[4, 1, 2], found[4, 6, 2] > found[4, 6, 0]) == (True, True)
    plain = np.asarray(overlay(view, None, 0.0, longest=8))
    assert (plain == 128).all()
