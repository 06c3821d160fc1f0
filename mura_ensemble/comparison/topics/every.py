"""The questions that only some comparisons raise: what was found about each, and what must be known of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from mura_ensemble.comparison.compare import compare_raters
from mura_ensemble.comparison.defaults import RESAMPLES
from mura_ensemble.comparison.findings.notice import Notice
from mura_ensemble.comparison.gather.raters import RaterTable
from mura_ensemble.comparison.result import Comparison, Topic
from mura_ensemble.comparison.topics.calibration import calibration_frames
from mura_ensemble.comparison.topics.contributions import anatomy_frames
from mura_ensemble.comparison.topics.hardest import hardest_frames
from mura_ensemble.comparison.topics.inputs import part_input
from mura_ensemble.comparison.topics.panels import panel_frames
from mura_ensemble.comparison.topics.readers import reader_frames
from mura_ensemble.data.numbers import estimate, interval, percent
from mura_ensemble.data.words import name_list

__all__ = ["TooManyPanels", "compare_assembled"]

_GRAVE = 0.05  # a calibration error surely above it: no probability to act on
_OTHER_MIX = 0.1  # by which shares of abnormal studies may differ before kappas stop being comparable


@dataclass(frozen=True)
class TooManyPanels:
    """There are more panels of this size than one page can hold."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """None."""
        return {}


def compare_assembled(
    raters: RaterTable,
    *,
    title: str,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    reference: str | None = None,
) -> Comparison:
    """Compare what `assemble_raters` gathered, with all that it knows; see `compare_raters`."""
    comparison = compare_raters(
        raters.calls,
        raters.studies,
        raters.kinds,
        title=title,
        level=level,
        resamples=resamples,
        seed=seed,
        simulated=raters.simulated,
        notes=raters.notes,
        apparent=raters.apparent,
        warnings=raters.warnings,
        provenance=raters.provenance,
        reference=reference,
    )
    topics = {**comparison.topics, **_topics(raters, comparison)}
    checks = [*comparison.checks, *_checks(topics)]
    return replace(
        comparison, topics=topics, checks=tuple(sorted(checks, key=lambda check: check.level != "warning"))
    )


def _topics(raters: RaterTable, comparison: Comparison) -> dict[str, Topic]:
    """Readers, panels, ensembles, probabilities and the hardest studies, where there are any."""
    data = part_input(raters, comparison)
    found: dict[str, Topic] = {}
    if data.raters_of("reader") and data.raters_of("ensemble", "backbone"):
        found["readers"] = reader_frames(data, comparison)
    if raters.reading is not None and raters.panel and len(raters.panel) < raters.reading.shape[1]:
        found["panels"] = (
            panel_frames(data, raters.reading, raters.panel, raters.undecided) or TooManyPanels()
        )
    anatomy = anatomy_frames(data, raters.ensembles)
    if len(anatomy.ensembles):
        found["anatomy"] = anatomy
    calibration = calibration_frames(data, raters.points)
    if len(calibration.calibration):
        found["calibration"] = calibration
    hardest = hardest_frames(data)
    if len(hardest.studies):
        found["hardest"] = hardest
    return found


def _checks(topics: dict[str, Topic]) -> Iterator[Notice]:
    if "anatomy" in topics:
        yield from _of_ensembles(topics["anatomy"].tables["ensembles"])
    if "calibration" in topics:
        yield from _of_calibration(topics["calibration"].tables["calibration"])


def _of_ensembles(ensembles: pd.DataFrame) -> Iterator[Notice]:
    for name, row in ensembles.iterrows():
        if row["apparent_here"]:
            yield Notice(
                "note",
                "ME026",
                f"{name} was fitted on studies that score it here; its nested kappa was {estimate(row['nested'])} "
                f"({interval(row['nested_low'], row['nested_high'])}).",
                "Quote the nested kappa, or score it on studies it has not seen.",
            )
    other = ensembles[
        ((ensembles["fitted_share"] - ensembles["scored_share"]).abs() > _OTHER_MIX)
        & ensembles["learns"]
        & ~ensembles["apparent_here"]
    ]
    for _, rows in other.groupby(["fitted_share", "scored_share"], sort=False):
        fitted, scored = (percent(float(rows[name].iloc[0])) for name in ("fitted_share", "scored_share"))
        names = ", ".join(map(str, rows.index))
        yield Notice(
            "warning",
            "ME025",
            f"{names}: {fitted} of the studies of the fit are abnormal, {scored} of those scored here.",
            "Weights and thresholds that were fitted to one share miss at another, and nested kappa and kappa here are not "
            "comparable; fit on studies like those to be called.",
        )


def _of_calibration(calibration: pd.DataFrame) -> Iterator[Notice]:
    grave = calibration[calibration["error_low"] > _GRAVE]
    if len(grave):
        off = [f"{name} (off by {estimate(row['error'])} on average)" for name, row in grave.iterrows()]
        yield Notice(
            "note",
            "ME024",
            f"Probabilities that are not to be taken at their word: {name_list(off)}.",
            "Use their calls and their order; calibrate them on other studies (fit-stack --calibration) before anybody "
            "reads one as a probability.",
        )
