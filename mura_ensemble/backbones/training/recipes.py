"""The recipes of training: every value that decides the weights, by name, each of which may be said otherwise."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from mura_ensemble.data.errors import InputError

__all__ = ["RECIPES", "Recipe", "Settings", "TrainingPrecision", "settings_of"]

Recipe = Literal["paper", "modern"]
TrainingPrecision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Settings:
    """How a member is trained.

    Attributes
    ----------
    epochs, batch_size : int
    optimizer : str
        `adam` or `adamw`, made by timm.
    learning_rate, weight_decay : float
    layer_decay : float
        Factor of the learning rate from each block to the one below it; 1: all blocks learn alike.
    schedule : str
        `cosine`: a linear warm-up over the first twentieth of all steps, then along a cosine to zero. `plateau`:
        a tenth whenever the validation loss has not fallen for two epochs.
    augmentation : str
        `mirror-rotate`: lateral inversion and rotation of up to 30 degrees. `radiograph`: see `augment`.
    average : float
        Decay of the exponential moving average of the weights, which then is what is kept; 0: the weights
        themselves.
    precision : str
        `float32`, or `bfloat16`: the forward pass under autocast, weights in float32.
    kept : int
        How many epochs of lowest validation loss each become a member; 0: the last epoch is the member.
    validation_share : float
        Share of the training patients that a member does not learn from and that its validation loss is of.
    seed : int
    """

    epochs: int
    batch_size: int
    optimizer: Literal["adam", "adamw"]
    learning_rate: float
    weight_decay: float
    layer_decay: float
    schedule: Literal["cosine", "plateau"]
    augmentation: Literal["mirror-rotate", "radiograph"]
    average: float
    precision: TrainingPrecision
    kept: int
    validation_share: float
    seed: int = 0

    @property
    def validates(self) -> bool:
        """Whether a validation loss decides anything."""
        return self.kept > 0 or self.schedule == "plateau"


RECIPES: dict[Recipe, Settings] = {
    # Rajpurkar et al. 2017, arXiv 1712.06957, section 3; number of epochs and patience are not stated there.
    "paper": Settings(
        epochs=20,
        batch_size=8,
        optimizer="adam",
        learning_rate=1e-4,
        weight_decay=0.0,
        layer_decay=1.0,
        schedule="plateau",
        augmentation="mirror-rotate",
        average=0.0,
        precision="float32",
        kept=5,
        validation_share=0.1,
    ),
    "modern": Settings(
        epochs=20,
        batch_size=32,
        optimizer="adamw",
        learning_rate=5e-4,
        weight_decay=0.05,
        layer_decay=1.0,
        schedule="cosine",
        augmentation="radiograph",
        average=0.999,
        precision="float32",
        kept=0,
        validation_share=0.0,
    ),
}
"""What each recipe says where the user says nothing. On a GPU that has bfloat16, `modern` uses it."""


def settings_of(
    recipe: Recipe, said: dict[str, Any], *, half: bool, validation_split: str | None
) -> Settings:
    """The settings of a recipe with what the user said instead.

    Parameters
    ----------
    recipe : {'paper', 'modern'}
    said : dict
        Field of `Settings` to value; None where the recipe decides.
    half : bool
        Whether the device computes fast in bfloat16.
    validation_split : str or None
        A split of its own to validate on; a share of the training patients is not needed then.

    Raises
    ------
    InputError
        For an unknown recipe, a value out of its range, or values that contradict each other.
    """
    if recipe not in RECIPES:
        raise InputError(f"recipe '{recipe}': give {' or '.join(RECIPES)}")
    start = RECIPES[recipe]
    if recipe == "modern" and half:
        start = replace(start, precision="bfloat16")
    if validation_split is not None:
        if said.get("validation_share"):
            raise InputError("both a validation split and a validation share are asked for; choose one")
        start = replace(start, validation_share=0.0)
    settings = replace(start, **{name: value for name, value in said.items() if value is not None})
    _check(settings)
    if settings.validates and not settings.validation_share and validation_split is None:
        needs = f"keeping {settings.kept} epochs" if settings.kept else "the plateau schedule"
        raise InputError(f"{needs} needs a validation loss: give a validation split or a validation share")
    if not settings.validates and settings.validation_share:
        raise InputError(
            f"validation share {settings.validation_share}: nothing would be decided by the validation loss, and its "
            "patients would be lost to training; keep epochs by it (--kept) or leave the share out"
        )
    return settings


def _check(settings: Settings) -> None:
    for name in ("epochs", "batch_size"):
        if getattr(settings, name) < 1:
            raise InputError(
                f"{name.replace('_', ' ')} {getattr(settings, name)}: give a whole number of 1 or more"
            )
    if not settings.learning_rate > 0:
        raise InputError(f"learning rate {settings.learning_rate}: give a number above 0")
    if not 0 < settings.layer_decay <= 1:
        raise InputError(f"layer decay {settings.layer_decay}: give a number above 0 and up to 1")
    if not 0 <= settings.average < 1:
        raise InputError(f"average {settings.average}: give a number from 0 to below 1")
    if not 0 <= settings.validation_share <= 0.5:
        raise InputError(f"validation share {settings.validation_share}: give a number from 0 to 0.5")
    for name in ("weight_decay", "kept", "seed"):
        if getattr(settings, name) < 0:
            raise InputError(f"{name.replace('_', ' ')} {getattr(settings, name)}: give 0 or more")
    choices = {
        "optimizer": ("adam", "adamw"),
        "schedule": ("cosine", "plateau"),
        "augmentation": ("mirror-rotate", "radiograph"),
        "precision": ("float32", "bfloat16"),
    }
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.name in choices and value not in choices[field.name]:
            raise InputError(f"{field.name} '{value}': give {' or '.join(choices[field.name])}")
