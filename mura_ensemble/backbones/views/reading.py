"""From the file of a view to numbers: decoding by content, bit depth, orientation, size.

Pillow turns a 16-bit radiograph into 8 bits by clamping, which makes it almost white, so values are
scaled here by their bit depth and stay floating point until the network sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mura_ensemble.backbones.views.dicom import DicomError, decode_dicom, is_dicom
from mura_ensemble.data.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

__all__ = [
    "Preprocessing",
    "ViewError",
    "decode_view",
    "read_bytes",
    "read_view",
]

"""What stands for the content of a view whose file cannot be read at all."""

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class ViewError(ValueError):
    """The file of a view cannot be used; the message is the reason that its row will show."""


@dataclass(frozen=True)
class Preprocessing:
    """How a decoded view becomes the network's input.

    Attributes
    ----------
    size : int
        Side of the square input in pixels.
    channels : {1, 3}
        1: gray, colour views by their ITU-R 601 luma. 3: gray views repeated.
    mean, std : tuple of float
        One per channel, in units of the full range [0, 1].
    interpolation : str
        `bilinear` or `bicubic`, with anti-aliasing when a view shrinks.
    resize : str
        How a view that is not square comes to its size: `square` stretches it, `letterbox` keeps its proportions
        and fills up with black on both sides.
    """

    size: int
    channels: Literal[1, 3]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: Literal["bilinear", "bicubic"] = "bicubic"
    resize: Literal["square", "letterbox"] = "square"

    @staticmethod
    def refuse(size: int, channels: int, resize: str) -> None:
        """Refuse what no view can become.

        Raises
        ------
        InputError
        """
        if size < 1:
            raise InputError(f"size {size}: give a whole number of 1 or more")
        if channels not in (1, 3):
            raise InputError(f"channels {channels}: give 1 (gray) or 3")
        if resize not in ("square", "letterbox"):
            raise InputError(f"resize '{resize}': give square or letterbox")

    @classmethod
    def from_card(cls, described: Mapping[str, Any]) -> Preprocessing:
        """What `card` described."""
        given = {name: described[name] for name in cls.__dataclass_fields__}
        return cls(**given | {"mean": tuple(given["mean"]), "std": tuple(given["std"])})

    def card(self) -> dict[str, Any]:
        """All that decides the numbers of a view, with the decoders' versions, for a card's inputs."""
        from PIL import __version__ as pillow
        from pydicom import __version__ as pydicom

        return {
            "decoder": f"pillow {pillow}; DICOM: pydicom {pydicom}",
            "values": "value / (2^bits - 1); alpha over black; EXIF orientation applied; gray by ITU-R 601 luma; "
            "DICOM: first VOI look-up table or window, else all stored bits; MONOCHROME1 inverted; padding black",
            **{
                name: list(value) if isinstance(value, tuple) else value
                for name, value in asdict(self).items()
            },
        }


def read_bytes(path: Path) -> bytes:
    """Read the file of a view.

    Raises
    ------
    ViewError
        If there is no such file, it may not be read, or it is empty.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise ViewError("no such file") from error
    except OSError as error:
        raise ViewError(f"cannot be opened: {error.strerror}") from error
    if not data:
        raise ViewError("empty file (0 bytes)")
    return data


