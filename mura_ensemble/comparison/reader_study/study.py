"""A reader study: readers and models as frames to the statistics of readers and panels, and back to frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.comparison.defaults import MARGIN, RESAMPLES
from mura_ensemble.comparison.findings.notice import Notice
from mura_ensemble.comparison.measures.ranks import ENOUGH_PATIENTS
from mura_ensemble.comparison.reader_study.checks import reader_checks
from mura_ensemble.comparison.reader_study.design import Settings, honest_kappa, judge
from mura_ensemble.comparison.reader_study.frames import contrast_frame, model_frame, reader_frame
from mura_ensemble.comparison.reader_study.inputs import by_key, in_order
from mura_ensemble.comparison.reader_study.tables import (
    agreement_frame,
    alternative_frame,
    curve_frame,
    operating_frame,
    pair_frame,
    panel_frame,
    range_frame,
)
from mura_ensemble.data.errors import InputError
from mura_ensemble.stats.agreement.latent import dawid_skene
from mura_ensemble.stats.reader_study.alternative import alternative_test
from mura_ensemble.stats.reader_study.merit import Figure, figure_of
from mura_ensemble.stats.reader_study.panel_gold import Adjudicates, MissingReads, Rule, Ties

__all__ = ["ReaderStudy", "study_readers"]

FloatArray = NDArray[np.float64]

_LATENT_RESAMPLES = 300


@dataclass(frozen=True)
class ReaderStudy:
    """What was found; every frame is a table on disk.

    Attributes
    ----------
    design : str
        The gold standard in words.
    kind : str
        `file`, `panel`, `every`, `others` or `random`.
    figure : str
        Name of the figure of merit; the column of that name holds it.
    readers : DataFrame
        Index reader: reads, how many and which share of them abnormal, how many have a decided gold standard (on
        average, where several judge him), the figure outside panels with limits, in own
        panels and the bias with limits, kappa with the group (Vanbelle & Albert) with limits, Dawid-Skene sensitivity
        and specificity with limits, `in_panel`.
    models : DataFrame
        Index model: mean figure with limits, mean difference to the readers with limits and max-T p over models, the
        population of readers (Obuchowski-Rockette-Hillis, Holm over models; `noninferior` only if the limits for
        these readers agree and there are 100 patients), the best reader with simultaneous limits, the alternative
        annotator test, kappa with the group and with the latent gold standard.
    contrasts : DataFrame
        Model, reader: difference model - reader with limits and max-T p over all models and readers.
    panels, ranges : DataFrame
        Panel, rater: figure, rank, inside; and per rater their range. Empty where panels have no names.
    agreement, pairs : DataFrame
        Fleiss, AC1, alpha among the readers, with non-null standard errors clustered by patient; and pairs of readers.
    alternative : DataFrame
        Model, reader: the alternative annotator test.
    operating, curves, areas : DataFrame
        Model, reader: sensitivity at the reader's specificity and the other way round; points of the ROC curves; the
        areas below them. Empty without probabilities or without one gold standard.
    notes : tuple of str
        What must be known to read the numbers.
    checks : tuple of Notice
        Coded remarks and what to do about them.
    apparent : tuple of str
        Models that nothing is claimed of.
    studies, patients, level, resamples, margin, epsilon, seed
        Of the analysis.
    """

    design: str
    kind: str
    figure: str
    readers: pd.DataFrame
    models: pd.DataFrame
    contrasts: pd.DataFrame
    panels: pd.DataFrame
    ranges: pd.DataFrame
    agreement: pd.DataFrame
    pairs: pd.DataFrame
    alternative: pd.DataFrame
    operating: pd.DataFrame
    curves: pd.DataFrame
    areas: pd.DataFrame
    notes: tuple[str, ...]
    checks: tuple[Notice, ...]
    apparent: tuple[str, ...]
    studies: int
    patients: int
    level: float
    resamples: int
    margin: float
    epsilon: float
    seed: int


def study_readers(
    reads: pd.DataFrame,
    calls: pd.DataFrame | None = None,
    *,
    patients: pd.Series[str] | None = None,
    probabilities: pd.DataFrame | None = None,
    gold: pd.Series[float] | None = None,
    made_by: Sequence[str] = (),
    panel: Sequence[str] = (),
    size: int | Literal["others"] = 3,
    rule: Rule = "majority",
    ties: Ties = "undecided",
    missing: MissingReads = "decided",
    adjudicated: pd.Series[float] | None = None,
    adjudicates: Adjudicates = "undecided",
    figure: str | Figure = "kappa",
    margin: float = MARGIN,
    epsilon: float = 0.2,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    simulated: bool = False,
    apparent: Sequence[str] = (),
    remarks: Sequence[Notice] = (),
) -> ReaderStudy:
    """Analyse readers, and models against them.

    Parameters
    ----------
    reads : DataFrame
        Index study; one column per reader; 0, 1 or NaN.
    calls, probabilities : DataFrame, optional
        Same studies, in any order; one column per model. A model in both also gets its ROC curve.
    patients : Series, optional
        Same studies; without it each study is its own patient.
    gold : Series, optional
        A gold standard from elsewhere, e.g. adjudicated; 0, 1 or NaN.
    made_by : sequence of str
        Readers who made `gold`; they are marked and compared with nobody.
    panel : sequence of str
        Readers whose vote is the gold standard. Without `gold` and `panel` every panel of `size` votes in turn.
    size : int or "others"
        Members of a panel; where fewer than half of all reads were made, of the random panel within each study.
        "others": each reader is judged by the majority of the other readers of each study.
    rule, ties, missing
        As `stats.panel_gold.panel_gold`.
    adjudicated : Series, optional
        Final labels that complete or correct a panel, as `adjudicates` says; see `stats.panel_gold.adjudicate`.
    figure : str or callable
        Figure of merit by its name in `stats.merit.FIGURES`, or a function of 2x2 tables.
    margin : float
        Non-inferiority margin in units of the figure.
    epsilon : float
        Of the alternative annotator test.
    simulated : bool
    apparent : sequence of str
        Models that were trained or fitted on these studies: nothing is claimed of them.
    remarks : sequence of Notice
        Of the caller, put among the checks.

    Raises
    ------
    InputError
        If the design leaves nobody to compare, or a table holds other studies than `reads`.
    """
    reads, panel, made_by = by_key(reads), sorted(panel), sorted(made_by)
    calls, probabilities = in_order(calls, reads, "calls"), in_order(probabilities, reads, "probabilities")
    patients, gold = in_order(patients, reads, "patients"), in_order(gold, reads, "gold standard")
    adjudicated = in_order(adjudicated, reads, "adjudicated")
    names, rivals = list(map(str, reads.columns)), [] if calls is None else list(map(str, calls.columns))
    if len(names) < 2:
        raise InputError("a reader study needs two readers at least")
    votes = reads.to_numpy(np.float64)
    if np.isnan(votes).all():
        raise InputError("no reader read a study; check how calls are written")
    models = np.empty((len(reads), 0)) if calls is None else calls.to_numpy(np.float64)
    unit = None if patients is None else patients.to_numpy(dtype=np.str_)
    settings = Settings(
        rule=rule,
        ties=ties,
        missing=missing,
        adjudicated=_values(adjudicated),
        adjudicates=adjudicates,
        figure=figure,
        patients=unit,
        level=level,
        resamples=resamples,
        seed=seed,
    )
    name = figure if isinstance(figure, str) else getattr(figure, "__name__", "figure")
    figure_of(figure)
    standard = _values(gold)
    design = judge(names, votes, models, settings, gold=standard, made_by=made_by, panel=panel, size=size)
    if name == "kappa":
        design = honest_kappa(design, np.hstack([votes, models]), settings)
    latent = None
    if len(names) >= 3:
        latent = dawid_skene(
            votes,
            models,
            patients=unit,
            level=level,
            resamples=min(resamples, _LATENT_RESAMPLES),
            rng=seed,
        )
    tests = [
        alternative_test(models[:, m], votes, patients=unit, epsilon=epsilon) for m in range(len(rivals))
    ]
    readers = reader_frame(names, votes, design, name, settings, latent)
    units = len(reads) if unit is None else len(np.unique(unit))
    board = model_frame(rivals, names, models, votes, design, name, settings, latent, tests, margin)
    if "noninferior" in board:
        sure = ~board.index.isin(apparent) & (units >= ENOUGH_PATIENTS)
        board["noninferior"] = board["noninferior"] & sure
    curves, areas = curve_frame(probabilities, design, settings)
    return ReaderStudy(
        design=design.words,
        kind=design.kind,
        figure=name,
        readers=readers,
        models=board,
        contrasts=contrast_frame(rivals, names, design.found),
        panels=panel_frame(names, rivals, design.every, name),
        ranges=range_frame(names, rivals, design.every),
        agreement=agreement_frame(votes, unit, level),
        pairs=pair_frame(names, votes, unit, level),
        alternative=alternative_frame(rivals, names, tests),
        operating=operating_frame(names, votes, probabilities, design, settings),
        curves=curves,
        areas=areas,
        notes=(
            *design.notes,
            *(_latent_notes(latent.prevalence[0], latent.converged) if latent else ()),
            "Intervals and p values resample patients."
            if unit is not None
            else "Each study counts as a patient.",
        ),
        checks=reader_checks(
            reads=reads,
            calls=calls,
            patients=unit,
            design=design,
            readers=readers,
            figure=name,
            apparent=apparent,
            simulated=simulated,
            remarks=remarks,
        ),
        apparent=tuple(apparent),
        studies=len(reads),
        patients=units,
        level=level,
        resamples=resamples,
        margin=margin,
        epsilon=epsilon,
        seed=seed,
    )


def _values(series: pd.Series[float] | None) -> FloatArray | None:
    return None if series is None else np.asarray(series, dtype=np.float64)


def _latent_notes(prevalence: float, converged: bool) -> tuple[str, ...]:
    return (
        f"Latent gold standard of the readers (Dawid and Skene): prevalence {prevalence:.3f}; it takes reads as "
        "independent given the truth, and is too kind where hard studies mislead all."
        + ("" if converged else " EM did not converge."),
    )
