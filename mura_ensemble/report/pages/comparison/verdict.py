"""Sentences made from the numbers of a comparison; `claims` decides what may be claimed.

Everything else is said as what it is: not shown to differ. Where calls are missing kappas of raters rest on different
studies; then who is ahead is read from ranks and differences on the same studies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.comparison.findings.caller_warnings import touches_every_number
from mura_ensemble.comparison.findings.notice import Notice
from mura_ensemble.comparison.measures.claims import better_than_reference, direction
from mura_ensemble.comparison.result import Comparison
from mura_ensemble.data.numbers import estimate, interval, p_value, signed, signed_interval
from mura_ensemble.data.words import count, name_list
from mura_ensemble.report.figures.theme import FAMILIES
from mura_ensemble.report.pages.comparison.first_place import (
    first_place,
    first_place_open,
    leader,
    of_the_ranked,
    on_common,
)

__all__ = ["headline", "level_name", "verdict_items"]


_TOO_FEW = " Too few studies to estimate it."
_HALF_THE_RANGE = 1.0  # of kappa, -1 to 1: an interval as wide says nothing
_ALWAYS_SAID = ("ME007", "ME014", "ME019")


def headline(comparison: Comparison) -> str:
    """The one sentence a reader takes home."""
    board = comparison.leaderboard.dropna(subset=["kappa"])
    if board.empty:
        return "No kappa can be computed from these calls."
    top, reference = leader(board), comparison.reference
    if reference is None:
        if _says_nothing(_row(board, top)["low"], _row(board, top)["high"]):
            return f"Too few studies to estimate the kappa of {top}: {_kappa(board, top, comparison.level)}."
        return f"{top} agrees with the gold standard with a kappa of {_kappa(board, top, comparison.level)}."
    against = f"the {comparison.reference_role} ({reference.rater})"
    claims = better_than_reference(board, comparison.level)
    if not claims and all(map(_says_nothing, board["low"], board["high"])):
        return f"Too few studies to estimate any kappa: {count(comparison.data.studies, 'study', 'studies')}."
    if claims:
        verb = "is" if len(claims) == 1 else "are"
        return f"{name_list(claims, most=3)} {verb} better than {against} on these studies."
    rivals = _rivals(board, reference.rater)
    if rivals.empty:
        highest = f"{top} has the highest kappa{on_common(comparison)}{of_the_ranked(board)}"
        return f"{highest}; {first_place_open(board, top)}."
    who = _families(rivals["kind"], join="or")
    if (rivals["difference"] > 0).any():
        return f"No {who} is shown to surpass {against}."
    seen = board["kind"].isin(set(rivals["kind"])) & board["apparent"]
    those = " that did not see these studies" if seen.any() else ""
    where = " on the studies that both called" if board["missing"].any() else ""
    return f"No {who}{those} has a higher kappa than {against}{where}."


def verdict_items(comparison: Comparison) -> list[tuple[str, str]]:
    """What backs the headline: (lead, sentence) pairs, most important first."""
    board = comparison.leaderboard.dropna(subset=["kappa"])
    if board.empty:
        return [("Why", " ".join(item.sentence for item in comparison.checks if item.code == "ME006"))]
    items = [("Highest kappa", _top(comparison, board))]
    reference = comparison.reference
    if reference is not None:
        items += _against_reference(comparison, board)
        items += _ensemble_against_backbone(comparison, board)
        items.append(("How sure is first place", first_place(comparison, board)))
        items.append(("What this cannot show", _limits(comparison, board)))
    items.append(
        (
            "Kappa in a word",
            "Agreement with the gold standard beyond what chance would give: 1 is perfect, 0 is chance.",
        )
    )
    warned = sum(item.level == "warning" for item in comparison.checks)
    if warned:
        grave = [item.sentence for item in comparison.checks if _belongs_in_the_verdict(item)]
        read = f"Read the {count(warned, 'warning') if warned > 1 else 'warning'} under Checks."
        items.insert(1, ("Before you quote it", " ".join([*grave, read])))
    return items


def _belongs_in_the_verdict(item: Notice) -> bool:
    return item.code in _ALWAYS_SAID or (item.code == "ME001" and touches_every_number(item.sentence))


def _says_nothing(low: float, high: float) -> bool:
    """Whether an interval is undefined or as wide as half of all that kappa can be."""
    return not high - low < _HALF_THE_RANGE


def _row(frame: pd.DataFrame, key: str | tuple[str, str]) -> dict[str, Any]:
    return {str(name): value for name, value in frame.loc[[key]].to_dict("records")[0].items()}


def level_name(level: float) -> str:
    """`95 %`."""
    return f"{100 * level:g}\N{NO-BREAK SPACE}%"


def _rivals(board: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Raters of another kind than the reference that were compared with it and may be judged."""
    other = board["kind"] != board.loc[reference, "kind"]
    return board[other & board["difference"].notna() & ~board["apparent"]]


