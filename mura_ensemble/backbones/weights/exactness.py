"""Whether the logit of a network is exactly the mean of a map: asked of the network, not of a table.

The class activation map of Zhou et al. (CVPR 2016) is M(x, y) = w · F(x, y) + b, with F the last features
and w, b the classifier. Its mean is the logit if, and only if, nothing but the mean over places stands
between F and the classifier. Whether that is so is not written on an architecture (a norm, a second pool
or a class token may come between), so `probe` compares the two sides on the network itself. It gives the
classifier random weights for that: those of an untrained head are so small that both sides are almost 0
and agree by nothing but that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["PROBE_TOLERANCE", "Exactness", "as_maps", "classifier_row", "probe"]

PROBE_TOLERANCE = 1e-4
"""Relative to a logit of about 1. Sound networks differ by rounding, some 1e-6; others by some 0.1 to 1."""

Layout = Literal["channels first", "channels last", "tokens"]
_VIEWS = 2
_DRAWS = 3
"""Random classifiers that are tried: one whose terms nearly cancel has large rounding errors; a wrong map fails them all."""


@dataclass(frozen=True)
class Exactness:
    """What `probe` found.

    Attributes
    ----------
    exact : bool
        Whether the mean of the class activation map is the logit.
    error : float
        Largest difference of the two, over the larger of 1 and the logit; NaN if they cannot be compared.
    layout : str
        How `forward_features` lays its features out; empty where there is no grid of features.
    grid : tuple of int
        Rows and columns of the map; (0, 0) where there is none.
    reason : str
        Why it is not exact; empty if it is.
    """

    exact: bool
    error: float
    layout: Layout | Literal[""] = ""
    grid: tuple[int, int] = (0, 0)
    reason: str = ""


def probe(model: nn.Module, *, size: int, channels: int) -> Exactness:
    """Find out whether the exact class activation map holds for a network with one logit.

    Parameters
    ----------
    model : torch.nn.Module
        A timm model in evaluation mode. It is not changed.
    size, channels : int
        Side in pixels and channels of the views that it takes.

    Returns
    -------
    Exactness
    """
    import torch
    from torch.func import functional_call

    row = classifier_row(model)
    if row is None:
        return Exactness(False, math.nan, reason="its classifier is not one linear layer with one logit")
    weight, bias = row
    device = weight.device
    draws = torch.Generator().manual_seed(0)
    views = torch.randn(_VIEWS, channels, size, size, generator=draws).to(device)
    with torch.inference_mode():
        features = model.forward_features(views)
        layouts = _layouts(model, features, weight.numel())
        if not layouts:
            return Exactness(False, math.nan, reason="its last features are not those its classifier weighs")
        found = []
        for layout in layouts * _DRAWS:
            maps = as_maps(model, features, layout).double()
            mean = maps.mean(dim=(2, 3))
            direction = torch.randn(weight.numel(), generator=draws).double().to(device)
            scale = (mean @ direction).square().mean().sqrt().item()
            if not (math.isfinite(scale) and scale > 0):
                return Exactness(
                    False, math.nan, layout, _grid(maps), "its features are zero or not finite on noise"
                )
            drawn = (direction / scale).to(weight.dtype)
            given = _named(model, weight, drawn.reshape(weight.shape))
            if bias is not None:
                given |= _named(model, bias, torch.full_like(bias, 0.5))
            logit = functional_call(model, given, (views,))[:, 0].double()
            rebuilt = mean @ drawn.double() + (0.0 if bias is None else 0.5)
            error = ((logit - rebuilt).abs() / logit.abs().clamp(min=1)).max().item()
            found.append(Exactness(error <= PROBE_TOLERANCE, error, layout, _grid(maps)))
    best = min(found, key=lambda one: one.error if math.isfinite(one.error) else math.inf)
    if best.exact:
        return best
    return Exactness(
        False, best.error, best.layout, best.grid, "more than a mean stands between features and classifier"
    )


def classifier_row(model: nn.Module) -> tuple[nn.Parameter, nn.Parameter | None] | None:
    """Weight and bias of the last layer, if it is one linear layer (or 1x1 convolution) with one logit."""
    classifier: Any = model.get_classifier()
    weight = getattr(classifier, "weight", None)
    if weight is None or weight.ndim not in (2, 4) or weight.shape[0] != 1:
        return None
    return None if tuple(weight.shape[2:]) not in ((), (1, 1)) else (weight, classifier.bias)


def as_maps(model: nn.Module, features: Tensor, layout: Layout) -> Tensor:
    """Features as maps.

    Parameters
    ----------
    model : torch.nn.Module
    features : Tensor
        What its `forward_features` gave.
    layout : str

    Returns
    -------
    Tensor, shape (n, C, rows, columns)
    """
    if layout == "channels first":
        return features
    if layout == "channels last":
        return features.permute(0, 3, 1, 2)
    tokens = features[:, _prefix_tokens(model) :]
    side = math.isqrt(tokens.shape[1])
    return tokens.transpose(1, 2).reshape(len(tokens), -1, side, side)


def _layouts(model: nn.Module, features: Any, channels: int) -> list[Layout]:
    """Layouts that the shape of the features allows; both where rows, columns and channels are as many."""
    shape = tuple(getattr(features, "shape", ()))
    if len(shape) == 4:
        places: tuple[tuple[Layout, int], ...] = (("channels first", 1), ("channels last", 3))
        return [layout for layout, axis in places if shape[axis] == channels]
    if len(shape) == 3 and shape[2] == channels:
        places_found = shape[1] - _prefix_tokens(model)
        if places_found > 0 and math.isqrt(places_found) ** 2 == places_found:
            return ["tokens"]
    return []


def _prefix_tokens(model: nn.Module) -> int:
    """Tokens before those of the places: a class token, registers."""
    return int(getattr(model, "num_prefix_tokens", 0))


def _grid(maps: Tensor) -> tuple[int, int]:
    return int(maps.shape[2]), int(maps.shape[3])


def _named(model: nn.Module, parameter: nn.Parameter, value: Tensor) -> dict[str, Tensor]:
    return {name: value for name, own in model.named_parameters() if own is parameter}
