"""What a study of this size can show, as a section of the report."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mura_ensemble.comparison.result import Comparison
from mura_ensemble.comparison.topics.power import PowerFrames
from mura_ensemble.data.numbers import estimate, percent
from mura_ensemble.data.words import count
from mura_ensemble.report.document.blocks import Paragraph, Section, TableBlock
from mura_ensemble.report.document.columns import Column, Row
from mura_ensemble.report.document.topic_columns import count_column, name_column

__all__ = ["power_methods", "power_section"]


def power_section(comparison: Comparison, power: PowerFrames) -> Section:
    """Differences from the reference that this study finds 4 times in 5, and what others would need."""
    assert comparison.reference is not None
    reference, found, needed = comparison.reference, power.found, power.needed
    units = "patients" if comparison.data.patients_known else "studies"
    missing = comparison.leaderboard["missing"].any()
    columns = [
        name_column("Studies of", "studies_of"),
        count_column("Units", "units", below=f"{units} both called" if missing else units),
        Column("Abnormal", lambda row: percent(row["prevalence"])),
        Column("One right", lambda row: percent(row["discordance"]), below="of rater and reference"),
        Column("One test", _value("detectable"), below="named beforehand"),
        *(
            [Column("One of all", _value("detectable_family"), below="Bonferroni")]
            if comparison.compared > 1
            else []
        ),
    ]
    return Section(
        "power",
        "What this study could show",
        [
            Paragraph(
                f"Where exactly one of rater and {reference.rater} is right on the share of studies below (median over "
                "raters), a true difference of kappa as large as below is found 4 times in 5; a smaller one is missed "
                "more often."
            ),
            TableBlock(
                found,
                columns,
                "Smallest difference of kappa that this study finds: in one test named beforehand, and in one of "
                f"{count(comparison.compared, 'comparison')} with the reference.",
                ("power.csv", "power.json", "power.tex"),
            ),
            TableBlock(
                needed,
                [
                    Column(
                        "Difference",
                        lambda row: estimate(row["difference"], 2),
                        align="left",
                        header=True,
                    ),
                    Column("Needed", lambda row: _whole(row["needed"]), below=units),
                    Column("For one of all", lambda row: _whole(row["needed_family"]), below="Bonferroni"),
                ],
                f"How many {units} would be needed to find a difference 4 times in 5.",
                ("power_needed.csv", "power_needed.json"),
            ),
        ],
    )


def power_methods(comparison: Comparison, power: PowerFrames) -> tuple[str, ...]:  # noqa: ARG001
    """How it was computed, ready to paste."""
    missing = comparison.leaderboard["missing"].any()
    return (
        "Detectable differences and numbers needed: Connor's formula for McNemar's test (Biometrics 1987; 43:207) at "
        "80 % power with the median discordance found, divided by the chance disagreement to give kappa; units are "
        + (
            "patients of the studies that both raters called (median over raters)."
            if missing
            else "patients."
        ),
    )


def _value(name: str) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        return "none" if np.isnan(row[name]) else estimate(row[name], 3)

    return text


def _whole(units: float) -> str:
    return "cannot be" if np.isnan(units) else f"{units:,.0f}"
