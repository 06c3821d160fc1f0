"""Two raters on the same studies: interval and permutation p of the difference of their kappas."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import OURS, Row, Study, cpu_seconds, importable, missing, simulate
from benchmarks.bench_one_rater import RESAMPLES, kappa
from mura_ensemble.stats.comparing.paired import compare_kappas

SLOW = 100


def run(quick: bool) -> list[Row]:
    rows = []
    for n in (207,) if quick else (207, 1_199, 14_863):
        study = simulate(n, raters=2)
        task = f"paired difference, n = {n:,}"
        ours = compare_kappas(study.gold, *study.calls.T)
        note = f"p_swap {ours.p_swap:.2g}, {'all swaps' if ours.p_swap_exact else 'swaps drawn'}; McNemar included"
        rows.append(
            Row(task, OURS, cpu_seconds(lambda s=study: compare_kappas(s.gold, *s.calls.T), 3), note=note)
        )
        by_patient = cpu_seconds(
            lambda s=study: compare_kappas(s.gold, *s.calls.T, clusters=s.patients), repeat=3
        )
        rows.append(Row(task, f"{OURS} by patient", by_patient))
        seconds = cpu_seconds(lambda s=study: _scipy_interval(s))
        rows.append(Row(task, "scipy bootstrap, vectorised", seconds, note="interval only"))
        p = _scipy_permutation(study)
        seconds = cpu_seconds(lambda s=study: _scipy_permutation(s))
        rows.append(Row(task, "scipy permutation_test, vectorised", seconds, note=f"p only: {p:.2g}"))
        if not importable("sklearn"):
            rows.append(missing(task, "scikit-learn loop"))
            continue
        _sklearn(study, 2)
        seconds = cpu_seconds(lambda s=study: _sklearn(s, SLOW)) * RESAMPLES / SLOW
        rows.append(Row(task, "scikit-learn loop", seconds, SLOW / RESAMPLES, note="interval and p"))
    return rows


def _difference(gold: Any, first: Any, second: Any, axis: int = -1) -> Any:
    return kappa(gold, first, axis) - kappa(gold, second, axis)


def _scipy_interval(study: Study) -> Any:
    from scipy import stats

    three = (study.gold == 1, study.calls[:, 0] == 1, study.calls[:, 1] == 1)
    return stats.bootstrap(
        three,
        _difference,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        method="percentile",
        batch=500,
        rng=0,
    )


def _scipy_permutation(study: Study) -> float:
    from scipy import stats

    gold = study.gold == 1

    def statistic(first: Any, second: Any, axis: int = -1) -> Any:
        return np.abs(_difference(gold, first, second, axis))

    found = stats.permutation_test(
        (study.calls[:, 0] == 1, study.calls[:, 1] == 1),
        statistic,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=500,
        alternative="greater",
        rng=0,
    )
    return float(found.pvalue)


def _sklearn(study: Study, resamples: int) -> Any:
    from sklearn.metrics import cohen_kappa_score

    rng, n = np.random.default_rng(0), len(study.gold)
    drawn, swapped = [], []
    for _ in range(resamples):
        index = rng.integers(0, n, n)
        gold, calls = study.gold[index], study.calls[index]
        drawn.append(cohen_kappa_score(gold, calls[:, 0]) - cohen_kappa_score(gold, calls[:, 1]))
        turn = rng.random(n) < 0.5
        first = np.where(turn, study.calls[:, 1], study.calls[:, 0])
        second = np.where(turn, study.calls[:, 0], study.calls[:, 1])
        swapped.append(cohen_kappa_score(study.gold, first) - cohen_kappa_score(study.gold, second))
    return np.quantile(drawn, [0.025, 0.975]), swapped
