"""Words about first place: who has it, among whom, and who cannot be ruled out for it."""

from __future__ import annotations

import pandas as pd

from mura_ensemble.comparison.result import Comparison
from mura_ensemble.data.numbers import percent
from mura_ensemble.data.words import count

__all__ = ["first_place", "first_place_open", "leader", "of_the_ranked", "on_common"]

_NO_RANKS = "ranks are undefined, for too few resamples give every rater a kappa on the same studies"


def leader(board: pd.DataFrame) -> str:
    """Who ranks first on the studies that all called; the highest kappa where there are no ranks."""
    places = board["place"].dropna()
    return str(board.index[0] if places.empty else places.idxmin())


def on_common(comparison: Comparison) -> str:
    """What "highest" refers to where raters called different studies."""
    return f" on {comparison.common_studies}" if comparison.common_studies else ""


def first_place(comparison: Comparison, board: pd.DataFrame) -> str:
    """How sure first place is, as a sentence or two."""
    top, seen = leader(board), of_the_ranked(board)
    board = _ranked(board)
    if board.empty:
        return f"{_NO_RANKS.capitalize()}."
    units = "patients" if comparison.data.patients_known else "studies"
    sentence = (
        f"{top} has the highest kappa{on_common(comparison)}{seen} in {percent(board.loc[[top], 'p_best'].iloc[0], 0)} of "
        f"{comparison.ranked_resamples:,} resamples of the {units}; {first_place_open(board, top)}"
    )
    rest = board.index.drop(top)
    if len(rest) and not board["missing"].any():
        wrong = board["fn"] + board["fp"]
        gap = int(wrong.loc[rest[0]] - wrong.loc[top])
        if gap > 0:
            sentence += f". It differs from the gold standard on {count(gap, 'study', 'studies')} fewer than {rest[0]}"
    return f"{sentence}."


def _ranked(board: pd.DataFrame) -> pd.DataFrame:
    """The raters with a rank: all with a kappa but those that saw the studies, or none."""
    return board[board["rank_low"].notna()]


def of_the_ranked(board: pd.DataFrame) -> str:
    """Whose highest, where raters that saw the studies have no rank."""
    unranked = board["apparent"] & board["rank_low"].isna()
    return " of those that did not see these studies" if unranked.any() and not _ranked(board).empty else ""


def first_place_open(board: pd.DataFrame, top: str) -> str:
    """How many others may hold first place, as the end of a sentence."""
    board = _ranked(board)
    if board.empty:
        return _NO_RANKS
    others = board.drop(index=top)
    if others.empty:
        return "no other rater can be ranked"
    possible = int((others["rank_low"] <= 1).sum())
    last = board.loc[[top], "rank_high"].iloc[0]
    if not possible and last > 1:
        return f"no other range holds first place, though that of {top} reaches to {last:.0f}"
    if not possible:
        return "every other rater can be ruled out for first place"
    if possible == len(others):
        return "no other rater can be ruled out for first place"
    return f"{possible} of the {len(others)} others cannot be ruled out for first place"
