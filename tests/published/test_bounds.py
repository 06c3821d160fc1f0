import itertools

import numpy as np
import pytest
from scipy import stats

from mura_ensemble.published import overlap_bounds
from mura_ensemble.stats.kappa.cohen import cohen_kappa

TOP = np.array([[107, 8], [8, 84]])
READER_3 = np.array([[97, 18], [5, 87]])


def test_bounds_are_those_of_listing_every_overlap():
    one = np.array([[[9, 2], [1, 6]], [[5, 4], [3, 4]]])
    two = np.array([[[7, 4], [3, 4]], [[8, 1], [2, 5]]])
    ranges = [
        range(max(0, a + b - size), min(a, b) + 1)
        for a, b, size in ((2, 4, 11), (1, 3, 7), (4, 1, 9), (3, 2, 7))
    ]
    p, mid_p, better = [], [], []
    for shared in itertools.product(*ranges):
        b, c = 10 - sum(shared), 10 - sum(shared)
        p.append(stats.binomtest(b, b + c).pvalue)
        mid_p.append(2 * stats.binom.cdf(min(b, c), b + c, 0.5) - stats.binom.pmf(b, b + c, 0.5))
        better.append(stats.beta.sf(0.5, b + 1, c + 1))
    found = overlap_bounds(one, two)
    assert found.fewest_shared == sum(r.start for r in ranges)
    assert found.most_shared == sum(r.stop - 1 for r in ranges)
    assert (found.p_low, found.p_high) == pytest.approx((min(p), max(p)))
    assert (found.mid_p_low, found.mid_p_high) == pytest.approx((min(mid_p), max(mid_p)))
    assert (found.better_low, found.better_high) == pytest.approx((min(better), max(better)))


def test_against_scipy_for_unequal_raters():
    rng = np.random.default_rng(0)
    for _ in range(30):
        sizes = rng.integers(5, 20, size=(3, 2))
        wrong = rng.integers(0, sizes + 1, size=(2, 3, 2))
        one, two = (
            np.stack(
                [
                    np.stack([sizes[:, 0] - w[:, 0], w[:, 0]], axis=-1),
                    np.stack([w[:, 1], sizes[:, 1] - w[:, 1]], axis=-1),
                ],
                axis=-2,
            )
            for w in wrong
        )
        found = overlap_bounds(one, two)
        discordant = [
            (wrong[1].sum() - s, wrong[0].sum() - s)
            for s in range(found.fewest_shared, found.most_shared + 1)
        ]
        p = [stats.binomtest(int(b), int(b + c)).pvalue if b + c else 1.0 for b, c in discordant]
        assert (found.p_low, found.p_high) == pytest.approx((min(p), max(p)))


def test_claims_reloaded_value():
    # b = 2, c = 1 under a uniform prior: 0.6875 (arXiv 2505.04720's formula for two accuracies).
    one, two = np.array([[[50, 2], [1, 47]]]), np.array([[[50, 2], [2, 46]]])
    found = overlap_bounds(one, two)
    by_hand = {shared: stats.beta.sf(0.5, 4 - shared + 1, 3 - shared + 1) for shared in range(4)}
    assert by_hand[2] == pytest.approx(0.6875)
    assert (found.better_low, found.better_high) == pytest.approx((by_hand[0], by_hand[3]))


def test_study_types_tighten_the_bounds():
    # Overall tables alone allow 13 shared errors, so p = 2 P(Bin(13, 1/2) <= 3).
    loose = overlap_bounds(TOP[None], READER_3[None])
    assert loose.most_shared == 13
    assert loose.p_low == pytest.approx(stats.binomtest(3, 13).pvalue)
    # The same totals, but reader 3's false positives lie where the top entry has few.
    first = np.array([[[53, 4], [4, 42]], [[54, 4], [4, 42]]])
    second = np.array([[[56, 1], [3, 43]], [[41, 17], [2, 44]]])
    tight = overlap_bounds(first, second)
    assert tight.difference == pytest.approx(loose.difference)
    assert tight.most_shared == 1 + 4 + 3 + 2
    assert tight.most_shared < loose.most_shared
    assert tight.p_low > loose.p_low


def test_the_interval_holds_the_difference_and_widens_with_independence():
    found = overlap_bounds(TOP[None], READER_3[None])
    assert found.difference == pytest.approx(float(cohen_kappa(TOP) - cohen_kappa(READER_3)))
    assert found.wide[0] < found.narrow[0] < found.difference < found.narrow[1] < found.wide[1]


def test_a_rater_against_itself_and_tables_of_other_studies():
    same = overlap_bounds(TOP[None], TOP[None])
    assert same.difference == 0
    assert same.p_low == same.p_high == 1
    assert (same.better_low, same.better_high) == pytest.approx((0.5, 0.5))
    with pytest.raises(ValueError, match="same studies"):
        overlap_bounds(TOP[None], TOP.T[None] + [[0, 0], [0, 1]])
