"""Distinct patterns of (study type, gold standard, calls): all that kappa can see of a reader study.

Cohen's kappa of binary calls is a function of four sums over studies, so two patients whose studies show the
same study types, gold standard and calls are interchangeable. Compressing patients to their distinct patterns
turns every resample into one vector of weights over patterns and every kappa into one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mura_ensemble.stats.resampling.packing import (
    Codes,
    Features,
    Tables,
    features_of,
    group_patients,
    pack_studies,
    unique_rows,
)


def margins_kappa(
    both: NDArray[Any], call: NDArray[Any], gold: NDArray[Any], n: NDArray[Any]
) -> NDArray[Any]:
    """Cohen's kappa from margins, 2 (n n11 - g c) / (g (n - c) + c (n - g)); NaN where it is 0/0.

    Parameters
    ----------
    both, call, gold, n : arrays of float64, broadcastable
        Studies abnormal by both, by the rater, by the gold standard, and all studies.

    Notes
    -----
    Numerator and denominator are exact integers for n below 9e7, so relabelling 0 <-> 1 keeps every digit.
    """
    chance = gold * call
    numerator = 2.0 * (n * both - chance)
    denominator = n * (gold + call) - 2.0 * chance
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(numerator / denominator)


@dataclass(frozen=True)
class Patterns:
    """Distinct patient patterns with what each adds to the four sums, per study type.

    Attributes
    ----------
    raters, strata : int
        R raters; S study types.
    grouped : bool
        Whether study types were given: G = S + 2 groups (study types, overall, macro mean), else G = 1.
    complete : bool
        No call is missing: gold and study counts are then shared by all raters.
    multiplicity : (U,) int64
        Number of patients with each pattern.
    cell : (U,) int64
        Cell of a stratified resample: the set of study types of each pattern, sets of several types with fewer
        than 10 patients pooled.
    size : (U,) int64
        Studies of a patient with this pattern.
    unit_pattern : (N,) int64 or None
        Pattern of each patient in the canonical order of patients; None when only counts were kept.
    columns : (V,) int64
        Pattern of each feature row, the rows of study type s being `starts[s]:starts[s + 1]`.
    starts : (S + 1,) int64
    features : (V, F) float32 or float64
        Sums over the studies of one patient in one study type: R calls, R abnormal by both, then gold and n,
        once where complete, else R times each over the studies the rater called.
    """

    raters: int
    strata: int
    grouped: bool
    complete: bool
    multiplicity: NDArray[np.int64]
    cell: NDArray[np.int64]
    size: NDArray[np.int64]
    unit_pattern: NDArray[np.int64] | None
    columns: NDArray[np.int64]
    starts: NDArray[np.int64]
    features: NDArray[Any]

    @property
    def units(self) -> int:
        """Patients (studies, where no clusters were given)."""
        return int(self.multiplicity.sum())

    @property
    def studies(self) -> int:
        """Number of studies."""
        return int(self.multiplicity @ self.size)

    @property
    def groups(self) -> int:
        """Number of groups G: study types, overall, macro mean; or overall alone."""
        return self.strata + 2 if self.grouped else 1

    def counts(self, weights: NDArray[Any]) -> NDArray[np.float64]:
        """Weighted sums per study type, (b, U) -> (S, F, b)."""
        weights = np.ascontiguousarray(weights, dtype=self.features.dtype)
        if len(self.columns) > len(self.multiplicity):  # else feature rows and patterns are one to one
            weights = weights.take(self.columns, axis=1)
        sums = np.empty((self.strata, self.features.shape[1], len(weights)))
        for s in range(self.strata):
            rows = slice(self.starts[s], self.starts[s + 1])
            sums[s] = self.features[rows].T @ weights[:, rows].T
        return sums

    def kappas(self, weights: NDArray[Any]) -> NDArray[np.float64]:
        """Kappa of every group and rater under each vector of pattern weights, (b, U) -> (G, R, b)."""
        sums = self.counts(weights)
        out = np.empty((self.groups, self.raters, sums.shape[2]))
        if not self.grouped:
            out[0] = self.kappa_of(sums[0])
            return out
        for s in range(self.strata):
            out[s] = self.kappa_of(sums[s])
        out[self.strata] = self.kappa_of(sums.sum(axis=0))
        out[self.strata + 1] = out[: self.strata].mean(axis=0)
        return out

    def kappa_of(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Kappa of every rater from sums of features along the first axis, (F, ...) -> (R, ...)."""
        call, both = sums[: self.raters], sums[self.raters : 2 * self.raters]
        rest = sums[2 * self.raters :]
        half = len(rest) // 2
        return margins_kappa(both, call, rest[:half], rest[half:])

    def called(self) -> NDArray[np.int64]:
        """Studies with gold and call of each rater, per group (G, R)."""
        half = 1 if self.complete else self.raters
        per_stratum = self.counts(self.multiplicity[None])[:, -half:, 0]
        per_stratum = np.broadcast_to(per_stratum, (self.strata, self.raters))
        if not self.grouped:
            return per_stratum.astype(np.int64)
        total = per_stratum.sum(axis=0)
        return np.vstack([per_stratum, total, total]).astype(np.int64)

    def leave_one_out(self, group: int) -> NDArray[np.float64]:
        """Kappa of every rater in one group with one patient of each pattern left out, (U, R)."""
        group = range(self.groups)[group]
        totals = self.counts(self.multiplicity[None])[:, :, 0]
        if group < self.strata and self.grouped:
            return self._without(group, totals[group])
        if group == self.strata + 1:
            return np.asarray(np.mean([self._without(s, totals[s]) for s in range(self.strata)], axis=0))
        own = np.zeros((len(self.multiplicity), self.features.shape[1]))
        for s in range(self.strata):
            rows = slice(self.starts[s], self.starts[s + 1])
            own[self.columns[rows]] += self.features[rows]
        return self.kappa_of((totals.sum(axis=0) - own).T).T

    def _without(self, stratum: int, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Leave-one-out kappas of one study type; patients not in it leave kappa as it is."""
        rows = slice(self.starts[stratum], self.starts[stratum + 1])
        out = np.broadcast_to(self.kappa_of(total), (len(self.multiplicity), self.raters)).copy()
        out[self.columns[rows]] = self.kappa_of((total - self.features[rows]).T).T
        return out


def compress(
    gold: ArrayLike, calls: ArrayLike, *, strata: ArrayLike | None = None, clusters: ArrayLike | None = None
) -> Patterns:
    """Compress a reader study to its distinct patient patterns.

    Parameters
    ----------
    gold : (n,) 0/1
        Gold standard; 1 = abnormal.
    calls : (n, R) 0/1/NaN
        Calls of R raters; NaN = missing, left out of that rater's counts only.
    strata : (n,) int in 0..S-1, optional
        Study types.
    clusters : (n,) int, optional
        Patients; a patient may have studies of several types. Without them each study is its own patient, in
        the order of the rows.

    Raises
    ------
    ValueError
        If a value is not of the stated kind or the lengths differ.
    """
    types = None if strata is None else _codes(strata, "strata")
    n_strata = 1 if types is None else int(types.max(initial=0)) + 1
    words, raters = pack_studies(gold, calls, types, n_strata)
    tables: Tables = {}
    units: list[tuple[int, Codes, Codes]] = []
    for size, (unit, rows) in group_patients(words, _patients(clusters, len(words))).items():
        distinct, inverse, counts = unique_rows(rows)
        tables[size] = distinct, counts
        units.append((size, unit, inverse))
    found = features_of(tables, raters, n_strata)
    unit_pattern = np.empty(sum(len(unit) for _, unit, _ in units), dtype=np.int64)
    for size, unit, inverse in units:
        unit_pattern[unit] = found.position[size][inverse]
    return _patterns(found, raters, n_strata, types is not None, unit_pattern)


class PatternCounter:
    """Count distinct patient patterns of a reader study too large to hold, chunk by chunk.

    Memory is bounded by one chunk and the distinct patterns, whatever the number of studies.

    Parameters
    ----------
    raters : int
        Number of raters R in every chunk.
    strata : int, optional
        Number of study types S; leave out where there are none.

    Notes
    -----
    All studies of a patient belong in one chunk: cluster codes must grow from chunk to chunk (sort by patient
    and cut between patients), which `add` checks.
    """

    def __init__(self, raters: int, strata: int | None = None) -> None:
        self._raters = raters
        self._strata = strata
        self._tables: Tables = {}
        self._last_patient = -1

    def add(
        self,
        gold: ArrayLike,
        calls: ArrayLike,
        strata: ArrayLike | None = None,
        clusters: ArrayLike | None = None,
    ) -> None:
        """Count one chunk: gold (n,), calls (n, R), strata (n,) and clusters (n,), as in `compress`.

        Raises
        ------
        ValueError
            If the chunk does not fit the counter or a patient was already in an earlier chunk.
        """
        if (strata is None) != (self._strata is None):
            raise ValueError(
                "Give strata with every chunk if the counter was made with strata, else with none."
            )
        types = None if strata is None else _codes(strata, "strata")
        if types is not None and self._strata is not None and types.max(initial=0) >= self._strata:
            raise ValueError(f"strata must be below {self._strata}, found {types.max()}.")
        words, raters = pack_studies(gold, calls, types, self._strata or 1)
        if raters != self._raters:
            raise ValueError(f"The counter was made for {self._raters} raters, the chunk has {raters}.")
        patients = _patients(clusters, len(words))
        if patients is not None:
            if patients.min() <= self._last_patient:
                raise ValueError(
                    "Cluster codes must grow from chunk to chunk: a patient belongs in one chunk."
                )
            self._last_patient = int(patients.max())
        for size, (_, rows) in group_patients(words, patients).items():
            rows, _, counts = unique_rows(rows)
            if size in self._tables:
                known, known_counts = self._tables[size]
                rows = np.concatenate([known, rows])
                rows, _, counts = unique_rows(rows, np.concatenate([known_counts, counts]))
            self._tables[size] = rows, counts

    def patterns(self) -> Patterns:
        """Return the patterns counted so far; no canonical order of patients is known (`unit_pattern` None)."""
        if not self._tables:
            raise ValueError("No study was counted yet.")
        found = features_of(self._tables, self._raters, self._strata or 1)
        return _patterns(found, self._raters, self._strata or 1, self._strata is not None, None)


def _patterns(found: Features, raters: int, strata: int, grouped: bool, units: Codes | None) -> Patterns:
    return Patterns(
        raters=raters,
        strata=strata,
        grouped=grouped,
        complete=found.complete,
        multiplicity=found.multiplicity,
        cell=found.cell,
        size=found.size,
        unit_pattern=units,
        columns=found.columns,
        starts=found.starts,
        features=found.features,
    )


def _codes(values: ArrayLike, name: str) -> Codes:
    codes = np.asarray(values)
    if codes.ndim != 1 or codes.dtype.kind not in "iu" or codes.min(initial=0) < 0:
        raise ValueError(f"{name} must be a vector of whole numbers from 0 up.")
    return codes.astype(np.int64, copy=False)


def _patients(clusters: ArrayLike | None, studies: int) -> Codes | None:
    if clusters is None:
        return None
    codes = _codes(clusters, "clusters")
    if len(codes) != studies:
        raise ValueError(f"clusters has {len(codes)} entries for {studies} studies.")
    return codes