def _kappa(board: pd.DataFrame, name: str, level: float) -> str:
    rater = _row(board, name)
    limits = interval(rater["low"], rater["high"])
    return f"{estimate(rater['kappa'])} ({level_name(level)} interval {limits})"


def _top(comparison: Comparison, board: pd.DataFrame) -> str:
    name = str(board.index[0])
    rater = _row(board, name)
    tied = [str(other) for other in board.index[1:] if board.loc[other, "kappa"] == rater["kappa"]]
    also = f", the same as {name_list(tied, most=3)}" if tied else ""
    fitted = (
        " It was trained, fitted or tuned on studies of this comparison, so that kappa is no honest one."
        if rater["apparent"]
        else ""
    )
    first = leader(board)
    gaps = ""
    if board["missing"].any():
        gaps = f" It did not call {rater['missing']:,} of the {count(comparison.data.studies, 'study', 'studies')}."
        gaps = gaps if rater["missing"] else ""
        gaps += " Calls are missing, so this kappa and those of others may rest on different studies."
    if first != name and rater["place"] != board.loc[first, "place"]:
        of = of_the_ranked(board).replace(" of", " Of", 1)
        gaps += f"{of or on_common(comparison).replace(' on', ' On', 1)} {first} has the highest."
    if _says_nothing(rater["low"], rater["high"]):
        gaps = _TOO_FEW + gaps
    of = count(rater["n"], "study", "studies") + (" it called" if rater["missing"] else "")
    missed, alarms = int(rater["fn"]), int(rater["fp"])
    return (
        f"{name}, {_kappa(board, name, comparison.level)}{also}. It differs from the gold standard on {missed + alarms} of "
        f"{of}: {missed} abnormal called normal, {alarms} normal called abnormal."
        f"{fitted}{gaps}"
    )


def _against_reference(comparison: Comparison, board: pd.DataFrame) -> list[tuple[str, str]]:
    reference = comparison.reference
    assert reference is not None
    others = _rivals(board, reference.rater)
    if others.empty:
        others = board[board["difference"].notna() & ~board["apparent"]]
    if others.empty:
        return []
    claims = better_than_reference(others, comparison.level)
    name = claims[0] if claims else str(others.index[0])
    rater, pair = _row(others, name), _row(comparison.differences, (name, reference.rater))
    both = (
        f"{estimate(pair['kappa'])} against {estimate(pair['kappa_reference'])} on the "
        f"{count(pair['n'], 'study', 'studies')} both called"
        if board["missing"].any()
        else f"kappa {estimate(pair['kappa_reference'])}"
    )
    numbers = _difference(rater["difference"], rater["diff_low"], rater["diff_high"], comparison.level)
    way = direction(rater["diff_low"], rater["diff_high"], rater["p_adjusted"], comparison.level)
    sentence = (
        f"{name} {_way(way)} {_opponent(comparison)} ({both}): {numbers}; "
        f"{_p_values(rater['p'], rater['p_adjusted'], _counted(comparison))}."
    )
    if _says_nothing(rater["diff_low"], rater["diff_high"]):
        sentence += _TOO_FEW
    return [(f"Against the {reference.role}", sentence)]


