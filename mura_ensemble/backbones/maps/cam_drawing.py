"""Maps over their views, and a sheet of one study: views down, backbones across.

Orange speaks for abnormal, blue for normal; both are told apart by every kind of colour vision. Within a sheet exact
maps share one scale, so that colours of two backbones mean the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

__all__ = ["Cell", "contact_sheet", "over_square", "overlay"]

ABNORMAL = np.array([230, 97, 1], dtype=np.float32)
NORMAL = np.array([44, 123, 214], dtype=np.float32)
_STRONGEST = 0.6  # of the colour over the view, where the map is at the end of its scale
_INK, _PAPER, _FAINT = (20, 20, 20), (255, 255, 255), (110, 110, 110)
_GAP = 12


@dataclass(frozen=True)
class Cell:
    """One view by one backbone in a sheet.

    Attributes
    ----------
    picture : Image or None
        None where there is nothing to show.
    lines : tuple of str
        What stands below it.
    """

    picture: Image | None
    lines: tuple[str, ...]


def over_square(values: NDArray[np.float32], shape: tuple[int, int], resize: str) -> NDArray[np.float32]:
    """A map of the network's square input as a map of the view, by bicubic interpolation.

    Parameters
    ----------
    values : ndarray, shape (rows, columns)
    shape : (height, width)
        Of the view.
    resize : str
        `square`: the view was stretched; `letterbox`: it lies in the middle.

    Returns
    -------
    ndarray, shape (height, width)
    """
    from PIL import Image

    height, width = shape
    if resize == "letterbox":
        longer = max(shape)
        side = Image.fromarray(values).resize((longer, longer), Image.Resampling.BICUBIC)
        top, left = (longer - height) // 2, (longer - width) // 2
        return np.asarray(side)[top : top + height, left : left + width]
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC))


def overlay(
    view: NDArray[np.float32], values: NDArray[np.float32] | None, scale: float, *, longest: int
) -> Image:
    """A view in grey, with the map in colour over it.

    Parameters
    ----------
    view : ndarray, shape (height, width) or (height, width, 3)
        In [0, 1].
    values : ndarray, shape (height, width), or None
        The map over the view; None shows the view alone.
    scale : float
        The value that has the full colour.
    longest : int
        Longer side of the picture, pixels.
    """
    from PIL import Image

    gray = view if view.ndim == 2 else view.mean(axis=2)
    base = np.repeat(gray[..., None], 3, axis=2) * 255
    if values is not None:
        share = np.clip(np.abs(values) / scale, 0, 1)[..., None] * _STRONGEST if scale > 0 else 0.0
        colour = np.where((values > 0)[..., None], ABNORMAL, NORMAL)
        base = base * (1 - share) + colour * share
    picture = Image.fromarray(np.clip(base + 0.5, 0, 255).astype(np.uint8))
    factor = longest / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.BICUBIC)


def contact_sheet(
    heading: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[Cell]]],
    footer: Sequence[str],
) -> Image:
    """All views of a study beside each other's backbones.

    Parameters
    ----------
    heading, footer : sequence of str
        Lines above and below.
    columns : sequence of str
        Names above the columns.
    rows : sequence of (str, cells)
        Name of the view and one cell per column.
    """
    from PIL import Image, ImageDraw, ImageFont

    large, small = ImageFont.load_default(20), ImageFont.load_default(14)
    line = 19
    pictures = [cell.picture for _, cells in rows for cell in cells if cell.picture is not None]
    # A caption that says the call is 241 wide; a tall view is not.
    wide = max([245, *(picture.width for picture in pictures)])
    lines = max((len(cell.lines) for _, cells in rows for cell in cells), default=0)
    heights = [
        max([40, *(cell.picture.height for cell in cells if cell.picture is not None)])
        + line * lines
        + line
        + _GAP
        for _, cells in rows
    ]
    words = max(
        [
            0,
            *(int(small.getlength(text)) for text in (*heading[1:], *footer)),
            int(large.getlength(heading[0])),
        ]
    )
    width = max((wide + _GAP) * len(columns), words) + 2 * _GAP
    top = _GAP + 30 + line * (len(heading) - 1) + line + _GAP
    height = top + sum(heights) + line * len(footer) + 2 * _GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, _GAP), heading[0], _INK, font=large)
    for number, text in enumerate(heading[1:]):
        draw.text((_GAP, _GAP + 30 + line * number), text, _FAINT, font=small)
    for place, name in enumerate(columns):
        draw.text(
            (_GAP + place * (wide + _GAP), top - line - 4), _fitting(name, wide, small), _INK, font=small
        )
    below = top
    for (name, cells), tall in zip(rows, heights, strict=True):
        draw.text((_GAP, below), name, _FAINT, font=small)
        for place, cell in enumerate(cells):
            left, under = _GAP + place * (wide + _GAP), below + line
            if cell.picture is not None:
                sheet.paste(cell.picture, (left, under))
                under += cell.picture.height
            for number, text in enumerate(cell.lines):
                draw.text((left, under + 2 + line * number), _fitting(text, wide, small), _INK, font=small)
        below += tall
    for number, text in enumerate(footer):
        draw.text((_GAP, below + line * number), text, _FAINT, font=small)
    return sheet


def _fitting(text: str, width: int, font: Any) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."
