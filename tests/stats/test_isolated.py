"""Isolated rater and group: one rater is Cohen's kappa, a hand-worked table, the jackknife."""

import numpy as np
import pytest

from mura_ensemble.stats.kappa.cohen import summarise_tables, tables_2x2
from mura_ensemble.stats.reader_study.isolated import isolated_agreement


def test_one_rater_in_the_group_gives_cohen_with_its_standard_error():
    rng = np.random.default_rng(1)
    first = rng.random(80) < 0.4
    second = first ^ (rng.random(80) < 0.2)
    found = isolated_agreement(first.astype(float), second[:, None].astype(float))
    cohen = summarise_tables(tables_2x2(second.astype(float), first.astype(float)))
    assert found.kappa == pytest.approx(cohen.kappa[0])
    assert found.se == pytest.approx(cohen.se[0])


def test_hand_worked_group_of_three():
    """x = 1 1 0 0, y = 1 2/3 1/3 0: observed 5/6, attainable 5/6, expected 1/2, so kappa is 1."""
    group = [[1, 1, 1], [1, 1, 0], [0, 1, 0], [0, 0, 0]]
    found = isolated_agreement([1, 1, 0, 0], group)
    assert found.observed == pytest.approx(5 / 6)
    assert found.attainable == pytest.approx(5 / 6)
    assert found.kappa == pytest.approx(1)
    # The third call turned: observed (1 + 2/3 + 1/3 + 1) / 4, expected 3/4 * 1/2 + 1/4 * 1/2.
    turned = isolated_agreement([1, 1, 1, 0], group)
    assert turned.kappa == pytest.approx((3 / 4 - 1 / 2) / (5 / 6 - 1 / 2))


def test_standard_error_is_that_of_the_jackknife_of_patients():
    rng = np.random.default_rng(4)
    truth = rng.random(300) < 0.4
    group = np.where(rng.random((300, 4)) < 0.15, ~truth[:, None], truth[:, None]).astype(float)
    group[rng.random((300, 4)) < 0.2] = np.nan
    call = (truth ^ (rng.random(300) < 0.1)).astype(float)
    patients = np.repeat(np.arange(150), 2)
    found = isolated_agreement(call, group, patients=patients)
    left = [isolated_agreement(call[patients != unit], group[patients != unit]).kappa for unit in range(150)]
    jackknife = np.sqrt(149 / 150 * np.sum((left - np.mean(left)) ** 2))
    assert found.se == pytest.approx(jackknife, rel=0.02)
    assert found.low < found.kappa < found.high


def test_nobody_read():
    assert isolated_agreement([1, np.nan], [[np.nan], [1]]).n == 0
