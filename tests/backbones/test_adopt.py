"""Weights that were trained elsewhere: what they give in their own network is what stands in the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("timm", reason="needs the [backbones] extra")

import timm
import torch
from conftest import Study
from safetensors.torch import save_file
from typer.testing import CliRunner

from mura_ensemble.backbones.maps.cam_store import map_views
from mura_ensemble.backbones.prediction.predict import predict_backbone
from mura_ensemble.backbones.training.train import train_backbone
from mura_ensemble.backbones.views.reading import read_view
from mura_ensemble.backbones.weights import adopt, registry
from mura_ensemble.backbones.weights.adopt import adopt_backbone
from mura_ensemble.backbones.weights.runs import read_run
from mura_ensemble.commands import app
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.predictions import read_card, read_split

pytestmark = pytest.mark.backbones

RESNET: dict[str, Any] = {"architecture": "test_resnet", "size": 32}


def theirs(path: Path, *, seed: int = 0, prefix: str = "", name: str = "test_resnet", **given: Any) -> Any:
    """A network of somebody else's with a classifier that says something, its weights in a file."""
    torch.manual_seed(seed)
    model = timm.create_model(name, **{"num_classes": 2, "in_chans": 3, **given}).eval()
    with torch.no_grad():
        for module in model.modules():  # as after a training: no statistic is that of the start
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 2)
        classifier = model.get_classifier()
        if not isinstance(classifier, torch.nn.Identity):
            classifier.weight.normal_()
            classifier.bias.normal_()
    save_file({f"{prefix}{key}": value.clone() for key, value in model.state_dict().items()}, path)
    return model


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("test_resnet", {}),
        ("test_vit", {"patch_size": 8, "img_size": 32}),
        ("test_convnext", {}),
        ("test_efficientnet", {}),
        ("test_byobnet", {}),
    ],
)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_two_classes_become_the_logit_of_their_softmax(
    name: str, given: dict[str, Any], prefix: str, tmp_path: Path
) -> None:
    model = theirs(tmp_path / "a.safetensors", name=name, prefix=prefix, **given)
    arguments = {key: value for key, value in given.items() if key == "patch_size"}
    run = adopt_backbone(
        [tmp_path / "a.safetensors"], tmp_path / "run", architecture=name, size=32, arguments=arguments
    )
    assert run.preprocessing.channels == 3
    views = torch.rand(8, 3, 32, 32)
    with torch.inference_mode():
        wanted = model(views).softmax(dim=1)[:, 1]
        found = run.network(run.members[0].state())(views)[:, 0].sigmoid()
    assert wanted.std() > 1e-4
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


def test_one_logit_is_taken_as_it_is(tmp_path: Path) -> None:
    model = theirs(tmp_path / "a.safetensors", num_classes=1, in_chans=1, prefix="_orig_mod.")
    run = adopt_backbone([tmp_path / "a.safetensors"], tmp_path / "run", **RESNET)
    assert run.preprocessing.channels == 1
    assert run.plan["start"]["changes"] == []
    state = run.members[0].state()
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


def test_colour_weights_may_be_asked_for_grey_views_and_it_is_said(tmp_path: Path) -> None:
    model = theirs(tmp_path / "a.safetensors")
    run = adopt_backbone([tmp_path / "a.safetensors"], tmp_path / "run", **RESNET, channels=1)
    first = f"{model.pretrained_cfg['first_conv']}.weight"
    torch.testing.assert_close(
        run.members[0].state()[first], model.state_dict()[first].sum(dim=1, keepdim=True)
    )
    assert "  first convolution of 3 channels made one of 1\n" in str(run)


