"""Run every benchmark, print a table and write `benchmarks/results/*.csv`; never fails over a timing."""

from __future__ import annotations

import argparse
import csv
import math
import multiprocessing
import os
import platform
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks import OURS, Row, run_benchmark

HERE = Path(__file__).parent
COLUMNS = ("task", "tool", "cpu_seconds", "times_ours", "how", "peak_mb", "note")


def main() -> None:
    names = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"benchmarks to run: {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="the smallest size of each; writes no file")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(names):
        parser.error(f"unknown benchmark: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    # Inherited by the processes that measure: one thread, so that the CPU seconds of all tools compare.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores; CPU seconds, 1 thread"
    )
    for name in asked.names or names:
        # A process of its own: peak memory is then that of one benchmark.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            rows = pool.submit(run_benchmark, name, asked.quick).result()
        table = [_cells(row, _reference(row, rows)) for row in rows]
        _print(name, table)
        if not asked.quick:
            _write(HERE / "results" / f"{name}.csv", table)


def _reference(row: Row, rows: list[Row]) -> float:
    """Seconds of ours on the same task: the first row of the task."""
    first = next(other for other in rows if other.task == row.task)
    return first.seconds if first.tool.startswith(OURS) else math.nan


def _cells(row: Row, ours: float) -> tuple[str, ...]:
    how = (
        ""
        if math.isnan(row.seconds)
        else "measured"
        if row.share == 1
        else f"extrapolated from {row.share:.2%}"
    )
    ratio = row.seconds / ours if ours > 0 else math.nan
    return (
        row.task,
        row.tool,
        _number(row.seconds),
        "" if math.isnan(ratio) else f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}",
        how,
        "" if math.isnan(row.peak_mb) else f"{row.peak_mb:.0f}",
        row.note,
    )


def _number(seconds: float) -> str:
    return "" if math.isnan(seconds) else f"{seconds:,.1f}" if seconds >= 100 else f"{seconds:.3g}"


def _print(name: str, table: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[k]) for row in [COLUMNS, *table]) for k in range(len(COLUMNS))]
    print(f"\n== {name}")
    for row in [COLUMNS, *table]:
        cells = [
            cell.rjust(w) if k in (2, 3, 5) else cell.ljust(w)
            for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip(), flush=True)


def _write(path: Path, table: list[tuple[str, ...]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *table])


if __name__ == "__main__":
    main()
