"""A reader study in words: the verdict for the terminal, the page for the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from mura_ensemble.reporting.formats import count, estimate, interval, p_value, signed, signed_interval
from mura_ensemble.reporting.page import Page, Paragraph, Section, TableBlock, Verdict
from mura_ensemble.reporting.readers import ReaderStudy
from mura_ensemble.reporting.tables import columns_of

__all__ = ["reader_page", "reader_verdict"]


def reader_verdict(study: ReaderStudy) -> list[str]:
    """The verdict and a short table, line by line."""
    lines = [f"Gold standard: {study.design}; {_size(study)}."]
    agreement = study.agreement.iloc[0]
    lines.append(
        f"{study.agreement.index[0]} among the readers {estimate(agreement['estimate'])} "
        f"({interval(agreement['low'], agreement['high'])}, n = {agreement['n']:,.0f})."
    )
    lines += [f"{name}: {sentence}" for name, sentence in _sentences(study)]
    lines += ["", f"{'rater':<24} {'kappa':>7}  {'interval':<18} {'seat adds':>9}"]
    for name, row in study.models.iterrows():
        lines.append(f"{name!s:<24} {estimate(row['kappa']):>7}  {interval(row['low'], row['high']):<18}")
    for name, row in study.readers.iterrows():
        seat = "in panel" if row["in_panel"] else "" if pd.isna(row["bias"]) else signed(row["bias"])
        lines.append(
            f"{name!s:<24} {estimate(row['kappa']):>7}  {interval(row['low'], row['high']):<18} {seat:>9}"
        )
    return [*lines, "", *study.notes]


def reader_page(study: ReaderStudy, *, simulated: bool = False) -> Page:
    """The page of a reader study; every table is also on disk."""
    sections = [
        Section(
            "verdict", "Verdict", [Verdict(f"{study.design[0].upper()}{study.design[1:]}", _items(study))]
        ),
        Section(
            "readers",
            "Readers",
            [_table(study.readers, "readers", "Each reader over the panels without him.")],
        ),
        Section(
            "agreement",
            "Agreement among the readers",
            [_table(study.agreement, "agreement", "Standard errors between patients, not under chance.")],
        ),
    ]
    if len(study.models):
        sections.insert(
            1,
            Section("models", "Models", [_table(study.models, "models", "Each model against the readers.")]),
        )
        sections.insert(
            2,
            Section(
                "contrasts",
                "Model against each reader",
                [
                    _table(
                        study.contrasts,
                        "contrasts",
                        "Model - reader over the panels without him; p by max-T over all rows.",
                    )
                ],
            ),
        )
    if len(study.operating):
        caption = (
            "Sensitivity of the model at each reader's specificity, threshold found anew in every resample; "
            "p by max-T over the readers of a model."
        )
        sections.append(
            Section("operating", "Operating points", [_table(study.operating, "operating_points", caption)])
        )
    sections.append(Section("notes", "Notes", [Paragraph(note) for note in study.notes]))
    return Page(
        title="Readers and panels",
        subtitle=_size(study),
        sections=sections,
        banner="Simulated data: no radiograph, reader or patient stands behind any number."
        if simulated
        else "",
        footer=f"{study.resamples:,} resamples of patients, {100 * study.level:g} % intervals.",
    )


def _items(study: ReaderStudy) -> list[tuple[str, str]]:
    top = study.agreement.iloc[0]
    agree = f"{estimate(top['estimate'])} ({interval(top['low'], top['high'])}), n = {top['n']:,.0f}"
    return [(f"{study.agreement.index[0]} among the readers", agree), *_sentences(study)]


def _sentences(study: ReaderStudy) -> list[tuple[str, str]]:
    out = []
    for name, row in study.models.iterrows():
        text = (
            f"{signed(row['difference'])} ({signed_interval(row['diff_low'], row['diff_high'])}) of kappa against "
            "these readers on average"
        )
        if "noninferior" in row and row["noninferior"] is not None and not pd.isna(row["population_low"]):
            word = "not inferior" if row["noninferior"] else "not shown to be non-inferior"
            text += (
                f"; against all such readers {word} by a margin of {study.margin:g} "
                f"({signed_interval(row['population_low'], row['population_high'])}, one-sided p "
                f"{p_value(row['p_noninferior'])})"
            )
        if "best_reader" in row and isinstance(row["best_reader"], str):
            text += (
                f"; against the best reader, taken as a maximum, {signed(row['best_difference'])} "
                f"({signed_interval(row['best_low'], row['best_high'])})"
            )
        out.append((str(name), text + "."))
    return out


def _size(study: ReaderStudy) -> str:
    return (
        f"{count(len(study.readers), 'reader')}, {count(len(study.models), 'model')}, "
        f"{count(study.studies, 'study', 'studies')} of {count(study.patients, 'patient')}"
    )


def _table(frame: pd.DataFrame, name: str, caption: str) -> TableBlock:
    formats: dict[str, Callable[[Any], str]] = {}
    for column in map(str, frame.columns):
        if pd.api.types.is_float_dtype(frame[column]):
            formats[column] = p_value if column.startswith("p_") else estimate
    return TableBlock(frame, columns_of(frame, formats), caption, files=(f"{name}.csv", f"{name}.json"))
