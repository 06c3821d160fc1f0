"""Views to studies: one probability per study and backbone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.predictions import backbone_folders, read_card, read_predictions
from mura_ensemble.ensembles.pooling.rules import Pooling, fixed_pooling

__all__ = ["Missing", "StudyProbabilities", "pool_studies", "read_study_probabilities"]

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
    views : (n, V, M) array, optional
        Probabilities of the views, rows and backbones as in `probabilities`, rising within a study; NaN for
        failed views and beyond a study's views. If None, `probabilities` is all there is: one view per study.
    missing : {'error', 'renormalise'}
        What an ensemble does about a study without a probability of some backbone: no call, or the
        combination of the backbones that remain, where it is one that can do without a new fit.
    cards : mapping
        Backbone to the card of its cache: what made the probabilities. Empty where they were read from none.
    views_per_study : Series, optional
        Views of every study, failed ones too; None where probabilities are of whole studies.
    """

    studies: pd.DataFrame
    probabilities: pd.DataFrame
    failed_views: pd.Series[int]
    views: NDArray[np.float64] | None = None
    missing: Missing = "error"
    cards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    views_per_study: pd.Series[int] | None = None

    def views_of(self, backbones: Sequence[str]) -> NDArray[np.float64]:
        """Views (n, V, M) of some backbones, in their order."""
        if self.views is None:
            return self.probabilities[list(backbones)].to_numpy(np.float64)[:, None, :]
        return self.views[..., self.probabilities.columns.get_indexer(pd.Index(list(backbones)))]

    def calls(self, threshold: float = 0.5) -> pd.DataFrame:
        """Calls of every backbone: 1 above `threshold` (MURA's rule), 0 elsewhere, NaN where there is no probability."""
        above = (self.probabilities > threshold).astype(np.float64)
        return above.where(self.probabilities.notna())

    def duplicates(self) -> list[tuple[str, str]]:
        """Pairs of backbones with the same probability of every view: one network under two names."""
        names = list(self.probabilities.columns)
        found, first = [], dict[bytes, str]()
        for name in names:
            digest = np.ascontiguousarray(self.views_of([name])).tobytes()
            if digest in first:
                found.append((first[digest], str(name)))
            first.setdefault(digest, str(name))
        return found


def read_study_probabilities(
    root: Path,
    split: str,
    *,
    backbones: tuple[str, ...] = (),
    pooling: str | Pooling = "mean",
    missing: Missing = "error",
) -> StudyProbabilities:
    """Read one split of a cache of predictions and pool its views to studies.

    Raises
    ------
    InputError
        As `read_predictions` and `pool_studies`.
    """
    studies = pool_studies(read_predictions(root, split, backbones), pooling=pooling, missing=missing)
    folders = backbone_folders(root, backbones)
    return replace(studies, cards={folder.name: read_card(folder) for folder in folders})


def pool_studies(
    predictions: Mapping[str, pd.DataFrame],
    *,
    pooling: str | Pooling = "mean",
    missing: Missing = "error",
) -> StudyProbabilities:
    """Pool the views of every study, backbone by backbone.

    Parameters
    ----------
    predictions : mapping
        Backbone name to PREDICTIONS table.
    pooling : str or Pooling
        A name in `FIXED`, or a rule (a learned one expects its own backbones in their order).
    missing : {'error', 'renormalise'}
        What to do about failed views: refuse, or pool the views that remain (a study without any
        usable view is NaN for that backbone).

    Raises
    ------
    InputError
        For failed views under `missing='error'`; when backbones do not cover the same studies; when
        they disagree about a study's patient or study type.
    """
    rule = fixed_pooling(pooling) if isinstance(pooling, str) else pooling
    arrays: list[NDArray[np.float64]] = []
    failed: dict[str, int] = {}
    studies: pd.DataFrame | None = None
    sizes: pd.Series[int] | None = None
    first = ""
    for backbone, views in predictions.items():
        where = views.groupby("study", sort=True)[["patient", "study_type", "split"]].first()
        if studies is None:
            studies, first = where, backbone
        # A row of its study's name is the whole study.
        if sizes is None and (views["view"] != views["study"]).all():
            sizes = views.groupby("study", sort=True).size()
        _refuse_other_studies(studies, where, first, backbone)
        lost = views["status"] != "ok"
        failed[backbone] = int(lost.sum())
        if missing == "error" and lost.any():
            row = views[lost].iloc[0]
            raise InputError(
                f"backbone '{backbone}': view {row['view']} failed ({row['reason']}; {failed[backbone]} failed in all); "
                "mend the view and predict again, or choose --missing renormalise to pool the views that remain"
            )
        arrays.append(_by_study(views, studies.index))
    if studies is None:
        raise InputError("no backbone was given; name at least one")
    width = max(array.shape[1] for array in arrays)
    stacked = np.full((len(studies), width, len(arrays)), np.nan)
    for position, array in enumerate(arrays):
        stacked[:, : array.shape[1], position] = array
    pooled = rule.pool(stacked, studies["study_type"].to_numpy(dtype=np.str_))
    return StudyProbabilities(
        studies,
        pd.DataFrame(pooled, index=studies.index, columns=list(predictions)),
        pd.Series(failed, dtype=np.int64),
        stacked,
        missing,
        views_per_study=sizes,
    )


def _by_study(views: pd.DataFrame, studies: pd.Index) -> NDArray[np.float64]:
    """Probabilities (n, V), rising within a study, so that the order of the views decides no digit."""
    code = studies.get_indexer(pd.Index(views["study"]))
    probability = views["probability"].to_numpy(np.float64)
    order = np.lexsort((probability, code))
    counts = np.bincount(code, minlength=len(studies))
    place = np.arange(len(code)) - np.repeat(np.cumsum(counts) - counts, counts)
    array = np.full((len(studies), int(counts.max())), np.nan)
    array[code[order], place] = probability[order]
    return array


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
