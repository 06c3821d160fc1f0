"""Random changes of a view that leave its finding: what a radiograph may look like on another day."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["Changes", "changed", "drawn"]

ROTATION = 30.0
"""Largest rotation of `mirror-rotate`, degrees (Rajpurkar et al. 2017, arXiv 1712.06957)."""

CHOSEN = 2
"""How many of the changes of `radiograph` each view undergoes, as in RandAugment (Cubuk et al. 2020)."""

_NAMES = ("rotation", "scale", "shift", "brightness", "contrast", "gamma", "noise", "erase")


def _floats(value: float) -> NDArray[np.float64]:
    return np.full(0, value)


@dataclass(frozen=True)
class Changes:
    """What happens to each of n views; every array has shape (n,) unless said.

    Attributes
    ----------
    mirror : ndarray of bool
        Lateral inversion; a radiograph is never turned upside down.
    degrees, scale : ndarray
        Rotation about the centre and enlargement.
    shift : ndarray, shape (n, 2)
        To the right and down, in sides of the view.
    brightness, contrast, gamma : ndarray
        Added; stretched about the mean of the view; exponent.
    noise : ndarray
        Standard deviation of Gaussian noise, in units of the full range.
    erase : ndarray, shape (n, 4)
        Left, top, width, height of a square that becomes black, in sides of the view.
    """

    mirror: NDArray[np.bool_]
    degrees: NDArray[np.float64]
    scale: NDArray[np.float64] = field(default_factory=lambda: _floats(1.0))
    shift: NDArray[np.float64] = field(default_factory=lambda: _floats(0.0))
    brightness: NDArray[np.float64] = field(default_factory=lambda: _floats(0.0))
    contrast: NDArray[np.float64] = field(default_factory=lambda: _floats(1.0))
    gamma: NDArray[np.float64] = field(default_factory=lambda: _floats(1.0))
    noise: NDArray[np.float64] = field(default_factory=lambda: _floats(0.0))
    erase: NDArray[np.float64] = field(default_factory=lambda: _floats(0.0))

    def of(self, kept: NDArray[np.bool_]) -> Changes:
        """Those of some of the views."""
        return Changes(**{name: value[kept] if len(value) else value for name, value in vars(self).items()})


def drawn(kind: Literal["mirror-rotate", "radiograph"], count: int, rng: np.random.Generator) -> Changes:
    """Draw the changes of `count` views.

    `mirror-rotate` is the augmentation of MURA's paper. `radiograph` mirrors half of the views and lets each undergo
    two of: rotation to 15 degrees, size by a tenth, shift by a twentieth, brightness by a tenth of the range,
    contrast by a quarter, gamma from 0.75 to 1.33, noise to 0.03 of the range, a black square of up to a fifth of the
    side. Nothing that makes an impossible radiograph: no turning upside down, no inversion of grey values.
    """
    mirror = rng.random(count) < 0.5
    if kind == "mirror-rotate":
        return Changes(mirror, rng.uniform(-ROTATION, ROTATION, count))
    chosen = rng.random((count, len(_NAMES))).argsort(axis=1).argsort(axis=1) < CHOSEN
    on = {name: chosen[:, place] for place, name in enumerate(_NAMES)}

    def signed(name: str, most: float) -> NDArray[np.float64]:
        return np.where(on[name], rng.uniform(-most, most, count), 0.0)

    square = rng.uniform(0.05, 0.2, count)
    corner = rng.uniform(0, 1, (count, 2)) * (1 - square)[:, None]
    return Changes(
        mirror=mirror,
        degrees=signed("rotation", 15.0),
        scale=1.1 ** signed("scale", 1.0),
        shift=np.where(on["shift"][:, None], rng.uniform(-0.05, 0.05, (count, 2)), 0.0),
        brightness=signed("brightness", 0.1),
        contrast=1.25 ** signed("contrast", 1.0),
        gamma=(4 / 3) ** signed("gamma", 1.0),
        noise=np.where(on["noise"], rng.uniform(0, 0.03, count), 0.0),
        erase=np.where(on["erase"][:, None], np.column_stack([corner, square, square]), 0.0),
    )


def changed(values: Tensor, changes: Changes) -> Tensor:
    """Change each view; what comes in from outside is black.

    Parameters
    ----------
    values : Tensor, shape (n, channels, height, width)
        In [0, 1], not yet normalised.
    changes : Changes
        Of n views.

    Returns
    -------
    Tensor
        Of the same shape; in [0, 1] unless only moved.
    """
    import torch

    moved = _moved(values, changes)
    if not len(changes.brightness):
        return moved

    def column(numbers: NDArray[np.float64]) -> Tensor:
        return torch.as_tensor(numbers, dtype=values.dtype, device=values.device).view(-1, 1, 1, 1)

    mean = moved.mean(dim=(1, 2, 3), keepdim=True)
    toned = (moved - mean) * column(changes.contrast) + mean + column(changes.brightness)
    toned = toned.clamp(0, 1) ** column(changes.gamma)
    # Drawn on the CPU, so that every device sees the same noise.
    noise = torch.randn(values.shape, dtype=values.dtype).to(values.device)
    return ((toned + noise * column(changes.noise)) * _outside_square(values, changes)).clamp(0, 1)


def _moved(values: Tensor, changes: Changes) -> Tensor:
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    count = len(changes.mirror)
    radians, mirror = np.deg2rad(changes.degrees), np.where(changes.mirror, -1.0, 1.0)
    scale = changes.scale if len(changes.scale) else np.ones(count)
    shift = changes.shift if len(changes.shift) else np.zeros((count, 2))
    # From a place in the new view to the place in the old one: shift back, shrink back, turn back, mirror.
    matrices = np.zeros((count, 2, 3))
    matrices[:, 0, 0] = mirror * np.cos(radians)
    matrices[:, 0, 1] = -np.sin(radians)
    matrices[:, 1, 0] = mirror * np.sin(radians)
    matrices[:, 1, 1] = np.cos(radians)
    matrices[:, :, :2] /= scale[:, None, None]
    # The grid runs from -1 to 1, so a shift of one side is 2.
    matrices[:, :, 2] = -2 * np.einsum("nij,nj->ni", matrices[:, :, :2], shift)
    theta = torch.from_numpy(matrices.astype(np.float32)).to(values.device)
    grid = affine_grid(theta, list(values.shape), align_corners=False)
    return grid_sample(values, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _outside_square(values: Tensor, changes: Changes) -> Tensor:
    """1 outside the erased square and 0 in it, shape (n, 1, height, width)."""
    import torch

    height, width = values.shape[-2:]
    left, top, wide, high = changes.erase.T[:, :, None]
    across, down = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    inside_x = (across >= left) & (across < left + wide)
    inside_y = (down >= top) & (down < top + high)
    keep = ~(inside_y[:, :, None] & inside_x[:, None, :])
    return torch.as_tensor(keep[:, None], dtype=values.dtype, device=values.device)
