"""Coverage of every interval for kappa: writes results/coverage.csv and results/coverage.md.

Run with ``python benchmarks/coverage.py`` (half an hour on one core: every cell is enumerated, nothing is
simulated). "as peers" rows are the raw rules, without our guards, as scipy, arch, statsmodels or R compute them.
"""

from __future__ import annotations

import csv
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.stats.kappa import limits
from mura_ensemble.stats.kappa.coverage import CoverageResult, Rule, coverage
from mura_ensemble.stats.kappa.intervals import Kind, kappa_intervals

FloatArray = NDArray[np.float64]
Rows = list[tuple[str, CoverageResult]]

STUDIES = (15, 20, 27, 30, 100, 207)
TRUTHS = tuple(product((0.4, 0.7, 0.85), (0.3, 0.4, 0.5), (0.0, 0.05)))
RARE = tuple(product((0.4, 0.7, 0.85), (0.05, 0.1, 0.2), (0.0,)))
WIDE = tuple(
    product((0.0, 0.2, 0.3, 0.5, 0.6, 0.75, 0.8, 0.9, 0.95), (0.1, 0.2, 0.3, 0.5), (-0.05, 0.0, 0.05))
)
WIDE_STUDIES = (10, 12, 15, 17, 20, 22, 25, 27, 30, 33, 36, 40, 45, 50, 60, 80, 99)
SHOWN_WHEN_RARE = ("auto", "add_one", "wald as peers", "BCa as peers")
GUARDED: tuple[Kind, ...] = ("auto", "add_one", "add_half", "logit", "dirichlet")
SLOW = ("basic as peers", "studentized as peers", "dirichlet")
RESULTS = Path(__file__).parent / "results"


