"""Kappa with its interval, from whatever a notebook holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.api.arguments import as_calls, as_frame, as_gold, as_labels
from mura_ensemble.data.errors import InputError
from mura_ensemble.stats.kappa.clustered import clustered_kappa_intervals
from mura_ensemble.stats.kappa.cohen import tables_2x2
from mura_ensemble.stats.kappa.intervals import kappa_intervals

__all__ = ["Estimate", "kappa"]


@dataclass(frozen=True)
class Estimate:
    """A kappa with its interval.

    Attributes
    ----------
    estimate, low, high : float
        NaN where kappa is undefined, e.g. against a gold standard of one class.
    n : int
        Studies with a call.
    level : float
        Of the interval, in (0, 1).
    method : str
        The rule of the interval.
    """

    estimate: float
    low: float
    high: float
    n: int
    level: float
    method: str

    def __str__(self) -> str:
        if np.isnan(self.estimate):
            return f"kappa undefined, n = {self.n:,}"
        limits = f" ({self.low:.3f} to {self.high:.3f})" if np.isfinite(self.low) else ""
        return f"kappa {self.estimate:.3f}{limits}, n = {self.n:,}"

    def _repr_html_(self) -> str:
        return f"<p>{self} <small>({100 * self.level:g} % interval: {self.method})</small></p>"


def kappa(
    gold: Any,
    calls: Any,
    patients: Any = None,
    *,
    positive: Any = None,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Estimate | pd.DataFrame:
    """Cohen's kappa of each rater with the gold standard, with an honest interval.

    Parameters
    ----------
    gold : (n,) array, list or Series
        The gold standard: 0 normal, 1 abnormal; booleans; or words, `positive` naming the abnormal one.
    calls : (n,) or (n, R) array, list, Series, DataFrame or mapping of rater to calls
        Calls in the same coding; missing ones are left out for that rater. With a Series or a frame, `gold` and
        `patients` are matched by its index where they have one.
    patients : (n,) array, list or Series, optional
        The patient of each study; studies of one patient are not independent. Without it each study counts as a patient.
    positive : value or list of values, optional
        What counts as abnormal, in `gold` and `calls`.
    level : float in (0, 1)
        Confidence level.
    resamples, seed : int
        Of the patients where some have several studies; else nothing is drawn.

    Returns
    -------
    Estimate
        Of a single vector of calls.
    DataFrame
        Of several raters, one row each in the order given: `kappa`, `low`, `high`, `n`, `method`.

    Raises
    ------
    InputError
        If an argument does not fit the others, or holds other values than two.

    Notes
    -----
    Cohen 1960, Educ Psychol Meas 20:37; for the choice of the interval see docs/3-statistics.md.

    Examples
    --------
    >>> import mura_ensemble as me
    >>> print(me.kappa([0, 0, 0, 1, 1, 1, 0, 1], [0, 0, 1, 1, 1, 1, 0, 0]))
    kappa 0.500 (-0.200 to 0.867), n = 8
    """
    single = not isinstance(calls, pd.DataFrame) and (isinstance(calls, pd.Series) or _is_vector(calls))
    frame = as_frame(calls, "calls")
    truth = as_gold(gold, frame.index, positive).to_numpy()
    table = as_calls(frame, positive).to_numpy()
    if patients is None:
        found = kappa_intervals(tables_2x2(truth, table)[None], "auto", level)
    else:
        who = pd.factorize(
            as_labels(patients, frame.index, "patients", "calls"), sort=True, use_na_sentinel=True
        )[0]
        if (who < 0).any():
            raise InputError(
                f"patients: study {frame.index[who < 0][0]} has no patient; give it a label of its own"
            )
        found = clustered_kappa_intervals(
            truth, table, clusters=who, level=level, resamples=resamples, rng=seed
        )
    rows = pd.DataFrame(
        {
            "kappa": found.estimate[0],
            "low": found.low[0],
            "high": found.high[0],
            "n": found.n[0],
            "method": found.kind[0],
        },
        index=pd.Index(frame.columns, name="rater"),
    )
    # Against one class the formula gives 0, which would say "no better than chance" of what cannot be said at all.
    one_class = [len(np.unique(truth[~np.isnan(column)])) < 2 for column in table.T]
    rows.loc[one_class, ["kappa", "low", "high"]] = np.nan
    if not single:
        return rows
    row = rows.iloc[0]
    return Estimate(
        float(row["kappa"]), float(row["low"]), float(row["high"]), int(row["n"]), level, str(row["method"])
    )


def _is_vector(calls: Any) -> bool:
    return not isinstance(calls, dict) and np.asarray(calls, dtype=object).ndim == 1
