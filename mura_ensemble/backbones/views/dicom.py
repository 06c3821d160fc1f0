"""A DICOM radiograph as it is meant to be seen, in [0, 1]."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DicomError", "decode_dicom", "is_dicom"]


class DicomError(ValueError):
    """The file cannot be shown; the message is the reason."""


def is_dicom(data: bytes) -> bool:
    """Whether the data are a DICOM file: 128 bytes of anything, then `DICM` (PS3.10, 7.1)."""
    return data[128:132] == b"DICM"


def decode_dicom(data: bytes) -> NDArray[np.float32]:
    """Pixels through modality and VOI transformation, MONOCHROME1 inverted, padding black.

    The first VOI look-up table or else the first window decides what is black and white (PS3.3, C.11.2); without
    either the whole range of the stored bits does. Colour is scaled by its bits.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    ndarray, shape (rows, columns) or (rows, columns, 3)
        Values in [0, 1].

    Raises
    ------
    DicomError
        If there are no pixels, more than one frame, or a compression that nothing installed can undo.
    """
    import pydicom

    # What a header should not hold is no reason against the pixels.
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    header = pydicom.dcmread(BytesIO(data))
    if "PixelData" not in header:
        raise DicomError("DICOM without pixels")
    if int(header.get("NumberOfFrames") or 1) > 1:
        raise DicomError(f"DICOM of {header.NumberOfFrames} frames; a view is one frame")
    syntax = header.file_meta.TransferSyntaxUID
    if syntax.is_compressed and not _can_be_undone(syntax):
        raise DicomError(f"DICOM compressed as {syntax.name}; install python-gdcm, which undoes it")
    stored = header.pixel_array
    if header.PhotometricInterpretation == "PALETTE COLOR":
        from pydicom.pixels import apply_color_lut

        stored = apply_color_lut(stored, header)
        return _share(stored, 0, np.iinfo(stored.dtype).max)[..., :3]
    if stored.ndim == 3:
        return _share(stored, 0, 2**header.BitsStored - 1)
    shown = _shown(stored, header)
    if header.PhotometricInterpretation == "MONOCHROME1":
        shown = 1 - shown
    padding = header.get("PixelPaddingValue")
    return shown if padding is None else np.where(stored == padding, np.float32(0), shown)


def _can_be_undone(syntax: Any) -> bool:
    from pydicom.pixels import get_decoder

    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def _shown(stored: NDArray[Any], header: Any) -> NDArray[np.float32]:
    from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing

    signed = header.PixelRepresentation == 1
    lowest = -(2 ** (header.BitsStored - 1)) if signed else 0
    ends = np.array([lowest, lowest + 2**header.BitsStored - 1], dtype=np.int64)
    values = apply_modality_lut(stored, header)
    if header.get("VOILUTSequence"):
        bits = int(header.VOILUTSequence[0].LUTDescriptor[2])
        return _share(apply_voi(values, header, index=0), 0, 2**bits - 1)
    if header.get("WindowWidth") is not None and header.get("WindowCenter") is not None:
        # What lies far below and above every window shows what the window calls black and white.
        with np.errstate(over="ignore"):
            black, white = apply_windowing(np.array([-1e30, 1e30]), header, index=0)
            return _share(apply_windowing(values.astype(np.float64), header, index=0), black, white)
    if header.get("ModalityLUTSequence"):
        return _share(values, 0, 2 ** int(header.ModalityLUTSequence[0].LUTDescriptor[2]) - 1)
    low, high = sorted(apply_modality_lut(ends, header))
    return _share(values, low, high)


def _share(values: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    if not high > low:
        raise DicomError("DICOM whose window or look-up table has no width")
    return np.clip((values.astype(np.float64) - low) / (high - low), 0, 1).astype(np.float32)