class Remembered:
    """A rule that computes each distinct table once, whatever the number of truths it is judged at."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._seen: dict[bytes, tuple[float, float]] = {}

    def __call__(self, tables: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
        """Limits of the tables, new or remembered."""
        keys = [table.tobytes() for table in tables]
        new = [index for index, key in enumerate(keys) if key not in self._seen]
        if new:
            for index, low, high in zip(new, *self._rule(tables[new], level), strict=True):
                self._seen[keys[index]] = float(low), float(high)
        both = np.array([self._seen[key] for key in keys])
        return both[:, 0], both[:, 1]


def guarded(kind: Kind) -> Rule:
    def rule(tables: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
        intervals = kappa_intervals(tables, kind, level)
        return intervals.low, intervals.high

    return rule


def rules() -> dict[str, Rule]:
    ours: dict[str, Rule] = {kind: guarded(kind) for kind in GUARDED}
    peers: dict[str, Rule] = {
        "wald as peers": limits.wald_limits,
        "percentile as peers": limits.percentile_limits,
        "BCa as peers": limits.bca_limits,
        "basic as peers": limits.basic_limits,
        "studentized as peers": limits.studentized_limits,
    }
    return ours | peers


def measure() -> Rows:
    rows: Rows = []
    for n in STUDIES:
        for name, rule in rules().items():
            if n > 30 and name in SLOW:
                continue
            remembered = Remembered(rule)
            # Skipping a mass of 1e-4 moves a coverage by at most 0.01 %.
            missing_mass = 1e-9 if n <= 30 else 1e-4
            truths = TRUTHS + RARE if name in SHOWN_WHEN_RARE else TRUTHS
            found = [coverage(remembered, n, *truth, missing_mass=missing_mass) for truth in truths]
            rows += [(name, result) for result in found]
            print(f"n {n:4d}  {name:22s} worst {100 * min(one.coverage for one in found):6.2f} %", flush=True)
    return rows


def measure_wide() -> Rows:
    """Measure the rule `auto` uses below 100 studies over all kappas, prevalences and biases that can be."""
    found: Rows = []
    for n in WIDE_STUDIES:
        for truth in WIDE:
            try:
                found.append(("auto, wide grid", coverage("auto", n, *truth, missing_mass=1e-6)))
            except ValueError:  # a bias too large for so little disagreement
                continue
    return found


def write_csv(rows: Rows, path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["rule", *asdict(rows[0][1])])
        for name, result in rows:
            values = asdict(result).values()
            writer.writerow([name, *(f"{one:.6g}" if isinstance(one, float) else one for one in values)])


def markdown(rows: Rows, wide: Rows) -> str:
    cells: dict[tuple[str, int], list[CoverageResult]] = {}
    rare: dict[tuple[str, int], list[CoverageResult]] = {}
    for name, result in rows:
        truth = (result.kappa, result.prevalence, result.bias)
        (cells if truth in TRUTHS else rare).setdefault((name, result.n), []).append(result)
    names = list(dict.fromkeys(name for name, _ in rows))
    heading = " | ".join(f"n = {n}" for n in STUDIES) + " |"

    def worst(found: list[CoverageResult]) -> str:
        shares = [100 * one.coverage for one in found]
        return f"{min(shares):.1f} ({np.mean(shares):.1f})"

    def misses(found: list[CoverageResult]) -> str:
        above, below = (100 * np.mean([getattr(one, side) for one in found]) for side in ("above", "below"))
        return f"{np.mean([one.width for one in found]):.3f}, {above:.1f} / {below:.1f}"

    lines = [
        "# Coverage of 95 % intervals for Cohen's kappa",
        "",
        f"{len(TRUTHS)} truths per n: kappa .4, .7, .85; prevalence .3, .4, .5; bias 0, .05 (the rater's rate of",
        "abnormal minus the prevalence). Tables are enumerated, not simulated; what is skipped is below 1e-4 for",
        "n >= 100, else 1e-9. Shares are among tables with a defined kappa. Rules *as peers* are raw: for a perfect",
        "table they give [1, 1] (Wald, percentile, basic) or nothing (BCa, studentized), which is never the truth",
        "here, and their widths are over the tables where they give something.",
    ]
    for title, show, source in (
        ("Worst truth (mean over the truths), %", worst, cells),
        ("Mean width, and misses above / below the truth in %", misses, cells),
        ("Rare classes, prevalence .05, .1, .2: worst truth (mean), %", worst, rare),
        ("Rare classes: mean width, and misses above / below the truth in %", misses, rare),
    ):
        lines += ["", f"## {title}", "", "| rule | " + heading, "|---" * (len(STUDIES) + 1) + "|"]
        for name in (one for one in names if (one, STUDIES[0]) in source):
            shown = [show(source[name, n]) if (name, n) in source else "" for n in STUDIES]
            lines.append(f"| {name} | " + " | ".join(shown) + " |")
    lines += ["", "## `auto` at every truth, %", "", "| kappa | prevalence | bias | " + heading]
    lines.append("|---" * (len(STUDIES) + 3) + "|")
    for place, truth in enumerate(TRUTHS):
        shares = [f"{100 * cells['auto', n][place].coverage:.1f}" for n in STUDIES]
        lines.append("| " + " | ".join([*map(str, truth), *shares]) + " |")
    lines += [
        "",
        f"## `auto` below 100 studies, all {len(wide) // len(WIDE_STUDIES)} truths of a wide grid, %",
        "",
        "Kappa 0 to .95, prevalence .1 to .5, bias -.05, 0, .05.",
        "",
        "| n | worst | at kappa, prevalence, bias | mean | truths below 93.5 |",
        "|---|---|---|---|---|",
    ]
    for n in WIDE_STUDIES:
        ordered = sorted((one for _, one in wide if one.n == n), key=lambda one: one.coverage)
        low, mean = ordered[0], np.mean([one.coverage for one in ordered])
        where = f"{low.kappa}, {low.prevalence}, {low.bias}"
        below = sum(one.coverage < 0.935 for one in ordered)
        lines.append(f"| {n} | {100 * low.coverage:.1f} | {where} | {100 * mean:.1f} | {below} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    measured, measured_wide = measure(), measure_wide()
    RESULTS.mkdir(exist_ok=True)
    write_csv(measured + measured_wide, RESULTS / "coverage.csv")
    (RESULTS / "coverage.md").write_text(markdown(measured, measured_wide))
