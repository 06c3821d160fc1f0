"""Readers, their gold standard and the models beside them become the tables of a reader study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mura_ensemble.comparison.findings.leakage import hidden_panel
from mura_ensemble.comparison.gather.models import SCORING_SPLITS, Models, choose_split, gather_models
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_frame
from mura_ensemble.data.simulation.study import looks_simulated
from mura_ensemble.data.tables.contracts import read_labels
from mura_ensemble.data.tables.readers import Repeats, pick_readers, read_readers, read_reading_patients
from mura_ensemble.ensembles.pooling.studies import Missing

__all__ = ["ReadTable", "assemble_reads"]


@dataclass(frozen=True)
class ReadTable:
    """What a reader study is made from; every table has the studies of `reads`.

    Attributes
    ----------
    reads : DataFrame
        Index study; one column per reader; 0, 1 or NaN.
    calls, probabilities : DataFrame or None
        One column per model.
    patients : Series or None
    gold, adjudicated : Series or None
        0, 1 or NaN.
    apparent : tuple of str
        Models that were fitted or trained on these studies.
    warnings : tuple of str
        What must be known to read all numbers.
    simulated : bool
    """

    reads: pd.DataFrame
    calls: pd.DataFrame | None
    probabilities: pd.DataFrame | None
    patients: pd.Series[str] | None
    gold: pd.Series[float] | None
    adjudicated: pd.Series[float] | None
    apparent: tuple[str, ...]
    warnings: tuple[str, ...]
    simulated: bool


def assemble_reads(
    readers: Path,
    *,
    calls: Path | None = None,
    predictions: Path | None = None,
    split: str | None = None,
    ensembles: Sequence[Path] = (),
    backbones: Sequence[str] = (),
    gold: Path | None = None,
    named: Sequence[str] = (),
    adjudication: Path | None = None,
    columns: Mapping[str, str] | None = None,
    words: Mapping[str, float] | None = None,
    repeats: Repeats = "refuse",
    missing: Missing = "error",
    allow_fitted: bool = False,
) -> ReadTable:
    """Gather readers and models on the studies that were read.

    Parameters
    ----------
    readers, calls, gold, adjudication : Path
        `study,<reader>,...` or `study,reader,call`; `study,<model>,...` or a file of `apply`; `study,gold` twice.
    predictions, split, ensembles, backbones, missing, allow_fitted
        As `gather_models`.
    named : sequence of str
        Readers who are said to have made the gold standard.
    columns, words, repeats
        As `read_readers`.

    Raises
    ------
    InputError
        If two raters have one name, or any part does not fit the others.
    """
    reads = read_readers(readers, columns=columns, words=words, repeats=repeats)
    if named:
        pick_readers(reads, named)
    patients = read_reading_patients(readers, reads.index, columns=columns)
    labels = None if gold is None else _labels(gold, reads.index, readers)
    found: list[pd.DataFrame] = []
    if calls is not None:
        found.append(_taken(_read_calls(calls), reads, found, calls))
    models: Models | None = None
    probabilities: pd.DataFrame | None = None
    if predictions is not None:
        split = choose_split(predictions, split, prefer=SCORING_SPLITS)
        models = gather_models(
            predictions,
            split,
            scored=reads.index,
            ensembles=ensembles,
            backbones=backbones,
            missing=missing,
            allow_fitted=allow_fitted,
            patients_elsewhere=patients is not None,
        )
        found.append(_taken(models.calls, reads, found, predictions))
        probabilities = models.probabilities.reindex(reads.index)
        patients = models.studies["patient"].reindex(reads.index) if patients is None else patients
        lost = int(patients.isna().sum())
        if lost:
            raise InputError(f"{readers}: {lost} studies read are not in split '{split}' of {predictions}")
    panel = [] if labels is None else hidden_panel(reads, labels, named)
    return ReadTable(
        reads=reads,
        calls=pd.concat(found, axis=1) if found else None,
        probabilities=probabilities,
        patients=patients,
        gold=labels,
        adjudicated=None if adjudication is None else _labels(adjudication, reads.index, readers),
        apparent=() if models is None else models.apparent,
        warnings=(*(() if models is None else models.warnings), *panel),
        simulated=looks_simulated(reads.index) or (models is not None and models.simulated),
    )


def _taken(
    calls: pd.DataFrame, reads: pd.DataFrame, before: Sequence[pd.DataFrame], source: Path
) -> pd.DataFrame:
    """Calls on the studies read, of models that no other rater is named like and that called some of them."""
    taken = {*map(str, reads.columns), *(str(name) for frame in before for name in frame)}
    here = calls.set_axis([str(name) for name in calls.columns], axis=1).reindex(reads.index)
    for name in here:
        if name in taken:
            raise InputError(f"{source}: a rater named '{name}' is there already; rename one of the two")
        if here[name].isna().all():
            raise InputError(f"{source}: '{name}' has none of the studies read; check the study keys")
    return here


def _labels(path: Path, studies: pd.Index, readers: Path) -> pd.Series[float]:
    labels: pd.Series[float] = read_labels(path).reindex(studies).astype("float64")
    if labels.isna().all():
        raise InputError(f"{path}: no study of {readers} has a gold standard here; check the study keys")
    return labels


def _read_calls(path: Path) -> pd.DataFrame:
    frame = read_frame(path, text_columns=("study", "patient", "study_type"))
    if {"call", "probability"} <= set(frame.columns):
        return frame.set_index("study")[["call"]].set_axis([path.stem], axis=1).astype("float64")
    return read_readers(path)
