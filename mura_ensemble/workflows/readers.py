"""Readers: from files of reads, calls or predictions to tables and a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_frame
from mura_ensemble.data.readers import pick_readers, read_readers
from mura_ensemble.data.tables import read_labels
from mura_ensemble.ensembles.pooling import Missing, read_study_probabilities
from mura_ensemble.ensembles.store import load_ensemble
from mura_ensemble.ensembles.thresholds import OperatingPoint
from mura_ensemble.reporting.assemble import SCORING_SPLITS, choose_split, read_cards
from mura_ensemble.reporting.folder import write_folder
from mura_ensemble.reporting.page import render_markdown, render_page
from mura_ensemble.reporting.reader_page import reader_page, reader_verdict
from mura_ensemble.reporting.readers import study_readers
from mura_ensemble.reporting.report import table_files
from mura_ensemble.stats.panel_gold import MissingReads, Rule, Ties

__all__ = ["analyse_readers"]


def analyse_readers(
    readers: Path,
    out: Path,
    *,
    calls: Path | None = None,
    predictions: Path | None = None,
    split: str | None = None,
    ensembles: Sequence[Path] = (),
    backbones: Sequence[str] = (),
    gold: Path | None = None,
    panel: Sequence[str] = (),
    size: int = 3,
    rule: Rule = "majority",
    ties: Ties = "undecided",
    missing_reads: MissingReads = "decided",
    margin: float = 0.05,
    level: float = 0.95,
    resamples: int = 2_000,
    missing: Missing = "error",
    allow_fitted: bool = False,
    seed: int = 0,
) -> str:
    """Analyse a file of readers, alone or with models; write tables and a page, return a verdict and a table."""
    if gold is not None and panel:
        raise InputError("give one gold standard: --gold FILE or --panel NAMES, not both")
    if (ensembles or backbones) and predictions is None:
        raise InputError("--ensemble and --backbones need --predictions, the set they are applied to")
    reads = read_readers(readers)
    if panel:
        pick_readers(reads, panel)
    patients = _patients(readers, reads.index)
    models, probabilities = pd.DataFrame(index=reads.index), pd.DataFrame(index=reads.index)
    simulated = False
    if calls is not None:
        _take(models, _read_calls(calls), calls, reads.columns)
    if predictions is not None:
        split = choose_split(predictions, split, prefer=SCORING_SPLITS)
        pooled = read_study_probabilities(predictions, split, backbones=tuple(backbones), missing=missing)
        simulated = any(card["simulated"] for card in read_cards(predictions, backbones).values())
        kinds = pooled.studies["study_type"].to_numpy(dtype=np.str_)
        called = pooled.probabilities.apply(
            lambda column: OperatingPoint().call(column.to_numpy(np.float64), kinds)
        )
        _take(models, called, predictions, reads.columns)
        _take(probabilities, pooled.probabilities, predictions, reads.columns)
        for path in ensembles:
            ensemble = load_ensemble(path)
            applied = ensemble.apply(pooled, allow_fitted=allow_fitted)
            _take(models, applied[["call"]].set_axis([ensemble.name], axis=1), path, reads.columns)
            _take(
                probabilities, applied[["probability"]].set_axis([ensemble.name], axis=1), path, reads.columns
            )
        patients = pooled.studies["patient"].reindex(reads.index) if patients is None else patients
        if patients.isna().any():
            lost = int(patients.isna().sum())
            raise InputError(f"{readers}: {lost} studies read are not in split '{split}' of {predictions}")
    standard = None if gold is None else read_labels(gold).reindex(reads.index).astype("float64")
    if standard is not None and standard.isna().all():
        raise InputError(f"{gold}: no study of {readers} has a gold standard here; check the study keys")
    study = study_readers(
        reads,
        models if len(models.columns) else None,
        patients=patients,
        probabilities=probabilities if len(probabilities.columns) else None,
        gold=standard,
        panel=panel,
        size=size,
        rule=rule,
        ties=ties,
        missing=missing_reads,
        margin=margin,
        level=level,
        resamples=resamples,
        seed=seed,
    )
    page = reader_page(study, simulated=simulated)
    tables = {
        "readers": study.readers,
        "models": study.models,
        "contrasts": study.contrasts,
        "panels": study.panels,
        "agreement": study.agreement,
        "operating_points": study.operating,
    }
    files = {"readers.html": render_page(page), "readers.md": render_markdown(page)}
    files |= table_files({name: frame for name, frame in tables.items() if len(frame)}, simulated=simulated)
    write_folder(out, files)
    return "\n".join(
        [*reader_verdict(study), "", f"wrote {out / 'readers.md'} and {len(files) - 1} files beside it"]
    )


def _patients(path: Path, studies: pd.Index) -> pd.Series[str] | None:
    frame = read_frame(path, text_columns=("study", "patient"))
    if "patient" not in frame.columns:
        return None
    known = frame.drop_duplicates(["study", "patient"]).set_index("study")["patient"]
    if known.index.has_duplicates:
        raise InputError(
            f"{path}: study {known.index[known.index.duplicated()][0]} has two patients; keep one"
        )
    return known.reindex(studies)


def _read_calls(path: Path) -> pd.DataFrame:
    frame = read_frame(path, text_columns=("study", "patient", "study_type"))
    if {"call", "probability"} <= set(frame.columns):
        return frame.set_index("study")[["call"]].set_axis([path.stem], axis=1).astype("float64")
    return read_readers(path)


def _take(into: pd.DataFrame, columns: pd.DataFrame, source: Path, readers: pd.Index) -> None:
    for name in map(str, columns.columns):
        if name in into.columns or name in readers:
            raise InputError(f"{source}: a rater named '{name}' is there already; rename one of the two")
        into[name] = columns[name].reindex(into.index)
        if into[name].isna().all():
            raise InputError(f"{source}: '{name}' has none of the studies read; check the study keys")
