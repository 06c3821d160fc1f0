"""95 % percentile interval of one rater's kappa from 10,000 resamples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import OURS, Row, Study, cpu_seconds, importable, missing, simulate
from mura_ensemble.stats.kappa.cohen import tables_2x2
from mura_ensemble.stats.kappa.exact import exact_bootstrap
from mura_ensemble.stats.resampling.resample import joint_bootstrap

RESAMPLES = 10_000
EXACT = "no seed, no Monte-Carlo error"
SLOW = 100  # resamples really drawn of a peer that loops in Python


def run(quick: bool) -> list[Row]:
    rows = []
    for n in (207,) if quick else (207, 1_199, 14_863):
        study = simulate(n, raters=1)
        task = f"one kappa, n = {n:,}"
        seconds = cpu_seconds(lambda study=study: _exact(study), repeat=5)
        rows.append(Row(task, f"{OURS} exact", seconds, note=EXACT))
        rows.append(Row(task, f"{OURS} joint", cpu_seconds(lambda study=study: _joint(study), repeat=3)))
        for tool, package, loops, peer in PEERS:
            if not importable(package):
                rows.append(missing(task, tool))
                continue
            try:
                peer(study, 2)  # imports and caches are not timed
            except Exception as error:
                rows.append(Row(task, tool, float("nan"), note=f"does not run here: {type(error).__name__}"))
                continue
            resamples = SLOW if loops else RESAMPLES
            seconds = cpu_seconds(lambda peer=peer, study=study, r=resamples: peer(study, r))
            rows.append(Row(task, tool, seconds * RESAMPLES / resamples, resamples / RESAMPLES))
    return rows


def kappa(gold: Any, call: Any, axis: int = -1) -> Any:
    """Kappa of 0/1 arrays along an axis, as a careful user of a vectorised bootstrap writes it."""
    agree = (gold == call).mean(axis=axis)
    p, q = gold.mean(axis=axis), call.mean(axis=axis)
    chance = p * q + (1 - p) * (1 - q)
    return (agree - chance) / (1 - chance)


def _exact(study: Study) -> Any:
    return exact_bootstrap(tables_2x2(study.gold, study.calls)[0]).quantile([0.025, 0.975])


def _joint(study: Study) -> Any:
    return joint_bootstrap(study.gold, study.calls, resamples=RESAMPLES).interval()


def _sklearn(study: Study, resamples: int) -> Any:
    from sklearn.metrics import cohen_kappa_score

    return _loop(study, resamples, cohen_kappa_score)


def _statsmodels(study: Study, resamples: int) -> Any:
    from statsmodels.stats.inter_rater import cohens_kappa

    def value(gold: Any, call: Any) -> Any:
        table = np.bincount(2 * gold + call, minlength=4).reshape(2, 2)
        return cohens_kappa(table, return_results=False)

    return _loop(study, resamples, value)


def _loop(study: Study, resamples: int, statistic: Callable[[Any, Any], Any]) -> Any:
    rng, n = np.random.default_rng(0), len(study.gold)
    drawn = []
    for _ in range(resamples):
        index = rng.integers(0, n, n)
        drawn.append(statistic(study.gold[index], study.calls[index, 0]))
    return np.quantile(drawn, [0.025, 0.975])


def _scipy(study: Study, resamples: int) -> Any:
    from scipy import stats

    pair = (study.gold == 1, study.calls[:, 0] == 1)
    return stats.bootstrap(
        pair,
        kappa,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        method="percentile",
        batch=500,
        rng=0,
    )


def _arch(study: Study, resamples: int) -> Any:
    from arch.bootstrap import IIDBootstrap

    bootstrap = IIDBootstrap(study.gold, study.calls[:, 0], seed=0)
    return bootstrap.conf_int(kappa, reps=resamples, method="percentile")


def _confidenceinterval(study: Study, resamples: int) -> Any:
    from confidenceinterval.bootstrap import bootstrap_ci
    from sklearn.metrics import cohen_kappa_score

    return bootstrap_ci(
        study.gold,
        study.calls[:, 0],
        cohen_kappa_score,
        n_resamples=resamples,
        method="bootstrap_percentile",
        random_state=np.random.RandomState(0),
    )


def _torchmetrics(study: Study, resamples: int) -> Any:
    import torch
    from torchmetrics.classification import BinaryCohenKappa
    from torchmetrics.wrappers import BootStrapper

    torch.set_num_threads(1)
    metric = BootStrapper(
        BinaryCohenKappa(),
        num_bootstraps=resamples,
        sampling_strategy="multinomial",
        quantile=torch.tensor([0.025, 0.975]),
    )
    metric.update(torch.from_numpy(study.calls[:, 0]), torch.from_numpy(study.gold))
    return metric.compute()


def _rliable(study: Study, resamples: int) -> Any:
    from rliable.library import get_interval_estimates

    # Its bootstrap draws every column on its own, so gold and call must share one.
    cells = (2 * study.gold + study.calls[:, 0])[:, None]
    return get_interval_estimates(
        {"rater": cells}, lambda x: np.array([kappa(x[:, 0] // 2, x[:, 0] % 2)]), reps=resamples
    )


PEERS: list[tuple[str, str, bool, Callable[[Study, int], Any]]] = [
    ("scikit-learn loop", "sklearn", True, _sklearn),
    ("statsmodels loop", "statsmodels", True, _statsmodels),
    ("scipy bootstrap, vectorised", "scipy", False, _scipy),
    ("arch IIDBootstrap", "arch", False, _arch),
    ("confidenceinterval + scikit-learn", "confidenceinterval", True, _confidenceinterval),
    ("torchmetrics BootStrapper", "torchmetrics", True, _torchmetrics),
    ("rliable", "rliable.library", False, _rliable),
]
