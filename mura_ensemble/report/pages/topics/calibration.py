"""Whether probabilities can be read as such, and what other thresholds would do, as a section of the report."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mura_ensemble.comparison.result import Comparison
from mura_ensemble.comparison.topics.calibration import (
    BINS,
    SPECIFICITIES,
    CalibrationFrames,
)
from mura_ensemble.data.numbers import estimate, interval, percent, signed
from mura_ensemble.report.document.blocks import Block, Drawing, Paragraph, Section, TableBlock
from mura_ensemble.report.document.columns import Column, Row
from mura_ensemble.report.document.topic_columns import limits_column, name_column, text_column
from mura_ensemble.report.figures.calibration import reliability_grid
from mura_ensemble.report.pages.comparison.verdict import level_name

__all__ = ["calibration_methods", "calibration_section"]

_DRAWN_PER_KIND = 4


def calibration_section(comparison: Comparison, found: CalibrationFrames) -> Section:
    """Raters with probabilities."""
    return Section("calibration", "Probabilities and thresholds", list(_blocks(comparison, found)))


def _blocks(comparison: Comparison, found: CalibrationFrames) -> Iterator[Block]:
    level = level_name(comparison.level)
    yield TableBlock(
        found.calibration,
        [
            name_column("Rater", "rater"),
            limits_column("AUROC", "auroc", "auroc_low", "auroc_high",
                          remark="Chance that an abnormal study has the higher probability; no threshold is involved."),
            limits_column("Brier score", "brier", "brier_low", "brier_high",
                          remark="Mean squared error of the probabilities; lower is better."),
            Column("Off on average", lambda row: estimate(row["error"]), detail=_off,
                   help=f"Expected calibration error over {BINS} bins of equal width. Chance alone makes it positive; the "
                   "interval takes that off and is cautious."),
            limits_column("Slope", "slope", "slope_low", "slope_high", below="1 is right",
                          remark="Of the logistic recalibration; below 1 the probabilities are too extreme, "
                          "above 1 too timid."),
            limits_column("Level", "in_the_large", "in_the_large_low", "in_the_large_high", below="0 is right",
                          difference=True,
                          remark="Log odds that are missing on the whole; below 0 the probabilities are too high."),
            Column("Mean probability", lambda row: percent(row["mean_probability"]),
                   detail=lambda row: f"{percent(row['prevalence'])} abnormal"),
        ],
        f"How well every rater's probabilities order the studies and how far they can be taken at their word, with {level} "
        "intervals.",
        ("calibration.csv", "calibration.json", "calibration.tex"),
        row_style=lambda row: f"kind-{row['kind']}",
    )  # fmt: skip
    names = _to_draw(comparison, found.calibration)
    more = (
        ""
        if len(names) == len(found.calibration)
        else " The first ensembles and backbones of the leaderboard."
    )
    yield Drawing(
        "reliability",
        reliability_grid(found.reliability, found.calibration, names, simulated=comparison.simulated),
        f"Share of abnormal studies by probability, with {level} intervals.{more}",
        "One square per rater: points on the dashed diagonal would be right; the numbers are in the file reliability.csv.",
        reading="Points below the diagonal: the probability is too high there; above it, too low. The bars below show how "
        "many studies a point rests on; the numbers are in reliability.csv.",
        file="figures/reliability.svg",
    )
    yield from _thresholds(found.thresholds)
    yield _fixed(found, level)


def _off(row: Row) -> str:
    return f"{interval(row['error_low'], row['error_high'])}; chance up to {estimate(row['error_by_chance'])}"


def _to_draw(comparison: Comparison, calibration: pd.DataFrame) -> list[str]:
    """A few of each kind, ensembles first."""
    return [
        name
        for kind in ("ensemble", "backbone")
        for name in [name for name in map(str, calibration.index) if comparison.kind(name) == kind][
            :_DRAWN_PER_KIND
        ]
    ]


def _thresholds(thresholds: pd.DataFrame) -> Iterator[Block]:
    yield TableBlock(
        thresholds,
        [
            name_column("Rater", "rater"),
            text_column("Operating point", "operating_point", style="long"),
            Column("Threshold used", _used),
            Column("Kappa", lambda row: estimate(row["kappa"]), below="used, as in the leaderboard"),
            Column("Best threshold here", lambda row: estimate(row["best_threshold"]), below="apparent, never used"),
            Column("Kappa there", lambda row: estimate(row["best_kappa"]), below="apparent",
                   detail=lambda row: signed(row["gain"])),
        ],
        "The threshold that made the calls, and the one that would have given the highest kappa on these very studies.",
        ("thresholds.csv", "thresholds.json"),
        row_style=lambda row: f"kind-{row['kind']}",
    )  # fmt: skip
    yield Paragraph(
        "The best threshold here was found with the answers at hand: its kappa is apparent, flatters, and is neither used "
        "nor compared. A large gain says that the operating point does not suit these studies; choose it on others.",
        quiet=True,
    )


def _used(row: Row) -> str:
    if row["threshold"] == row["threshold_highest"]:
        return estimate(row["threshold"])
    return f"{estimate(row['threshold'])} to {estimate(row['threshold_highest'])}"


def _fixed(found: CalibrationFrames, level: str) -> TableBlock:
    cells = {(str(name), float(row["wanted"])): row for name, row in found.fixed.iterrows()}

    def column(wanted: float) -> Column:
        def detail(row: Row) -> str:
            own = cells[row["rater"], wanted]
            return "" if np.isnan(own["sensitivity"]) else interval(own["low"], own["high"])

        return Column(
            f"Specificity {wanted:.2f}",
            lambda row: estimate(cells[row["rater"], wanted]["sensitivity"]),
            below="sensitivity there",
            detail=detail,
        )

    return TableBlock(
        found.calibration[["kind"]],
        [name_column("Rater", "rater"), *map(column, SPECIFICITIES)],
        "What if: the sensitivity of every rater if its threshold were set on these studies to reach a specificity, with "
        f"{level} intervals that count the choice of the threshold.",
        ("fixed_specificity.csv", "fixed_specificity.json", "fixed_specificity.tex"),
        row_style=lambda row: f"kind-{row['kind']}",
    )


def calibration_methods(comparison: Comparison, found: CalibrationFrames) -> tuple[str, ...]:  # noqa: ARG001
    """How it was computed, ready to paste."""
    return (
        "AUROC has DeLong's variance (1988, Biometrics 44:837; by patient Obuchowski 1997, Biometrics 53:567) on the logit "
        "scale. Slope and level of the probabilities are those of the logistic recalibration (Cox 1958, Biometrika 45:562). "
        f"The expected calibration error is taken over {BINS} bins of equal width; its interval is the error plus or minus "
        "what chance adds at most at that level, the larger of two: the noise of the gaps over resamples of the patients, "
        "and the error of perfect probabilities. The Brier score has percentile limits. Sensitivity at a wanted specificity "
        "is that at the lowest threshold that reaches it, found anew in every resample.",
    )
