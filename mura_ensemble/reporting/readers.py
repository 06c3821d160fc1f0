"""A reader study: readers and models as frames to the statistics of readers and panels, and back to frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.data.errors import InputError
from mura_ensemble.reporting.reader_frames import (
    agreement_frame,
    contrast_frame,
    model_frame,
    operating_frame,
    panel_frame,
    reader_frame,
)
from mura_ensemble.reporting.reader_inputs import in_order
from mura_ensemble.stats.clustered import clustered_kappa_intervals
from mura_ensemble.stats.panel import every_panel, fixed_gold, random_panels
from mura_ensemble.stats.panel_gold import MissingReads, Rule, Ties, all_panels, panel_gold
from mura_ensemble.stats.panel_scores import PanelStudy

__all__ = ["ReaderStudy", "study_readers"]

FloatArray = NDArray[np.float64]
_MOST_PANELS = 1_000
_FULL_ENOUGH = 0.5  # share of reads made below which named panels hardly have a study of their own


@dataclass(frozen=True)
class ReaderStudy:
    """What was found; every frame is a table on disk.

    Attributes
    ----------
    design : str
        `fixed panel`, `every panel`, `random panels` or `gold standard from a file`, in words.
    readers : DataFrame
        Index reader: reads, abnormal, kappa outside panels with limits, own-panel kappa and bias with limits, kappa with
        the group (Vanbelle & Albert) with limits, Dawid-Skene sensitivity and specificity with limits, `in_panel`.
    models : DataFrame
        Index model: mean kappa with limits, mean difference to the readers with limits, the population of readers
        (Obuchowski-Rockette-Hillis; `noninferior` only if the limits for these readers agree), the best reader with
        simultaneous limits, the alternative annotator test, kappa with the group and with the latent gold standard.
    contrasts : DataFrame
        Model, reader: difference model - reader with limits and max-T p over all models and readers.
    panels : DataFrame
        Panel, rater: kappa, rank, inside; empty where panels have no names.
    agreement : DataFrame
        Fleiss, AC1, alpha among the readers, with non-null standard errors clustered by patient.
    operating : DataFrame
        Model, reader: sensitivity at the reader's specificity; empty without probabilities.
    notes : tuple of str
        What must be known to read the numbers.
    studies, patients, level, resamples, margin
        Of the analysis.
    """

    design: str
    readers: pd.DataFrame
    models: pd.DataFrame
    contrasts: pd.DataFrame
    panels: pd.DataFrame
    agreement: pd.DataFrame
    operating: pd.DataFrame
    notes: tuple[str, ...]
    studies: int
    patients: int
    level: float
    resamples: int
    margin: float


def study_readers(
    reads: pd.DataFrame,
    calls: pd.DataFrame | None = None,
    *,
    patients: pd.Series[str] | None = None,
    probabilities: pd.DataFrame | None = None,
    gold: pd.Series[float] | None = None,
    panel: Sequence[str] = (),
    size: int = 3,
    rule: Rule = "majority",
    ties: Ties = "undecided",
    missing: MissingReads = "decided",
    margin: float = 0.05,
    level: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
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
    panel : sequence of str
        Readers whose vote is the gold standard. Without `gold` and `panel` every panel of `size` votes in turn.
    size : int
        Members of a panel; where fewer than half of all reads were made, of the random panel within each study.
    rule, ties, missing
        As `stats.panel_gold.panel_gold`.
    margin : float
        Non-inferiority margin in kappa.

    Raises
    ------
    InputError
        If the design leaves nobody to compare, or a table holds other studies than `reads`.
    """
    calls, probabilities = in_order(calls, reads, "calls"), in_order(probabilities, reads, "probabilities")
    patients, gold = in_order(patients, reads, "patients"), in_order(gold, reads, "gold standard")
    votes = reads.to_numpy(np.float64)
    models = np.empty((len(reads), 0)) if calls is None else calls.to_numpy(np.float64)
    names, rivals = list(map(str, reads.columns)), [] if calls is None else list(map(str, calls.columns))
    if len(names) < 2:
        raise InputError("a reader study needs two readers at least")
    unit = None if patients is None else patients.to_numpy(dtype=np.str_)
    notes: list[str] = []
    settings = {
        "patients": unit,
        "level": level,
        "resamples": resamples,
        "rng": seed,
        "jackknife": bool(rivals),
    }
    made = float(np.mean(~np.isnan(votes)))
    standard: FloatArray | None = None
    if gold is not None:
        design = "gold standard from a file"
        standard = np.asarray(gold, dtype=np.float64)
        found = fixed_gold(standard, votes, models, **settings)  # type: ignore[arg-type]
        notes.append(
            "If the readers took part in the adjudication, their kappas are flattered and models' are not."
        )
    elif panel:
        seats = [names.index(name) for name in panel]
        if len(seats) == len(names):
            raise InputError("all readers sit in the panel, nobody is left to compare; name fewer")
        design = f"{rule} of {', '.join(panel)}"
        standard = panel_gold(votes[:, seats], rule=rule, ties=ties, missing=missing)
        found = every_panel(votes, models, [seats], rule=rule, ties=ties, missing=missing, **settings)  # type: ignore[arg-type]
        if made >= _FULL_ENOUGH and comb(len(names), len(seats)) <= _MOST_PANELS:
            whole = every_panel(
                votes,
                models[:, :0],
                all_panels(len(names), len(seats)),
                **{**settings, "jackknife": False},  # type: ignore[arg-type]
            )
            found = replace(
                found, own=whole.own, bias=whole.bias, bias_low=whole.bias_low, bias_high=whole.bias_high
            )
        notes.append(f"{', '.join(panel)} made the gold standard and are left out of every comparison.")
    elif made >= _FULL_ENOUGH and 1 <= size < len(names) and comb(len(names), size) <= _MOST_PANELS:
        everyone = all_panels(len(names), size)
        design = f"every panel of {size} of {len(names)} readers ({len(everyone)} panels), {rule}"
        found = every_panel(votes, models, everyone, rule=rule, ties=ties, missing=missing, **settings)  # type: ignore[arg-type]
    else:
        most = int((~np.isnan(votes)).sum(axis=1).max()) - 1
        size = max(1, min(size, most))
        design = f"random panels of {size} of the other readers of each study"
        try:
            found = random_panels(votes, models, size, **settings)  # type: ignore[arg-type]
        except ValueError as error:
            raise InputError(f"these readers share no studies: {error}") from error
        notes.append(
            f"{100 * made:.0f} % of all reads were made: the panel is drawn within each study from its other readers."
        )
    if standard is not None:
        found = _honest_limits(found, standard, np.hstack([votes, models]), unit, level, resamples, seed)
    if standard is not None and np.isnan(standard).any():
        notes.append(
            f"{int(np.isnan(standard).sum())} of {len(standard)} studies have no decided gold standard."
        )
    if found.undefined:
        notes.append(f"{found.undefined} resampled differences are undefined and left out.")
    notes.append(
        "Intervals and p values resample patients." if unit is not None else "Each study counts as a patient."
    )
    seen = [name in panel for name in names]
    return ReaderStudy(
        design=design,
        readers=reader_frame(names, votes, unit, found, seen, level, resamples, seed, notes),
        models=model_frame(rivals, names, models, votes, unit, found, margin, level, resamples, seed),
        contrasts=contrast_frame(rivals, names, found),
        panels=panel_frame(names, rivals, found),
        agreement=agreement_frame(votes, unit, level),
        operating=operating_frame(names, votes, probabilities, standard, unit, seen, level, resamples, seed),
        notes=tuple(notes),
        studies=len(reads),
        patients=len(reads) if unit is None else len(np.unique(unit)),
        level=level,
        resamples=resamples,
        margin=margin,
    )


def _honest_limits(
    found: PanelStudy,
    standard: FloatArray,
    raters: FloatArray,
    unit: NDArray[np.str_] | None,
    level: float,
    resamples: int,
    seed: int,
) -> PanelStudy:
    """With one gold standard the house's intervals apply: they hold for few studies and for a perfect table."""
    decided = ~np.isnan(standard)
    patients = np.arange(len(standard)) if unit is None else np.unique(unit, return_inverse=True)[1]
    limits = clustered_kappa_intervals(
        standard[decided].astype(np.int64),
        raters[decided],
        clusters=patients[decided],
        level=level,
        resamples=resamples,
        rng=seed,
    )
    outside = ~np.isnan(found.mean)
    return replace(
        found,
        mean_low=np.where(outside, limits.low[0], np.nan),
        mean_high=np.where(outside, limits.high[0], np.nan),
    )
