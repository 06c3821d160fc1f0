"""Which ranks are possible, and which pairs of raters are told apart, as parts of the report."""

from __future__ import annotations

import pandas as pd

from mura_ensemble.comparison.measures.claims import shown_pairs
from mura_ensemble.comparison.result import Comparison, Part
from mura_ensemble.data.words import count
from mura_ensemble.report.document.blocks import Drawing, Paragraph, Section
from mura_ensemble.report.figures.ranks import pair_map, rank_strip

__all__ = ["pairs_part", "ranks_part"]


def ranks_part(comparison: Comparison, shares: pd.DataFrame) -> Part | None:
    """How often each rater holds each rank; None without ranks of two raters.

    Parameters
    ----------
    comparison : Comparison
    shares : DataFrame
        Index rater; columns `share_1`, `share_2`, ... (see `Standings.shares`).
    """
    board = comparison.leaderboard
    ranked = board.index[board["rank_low"].notna()]
    if len(ranked) < 2:
        return None
    names = [f"share_{rank + 1}" for rank in range(len(ranked))]
    table = board.loc[ranked, ["kind", "rank_low", "rank_high"]].join(shares[names])
    on = f" on {comparison.common_studies}" if comparison.common_studies else ""
    drawing = Drawing(
        "rank-probabilities",
        rank_strip(table, simulated=comparison.simulated),
        f"Share of {comparison.ranked_resamples:,} resamples in which each rater holds each rank{on}.",
        "One row of bars per rater, one bar per rank; the numbers are in the file rank_probabilities.csv.",
        reading="Bars spread over many ranks: these studies do not settle the order. The line below spans the ranks that "
        "the rater may truly have, all raters at once. A share of resamples is not the probability of being best. The "
        "numbers are in rank_probabilities.csv.",
        file="figures/rank_probabilities.svg",
    )
    return Part(Section("rank-probabilities", "Ranks", [drawing]), {"rank_probabilities": table})


def pairs_part(comparison: Comparison) -> Part | None:
    """All pairs of raters in one triangle; None with fewer than three that have a kappa."""
    board = comparison.leaderboard.dropna(subset=["kappa"])
    if len(board) < 3:
        return None
    names = [str(name) for name in board.index]
    shown = shown_pairs(comparison.differences, comparison.leaderboard["apparent"], comparison.level)
    pairs = comparison.differences.assign(shown=shown)
    told = sum(bool(shown[names[i], names[j]]) for i in range(len(names)) for j in range(i + 1, len(names)))
    every = len(names) * (len(names) - 1) // 2
    seen = [name for name in names if comparison.leaderboard.loc[name, "apparent"]]
    said = (
        f"{told} of {count(every, 'pair', 'pairs')} {'is' if told == 1 else 'are'} told apart by the test of all pairs "
        "(Holm)." + (" Nothing is said of raters that saw these studies." if seen else "")
    )
    drawing = Drawing(
        "pairs",
        pair_map(pairs, board["kind"], simulated=comparison.simulated),
        "Kappa of the rater of the row minus kappa of the rater of the column, on the studies both called.",
        f"A triangle with the difference of every pair; {said} The numbers are in the file differences.csv.",
        reading="Only a difference in a frame is shown; the others may have either sign among other patients. Intervals "
        "and p values are in differences.csv.",
        file="figures/pairs.svg",
    )
    counts = pd.DataFrame(
        {"pairs": [every], "told_apart": [told]}, index=pd.Index(["all pairs"], name="family")
    )
    return Part(
        Section("differences", "Every pair", [Paragraph(said), drawing]), {"pairs_told_apart": counts}
    )
