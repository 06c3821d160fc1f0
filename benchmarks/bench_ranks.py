"""Rank confidence sets and the winner's curse for a leaderboard of 84 entries."""

from __future__ import annotations

import numpy as np

from benchmarks import OURS, Row, cpu_seconds
from mura_ensemble.stats.comparing.ranks import rank_confidence_sets_from_covariance
from mura_ensemble.stats.comparing.winner import empirical_bayes, equicorrelated_covariance, winner_interval


def run(quick: bool) -> list[Row]:
    entries = 20 if quick else 84
    estimate = np.linspace(0.84, 0.52, entries)
    covariance = equicorrelated_covariance(np.linspace(0.038, 0.06, entries), 0.5)
    task = f"{entries} entries, estimates and covariance"
    sets = cpu_seconds(lambda: rank_confidence_sets_from_covariance(estimate, covariance))
    winner = cpu_seconds(
        lambda: (empirical_bayes(estimate, covariance), winner_interval(estimate, covariance))
    )
    return [
        Row(
            f"{task}: rank confidence sets", OURS, sets, note="10,000 draws, step-wise; no Python peer known"
        ),
        Row(f"{task}: winner's curse", OURS, winner, note="20,000 draws; no Python peer known"),
    ]
