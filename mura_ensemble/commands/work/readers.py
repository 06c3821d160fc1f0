"""Readers: from files of reads, calls or predictions to tables and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from mura_ensemble.comparison.defaults import MARGIN, RESAMPLES
from mura_ensemble.comparison.findings.caller_warnings import code_of, remedy
from mura_ensemble.comparison.findings.notice import Notice
from mura_ensemble.comparison.gather.reading import assemble_reads
from mura_ensemble.comparison.reader_study.study import ReaderStudy, study_readers
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.tables.readers import Repeats, count_repeats
from mura_ensemble.ensembles.pooling.studies import Missing
from mura_ensemble.report.document.blocks import render_markdown, render_page
from mura_ensemble.report.document.files import figure_files, latex_files
from mura_ensemble.report.document.folder import write_folder
from mura_ensemble.report.pages.readers.page import reader_page, reader_verdict
from mura_ensemble.report.write import table_files
from mura_ensemble.stats.reader_study.panel_gold import Adjudicates, MissingReads, Rule, Ties

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
    table = assemble_reads(
        readers,
        calls=calls,
        predictions=predictions,
        split=split,
        ensembles=ensembles,
        backbones=backbones,
        gold=gold,
        named=panel or made_by,
        adjudication=adjudication,
        columns=columns,
        words=words,
        repeats=repeats,
        missing=missing,
        allow_fitted=allow_fitted,
    )
    simulated = table.simulated
    remarks = [Notice("warning", code_of(said), said, remedy(said)) for said in table.warnings]
    if repeats == "agree":
        remarks += _repeats(*count_repeats(readers, columns=columns, words=words))
    if table.calls is not None and margin is None:
        remarks.append(_undeclared(figure))
    study = study_readers(
        table.reads,
        table.calls,
        patients=table.patients,
        probabilities=table.probabilities,
        gold=table.gold,
        made_by=made_by,
        panel=panel,
        size=size,
        rule=rule,
        ties=ties,
        missing=missing_reads,
        adjudicated=table.adjudicated,
        adjudicates=adjudicates,
        figure=figure,
        margin=MARGIN if margin is None else margin,
        epsilon=epsilon,
        level=level,
        resamples=resamples,
        seed=seed,
        simulated=simulated,
        apparent=table.apparent,
        remarks=remarks,
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
