"""Readers: from files of reads, calls or predictions to tables and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from mura_ensemble.comparison.defaults import MARGIN, RESAMPLES
from mura_ensemble.comparison.findings.notice import Notice
from mura_ensemble.comparison.gather.gathered_warnings import patients_warning
from mura_ensemble.comparison.gather.raters import SCORING_SPLITS, choose_split, read_cards
from mura_ensemble.comparison.reader_study.study import ReaderStudy, study_readers
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_frame
from mura_ensemble.data.simulation.study import looks_simulated
from mura_ensemble.data.tables.contracts import read_labels
from mura_ensemble.data.tables.readers import (
    Repeats,
    count_repeats,
    pick_readers,
    read_readers,
    read_reading_patients,
)
from mura_ensemble.ensembles.pooling.studies import Missing, read_study_probabilities
from mura_ensemble.ensembles.store import load_ensemble
from mura_ensemble.ensembles.thresholds import OperatingPoint
from mura_ensemble.report.document.blocks import render_markdown, render_page
from mura_ensemble.report.document.files import figure_files, latex_files
from mura_ensemble.report.document.folder import write_folder
from mura_ensemble.report.pages.readers.page import reader_page, reader_verdict
from mura_ensemble.report.write import table_files
from mura_ensemble.stats.reader_study.panel_gold import Adjudicates, MissingReads, Rule, Ties

__all__ = ["analyse_readers"]


@dataclass
class _Models:
    """Models gathered one by one, on the studies read."""

    studies: pd.Index
    readers: pd.Index
    calls: pd.DataFrame = field(init=False)
    probabilities: pd.DataFrame = field(init=False)
    apparent: list[str] = field(default_factory=list)
    remarks: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.calls = pd.DataFrame(index=self.studies)
        self.probabilities = pd.DataFrame(index=self.studies)

    def take(self, calls: pd.DataFrame, source: Path, probabilities: pd.DataFrame | None = None) -> None:
        """Add models that no other rater is named like and that called some of the studies."""
        for name in map(str, calls.columns):
            if name in self.calls.columns or name in self.readers:
                raise InputError(f"{source}: a rater named '{name}' is there already; rename one of the two")
            self.calls[name] = calls[name].reindex(self.studies)
            if self.calls[name].isna().all():
                raise InputError(f"{source}: '{name}' has none of the studies read; check the study keys")
            if probabilities is not None:
                self.probabilities[name] = probabilities[name].reindex(self.studies)


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
    made_by: Sequence[str] = (),
    panel: Sequence[str] = (),
    size: int | Literal["others"] = 3,
    rule: Rule = "majority",
    ties: Ties = "undecided",
    missing_reads: MissingReads = "decided",
    adjudication: Path | None = None,
    adjudicates: Adjudicates = "undecided",
    figure: str = "kappa",
    margin: float | None = None,
    epsilon: float = 0.2,
    columns: Mapping[str, str] | None = None,
    words: Mapping[str, float] | None = None,
    repeats: Repeats = "refuse",
    level: float = 0.95,
    resamples: int = RESAMPLES,
    missing: Missing = "error",
    allow_fitted: bool = False,
    seed: int = 0,
) -> str:
    """Analyse a file of readers, alone or with models; write tables and a page, return a verdict and a table."""
    if gold is not None and panel:
        raise InputError("give one gold standard: --gold FILE or --panel NAMES, not both")
    if gold is not None and adjudication is not None:
        raise InputError(
            "--adjudication completes a panel; with --gold the file is the gold standard already"
        )
    if made_by and gold is None:
        raise InputError("--made-by names the readers who made the file of --gold; give that too")
    if (ensembles or backbones) and predictions is None:
        raise InputError("--ensemble and --backbones need --predictions, the set they are applied to")
    reads = read_readers(readers, columns=columns, words=words, repeats=repeats)
    if panel or made_by:
        pick_readers(reads, panel or made_by)
    patients = read_reading_patients(readers, reads.index, columns=columns)
    models = _Models(reads.index, reads.columns)
    simulated = looks_simulated(reads.index)
    if repeats == "agree":
        models.remarks += _repeats(*count_repeats(readers, columns=columns, words=words))
    if calls is not None:
        models.take(_read_calls(calls), calls)
    if predictions is not None:
        split = choose_split(predictions, split, prefer=SCORING_SPLITS)
        own = _from_predictions(models, predictions, split, ensembles, backbones, missing, allow_fitted)
        simulated = simulated or any(
            card["simulated"] for card in read_cards(predictions, backbones).values()
        )
        patients = own.reindex(reads.index) if patients is None else patients
        if patients.isna().any():
            lost = int(patients.isna().sum())
            raise InputError(f"{readers}: {lost} studies read are not in split '{split}' of {predictions}")
    if len(models.calls.columns) and margin is None:
        models.remarks.append(_undeclared(figure))
    study = study_readers(
        reads,
        models.calls if len(models.calls.columns) else None,
        patients=patients,
        probabilities=models.probabilities if len(models.probabilities.columns) else None,
        gold=None if gold is None else _labels(gold, reads.index, readers),
        made_by=made_by,
        panel=panel,
        size=size,
        rule=rule,
        ties=ties,
        missing=missing_reads,
        adjudicated=None if adjudication is None else _labels(adjudication, reads.index, readers),
        adjudicates=adjudicates,
        figure=figure,
        margin=MARGIN if margin is None else margin,
        epsilon=epsilon,
        level=level,
        resamples=resamples,
        seed=seed,
        simulated=simulated,
        apparent=models.apparent,
        remarks=models.remarks,
    )
    page = reader_page(study, simulated=simulated)
    files = {
        "readers.html": render_page(page),
        "readers.md": render_markdown(page),
        **table_files(_tables(study), simulated=simulated),
        **latex_files(page, note="Simulated data." if simulated else ""),
        **figure_files(page),
    }
    write_folder(out, files)
    return "\n".join(
        [*reader_verdict(study), "", f"wrote {out / 'readers.html'} and {len(files) - 1} files beside it"]
    )


def _tables(study: ReaderStudy) -> dict[str, pd.DataFrame]:
    tables = {
        "readers": study.readers,
        "models": study.models,
        "contrasts": study.contrasts,
        "panels": study.panels,
        "panel_ranges": study.ranges,
        "agreement": study.agreement,
        "pairs": study.pairs,
        "alternative": study.alternative,
        "operating_points": study.operating,
        "roc_curves": study.curves,
        "roc_areas": study.areas,
    }
    return {name: frame for name, frame in tables.items() if len(frame)}


def _from_predictions(
    models: _Models,
    predictions: Path,
    split: str,
    ensembles: Sequence[Path],
    backbones: Sequence[str],
    missing: Missing,
    allow_fitted: bool,
) -> pd.Series[str]:
    """Take the backbones and ensembles of a set of predictions; return its patients."""
    pooled = read_study_probabilities(predictions, split, backbones=tuple(backbones), missing=missing)
    kinds = pooled.studies["study_type"].to_numpy(dtype=np.str_)
    called = pooled.probabilities.apply(
        lambda column: OperatingPoint().call(column.to_numpy(np.float64), kinds)
    )
    models.take(called, predictions, pooled.probabilities)
    cards = read_cards(predictions, backbones)
    models.apparent += [name for name, card in cards.items() if card["splits"][split]["role"] == "in-sample"]
    models.remarks += [
        Notice("warning", "ME001", sentence, "Give the patients and intervals will respect them.")
        for sentence in patients_warning(predictions, cards, split)
    ]
    for path in ensembles:
        ensemble = load_ensemble(path)
        applied = ensemble.apply(pooled, allow_fitted=allow_fitted)
        named = {what: applied[[what]].set_axis([ensemble.name], axis=1) for what in ("call", "probability")}
        models.take(named["call"], path, named["probability"])
        if applied["fitted"].any():
            models.apparent.append(ensemble.name)
    found: pd.Series[str] = pooled.studies["patient"]
    return found


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


def _repeats(repeated: int, contradicting: int) -> list[Notice]:
    if not repeated:
        return []
    return [
        Notice(
            "note",
            "ME106",
            f"{repeated} reads stood several times in the file, {contradicting} of them with contradicting calls.",
            "Those that agree count once, those that contradict count as not read.",
        )
    ]


def _undeclared(figure: str) -> Notice:
    return Notice(
        "warning",
        "ME105",
        f"No non-inferiority margin was declared; {MARGIN:g} of {figure.replace('_', ' ')} was taken.",
        "Declare one with --margin, for reasons written down before the data were seen; a margin chosen afterwards "
        "proves nothing.",
    )
