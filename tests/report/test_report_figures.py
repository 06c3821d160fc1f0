from __future__ import annotations

import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from mura_ensemble.comparison.compare import Comparison
from mura_ensemble.report.figures import intervals as figures
from mura_ensemble.report.figures.geometry import iso_kappa_specificity, spread_labels
from mura_ensemble.report.figures.plane import kappa_plane
from mura_ensemble.stats.kappa.cohen import cohen_kappa


@pytest.mark.parametrize("prevalence", [0.1, 0.444, 0.5, 0.8])
def test_lines_of_equal_kappa_have_that_kappa(prevalence: float) -> None:
    sensitivity = np.linspace(0.5, 1, 6)
    for kappa in (0.3, 0.6, 0.9):
        specificity = iso_kappa_specificity(kappa, sensitivity, prevalence)
        tables = np.array(
            [[(1 - prevalence) * specificity, (1 - prevalence) * (1 - specificity)],
             [prevalence * (1 - sensitivity), prevalence * sensitivity]]
        ).transpose(2, 0, 1)  # fmt: skip
        inside = (specificity >= 0) & (specificity <= 1)  # the line goes on beyond what a rater can have
        assert inside.any()
        np.testing.assert_allclose(cohen_kappa(tables[inside]), kappa, atol=1e-12)


def test_labels_keep_apart_and_near() -> None:
    wanted = np.array([0.1, 0.5, 0.5, 0.51, 0.98])
    placed = spread_labels(wanted, 0.1, 0.0, 1.0)
    assert (np.diff(placed) >= 0.1 - 1e-9).all()
    assert abs(placed[1:4].mean() - wanted[1:4].mean()) < 1e-9, "a crowd spreads to both sides"
    assert placed[0] == wanted[0]
    assert placed.max() <= 1
    crowded = spread_labels(np.full(30, 0.5), 0.1, 0.0, 1.0)
    assert crowded.min() >= -1e-9
    assert crowded.max() <= 1 + 1e-9
    assert len(spread_labels(np.empty(0), 0.1, 0, 1)) == 0


def test_drawings_are_xml_say_simulated_and_leave_no_trace(comparison: Comparison) -> None:
    before = dict(mpl.rcParams)
    drawings = [
        figures.forest(comparison.leaderboard, band=(0.6, 0.8), simulated=True),
        figures.small_forests(
            comparison.by_study_type.reset_index(), list(comparison.leaderboard.index), simulated=True
        ),
        kappa_plane(comparison.leaderboard, comparison.data.prevalence, simulated=True),
    ]
    for svg in drawings:
        root = ET.fromstring(svg.encode())
        text = "".join(root.itertext())
        assert "simulated data" in text
        assert "stack" in text
        assert "metadata" not in svg
    assert "simulated" not in figures.forest(comparison.leaderboard)
    assert drawings[0] == figures.forest(comparison.leaderboard, band=(0.6, 0.8), simulated=True)
    assert dict(mpl.rcParams) == before


def test_the_forest_prints_the_numbers_of_the_table(comparison: Comparison) -> None:
    text = "".join(ET.fromstring(figures.forest(comparison.leaderboard).encode()).itertext())
    for kappa in comparison.leaderboard["kappa"]:
        assert f"{kappa:.3f}" in text


def test_names_are_not_read_as_formulas(comparison: Comparison) -> None:
    board = comparison.leaderboard.rename(index={"stack": "$x_1$ & <b>"})
    text = "".join(ET.fromstring(figures.forest(board).encode()).itertext())
    assert "$x_1$ & <b>" in text
