"""Studies packed into 64-bit words: counting distinct patients is then the sorting of a few integers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Words = NDArray[np.uint64]
Codes = NDArray[np.int64]
Tables = dict[
    int, tuple[Words, Codes]
]  # studies per patient m -> distinct patients (k, m W), how many of each

_EXACT_FLOAT32 = 2**24  # float32 adds integers exactly below this total
_ROWS_AT_ONCE = 2**16
_POOLED_BELOW = 10  # patients a cell of several study types needs of its own


class Features(NamedTuple):
    """The arrays of `patterns.Patterns` that tables of distinct patients decide, and where each row went."""

    complete: bool
    multiplicity: Codes
    cell: Codes
    size: Codes
    columns: Codes
    starts: Codes
    features: NDArray[Any]
    position: dict[int, Codes]


def pack_studies(gold: ArrayLike, calls: ArrayLike, strata: Codes | None, n_strata: int) -> tuple[Words, int]:
    """Pack each study into W words, bits: R calls, R missing marks, gold, study type; also return R."""
    truth, table = np.asarray(gold), np.asarray(calls)
    if truth.ndim != 1 or table.ndim != 2 or len(table) != len(truth):
        raise ValueError(f"gold must be (n,) and calls (n, R), found {truth.shape} and {table.shape}.")
    n, raters = table.shape
    if not n or not raters:
        raise ValueError("At least one study and one rater are needed.")
    if strata is not None and len(strata) != n:
        raise ValueError(f"strata has {len(strata)} entries for {n} studies.")
    bits = np.zeros((n, 64 * words_per_study(raters, n_strata)), dtype=bool)
    bits[:, :raters] = table == 1
    if table.dtype.kind == "f":
        # Not np.isnan(table, out=...): numpy 2.4 writes a strided bool output to the wrong places.
        bits[:, raters : 2 * raters] = np.isnan(table)
    bits[:, 2 * raters] = truth == 1
    if not np.all((truth == 0) | bits[:, 2 * raters]):
        raise ValueError("gold must be 0 or 1 for every study.")
    if not np.all((table == 0) | bits[:, :raters] | bits[:, raters : 2 * raters]):
        raise ValueError("calls must be 0, 1 or NaN (missing).")
    if strata is not None:
        for bit in range(_type_bits(n_strata)):
            bits[:, 2 * raters + 1 + bit] = (strata >> bit) & 1
    return np.packbits(bits, axis=1).view(np.uint64), raters


def words_per_study(raters: int, n_strata: int) -> int:
    """Number of 64-bit words W that hold one study."""
    return -(-(2 * raters + 1 + _type_bits(n_strata)) // 64)


def group_patients(words: Words, clusters: Codes | None) -> dict[int, tuple[Codes, Words]]:
    """Patients by number of studies m: their place in canonical order (k,) and their sorted studies (k, m W)."""
    n, width = words.shape
    if clusters is None:
        return {1: (np.arange(n), words)}
    order = np.lexsort((*words.T, clusters))
    _, first, sizes = np.unique(clusters[order], return_index=True, return_counts=True)
    grouped = {}
    for size in np.unique(sizes):
        unit = np.flatnonzero(sizes == size)
        members = order[first[unit][:, None] + np.arange(size)]
        grouped[int(size)] = unit, words[members].reshape(len(unit), size * width)
    return grouped


def unique_rows(rows: Words, counts: Codes | None = None) -> tuple[Words, Codes, Codes]:
    """Distinct rows, the distinct row of each row, and how often (summing counts if given) each occurs."""
    order = np.argsort(rows[:, 0], kind="stable") if rows.shape[1] == 1 else np.lexsort(rows.T[::-1])
    ordered = rows[order]
    new = np.ones(len(rows), dtype=bool)
    np.any(ordered[1:] != ordered[:-1], axis=1, out=new[1:])
    starts = np.flatnonzero(new)
    inverse = np.empty(len(rows), dtype=np.int64)
    inverse[order] = np.cumsum(new) - 1
    if counts is None:
        return ordered[starts], inverse, np.diff(np.append(starts, len(rows)))
    return ordered[starts], inverse, np.add.reduceat(counts[order], starts)


def features_of(tables: Tables, raters: int, n_strata: int) -> Features:
    """Decode tables of distinct patients into sums per (study type, pattern).

    Patterns are numbered by their first study type, so that without patients across study types the feature
    rows follow the patterns one to one.
    """
    sizes = sorted(tables)
    per_table = [len(tables[m][0]) for m in sizes]
    size = np.repeat(np.asarray(sizes, dtype=np.int64), per_table)
    multiplicity = np.concatenate([tables[m][1] for m in sizes])
    width = words_per_study(raters, n_strata)
    words = np.concatenate([tables[m][0].reshape(-1, width) for m in sizes])
    stratum, complete = _types_and_gaps(words, raters, n_strata)
    total = len(size)

    first = np.minimum.reduceat(stratum, np.cumsum(size) - size)
    order = np.argsort(first, kind="stable")
    position = np.empty(total, dtype=np.int64)
    position[order] = np.arange(total)
    key = stratum * total + np.repeat(position, size)
    by_key = np.argsort(key, kind="stable")
    key = key[by_key]
    begins = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    # Sums are taken per study type; a resample of patients does not come near twice its studies.
    largest = np.bincount(stratum, np.repeat(multiplicity, size)).max()
    exact = np.float32 if 2 * largest < _EXACT_FLOAT32 else np.float64
    features = np.empty((len(begins), (2 if complete else 4) * raters + (2 if complete else 0)), dtype=exact)
    for start in range(0, len(begins), _ROWS_AT_ONCE):
        some = begins[start : start + _ROWS_AT_ONCE]
        end = begins[start + len(some)] if start + len(some) < len(begins) else len(key)
        sums = _features(words[by_key[some[0] : end]], raters, complete)
        features[start : start + len(some)] = np.add.reduceat(sums, some - some[0], axis=0, dtype=exact)
    types, columns = np.divmod(key[begins], total)
    bounds = np.cumsum(per_table)
    return Features(
        complete=complete,
        multiplicity=multiplicity[order],
        cell=_type_sets(columns, types, multiplicity[order], n_strata),
        size=size[order],
        columns=columns,
        starts=np.searchsorted(types, np.arange(n_strata + 1)).astype(np.int64),
        features=features,
        position={m: position[end - k : end] for m, k, end in zip(sizes, per_table, bounds, strict=True)},
    )


def _type_bits(n_strata: int) -> int:
    return (n_strata - 1).bit_length()


def _types_and_gaps(words: Words, raters: int, n_strata: int) -> tuple[Codes, bool]:
    """Study type of each study, and whether no call is missing; in blocks, for the bits are eight times the words."""
    stratum, complete = np.zeros(len(words), dtype=np.int64), True
    for start in range(0, len(words), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        bits = np.unpackbits(words[rows].view(np.uint8), axis=1)
        complete = complete and not bits[:, raters : 2 * raters].any()
        for bit in range(_type_bits(n_strata)):
            stratum[rows] |= bits[:, 2 * raters + 1 + bit].astype(np.int64) << bit
    return stratum, complete


def _features(words: Words, raters: int, complete: bool) -> NDArray[np.uint8]:
    """Features (studies, F) of each study: calls, calls abnormal by gold too, gold, called."""
    bits = np.unpackbits(words.view(np.uint8), axis=1)
    call, missing = bits[:, :raters], bits[:, raters : 2 * raters]
    gold = bits[:, 2 * raters : 2 * raters + 1]
    seen = np.ones_like(gold) if complete else 1 - missing
    return np.concatenate([call, call & gold, gold & seen, seen], axis=1)


def _type_sets(columns: Codes, types: Codes, multiplicity: Codes, n_strata: int) -> Codes:
    """Code of the set of study types of each pattern; rare sets of several types share one code.

    A cell with a handful of patients would hardly vary from resample to resample and so understate the error.
    """
    present = np.zeros((len(multiplicity), 64 * -(-n_strata // 64)), dtype=bool)
    present[columns, types] = True
    _, cell, patients = unique_rows(np.packbits(present, axis=1).view(np.uint64), multiplicity)
    rare = (patients[cell] < _POOLED_BELOW) & (present.sum(axis=1) > 1)
    return np.where(rare, len(patients), cell)