def test_the_cache_holds_what_their_networks_give(fixed_study: Study, tmp_path: Path) -> None:
    """By hand: decoded, ImageNet's mean, their own network, the difference of the two logits, averaged."""
    paths = [tmp_path / f"theirs{seed}.safetensors" for seed in (0, 1)]
    models = [theirs(path, seed=seed) for seed, path in enumerate(paths)]
    run = adopt_backbone(paths, tmp_path / "run", **RESNET, imagenet=True)
    summary = predict_backbone(run.folder, fixed_study.manifest, tmp_path / "out", split="test", device="cpu")
    assert summary.role == "unknown"
    table = read_split(summary.folder, "test").set_index("view")
    mean, std = (
        torch.tensor(numbers).view(1, 3, 1, 1) for numbers in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    for view in table.index[:6]:
        values = torch.from_numpy(read_view(fixed_study.file(view), run.preprocessing))[None]
        with torch.inference_mode():
            logits = [model((values - mean) / std) for model in models]
        wanted = np.mean([float(one[0, 1] - one[0, 0]) for one in logits])
        assert table.loc[view, "logit"] == pytest.approx(wanted, abs=1e-5)


def test_the_folder_of_an_adopted_run(tmp_path: Path) -> None:
    paths = [tmp_path / f"theirs{seed}.safetensors" for seed in (0, 1)]
    for seed, path in enumerate(paths):
        theirs(path, seed=seed)
    run = adopt_backbone(paths, tmp_path / "run", **RESNET)
    assert set(files_of(run.folder)) == {".lock", "run.json", "member-0.safetensors", "member-1.safetensors"}
    card = json.loads((run.folder / "run.json").read_text())
    assert card["kind"] == "adopted run"
    assert [one["file"] for one in card["provenance"]["originals"]] == [path.name for path in paths]
    assert card["provenance"]["originals"][0]["sha256"] == hashlib.sha256(paths[0].read_bytes()).hexdigest()
    assert str(tmp_path) not in json.dumps(card)
    assert str(run).startswith("test_resnet: 2 members adopted; nobody said what it was trained on")


def test_the_same_again_does_nothing_and_what_is_lost_is_brought_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs(tmp_path / "a.safetensors")
    run = adopt_backbone([tmp_path / "a.safetensors"], tmp_path / "run", **RESNET)
    before = files_of(run.folder)
    shutil.copy(tmp_path / "a.safetensors", tmp_path / "called-otherwise.safetensors")
    with monkeypatch.context() as patched:
        patched.setattr(adopt, "_write", None)  # nothing is written
        again = adopt_backbone([tmp_path / "called-otherwise.safetensors"], tmp_path / "run", **RESNET)
    assert again.stood
    assert str(again).endswith(f"already whole, nothing had to be adopted: {run.folder}")
    run.members[0].file.write_bytes(b"damaged")
    (run.folder / ".adopting-killed").mkdir()
    with pytest.raises(InputError, match=r"member-0\.safetensors: cannot be read as safetensors"):
        run.members[0].state()
    run.members[0].file.unlink()
    with pytest.raises(InputError, match="run adopt again with the same arguments"):
        read_run(run.folder).members[0].state()
    assert not adopt_backbone([tmp_path / "a.safetensors"], tmp_path / "run", **RESNET).stood
    assert files_of(run.folder) == before


def test_what_they_were_trained_on_decides_the_role(study: Study, tmp_path: Path) -> None:
    theirs(tmp_path / "a.safetensors")
    known = {"manifest": study.manifest, "split": "train"}
    run = adopt_backbone([tmp_path / "a.safetensors"], tmp_path / "known", **RESNET, **known)
    assert list(run.folds["patient"].unique()) == [f"train{number:03d}" for number in range(12)]
    assert "trained on split 'train', 24 studies of 12 patients, 36 views" in str(run)

    def predict(folder: Path, split: str) -> Any:
        return predict_backbone(folder, study.manifest, tmp_path / "out", split=split, device="cpu")

    assert predict(run.folder, "train").role == "in-sample"
    assert predict(run.folder, "test").role == "held-out"
    assert predict(run.folder, "test").stood
    assert (read_split(tmp_path / "out" / "known", "train")["fold"] == -1).all()
    unsaid = adopt_backbone([tmp_path / "a.safetensors"], tmp_path / "unsaid", **RESNET)
    assert {predict(unsaid.folder, split).role for split in ("train", "test")} == {"unknown"}
    assert predict(unsaid.folder, "train").stood
    assert read_card(tmp_path / "out" / "unsaid")["inputs"]["training"]["split"] is None

    with pytest.raises(InputError, match=r"data\.split: \"train\" there, null here"):
        adopt_backbone([tmp_path / "a.safetensors"], run.folder, **RESNET)
    manifest = pd.read_csv(study.manifest)
    manifest.loc[manifest["split"] == "test", "patient"] = "train003"
    manifest.to_csv(study.manifest, index=False)
    with pytest.raises(InputError, match="patient 'train003' of split 'test' was also trained on"):
        predict(run.folder, "test")
    manifest.loc[0, "study"] = "new"
    manifest.to_csv(study.manifest, index=False)
    with pytest.raises(InputError, match="give it another split or adopt again"):
        predict(run.folder, "train")


@pytest.mark.parametrize("split", ["train", "test"])
def test_it_is_mapped(split: str, fixed_study: Study, tmp_path: Path) -> None:
    theirs(tmp_path / "a.safetensors")
    run = adopt_backbone([tmp_path / "a.safetensors"], tmp_path / "run", **RESNET)
    table = read_split(
        predict_backbone(
            run.folder, fixed_study.manifest, tmp_path / "out", split=split, device="cpu"
        ).folder,
        split,
    ).set_index(["study", "view"])
    found = map_views(
        run.folder,
        fixed_study.manifest,
        tmp_path / "maps",
        split=split,
        studies=list(table.index.get_level_values("study")[:3]),
        device="cpu",
    )
    assert found.kind == "exact"
    for key, row in found.table.iterrows():
        assert row["map"].mean() == pytest.approx(table.loc[key, "logit"], abs=1e-4)


def test_a_folder_holds_one_kind_of_run(run: Any, fixed_study: Study, tmp_path: Path) -> None:
    theirs(tmp_path / "a.safetensors")
    before = files_of(run.folder)
    with pytest.raises(
        InputError, match=r"another run stands here \(kind: \"training run\" there, \"adopted run\" h"
    ):
        adopt_backbone([tmp_path / "a.safetensors"], run.folder, **RESNET)
    assert files_of(run.folder) == before
    adopted = adopt_backbone([tmp_path / "a.safetensors"], tmp_path / "run", **RESNET)
    before = files_of(adopted.folder)
    with pytest.raises(
        InputError, match=r"another run stands here \(kind: \"adopted run\" there, \"training run\" h"
    ):
        train_backbone(
            fixed_study.manifest, fixed_study.labels, adopted.folder, **RESNET, epochs=1, device="cpu"
        )
    assert files_of(adopted.folder) == before


def without(path: Path, start: str) -> None:
    tensors, _ = registry.load_weights(path)
    save_file({name: tensor for name, tensor in tensors.items() if not name.startswith(start)}, path)


@pytest.mark.parametrize(
    ("made", "changes", "message"),
    [
        (
            {"num_classes": 14},
            {},
            r"a\.safetensors: its classifier has 14 classes \(tensor 'fc\.\w+'\); give",
        ),
        (
            {"num_classes": 0},
            {},
            r"a\.safetensors: tensor 'fc\.\w+' of the classifier is missing, and without",
        ),
        ({"without": "fc.bias"}, {}, r"tensor 'fc\.bias' of the classifier is missing"),
        (
            {"without": "layer1"},
            {},
            r"tensor 'layer1\..*' is missing \(\d+ in all\); give weights of this arch",
        ),
        ({}, {"architecture": "test_vit"}, r"a\.safetensors: tensor .* in this architecture; give weights"),
        ({}, {"architecture": "resnet19"}, "timm has no architecture 'resnet19'; did you mean"),
        ({}, {"architecture": "test_vit", "size": 3}, "'test_vit' cannot take views of 3 px"),
        ({}, {"arguments": {"wings": 2}}, "cannot be made with {'wings': 2}"),
        ({}, {"size": 0}, "^size 0: give a whole number of 1 or more$"),
        ({}, {"channels": 2}, "channels 2: give 1"),
        ({}, {"resize": "crop"}, "resize 'crop': give square or letterbox"),
        ({}, {"weights": []}, "no weights; give a safetensors file"),
        ({}, {"weights": ["nowhere.safetensors"]}, r"nowhere\.safetensors: no such file of weights"),
        ({}, {"weights": ["a.safetensors", "nowhere"]}, "nowhere: no such file of weights"),
        (
            {},
            {"weights": ["a.safetensors", "a.safetensors"]},
            "the same weights as .*; give each member once",
        ),
        (
            {},
            {"weights": ["pickled.pth"]},
            r"pickled\.pth: cannot be read as safetensors .*a pickle can run code",
        ),
        ({}, {"split": "train"}, "give both or neither"),
        ({}, {"split": "exam", "manifest": "manifest.csv"}, "no view of split 'exam'; found test, train"),
        ({}, {"out": "a.safetensors/run"}, "cannot be written .*; choose another place"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(
    fixed_study: Study, tmp_path: Path, made: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    shutil.copy(fixed_study.manifest, tmp_path / "manifest.csv")
    model = theirs(tmp_path / "a.safetensors", **{key: made[key] for key in made if key != "without"})
    if "without" in made:
        without(tmp_path / "a.safetensors", made["without"])
    torch.save(model.state_dict(), tmp_path / "pickled.pth")
    before = sorted(tmp_path.rglob("*"))
    asked = {**RESNET, "weights": ["a.safetensors"], "out": "run", **changes}
    asked["weights"] = [tmp_path / name for name in asked["weights"]]
    asked |= {name: tmp_path / asked[name] for name in ("out", "manifest") if name in asked}
    with pytest.raises(InputError, match=message) as caught:
        adopt_backbone(**asked)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs(tmp_path / "a.safetensors")
    before = sorted(tmp_path.rglob("*"))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(adopt, "write_json", full)  # the weights are written by then
    with pytest.raises(InputError, match=r"run: cannot be written \(No space left on device\)"):
        adopt_backbone([tmp_path / "a.safetensors"], tmp_path / "run", **RESNET)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_distilled_network_has_two_classifiers(tmp_path: Path) -> None:
    """Their mean is what it says, so the difference of the means is the mean of the differences."""
    name, small = "deit_tiny_distilled_patch16_224", {"depth": 1, "embed_dim": 12, "num_heads": 2}
    torch.manual_seed(3)
    model = timm.create_model(name, num_classes=2, img_size=32, **small).eval()
    with torch.no_grad():
        for head in model.get_classifier():
            head.weight.normal_()
    save_file(model.state_dict(), tmp_path / "a.safetensors")
    run = adopt_backbone(
        [tmp_path / "a.safetensors"], tmp_path / "run", architecture=name, size=32, arguments=small
    )
    views = torch.rand(4, 3, 32, 32)
    with torch.inference_mode():
        found = run.network(run.members[0].state())(views)[:, 0].sigmoid()
        torch.testing.assert_close(found, model(views).softmax(dim=1)[:, 1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("known", [True, False])
def test_the_verb_says_what_to_do_next(known: bool, fixed_study: Study, tmp_path: Path) -> None:
    theirs(tmp_path / "a.safetensors")
    said = ["--manifest", str(fixed_study.manifest), "--split", "train"] if known else []
    words = ["adopt", str(tmp_path / "a.safetensors"), "--architecture", "test_resnet", "--size", "32"]
    result = CliRunner().invoke(
        app, [*words, *said, "--out", str(tmp_path / "run"), "--imagenet-normalisation"]
    )
    assert result.exit_code == 0, result.output
    assert read_run(tmp_path / "run").preprocessing.mean == (0.485, 0.456, 0.406)
    last = result.output.rstrip().splitlines()[-1]
    if known:
        command = (
            f"mura-ensemble predict {tmp_path / 'run'} {fixed_study.manifest} --split test --out predict"
        )
        assert last.strip().startswith(command)
    else:
        assert last.startswith("next: predict; or adopt into another folder with --manifest and --split")
