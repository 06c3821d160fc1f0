"""What a notebook shows: a table of kappas before any comparison, and the figures of a finished one."""

from __future__ import annotations

from pathlib import PurePosixPath

import pandas as pd

from mura_ensemble.reporting.comparison import Comparison
from mura_ensemble.reporting.inputs import checked_reads
from mura_ensemble.reporting.leaderboard import build_board, measure
from mura_ensemble.reporting.report import figure_files
from mura_ensemble.reporting.sections import comparison_page

__all__ = ["Figure", "draw_figures", "kappa_table"]

_SHOWN = [
    *("n", "kappa", "low", "high", "interval"),
    *("sensitivity", "sensitivity_low", "sensitivity_high", "specificity", "specificity_low", "specificity_high"),
    *("tp", "fn", "fp", "tn"),
]  # fmt: skip


class Figure(str):
    """A drawing as SVG text; Jupyter shows it as the drawing."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


def kappa_table(
    calls: pd.DataFrame,
    studies: pd.DataFrame,
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Kappa, sensitivity and specificity of every rater with their intervals; no tests, no ranks.

    Parameters
    ----------
    calls : DataFrame
        Index study, one column per rater, 0 / 1 / NaN (no call).
    studies : DataFrame
        Index study; columns `patient`, `study_type`, `gold` (0/1). Patients are the independent units.
    level : float
        Of the intervals, in (0, 1).
    resamples, seed : int
        Of the patients, where some have several studies; else nothing is drawn.

    Returns
    -------
    DataFrame
        Index rater, highest kappa first; `n`, `kappa`, `low`, `high`, `interval` (the rule), `sensitivity` and
        `specificity` each with `_low` and `_high`, `tp`, `fn`, `fp`, `tn`.

    Raises
    ------
    InputError
        As `inputs.checked_reads`.
    """
    reads = checked_reads(calls, studies, dict.fromkeys(map(str, calls.columns), "reader"))
    measured = measure(reads, level=level, resamples=resamples, seed=seed)
    return build_board(reads, measured, level)[_SHOWN]


def draw_figures(comparison: Comparison) -> dict[str, Figure]:
    """Every figure of the report by the name of its file: `forest`, `sensitivity_specificity`, ..."""
    drawn = figure_files(comparison_page(comparison))
    return {PurePosixPath(file).stem: Figure(svg) for file, svg in drawn.items()}
