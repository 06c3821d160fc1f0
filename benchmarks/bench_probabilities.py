"""AUROC with DeLong's test, the kappa-optimal threshold, paired Brier scores, calibration line and diversity."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import OURS, Row, cpu_seconds, missing
from mura_ensemble.stats.probabilities.auroc import auroc, auroc_differences
from mura_ensemble.stats.probabilities.calibration import calibration
from mura_ensemble.stats.probabilities.diversity import diversity
from mura_ensemble.stats.probabilities.operating import best_threshold
from mura_ensemble.stats.probabilities.proper import compare_losses

RATERS = 20
PAIRS = RATERS * (RATERS - 1) // 2
RESAMPLES = 10_000
GRID = np.linspace(0.01, 0.99, 99)

Gold = NDArray[np.int64]
Matrix = NDArray[np.float64]
Task = Callable[[Gold, Matrix], list[Row]]


def run(quick: bool) -> list[Row]:
    rows = []
    for task in (_auroc, _threshold, _brier, _calibration, _diversity):
        for n in (207,) if quick else (207, 1_199, 14_863):
            rows += task(*_simulate(n))
    return rows


def _simulate(n: int) -> tuple[Gold, Matrix]:
    rng = np.random.default_rng(0)
    gold = (rng.random(n) < 0.45).astype(np.int64)
    latent = 2.4 * (gold - 0.5) + rng.normal(size=n)
    logits = latent[:, None] + rng.normal(size=(n, RATERS)) * np.linspace(0.3, 1.2, RATERS)
    return gold, 1 / (1 + np.exp(-logits))


def _auroc(gold: Gold, probability: Matrix) -> list[Row]:
    task = f"AUROC of {RATERS} raters with DeLong's variance, n = {len(gold):,}"

    def ours() -> Any:
        return auroc_differences(auroc(gold, probability))

    def confidenceinterval() -> Any:
        from confidenceinterval import roc_auc_score

        return [roc_auc_score(gold, column, method="delong") for column in probability.T]

    def sklearn() -> Any:
        from sklearn.metrics import roc_auc_score

        rng = np.random.default_rng(0)
        for _ in range(10):
            index = rng.integers(0, len(gold), len(gold))
            for column in probability.T[:2]:
                roc_auc_score(gold[index], column[index])

    return [
        Row(task, OURS, cpu_seconds(ours, repeat=5), note=f"{PAIRS} paired tests included"),
        _peer(task, "confidenceinterval", "confidenceinterval", confidenceinterval, note="no paired test"),
        _peer(
            task,
            "scikit-learn bootstrap loop",
            "sklearn",
            sklearn,
            10 * 2 / (RESAMPLES * RATERS),
            note="another method: what users write where DeLong is missing",
        ),
    ]


def _threshold(gold: Gold, probability: Matrix) -> list[Row]:
    task = f"kappa-optimal threshold, n = {len(gold):,}"
    column = probability[:, 0]
    best = best_threshold(gold, column).kappa

    def sklearn(cuts: Matrix) -> float:
        from sklearn.metrics import cohen_kappa_score

        return max(cohen_kappa_score(gold, column > cut) for cut in cuts)

    every = np.unique(column)
    some = every[:: max(1, len(every) // 100)]
    grid = f"best kappa {sklearn(GRID):.5f}"
    return [
        Row(
            task, OURS, cpu_seconds(lambda: best_threshold(gold, column), 20), note=f"exact, kappa {best:.5f}"
        ),
        _peer(task, "scikit-learn, 99 cuts", "sklearn", lambda: sklearn(GRID), note=grid),
        _peer(task, "scikit-learn, every cut", "sklearn", lambda: sklearn(some), len(some) / len(every)),
    ]


def _brier(gold: Gold, probability: Matrix) -> list[Row]:
    task = f"{PAIRS} paired Brier differences, {RESAMPLES:,} resamples, n = {len(gold):,}"
    few = max(10, RESAMPLES * 207 // len(gold) // 10)

    def scipy() -> Any:
        from scipy import stats

        losses = (probability[:, :2] - gold[:, None]) ** 2
        apart = losses[:, 0] - losses[:, 1]
        return stats.bootstrap((apart,), np.mean, n_resamples=few, batch=100, method="percentile", rng=0)

    return [
        Row(task, OURS, cpu_seconds(lambda: compare_losses(gold, probability, resamples=RESAMPLES), 2)),
        _peer(task, "scipy.stats.bootstrap", "scipy", scipy, few / RESAMPLES / PAIRS, note="no p-values"),
    ]


def _calibration(gold: Gold, probability: Matrix) -> list[Row]:
    task = f"calibration line, n = {len(gold):,}"
    column = probability[:, 0]

    def statsmodels() -> Any:
        import statsmodels.api as sm

        x = np.log(column / (1 - column))
        whole = sm.GLM(gold, np.ones(len(gold)), family=sm.families.Binomial(), offset=x).fit()
        return sm.Logit(gold, sm.add_constant(x)).fit(disp=0).conf_int(), whole.conf_int()

    return [
        Row(task, OURS, cpu_seconds(lambda: calibration(gold, column), 20)),
        _peer(task, "statsmodels Logit and GLM", "statsmodels", statsmodels),
    ]


def _diversity(gold: Gold, probability: Matrix) -> list[Row]:
    task = f"diversity of {PAIRS} pairs, n = {len(gold):,}"
    calls = (probability > 0.5).astype(np.float64)

    def sklearn() -> Any:
        from sklearn.metrics import matthews_corrcoef

        right = calls == gold[:, None]
        return [matthews_corrcoef(right[:, 0], right[:, j]) for j in range(1, 4)]

    return [
        Row(
            task,
            OURS,
            cpu_seconds(lambda: diversity(gold, calls), 20),
            note="Q, phi, double fault, disagreement",
        ),
        _peer(task, "scikit-learn matthews_corrcoef loop", "sklearn", sklearn, 3 / PAIRS, note="phi alone"),
    ]


def _peer(
    task: str, tool: str, package: str, work: Callable[[], Any], share: float = 1.0, note: str = ""
) -> Row:
    """Time of a peer, its imports and caches warmed first."""
    if find_spec(package) is None:
        return missing(task, tool)
    work()
    return Row(task, tool, cpu_seconds(work) / share, share, note=note)
