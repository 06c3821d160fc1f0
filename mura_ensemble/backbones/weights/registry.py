"""Architectures by their timm name, with one logit; their weights on disk and the digest of them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mura_ensemble.backbones.weights.catalogue import entry_called
from mura_ensemble.backbones.weights.filling import fill
from mura_ensemble.data.errors import InputError, MissingExtraError
from mura_ensemble.data.files import atomic_write

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "create_backbone",
    "load_weights",
    "normalisation",
    "parse_arguments",
    "require_extra",
    "save_weights",
    "weights_digest",
]


def require_extra() -> None:
    """Say in one line what to install if torch, torchvision, timm, safetensors or Pillow is missing.

    Raises
    ------
    MissingExtraError
    """
    for module, package in (
        ("torch", "torch"),
        ("torchvision", "torchvision"),
        ("timm", "timm"),
        ("safetensors", "safetensors"),
        ("PIL", "pillow"),
        ("pydicom", "pydicom"),
        ("png", "pypng"),
    ):
        try:
            found = find_spec(module)
        except ModuleNotFoundError:  # what an import hook may raise instead of returning None
            found = None
        if found is None:
            raise MissingExtraError(package, "backbones")


def parse_arguments(texts: Iterable[str]) -> dict[str, Any]:
    """Read `name=value` arguments of an architecture, values as JSON, e.g. `block_config=[4,6,8,6]`.

    Raises
    ------
    InputError
        If one has no `=` or its value is not JSON.
    """
    arguments: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            if not (name.isidentifier() and equals):
                raise ValueError("no name=value")
            arguments[name] = json.loads(value)
        except ValueError as error:
            raise InputError(
                f"model argument '{text}': expected name=value with a JSON value, e.g. depth=6"
            ) from error
    return arguments


def create_backbone(
    architecture: str,
    *,
    channels: int,
    size: int,
    arguments: Mapping[str, Any],
    pretrained: bool = False,
    checkpoint: Path | None = None,
) -> nn.Module:
    """Make a timm model with one logit and prove that it takes views of this size.

    Parameters
    ----------
    architecture : str
        Any name of `timm.list_models()`.
    channels, size : int
        Input channels and side in pixels.
    arguments : mapping
        Further keyword arguments of the architecture (JSON values; lists become tuples).
    pretrained : bool
        Start from timm's default weights (needs a network or timm's local copy).
    checkpoint : Path, optional
        Start from the weights in this safetensors file; its classifier is left out if it is another one, its first
        convolution is adapted from colour to gray or back.

    Returns
    -------
    torch.nn.Module
        In evaluation mode; maps (n, channels, size, size) to (n, 1).

    Raises
    ------
    InputError
        Unknown name, arguments the architecture refuses, a size it cannot take, or weights that do not fit.
    """
    import timm
    import torch

    _known(architecture)
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}
    config = timm.get_pretrained_cfg(architecture)
    if config is not None and config.fixed_input_size:  # timm resamples weights of another size
        given.setdefault("img_size", size)
    try:
        model = timm.create_model(architecture, num_classes=1, in_chans=channels, **given)
    except Exception as error:  # whatever timm raises, the user's argument is at fault
        raise InputError(
            f"architecture '{architecture}' cannot be made with {dict(arguments)}: {_first_line(error)}"
        ) from error
    if pretrained:
        try:
            with _quiet():
                model = timm.create_model(
                    architecture, pretrained=True, num_classes=1, in_chans=channels, **given
                )
        except Exception as error:  # no weights, or no network to fetch them with
            raise InputError(
                f"timm's weights of '{architecture}' cannot be had: {_first_line(error)}; with a network they are "
                "fetched once and kept, without one give weights of your own with --checkpoint"
            ) from error
    if checkpoint is not None:
        fill(model, load_weights(checkpoint)[0], checkpoint)
    model.eval()
    try:
        with torch.inference_mode():
            shape = tuple(model(torch.zeros(2, channels, size, size)).shape)
    except (AssertionError, RuntimeError, ValueError) as error:
        raise InputError(
            f"architecture '{architecture}' cannot take views of {size} px: {_first_line(error)}"
        ) from error
    if shape != (2, 1):
        raise InputError(
            f"architecture '{architecture}' gives {shape[1:]} values for one view; one logit is needed"
        )
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the hub's warnings of every try; what it comes to is in the error."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _known(architecture: str) -> None:
    import timm

    if not timm.is_model(architecture):
        meant = entry_called(architecture)
        near = get_close_matches(architecture.lower(), timm.list_models(), n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; mura-ensemble backbones lists some"
        if meant is not None:
            hint = f": take {meant.timm_name}{f' ({meant.note})' if meant.note else ''}"
        raise InputError(f"timm has no architecture '{architecture}'{hint}")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__


def normalisation(
    model: nn.Module, channels: int, *, imagenet: bool = False
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation that timm's weights of this architecture expect, or ImageNet's; their means for gray."""
    from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

    mean, std = model.pretrained_cfg["mean"], model.pretrained_cfg["std"]
    if imagenet:
        mean, std = IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
    if channels == 1:
        return (round(float(np.mean(mean)), 6),), (round(float(np.mean(std)), 6),)
    return tuple(mean), tuple(std)


def weights_digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 (hex) over the sorted names, types, shapes and bytes of loaded tensors.

    Of the loaded values, not of a file, so that the same weights have one digest however they are stored.
    """
    import torch

    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        total.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def save_weights(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors as safetensors, whole or not at all."""
    from safetensors.torch import save_file

    # safetensors refuses tensors that share memory, which tied weights do.
    owned = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    with atomic_write(path) as temporary:
        save_file(owned, temporary, metadata=dict(metadata))


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors and the metadata of a safetensors file.

    Raises
    ------
    InputError
        If there is no such file or it is not safetensors; a pickle is never opened.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise InputError(f"{path}: no such file of weights; check the path")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except SafetensorError as error:
        how = ""
        if Path(path).suffix.lower() in (".pth", ".pt", ".bin", ".ckpt", ".tar", ".pkl"):
            how = "; a pickle can run code when it is opened: convert one that you trust with safetensors' save_file"
        raise InputError(f"{path}: cannot be read as safetensors ({error}){how}") from error
