"""Our time beside each peer's on the same work, in the same run: `python -m benchmarks`."""

from __future__ import annotations

import importlib
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

OURS = "mura-ensemble"


@dataclass(frozen=True)
class Row:
    """One timing: CPU seconds of a tool on a task; `share` of the work was done, the rest extrapolated."""

    task: str
    tool: str
    seconds: float
    share: float = 1.0
    peak_mb: float = float("nan")
    note: str = ""


@dataclass(frozen=True)
class Study:
    """A simulated reader study: gold (n,), calls (n, R), study types (n,) and patients (n,)."""

    gold: NDArray[np.int64]
    calls: NDArray[np.int64]
    types: NDArray[np.int64]
    patients: NDArray[np.int64]


def simulate(n: int, raters: int = 20, types: int = 7, seed: int = 0) -> Study:
    """Networks that miss the same hard studies; MURA's mix of patients (two thirds with one study)."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 2, 3, 4], size=n, p=[0.75, 0.17, 0.06, 0.02])
    patients = np.repeat(np.arange(n), sizes)[:n]
    gold = (rng.random(n) < 0.45).astype(np.int64)
    hard = rng.random(n) < 0.15
    skill = np.linspace(0.98, 0.90, raters)
    right = rng.random((n, raters)) < np.where(hard[:, None], 0.5, skill)
    kinds = rng.integers(0, types, n)
    return Study(gold, np.where(right, gold[:, None], 1 - gold[:, None]), kinds, patients)


def cpu_seconds(work: Callable[[], Any], repeat: int = 1) -> float:
    """Least process CPU seconds over `repeat` runs."""
    best = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def peak_mb() -> float:
    """Peak resident memory of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def run_benchmark(name: str, quick: bool) -> list[Row]:
    """Rows of the benchmark in `bench_<name>.py`; what peers warn about is theirs."""
    warnings.simplefilter("ignore")
    rows: list[Row] = importlib.import_module(f"benchmarks.bench_{name}").run(quick)
    return rows


def importable(package: str) -> bool:
    """Whether a peer is installed and really imports."""
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def missing(task: str, tool: str) -> Row:
    """Row of a peer that is not installed."""
    return Row(task, tool, float("nan"), note="not installed")
