"""A reader study as text for the terminal and as a page; every table and figure is also on disk."""

from __future__ import annotations

import pandas as pd

from mura_ensemble.comparison.reader_study.study import ReaderStudy
from mura_ensemble.data.numbers import estimate, interval, signed
from mura_ensemble.report.document.blocks import Notices, Page, Paragraph, Section, Verdict
from mura_ensemble.report.pages.readers.rows import readers_section
from mura_ensemble.report.pages.readers.sections import (
    agreement_section,
    models_section,
    operating_section,
    other_section,
    panels_section,
)
from mura_ensemble.report.pages.readers.verdict import (
    figure_words,
    reader_headline,
    reader_items,
    size_words,
)

__all__ = ["reader_page", "reader_verdict"]


def reader_verdict(study: ReaderStudy) -> list[str]:
    """The verdict and a short table, line by line."""
    lines = [reader_headline(study), ""]
    lines += [f"{lead}: {text}" for lead, text in reader_items(study)]
    lines += ["", f"{'rater':<24} {figure_words(study):>9}  {'interval':<18} {'seat adds':>9}"]
    for name, row in study.models.iterrows():
        lines.append(f"{name!s:<24} {estimate(row[study.figure]):>9}  {interval(row['low'], row['high'])}")
    for name, row in study.readers.iterrows():
        seat = "in panel" if row["in_panel"] else "" if pd.isna(row["bias"]) else signed(row["bias"])
        value = "" if row["in_panel"] else estimate(row[study.figure])
        limits = "" if row["in_panel"] else interval(row["low"], row["high"])
        lines.append(f"{name!s:<24} {value:>9}  {limits:<18} {seat:>9}".rstrip())
    lines += ["", *(f"{item.level} {item.code}: {item.sentence} {item.action}" for item in study.checks)]
    return lines


def reader_page(study: ReaderStudy, *, simulated: bool = False) -> Page:
    """The page of a reader study; every table is also on disk."""
    sections = [Section("verdict", "Verdict", [Verdict(reader_headline(study), reader_items(study))])]
    if len(study.models):
        sections.append(Section("models", "Models against the readers", models_section(study, simulated)))
    sections.append(Section("readers", "Readers", readers_section(study)))
    if len(study.ranges):
        sections.append(Section("panels", "Every panel", panels_section(study, simulated)))
    if len(study.operating):
        sections.append(Section("operating", "ROC curves and readers", operating_section(study, simulated)))
    sections.append(Section("agreement", "Agreement among the readers", agreement_section(study)))
    if len(study.models):
        sections.append(Section("other", "Other ways to ask the same", other_section(study)))
    sections.append(
        Section(
            "checks", "Checks", [Notices(study.checks)] if study.checks else [Paragraph("Nothing found.")]
        )
    )
    sections.append(Section("notes", "Notes", [Paragraph(note) for note in study.notes]))
    return Page(
        title="Readers and panels",
        subtitle=size_words(study),
        sections=sections,
        banner="Simulated data: no radiograph, reader or patient stands behind any number."
        if simulated
        else "",
        footer=f"{study.resamples:,} resamples of patients, {100 * study.level:g} % intervals, seed {study.seed}.",
    )
