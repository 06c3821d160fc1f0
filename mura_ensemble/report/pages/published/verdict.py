"""What an honest board says in words: the headline, the verdict behind it, and names for its numbers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mura_ensemble.data.numbers import estimate
from mura_ensemble.data.words import count
from mura_ensemble.published.board.honest import HonestBoard

__all__ = [
    "MURA_SOURCES",
    "board_headline",
    "board_verdict",
    "said_of",
    "span",
    "span_of_probabilities",
    "span_of_rates",
]

MURA_SOURCES = (
    "Stanford ML Group, MURA competition page, https://stanfordmlgroup.github.io/competitions/mura/",
    "Rajpurkar, Irvin, Bagul et al., MURA: Large Dataset for Abnormality Detection in Musculoskeletal Radiographs, "
    "arXiv 1712.06957v4 (2018)",
)
"""Where MURA's published numbers come from; every output about them names both."""

_DASH = "\N{EN DASH}"
_VERDICT = (
    "first and second",
    "first place",
    "against the best reader",
    "operating points",
    "published limits",
    "one study",
)


def board_headline(board: HonestBoard) -> str:
    """The one sentence a reader takes home."""
    first = _first_place(board)
    if board.readers.empty:
        return f"{first[0].upper()}{first[1:]}."
    best = str(board.readers["kappa"].groupby(level="reader").max().idxmax())
    against = board.comparisons.xs(best, level="against")
    ahead = against[against["difference"] > 0]
    if ahead.empty:
        return f"No model on this board has a larger kappa than the best reader, and {first}."
    if (ahead["p_low"] >= 0.05).all():
        return f"No model on this board is shown to be better than the best reader, and {first}."
    sure = int((ahead["p_high"] < 0.05).sum())
    if sure:
        return f"{count(sure, 'model')} of this board {'is' if sure == 1 else 'are'} better than the best reader; {first}."
    return (
        f"Whether any model is better than the best reader depends on overlaps nobody published, and {first}."
    )


def _first_place(board: HonestBoard) -> str:
    may_be = board.winners["may_be_best"]
    used = board.entries[board.entries["comparable"]].sort_values("kappa", ascending=False, kind="stable")
    if may_be.max() == 1:
        return f"{used['model'].iloc[0]} is first whatever was left unpublished"
    if "errors" in used:
        gap = int(used["errors"].iloc[1] - used["errors"].iloc[0])
        apart = f"the first two differ by {count(abs(gap), 'study', 'studies')} of {board.n:,}"
    else:
        apart = f"the first two differ by {used['kappa'].iloc[0] - used['kappa'].iloc[1]:.3g} of kappa"
    open_to = f"{span(may_be.min(), may_be.max())} of {len(used)} entries"
    return f"first place is open: {apart}, and {open_to} cannot be ruled out for it"


def board_verdict(board: HonestBoard, *, brief: bool = False) -> list[tuple[str, str]]:
    """What backs the headline: (lead, text) pairs, most important first; `brief` keeps one sentence of each."""
    pairs = [(topic, said_of(board, topic, brief=brief)) for topic in _VERDICT]
    if board.unknown:
        pairs.append(("what cannot be known", " ".join(map(_joined, board.unknown))))
    return [(f"{topic[0].upper()}{topic[1:]}", text) for topic, text in pairs if text]


def said_of(board: HonestBoard, topic: str, *, brief: bool = False) -> str:
    """All sentences about one topic, or the first."""
    sentences = [_joined(sentence) for about, sentence in board.findings if about == topic]
    return " ".join(sentences[:1] if brief else sentences)


def _joined(sentence: str) -> str:
    # A number and its sign stay on one line.
    return sentence.replace(" %", "\N{NO-BREAK SPACE}%")


def span(low: float | None, high: float | None) -> str:
    """Whole numbers: `16`, `8 to 10`, a dash where nothing is known."""
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return _DASH
    return f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"


def span_of_rates(low: float, high: float, decimals: int = 3) -> str:
    """Rates or probabilities: `0.913`, `0.57 to 0.75`, a dash where nothing is known."""
    if math.isnan(low) or math.isnan(high):
        return _DASH
    if np.isclose(low, high, atol=1e-12):
        return estimate(low, decimals)
    return f"{estimate(low, decimals)} to {estimate(high, decimals)}"


def span_of_probabilities(low: float, high: float) -> str:
    """Two decimals; `<0.01` and `>0.99` where rounding would say never or always."""
    if math.isnan(low) or math.isnan(high):
        return _DASH
    ends = list(dict.fromkeys(map(_probability, (low, high))))
    return " to ".join(ends)


def _probability(value: float) -> str:
    return "<0.01" if value < 0.005 else ">0.99" if value > 0.995 else f"{value:.2f}"
