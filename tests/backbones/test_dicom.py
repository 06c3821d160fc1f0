from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.backbones
pydicom = pytest.importorskip("pydicom")
Image = pytest.importorskip("PIL.Image")

from sampling import amount  # noqa: E402

from mura_ensemble.backbones.views.reading import Preprocessing, ViewError, decode_view, fitted  # noqa: E402

RAMP = (np.arange(48, dtype=np.uint16).reshape(6, 8) * 85) % 4096  # 12 bits


def dicom(stored: np.ndarray, *, bits: int = 12, kind: str = "MONOCHROME2", **more: Any) -> bytes:
    """A DICOM file with these stored values."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["view"])
    header = Dataset()
    header.file_meta = meta
    header.SOPClassUID, header.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    header.Rows, header.Columns = stored.shape[:2]
    header.SamplesPerPixel = 1 if stored.ndim == 2 else 3
    header.PhotometricInterpretation = kind
    header.BitsAllocated = stored.dtype.itemsize * 8
    header.BitsStored, header.HighBit = bits, bits - 1
    header.PixelRepresentation = int(stored.dtype.kind == "i")
    if stored.ndim == 3:
        header.PlanarConfiguration = 0
    for name, value in more.items():
        setattr(header, name, value)
    header.PixelData = stored.tobytes()
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, header, enforce_file_format=True)
    return stream.getvalue()


def test_without_a_window_the_stored_bits_are_the_range() -> None:
    assert np.allclose(decode_view(dicom(RAMP)), RAMP / 4095, atol=1e-6)
    signed = RAMP.astype(np.int16) - 2048
    assert np.allclose(decode_view(dicom(signed)), RAMP / 4095, atol=1e-6)
    # A slope and an intercept alone move the range with the values.
    rescaled = dicom(RAMP, RescaleSlope="2", RescaleIntercept="-1000", RescaleType="US")
    assert np.allclose(decode_view(rescaled), RAMP / 4095, atol=1e-6)


def test_monochrome1_is_inverted() -> None:
    assert np.allclose(decode_view(dicom(RAMP, kind="MONOCHROME1")), 1 - RAMP / 4095, atol=1e-6)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_the_window_by_the_formulas_of_the_standard(function: str) -> None:
    centre, width = 1500.0, 1000.0
    data = dicom(
        RAMP,
        RescaleSlope="1.5",
        RescaleIntercept="-200",
        RescaleType="US",
        WindowCenter=[centre, 9.0],
        WindowWidth=[width, 9.0],
        VOILUTFunction=function,
    )
    x = RAMP * 1.5 - 200
    expected = {
        "LINEAR": np.clip((x - (centre - 0.5)) / (width - 1) + 0.5, 0, 1),
        "LINEAR_EXACT": np.clip((x - centre) / width + 0.5, 0, 1),
        "SIGMOID": 1 / (1 + np.exp(-4 * (x - centre) / width)),
    }[function]
    assert np.allclose(decode_view(data), expected, atol=1e-5)


def test_a_look_up_table_goes_before_a_window() -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    table = Dataset()
    table.LUTDescriptor = [4096, 0, 12]
    table.LUTData = (np.arange(4096) // 2).astype("<u2").tobytes()
    data = dicom(RAMP, WindowCenter=1.0, WindowWidth=2.0, VOILUTSequence=Sequence([table]))
    assert np.allclose(decode_view(data), (RAMP // 2) / 4095, atol=1e-6)


def test_padding_is_black_whatever_the_polarity() -> None:
    stored = RAMP.copy()
    stored[0] = 4095
    found = decode_view(dicom(stored, kind="MONOCHROME1", PixelPaddingValue=4095))
    assert (found[0] == 0).all()
    assert np.allclose(found[1:], 1 - RAMP[1:] / 4095, atol=1e-6)


def test_colour_and_8_bits() -> None:
    colour = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    assert np.allclose(decode_view(dicom(colour, bits=8, kind="RGB")), colour / 255, atol=1e-6)
    gray = colour[..., 0].copy()
    assert np.allclose(decode_view(dicom(gray, bits=8)), gray / 255, atol=1e-6)


def test_a_compressed_radiograph_is_the_same_radiograph() -> None:
    from pydicom.uid import RLELossless

    header = pydicom.dcmread(io.BytesIO(dicom(RAMP)))
    header.compress(RLELossless, generate_instance_uid=False)
    stream = io.BytesIO()
    header.save_as(stream)
    assert np.array_equal(decode_view(stream.getvalue()), decode_view(dicom(RAMP)))


def test_what_is_no_single_radiograph_fails_with_its_reason() -> None:
    frames = dicom(np.stack([RAMP, RAMP]).reshape(12, 8), NumberOfFrames=2, Rows=6)
    header = pydicom.dcmread(io.BytesIO(dicom(RAMP)))
    del header.PixelData
    stream = io.BytesIO()
    header.save_as(stream)
    jpeg = pydicom.dcmread(io.BytesIO(dicom(RAMP)))
    jpeg.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"  # MPEG2: no radiograph
    jpeg.PixelData = pydicom.encaps.encapsulate([jpeg.PixelData])
    film = io.BytesIO()
    jpeg.save_as(film, enforce_file_format=False)
    for data, reason in (
        (frames, "^DICOM of 2 frames; a view is one frame$"),
        (stream.getvalue(), "^DICOM without pixels$"),
        (film.getvalue(), "^DICOM compressed as MPEG2.* install python-gdcm"),
        (dicom(RAMP)[:-40], "^cannot be decoded: "),
        (dicom(RAMP, WindowCenter=5.0, WindowWidth=0.0), "^cannot be decoded: |no width"),
    ):
        with pytest.raises(ViewError, match=reason):
            decode_view(data)


def _png16(values: np.ndarray) -> bytes:
    """A 16-bit PNG of 2, 3 or 4 channels, written from the standard alone."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width, channels = values.shape
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def test_16_bits_of_colour_and_alpha_are_all_kept() -> None:
    values = np.random.default_rng(0).integers(0, 65536, (5, 7, 4)).astype(np.uint16)
    share = values / 65535
    assert np.allclose(decode_view(_png16(values[..., :3])), share[..., :3], atol=1e-6)
    assert np.allclose(decode_view(_png16(values)), share[..., :3] * share[..., 3:], atol=1e-6)
    assert np.allclose(decode_view(_png16(values[..., :2])), share[..., 0] * share[..., 1], atol=1e-6)


