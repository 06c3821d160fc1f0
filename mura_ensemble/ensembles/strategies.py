"""The strategies by name; a new one is one function from a sample to a combination, entered here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from mura_ensemble.ensembles.combining import greedy, means, stacked, weighted
from mura_ensemble.ensembles.combining.combination import Combination, Sample

__all__ = ["OWN_CUT", "RECORDS", "STRATEGIES"]

STRATEGIES: Mapping[str, Callable[[Sample], Combination]] = {
    "mean": means.fit_mean,
    "logit-mean": means.fit_logit_mean,
    "rank-mean": means.fit_rank_mean,
    "power-mean": means.fit_power_mean,
    "weighted": weighted.fit,
    "weighted-kappa": weighted.fit_kappa,
    "greedy": partial(greedy.fit_greedy, metric="log-loss"),
    "greedy-bagged": partial(greedy.fit_greedy, metric="log-loss", bags=greedy.BAGS),
    "greedy-kappa": partial(greedy.fit_greedy, metric="kappa"),
    "greedy-kappa-bagged": partial(greedy.fit_greedy, metric="kappa", bags=greedy.BAGS),
    "greedy-kappa-joint": partial(greedy.fit_greedy, metric="kappa-joint"),
    "greedy-kappa-joint-bagged": partial(greedy.fit_greedy, metric="kappa-joint", bags=greedy.BAGS),
    "stack": partial(stacked.fit, kind="stack"),
    "stack-nonnegative": partial(stacked.fit, kind="stack-nonnegative"),
    "stack-types": partial(stacked.fit, kind="stack-types"),
    "hierarchical": partial(stacked.fit, kind="hierarchical"),
}
"""From the simplest to the most flexible: of equally good ones the first is chosen."""

OWN_CUT = frozenset({"greedy-kappa-joint", "greedy-kappa-joint-bagged"})
"""Strategies whose weights are chosen for a threshold of their own; a cut of 0.5 means nothing to them."""

RECORDS: Mapping[str, Callable[..., Combination]] = {
    record.kind: record
    for record in (
        means.Mean,
        means.LogitMean,
        means.RankMean,
        means.PowerMean,
        weighted.WeightedCombination,
        stacked.StackedCombination,
    )
}
"""Kind in a JSON file to the record it becomes."""
