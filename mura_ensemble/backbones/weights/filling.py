"""Weights from elsewhere into a network: their names, their first convolution, their classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mura_ensemble.data.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["channels_of", "fill"]

Tensors = dict[str, "Tensor"]
_MEND = "give weights of this architecture, or say theirs with --architecture, --argument and --size"


def fill(model: nn.Module, tensors: Tensors, source: Path, *, whole: bool = False) -> tuple[str, ...]:
    """Load tensors that any program has saved into a network with one logit.

    Parameters
    ----------
    model : torch.nn.Module
        Of timm.
    tensors : dict
    source : Path
        Their file, for errors.
    whole : bool
        The classifier must fit, too: one logit as it is, two classes as the one logit with the same softmax.
        False: the classifier is left out if it is another one.

    Returns
    -------
    tuple of str
        What was changed to make them fit.

    Raises
    ------
    InputError
        If they do not fit, naming the first tensor.
    """
    heads = _classifiers(model)
    found, changes = _for_channels(model, _plain_names(tensors))
    if whole:
        found, folded = _one_logit(model, found, heads, source)
        changes += folded
    own = model.state_dict()
    fitting = {}
    for name, tensor in found.items():
        same = name in own and own[name].shape == tensor.shape
        if not same and (whole or not name.startswith(heads)):
            wanted = f"has shape {tuple(own[name].shape)}" if name in own else "does not exist"
            raise InputError(
                f"{source}: tensor '{name}' of shape {tuple(tensor.shape)} {wanted} in this architecture; {_MEND}"
            )
        if same:
            fitting[name] = tensor
    absent = [name for name in own if name not in fitting]
    backbone = [name for name in absent if not name.startswith(heads)]
    if backbone:
        raise InputError(f"{source}: tensor '{backbone[0]}' is missing ({len(backbone)} in all); {_MEND}")
    if absent and whole:
        raise InputError(
            f"{source}: tensor '{absent[0]}' of the classifier is missing, and without it every logit would be random; "
            "give weights that were saved with their classifier"
        )
    model.load_state_dict(fitting, strict=False)
    return changes


def channels_of(architecture: str, tensors: Tensors) -> Literal[1, 3]:
    """Channels of the views that these weights take; 3 where their first convolution does not say it."""
    import timm

    first = getattr(timm.get_pretrained_cfg(architecture), "first_conv", None)
    weight = _plain_names(tensors).get(f"{first}.weight")
    return 1 if weight is not None and weight.ndim == 4 and weight.shape[1] == 1 else 3


def _plain_names(tensors: Tensors) -> Tensors:
    """Without what torch's parallel and compiled models put before every name."""
    for prefix in ("module.", "_orig_mod."):
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


def _for_channels(model: nn.Module, tensors: Tensors) -> tuple[Tensors, tuple[str, ...]]:
    """The first convolution of colour weights for gray views, and the other way round, by timm's rule."""
    from timm.models import adapt_input_conv

    own, first = model.state_dict(), model.pretrained_cfg.get("first_conv")
    name = f"{first}.weight"
    if name not in own or name not in tensors or own[name].ndim != 4 or tensors[name].ndim != 4:
        return tensors, ()
    wanted, found = own[name].shape[1], tensors[name].shape[1]
    if wanted == found or 3 not in (wanted, found):
        return tensors, ()
    fitted = tensors[name].repeat(1, 3, 1, 1) / 3 if wanted == 3 else adapt_input_conv(wanted, tensors[name])
    return {**tensors, name: fitted}, (f"first convolution of {found} channels made one of {wanted}",)


def _one_logit(
    model: nn.Module, tensors: Tensors, heads: tuple[str, ...], source: Path
) -> tuple[Tensors, tuple[str, ...]]:
    """A classifier of two classes as one logit: softmax of (normal, abnormal) is the sigmoid of their difference."""
    own, folded = model.state_dict(), dict(tensors)
    for name, tensor in tensors.items():
        here = own.get(name)
        if here is None or not name.startswith(heads) or here.shape == tensor.shape:
            continue
        if here.ndim == tensor.ndim and here.shape[1:] == tensor.shape[1:]:
            if len(tensor) != 2:
                raise InputError(
                    f"{source}: its classifier has {len(tensor)} classes (tensor '{name}'); give weights with one logit of "
                    "abnormal, or with two classes, normal and abnormal in this order"
                )
            folded[name] = tensor[1:].double() - tensor[:1].double()
    different = any(folded[name] is not tensors[name] for name in tensors)
    return folded, (
        "classifier of (normal, abnormal) made one logit with the same softmax",
    ) if different else ()


def _classifiers(model: nn.Module) -> tuple[str, ...]:
    """What the names of the classifier's tensors begin with; distilled networks have two, and take their mean."""
    classifier = model.get_classifier()
    parts = classifier if isinstance(classifier, tuple) else (classifier,)
    return tuple(f"{name}." for name, module in model.named_modules() if any(module is one for one in parts))
