"""Which gold standard judges the readers of a study: a file, one panel, every panel, the others, or panels at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import comb
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.words import count
from mura_ensemble.stats.kappa.clustered import clustered_kappa_intervals
from mura_ensemble.stats.reader_study.merit import Figure
from mura_ensemble.stats.reader_study.panel import every_panel, fixed_gold, majority_of_others, random_panels
from mura_ensemble.stats.reader_study.panel_gold import (
    Adjudicates,
    MissingReads,
    Rule,
    Ties,
    adjudicate,
    all_panels,
    panel_gold,
)
from mura_ensemble.stats.reader_study.panel_scores import PanelStudy

__all__ = ["Design", "Settings", "honest_kappa", "judge"]

FloatArray = NDArray[np.float64]
Size = int | Literal["others"]

_MOST_PANELS = 2_500
_FULL_ENOUGH = 0.5  # share of reads made below which named panels hardly have a study of their own


@dataclass(frozen=True)
class Settings:
    """How gold standards are made and figures drawn; as the parameters of `study_readers`."""

    rule: Rule
    ties: Ties
    missing: MissingReads
    adjudicated: FloatArray | None
    adjudicates: Adjudicates
    figure: str | Figure
    patients: NDArray[np.str_] | None
    level: float
    resamples: int
    seed: int

    @property
    def draws(self) -> dict[str, Any]:
        """What every function of `stats.panel` takes."""
        return {
            "figure": self.figure,
            "patients": self.patients,
            "level": self.level,
            "resamples": self.resamples,
            "rng": self.seed,
        }

    @property
    def gold(self) -> dict[str, Any]:
        """How a named panel decides."""
        return {
            "rule": self.rule,
            "ties": self.ties,
            "missing": self.missing,
            "adjudicated": self.adjudicated,
            "adjudicates": self.adjudicates,
        }


@dataclass(frozen=True)
class Design:
    """What judged.

    Attributes
    ----------
    kind : str
    words : str
        The gold standard as part of a sentence.
    found : PanelStudy
    every : PanelStudy or None
        Everyone against every panel of the same size, where reads and number allow it.
    gold : (n,) or None
        The gold standard where there is one for all.
    seated : (J,) bool
        Readers who made it.
    notes : tuple of str
    """

    kind: Literal["file", "panel", "every", "others", "random"]
    words: str
    found: PanelStudy
    every: PanelStudy | None
    gold: FloatArray | None
    seated: NDArray[np.bool_]
    notes: tuple[str, ...]


def judge(
    names: Sequence[str],
    votes: FloatArray,
    models: FloatArray,
    settings: Settings,
    *,
    gold: FloatArray | None,
    made_by: Sequence[str],
    panel: Sequence[str],
    size: Size,
) -> Design:
    """Choose the design that the arguments ask for and the reads allow, and score everyone.

    Raises
    ------
    InputError
        If the design leaves nobody to compare, or nothing to compare with.
    """
    jackknife = bool(models.shape[1])
    if gold is not None:
        return _file(names, votes, models, settings, gold, made_by, jackknife)
    if panel:
        return _panel(names, votes, models, settings, panel, jackknife)
    nobody = np.zeros(len(names), dtype=np.bool_)
    made = float(np.mean(~np.isnan(votes)))
    if size == "others":
        _refuse_adjudication(settings, "the majority of the other readers")
        try:
            found = majority_of_others(
                votes, models, ties=settings.ties, jackknife=jackknife, **settings.draws
            )
        except ValueError as error:
            raise InputError(f"these readers share no studies: {error}") from error
        words = "majority of the other readers of each study"
        return Design("others", words, found, None, None, nobody, ())
    if size >= len(names) and made >= _FULL_ENOUGH:
        raise InputError(
            f"a panel of {size} of {count(len(names), 'reader')} leaves nobody outside to compare; take a smaller one"
        )
    if made >= _FULL_ENOUGH and comb(len(names), size) <= _MOST_PANELS:
        everyone = all_panels(len(names), size)
        words = (
            f"{_how(settings)} of every panel of {size} of {len(names)} readers in turn "
            f"({count(len(everyone), 'panel')})"
        )
        found = every_panel(votes, models, everyone, jackknife=jackknife, **settings.gold, **settings.draws)
        if not found.n.any():
            raise InputError(f"no panel of {size} readers decides a study; take smaller panels")
        return Design("every", words, found, found, None, nobody, ())
    return _random(votes, models, settings, size, made, jackknife)


def honest_kappa(design: Design, raters: FloatArray, settings: Settings) -> Design:
    """Kappa with the house's limits where there is one gold standard: they hold for few studies and for a perfect table.

    Parameters
    ----------
    design : Design
    raters : (n, J + M)
        Readers, then models.
    settings : Settings
    """
    if design.gold is None:
        return design
    found, decided = design.found, ~np.isnan(design.gold)
    unit = settings.patients
    patients = np.arange(len(raters)) if unit is None else np.unique(unit, return_inverse=True)[1]
    limits = clustered_kappa_intervals(
        design.gold[decided].astype(np.int64),
        raters[decided],
        clusters=patients[decided],
        level=settings.level,
        resamples=settings.resamples,
        rng=settings.seed,
    )
    known = ~np.isnan(found.mean)
    low, high = (np.where(known, limit[0], np.nan) for limit in (limits.low, limits.high))
    return replace(design, found=replace(found, mean_low=low, mean_high=high))


def _file(
    names: Sequence[str],
    votes: FloatArray,
    models: FloatArray,
    settings: Settings,
    gold: FloatArray,
    made_by: Sequence[str],
    jackknife: bool,
) -> Design:
    seats = [list(names).index(name) for name in made_by]
    if len(seats) == len(names):
        raise InputError("all readers made the gold standard, nobody is left to compare; name fewer")
    found = fixed_gold(gold, votes, models, made_by=seats, jackknife=jackknife, **settings.draws)
    seated = np.isin(np.arange(len(names)), seats)
    note = (
        f"{', '.join(made_by)} made the gold standard and are left out of every comparison."
        if made_by
        else "If readers took part in the gold standard, their figures are flattered and models' are not; "
        "name them (--made-by) to leave them out."
    )
    return Design("file", "labels from a file", found, None, gold, seated, (note, *_undecided(gold)))


def _panel(
    names: Sequence[str],
    votes: FloatArray,
    models: FloatArray,
    settings: Settings,
    panel: Sequence[str],
    jackknife: bool,
) -> Design:
    seats = [list(names).index(name) for name in panel]
    if len(seats) == len(names):
        raise InputError("all readers sit in the panel, nobody is left to compare; name fewer")
    gold = panel_gold(votes[:, seats], rule=settings.rule, ties=settings.ties, missing=settings.missing)
    if settings.adjudicated is not None:
        gold = adjudicate(gold, settings.adjudicated, adjudicates=settings.adjudicates)
    if np.isnan(gold).all():
        raise InputError(
            f"the panel {', '.join(panel)} decides none of {count(len(gold), 'study', 'studies')}"
        )
    found = every_panel(votes, models, [seats], jackknife=jackknife, **settings.gold, **settings.draws)
    made, whole = float(np.mean(~np.isnan(votes))), None
    if made >= _FULL_ENOUGH and comb(len(names), len(seats)) <= _MOST_PANELS:
        # What a seat adds is only seen where a reader sits in some panels and not in others.
        everyone = all_panels(len(names), len(seats))
        whole = every_panel(votes, models, everyone, **settings.gold, **settings.draws)
        found = replace(
            found, own=whole.own, bias=whole.bias, bias_low=whole.bias_low, bias_high=whole.bias_high
        )
    words = f"{_how(settings)} of {', '.join(panel)}"
    note = f"{', '.join(panel)} made the gold standard and are left out of every comparison."
    seated = np.isin(np.arange(len(names)), seats)
    return Design("panel", words, found, whole, gold, seated, (note, *_undecided(gold)))


def _random(
    votes: FloatArray, models: FloatArray, settings: Settings, size: int, made: float, jackknife: bool
) -> Design:
    _refuse_adjudication(settings, "panels drawn at random")
    most = int((~np.isnan(votes)).sum(axis=1).max()) - 1
    size = max(1, min(size, most))
    try:
        found = random_panels(votes, models, size, jackknife=jackknife, **settings.draws)
    except ValueError as error:
        raise InputError(f"these readers share no studies: {error}") from error
    who = "one other reader" if size == 1 else f"a panel of {size} of the other readers"
    few = (
        f"{100 * made:.0f} % of all reads were made: the panel is drawn within each study from its other readers."
        if made < _FULL_ENOUGH
        else "There are too many panels to take each by name: they are drawn within each study."
    )
    nobody = np.zeros(votes.shape[1], dtype=np.bool_)
    return Design("random", f"{who} of each study, drawn at random", found, None, None, nobody, (few,))


def _how(settings: Settings) -> str:
    rule = "majority" if settings.rule == "majority" else "unanimous vote"
    if settings.ties != "undecided" and settings.rule == "majority":
        rule += f" (a tie counts as {settings.ties})"
    if settings.adjudicated is None:
        return rule
    return f"adjudication, else {rule}" if settings.adjudicates == "all" else f"{rule}, else adjudication,"


def _undecided(gold: FloatArray) -> tuple[str, ...]:
    lost = int(np.isnan(gold).sum())
    return (f"{lost:,} of {len(gold):,} studies have no decided gold standard.",) if lost else ()


def _refuse_adjudication(settings: Settings, design: str) -> None:
    if settings.adjudicated is not None:
        raise InputError(
            f"an adjudication completes named panels, not {design}; give --panel, or the final labels with --gold"
        )
