"""10 million studies x 20 raters, counted in chunks: time, and memory bounded by the distinct patterns."""

from __future__ import annotations

import time

import numpy as np

from benchmarks import OURS, Row, cpu_seconds, peak_mb, simulate
from mura_ensemble.stats.patterns import PatternCounter
from mura_ensemble.stats.resample import bootstrap_patterns

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
        index_draws = cpu_seconds(lambda: np.random.default_rng(0).integers(0, 2**24, n))
        rows.append(
            Row(
                task,
                "numpy, drawing the study indices alone",
                index_draws * RESAMPLES,
                1 / RESAMPLES,
                note="the floor of any bootstrap that resamples studies",
            )
        )
    return rows
