from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mura_ensemble.backbones as backbones
from mura_ensemble.backbones.weights import registry
from mura_ensemble.data.errors import InputError, MissingExtraError

pytestmark = pytest.mark.backbones


@pytest.mark.parametrize("absent", ["torch", "timm", "safetensors"])
def test_a_missing_package_is_said_first_and_in_one_line(
    absent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = registry.find_spec
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name == absent else real(name))
    # The paths do not exist: the missing package is named before anything is read.
    nowhere = Path("nowhere")
    for call in (
        lambda: backbones.train_backbone(nowhere, nowhere, nowhere, architecture="resnet18"),
        lambda: backbones.adopt_backbone([nowhere], nowhere, architecture="resnet18"),
        lambda: backbones.predict_backbone(nowhere, nowhere, nowhere, split="test"),
    ):
        with pytest.raises(MissingExtraError) as caught:
            call()
        assert str(caught.value) == str(MissingExtraError(absent, "backbones"))
    assert not nowhere.exists()


def test_public_names_are_all_there() -> None:
    for name in backbones.__all__:
        assert getattr(backbones, name).__name__ == name
    assert dir(backbones) == backbones.__all__
    with pytest.raises(AttributeError, match="no attribute 'train_everything'"):
        backbones.train_everything  # noqa: B018


def test_arguments_are_json() -> None:
    assert registry.parse_arguments(["depth=6", "block_config=[4, 6]", 'act="relu"']) == {
        "depth": 6,
        "block_config": [4, 6],
        "act": "relu",
    }
    for wrong in ("depth", "depth=", "=3", "act=relu"):
        with pytest.raises(InputError, match=f"model argument '{wrong}'"):
            registry.parse_arguments([wrong])


def _tiny(**changes: object) -> object:
    settings = {
        "architecture": "test_vit",
        "channels": 1,
        "size": 32,
        "arguments": {"patch_size": 8},
        **changes,
    }
    return registry.create_backbone(**settings)  # type: ignore[arg-type]


def test_what_cannot_be_made_is_said_in_one_sentence() -> None:
    pytest.importorskip("timm")
    with pytest.raises(InputError, match=r"no architecture 'resnet19'; did you mean .*resnet18"):
        _tiny(architecture="resnet19", arguments={})
    with pytest.raises(InputError, match=r"cannot be made with {'wings': 2}"):
        _tiny(architecture="test_resnet", arguments={"wings": 2})
    with pytest.raises(InputError, match="cannot take views of 1 px"):
        _tiny(architecture="inception_v3", arguments={}, size=1)


def test_digest_is_of_names_types_shapes_and_values() -> None:
    torch = pytest.importorskip("torch")
    base = {"a": torch.arange(6.0), "b": torch.zeros(2)}
    digest = registry.weights_digest(base)
    assert registry.weights_digest(dict(reversed(base.items()))) == digest
    others = [
        {"a": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(2)},
        {"a": torch.arange(6.0).double(), "b": torch.zeros(2)},
        {"a": torch.arange(6.0), "c": torch.zeros(2)},
        {"a": torch.arange(6.0), "b": torch.tensor([0.0, 1e-30])},
    ]
    assert len({digest, *map(registry.weights_digest, others)}) == 5


def test_a_checkpoint_fills_all_but_another_classifier(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    timm = pytest.importorskip("timm")
    donor = timm.create_model("test_resnet", num_classes=7, in_chans=1)
    path = tmp_path / "donor.safetensors"
    registry.save_weights(path, donor.state_dict(), {})
    filled = _tiny(architecture="test_resnet", arguments={}, checkpoint=path).state_dict()  # type: ignore[attr-defined]
    for name, tensor in donor.state_dict().items():
        if not name.startswith("fc."):
            assert torch.equal(filled[name], tensor), name
    with pytest.raises(
        InputError,
        match=r"donor\.safetensors: tensor '.*' of shape .* in this architecture; give .* --archit",
    ):
        _tiny(checkpoint=path)
    with pytest.raises(InputError, match="no such file of weights"):
        _tiny(checkpoint=tmp_path / "none.safetensors")
    path.write_bytes(b"rubbish")
    with pytest.raises(InputError, match="cannot be read as safetensors"):
        _tiny(checkpoint=path)


def test_gray_normalisation_is_the_mean_of_the_colours() -> None:
    pytest.importorskip("timm")
    model = _tiny(architecture="test_resnet", arguments={})
    model.pretrained_cfg = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}  # type: ignore[attr-defined]
    assert registry.normalisation(model, 1) == ((0.449,), (0.226,))
    assert registry.normalisation(model, 3) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize(("architecture", "size"), [("test_vit", 64), ("test_resnet", 96), ("test_vit", 160)])
@pytest.mark.parametrize("channels", [1, 3])
def test_timms_weights_come_at_any_size(
    architecture: str, size: int, channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """timm's own loading, its file on disk instead of the hub: positions are resampled, the first convolution summed."""
    import timm
    import torch
    from safetensors.torch import save_file
    from timm.layers import resample_abs_pos_embed

    torch.manual_seed(4)
    there = timm.create_model(architecture, num_classes=1000)
    weights = {name: tensor.clone() for name, tensor in there.state_dict().items()}
    file = tmp_path / "hub.safetensors"
    save_file(weights, file)
    create = timm.create_model

    def from_disk(name: str, **given: Any) -> Any:
        overlay = {"pretrained_cfg_overlay": {"file": str(file), "hf_hub_id": None, "num_classes": 1000}}
        return create(name, **given, **(overlay if given.get("pretrained") else {}))

    monkeypatch.setattr(timm, "create_model", from_disk)
    found = registry.create_backbone(
        architecture, channels=channels, size=size, arguments={}, pretrained=True
    ).state_dict()
    first = f"{there.pretrained_cfg['first_conv']}.weight"
    wanted = weights[first] if channels == 3 else weights[first].sum(dim=1, keepdim=True)
    torch.testing.assert_close(found[first], wanted)
    head = there.pretrained_cfg["classifier"]
    for name, tensor in weights.items():
        if name == "pos_embed":
            side = size // 16
            tensor = resample_abs_pos_embed(tensor, (side, side), num_prefix_tokens=1)
        if name != first and not name.startswith(f"{head}."):
            torch.testing.assert_close(found[name], tensor)
    assert found[f"{head}.weight"].shape[0] == 1
