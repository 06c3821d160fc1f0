"""What a notebook shows: kappas before any comparison, what ensembles are worth, the figures of a comparison."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Literal

import pandas as pd

from mura_ensemble.comparison.gather.inputs import checked_reads
from mura_ensemble.comparison.measures.leaderboard import build_board, measure
from mura_ensemble.comparison.result import Comparison
from mura_ensemble.data.numbers import estimate, interval
from mura_ensemble.ensembles.ensemble import Ensemble
from mura_ensemble.report.document.files import drawings
from mura_ensemble.report.pages.comparison.page import comparison_page

__all__ = ["Figure", "draw_figures", "ensemble_table", "kappa_lines", "kappa_table"]

_SIZE = re.compile(r'(<svg [^>]*?)width="([^"]*)" height="[^"]*"')
_SHOWN = [
    *("n", "kappa", "low", "high", "interval"),
    *("sensitivity", "sensitivity_low", "sensitivity_high", "specificity", "specificity_low", "specificity_high"),
    *("tp", "fn", "fp", "tn"),
]  # fmt: skip


class Figure(str):
    """A drawing as SVG text; Jupyter shows it as the drawing, as wide as the cell and no wider than it is."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return _SIZE.sub(_no_wider, self, count=1)


def _no_wider(size: re.Match[str]) -> str:
    """The same start of a drawing; a width without a unit is in pixels."""
    start, width = size.groups()
    unit = "" if width[-1].isalpha() else "px"
    return f'{start} style="width: 100%; height: auto; max-width: {width}{unit}"'


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


def ensemble_table(ensembles: Iterable[Ensemble]) -> pd.DataFrame:
    """What ensembles are worth on more studies like those they were fitted on, and what the fit would claim.

    Returns
    -------
    DataFrame
        Index name, in the order given; `recipe`, `nested` kappa with `low` and `high`, `n`, `apparent` kappa, `gap`
        (apparent - nested), `simulated`.
    """
    rows = {
        ensemble.name: {
            "recipe": ensemble.recipe.label,
            "nested": ensemble.evaluation.nested,
            "low": ensemble.evaluation.low,
            "high": ensemble.evaluation.high,
            "n": ensemble.evaluation.n,
            "apparent": ensemble.evaluation.apparent,
            "gap": ensemble.evaluation.gap,
            "simulated": ensemble.fitted_on.simulated,
        }
        for ensemble in ensembles
    }
    return pd.DataFrame(list(rows.values()), index=pd.Index(list(rows), name="ensemble"))


def kappa_lines(table: pd.DataFrame, *, column: Literal["kappa", "nested"] = "kappa", data: str = "") -> str:
    """One line per row: the name, kappa with its interval, and n.

    Parameters
    ----------
    table : DataFrame
        Columns `column`, `low`, `high`, `n`: of `kappa_table`, `ensemble_table` or a comparison's leaderboard.
    data : str
        What the data are, before every line, e.g. `simulated`.
    """
    word = "kappa" if column == "kappa" else f"{column} kappa"
    wide = max((len(str(name)) for name in table.index), default=0)
    return "\n".join(
        f"{data}{': ' if data else ''}{name!s:<{wide}}  {word} {estimate(row[column])} "
        f"({interval(row['low'], row['high'])}), n = {int(row['n']):,}"
        for name, row in table.iterrows()
    )


def draw_figures(comparison: Comparison) -> dict[str, Figure]:
    """Every figure of the report by the name of its file: `forest`, `sensitivity_specificity`, ..."""
    drawn = drawings(comparison_page(comparison))
    return {PurePosixPath(drawing.file).stem: Figure(drawing.svg) for drawing in drawn}
