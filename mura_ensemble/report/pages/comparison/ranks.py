"""Which ranks are possible, and which pairs of raters are told apart, as sections of the report."""

from __future__ import annotations

from mura_ensemble.comparison.measures.claims import shown_pairs
from mura_ensemble.comparison.result import Comparison
from mura_ensemble.data.words import count
from mura_ensemble.report.document.blocks import Drawing, Paragraph, Section
from mura_ensemble.report.figures.ranks import pair_map, rank_strip

__all__ = ["pairs_section", "ranks_section"]


def ranks_section(comparison: Comparison) -> Section:
    """How often each rater holds each rank."""
    on = f" on {comparison.common_studies}" if comparison.common_studies else ""
    drawing = Drawing(
        "rank-probabilities",
        rank_strip(comparison.rank_shares, simulated=comparison.simulated),
        f"Share of {comparison.ranked_resamples:,} resamples in which each rater holds each rank{on}.",
        "One row of bars per rater, one bar per rank; the numbers are in the file rank_probabilities.csv.",
        reading="Bars spread over many ranks: these studies do not settle the order. The line below spans the ranks that "
        "the rater may truly have, all raters at once. A share of resamples is not the probability of being best. The "
        "numbers are in rank_probabilities.csv.",
        file="figures/rank_probabilities.svg",
    )
    return Section("rank-probabilities", "Ranks", [drawing])


def pairs_section(comparison: Comparison) -> Section:
    """All pairs of raters in one triangle."""
    board = comparison.leaderboard.dropna(subset=["kappa"])
    names = [str(name) for name in board.index]
    shown = shown_pairs(comparison.differences, comparison.leaderboard["apparent"], comparison.level)
    pairs = comparison.differences.assign(shown=shown)
    every, told = (int(comparison.told_apart[name].iloc[0]) for name in ("pairs", "told_apart"))
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
    return Section("differences", "Every pair", [Paragraph(said), drawing])
