"""One published kappa: every 2x2 table it allows, and the interval that holds whichever of them is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.data.numbers import interval
from mura_ensemble.data.words import count
from mura_ensemble.published.board.honest import LABEL
from mura_ensemble.published.tables.lattice import CompatibleTables
from mura_ensemble.report.pages.published.verdict import span, span_of_rates
from mura_ensemble.stats.kappa.cohen import cohen_kappa, kappa_variance
from mura_ensemble.stats.kappa.intervals import kappa_intervals

__all__ = ["OneKappa", "explain_kappa"]

_MOST_INTERVALS = 150
_MOST_LISTED = 12


@dataclass(frozen=True)
class OneKappa:
    """What one published kappa can mean.

    Attributes
    ----------
    found : CompatibleTables
    tables : DataFrame
        One row per table: `tp`, `fn`, `fp`, `tn`, `positives`, `errors`, `kappa`, `sensitivity`, `specificity`.
    low, high : float
        Union of the 95 % intervals of the tables; NaN if there is none.
    assumptions : tuple of str
    """

    found: CompatibleTables
    tables: pd.DataFrame
    low: float
    high: float
    assumptions: tuple[str, ...]

    @property
    def text(self) -> str:
        """For a terminal."""
        found, tables = self.found, self.tables
        lines = [f"{found.verdict[0].upper()}{found.verdict[1:]}."]
        if len(tables):
            positives = (tables["positives"].min(), tables["positives"].max())
            shares = span_of_rates(positives[0] / found.n, positives[1] / found.n)
            rows = {
                "95 % interval": f"{interval(self.low, self.high)}, the union over all tables",
                "wrong calls": f"{span(tables['errors'].min(), tables['errors'].max())} of {found.n:,}",
                "abnormal": f"{span(*positives)} of {found.n:,} (prevalence {shares})",
                "sensitivity": span_of_rates(tables["sensitivity"].min(), tables["sensitivity"].max()),
                "specificity": span_of_rates(tables["specificity"].min(), tables["specificity"].max()),
            }
            lines += [f"  {name:<14} {value}" for name, value in rows.items()]
            if len(tables) <= _MOST_LISTED:
                shown = tables.astype(dict.fromkeys(("kappa", "sensitivity", "specificity"), "float64"))
                lines += ["", *shown.to_string(index=False, float_format="{:.4f}".format).splitlines()]
            else:
                lines.append(
                    "  Abnormal studies, sensitivity and specificity, where known, leave fewer tables."
                )
        return "\n".join([*lines, "", *(f"- {assumption}" for assumption in self.assumptions)])

    @property
    def record(self) -> dict[str, Any]:
        """For a JSON file."""
        ends = {} if np.isnan(self.low) else {"low": self.low, "high": self.high}
        return {
            "label": LABEL,
            "kappa": self.found.kappa,
            "decimals": self.found.decimals,
            "n": self.found.n,
            "verdict": self.found.verdict,
            "possible": self.found.possible,
            **ends,
            "tables": self.tables.to_dict("records"),
            "assumptions": list(self.assumptions),
        }


def explain_kappa(found: CompatibleTables) -> OneKappa:
    """Describe the tables behind one kappa."""
    tables = found.tables
    (tn, fp), (fn, tp) = np.moveaxis(tables, 0, -1)
    frame = pd.DataFrame({"tp": tp, "fn": fn, "fp": fp, "tn": tn, "positives": tp + fn, "errors": fn + fp})
    if len(frame):
        frame["kappa"] = cohen_kappa(tables)
        frame["sensitivity"], frame["specificity"] = tp / (tp + fn), tn / (tn + fp)
    low, high, looked_at, distinct = _union(tables)
    assumptions = [
        f"{LABEL[0].upper()}{LABEL[1:]}: the kappa is plain Cohen's, of two classes, over {found.n:,} independent studies, "
        f"rounded to {count(found.decimals, 'decimal')}.",
        "The gold standard is taken as given. The interval of a table is the exact bootstrap's (BCa) where there are "
        "enough studies, else Wald after adding one study to each cell.",
    ]
    if looked_at < distinct:
        assumptions.append(
            f"The union was taken over {looked_at} of {distinct:,} different tables, spread over their standard errors, "
            "both ends among them."
        )
    return OneKappa(found, frame, low, high, tuple(assumptions))


def _union(tables: NDArray[np.int64]) -> tuple[float, float, int, int]:
    """Lowest and highest limit over the tables; swapping the classes or the raters changes no interval."""
    if len(tables) == 0:
        return np.nan, np.nan, 0, 0
    (tn, fp), (fn, tp) = np.moveaxis(tables, 0, -1)
    alike = np.stack(
        [np.minimum(tn, tp), np.minimum(fp, fn), np.maximum(fp, fn), np.maximum(tn, tp)], axis=-1
    )
    different = np.unique(alike, axis=0).reshape(-1, 2, 2)
    order = np.argsort(kappa_variance(different), kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, _MOST_INTERVALS).round().astype(int))]
    found = kappa_intervals(different[chosen])
    return float(found.low.min()), float(found.high.max()), len(chosen), len(different)
