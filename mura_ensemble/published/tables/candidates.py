"""A board of kappas alone: every table each kappa allows, and what holds over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.data.errors import InputError
from mura_ensemble.published.board.inference import ranking_errors
from mura_ensemble.published.tables.bounds import overlap_bounds
from mura_ensemble.published.tables.lattice import CompatibleTables, compatible_tables
from mura_ensemble.stats.kappa.intervals import kappa_intervals

__all__ = [
    "CandidateBoard",
    "candidate_board",
    "candidate_comparisons",
    "candidate_ranges",
    "printed_decimals",
]

_MOST_PAIRS = 100_000


@dataclass(frozen=True)
class CandidateBoard:
    """Every table that each kappa of a board allows, under the class counts that the most entries share.

    Attributes
    ----------
    n : int
        Studies.
    decimals : int
        Decimals the kappas were printed with.
    positives : NDArray of int64
        Counts of abnormal studies under which the most entries are possible, of those considered.
    found : tuple of CompatibleTables
        Per entry, over all class counts considered.
    tables : tuple of NDArray
        Per entry (S, 2, 2): those with one of `positives`; empty for an entry they make impossible.
    """

    n: int
    decimals: int
    positives: NDArray[np.int64]
    found: tuple[CompatibleTables, ...]
    tables: tuple[NDArray[np.int64], ...]

    @property
    def possible(self) -> NDArray[np.bool_]:
        """(E,) whether some table gives the entry's kappa under the shared class counts."""
        return np.array([len(tables) > 0 for tables in self.tables])

    @property
    def unique(self) -> bool:
        """Whether every possible entry has exactly one table."""
        return all(len(tables) <= 1 for tables in self.tables)


def candidate_board(
    kappas: NDArray[np.float64], n: int, *, decimals: int, positives: Sequence[int]
) -> CandidateBoard:
    """List the tables behind every kappa of a board whose entries share one gold standard.

    Parameters
    ----------
    kappas
        (E,) printed kappas, none missing.
    n
        Studies, the same for all entries.
    decimals
        Decimals that were printed.
    positives
        Numbers of abnormal studies to consider.

    Returns
    -------
    CandidateBoard

    Raises
    ------
    InputError
        If none of the class counts makes a single kappa possible, or a number is out of range.
    """
    distinct = {
        kappa: compatible_tables(kappa, n, decimals=decimals, positives=positives)
        for kappa in sorted(set(kappas.tolist()))
    }
    found = tuple(distinct[kappa] for kappa in kappas.tolist())
    votes = np.zeros(n + 1, dtype=np.int64)
    for each in found:
        votes[each.positives] += 1
    if votes.max() == 0:
        raise InputError(
            f"no table of {n} studies gives any of the kappas with the numbers of abnormal studies considered "
            f"({min(positives)} to {max(positives)}); check n and the number of abnormal studies"
        )
    shared = np.flatnonzero(votes == votes.max())
    tables = tuple(each.tables[np.isin(each.tables[:, 1].sum(axis=-1), shared)] for each in found)
    return CandidateBoard(n, decimals, shared, found, tables)


def printed_decimals(values: NDArray[np.float64]) -> int:
    """Decimals of a printed column: the most that any of its numbers needs, since 0.70 reads as 0.7."""
    texts = [np.format_float_positional(value, trim="-") for value in values if np.isfinite(value)]
    return max((len(text.partition(".")[2]) for text in texts), default=0)


def candidate_ranges(board: CandidateBoard) -> pd.DataFrame:
    """What every entry's kappa leaves open, over all of its tables.

    Returns
    -------
    DataFrame
        One row per entry: `tables` (how many), `low`, `high` (the union of the 95 % intervals of the tables with
        the smallest and the largest standard error), `se` (the largest; see `inference.ranking_errors`), and
        `<x>_low`, `<x>_high` for errors, fn, fp, sensitivity and specificity. NaN for an impossible entry.
    """
    distinct = {tables.tobytes(): _ranges(tables) for tables in board.tables}
    return pd.DataFrame([distinct[tables.tobytes()] for tables in board.tables])


