"""Test-time augmentation: a view seen several ways, whose logits are averaged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mura_ensemble.backbones.views.reading import Preprocessing
from mura_ensemble.data.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TestTime", "parse_tta"]


@dataclass(frozen=True)
class TestTime:
    """The ways in which a view is seen; every combination counts alike.

    Attributes
    ----------
    flip : bool
        As it is, and mirrored.
    crops : bool
        The centre and the four corners of the view, resized to 8/7 of the network's side.
    sizes : tuple of int
        Sides in pixels at which the network sees it; empty: the one it was trained at.
    """

    __test__ = False  # its name is not that of a test

    flip: bool = False
    crops: bool = False
    sizes: tuple[int, ...] = ()

    def card(self) -> list[str]:
        """As the card says it; empty where a view is seen once, as it is."""
        return [
            *(["flip: as it is and mirrored"] if self.flip else []),
            *(["crops: centre and four corners of 8/7 of the side"] if self.crops else []),
            *([f"sizes: {', '.join(map(str, self.sizes))}"] if self.sizes else []),
            *(["mean of the logits"] if self != TestTime() else []),
        ]

    def inputs(self, preprocessing: Preprocessing) -> tuple[Preprocessing, ...]:
        """How the view must be decoded, once for every size."""
        return tuple(
            replace(preprocessing, size=round(size * 8 / 7) if self.crops else size)
            for size in self.sides(preprocessing)
        )

    def sides(self, preprocessing: Preprocessing) -> tuple[int, ...]:
        """Sides in pixels of what the network sees."""
        return self.sizes or (preprocessing.size,)

    def seen(self, values: Tensor, side: int) -> Iterator[Tensor]:
        """What the network sees of views decoded for one of the sides.

        Parameters
        ----------
        values : Tensor, shape (n, channels, s, s)
            As `inputs` asked for.
        side : int

        Yields
        ------
        Tensor, shape (n, channels, side, side)
        """
        far = values.shape[-1] - side
        corners = [(far // 2, far // 2)]
        if self.crops:
            corners += [(0, 0), (0, far), (far, 0), (far, far)]
        for top, left in corners:
            cut = values[..., top : top + side, left : left + side]
            yield cut
            if self.flip:
                yield cut.flip(-1)


def parse_tta(texts: Sequence[str]) -> TestTime:
    """Read `flip`, `crops` and `sizes=288,320,352`.

    Raises
    ------
    InputError
        For anything else, or one that is said twice.
    """
    found = TestTime()
    for text in texts:
        name, _, sizes = text.partition("=")
        numbers = sizes.split(",")
        if text == "flip" and not found.flip:
            found = replace(found, flip=True)
        elif text == "crops" and not found.crops:
            found = replace(found, crops=True)
        elif name == "sizes" and not found.sizes and all(n.isdecimal() and int(n) > 0 for n in numbers):
            if len(set(map(int, numbers))) < len(numbers):
                raise InputError(f"test-time augmentation '{text}': a size stands twice")
            found = replace(found, sizes=tuple(map(int, numbers)))
        else:
            raise InputError(
                f"test-time augmentation '{text}': give flip, crops or sizes=288,320,352, each at most once"
            )
    return found
