"""Coverage of the patient-clustered intervals, simulated: `python -m benchmarks.clustered_coverage`.

Gold and the errors of two raters are thresholded normals; `SHARE` of their variance is the patient's, and 0.4 of
that of the errors is common to the raters. Writes `benchmarks/results/clustered_coverage.csv`.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from mura_ensemble.stats.comparing.paired import compare_kappas
from mura_ensemble.stats.kappa.clustered import clustered_kappa_interval
from mura_ensemble.stats.kappa.cohen import cohen_kappa, tables_2x2
from mura_ensemble.stats.kappa.intervals import kappa_interval
from mura_ensemble.stats.resampling.resample import joint_bootstrap

SHARE, COMMON, RESAMPLES = 0.6, 0.4, 1_000
MIX = (
    0.66,
    0.20,
    0.08,
    0.04,
    0.02,
)  # patients with 1, 2, 3, 4 and 5 studies: the public validation split, roughly
DESIGNS = {
    "10 patients, 3 studies each": (10, 3),
    "20 patients, mixed": (20, None),
    "20 patients, 3 studies each": (20, 3),
    "40 patients, 2 studies each": (40, 2),
    "70 patients, mixed": (70, None),
    "140 patients, mixed": (140, None),
    "300 patients, mixed": (300, None),
}
TRUTHS = ((0.85, 0.85), (0.925, 0.925), (0.875, 0.925))  # accuracy of rater and reference
PREVALENCE = 0.45
COLUMNS = (
    "what",
    "design",
    "accuracy",
    "accuracy_reference",
    "truth",
    "rule",
    "coverage",
    "mean_width",
    "runs",
)

Codes = NDArray[np.int64]
Limits = dict[str, tuple[float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clustered_coverage", description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    runs = parser.parse_args().runs
    path = Path(__file__).parent / "results" / "clustered_coverage.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in table(runs):
            print(*row, sep="  ", flush=True)
            writer.writerow(row)


def table(runs: int) -> Iterator[tuple[str | float, ...]]:
    for design, (patients, size) in DESIGNS.items():
        for accuracy, other in TRUTHS:
            rng = np.random.default_rng(0)
            true = [_kappa(accuracy), _kappa(other)]
            seen: dict[tuple[str, str], list[tuple[bool, float]]] = {}
            for _ in range(runs):
                study = _study(rng, patients, size, (accuracy, other))
                if np.isnan(cohen_kappa(tables_2x2(study[0], study[1]))).any():
                    continue
                for what, value, limits in (
                    ("kappa", true[0], _limits(*study)),
                    ("difference", true[0] - true[1], _difference_limits(*study)),
                ):
                    for rule, (low, high) in limits.items():
                        held = low - 1e-12 <= value <= high + 1e-12
                        seen.setdefault((what, rule), []).append((held, high - low))
            for (what, rule), results in seen.items():
                held, width = np.nanmean(results, axis=0)
                value = true[0] if what == "kappa" else true[0] - true[1]
                yield (
                    what,
                    design,
                    accuracy,
                    other,
                    round(value, 3),
                    rule,
                    round(100 * float(held), 1),
                    round(float(width), 3),
                    len(results),
                )


def _kappa(accuracy: float) -> float:
    p, q = PREVALENCE, 1 - PREVALENCE
    shares = np.array([[q * accuracy, q * (1 - accuracy)], [p * (1 - accuracy), p * accuracy]])
    return float(cohen_kappa(shares))


def _study(
    rng: np.random.Generator, patients: int, size: int | None, accuracy: tuple[float, float]
) -> tuple[Codes, Codes, Codes]:
    sizes = rng.choice([1, 2, 3, 4, 5], patients, p=MIX) if size is None else np.full(patients, size)
    patient = np.repeat(np.arange(patients), sizes)

    def latent() -> NDArray[np.float64]:
        own = rng.normal(size=len(patient))
        return np.asarray(np.sqrt(SHARE) * rng.normal(size=patients)[patient] + np.sqrt(1 - SHARE) * own)

    gold = (latent() < norm.ppf(PREVALENCE)).astype(np.int64)
    common = latent()
    calls = []
    for a in accuracy:
        right = np.sqrt(COMMON) * common + np.sqrt(1 - COMMON) * latent() < norm.ppf(a)
        calls.append(np.where(right, gold, 1 - gold))
    return gold, np.column_stack(calls), patient


def _limits(gold: Codes, calls: Codes, patient: Codes) -> Limits:
    plain = kappa_interval(tables_2x2(gold, calls[:, 0])[0])
    ours = clustered_kappa_interval(gold, calls[:, 0], clusters=patient, resamples=RESAMPLES)
    boot = joint_bootstrap(gold, calls[:, :1], clusters=patient, resamples=RESAMPLES)
    out = {"clustered (ours)": (ours.low, ours.high), "auto, patients ignored": (plain.low, plain.high)}
    for kind in ("percentile", "bca"):
        low, high = boot.interval(kind=kind)
        out[f"{kind}, bootstrap of patients"] = float(low[0, 0]), float(high[0, 0])
    return out


def _difference_limits(gold: Codes, calls: Codes, patient: Codes) -> Limits:
    ours = compare_kappas(gold, *calls.T, clusters=patient)
    plain = compare_kappas(gold, *calls.T)
    low, high = (
        joint_bootstrap(gold, calls, clusters=patient, resamples=RESAMPLES).difference(0, 1).interval()
    )
    return {
        "dirichlet by patient (ours)": (ours.low, ours.high),
        "dirichlet, patients ignored": (plain.low, plain.high),
        "delta by patient": (ours.delta_low, ours.delta_high),
        "percentile, bootstrap of patients": (float(low[0, 0]), float(high[0, 0])),
    }


if __name__ == "__main__":
    main()
