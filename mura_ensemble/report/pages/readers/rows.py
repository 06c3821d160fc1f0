"""The section of a reader study that has one row per reader."""

from __future__ import annotations

import numpy as np

from mura_ensemble.comparison.reader_study.study import ReaderStudy
from mura_ensemble.data.numbers import estimate, interval, percent
from mura_ensemble.report.document.blocks import Block, TableBlock
from mura_ensemble.report.document.columns import Column, Row
from mura_ensemble.report.document.topic_columns import count_column
from mura_ensemble.report.pages.readers.columns import limits_column, name_column
from mura_ensemble.report.pages.readers.verdict import figure_words

__all__ = ["readers_section"]


def readers_section(study: ReaderStudy) -> list[Block]:
    """Every reader by all that judges him."""
    columns = [
        name_column("reader"),
        _reads(study),
        Column("abnormal", lambda row: percent(row["abnormal_share"])),
        Column(
            figure_words(study),
            lambda row: "in panel" if row["in_panel"] else estimate(row[study.figure]),
            below="outside his panels",
            detail=lambda row: "" if row["in_panel"] else _limits_or_why(row, study.figure),
        ),
    ]
    if study.readers["bias"].notna().any():
        columns.append(limits_column("his seat adds", "bias", "bias_low", "bias_high", sign=True))
    columns.append(
        limits_column(
            "kappa with the group", "kappa_with_group", "group_low", "group_high", "Vanbelle and Albert"
        )
    )
    if "latent_sensitivity" in study.readers:
        columns += [
            limits_column(f"latent {part}", f"latent_{part}", f"latent_{part}_low", f"latent_{part}_high")
            for part in ("sensitivity", "specificity")
        ]
    return [
        TableBlock(
            study.readers,
            columns,
            "Each reader: judged by panels without him, by the group of the others, and by a latent gold standard.",
            files=("readers.csv", "readers.json", "readers.tex"),
        )
    ]


def _reads(study: ReaderStudy) -> Column:
    """Reads, and how many of them count where some do not."""
    if not (study.readers["decided"] < study.readers["reads"]).any():
        return count_column("reads", "reads")
    return Column(
        "reads",
        lambda row: f"{row['reads']:,.0f}",
        below="with a decided gold standard",
        detail=lambda row: "" if row["in_panel"] else f"{row['decided']:,.0f} decided",
    )


def _limits_or_why(row: Row, figure: str) -> str:
    if row["reads"] == 0 or not np.isnan(row[figure]):
        return interval(row["low"], row["high"])
    return "one class" if row["decided"] > 0 else "none decided"
