"""The finished frames of a comparison: leaderboard, study types, all pairs; arrays in between, frames at both ends."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from mura_ensemble.comparison.gather.inputs import Reads
from mura_ensemble.comparison.measures.best_of import against_best_of
from mura_ensemble.comparison.measures.rates import rate_interval
from mura_ensemble.data.errors import InputError
from mura_ensemble.stats.comparing.multiplicity import holm
from mura_ensemble.stats.comparing.paired import compare_kappas
from mura_ensemble.stats.kappa.clustered import clustered_kappa_intervals
from mura_ensemble.stats.kappa.cohen import tables_2x2

__all__ = [
    "OVERALL",
    "Reference",
    "against_reference",
    "build_board",
    "build_by_study_type",
    "build_differences",
    "choose_reference",
    "measure",
]

OVERALL = "all studies"
_THREADS = 4
_KEYS = ["rater", "study_type"]
_CELLS = {"tp": (1, 1), "fn": (1, 0), "fp": (0, 1), "tn": (0, 0)}
_NUMBERS = ["kappa", "kappa_reference", "difference", "low", "high", "p"]
_COUNTS = ["n", "only_rater_right", "only_reference_right"]


@dataclass(frozen=True)
class Reference:
    """The rater that differences are taken from.

    Attributes
    ----------
    rater : str
    role : str
        `best reader`, `best backbone` or `best rater`; `reader` or `backbone` where there is but one; `named reader`,
        `named backbone` or `named ensemble` where the user said which.
    among : tuple of str
        Of whom it is the best, itself included, by name; of more than one it was chosen on the studies that score it.
    """

    rater: str
    role: str
    among: tuple[str, ...]

    @property
    def candidates(self) -> int:
        """How many could have been the reference."""
        return len(self.among)


def measure(reads: Reads, *, level: float, resamples: int, seed: int) -> pd.DataFrame:
    """Kappa, interval and counts of every rater in every study type and overall.

    Returns
    -------
    DataFrame
        Index (rater, study_type), the study type of all studies together being `OVERALL`; columns `kind`, `n`,
        `positives`, `kappa`, `low`, `high`, `interval`, `small`, `tp`, `fn`, `fp`, `tn`. An undefined kappa has no
        limits.
    """
    calls = reads.calls.to_numpy()
    found = clustered_kappa_intervals(
        reads.gold,
        calls,
        clusters=reads.patients,
        strata=reads.types,
        level=level,
        resamples=resamples,
        rng=seed,
    )
    chosen = [*(reads.types == code for code in range(len(reads.type_names))), np.full(len(reads.gold), True)]
    tables = np.array([tables_2x2(reads.gold[rows], calls[rows]) for rows in chosen]).astype(np.int64)
    index = pd.MultiIndex.from_product([[*reads.type_names, OVERALL], reads.calls.columns], names=_KEYS[::-1])
    # Where the gold standard of a rater's studies has one class the formula gives 0 whatever the rater saw.
    both = (tables.sum(axis=3) > 0).all(axis=2)
    kappa = np.where(both, found.estimate, np.nan)
    # An undefined kappa has limits -1 and 1 by right, but a bar over everything says less than no bar.
    limits = [np.where(np.isnan(kappa), np.nan, limit) for limit in (found.low, found.high)]
    frame = pd.DataFrame(
        {
            "n": tables.sum(axis=(2, 3)).ravel(),
            "positives": tables[:, :, 1].sum(axis=2).ravel(),
            "kappa": kappa.ravel() + 0.0,
            "low": limits[0].ravel(),
            "high": limits[1].ravel(),
            "interval": found.kind.ravel(),
            "small": found.small.ravel(),
            **{name: tables[:, :, row, column].ravel() for name, (row, column) in _CELLS.items()},
        },
        index=index,
    )
    frame.insert(0, "kind", [reads.kinds[str(name)] for _, name in index])
    return frame.swaplevel()


def build_board(reads: Reads, measured: pd.DataFrame, level: float) -> pd.DataFrame:
    """The overall rows with rates, highest kappa first, equal ones by name, undefined last; index rater."""
    board = measured.xs(OVERALL, level="study_type").drop(columns="positives")
    board.insert(2, "missing", len(reads.gold) - board["n"])
    rates = pd.DataFrame([_rates(reads, str(name), level) for name in board.index], index=board.index)
    return board.join(rates).sort_values("kappa", ascending=False, kind="stable", na_position="last")


def build_by_study_type(measured: pd.DataFrame, raters: pd.Index[str], types: Sequence[str]) -> pd.DataFrame:
    """The rows of the study types, raters and types in the order given; index (rater, study_type)."""
    return measured.loc[[(rater, study_type) for rater in raters for study_type in types]]


def build_differences(reads: Reads, raters: pd.Index[str], level: float, seed: int) -> pd.DataFrame:
    """Every ordered pair, rater - reference, on the studies both called.

    Columns `kappa` and `kappa_reference` (on those studies), `difference`, `low`, `high`, `p` (permutation test of
    swapped calls), `p_all_pairs` (Holm over all pairs), `n`, `only_rater_right`, `only_reference_right`.
    """
    once = list(combinations(raters, 2))
    # Threads: numpy works outside the interpreter's lock here, and every pair has its own generator.
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        rows = list(pool.map(lambda pair: _pair(reads, pair[0], pair[1], level, seed), once))
    adjusted = holm(np.array([row["p"] for row in rows], dtype=np.float64)) if rows else np.empty(0)
    both: dict[tuple[str, str], dict[str, float]] = {}
    for (rater, reference), row, p_all in zip(once, rows, adjusted, strict=True):
        both[rater, reference] = row | {"p_all_pairs": float(p_all)}
        both[reference, rater] = row | {
            "p_all_pairs": float(p_all),
            "kappa": row["kappa_reference"],
            "kappa_reference": row["kappa"],
            "difference": -row["difference"],
            "low": -row["high"],
            "high": -row["low"],
            "only_rater_right": row["only_reference_right"],
            "only_reference_right": row["only_rater_right"],
        }
    ordered = [(rater, reference) for rater in raters for reference in raters if rater != reference]
    columns = [*_NUMBERS, "p_all_pairs", *_COUNTS]
    index = pd.MultiIndex.from_tuples(ordered, names=["rater", "reference"])
    if not ordered:
        index = pd.MultiIndex.from_arrays([[], []], names=["rater", "reference"])
    frame = pd.DataFrame([both[pair] for pair in ordered], index=index, columns=columns, dtype=np.float64)
    # Zero is zero in both directions; -0.0 would be written as such.
    frame += 0.0
    return frame.astype(dict.fromkeys(_COUNTS, np.int64))


def choose_reference(board: pd.DataFrame, named: str | None = None) -> Reference | None:
    """The rater that was named; else the best reader, without readers backbone, without both rater; None if alone.

    The best has the highest kappa on the studies that all called (`place`), so that these can be compared. A rater
    whose kappa is `apparent` is chosen only where there is no other.

    Raises
    ------
    InputError
        If the rater that was named is not there, has no kappa, or saw the studies while others did not.
    """
    if named is not None:
        return _named(board, named)
    defined = board.dropna(subset=["kappa"]).sort_values("place", kind="stable")
    if len(defined) < 2:
        return None
    if not defined["apparent"].all():
        defined = defined[~defined["apparent"]]
    for kind in ("reader", "backbone"):
        own = defined[defined["kind"] == kind]
        if len(own):
            return _best(own.index, f"best {kind}" if len(own) > 1 else kind)
    return _best(defined.index, "best rater")


def _named(board: pd.DataFrame, name: str) -> Reference:
    if name not in board.index:
        raise InputError(
            f"no rater '{name}' to be the reference; there are {', '.join(map(str, board.index))}"
        )
    if np.isnan(board.loc[[name], "kappa"].iloc[0]):
        raise InputError(f"the reference '{name}' has no kappa on these studies; name another one")
    if board.loc[[name], "apparent"].iloc[0] and not board["apparent"].all():
        raise InputError(f"the reference '{name}' was trained or fitted on these studies; name another one")
    return Reference(name, f"named {board.loc[[name], 'kind'].iloc[0]}", (name,))


def _best(names: pd.Index[str], role: str) -> Reference:
    return Reference(str(names[0]), role, tuple(sorted(map(str, names))))


def against_reference(
    board: pd.DataFrame,
    reads: Reads,
    differences: pd.DataFrame,
    reference: Reference | None,
    *,
    level: float,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Columns `difference`, `diff_low`, `diff_high`, `p`, `p_adjusted` (Holm over the raters compared).

    If the reference was picked as the best of several, limits and `p_adjusted` count that choice (see `best_of`); `p` is
    that of the test against this very reference alone.
    """
    columns = ["difference", "diff_low", "diff_high", "p", "p_adjusted"]
    empty = pd.DataFrame(np.nan, index=board.index, columns=columns)
    if reference is None:
        return empty
    own = pd.DataFrame(differences.xs(reference.rater, level="reference")).reindex(board.index)
    counted = own.rename(columns={"low": "diff_low", "high": "diff_high"})
    if reference.candidates > 1:
        counted = against_best_of(
            reads,
            differences,
            reference.rater,
            reference.among,
            level=level,
            resamples=resamples,
            seed=seed,
        ).reindex(board.index)
    return empty.assign(
        difference=own["difference"],
        diff_low=counted["diff_low"],
        diff_high=counted["diff_high"],
        p=own["p"],
        p_adjusted=holm(counted["p"].to_numpy(dtype=np.float64)),
    )


