"""Colours stand out from what is behind them and from each other, in both modes and for every common colour vision."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from mura_ensemble.report.figures.theme import COLOURS, FAMILIES

Linear = NDArray[np.float64]

# Machado, Oliveira & Fernandes 2009 (IEEE Trans Vis Comput Graph 15:1291), severity 1, on linear RGB.
VISION: dict[str, Linear] = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TEXT = ("ink", "quiet", "ensemble", "backbone", "reader", "warning")
GRAPHICS = ("ensemble", "backbone", "reader", "warning", "guide")
themes = pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
visions = pytest.mark.parametrize("vision", list(VISION))


def linear(name: str, theme: int) -> Linear:
    code = COLOURS[name][theme]
    channels = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: Linear, other: Linear) -> float:
    """WCAG 2: (lighter + 0.05) / (darker + 0.05)."""
    dark, light = sorted(float(colour @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(colour: Linear) -> Linear:
    """CIELAB of linear sRGB, white point D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = to_xyz @ np.clip(colour, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    x, y, z = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_the_measures_are_right() -> None:
    black, white = np.zeros(3), np.ones(3)
    assert contrast(black, white) == pytest.approx(21)
    np.testing.assert_allclose(lab(white), [100, 0, 0], atol=0.05)
    red, green = np.array([0.6, 0, 0]), np.array([0, 0.2, 0])
    seen = [np.linalg.norm(lab(matrix @ red) - lab(matrix @ green)) for matrix in VISION.values()]
    assert min(seen[1:3]) < seen[0] / 2, "red and green come close for two of them"


@themes
@pytest.mark.parametrize("name", TEXT)
def test_text_stands_out(name: str, theme: int) -> None:
    for behind in ("surface", "raised"):
        assert contrast(linear(name, theme), linear(behind, theme)) >= 4.5


@themes
@visions
@pytest.mark.parametrize("name", GRAPHICS)
def test_marks_stand_out_for_every_eye(name: str, theme: int, vision: str) -> None:
    behind = ("surface", "raised", "band") if name in FAMILIES else ("surface", "raised")
    for ground in behind:
        seen = [np.clip(VISION[vision] @ linear(each, theme), 0, 1) for each in (name, ground)]
        assert contrast(*seen) >= 3


@themes
@visions
def test_families_are_told_apart_by_every_eye(theme: int, vision: str) -> None:
    for one, other in combinations(FAMILIES, 2):
        seen = [lab(VISION[vision] @ linear(each, theme)) for each in (one, other)]
        assert np.linalg.norm(seen[0] - seen[1]) > 20, (one, other)


def test_no_family_hangs_on_colour_alone() -> None:
    assert len({family.marker for family in FAMILIES.values()}) == len(FAMILIES)


def test_light_colours_are_told_apart_by_their_codes() -> None:
    assert len({light.lower() for light, _ in COLOURS.values()}) == len(COLOURS)
