"""The hardest studies, and what raters get wrong together, as a section of the report."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mura_ensemble.comparison.result import Comparison
from mura_ensemble.comparison.topics.hardest import HardestFrames
from mura_ensemble.data.numbers import estimate, percent
from mura_ensemble.data.words import count
from mura_ensemble.report.document.blocks import Block, Drawing, Paragraph, Section, TableBlock
from mura_ensemble.report.document.columns import Column, Row
from mura_ensemble.report.document.topic_columns import count_column, name_column, text_column
from mura_ensemble.report.figures.hardest import error_counts

__all__ = ["hardest_methods", "hardest_section"]

_SHOWN = 20
_FAMILIES = (("backbone", "Backbones"), ("ensemble", "Ensembles"), ("reader", "Readers"))


def hardest_section(comparison: Comparison, found: HardestFrames) -> Section:
    """Studies that most raters get wrong."""
    return Section("hardest", "Hardest studies", list(_blocks(comparison, found)))


def _blocks(comparison: Comparison, found: HardestFrames) -> Iterator[Block]:
    top = found.studies.iloc[:_SHOWN]
    if len(found.voices) > 1:
        yield Drawing(
            "errors-together",
            error_counts(found.counts, simulated=comparison.simulated),
            f"Studies by how many of {len(found.voices)} backbones and readers are wrong on them."
            if any(comparison.kind(name) == "reader" for name in found.voices)
            else f"Studies by how many of {len(found.voices)} raters are wrong on them.",
            "One bar per number of raters who are wrong together; the same numbers stand in the file errors_together.csv.",
            reading="Where lower bars reach beyond their strokes, the same studies are hard for all, and raters correct "
            "each other less than independent ones would. Ensembles are left out: they are made of the "
            "backbones. The numbers are in errors_together.csv.",
            file="figures/errors_together.svg",
        )
    if len(found.together):
        yield Paragraph(_together(found.together))
    if len(found.losses):
        yield TableBlock(
            found.losses,
            [
                name_column("Ensemble", "rater"),
                count_column("Wrong on", "wrong", below="studies"),
                count_column("All backbones wrong", "all_backbones_wrong"),
                count_column("Most wrong", "most_backbones_wrong", below="not all"),
                count_column("At most half wrong", "at_most_half_wrong", below="lost by combining"),
            ],
            "Where the ensembles are wrong: with all backbones, with most of them, or although at least half of "
            "them are right.",
            ("ensemble_losses.csv", "ensemble_losses.json"),
            row_style=lambda row: f"kind-{row['kind']}",
        )  # fmt: skip
    yield TableBlock(
        top,
        [
            Column("Study", lambda row: str(row["study"]), align="left", style="key", header=True),
            text_column("Type", "study_type"),
            text_column("Gold standard", "gold"),
            Column("Wrong", lambda row: f"{row['wrong']} of {row['raters']}", style="strong", below="of all raters"),
            *[_family(kind, heading) for kind, heading in _FAMILIES if f"{kind}s" in top],
            *(
                [Column("Mean probability", lambda row: estimate(row["mean_probability"], 2), below="of the backbones")]
                if "mean_probability" in top
                else []
            ),
        ],
        f"The {count(len(top), 'study', 'studies')} that most raters call unlike the gold standard"
        + (f", of {len(found.studies):,} that anybody does." if len(found.studies) > len(top) else "."),
        ("hardest_studies.csv", "hardest_studies.json"),
    )  # fmt: skip
    yield Paragraph(
        "A list to look at, not a finding: a study that all call unlike the gold standard may be hard, or its gold standard "
        "may be wrong.",
        quiet=True,
    )


def _family(kind: str, heading: str) -> Column:
    def text(row: Row) -> str:
        return f"{row[f'wrong_{kind}s']} of {row[f'{kind}s']}"

    return Column(heading, text, below="wrong")


def _together(together: pd.DataFrame) -> str:
    row = together.to_dict("records")[0]
    text = (
        f"All {row['backbones']} backbones are wrong on {count(row['wrong'], 'study', 'studies')} of {row['n']:,} "
        f"({percent(row['share'])}); backbones that err independently would be on {_few(row['expected'])}."
    )
    if row["wrong"] and not np.isnan(row["ceiling"]):
        text += (
            " No choice among the calls of the backbones can be right there: a kappa of "
            f"{estimate(row['ceiling'])} is the most that choosing, study by study, whom to believe could reach."
        )
    return text


def _few(studies: float) -> str:
    return f"{studies:.1f}" if studies >= 0.05 else "<0.1"


def hardest_methods(comparison: Comparison, found: HardestFrames) -> tuple[str, ...]:  # noqa: ARG001
    """How it was computed, ready to paste."""
    if len(found.voices) < 2:
        return ()
    return (
        "Errors expected of independent raters: each errs on each study with its own share of errors among the studies of "
        "that class; the number of errors per study then has a Poisson binomial distribution, summed over the studies.",
    )
