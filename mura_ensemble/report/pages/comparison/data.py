"""What the numbers of a report rest on: studies, patients, views, readers; per study type as a table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mura_ensemble.comparison.result import Comparison, DataCard
from mura_ensemble.data.numbers import estimate, percent
from mura_ensemble.data.words import count, name_list
from mura_ensemble.report.document.blocks import Block, Facts, TableBlock
from mura_ensemble.report.document.columns import Column, Row
from mura_ensemble.report.document.topic_columns import count_column, name_column
from mura_ensemble.report.figures.theme import FAMILIES

__all__ = ["data_blocks", "of_patients"]


def data_blocks(comparison: Comparison) -> Iterator[Block]:
    """Facts, and a table of the study types where there are several."""
    data = comparison.data
    yield Facts(_data_facts(comparison))
    if len(data.by_type) < 2:
        return
    columns = [name_column("Study type", "study_type"), count_column("Studies", "studies")]
    if data.patients_known:
        columns.append(count_column("Patients", "patients"))
        if data.by_type["repeated"].any():
            columns.append(
                count_column("With several", "repeated", remark="Patients with several studies of this type.")
            )
    columns.append(
        Column(
            "Abnormal",
            lambda row: f"{row['positives']:,} ({percent(row['prevalence'])})",
            below="by the gold standard",
        )
    )
    if data.views is not None:
        columns += [count_column("Views", "views"), Column("Views a study", _a_study_of_type, below="median")]
    yield TableBlock(
        data.by_type,
        columns,
        "What every study type brings.",
        ("study_types.csv", "study_types.json", "study_types.tex"),
    )


def _a_study_of_type(row: Row) -> str:
    return f"{row['views_least']:.0f} to {row['views_most']:.0f} ({row['views_median']:g})"


def of_patients(data: DataCard) -> str:
    """`of 207 patients`, or that nobody knows them."""
    return f"of {count(data.patients, 'patient')}" if data.patients_known else "patients not known"


def _a_study(views: pd.Series[float]) -> str:
    """`1 to 5 a study, median 3`."""
    least, most = int(views.min()), int(views.max())
    return f"{least} a study" if least == most else f"{least} to {most} a study, median {views.median():g}"


def _several(data: DataCard) -> list[str]:
    """How many patients have several studies, where patients are known."""
    if not data.patients_known or not data.repeated_patients:
        return []
    return [f"{data.repeated_patients:,} of them with several studies"]


def _not_called(board: pd.DataFrame) -> list[str]:
    """Why the numbers of single raters may rest on fewer studies than the page."""
    fewest, most = int(board["missing"].min()), int(board["missing"].max())
    if not most:
        return []
    lost = f"{most:,}" if fewest == most else f"up to {most:,}"
    return [f"{lost} not called by a rater, whose numbers rest on those it called"]


def _data_facts(comparison: Comparison) -> list[tuple[str, str, str]]:
    data, board = comparison.data, comparison.leaderboard
    kinds = board["kind"].value_counts()
    raters = [
        count(kinds[kind], family.one, family.many) for kind, family in FAMILIES.items() if kind in kinds
    ]
    facts = [
        (
            "Studies",
            f"{data.studies:,}",
            "; ".join([of_patients(data), *_several(data), *_not_called(board)]),
        ),
        (
            "Abnormal by the gold standard",
            f"{data.positives:,}",
            f"{percent(data.prevalence)} of the studies",
        ),
        ("Raters", f"{len(board)}", name_list(raters)),
    ]
    if data.views is not None:
        facts.insert(1, ("Views", f"{data.views.sum():,.0f}", _a_study(data.views)))
    if comparison.readers is not None:
        band = comparison.readers
        facts.append(
            (
                "Kappa of the readers",
                estimate(band.lowest)
                if band.count == 1
                else f"{estimate(band.lowest)} to {estimate(band.highest)}",
                band.best if band.count == 1 else f"mean {estimate(band.mean)}; best {band.best}",
            )
        )
    if 0 < data.prevalence < 1:
        worth = 1 / (data.studies * 2 * data.prevalence * (1 - data.prevalence))
        facts.append(("One study is worth", f"{worth:.{3 if worth >= 0.001 else 5}f}", "of kappa, about"))
    if not np.isnan(comparison.detectable):
        facts.append(
            (
                "Would show a difference of",
                f"{comparison.detectable:.2f}",
                "of kappa or more, 4 times in 5, in one test named beforehand",
            )
        )
    if len(data.by_type) > 1:
        sizes = data.by_type["studies"]
        each = f"{sizes.min()} to {sizes.max()}" if sizes.min() < sizes.max() else f"{sizes.min()}"
        facts.append(("Study types", f"{len(sizes)}", f"{each} studies each"))
    return facts
