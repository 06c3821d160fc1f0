"""Power: numbers worked elsewhere, formulas against each other, and formulas against simulation."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from mura_ensemble.stats.kappa.cohen import cohen_kappa, kappa_variance
from mura_ensemble.stats.planning.power import (
    detectable_difference,
    half_width,
    power_of_difference,
    studies_for_half_width,
    studies_needed,
)
from mura_ensemble.stats.planning.simulated_power import (
    delta_power,
    discordance,
    paired_cells,
    simulated_power,
)

MURA = 92 / 207  # share of abnormal studies of the hidden test set, as its published numbers imply
CHANCE = 2 * MURA * (1 - MURA)


def test_what_207_studies_can_show():
    found = detectable_difference(207, [0.05, 0.10, 0.15, 0.20], prevalence=MURA)
    np.testing.assert_allclose(found, [0.088, 0.124, 0.152, 0.175], atol=5e-4)


def test_one_study_of_207_needs_a_test_set_eighty_times_as_large():
    needed = studies_needed(1 / 207 / CHANCE, [0.02, 0.05, 0.10], prevalence=MURA)
    np.testing.assert_allclose(needed, [6_724, 16_814, 33_630])
    by_hand = (1.959964 * np.sqrt(0.05) + 0.841621 * np.sqrt(0.05 - 207**-2.0)) ** 2 * 207**2
    assert needed[1] == np.ceil(by_hand)


@given(
    st.integers(20, 100_000),
    st.floats(0.01, 1.0),
    st.floats(0.1, 0.9),
    st.floats(0.6, 0.99),
    st.floats(0.001, 0.2),
)
def test_the_three_formulas_are_one(n, psi, prevalence, power, alpha):
    difference = detectable_difference(n, psi, prevalence=prevalence, power=power, alpha=alpha)
    assume(not np.isnan(difference) and difference * 2 * prevalence * (1 - prevalence) < psi * (1 - 1e-9))
    needed = studies_needed(difference, psi, prevalence=prevalence, power=power, alpha=alpha)
    assert needed == pytest.approx(n, abs=1)
    again = power_of_difference(n, -difference, psi, prevalence=prevalence, alpha=alpha)
    assert again == pytest.approx(power, abs=1e-6)


def test_formulas_say_what_cannot_be():
    assert np.isnan(detectable_difference(10, 0.05))
    assert np.isnan(studies_needed(0.3, 0.1))
    assert np.isnan(power_of_difference(100, 0.3, 0.1))
    assert studies_needed(0.0, 0.1) == np.inf
    assert power_of_difference(100, 0.0, 0.1) == pytest.approx(0.025)


def test_cells_have_the_wanted_kappas_and_error_correlation():
    cells = paired_cells(0.75, 0.85, prevalence=0.3, error_correlation=0.4)
    assert cells.sum() == pytest.approx(1)
    assert cells[1].sum() == pytest.approx(0.3)
    tables = np.stack([cells.sum(axis=2), cells.sum(axis=1)])
    np.testing.assert_allclose(cohen_kappa(tables), [0.75, 0.85])
    np.testing.assert_allclose(tables.sum(axis=1), [[0.7, 0.3], [0.7, 0.3]])
    for gold in (0, 1):
        inside = cells[gold] / cells[gold].sum()
        first, second = inside.sum(axis=1)[1], inside.sum(axis=0)[1]
        phi = (inside[1, 1] - first * second) / np.sqrt(first * (1 - first) * second * (1 - second))
        assert phi == pytest.approx(0.4)
    assert discordance(cells) == pytest.approx(cells[:, 0, 1].sum() + cells[:, 1, 0].sum())


def test_a_tenth_of_kappa_is_found_three_times_in_five_at_207():
    # kappa .75 against .85, errors correlated .4, prevalence .45: 60 % by delta test, 58 % by mid-p McNemar.
    cells = paired_cells(0.75, 0.85, prevalence=0.45, error_correlation=0.4)
    found = {
        test: simulated_power(207, cells, test=test, simulations=5_000, rng=1)
        for test in ("delta", "mcnemar", "mcnemar-midp")
    }
    assert found["delta"].power == pytest.approx(0.60, abs=0.025)
    assert found["mcnemar-midp"].power == pytest.approx(0.575, abs=0.025)
    assert found["mcnemar"].power < found["mcnemar-midp"].power - 0.03
    assert delta_power(207, cells) == pytest.approx(found["delta"].power, abs=0.03)
    by_formula = power_of_difference(207, 0.1, discordance(cells), prevalence=0.45)
    assert by_formula == pytest.approx(found["mcnemar-midp"].power, abs=0.025)


def test_tests_keep_their_level_where_the_kappas_are_equal():
    cells = paired_cells(0.8, 0.8, prevalence=0.4, error_correlation=0.3)
    assert delta_power(500, cells) == pytest.approx(0.05)
    for test, least in (("delta", 0.035), ("mcnemar-midp", 0.035), ("mcnemar", 0.02)):
        assert least < simulated_power(207, cells, test=test, simulations=5_000, rng=2).power < 0.062


def test_mcnemar_decisions_are_those_of_the_binomial_test():
    # Every study is discordant, so which of the two is wrong is a plain binomial split of 20.
    cells = np.zeros((2, 2, 2))
    cells[0, 0, 1], cells[0, 1, 0] = 0.7, 0.3
    split = np.arange(21)
    chance = binom.pmf(split, 20, 0.7)
    exact = np.array([binomtest(k, 20, 0.5).pvalue for k in split])
    for test, p in (("mcnemar", exact), ("mcnemar-midp", exact - binom.pmf(split, 20, 0.5))):
        found = simulated_power(20, cells, test=test, simulations=20_000, rng=3)
        assert found.power == pytest.approx(chance[p <= 0.05].sum(), abs=0.012)
        assert found.low < found.power < found.high


def test_same_seed_same_digits():
    cells = paired_cells(0.7, 0.8)
    assert simulated_power(100, cells, rng=5) == simulated_power(100, cells, rng=np.random.default_rng(5))


def test_widths_follow_the_variance_of_kappa():
    # Prevalence .45, kappa .85: rows of the table sum to .55 and .45, off-diagonal .15 * .55 * .45 each.
    wrong = 0.15 * 0.55 * 0.45
    table = np.array([[0.55 - wrong, wrong], [wrong, 0.45 - wrong]]) * 207
    assert cohen_kappa(table) == pytest.approx(0.85)
    assert half_width(207, 0.85, prevalence=0.45) == pytest.approx(1.959964 * np.sqrt(kappa_variance(table)))
    needed = studies_for_half_width(0.05, [0.7, 0.85], prevalence=0.45)
    assert (half_width(needed, [0.7, 0.85], prevalence=0.45) <= 0.05).all()
    assert (half_width(needed - 1, [0.7, 0.85], prevalence=0.45) > 0.05).all()
    assert np.isnan(half_width(207, 1.0))


def test_degenerate_cells_reject_nothing():
    perfect = paired_cells(1.0, 1.0)
    for test in ("delta", "mcnemar", "mcnemar-midp"):
        assert simulated_power(30, perfect, test=test, simulations=50).power == 0
    assert np.isnan(delta_power(30, perfect))
    one_class = np.zeros((2, 2, 2))
    one_class[0, 0, 0] = 1
    assert simulated_power(30, one_class, simulations=50).power == 0


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: detectable_difference(207, 0.0), "discordance"),
        (lambda: detectable_difference(0, 0.1), "n must"),
        (lambda: studies_needed(0.1, 0.1, prevalence=1.0), "prevalence"),
        (lambda: studies_needed(0.1, 0.1, power=1.0), "power"),
        (lambda: half_width(100, -0.9, prevalence=0.1), "no rater"),
        (lambda: studies_for_half_width(0.0, 0.8), "half-width"),
        (lambda: paired_cells(0.5, 0.95, error_correlation=0.9), "no two raters"),
        (lambda: paired_cells(0.5, 0.5, prevalence=0.0), "prevalence"),
        (lambda: simulated_power(10, np.ones((2, 2))), "cells"),
        (lambda: simulated_power(10, np.ones((2, 2, 2)), test="z"), "test must"),
        (lambda: simulated_power(0, np.ones((2, 2, 2))), "n and"),
        (lambda: delta_power(10, np.ones((2, 2, 2)), alpha=2), "alpha"),
    ],
)
def test_bad_input_is_named(call, what):
    with pytest.raises(ValueError, match=what):
        call()
