"""All 2x2 tables behind printed, rounded numbers: an exact search over whole counts, like a GRIM test.

A table of n studies is a point of an integer lattice, and a printed kappa is a thin shell through it. Listing
the points in the shell says what a number can mean, and an empty shell that no table gives the number at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mura_ensemble.data.errors import InputError
from mura_ensemble.published.tables.joining import sets_adding_up
from mura_ensemble.published.tables.legacy import legacy_interval
from mura_ensemble.stats.kappa.cohen import cohen_kappa

__all__ = ["CompatibleTables", "RoundedTables", "compatible_tables", "tables_from_rounded"]

_ROUNDING_SLACK = 1e-9  # a printed digit may have been rounded half up, half down or half to even
_MOST_MARGINS = 4_000_000


@dataclass(frozen=True)
class CompatibleTables:
    """Every 2x2 table that a printed kappa allows.

    Attributes
    ----------
    kappa, decimals, n
        What was asked.
    tables : NDArray of int64
        (S, 2, 2) counts [[TN, FP], [FN, TP]], by increasing abnormal studies, then FN.
    nearest : tuple of float
        Where no table gives the number: the nearest kappas below and above it that some table of the same
        conditions gives. NaN otherwise.
    """

    kappa: float
    decimals: int
    n: int
    tables: NDArray[np.int64]
    nearest: tuple[float, float]

    @property
    def possible(self) -> bool:
        """Whether any table gives the number."""
        return len(self.tables) > 0

    @property
    def positives(self) -> NDArray[np.int64]:
        """Increasing counts of abnormal studies that some table has."""
        return np.unique(self.tables[:, 1].sum(axis=-1))

    @property
    def errors(self) -> NDArray[np.int64]:
        """Increasing counts of wrong calls that some table has."""
        return np.unique(self.tables[:, 0, 1] + self.tables[:, 1, 0])

    @property
    def verdict(self) -> str:
        """One sentence: how much the number says, or that no table gives it."""
        shown = f"kappa {self.kappa:.{self.decimals}f} at n = {self.n}"
        if not self.possible:
            below, above = self.nearest
            known = [f"{value:.{self.decimals + 1}f}" for value in (below, above) if np.isfinite(value)]
            near = f"; the nearest that can be reached: {' and '.join(known)}" if known else ""
            return f"no table gives {shown} under these conditions{near}"
        if len(self.tables) == 1:
            (tn, fp), (fn, tp) = self.tables[0]
            return f"exactly one table gives {shown}: TP {tp}, FN {fn}, FP {fp}, TN {tn}"
        errors, positives = self.errors, self.positives
        return (
            f"{len(self.tables):,} tables give {shown}: {_span(positives)} abnormal studies and "
            f"{_span(errors)} wrong calls"
        )


@dataclass(frozen=True)
class RoundedTables:
    """Every set of tables that one rater's printed row allows, study types adding up to the overall one.

    Attributes
    ----------
    tables : NDArray of int64
        (S, T + 1, 2, 2) counts [[TN, FP], [FN, TP]]; the last of axis 1 is the overall table.
    """

    tables: NDArray[np.int64]

    @property
    def unique(self) -> bool:
        """Whether there is exactly one set."""
        return len(self.tables) == 1

    @property
    def overall(self) -> NDArray[np.int64]:
        """(U, 2, 2) distinct overall tables."""
        return np.unique(self.tables[:, -1], axis=0)

    @property
    def verdict(self) -> str:
        """One sentence: unique, ambiguous or impossible."""
        if len(self.tables) == 0:
            return "no set of tables gives these numbers"
        if self.unique:
            return "exactly one set of tables gives these numbers"
        return f"{len(self.tables)} sets of tables give these numbers, {len(self.overall)} overall tables among them"


def compatible_tables(
    kappa: float,
    n: int,
    *,
    decimals: int = 3,
    positives: int | Sequence[int] | None = None,
    sensitivity: float | None = None,
    specificity: float | None = None,
    rate_decimals: int = 3,
) -> CompatibleTables:
    """List every 2x2 table of n studies whose kappa prints as the given number.

    Parameters
    ----------
    kappa
        Printed kappa in [-1, 1].
    n
        Number of studies.
    decimals
        Decimals that were printed.
    positives
        Abnormal studies: their number, or all numbers to be considered, such as ``range(80, 101)``; 1 to n - 1
        by default.
    sensitivity, specificity
        Printed rates in [0, 1], if known.
    rate_decimals
        Decimals with which the rates were printed.

    Returns
    -------
    CompatibleTables

    Raises
    ------
    InputError
        If a number is out of range, or the search would be larger than a few million pairs of margins.

    Notes
    -----
    For fixed margins (P abnormal, m called abnormal) kappa is linear in TP, so each pair of margins leaves an
    interval of TP, usually empty. The idea of testing printed statistics against whole counts is the GRIM test
    of Brown & Heathers (2017, Social Psychological and Personality Science 8:363).
    """
    if not -1 <= kappa <= 1:
        raise InputError(
            f"kappa {kappa:g} is outside [-1, 1]; give the printed kappa itself, not a percentage"
        )
    if n < 2:
        raise InputError(f"n is {n}; kappa needs at least 2 studies")
    margins = _Margins.of(n, _considered(n, positives)).with_rates(sensitivity, specificity, rate_decimals)
    half = 0.5 * 10.0**-decimals + _ROUNDING_SLACK
    first = np.maximum(np.ceil(margins.tp_of(kappa - half)), margins.fewest)
    last = np.minimum(np.floor(margins.tp_of(kappa + half)), margins.most)
    tables = margins.tables(first, np.maximum(last - first + 1, 0))
    order = np.lexsort((tables[:, 1, 0], tables[:, 1].sum(axis=-1)))
    nearest = (np.nan, np.nan) if len(tables) else _nearest(margins, kappa)
    return CompatibleTables(float(kappa), decimals, n, tables[order], nearest)


def tables_from_rounded(
    kappa: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    n: ArrayLike,
    positives: ArrayLike,
    decimals: int = 3,
) -> RoundedTables:
    """List every set of tables behind one rater's rounded kappas and legacy limits.

    Parameters
    ----------
    kappa, lower, upper
        (T + 1,) printed numbers per study type and, last, overall; NaN where not printed.
    n, positives
        (T,) studies and abnormal studies per study type.
    decimals
        Decimals that were printed.

    Returns
    -------
    RoundedTables
        Study types add up to the overall table, and everything prints as given.

    Raises
    ------
    InputError
        If shapes disagree, or so little is printed that more than half a million sets fit.
    """
    printed = np.stack([np.asarray(part, dtype=np.float64) for part in (kappa, lower, upper)])
    sizes, abnormal = np.asarray(n, dtype=np.int64), np.asarray(positives, dtype=np.int64)
    if printed.shape != (3, len(sizes) + 1) or sizes.shape != abnormal.shape:
        raise InputError(
            "give one kappa and two limits per study type and one more of each, last, for all studies"
        )
    half = 0.5 * 10.0**-decimals + _ROUNDING_SLACK
    overall = _printed_tables(printed[:, -1], int(sizes.sum()), int(abnormal.sum()), half)
    parts = [
        _printed_tables(printed[:, column], int(size), int(abnormals), half)
        for column, (size, abnormals) in enumerate(zip(sizes, abnormal, strict=True))
    ]
    return RoundedTables(sets_adding_up(parts, overall))


@dataclass(frozen=True)
class _Margins:
    """Pairs of margins (P abnormal, m called abnormal) of n studies, with the TP each pair allows."""

    n: int
    gold: NDArray[np.int64]
    called: NDArray[np.int64]
    fewest: NDArray[np.int64]
    most: NDArray[np.int64]

    @classmethod
    def of(cls, n: int, positives: NDArray[np.int64]) -> _Margins:
        gold, called = (axis.ravel() for axis in np.meshgrid(positives, np.arange(n + 1), indexing="ij"))
        return cls(n, gold, called, np.maximum(0, gold + called - n), np.minimum(gold, called))

    def with_rates(self, sensitivity: float | None, specificity: float | None, decimals: int) -> _Margins:
        """Only the TP, and the pairs of margins that have any, at which the rates print as given."""
        half = 0.5 * 10.0**-decimals + _ROUNDING_SLACK
        fewest, most = self.fewest, self.most
        # A row's rate fixes TP up to rounding: TP = sensitivity P, and TN = specificity (n - P) = TP + n - P - m.
        for rate, row, ahead in (
            (sensitivity, self.gold, np.zeros_like(self.gold)),
            (specificity, self.n - self.gold, self.n - self.gold - self.called),
        ):
            if rate is not None:
                fewest = np.maximum(fewest, np.ceil((rate - half) * row - ahead).astype(np.int64))
                most = np.minimum(most, np.floor((rate + half) * row - ahead).astype(np.int64))
        kept = fewest <= most
        return _Margins(self.n, self.gold[kept], self.called[kept], fewest[kept], most[kept])

    def tp_of(self, kappa: float) -> NDArray[np.float64]:
        # From kappa = 1 - n (P + m - 2 TP) / (P (n - m) + (n - P) m); not whole in general.
        chance = self.gold * (self.n - self.called) + (self.n - self.gold) * self.called
        return np.asarray((self.gold + self.called - (1 - kappa) * chance / self.n) / 2)

    def tables(self, first: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.int64]:
        # `count` consecutive TP from `first` on, for every pair of margins.
        width = count.astype(np.int64)
        owner = np.repeat(np.arange(len(width)), width)
        tp = first.astype(np.int64)[owner] + np.arange(len(owner)) - (np.cumsum(width) - width)[owner]
        fn, fp = self.gold[owner] - tp, self.called[owner] - tp
        return np.stack([self.n - tp - fn - fp, fp, fn, tp], axis=-1).reshape(-1, 2, 2)


def _nearest(margins: _Margins, kappa: float) -> tuple[float, float]:
    under = np.minimum(np.maximum(np.floor(margins.tp_of(kappa)), margins.fewest), margins.most)
    reached = cohen_kappa(margins.tables(under, np.where(under < margins.most, 2.0, 1.0)))
    below, above = reached[reached <= kappa], reached[reached >= kappa]
    return (
        float(below.max()) if len(below) else np.nan,
        float(above.min()) if len(above) else np.nan,
    )


def _considered(n: int, positives: int | Sequence[int] | None) -> NDArray[np.int64]:
    counts = range(1, n) if positives is None else [positives] if isinstance(positives, int) else positives
    considered = np.unique(np.asarray(counts, dtype=np.int64))
    if len(considered) == 0 or considered[0] < 1 or considered[-1] > n - 1:
        raise InputError(f"the number of abnormal studies must lie between 1 and n - 1 = {n - 1}")
    if len(considered) * (n + 1) > _MOST_MARGINS:
        raise InputError(
            f"n = {n} with {len(considered)} possible numbers of abnormal studies is more than can be searched; "
            "give the number of abnormal studies or a narrower range"
        )
    return considered


def _printed_tables(printed: NDArray[np.float64], n: int, positives: int, half: float) -> NDArray[np.int64]:
    fn, fp = (axis.ravel() for axis in np.meshgrid(np.arange(positives + 1), np.arange(n - positives + 1)))
    tables = np.stack([n - positives - fp, fp, fn, positives - fn], axis=-1).reshape(-1, 2, 2)
    made = legacy_interval(tables)
    off = np.abs(np.stack([made.kappa, made.lower, made.upper], axis=-1) - printed)
    return tables[((off <= half) | np.isnan(printed)).all(axis=-1)]


def _span(values: NDArray[np.int64]) -> str:
    return f"{values[0]}" if len(values) == 1 else f"{values[0]} to {values[-1]}"
