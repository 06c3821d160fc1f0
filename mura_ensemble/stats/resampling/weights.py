"""Resamples of patients as weights over distinct patterns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.stats.resampling.patterns import Patterns

_DRAWS_PER_CHUNK = 2**17  # a chunk that stays in cache, and products too small to be worth a thread
_LEAST_AT_ONCE = 4  # resamples of counted patterns that share one reading of the features
_ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)
_RARE = 4  # patients up to which a pattern is cheaper drawn by index
_SPARE = 6.0  # standard deviations by which the Poisson part falls short of the patients to draw


def draw_weights(
    patterns: Patterns, resamples: int, rng: np.random.Generator, *, stratified: bool
) -> Iterator[NDArray[np.int64]]:
    """Yield chunks (b, U) of pattern weights of bootstrap resamples of patients, b summing to `resamples`.

    Where the patients are known (`Patterns.unit_pattern`) patients are drawn by their canonical index. What is
    drawn depends on nothing but the number of patients (and their cells, when stratified), never on gold or
    calls: hence each rater's digits are the same whoever else is in the study and in whatever column. Where
    only counts were kept, patterns are drawn from their multinomial, in an order free of rows and columns.
    """
    draw = _from_counts if patterns.unit_pattern is None else _from_units
    return draw(patterns, resamples, rng, stratified)


def _from_units(
    patterns: Patterns, resamples: int, rng: np.random.Generator, stratified: bool
) -> Iterator[NDArray[np.int64]]:
    pattern_of = patterns.unit_pattern
    assert pattern_of is not None
    units, width = len(pattern_of), len(patterns.multiplicity)
    cells = [units]
    if stratified:
        cell = patterns.cell[pattern_of]
        pattern_of = pattern_of[np.argsort(cell, kind="stable")]
        cells = np.unique(cell, return_counts=True)[1].tolist()
    chunk = max(1, _DRAWS_PER_CHUNK // units)
    ends = np.cumsum(cells)
    for start in range(0, resamples, chunk):
        b = min(chunk, resamples - start)
        drawn = np.empty((b, units), dtype=np.int64)
        for end, members in zip(ends, cells, strict=True):
            small = np.uint16 if members <= 2**16 else np.int64
            index = rng.integers(0, members, size=(b, members), dtype=small)
            np.take(pattern_of[end - members : end], index, out=drawn[:, end - members : end])
        drawn += np.arange(0, b * width, width)[:, None]
        yield np.bincount(drawn.ravel(), minlength=b * width).reshape(b, width)


def _from_counts(
    patterns: Patterns, resamples: int, rng: np.random.Generator, stratified: bool
) -> Iterator[NDArray[np.int64]]:
    """Multinomial over patterns, ten times faster than one conditional binomial per pattern, and as exact.

    How many draws go to the rare patterns is binomial, and those are drawn by index. Poisson counts of the others
    with a total that falls short are, given that total, multinomial; index draws fill up the rest.
    """
    multiplicity = patterns.multiplicity
    width = len(multiplicity)
    order = np.argsort(symmetric_hash(patterns), kind="stable")
    if stratified:
        order = order[np.argsort(patterns.cell[order], kind="stable")]
        bounds = np.searchsorted(patterns.cell[order], np.unique(patterns.cell), side="right")
    else:
        bounds = np.array([width])
    chunk = max(_LEAST_AT_ONCE, _DRAWS_PER_CHUNK // width)
    for start in range(0, resamples, chunk):
        b = min(chunk, resamples - start)
        weights = np.empty((b, width), dtype=np.int64)
        begin = 0
        for end in bounds:
            members = order[begin:end]
            weights[:, members] = _multinomial(multiplicity[members], b, rng)
            begin = end
        yield weights


def _multinomial(counts: NDArray[np.int64], b: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Multinomial(N, counts / N) with N = sum(counts), (b, width), without one binomial per pattern."""
    total, width = int(counts.sum()), len(counts)
    common = np.flatnonzero(counts > _RARE)
    frequent = int(counts[common].sum())
    to_common = rng.binomial(total, frequent / total, size=b)
    weights = np.zeros((b, width), dtype=np.int64)
    if frequent:
        share = np.maximum(to_common - _SPARE * np.sqrt(to_common), 0.0) / frequent
        expected = counts[common] * share[:, None]
        drawn = rng.poisson(expected)
        while np.any(over := drawn.sum(axis=1) > to_common):
            drawn[over] = rng.poisson(expected[over])
        weights[:, common] = drawn
        weights += _fill(counts, common, to_common - drawn.sum(axis=1), rng)
    if frequent < total:
        weights += _fill(counts, np.flatnonzero(counts <= _RARE), total - to_common, rng)
    return weights


def _fill(
    counts: NDArray[np.int64], chosen: NDArray[np.int64], number: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Weights (b, width) of `number` (b,) patients drawn by their index among those of the chosen patterns."""
    pattern_of = np.repeat(chosen, counts[chosen])
    drawn = pattern_of[rng.integers(0, len(pattern_of), size=int(number.sum()))]
    drawn += np.repeat(np.arange(len(number)) * len(counts), number)
    return np.bincount(drawn, minlength=len(number) * len(counts)).reshape(len(number), -1)


def symmetric_hash(patterns: Patterns) -> NDArray[np.uint64]:
    """Hash of each pattern (U,) that permuting the raters leaves as it is.

    Each rater is named by a hash of the patterns it shows, refined once by the names of the others: raters get
    the same name only if they are identical or fully interchangeable.
    """
    r = patterns.raters
    stratum = np.repeat(np.arange(patterns.strata), np.diff(patterns.starts))
    base = _mix(_mix(stratum) + patterns.multiplicity[patterns.columns].astype(np.uint64))
    half = 1 if patterns.complete else r

    def shown(rater: int) -> NDArray[np.uint64]:
        own = 0 if half == 1 else rater
        columns = patterns.features[:, [rater, r + rater, 2 * r + own, 2 * r + half + own]]
        return _mix((columns.astype(np.uint64) * _ODD).sum(axis=1, dtype=np.uint64))

    names = np.zeros(r, dtype=np.uint64)
    for _ in range(3):
        rows = base.copy()
        for rater in range(r):
            rows += _mix(shown(rater) + names[rater])
        rows = _mix(rows)
        names = np.array([_mix(rows + shown(rater)).sum(dtype=np.uint64) for rater in range(r)])
    hashes = patterns.multiplicity.astype(np.uint64)
    np.add.at(hashes, patterns.columns, rows)
    return hashes


def _mix(values: NDArray[np.generic]) -> NDArray[np.uint64]:
    """Scramble 64-bit integers (the finaliser of SplitMix64, Steele, Lea & Flood 2014)."""
    x = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
