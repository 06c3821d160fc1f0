from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.backbones
Image = pytest.importorskip("PIL.Image")

from mura_ensemble.backbones.views.reading import (  # noqa: E402
    Preprocessing,
    ViewError,
    decode_view,
    fitted,
    read_view,
)
from mura_ensemble.data.tables.manifests import MISSING, content_digest  # noqa: E402

GRAY = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10


def _encoded(image: object, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)  # type: ignore[attr-defined]
    return stream.getvalue()


def _png16(values: np.ndarray) -> bytes:
    """A 16-bit gray PNG written from the standard alone, so that no library's scaling is trusted."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = values.shape
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def test_8_bit_gray_is_scaled_by_255() -> None:
    np.testing.assert_allclose(decode_view(_encoded(Image.fromarray(GRAY))), GRAY / 255, atol=1e-7)


def test_16_bit_gray_is_scaled_not_clamped() -> None:
    values = np.linspace(0, 65535, 24).astype(np.uint16).reshape(4, 6)
    decoded = decode_view(_png16(values))
    np.testing.assert_allclose(decoded, values / 65535, atol=1e-7)
    assert np.unique(decoded).size == 24  # clamping to 8 bits would leave nearly all of them equal


def test_8_and_16_bit_of_one_radiograph_agree() -> None:
    np.testing.assert_allclose(
        decode_view(_png16(GRAY.astype(np.uint16) * 257)),
        decode_view(_encoded(Image.fromarray(GRAY))),
        atol=1e-7,
    )


def test_two_level_views() -> None:
    decoded = decode_view(_encoded(Image.fromarray(GRAY > 100)))
    np.testing.assert_array_equal(decoded, (GRAY > 100).astype(np.float32))


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA", "LA"])
def test_gray_stored_in_other_modes_is_the_same_gray(mode: str) -> None:
    stored = (
        Image.fromarray(GRAY).convert("RGB").quantize(256)
        if mode == "P"
        else Image.fromarray(GRAY).convert(mode)
    )
    decoded = decode_view(_encoded(stored))
    side = Preprocessing(size=8, channels=1, mean=(0.0,), std=(1.0,))
    np.testing.assert_allclose(
        fitted(decoded, side), fitted((GRAY / 255).astype(np.float32), side), atol=1e-6
    )


def test_alpha_is_over_black() -> None:
    values = np.full((2, 2, 4), 200, dtype=np.uint8)
    values[..., 3] = [[0, 255], [51, 255]]
    expected = 200 / 255 * np.array([[0, 1], [0.2, 1]])
    np.testing.assert_allclose(decode_view(_encoded(Image.fromarray(values)))[..., 0], expected, atol=1e-7)


def test_a_palette_with_a_transparent_entry_is_over_black() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 255, 255, 255])
    image.putdata([0, 1])
    decoded = decode_view(_encoded(image, transparency=1))
    np.testing.assert_allclose(decoded, np.array([[[10, 20, 30], [0, 0, 0]]]) / 255, atol=1e-7)


def test_jpeg_gray_rgb_and_cmyk() -> None:
    flat = Image.new("L", (16, 16), 128)
    for mode in ("L", "RGB", "CMYK"):
        decoded = decode_view(_encoded(flat.convert(mode), "JPEG", quality=95))
        np.testing.assert_allclose(decoded, 128 / 255, atol=2 / 255)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_exif_orientation_is_applied(kind: str) -> None:
    values = np.zeros((8, 16), dtype=np.uint8)
    values[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned a quarter clockwise
    decoded = decode_view(_encoded(Image.fromarray(values), kind, exif=exif))
    assert decoded.shape == (16, 8)
    assert decoded[:8].mean() > 0.95
    assert decoded[8:].mean() < 0.05


def test_the_name_of_the_file_does_not_decide(tmp_path: Path) -> None:
    path = tmp_path / "view.png"
    path.write_bytes(_encoded(Image.new("L", (8, 8), 255), "JPEG"))
    side = Preprocessing(size=4, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
    np.testing.assert_allclose(read_view(path, side), np.ones((3, 4, 4)), atol=0.02)


def _noise(kind: str) -> bytes:
    values = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    return _encoded(Image.fromarray(values), kind)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_truncated_views_fail(kind: str, share: float) -> None:
    data = _noise(kind)
    with pytest.raises(ViewError):
        decode_view(data[: int(len(data) * share)])


def test_one_flipped_bit_anywhere_in_the_pixels_of_a_png_fails() -> None:
    data = _noise("PNG")
    for position in range(60, len(data) - 20, 397):
        damaged = bytearray(data)
        damaged[position] ^= 1
        with pytest.raises(ViewError):
            decode_view(bytes(damaged))


def test_other_files_fail_with_a_reason_that_never_changes() -> None:
    for data, reason in (
        (b"", r"empty file \(0 bytes\)"),
        (b"not a view", "neither PNG nor JPEG nor DICOM"),
        (_encoded(Image.fromarray(GRAY), "BMP"), "neither PNG nor JPEG nor DICOM"),
    ):
        with pytest.raises(ViewError, match=f"^{reason}$"):
            decode_view(data)


def test_missing_and_empty_files(tmp_path: Path) -> None:
    side = Preprocessing(size=4, channels=1, mean=(0.0,), std=(1.0,))
    with pytest.raises(ViewError, match=r"^no such file$"):
        read_view(tmp_path / "none.png", side)
    (tmp_path / "empty.png").touch()
    with pytest.raises(ViewError, match=r"^empty file"):
        read_view(tmp_path / "empty.png", side)
    with pytest.raises(ViewError, match=r"^cannot be opened: "):
        read_view(tmp_path, side)
    assert content_digest(tmp_path / "none.png") == content_digest(tmp_path / "empty.png") == MISSING


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_resizing_keeps_a_flat_view_flat_and_stays_in_range(interpolation: str) -> None:
    flat = Preprocessing(size=7, channels=1, mean=(0.0,), std=(1.0,), interpolation=interpolation)  # type: ignore[arg-type]
    np.testing.assert_allclose(fitted(np.full((5, 30), 0.25, dtype=np.float32), flat), 0.25, atol=1e-6)
    edge = np.zeros((9, 9), dtype=np.float32)
    edge[:, 4:] = 1
    resized = fitted(edge, Preprocessing(size=31, channels=1, mean=(0.0,), std=(1.0,)))
    assert resized.min() == 0
    assert resized.max() == 1
    assert resized.dtype == np.float32


def test_shrinking_averages_rather_than_skips() -> None:
    stripes = np.tile(np.array([0, 1], dtype=np.float32), (64, 32))
    side = Preprocessing(size=8, channels=1, mean=(0.0,), std=(1.0,), interpolation="bilinear")
    inner = fitted(stripes, side)[0, :, 1:-1]
    np.testing.assert_allclose(inner, 0.5, atol=0.02)
