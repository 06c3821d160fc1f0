"""Class activation maps: exact where the network allows it, Grad-CAM where it does not.

The exact map is M(x, y) = w · F(x, y) + b (Zhou et al. CVPR 2016; Rajpurkar et al. 2017, arXiv 1712.06957): signed, in
units of the logit, and its mean is the logit. Which networks have one is asked of the network (`exactness`).
Grad-CAM (Selvaraju et al. ICCV 2017) weighs the features by the mean of their gradients: where in the view the
logit would move, up to a factor; it does not add up to anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mura_ensemble.backbones.views.dataset import normalised
from mura_ensemble.backbones.weights.exactness import Layout, as_maps, classifier_row, probe
from mura_ensemble.backbones.weights.trained import TrainedRun
from mura_ensemble.data.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

__all__ = ["Kind", "Mapper"]

Kind = Literal["exact", "grad-cam"]
TOLERANCE = 1e-5
"""How far the mean of an exact map may be from the logit, over the larger of 1 and the logit."""


class Mapper:
    """The members of a run, asked for maps instead of probabilities.

    Parameters
    ----------
    trained : TrainedRun
    states : sequence of dict
        The weights of each member.
    device : torch.device

    Attributes
    ----------
    kind : str
        `exact` or `grad-cam`, the same for every member.

    Raises
    ------
    MissingExtraError
        If Grad-CAM is needed and captum is not installed.
    InputError
        If the network has no grid of features.
    """

    def __init__(self, trained: TrainedRun, states: Sequence[dict[str, Tensor]], *, device: Any) -> None:
        self.preprocessing = trained.preprocessing
        self.device = device
        size, channels = self.preprocessing.size, self.preprocessing.channels
        self.models = [trained.network(state).to(device) for state in states]
        found = probe(self.models[0], size=size, channels=channels)
        self.kind: Kind = "exact" if found.exact else "grad-cam"
        self.layout: Layout = found.layout or "channels first"
        if self.kind == "grad-cam" and find_spec("captum") is None:
            raise MissingExtraError("captum", "cam")

    def maps(self, values: Tensor, asked: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean of the maps, and of the logits, of the members that are asked.

        Parameters
        ----------
        values : Tensor, shape (n, channels, size, size)
            In [0, 1], not yet normalised.
        asked : sequence of int
            Positions of members.

        Returns
        -------
        maps : ndarray, shape (n, rows, columns)
            Positive where the view speaks for abnormal. Exact maps are in units of the logit.
        logits : ndarray, shape (n,)

        Raises
        ------
        InputError
            If an exact map does not give the logit back.
        """
        import torch

        put = normalised(values.to(self.device), self.preprocessing)
        one = self._exact if self.kind == "exact" else self._gradient
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            found = [one(self.models[member], put) for member in asked]
        maps, logits = (
            torch.stack(part).double().mean(dim=0).float().cpu().numpy() for part in zip(*found, strict=True)
        )
        return maps, logits

    def _exact(self, model: nn.Module, put: Tensor) -> tuple[Tensor, Tensor]:
        import torch

        row = classifier_row(model)
        assert row is not None  # the probe has found it
        weight, bias = row
        with torch.inference_mode():
            features = model.forward_features(put)
            maps = torch.einsum(
                "nchw,c->nhw", as_maps(model, features, self.layout).double(), weight.flatten().double()
            )
            maps = maps + (0.0 if bias is None else bias.double())
            logits = model.forward_head(features)[:, 0]
        off = ((maps.mean(dim=(1, 2)) - logits).abs() / logits.abs().clamp(min=1)).max().item()
        if not off <= TOLERANCE:
            raise InputError(
                f"the mean of a map differs from its logit by {off:.1g}: the network is not what the probe took it for"
            )
        return maps, logits

    def _gradient(self, model: nn.Module, put: Tensor) -> tuple[Tensor, Tensor]:
        import torch
        from captum.attr import LayerGradCam

        for route in (_last_features, _last_block):
            with route(model, self.layout) as (forward, grid):
                if grid is None:
                    continue
                with torch.enable_grad():
                    method = LayerGradCam(forward, grid)
                    maps = method.attribute(put.clone().requires_grad_(), relu_attributions=False)[
                        :, 0
                    ].detach()
                # Where the logit is read from a class token, the last features of the places are not used at all.
                if maps.abs().max() > 0:
                    with torch.inference_mode():
                        return maps, model(put)[:, 0]
        raise InputError("this network has no grid of features that its logit depends on; no map can be made")


Route = tuple["Callable[[Tensor], Tensor]", "nn.Module | None"]


@contextmanager
def _last_features(model: Any, layout: Layout) -> Iterator[Route]:
    """The forward pass, with a layer that the last features go through as (n, C, rows, columns)."""
    from torch import nn

    grid = nn.Identity()

    def forward(views: Tensor) -> Tensor:
        features = model.forward_features(views)
        where: Layout = "tokens" if features.ndim == 3 else layout
        logits: Tensor = model.forward_head(_through(model, grid, features, where))[:, 0]
        return logits

    yield forward, grid


@contextmanager
def _last_block(model: Any, _: Layout) -> Iterator[Route]:
    """The same for what the last block of a transformer is given."""
    from torch import nn

    grid = nn.Identity()
    blocks = getattr(model, "blocks", None)
    norm = getattr(blocks[-1], "norm1", None) if blocks is not None and len(blocks) else None
    if norm is None:
        yield lambda views: model(views)[:, 0], None
        return
    handle = norm.register_forward_hook(lambda _, __, tokens: _through(model, grid, tokens, "tokens"))
    try:
        yield lambda views: model(views)[:, 0], grid
    finally:
        handle.remove()


def _through(model: nn.Module, grid: nn.Module, features: Tensor, layout: Layout) -> Tensor:
    """Features as they were, after the ones of the places have passed the grid."""
    import torch

    if layout == "channels first":
        passed: Tensor = grid(features)
        return passed
    if layout == "channels last":
        last: Tensor = grid(features.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return last
    before = int(getattr(model, "num_prefix_tokens", 0))
    maps = grid(as_maps(model, features, "tokens"))
    tokens = maps.flatten(2).transpose(1, 2)
    return torch.cat([features[:, :before], tokens], dim=1)
