"""Coded checks of a reader study; what each code means stands in `check_codes.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.comparison.findings.checks import duplicate_raters
from mura_ensemble.comparison.findings.notice import Notice
from mura_ensemble.comparison.measures.ranks import ENOUGH_PATIENTS
from mura_ensemble.comparison.reader_study.design import Design
from mura_ensemble.data.words import count, name_list

__all__ = ["reader_checks"]

_FEW_READS = 30


def reader_checks(
    *,
    reads: pd.DataFrame,
    calls: pd.DataFrame | None,
    patients: NDArray[np.str_] | None,
    design: Design,
    readers: pd.DataFrame,
    figure: str,
    apparent: Sequence[str],
    simulated: bool,
    remarks: Sequence[Notice],
) -> tuple[Notice, ...]:
    """Every check, the warnings first, then by code.

    Parameters
    ----------
    reads, calls : DataFrame
        Studies x raters, 0/1/NaN.
    patients : (n,) or None
    design : Design
        What judged.
    readers : DataFrame
        The finished frame.
    figure : str
        Name of the figure of merit.
    apparent : sequence of str
        Models that were trained or fitted on these studies.
    simulated : bool
    remarks : sequence of Notice
        Of the caller.
    """
    models = pd.DataFrame(index=reads.index) if calls is None else calls
    found = [
        *remarks,
        *_label(simulated),
        *_fitted(apparent),
        *_gold(design, readers),
        *_raters(reads, models),
        *_agreeing(models, design),
        *_missing(reads, models, readers),
        *_undefined(models, readers, design, figure),
        *_amount(reads, patients, design),
    ]
    return tuple(sorted(found, key=lambda item: (item.level != "warning", item.code)))


def _label(simulated: bool) -> Iterator[Notice]:
    if simulated:
        yield Notice(
            "warning",
            "ME011",
            "The data are simulated: no radiograph, reader or patient stands behind any number.",
            "Use them to learn the page, not to learn about radiology.",
        )


def _fitted(apparent: Sequence[str]) -> Iterator[Notice]:
    if apparent:
        yield Notice(
            "warning",
            "ME015",
            f"{name_list(apparent)} {'was' if len(apparent) == 1 else 'were'} trained, fitted or tuned on these studies.",
            "Such figures are too high and no claim is made from them; use other studies.",
        )


def _gold(design: Design, readers: pd.DataFrame) -> Iterator[Notice]:
    seated = [str(name) for name in readers.index[design.seated]]
    if seated:
        worth = readers.loc[seated, "bias"].dropna()
        size = (
            f"A seat added {worth.min():.3f} to {worth.max():.3f} to their figures over all panels of that size."
            if len(worth)
            else "Typical inflation of such a kappa is 0.06 to 0.13."
        )
        yield Notice(
            "warning",
            "ME002",
            f"{name_list(seated)} made the gold standard and would agree with their own votes.",
            f"Left out of every comparison. {size}",
        )
    elif design.kind == "file":
        yield Notice(
            "note",
            "ME107",
            "Readers who had a part in the gold standard of the file are flattered by it, models are not.",
            "Name them with --made-by and they are left out.",
        )
    if design.kind == "random":
        yield Notice(
            "note",
            "ME101",
            f"No panel of named readers is possible: {design.notes[0]}",
            "A figure against one other reader is lower than against a majority; compare only figures of one design.",
        )
    if design.gold is not None and np.isnan(design.gold).any():
        lost = int(np.isnan(design.gold).sum())
        yield Notice(
            "warning",
            "ME102",
            f"{lost:,} of {len(design.gold):,} studies have no decided gold standard and count nowhere.",
            "They are often the hard ones, so figures are too high; adjudicate them (--adjudication) or state a rule "
            "for ties.",
        )
    elif design.gold is None:
        yield from _undecided(design, readers)


def _undecided(design: Design, readers: pd.DataFrame) -> Iterator[Notice]:
    """Reads that no gold standard decides, where each reader has his own."""
    why, mend = {
        "others": ("the other readers tie, or nobody else read", "state a rule for ties (--ties)"),
        "random": ("too few others read", "take smaller panels (--panels)"),
    }.get(design.kind, ("panels tie or lack reads, on average", "state a rule for ties (--ties)"))
    made, decided = readers["reads"].sum(), readers["decided"].sum()
    if made - decided >= 0.5:
        yield Notice(
            "warning",
            "ME102",
            f"{made - decided:,.0f} of {count(made, 'read')} have no decided gold standard ({why}) and count nowhere.",
            f"They are often of the hard studies, so figures are too high; {mend} or give final labels (--gold).",
        )


def _raters(reads: pd.DataFrame, models: pd.DataFrame) -> Iterator[Notice]:
    both = pd.concat([reads, models], axis=1)
    for one, other in duplicate_raters(both.loc[:, both.notna().any()]):
        yield Notice(
            "warning",
            "ME005",
            f"{one} and {other} make the same calls.",
            "Drop one of them unless it is meant: a reader who votes twice sways every panel he is in.",
        )
    for name, values in both.items():
        made = values.dropna()
        if len(made) > 1 and (made == made.iloc[0]).all():
            yield Notice(
                "warning",
                "ME007",
                f"{name} calls all of {count(len(made), 'study', 'studies')} {'abnormal' if made.iloc[0] else 'normal'}.",
                "Its kappa is 0 or undefined whatever it may have seen; check its file or operating point.",
            )


def _agreeing(models: pd.DataFrame, design: Design) -> Iterator[Notice]:
    if design.gold is None:
        return
    for name, values in models.items():
        call = values.to_numpy(np.float64)
        seen = ~np.isnan(call) & ~np.isnan(design.gold)
        if seen.any() and np.array_equal(call[seen], design.gold[seen]):
            yield Notice(
                "warning",
                "ME019",
                f"{name} differs from the gold standard on none of {count(int(seen.sum()), 'study', 'studies')}.",
                "Check that its calls are not the gold standard itself and that it never saw the labels.",
            )


def _missing(reads: pd.DataFrame, models: pd.DataFrame, readers: pd.DataFrame) -> Iterator[Notice]:
    idle = [str(name) for name in readers.index[readers["reads"] == 0]]
    unread = int(reads.isna().all(axis=1).sum())
    if idle or unread:
        parts = [f"{name_list(idle)} made no read"] if idle else []
        parts += [f"{count(unread, 'study was', 'studies were')} read by nobody"] if unread else []
        sentence = " and ".join(parts)
        yield Notice(
            "warning",
            "ME104",
            f"{sentence[0].upper()}{sentence[1:]}.",
            "Such readers and studies count nowhere; check the study keys, and how reads are written (--map).",
        )
    few = readers[(readers["reads"] > 0) & (readers["reads"] < _FEW_READS)]
    if len(few):
        which = name_list([f"{name} ({number})" for name, number in few["reads"].items()], most=6)
        yield Notice(
            "note",
            "ME103",
            f"Readers with few reads: {which}.",
            "Their rows have wide intervals or none; do not read a rank from them.",
        )
    lost = {str(name): int(values.isna().sum()) for name, values in models.items() if values.isna().any()}
    if lost:
        which = name_list([f"{name} ({number:,})" for name, number in lost.items()])
        yield Notice(
            "warning",
            "ME004",
            f"Models lack calls of studies that were read: {which}.",
            "Every difference uses the studies both called, so models may rest on different studies; complete the calls.",
        )


def _undefined(models: pd.DataFrame, readers: pd.DataFrame, design: Design, figure: str) -> Iterator[Notice]:
    outside = readers[~readers["in_panel"] & (readers["reads"] > 0)]
    names = [str(name) for name in outside.index[outside[figure].isna()]]
    own = design.found.mean[len(readers) :]
    names += [str(name) for name, value in zip(models.columns, own, strict=True) if np.isnan(value)]
    if names:
        yield Notice(
            "warning",
            "ME006",
            f"The {figure.replace('_', ' ')} of {name_list(names)} is undefined.",
            "The gold standard has one class on what they called, or decides none of it; they are in no comparison.",
        )
    if design.found.undefined:
        yield Notice(
            "note",
            "ME008",
            f"{design.found.undefined:,} resampled differences are undefined and left out.",
            "Intervals rest on the others; with many of them they mean little.",
        )


def _amount(reads: pd.DataFrame, patients: NDArray[np.str_] | None, design: Design) -> Iterator[Notice]:
    studies = len(reads)
    sure = (
        design.gold if design.gold is not None else (reads.mean(axis=1).dropna() > 0.5).to_numpy(np.float64)
    )
    decided = sure[~np.isnan(sure)]
    rarer = int(min(decided.sum(), len(decided) - decided.sum()))
    if len(decided) < 100 or rarer < 10:
        yield Notice(
            "warning",
            "ME014",
            f"All rests on {count(len(decided), 'study', 'studies')}, of which {rarer} belong to the rarer class.",
            "Only very large differences can be seen; collect more studies before you conclude.",
        )
    units = studies if patients is None else len(np.unique(patients))
    if units < ENOUGH_PATIENTS:
        yield Notice(
            "note",
            "ME016",
            f"{count(units, 'patient')} are too few: below {ENOUGH_PATIENTS} the tests err more often than they say.",
            "Differences stand with their intervals and nothing is claimed from them.",
        )
    if units < studies:
        yield Notice(
            "note",
            "ME010",
            f"{count(studies - units, 'study is', 'studies are')} of a patient who has another.",
            "Nothing to do: every interval and test takes patients, not studies, as independent.",
        )
