"""From calls to a finished comparison: the only crossing from frames to the statistics and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.comparison.defaults import RESAMPLES
from mura_ensemble.comparison.findings.caller_warnings import patients_known
from mura_ensemble.comparison.findings.checks import run_checks
from mura_ensemble.comparison.gather.inputs import Kind, Reads, checked_reads
from mura_ensemble.comparison.measures.claims import shown_pairs
from mura_ensemble.comparison.measures.leaderboard import (
    against_reference,
    build_board,
    build_by_study_type,
    build_differences,
    choose_reference,
    measure,
)
from mura_ensemble.comparison.measures.ranks import build_standings
from mura_ensemble.comparison.result import Comparison, DataCard, ReaderBand
from mura_ensemble.comparison.topics.power import power_frames
from mura_ensemble.data.errors import InputError

__all__ = ["Comparison", "DataCard", "ReaderBand", "compare_raters"]


def compare_raters(
    calls: pd.DataFrame,
    studies: pd.DataFrame,
    kinds: Mapping[str, Kind],
    *,
    title: str,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    simulated: bool = False,
    notes: Mapping[str, str] | None = None,
    apparent: Collection[str] = (),
    warnings: Sequence[str] = (),
    provenance: Mapping[str, Any] | None = None,
    reference: str | None = None,
) -> Comparison:
    """Compare raters with the gold standard and with each other, patients being the independent units.

    Parameters
    ----------
    calls : DataFrame
        Index study, one column per rater, 0 / 1 / NaN (no call).
    studies : DataFrame
        Index study; columns `patient`, `study_type`, `gold` (0/1); optional `views`, how many a study has.
    kinds : mapping
        Rater to `backbone`, `ensemble`, `reader`, or `panel reader`: one who made the gold standard and is
        therefore left out and named in the checks.
    title : str
    level : float
        Confidence level in (0, 1).
    resamples : int
        Resamples of the patients; 1,000 or more for ranks, fewer are warned of.
    seed : int
        Same seed, same digits, whatever the order of studies and raters.
    simulated : bool
        Say on every page, figure and table that the data are simulated.
    notes : mapping, optional
        Rater to a remark for the leaderboard.
    apparent : collection of str
        Raters that were trained, fitted or tuned on some of these studies. They are listed and marked, but no claim
        is made for them and they are not the reference while another can be.
    warnings : sequence of str
        Sentences to be shown among the checks, e.g. that patients are not known (see `caller_warnings`).
    provenance : mapping, optional
        JSON-able; shown and written as it is.
    reference : str, optional
        The rater that differences are taken from, named before these studies were seen. Without it the best reader is
        taken, or the best backbone where there is no reader, and every claim against it counts that choice.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        As `inputs.checked_reads`; or a level, number of resamples or reference that cannot be used.
    """
    if not 0 < level < 1:
        raise InputError(f"the confidence level must lie between 0 and 1, not {level}")
    if resamples < 100:
        raise InputError(f"{resamples} resamples are too few for any interval; use 1,000 or more")
    reads = checked_reads(calls, studies, kinds)
    measured = measure(reads, level=level, resamples=resamples, seed=seed)
    board = build_board(reads, measured, level)
    board["apparent"] = board.index.isin(list(apparent))
    by_study_type = build_by_study_type(measured, board.index, reads.type_names)
    differences = build_differences(reads, board.index, level, seed)
    seen = [str(name) for name in board.index[board["apparent"]]]
    standings = build_standings(reads, differences, seen, level=level, resamples=resamples, seed=seed)
    board = board.join(standings.ranks)
    opponent = choose_reference(board, reference)
    board = board.join(
        against_reference(board, reads, differences, opponent, level=level, resamples=resamples, seed=seed)
    ).assign(notes=[(notes or {}).get(str(name), "") for name in board.index])
    data = _data_card(reads, studies, patients_known(warnings))
    comparison = Comparison(
        title=title,
        leaderboard=board[_COLUMNS],
        by_study_type=by_study_type,
        differences=differences,
        reference=opponent,
        ranked_studies=standings.studies,
        ranked_resamples=standings.used,
        compared=int(board["p"].notna().sum()),
        readers=_reader_band(board),
        data=data,
        checks=run_checks(
            calls=reads.calls[list(board.index)],
            leaderboard=board,
            by_study_type=by_study_type,
            by_type=data.by_type,
            reference=opponent,
            in_panel=reads.in_panel,
            standings=standings,
            resamples=resamples,
            repeated_patients=reads.repeated_patients,
            level=level,
            simulated=simulated,
            warnings=warnings,
        ),
        rules=tuple(sorted(set(measured["interval"]))),
        unranked=tuple(standings.unranked),
        rank_shares=_rank_shares(board, standings.shares),
        told_apart=_told_apart(board, differences, level),
        provenance={**(provenance or {}), "compared_digest": reads.digest()},
        level=level,
        resamples=resamples,
        seed=seed,
        simulated=simulated,
    )
    power = power_frames(comparison)
    if power is None:
        return comparison
    return replace(comparison, topics={"power": power})


_COLUMNS = [
    *("kind", "place", "rank", "rank_low", "rank_high", "kappa", "low", "high", "interval"),
    *("difference", "diff_low", "diff_high", "p", "p_adjusted", "p_best", "n", "missing", "tp", "fn", "fp", "tn"),
    *("sensitivity", "sensitivity_low", "sensitivity_high", "specificity", "specificity_low", "specificity_high"),
    *("small", "apparent", "notes"),
]  # fmt: skip


def _data_card(reads: Reads, studies: pd.DataFrame, known: bool) -> DataCard:
    views = studies["views"].reindex(list(reads.studies)) if "views" in studies else None
    frame = pd.DataFrame(
        {
            "type": reads.types,
            "patient": reads.patients,
            "gold": reads.gold,
            "views": np.nan if views is None else views.to_numpy(np.float64),
        }
    )
    types = frame.groupby("type")
    by_type = types.agg(
        studies=("gold", "size"), patients=("patient", "nunique"), positives=("gold", "sum")
    ).assign(
        repeated=(frame.groupby(["type", "patient"]).size() > 1).groupby("type").sum(),
        prevalence=types["gold"].mean(),
        views=types["views"].sum(min_count=1),
        views_least=types["views"].min(),
        views_median=types["views"].median(),
        views_most=types["views"].max(),
    )
    by_type.index = pd.Index(reads.type_names, name="study_type")
    if not known:
        by_type[["patients", "repeated"]] = np.nan
    return DataCard(
        studies=len(frame),
        patients=int(frame["patient"].nunique()),
        positives=int(reads.gold.sum()),
        repeated_patients=reads.repeated_patients,
        by_type=by_type,
        patients_known=known,
        views=views,
    )


def _rank_shares(board: pd.DataFrame, shares: pd.DataFrame) -> pd.DataFrame:
    """How often each ranked rater holds each rank; empty with fewer than two."""
    ranked = board.index[board["rank_low"].notna()]
    if len(ranked) < 2:
        return pd.DataFrame()
    names = [f"share_{rank + 1}" for rank in range(len(ranked))]
    return board.loc[ranked, ["kind", "rank_low", "rank_high"]].join(shares[names])


def _told_apart(board: pd.DataFrame, differences: pd.DataFrame, level: float) -> pd.DataFrame:
    """How many pairs of raters with a kappa are told apart; empty with fewer than three."""
    names = [str(name) for name in board.index[board["kappa"].notna()]]
    if len(names) < 3:
        return pd.DataFrame()
    shown = shown_pairs(differences, board["apparent"], level)
    told = sum(bool(shown[names[i], names[j]]) for i in range(len(names)) for j in range(i + 1, len(names)))
    counts = {"pairs": [len(names) * (len(names) - 1) // 2], "told_apart": [told]}
    return pd.DataFrame(counts, index=pd.Index(["all pairs"], name="family"))


def _reader_band(board: pd.DataFrame) -> ReaderBand | None:
    readers = board.loc[board["kind"] == "reader", "kappa"].dropna()
    if readers.empty:
        return None
    return ReaderBand(
        count=len(readers),
        lowest=float(np.min(readers)),
        mean=float(np.mean(readers)),
        highest=float(np.max(readers)),
        best=str(readers.index[0]),
    )
