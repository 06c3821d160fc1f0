"""The model at readers' operating points, and the best reader as a maximum."""

import numpy as np
import pytest
from sklearn import metrics

from mura_ensemble.stats.reader_study.reader_roc import against_best, reader_points, roc_curve


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(12)
    gold = (rng.random(200) < 0.45).astype(int)
    probability = np.round(np.clip(0.5 + 0.35 * (gold - 0.5) + 0.2 * rng.normal(size=200), 0, 1), 2)
    reads = np.where(rng.random((200, 3)) < 0.15, 1 - gold[:, None], gold[:, None]).astype(float)
    return gold, probability, reads


def test_point_is_that_of_the_exact_operating_point(study):
    gold, probability, reads = study
    reads = reads.copy()
    reads[:30, 1] = np.nan
    found = reader_points(gold, probability, reads, resamples=50)
    for j, reader in enumerate(reads.T):
        kept = ~np.isnan(reader)
        truth, own = gold[kept], reader[kept]
        specificity = np.mean(own[truth == 0] == 0)
        assert found.specificity[j] == pytest.approx(specificity)
        assert found.sensitivity[j] == pytest.approx(np.mean(own[truth == 1]))
        alarms, hits, _ = metrics.roc_curve(truth, probability[kept], drop_intermediate=False)
        # A hair to the right and below: the curve's upper and left end of a step.
        at_his = np.interp(1 - specificity + 1e-12, alarms, hits)
        assert found.model_sensitivity[j] == pytest.approx(at_his, abs=1e-9)
        at_his = np.interp(found.sensitivity[j] - 1e-12, hits, alarms)
        assert found.model_specificity[j] == pytest.approx(1 - at_his, abs=1e-9)


def test_a_model_of_few_levels_is_compared_at_the_readers_specificity():
    """Calls as good as the reader's, given as probabilities: the last threshold that alarms no more may call nothing."""
    rng = np.random.default_rng(5)
    claimed, seen = 0, []
    for _ in range(40):
        gold = (rng.random(400) < 0.4).astype(int)
        strength = gold * 2.2 + rng.normal(size=(2, 400))
        probability = np.where(strength[0] > 1.0, 0.9, 0.1)
        found = reader_points(gold, probability, (strength[1:] > 1.0).T.astype(float), resamples=200, rng=1)
        seen.append(found.difference[0])
        claimed += found.p_adjusted[0] < 0.05
    assert abs(np.mean(seen)) < 0.1, "without the straight line it is -0.4"
    assert claimed <= 4


def test_a_reader_who_finds_nothing_is_met_at_no_alarm():
    gold = np.array([1, 1, 0, 0, 0, 1])
    found = reader_points(gold, [0.9, 0.2, 0.8, 0.1, 0.1, 0.7], np.zeros((6, 1)), resamples=20)
    assert found.model_specificity[0] == 1
    assert found.specificity_difference[0] == 0


def test_threshold_is_found_anew_in_every_resample(study):
    gold, probability, reads = study
    found = reader_points(gold, probability, reads, resamples=40, rng=4)
    drawn = np.random.default_rng(4).integers(0, 200, size=(40, 200))
    again = []
    for rows in drawn:
        part = reader_points(gold[rows], probability[rows], reads[rows], resamples=1)
        again.append(part.difference)
    low = np.quantile(np.array(again), 0.025, axis=0)
    np.testing.assert_allclose(found.low, low)


def test_a_perfect_model_and_a_reader_who_never_alarms(study):
    gold, _, reads = study
    never = np.column_stack([reads, np.zeros(200)])
    found = reader_points(gold, gold.astype(float), never, resamples=50)
    np.testing.assert_array_equal(found.model_sensitivity, 1)
    assert found.difference[3] == 1
    assert np.isnan(found.low[3])  # it is 1 in every resample, which says nothing of how sure it is
    assert found.specificity_difference[3] == 0


def test_limits_against_the_best_hold_when_all_readers_are_alike():
    """Twelve equal readers and an equal model: the naive limits exclude the truth far too often."""
    rng = np.random.default_rng(3)
    sims, covered, naive = 300, 0, 0
    for _ in range(sims):
        seen = rng.normal(0, 1, 12)
        found = against_best(seen, seen + rng.normal(0, 1, (400, 12)))
        covered += found.low <= 0 <= found.high
        naive += found.difference - 1.96 <= 0 <= found.difference + 1.96
    assert covered / sims >= 0.93
    assert naive / sims < 0.85


def test_no_reader_is_no_opponent():
    with pytest.raises(ValueError, match="no reader"):
        against_best([np.nan], np.zeros((3, 1)))


def test_curve_is_scikit_learns(study):
    from sklearn.metrics import roc_curve as reference

    gold, probability, _ = study
    alarms, found = roc_curve(gold, probability)
    expected = reference(gold, probability, drop_intermediate=False)
    np.testing.assert_allclose(alarms, expected[0])
    np.testing.assert_allclose(found, expected[1])
    assert np.isnan(roc_curve(np.zeros(3), [0.1, 0.2, 0.3])[1]).all()


def test_both_differences_pay_for_each_other(study):
    gold, probability, reads = study
    found = reader_points(gold, probability, reads, resamples=200, rng=1)
    assert found.specificity_p_adjusted.shape == (3,)
    lowest = np.argmin(np.concatenate([found.p_adjusted, found.specificity_p_adjusted]))
    both = np.concatenate(
        [
            found.difference / (found.high - found.low),
            found.specificity_difference / (found.specificity_high - found.specificity_low),
        ]
    )
    assert abs(both[lowest]) == pytest.approx(np.abs(both).max(), rel=0.2)


def test_a_reader_who_never_differs_from_the_model_leaves_no_limits():
    rng = np.random.default_rng(0)
    draws = np.column_stack([np.zeros(50), rng.normal(-0.1, 0.02, 50)])
    found = against_best([0.0, -0.1], draws)
    assert found.reader == 1
    assert np.isnan([found.low, found.high]).all()


def test_undefined_draws_do_not_narrow_the_limits_against_the_best():
    draws = np.random.default_rng(5).normal(0, 1, (4_000, 2))
    holes = draws.copy()
    holes[::2, 1] = np.nan
    whole, some = against_best([0, 0], draws), against_best([0, 0], holes)
    assert some.high - some.low > 0.93 * (whole.high - whole.low)


def test_a_reader_without_a_read_has_no_point():
    gold = np.array([1, 0, 1, 0])
    reads = np.column_stack([np.full(4, np.nan), gold])
    found = reader_points(gold, [0.9, 0.1, 0.4, 0.3], reads, resamples=20)
    assert np.isnan(found.difference[0])
    assert found.n.tolist() == [0, 4]
    assert found.difference[1] == 0
