"""20 raters in 7 study types and overall: every interval and all 190 differences from 10,000 resamples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import OURS, Row, Study, cpu_seconds, importable, missing, peak_mb, simulate
from benchmarks.bench_one_rater import RESAMPLES, kappa
from mura_ensemble.stats.resampling.resample import joint_bootstrap

TARGETS = {207: 0.15, 1_199: 0.30, 14_863: 3.0}


def run(quick: bool) -> list[Row]:
    rows = []
    for n in (207,) if quick else tuple(TARGETS):
        study = simulate(n)
        task = f"20 raters x 8 groups, n = {n:,}"
        seconds = cpu_seconds(lambda study=study: _ours(study), repeat=3)
        note = f"target {TARGETS[n]} s; macro mean and the 190 differences' draws included"
        rows.append(Row(task, OURS, seconds, peak_mb=peak_mb(), note=note))
        seconds = cpu_seconds(lambda study=study: _ours(study, by_patient=True), repeat=3)
        rows.append(Row(task, f"{OURS} by patient", seconds, note="the unit drawn is the patient"))
        seconds = cpu_seconds(lambda study=study: _ours(study, differences=True))
        rows.append(Row(task, f"{OURS} + 1,710 difference intervals", seconds))
        for tool, package, work, share in _peers(study):
            if not importable(package):
                rows.append(missing(task, tool))
                continue
            work()
            rows.append(Row(task, tool, cpu_seconds(work) / share, share, note="no differences"))
    return rows


def _ours(study: Study, *, by_patient: bool = False, differences: bool = False) -> Any:
    clusters = study.patients if by_patient else None
    boot = joint_bootstrap(
        study.gold, study.calls, strata=study.types, clusters=clusters, resamples=RESAMPLES
    )
    pairs = boot.differences()
    return boot.interval(), pairs.interval() if differences else pairs.draws(boot.overall)


def _peers(study: Study) -> list[tuple[str, str, Callable[[], Any], float]]:
    """Tool, package, work, and the share of all 20 x 8 x 10,000 kappas that the work computes."""
    raters = study.calls.shape[1]
    groups = [np.arange(len(study.gold)), *(np.flatnonzero(study.types == s) for s in range(7))]
    few = 2 if len(study.gold) > 10_000 else 5

    def loop(statistic: Callable[[Any, Any], Any]) -> Callable[[], Any]:
        def work() -> Any:
            rng = np.random.default_rng(0)
            for _ in range(few):
                for rows in groups:
                    index = rows[rng.integers(0, len(rows), len(rows))]
                    for r in range(raters):
                        statistic(study.gold[index], study.calls[index, r])

        return work

    def sklearn_kappa(gold: Any, call: Any) -> Any:
        from sklearn.metrics import cohen_kappa_score

        return cohen_kappa_score(gold, call)

    def statsmodels_kappa(gold: Any, call: Any) -> Any:
        from statsmodels.stats.inter_rater import cohens_kappa

        table = np.bincount(2 * gold + call, minlength=4).reshape(2, 2)
        return cohens_kappa(table, return_results=False)

    def scipy_work() -> Any:
        from scipy import stats

        for rows in groups:
            stats.bootstrap(
                (study.gold[rows] == 1, study.calls[rows, 0] == 1),
                kappa,
                paired=True,
                vectorized=True,
                n_resamples=RESAMPLES,
                method="percentile",
                batch=500,
                rng=0,
            )

    def arch_work() -> Any:
        from arch.bootstrap import IIDBootstrap

        for rows in groups:
            bootstrap = IIDBootstrap(study.gold[rows], study.calls[rows, 0], seed=0)
            bootstrap.conf_int(kappa, reps=RESAMPLES // 10, method="percentile")

    return [
        ("scikit-learn loop", "sklearn", loop(sklearn_kappa), few / RESAMPLES),
        ("statsmodels loop", "statsmodels", loop(statsmodels_kappa), few / RESAMPLES),
        ("scipy bootstrap, vectorised", "scipy", scipy_work, 1 / raters),
        ("arch IIDBootstrap", "arch", arch_work, 0.1 / raters),
    ]