def _opponent(comparison: Comparison) -> str:
    """`reader_4`, or `the best of 3 readers, here reader_6`: whoever of them truly is the best."""
    reference = comparison.reference
    assert reference is not None
    if reference.candidates == 1:
        return reference.rater
    kind = reference.role.removeprefix("best ")
    return f"the best of {count(reference.candidates, kind)}{on_common(comparison)}, here {reference.rater}"


def _difference(difference: float, low: float, high: float, level: float) -> str:
    return f"{signed(difference)} ({level_name(level)} interval {signed_interval(low, high)})"


def _counted(comparison: Comparison) -> str:
    """What p against the reference is adjusted for; empty if for nothing."""
    reference = comparison.reference
    assert reference is not None
    parts = [f"{comparison.compared} comparisons"] if comparison.compared > 1 else []
    if reference.candidates > 1:
        parts.append(f"the choice of {reference.rater} among {reference.candidates}")
    return " and ".join(parts)


def _p_values(alone: float, adjusted: float, counted: str) -> str:
    """`p = 0.012 alone, 0.140 adjusted for 12 comparisons`."""
    text = p_value(alone)
    equals = f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"
    return f"{equals} alone, {p_value(adjusted)} adjusted for {counted}" if counted else equals


def _way(shown: NDArray[np.int64]) -> str:
    return ("is not shown to differ from", "has a higher kappa than", "has a lower kappa than")[int(shown)]


def _ensemble_against_backbone(comparison: Comparison, board: pd.DataFrame) -> list[tuple[str, str]]:
    """Said beside a comparison with readers: what the ensemble adds to its best part."""
    reference = comparison.reference
    honest = board[~board["apparent"]]
    best = {kind: honest.index[honest["kind"] == kind] for kind in ("ensemble", "backbone")}
    if (
        reference is None
        or not reference.role.endswith("reader")
        or not all(len(names) for names in best.values())
    ):
        return []
    ensemble, backbone = str(best["ensemble"][0]), str(best["backbone"][0])
    pair = _row(comparison.differences, (ensemble, backbone))
    if pd.isna(pair["difference"]):
        return []
    numbers = _difference(pair["difference"], pair["low"], pair["high"], comparison.level)
    tests = int(comparison.differences["p"].notna().sum()) // 2
    way = direction(pair["low"], pair["high"], pair["p_all_pairs"], comparison.level)
    sentence = (
        f"{ensemble} {_way(way)} {backbone}, the best backbone: {numbers}; "
        f"{_p_values(pair['p'], pair['p_all_pairs'], f'{tests} pairs' if tests > 1 else '')}."
    )
    if _says_nothing(pair["low"], pair["high"]):
        sentence += _TOO_FEW
    return [("Ensemble against parts", sentence)]


def _limits(comparison: Comparison, board: pd.DataFrame) -> str:
    reference = comparison.reference
    assert reference is not None
    sentences = []
    if not better_than_reference(board, comparison.level):
        sentences.append("Not shown to differ is not shown to be equal.")
    if reference.candidates > 1:
        sentences.append(
            f"{reference.rater}, the best of {reference.candidates}{on_common(comparison)}, was picked on these very "
            "studies, a maximum: its kappa is on average a little too high, and intervals and adjusted p values against it "
            "count that choice."
        )
    if comparison.readers is not None:
        these = "this one" if comparison.readers.count == 1 else f"these {comparison.readers.count}"
        sentences.append(f"The readers are {these}, not a sample of all readers.")
    sentences.append("Every interval is about other patients like these, judged by the same gold standard.")
    return " ".join(sentences)


def _families(kinds: Sequence[str] | pd.Series[str], *, join: str) -> str:
    present = set(kinds)
    return f" {join} ".join(family.one for kind, family in FAMILIES.items() if kind in present)
