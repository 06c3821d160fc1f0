"""Views to studies: one probability per study and backbone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.predictions import read_predictions

__all__ = ["POOLINGS", "Missing", "StudyProbabilities", "pool_studies", "read_study_probabilities"]

Missing = Literal["error", "renormalise"]


@dataclass(frozen=True)
class StudyProbabilities:
    """Probabilities of one set of studies, all backbones side by side.

    Attributes
    ----------
    studies : DataFrame
        Indexed by study, sorted; columns `patient`, `study_type`, `split`.
    probabilities : DataFrame
        Same index; one column per backbone, in [0, 1]; NaN where a backbone has no usable view.
    failed_views : Series
        Per backbone, how many views had no probability.
    """

    studies: pd.DataFrame
    probabilities: pd.DataFrame
    failed_views: pd.Series[int]


def _mean(views: pd.DataFrame) -> pd.Series[float]:
    pooled: pd.Series[float] = views.groupby("study", sort=True)["probability"].mean()
    return pooled


POOLINGS: Mapping[str, Callable[[pd.DataFrame], pd.Series[float]]] = {"mean": _mean}
"""Pooling rules by name. `mean` is the arithmetic mean of the view probabilities, as in MURA's paper
(Rajpurkar et al. 2017, arXiv 1712.06957)."""


def read_study_probabilities(
    root: Path,
    split: str,
    *,
    backbones: tuple[str, ...] = (),
    pooling: str = "mean",
    missing: Missing = "error",
) -> StudyProbabilities:
    """Read one split of a cache of predictions and pool its views to studies.

    Raises
    ------
    InputError
        As `read_predictions` and `pool_studies`.
    """
    return pool_studies(read_predictions(root, split, backbones), pooling=pooling, missing=missing)


def pool_studies(
    predictions: Mapping[str, pd.DataFrame], *, pooling: str = "mean", missing: Missing = "error"
) -> StudyProbabilities:
    """Pool the views of every study, backbone by backbone.

    Parameters
    ----------
    predictions : mapping
        Backbone name to PREDICTIONS table.
    pooling : str
        A name in `POOLINGS`.
    missing : {'error', 'renormalise'}
        What to do about failed views: refuse, or pool the views that remain (a study without any
        usable view is NaN for that backbone).

    Raises
    ------
    InputError
        For failed views under `missing='error'`; when backbones do not cover the same studies; when
        they disagree about a study's patient or study type.
    """
    if pooling not in POOLINGS:
        raise InputError(f"pooling '{pooling}' is unknown; choose {' or '.join(POOLINGS)}")
    columns: dict[str, pd.Series[float]] = {}
    failed: dict[str, int] = {}
    studies: pd.DataFrame | None = None
    first = ""
    for backbone, views in predictions.items():
        where = views.groupby("study", sort=True)[["patient", "study_type", "split"]].first()
        if studies is None:
            studies, first = where, backbone
        _refuse_other_studies(studies, where, first, backbone)
        lost = views["status"] != "ok"
        failed[backbone] = int(lost.sum())
        if missing == "error" and lost.any():
            row = views[lost].iloc[0]
            raise InputError(
                f"backbone '{backbone}': view {row['view']} failed ({row['reason']}; {failed[backbone]} failed in all); "
                "mend the view and predict again, or choose --missing renormalise to pool the views that remain"
            )
        columns[backbone] = POOLINGS[pooling](views)
    if studies is None:
        raise InputError("no backbone was given; name at least one")
    return StudyProbabilities(studies, pd.DataFrame(columns), pd.Series(failed, dtype=np.int64))


def _refuse_other_studies(studies: pd.DataFrame, other: pd.DataFrame, first: str, backbone: str) -> None:
    """Raters are compared on one set of studies; a silent intersection would change every number."""
    if not studies.index.equals(other.index):
        only = studies.index.symmetric_difference(other.index)
        has, lacks = (first, backbone) if only[0] in studies.index else (backbone, first)
        raise InputError(
            f"backbones '{first}' and '{backbone}' were predicted on different studies ({len(only)} differ): "
            f"{only[0]} is in '{has}' but not in '{lacks}'; predict the same manifest with both"
        )
    differs = (studies != other).any(axis=1)
    if differs.any():
        raise InputError(
            f"backbones '{first}' and '{backbone}' disagree about patient, study type or split of study "
            f"{differs.idxmax()}; predict the same manifest with both"
        )
