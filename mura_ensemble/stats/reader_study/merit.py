"""Figures of merit: what a 2x2 table says about a rater in one number, by name or by a function of one's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.stats.division import ratio
from mura_ensemble.stats.kappa.cohen import cohen_kappa

FloatArray = NDArray[np.float64]
Figure = Callable[[FloatArray], FloatArray]
"""Tables (..., 2, 2) of [[TN, FP], [FN, TP]] to values (...), larger being better and NaN where undefined."""


def sensitivity(tables: FloatArray) -> FloatArray:
    """Share of the abnormal studies called abnormal."""
    return ratio(tables[..., 1, 1], tables[..., 1, :].sum(axis=-1))


def specificity(tables: FloatArray) -> FloatArray:
    """Share of the normal studies called normal."""
    return ratio(tables[..., 0, 0], tables[..., 0, :].sum(axis=-1))


def accuracy(tables: FloatArray) -> FloatArray:
    """Share of the studies called right."""
    return ratio(tables[..., 0, 0] + tables[..., 1, 1], tables.sum(axis=(-2, -1)))


def balanced_accuracy(tables: FloatArray) -> FloatArray:
    """Mean of sensitivity and specificity: the area below the ROC of a single point."""
    return (sensitivity(tables) + specificity(tables)) / 2


def f1(tables: FloatArray) -> FloatArray:
    """Harmonic mean of sensitivity and positive predictive value (Dice)."""
    wrong = tables[..., 0, 1] + tables[..., 1, 0]
    return ratio(2 * tables[..., 1, 1], 2 * tables[..., 1, 1] + wrong)


def kappa(tables: FloatArray) -> FloatArray:
    """Cohen's kappa, undefined where the gold standard has one class.

    There the formula gives 0 whatever the rater saw, and that 0 would pull every mean over panels and readers to itself.
    """
    both = (tables.sum(axis=-1) > 0).all(axis=-1)
    return np.where(both, cohen_kappa(tables), np.nan)


FIGURES: dict[str, Figure] = {
    "kappa": kappa,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "f1": f1,
}


def figure_of(figure: str | Figure) -> Figure:
    """The function of a figure of merit.

    Parameters
    ----------
    figure
        A name in `FIGURES`, or a function of tables (..., 2, 2), which is returned as it is.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    if callable(figure):
        return figure
    if figure not in FIGURES:
        raise ValueError(f"unknown figure of merit {figure!r}; known are {', '.join(FIGURES)}")
    return FIGURES[figure]
