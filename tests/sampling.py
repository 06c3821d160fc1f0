"""How much of a large test runs: a seeded sample in `make test`, all of it in `make test-long`."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

__all__ = ["LONG", "amount", "long_table", "only_long"]

LONG = os.environ.get("MURA_ENSEMBLE_TESTS", "") == "long"

only_long = pytest.mark.skipif(not LONG, reason="in make test-long")


def amount(full: int, sample: int | None = None) -> int:
    """How many cases run: `full` in the long suite, else `sample` (a quarter of them, at least five, if not given)."""
    short = max(5, full // 4) if sample is None else sample
    return full if LONG else min(full, short)


def long_table(stats: Mapping[str, Iterable[Any]], path: Path) -> None:
    """Write the closing table of the long suite: tests and seconds of each folder."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in stats.get(outcome, ()):
            folder = str(Path(report.nodeid.split("::")[0]).parent)
            counts[folder][outcome] += 1
            seconds[folder] += report.duration
    lines = [
        "# The last `make test-long`",
        "",
        "Every large test in full. Written by the run itself.",
        "",
        "| folder | passed | failed | errors | skipped | seconds |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for folder in sorted(counts):
        n = counts[folder]
        lines.append(
            f"| {folder} | {n['passed']} | {n['failed']} | {n['error']} | {n['skipped']} | {seconds[folder]:.0f} |"
        )
    total = sum(counts.values(), Counter[str]())
    lines.append(
        f"| **all** | {total['passed']} | {total['failed']} | {total['error']} | {total['skipped']} "
        f"| {sum(seconds.values()):.0f} |"
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
