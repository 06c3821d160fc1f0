"""Diversity against definitions written out pair by pair, numpy's correlation and a hand-worked table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sampling import amount

from mura_ensemble.stats.probabilities import diversity as module
from mura_ensemble.stats.probabilities.diversity import diversity

CALLS = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 25), st.integers(1, 4)), elements=st.sampled_from([0, 1])
)


def simulated(n: int = 200, raters: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 2, n).astype(float)
    hard = rng.random(n)[:, None]
    wrong = rng.random((n, raters)) < 0.4 * hard
    return gold, np.where(wrong, 1 - gold[:, None], gold[:, None])


def test_hand_worked_pair():
    # 50 both right, 10 both wrong, 25 only the first right, 15 only the second.
    gold = np.ones(100)
    calls = np.repeat([[1, 1], [0, 0], [1, 0], [0, 1]], [50, 10, 25, 15], axis=0)
    found = diversity(gold, calls)
    assert found.q[0, 1] == pytest.approx((500 - 375) / (500 + 375))
    assert found.phi[0, 1] == pytest.approx((500 - 375) / np.sqrt(75 * 25 * 65 * 35))
    assert found.disagreement[0, 1] == 0.40
    assert found.double_fault[0, 1] == 0.10
    assert found.n[0, 1] == 100


def test_every_pair_equals_its_definition_also_with_missing_calls(monkeypatch):
    gold, calls = simulated()
    rng = np.random.default_rng(1)
    calls[rng.random(calls.shape) < 0.1] = np.nan
    gold[:5] = np.nan
    whole = diversity(gold, calls)
    monkeypatch.setattr(module, "_BLOCK_CELLS", 64)
    in_blocks = diversity(gold, calls)
    for found in (whole, in_blocks):
        for i in range(4):
            for j in range(4):
                known = ~np.isnan(gold + calls[:, i] + calls[:, j])
                first, second = calls[known, i] != gold[known], calls[known, j] != gold[known]
                assert found.n[i, j] == known.sum()
                assert found.disagreement[i, j] == pytest.approx(np.mean(first != second))
                assert found.double_fault[i, j] == pytest.approx(np.mean(first & second))
                assert found.phi[i, j] == pytest.approx(np.corrcoef(first, second)[0, 1])
                odds = np.sum(first & second) * np.sum(~first & ~second)
                against = np.sum(first & ~second) * np.sum(~first & second)
                assert found.q[i, j] == pytest.approx((odds - against) / (odds + against))


@settings(max_examples=amount(80), deadline=None)
@given(CALLS, st.integers(0, 2**32 - 1))
def test_relabelling_row_order_and_rater_order_change_nothing(calls, seed):
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 2, len(calls))
    found = diversity(gold, calls)
    flipped = diversity(1 - gold, 1 - calls)
    rows, raters = rng.permutation(len(calls)), rng.permutation(calls.shape[1])
    turned = diversity(gold[rows], calls[rows][:, raters])
    for name in ("q", "phi", "disagreement", "double_fault", "n"):
        np.testing.assert_array_equal(getattr(flipped, name), getattr(found, name))
        np.testing.assert_array_equal(getattr(turned, name), getattr(found, name)[np.ix_(raters, raters)])
        np.testing.assert_array_equal(getattr(found, name).T, getattr(found, name))


def test_faultless_raters_and_empty_pairs_are_undefined():
    found = diversity([0, 1, 1], [[0, 0], [1, 0], [1, 1]])
    assert np.isnan([found.q[0, 1], found.phi[0, 1], found.phi[0, 0]]).all()
    assert found.phi[1, 1] == found.q[1, 1] == 1
    apart = diversity([0, 1], [[0, np.nan], [np.nan, 1]])
    assert apart.n[0, 1] == 0
    assert np.isnan(apart.disagreement[0, 1])


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="calls must hold"):
        diversity([0, 1], [[0.5], [1]])
    with pytest.raises(ValueError, match="must be"):
        diversity([0, 1], [0, 1])
