from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.backbones
torch = pytest.importorskip("torch")

from mura_ensemble.backbones.weights.exactness import PROBE_TOLERANCE, probe  # noqa: E402

SWIN = {"img_size": 64, "embed_dim": 16, "depths": (1, 1), "num_heads": (2, 2), "window_size": 4}
DENSENET = {"growth_rate": 8, "block_config": (2, 2, 2, 2)}
DINOV3 = {"img_size": 64, "embed_dim": 48, "depth": 2, "num_heads": 2}


def _model(name: str, **arguments: Any) -> Any:
    import timm

    torch.manual_seed(3)
    return timm.create_model(name, num_classes=1, in_chans=1, **arguments).eval()


@pytest.mark.parametrize(
    ("name", "arguments", "layout", "grid"),
    [
        ("densenet121", DENSENET, "channels first", (2, 2)),
        ("test_resnet", {}, "channels first", (2, 2)),
        ("mobilenetv2_035", {}, "channels first", (2, 2)),
        ("swin_tiny_patch4_window7_224", SWIN, "channels last", (8, 8)),
        ("vit_small_patch16_dinov3", DINOV3, "tokens", (4, 4)),
    ],
)
def test_holds_where_only_a_mean_stands_before_the_classifier(
    name: str, arguments: Any, layout: str, grid: tuple[int, int]
) -> None:
    found = probe(_model(name, **arguments), size=64, channels=1)
    assert (found.exact, found.layout, found.grid, found.reason) == (True, layout, grid, "")
    assert found.error < 1e-5


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("test_convnext", {}),  # a norm comes between
        ("test_vit", {"patch_size": 8, "img_size": 64}),  # a class token
        ("vit_small_patch14_dinov2", {"img_size": 56, "embed_dim": 48, "depth": 2, "num_heads": 2}),
        ("mobilenetv3_small_050", {}),  # a convolution after the pool
        ("vgg11", {}),  # two more layers
        ("densenet121", {**DENSENET, "global_pool": "max"}),
    ],
)
def test_does_not_hold_where_more_than_a_mean_stands_there(name: str, arguments: Any) -> None:
    found = probe(_model(name, **arguments), size=128 if name == "densenet121" else 56, channels=1)
    assert not found.exact
    assert found.reason
    assert not found.error < 100 * PROBE_TOLERANCE


def test_an_untrained_head_of_almost_no_weight_does_not_fool_it() -> None:
    model = _model("test_convnext")
    with torch.no_grad():
        model.get_classifier().weight.mul_(1e-9)
        views = torch.rand(2, 1, 64, 64)
        head = model.get_classifier()
        rebuilt = model.forward_features(views).mean(dim=(2, 3)) @ head.weight[0] + head.bias
        assert (
            model(views)[:, 0] - rebuilt
        ).abs().max() < 1e-6  # what a plain comparison would have accepted
    assert not probe(model, size=64, channels=1).exact


def test_leaves_the_network_as_it_was() -> None:
    model = _model("test_resnet")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    probe(model, size=64, channels=1)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
