from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytestmark = pytest.mark.backbones
pytest.importorskip("torch")

from mura_ensemble.backbones.weights import registry  # noqa: E402
from mura_ensemble.backbones.weights.catalogue import (  # noqa: E402
    catalogue,
    entry_called,
    measure,
    not_for_all_uses,
    search_timm,
)
from mura_ensemble.commands import app  # noqa: E402
from mura_ensemble.data.errors import InputError  # noqa: E402

# From the published board of MURA, and the strong ones of today.
FAMILIES = (
    *(
        "DenseNet-121",
        "DenseNet169",
        "Inception-v3",
        "VGG19",
        "ResNet-50",
        "resnet101",
        "Xception",
        "MobileNet",
    ),
    *(
        "MobileNet-v2",
        "MobileNet-v3",
        "InceptionResNetV2",
        "SE-ResNet-50",
        "SER_Net",
        "SENet-154",
        "NASNet-mobile",
    ),
    *("ConvNeXt-V2-T", "EfficientNetV2-S", "MaxViT-T", "Swin-T", "EVA-02-S", "DINOv2-S", "DINOv3-S"),
)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_an_entry(name: str) -> None:
    entry = entry_called(name)
    assert entry is not None
    assert entry.size in (320, 322, 331)


@pytest.mark.parametrize(
    "name",
    [
        "mobilenetv2_100",
        "mobilenetv3_large_100",
        "tf_efficientnetv2_b0",
        "densenet121",
        "eva02_small_patch14_336",
    ],
)
def test_the_catalogue_says_what_the_network_says(name: str) -> None:
    entry = entry_called(name)
    assert entry is not None
    measured = measure(name, entry.size)
    assert {field: getattr(entry, field) for field in measured} == measured


def test_what_is_known_of_some() -> None:
    known = {entry.timm_name: entry for entry in catalogue()}
    assert known["densenet169"].exact_cam
    assert known["swin_tiny_patch4_window7_224"].exact_cam
    assert not known["vgg19_bn"].exact_cam
    assert not known["mobilenetv3_large_100"].exact_cam
    assert not known["vit_small_patch14_dinov2"].exact_cam
    assert "timm has no NASNet-mobile" in known["mnasnet_100"].note
    assert len(known) == len(catalogue()) >= 30


def test_licences_that_are_not_for_all_uses() -> None:
    assert not_for_all_uses("cc-by-nc-4.0") == "not for commercial use"
    assert not_for_all_uses("fair-noncommercial-research-license") == "not for commercial use"
    assert not_for_all_uses("dinov3-license") == "terms of its own"
    for free in ("mit", "apache-2.0", "bsd-3-clause", ""):
        assert not_for_all_uses(free) == ""


def test_the_verb_lists_them() -> None:
    shown = CliRunner().invoke(app, ["backbones"]).stdout
    assert "densenet169" in shown
    (line,) = [line for line in shown.splitlines() if " convnextv2_tiny " in line]
    assert "cc-by-nc-4.0 (NOT FOR COMMERCIAL USE)" in line
    rows = json.loads(CliRunner().invoke(app, ["backbones", "--json"]).stdout)
    assert [row["timm_name"] for row in rows] == [entry.timm_name for entry in catalogue()]
    found = json.loads(CliRunner().invoke(app, ["backbones", "--search", "regnetx_00", "--json"]).stdout)
    assert {row["timm_name"] for row in found} >= {"regnetx_002", "regnetx_004"}
    assert {row["parameters"] for row in found} == {None}
    unmeasured = "not in the catalogue, so not measured"
    assert CliRunner().invoke(app, ["backbones", "--search", "regnetx_00"]).stdout.count(unmeasured) == 1
    assert unmeasured not in shown
    assert "nothing like" in CliRunner().invoke(app, ["backbones", "--search", "qqqqqqqqqq"]).stdout


def test_searching_knows_what_people_write() -> None:
    assert next(search_timm("NASNet-mobile")).timm_name == "mnasnet_100"
    assert len(list(search_timm(""))) > 1_000


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("DenseNet-169", "take densenet169"),
        ("NASNet-mobile", r"take mnasnet_100 \(timm has no NASNet-mobile"),
        ("resnett50", "did you mean .*resnet50"),
    ],
)
def test_a_name_that_timm_does_not_have(name: str, hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        _made(name)


def _made(name: str = "test_resnet", **changes: Any) -> Any:
    return registry.create_backbone(name, **{"channels": 1, "size": 32, "arguments": {}, **changes})


def test_without_a_network_pretrained_weights_are_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import timm

    real = timm.create_model

    def offline(*names: Any, pretrained: bool = False, **given: Any) -> Any:
        if pretrained:
            raise OSError("We couldn't connect to the hub\nsecond line")
        return real(*names, **given)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(InputError, match=r"cannot be had: We couldn't connect to the hub; .* --checkpoint$"):
        _made(pretrained=True)


def test_colour_weights_serve_gray_views_and_back(tmp_path: Path) -> None:
    import torch

    colour = _made(channels=3)
    path = tmp_path / "colour.safetensors"
    registry.save_weights(path, colour.state_dict(), {})
    gray = _made(checkpoint=path)
    views = torch.rand(2, 1, 32, 32)
    # timm adds the colours up: a gray view, shown in three equal colours, gives the same logit.
    assert torch.allclose(gray(views), colour(views.repeat(1, 3, 1, 1)), atol=1e-5)
    registry.save_weights(tmp_path / "gray.safetensors", gray.state_dict(), {})
    again = _made(channels=3, checkpoint=tmp_path / "gray.safetensors")
    assert torch.allclose(gray(views), again(views.repeat(1, 3, 1, 1)), atol=1e-5)


def test_names_of_a_parallel_model_are_understood(tmp_path: Path) -> None:
    model = _made()
    path = tmp_path / "parallel.safetensors"
    registry.save_weights(path, {f"module.{name}": t for name, t in model.state_dict().items()}, {})
    found = _made(checkpoint=path).state_dict()
    assert all((found[name] == tensor).all() for name, tensor in model.state_dict().items())


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"PK\x03\x04 whatever")
    with pytest.raises(InputError, match=r"cannot be read as safetensors .*a pickle can run code"):
        _made(checkpoint=path)
