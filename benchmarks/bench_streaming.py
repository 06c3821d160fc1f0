"""10 million studies x 20 raters, counted in chunks: time, and memory bounded by the distinct patterns."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import OURS, Row, cpu_seconds, peak_mb, simulate
from mura_ensemble.stats.resampling.patterns import PatternCounter, Patterns
from mura_ensemble.stats.resampling.resample import bootstrap_patterns

CHUNK = 500_000
RESAMPLES = 1_000


def run(quick: bool) -> list[Row]:
    n = 1_000_000 if quick else 10_000_000
    rows = []
    for by_patient in (False, True):
        counter = PatternCounter(raters=20, strata=7)
        counting = 0.0
        for chunk in range(n // CHUNK):
            study = simulate(CHUNK, seed=chunk)
            patients = study.patients + chunk * CHUNK if by_patient else None
            calls = study.calls.astype(np.uint8)
            start = time.process_time()
            counter.add(study.gold, calls, study.types, patients)
            counting += time.process_time() - start
        start = time.process_time()
        patterns = counter.patterns()
        counting += time.process_time() - start
        task = f"{n:,} studies x 20 raters{' by patient' if by_patient else ''}"
        note = f"{len(patterns.multiplicity):,} distinct patterns of {patterns.units:,} units"
        rows.append(Row(f"{task}, count", OURS, counting, peak_mb=peak_mb(), note=note))
        few = 100
        once, more = (
            cpu_seconds(lambda p=patterns, b=b: bootstrap_patterns(p, resamples=b)) for b in (4, 4 + few)
        )
        seconds = once + (more - once) * (RESAMPLES - 4) / few
        task = f"{task}, {RESAMPLES:,} resamples"
        rows.append(Row(task, OURS, seconds, few / RESAMPLES, peak_mb()))
        pattern_of = np.repeat(np.arange(len(patterns.multiplicity)), patterns.multiplicity)
        np.random.default_rng(1).shuffle(pattern_of)  # studies come in no order of their patterns
        seconds = cpu_seconds(lambda p=patterns, of=pattern_of: _by_index(p, of), 2) * RESAMPLES
        del pattern_of
        note = "draws every unit; needs the pattern of each unit in memory"
        rows.append(Row(task, "numpy, index draws and bincount", seconds, 1 / RESAMPLES, note=note))
    return rows


def _by_index(patterns: Patterns, pattern_of: NDArray[np.int64]) -> Any:
    """One resample the usual way: draw the index of every unit, count the patterns drawn, take the kappas."""
    index = np.random.default_rng(0).integers(0, len(pattern_of), len(pattern_of))
    weights = np.bincount(pattern_of[index], minlength=len(patterns.multiplicity))
    return patterns.kappas(weights[None])