def test_a_letterbox_keeps_proportions_and_is_black_outside() -> None:
    values = np.full((40, 20), 0.5, dtype=np.float32)
    side = Preprocessing(size=16, channels=1, mean=(0.0,), std=(1.0,), resize="letterbox")
    found = fitted(values, side)[0]
    assert found.shape == (16, 16)
    assert (found[:, :4] == 0).all()
    assert (found[:, 12:] == 0).all()
    assert np.allclose(found[:, 4:12], 0.5)
    lying = fitted(values.T, side)[0]
    assert np.array_equal(lying, found.T)
    assert fitted(np.ones((1, 900), np.float32), side).shape == (1, 16, 16)
    assert Preprocessing.from_card(side.card()) == side


FILES = (
    dicom(RAMP, WindowCenter=1500.0, WindowWidth=900.0),
    _png16(np.random.default_rng(0).integers(0, 65536, (5, 7, 3)).astype(np.uint16)),
)


def _jpeg() -> bytes:
    stream = io.BytesIO()
    Image.fromarray((RAMP // 16).astype(np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


@settings(max_examples=amount(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    data=st.sampled_from([*FILES, _jpeg()]),
    place=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
    rest=st.binary(max_size=40),
)
@pytest.mark.filterwarnings("ignore")
def test_no_damage_does_more_than_fail_the_view(
    data: bytes, place: float, changes: list[tuple[float, int]], rest: bytes
) -> None:
    damaged = bytearray(data[: max(1, round(place * len(data)))] + rest)
    for where, byte in changes:
        damaged[round(where * (len(damaged) - 1))] = byte
    try:
        found = decode_view(bytes(damaged))
    except ViewError as error:
        found, reason = None, str(error)
    if found is None:
        assert reason
        assert "\n" not in reason
    else:
        assert found.dtype == np.float32
        assert 0 <= found.min() <= found.max() <= 1
