"""Agreement among many raters: published examples, statsmodels, the jackknife, and special cases that must coincide."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import amount

from mura_ensemble.stats.agreement.coefficients import (
    conger_kappa,
    fleiss_kappa,
    gwet_ac,
    krippendorff_alpha,
    light_kappa,
)
from mura_ensemble.stats.kappa.cohen import cohen_kappa, tables_2x2

NAN = np.nan
# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example C: 4 observers, 12 units, 5 categories,
# missing data. Gwet (2014) reuses it; the values below are his package's (irrCAC) and, for alpha, Krippendorff's.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T
FIVE = (1, 2, 3, 4, 5)
COEFFICIENTS = [fleiss_kappa, conger_kappa, gwet_ac, krippendorff_alpha, light_kappa]


def binary_ratings(seed: int, n: int = 60, raters: int = 4, missing: float = 0.15) -> np.ndarray:
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    ratings = np.where(rng.random((n, raters)) < 0.15, ~truth[:, None], truth[:, None]).astype(float)
    ratings[rng.random((n, raters)) < missing] = NAN
    return ratings


def jackknife_se(coefficient, ratings, **options) -> float:
    n = len(ratings)
    values = np.array([coefficient(np.delete(ratings, i, 0), **options).coefficient for i in range(n)])
    return float(np.sqrt((n - 1) / n * ((values - values.mean()) ** 2).sum()))


@pytest.mark.parametrize(
    ("weighting", "fleiss", "conger", "gwet", "alpha"),
    [
        ("unweighted", 0.76117, 0.76207, 0.77544, 0.74342),
        ("linear", 0.81794, 0.81314, 0.85874, 0.80038),
        ("quadratic", 0.86494, 0.85717, 0.91400, 0.84911),
    ],
)
def test_coefficients_of_the_published_example(weighting, fleiss, conger, gwet, alpha):
    expected = {fleiss_kappa: fleiss, conger_kappa: conger, gwet_ac: gwet, krippendorff_alpha: alpha}
    for coefficient, value in expected.items():
        ours = coefficient(OBSERVERS, classes=FIVE, weighting=weighting)
        assert ours.coefficient == pytest.approx(value, abs=5.1e-6), ours.name
        assert ours.raters == 4


def test_krippendorff_by_hand():
    # Coincidences of the 40 pairable values: 9, 13, 10, 5, 3 per category; observed disagreement 8 of 40,
    # so alpha = 1 - 39 * 8 / (40^2 - 9^2 - 13^2 - 10^2 - 5^2 - 3^2) = 0.743.
    alpha = krippendorff_alpha(OBSERVERS, classes=FIVE)
    assert alpha.n == 11
    assert alpha.observed == pytest.approx(1 - 8 / 40)
    assert alpha.coefficient == pytest.approx(1 - 39 * 8 / (1600 - 81 - 169 - 100 - 25 - 9), abs=1e-12)
    assert round(alpha.coefficient, 3) == 0.743


@pytest.mark.parametrize(
    ("weighting", "fleiss", "conger", "gwet", "alpha"),
    [
        ("unweighted", 0.13544, 0.13352, 0.12527, 0.14557),
        ("linear", 0.12128, 0.12452, 0.09048, 0.13548),
        ("quadratic", 0.10939, 0.11852, 0.06721, 0.12913),
    ],
)
def test_standard_errors_are_gwets_where_every_unit_is_rated_twice(weighting, fleiss, conger, gwet, alpha):
    twice = OBSERVERS[:11]
    expected = {fleiss_kappa: fleiss, conger_kappa: conger, gwet_ac: gwet}
    for coefficient, value in expected.items():
        assert coefficient(twice, classes=FIVE, weighting=weighting).se == pytest.approx(value, abs=5.1e-6)
    # For alpha Gwet's linearisation differs by about N / (N - 1), N = 40 pairable values.
    ours = krippendorff_alpha(twice, classes=FIVE, weighting=weighting).se
    assert ours * 40 / 39 == pytest.approx(alpha, abs=1e-5)


def test_where_a_unit_is_rated_once_the_jackknife_decides_against_gwet():
    # irrCAC reports 0.15302 here; the difference is the term for the number of twice-rated units.
    ours, jackknife = (
        fleiss_kappa(OBSERVERS, classes=FIVE),
        jackknife_se(fleiss_kappa, OBSERVERS, classes=FIVE),
    )
    paired = (~np.isnan(OBSERVERS)).sum(axis=1) >= 2
    gwets = ours.influence + ours.coefficient * (paired * 12 / 11 - 1)
    assert np.sqrt((gwets**2).sum() / (12 * 11)) == pytest.approx(0.15302, abs=5.1e-6)
    assert abs(ours.se - jackknife) < abs(0.15302 - jackknife) / 2


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_standard_error_agrees_with_the_jackknife(coefficient, missing):
    ratings = binary_ratings(1, n=200, missing=missing)
    ours = coefficient(ratings)
    assert ours.se == pytest.approx(jackknife_se(coefficient, ratings), rel=0.02)
    assert ours.influence.sum() == pytest.approx(0, abs=1e-9)
    low, high = ours.interval()
    assert low < ours.coefficient < high
    assert high - low == pytest.approx(2 * 1.972 * ours.se, rel=0.01)


def test_fleiss_equals_statsmodels_and_the_textbook_example():
    from statsmodels.stats.inter_rater import fleiss_kappa as reference

    # 10 subjects, 14 raters, 5 categories: the worked example after Fleiss (1971), kappa 0.210.
    counts = np.array(
        [
            [0, 0, 0, 0, 14],
            [0, 2, 6, 4, 2],
            [0, 0, 3, 5, 6],
            [0, 3, 9, 2, 0],
            [2, 2, 8, 1, 1],
            [7, 7, 0, 0, 0],
            [3, 2, 6, 3, 0],
            [2, 5, 3, 2, 2],
            [6, 5, 2, 1, 0],
            [0, 2, 2, 3, 7],
        ]
    )
    ratings = np.array([np.repeat(np.arange(5), row) for row in counts], dtype=float)
    ours = fleiss_kappa(ratings, classes=range(5))
    assert round(ours.coefficient, 3) == 0.210
    assert (round(ours.observed, 3), round(ours.expected, 3)) == (0.378, 0.213)
    rng = np.random.default_rng(0)
    for _ in range(20):
        random = rng.multinomial(6, [0.2, 0.5, 0.3], size=12)
        ratings = np.array([np.repeat(np.arange(3), row) for row in random], dtype=float)
        ours = fleiss_kappa(ratings, classes=range(3)).coefficient
        assert ours == pytest.approx(reference(random), abs=1e-12)


def test_two_complete_raters_make_conger_and_light_cohens_kappa():
    for seed in range(10):
        ratings = binary_ratings(seed, raters=2, missing=0.0)
        cohen = float(cohen_kappa(tables_2x2(ratings[:, 0], ratings[:, 1]))[0])
        assert conger_kappa(ratings).coefficient == pytest.approx(cohen, abs=1e-12)
        assert light_kappa(ratings).coefficient == pytest.approx(cohen, abs=1e-12)


def test_two_raters_equal_gwets_contingency_tables():
    # irrCAC vignette, cont3x3abstractors: Cohen .7964 (.0589), Scott .7962 (.0591), AC1 .8493 (.0432).
    table = np.array([[13, 0, 0], [0, 20, 7], [0, 4, 56]])
    rows, columns = np.nonzero(table)
    pairs = np.repeat(np.stack([rows, columns], axis=1).astype(float), table[rows, columns], axis=0)
    for coefficient, value, se in (
        (conger_kappa, 0.7964094, 0.0589107),
        (fleiss_kappa, 0.7962397, 0.0590547),
        (gwet_ac, 0.8493305, 0.0432175),
    ):
        ours = coefficient(pairs, classes=range(3))
        assert ours.coefficient == pytest.approx(value, abs=5e-8)
        assert ours.se == pytest.approx(se, rel=0.006)  # his table versions divide by n, ours by n - 1
    assert krippendorff_alpha(pairs, classes=range(3)).coefficient == pytest.approx(0.7972585, abs=5e-8)


@settings(max_examples=amount(25), deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_properties(seed):
    ratings = binary_ratings(seed)
    rng = np.random.default_rng(seed)
    times = rng.integers(1, 4, len(ratings))
    for coefficient in COEFFICIENTS:
        ours = coefficient(ratings)
        same = pytest.approx(ours.coefficient, abs=1e-12, nan_ok=True)
        assert coefficient(1 - ratings).coefficient == same
        assert coefficient(ratings[:, rng.permutation(4)]).coefficient == same
        assert coefficient(ratings[rng.permutation(len(ratings))]).coefficient == same
        assert coefficient(ratings, weights=np.ones(len(ratings))).se == pytest.approx(ours.se, nan_ok=True)
        compressed = coefficient(ratings, weights=times)
        spelled_out = coefficient(np.repeat(ratings, times, axis=0))
        assert compressed.coefficient == pytest.approx(spelled_out.coefficient, abs=1e-10, nan_ok=True)
        assert compressed.se == pytest.approx(spelled_out.se, abs=1e-10, nan_ok=True)


@pytest.mark.parametrize("coefficient", COEFFICIENTS)
def test_perfect_agreement_is_one_without_a_limit_and_one_class_is_undefined(coefficient):
    perfect = coefficient(np.repeat([[0.0], [1.0], [1.0]], 3, axis=1))
    assert perfect.coefficient == pytest.approx(1)
    assert perfect.se == pytest.approx(0, abs=1e-12)
    if coefficient is not gwet_ac:  # AC1 calls one class full agreement: its chance term is zero there
        one_class = coefficient(np.zeros((5, 3)))
        assert np.isnan([one_class.coefficient, one_class.se, *one_class.interval()]).all()
    alone = coefficient(np.array([[1.0, NAN], [NAN, 0.0]]))
    assert np.isnan(alone.coefficient)


def test_no_width_means_no_limits():
    assert np.isnan(fleiss_kappa(np.repeat([[0.0], [1.0], [1.0]], 3, axis=1)).interval()).all()


def test_empty_rows_do_not_count():
    ratings = binary_ratings(3, missing=0.0)
    padded = np.vstack([ratings, np.full((5, 4), NAN)])
    for coefficient in COEFFICIENTS:
        assert coefficient(padded).coefficient == pytest.approx(coefficient(ratings).coefficient, abs=1e-12)
        assert coefficient(padded).se == pytest.approx(coefficient(ratings).se, abs=1e-12)
        assert coefficient(padded).n == len(ratings)


@pytest.mark.parametrize(
    ("ratings", "options", "message"),
    [
        ([0, 1, 1], {}, "two raters or more"),
        ([[0], [1]], {}, "two raters or more"),
        ([[0, 2], [1, 1]], {}, "ratings hold 2"),
        ([[0, 1], [1, 1]], {"weights": [1]}, "weights must be"),
        ([[0, 1], [1, 1]], {"weights": [1, -1]}, "weights must be"),
    ],
)
def test_bad_ratings_are_named(ratings, options, message):
    with pytest.raises(ValueError, match=message):
        fleiss_kappa(np.array(ratings, dtype=float), **options)


def _drawn_ratings():
    rng = np.random.default_rng(7)
    truth = rng.random(80) < 0.35
    whole = (truth[:, None] ^ (rng.random((80, 5)) < 0.15)).astype(float)
    holes = whole.copy()
    holes[rng.random(holes.shape) < 0.4] = np.nan
    return whole, holes


@pytest.mark.parametrize(
    ("coefficient", "whole", "low", "high", "holes"),
    [
        (fleiss_kappa, 0.52600, 0.41306, 0.63895, 0.59314),
        (gwet_ac, 0.57168, 0.46447, 0.67889, 0.63927),
        (krippendorff_alpha, 0.52719, None, None, 0.58837),
        (conger_kappa, 0.52669, 0.41417, 0.63921, 0.60433),
    ],
)
def test_binary_reads_with_and_without_holes(coefficient, whole, low, high, holes):
    """irrCAC 0.4.4 on the same draws (5 digits); alpha also by krippendorff 0.9.0: .5271889401 and .5883694904."""
    complete, missing = _drawn_ratings()
    found = coefficient(complete)
    assert found.coefficient == pytest.approx(whole, abs=6e-6)
    if low is not None:
        assert found.interval() == pytest.approx((low, high), abs=6e-6)
    assert coefficient(missing).coefficient == pytest.approx(holes, abs=6e-6)


def test_alpha_is_krippendorffs_to_ten_digits():
    complete, missing = _drawn_ratings()
    assert krippendorff_alpha(complete).coefficient == pytest.approx(0.5271889400921659, abs=1e-12)
    assert krippendorff_alpha(missing).coefficient == pytest.approx(0.5883694903581267, abs=1e-12)
