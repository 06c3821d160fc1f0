"""What a study of this size can show, as a part of the report."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from mura_ensemble.comparison.measures.discordance import paired_studies
from mura_ensemble.comparison.result import Comparison, Part
from mura_ensemble.data.words import count
from mura_ensemble.report.document.blocks import Paragraph, Section, TableBlock
from mura_ensemble.report.document.columns import Column, Row
from mura_ensemble.report.document.numbers import estimate, percent
from mura_ensemble.report.document.topic_columns import count_column, name_column
from mura_ensemble.stats.planning.power import detectable_difference, studies_needed

__all__ = ["power_part"]

_WANTED = (0.02, 0.05, 0.1)


def power_part(comparison: Comparison) -> Part | None:
    """Differences from the reference that this study finds 4 times in 5; None without a reference or discordance."""
    reference = comparison.reference
    if reference is None or np.isnan(comparison.detectable):
        return None
    called, psi = paired_studies(comparison.differences, reference.rater)
    found, needed = _detectable(comparison, called / comparison.data.studies, psi), _needed(comparison, psi)
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
    return Part(
        Section(
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
                        Column(
                            "For one of all", lambda row: _whole(row["needed_family"]), below="Bonferroni"
                        ),
                    ],
                    f"How many {units} would be needed to find a difference 4 times in 5.",
                    ("power_needed.csv", "power_needed.json"),
                ),
            ],
        ),
        {"power": found, "power_needed": needed},
        methods=(
            "Detectable differences and numbers needed: Connor's formula for McNemar's test (Biometrics 1987; 43:207) at "
            "80 % power with the median discordance found, divided by the chance disagreement to give kappa; units are "
            + (
                "patients of the studies that both raters called (median over raters)."
                if missing
                else "patients."
            ),
        ),
    )


def _detectable(comparison: Comparison, called: float, psi: float) -> pd.DataFrame:
    data, alpha, family = comparison.data, 1 - comparison.level, max(comparison.compared, 1)
    rows = {"all types": (data.studies, data.patients, data.prevalence)}
    if len(data.by_type) > 1:
        for name, row in data.by_type.iterrows():
            units = row["patients"] if data.patients_known else row["studies"]
            rows[str(name)] = (row["studies"], units, row["prevalence"])
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["studies", "units", "prevalence"])
    frame = frame.rename_axis("studies_of").assign(discordance=psi, compared=family)
    frame["units"] = (called * frame["units"]).round()
    usable = frame["prevalence"].between(0, 1, inclusive="neither")
    units, prevalence = (frame.loc[usable, name].to_numpy(np.float64) for name in ("units", "prevalence"))
    for name, level in (("detectable", alpha), ("detectable_family", alpha / family)):
        frame[name] = np.nan
        frame.loc[usable, name] = detectable_difference(units, psi, prevalence=prevalence, alpha=level)
    return frame


def _needed(comparison: Comparison, psi: float) -> pd.DataFrame:
    prevalence = comparison.data.prevalence
    alpha, family = 1 - comparison.level, max(comparison.compared, 1)
    return pd.DataFrame(
        {
            "needed": studies_needed(_WANTED, psi, prevalence=prevalence, alpha=alpha),
            "needed_family": studies_needed(_WANTED, psi, prevalence=prevalence, alpha=alpha / family),
        },
        index=pd.Index(_WANTED, name="difference"),
    )


def _value(name: str) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        return "none" if np.isnan(row[name]) else estimate(row[name], 3)

    return text


def _whole(units: float) -> str:
    return "cannot be" if np.isnan(units) else f"{units:,.0f}"