def candidate_comparisons(
    board: CandidateBoard, kappas: NDArray[np.float64], labels: pd.Index
) -> pd.DataFrame:
    """Bounds of every possible entry against the top and its neighbours, over all tables and all overlaps.

    Returns
    -------
    DataFrame
        As `comparisons.comparisons_frame`, without the error gap and the narrow interval: `other`, `difference`
        of printed kappas, `p_low`, `p_high`, `mid_p_low`, `mid_p_high`, `better_low`, `better_high`, `wide_low`,
        `wide_high`, `verdict`. Pairs with more than 100,000 pairs of tables are left out.
    """
    rows = np.flatnonzero(board.possible)
    order = rows[np.argsort(-kappas[rows], kind="stable")]
    records: list[dict[str, object]] = []
    known: dict[tuple[bytes, bytes], dict[str, float]] = {}
    for position, entry in enumerate(order):
        larger = [other for other in order[:position] if kappas[other] > kappas[entry]]
        smaller = [other for other in order[position + 1 :] if kappas[other] < kappas[entry]]
        rivals = (("top", order[:1]), ("above", larger[-1:]), ("next", smaller[:1]))
        for against, other in ((name, rival[0]) for name, rival in rivals if len(rival)):
            if other == entry:
                continue
            bounds = _known_bounds(board.tables[entry], board.tables[other], known)
            if bounds:
                head = {
                    "entry": labels[entry],
                    "against": against,
                    "other": str(labels[other]),
                    "difference": kappas[entry] - kappas[other],
                }
                records.append(head | bounds)
    if not records:
        return pd.DataFrame()
    frame = pd.DataFrame(records).set_index(["entry", "against"])
    frame["verdict"] = np.select(
        [frame["p_high"] < 0.05, frame["p_low"] < 0.05],
        ["separated whatever table and overlap", "depends on table and overlap"],
        "not separated whatever table and overlap",
    )
    return frame


def _ranges(tables: NDArray[np.int64]) -> dict[str, float]:
    if len(tables) == 0:
        return {"tables": 0}
    fn, fp = tables[:, 1, 0], tables[:, 0, 1]
    se = ranking_errors(tables)
    extremes = kappa_intervals(tables[[int(np.argmin(se)), int(np.argmax(se))]])
    spans = {
        "errors": fn + fp,
        "fn": fn,
        "fp": fp,
        "sensitivity": tables[:, 1, 1] / tables[:, 1].sum(axis=-1),
        "specificity": tables[:, 0, 0] / tables[:, 0].sum(axis=-1),
    }
    ranges: dict[str, float] = {
        "tables": len(tables),
        "low": float(extremes.low.min()),
        "high": float(extremes.high.max()),
        "se": float(se.max()),
    }
    for name, values in spans.items():
        ranges[f"{name}_low"], ranges[f"{name}_high"] = values.min(), values.max()
    return ranges


def _known_bounds(
    first: NDArray[np.int64], second: NDArray[np.int64], known: dict[tuple[bytes, bytes], dict[str, float]]
) -> dict[str, float]:
    """Bounds of a pair; a pair seen before, either way round, is not computed again."""
    pair = (first.tobytes(), second.tobytes())
    if pair[::-1] in known:
        return _mirrored(known[pair[::-1]])
    if pair not in known:
        known[pair] = _pair_bounds(first, second)
    return known[pair]


def _mirrored(bounds: dict[str, float]) -> dict[str, float]:
    if not bounds:
        return {}
    swapped = {
        "better_low": 1 - bounds["better_high"],
        "better_high": 1 - bounds["better_low"],
        "wide_low": -bounds["wide_high"],
        "wide_high": -bounds["wide_low"],
    }
    return bounds | swapped


def _pair_bounds(first: NDArray[np.int64], second: NDArray[np.int64]) -> dict[str, float]:
    """Bounds over all pairs of tables with the same class counts; empty where there are too many."""
    one, two = first[:, 1].sum(axis=-1), second[:, 1].sum(axis=-1)
    if sum(int((one == p).sum()) * int((two == p).sum()) for p in np.unique(one)) > _MOST_PAIRS:
        return {}
    i, j = np.nonzero(one[:, None] == two[None, :])
    if len(i) == 0:
        return {}
    found = overlap_bounds(first[i][:, None], second[j][:, None])
    return {
        "p_low": found.p_low.min(),
        "p_high": found.p_high.max(),
        "mid_p_low": found.mid_p_low.min(),
        "mid_p_high": found.mid_p_high.max(),
        "better_low": found.better_low.min(),
        "better_high": found.better_high.max(),
        "wide_low": found.wide[:, 0].min(),
        "wide_high": found.wide[:, 1].max(),
    }