def _rates(reads: Reads, name: str, level: float) -> dict[str, float]:
    calls = reads.calls[name].to_numpy()
    rates: dict[str, float] = {}
    for label, rate_name in ((1, "sensitivity"), (0, "specificity")):
        chosen = (reads.gold == label) & ~np.isnan(calls)
        rate = rate_interval(calls[chosen] == label, reads.patients[chosen], level)
        rates |= {rate_name: rate.estimate, f"{rate_name}_low": rate.low, f"{rate_name}_high": rate.high}
    return rates


def _pair(reads: Reads, rater: str, reference: str, level: float, seed: int) -> dict[str, float]:
    calls = reads.calls[[rater, reference]].to_numpy()
    both = ~np.isnan(calls).any(axis=1)
    if not both.any():
        return dict.fromkeys(_NUMBERS, np.nan) | dict.fromkeys(_COUNTS, 0)
    found = compare_kappas(
        reads.gold[both], calls[both, 0], calls[both, 1], clusters=reads.clusters(both), level=level, rng=seed
    )
    numbers = [found.kappa, found.kappa_reference, found.difference, found.low, found.high, found.p_swap]
    if len(np.unique(reads.gold[both])) < 2:  # undefined, as in `measure`
        numbers = [np.nan] * len(numbers)
    return dict(zip([*_NUMBERS, *_COUNTS], (*numbers, found.n, found.b, found.c), strict=True))
