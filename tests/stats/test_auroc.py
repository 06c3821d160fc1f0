"""AUROC against scikit-learn, published examples, and the definitions written out as double loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import amount
from scipy.special import expit
from scipy.stats import mannwhitneyu, norm

from mura_ensemble.stats.probabilities.auroc import auroc, auroc_differences

# DeLong, DeLong & Clarke-Pearson (1988): albumin, total protein, K-G score and outcome of 43 patients with all
# three tests, as reprinted in the SAS/STAT User's Guide ("Comparing Receiver Operating Characteristic Curves").
OVARIAN = """
3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1 3.8 5.7 5 1
3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0 2.3 4.4 6 1 4.2 7.6 4 0
4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1 3.1 6.6 6 1 4.1 8.2 6 1 4.3 7.0 5 1
4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0 3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1 3.5 6.2 5 1
2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1 3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1
"""
STUDIES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 8), st.integers(0, 8)), min_size=4, max_size=30
)


def simulated(n: int, seed: int, raters: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    gold = (rng.random(n) < 0.4).astype(int)
    shared = rng.normal(size=n)
    latent = (
        gold[:, None] * np.linspace(0.8, 1.6, raters) + 0.6 * shared[:, None] + rng.normal(size=(n, raters))
    )
    return gold, np.round(expit(latent), 2)


def kernel(gold: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Whether each abnormal study exceeds each normal one (m, n, R), ties one half."""
    abnormal, normal = probability[gold == 1][:, None], probability[gold == 0][None]
    return (abnormal > normal) + 0.5 * (abnormal == normal)


def obuchowski(gold: np.ndarray, probability: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """The covariance of Obuchowski (1997), section 3, patient by patient."""
    wins = kernel(gold, probability)
    m, n, raters = wins.shape
    area = wins.mean(axis=(0, 1))
    own, other = patients[gold == 1], patients[gold == 0]
    everyone = sorted(set(patients))
    tens, ones = len(set(own)), len(set(other))
    covariance = np.zeros((raters, raters))
    for r in range(raters):
        for s in range(raters):
            s10 = s01 = s11 = 0.0
            for patient in everyone:
                x = [wins[own == patient, :, k].mean(axis=1) for k in (r, s)]
                y = [wins[:, other == patient, k].mean(axis=0) for k in (r, s)]
                dx = [value.sum() - len(value) * area[k] for value, k in zip(x, (r, s), strict=True)]
                dy = [value.sum() - len(value) * area[k] for value, k in zip(y, (r, s), strict=True)]
                s10 += dx[0] * dx[1]
                s01 += dy[0] * dy[1]
                s11 += dx[0] * dy[1] + dx[1] * dy[0]
            s10 *= tens / ((tens - 1) * m)
            s01 *= ones / ((ones - 1) * n)
            s11 *= len(everyone) / (len(everyone) - 1)
            covariance[r, s] = s10 / m + s01 / n + s11 / (m * n)
    return covariance


def test_areas_equal_scikit_learn_and_mann_whitney():
    from sklearn.metrics import roc_auc_score

    gold, probability = simulated(150, 1)
    found = auroc(gold, probability)
    for rater, column in enumerate(probability.T):
        assert found.auroc[rater] == pytest.approx(roc_auc_score(gold, column), abs=1e-12)
        u = mannwhitneyu(column[gold == 1], column[gold == 0]).statistic
        assert found.auroc[rater] == pytest.approx(u / (found.n_abnormal * found.n_normal), abs=1e-12)
    np.testing.assert_allclose(auroc(gold, probability[:, 1]).se, found.se[1:2], rtol=1e-12)


def test_covariance_is_that_of_the_placement_values():
    gold, probability = simulated(90, 2)
    wins = kernel(gold, probability)
    m, n, _ = wins.shape
    expected = np.cov(wins.mean(axis=1).T) / m + np.cov(wins.mean(axis=0).T) / n
    found = auroc(gold, probability)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-10)
    np.testing.assert_allclose(found.se, np.sqrt(np.diag(expected)), rtol=1e-10)


def test_example_of_hanley_and_mcneil_1982():
    # Ratings 1-5 of 58 normal and 51 abnormal CT images; area .893 in the paper, DeLong SE .0307 in Stata's manual.
    rating = np.repeat([1, 2, 3, 4, 5, 1, 2, 3, 4, 5], [33, 6, 6, 11, 2, 3, 2, 2, 11, 33])
    gold = np.repeat([0, 1], [58, 51])
    found = auroc(gold, rating / 5)
    assert found.auroc[0] == pytest.approx(0.8932, abs=5e-5)
    assert found.se[0] == pytest.approx(0.0307, abs=5e-5)


def test_example_of_delong_1988():
    albumin, protein, kg, outcome = np.array(OVARIAN.split(), dtype=float).reshape(-1, 4).T
    found = auroc(outcome, np.column_stack([albumin, 10 - kg, protein]) / 10)
    np.testing.assert_allclose(found.auroc, [0.7366, 0.7258, 0.6478], atol=5e-5)
    np.testing.assert_allclose(found.se, [0.0927, 0.1028, 0.1000], atol=5e-5)
    paired = auroc_differences(found)
    assert paired.difference[2, 1] == pytest.approx(-0.0780, abs=5e-5)
    assert paired.se[2, 1] == pytest.approx(0.1046, abs=5e-5)
    assert paired.z[2, 1] ** 2 == pytest.approx(0.5554, abs=1e-4)
    assert paired.p[2, 1] == pytest.approx(0.4561, abs=5e-5)
    assert (paired.low[2, 1], paired.high[2, 1]) == pytest.approx((-0.2830, 0.1271), abs=5e-5)