def read_view(path: Path, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Read, decode and resize one view.

    Returns
    -------
    ndarray, shape (channels, size, size)
        Values in [0, 1], not yet normalised.

    Raises
    ------
    ViewError
        If the file is missing, empty, truncated, corrupted or neither PNG nor JPEG nor DICOM.
    """
    return fitted(decode_view(read_bytes(path)), preprocessing)


def decode_view(data: bytes) -> NDArray[np.float32]:
    """Decode a PNG, JPEG or DICOM file by its content, whatever the file's name says.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    ndarray, shape (height, width) or (height, width, 3)
        Values in [0, 1]: the stored value over the largest value of its bit depth; for DICOM see `dicom`.

    Raises
    ------
    ViewError
        If the data are empty, truncated, corrupted or neither PNG nor JPEG nor DICOM.
    """
    if not data:
        raise ViewError("empty file (0 bytes)")
    # A damaged file can make a decoder raise almost anything; whatever it is, this view has failed.
    try:
        return decode_dicom(data) if is_dicom(data) else _decoded(data)
    except ViewError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ViewError(
            reason if isinstance(error, DicomError) else f"cannot be decoded: {reason}"
        ) from error


def _decoded(data: bytes) -> NDArray[np.float32]:
    from PIL import ImageOps

    image = _opened(data)
    if _is_deep_colour(data):
        return _deep_colour(data, image)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        # Only 16-bit gray PNGs arrive here, as I;16 or (older Pillow) I.
        return np.asarray(image).astype(np.float32) / np.float32(65535)
    if image.mode == "1":
        return np.asarray(image).astype(np.float32)
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
    elif image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGB")
    values = np.asarray(image).astype(np.float32) / np.float32(255)
    return _over_black(values) if image.mode in ("LA", "RGBA") else values


def _over_black(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colour or gray, shape (height, width[, 3]), of values whose last channel is alpha."""
    seen = values[..., :-1] * values[..., -1:]
    return seen[..., 0] if seen.shape[-1] == 1 else seen


def _is_deep_colour(data: bytes) -> bool:
    """Whether it is a PNG of 16 bits with colour or alpha, of which Pillow keeps 8 bits without a word."""
    return data.startswith(b"\x89PNG") and data[24] == 16 and data[25] in (2, 4, 6)


def _deep_colour(data: bytes, image: Image) -> NDArray[np.float32]:
    import png
    from PIL import ImageOps
    from PIL.Image import fromarray

    width, height, rows, about = png.Reader(bytes=data).asDirect()
    values = np.vstack([np.asarray(row, dtype=np.float32) for row in rows]) / np.float32(65535)
    planes = []
    for plane in np.moveaxis(values.reshape(height, width, about["planes"]), -1, 0):
        turned = fromarray(np.ascontiguousarray(plane))
        turned.info = dict(image.info)  # which says how it lies
        planes.append(np.asarray(ImageOps.exif_transpose(turned)))
    found = np.stack(planes, axis=-1)
    return _over_black(found) if about["alpha"] else found


def _opened(data: bytes) -> Image:
    from PIL import Image, UnidentifiedImageError

    try:
        # Decoding alone skips the checksums of a PNG's pixel data; verify() reads every one of them.
        Image.open(BytesIO(data), formats=("PNG", "JPEG")).verify()
        image = Image.open(BytesIO(data), formats=("PNG", "JPEG"))
        image.load()
        return image
    except UnidentifiedImageError as error:
        raise ViewError("neither PNG nor JPEG nor DICOM") from error


def fitted(values: NDArray[np.float32], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Bring decoded values to the wanted channels and size.

    Parameters
    ----------
    values : ndarray, shape (height, width) or (height, width, 3)

    Returns
    -------
    ndarray, shape (channels, size, size)
    """
    if values.ndim == 3 and preprocessing.channels == 1:
        values = values @ _LUMA
    planes = [values] if values.ndim == 2 else [values[..., channel] for channel in range(3)]
    resized = np.stack([_resized(plane, preprocessing) for plane in planes])
    return np.repeat(resized, preprocessing.channels // len(planes), axis=0)


def _resized(plane: NDArray[np.float32], preprocessing: Preprocessing) -> NDArray[np.float32]:
    from PIL import Image

    side = preprocessing.size
    height, width = side, side
    if preprocessing.resize == "letterbox":
        longer = max(plane.shape)
        height, width = (max(1, round(side * length / longer)) for length in plane.shape)
    if plane.shape != (height, width):
        filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
        image = Image.fromarray(np.ascontiguousarray(plane))
        # Bicubic interpolation overshoots at hard edges.
        plane = np.clip(np.asarray(image.resize((width, height), filters[preprocessing.interpolation])), 0, 1)
    if (height, width) == (side, side):
        return plane
    boxed = np.zeros((side, side), dtype=np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    boxed[top : top + height, left : left + width] = plane
    return boxed