def test_clustered_covariance_is_obuchowskis():
    gold, probability = simulated(60, 3, raters=2)
    patients = np.random.default_rng(3).integers(0, 25, 60)
    found = auroc(gold, probability, patients=patients)
    np.testing.assert_allclose(found.covariance, obuchowski(gold, probability, patients), rtol=1e-10)
    assert found.patients == len(set(patients))
    alone = auroc(gold, probability, patients=np.arange(60)[::-1])
    np.testing.assert_allclose(alone.covariance, auroc(gold, probability).covariance, rtol=1e-12)


def test_clustered_standard_error_is_right_where_delongs_is_too_small():
    rng = np.random.default_rng(4)
    patients = np.repeat(np.arange(60), 4)
    areas, naive, clustered = [], [], []
    for _ in range(300):
        gold = np.repeat(rng.random(60) < 0.5, 4).astype(int)
        probability = expit(gold + np.repeat(rng.normal(size=60), 4) + 0.7 * rng.normal(size=240))
        found = auroc(gold, probability, patients=patients)
        areas.append(found.auroc[0])
        clustered.append(found.se[0])
        naive.append(auroc(gold, probability).se[0])
    truth = np.std(areas)
    assert np.mean(clustered) == pytest.approx(truth, rel=0.1)
    assert np.mean(naive) < 0.75 * truth


@pytest.mark.parametrize(("n", "area"), [(15, 0.93), (27, 0.85), (27, 0.98)])
def test_limits_cover_where_plain_wald_limits_do_not(n, area):
    rng = np.random.default_rng(5)
    shift = np.sqrt(2) * norm.ppf(area)
    covered, wald = [], []
    for _ in range(400):
        gold = rng.permutation((np.arange(n) < 0.45 * n).astype(int))
        found = auroc(gold, norm.cdf(rng.normal(shift * (gold - 0.5))))
        covered.append(found.low[0] <= area <= found.high[0])
        wald.append(abs(found.auroc[0] - area) <= 1.96 * found.se[0])
        assert found.high[0] > found.low[0]
    assert np.mean(covered) > 0.925
    assert np.mean(wald) < 0.9


@settings(max_examples=amount(60), deadline=None)
@given(STUDIES)
def test_flips_monotone_changes_and_row_order_leave_the_area_alone(rows):
    gold, first, second = np.array(rows).T
    probability = np.column_stack([first, second]) / 8
    found = auroc(gold, probability)
    if len(set(gold)) == 1:
        assert np.isnan(found.auroc).all()
        return
    others = [
        auroc(1 - gold, 1 - probability),
        auroc(gold, probability**3),
        auroc(gold[::-1], probability[::-1]),
    ]
    for other in others:
        np.testing.assert_allclose(other.auroc, found.auroc, atol=1e-12)
        np.testing.assert_allclose(other.covariance, found.covariance, atol=1e-12)
        np.testing.assert_allclose(other.low, found.low, atol=1e-9)
    swapped = auroc(gold, probability[:, ::-1])
    np.testing.assert_array_equal(swapped.auroc[::-1], found.auroc)
    assert ((found.low <= found.auroc) & (found.auroc <= found.high) & (found.low < found.high)).all()


def test_perfect_separation_has_a_lower_limit_that_rises_with_n():
    lows = []
    for half in (5, 20, 100):
        found = auroc(np.repeat([0, 1], half), np.linspace(0, 1, 2 * half))
        assert found.auroc[0] == found.high[0] == 1.0
        assert found.fallback[0]
        # At the limit, the Hanley-McNeil interval just reaches 1.
        low = found.low[0]
        share = (1 - low) / (2 - low) + low / (1 + low)
        se = np.sqrt(low * (1 - low) / half**2 * (1 + (half - 1) * share))
        assert (1 - low) / se == pytest.approx(norm.ppf(0.975), rel=1e-6)
        lows.append(low)
    assert lows == sorted(lows)


def test_one_class_constant_and_identical_raters_are_undefined_not_wrong():
    none = auroc([1, 1, 1], [0.1, 0.2, 0.3])
    assert np.isnan([none.auroc, none.se, none.low, none.high]).all()
    assert np.isnan(auroc_differences(none).p).all()
    gold, probability = simulated(40, 6, raters=1)
    same = np.column_stack([probability, probability**2, np.full(40, 0.5)])
    found = auroc(gold, same)
    assert found.auroc[2] == 0.5
    assert found.low[2] < 0.5 < found.high[2]
    paired = auroc_differences(found)
    assert paired.difference[0, 1] == paired.se[0, 1] == 0
    assert np.isnan([paired.p[0, 1], paired.low[0, 1], paired.z[0, 1]]).all()
    single = auroc([1, 0, 0, 0], [0.7, 0.1, 0.8, 0.3])
    assert np.isnan(single.se[0])
    assert single.low[0] < single.auroc[0] < single.high[0]


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="patients"):
        auroc([0, 1], [0.1, 0.2], patients=[1])
    with pytest.raises(ValueError, match="level"):
        auroc([0, 1], [0.1, 0.2], level=95)


def test_no_p_of_a_difference_is_zero():
    gold = np.tile([0, 1], 2_000)
    rng = np.random.default_rng(5)
    probability = np.column_stack([expit(gold * 4 + rng.normal(size=4_000)), rng.random(4_000)])
    found = auroc_differences(auroc(gold, probability))
    assert abs(found.z[0, 1]) > 39
    assert found.p[0, 1] == np.finfo(float).tiny
