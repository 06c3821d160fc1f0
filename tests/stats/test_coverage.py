"""The coverage simulator against brute force, and the bar the default interval must clear."""

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from mura_ensemble.stats.kappa import limits
from mura_ensemble.stats.kappa.cohen import cohen_kappa, summarise_tables
from mura_ensemble.stats.kappa.coverage import cell_probabilities, coverage
from mura_ensemble.stats.kappa.intervals import kappa_intervals

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "coverage.csv"
TRUTHS = list(product((0.4, 0.7, 0.85), (0.3, 0.4, 0.5), (0.0, 0.05)))


@pytest.mark.parametrize(("kappa", "prevalence", "bias"), [*TRUTHS, (0.6, 0.2, -0.05), (-0.1, 0.5, 0.0)])
def test_cell_probabilities_have_the_wanted_kappa_prevalence_and_bias(kappa, prevalence, bias):
    shares = cell_probabilities(kappa, prevalence, bias)
    summary = summarise_tables(shares)
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert float(summary.kappa) == pytest.approx(kappa, abs=1e-12)
    assert float(summary.bias_index) == pytest.approx(bias, abs=1e-12)
    assert shares[1].sum() == pytest.approx(prevalence, abs=1e-12)


@pytest.mark.parametrize("truth", [(0.9, 0.5, 0.2), (0.5, 0.0, 0.0), (0.5, 0.9, 0.2), (-1.0, 0.1, 0.0)])
def test_impossible_truths_are_refused(truth):
    with pytest.raises(ValueError, match="no table has kappa"):
        cell_probabilities(*truth)


@pytest.mark.parametrize(
    ("kind", "rule"),
    [("add_one", None), ("percentile", None), (limits.wald_limits, limits.wald_limits)],
)
def test_equals_the_sum_over_all_tables(kind, rule):
    from scipy.stats import multinomial

    n, kappa, shares = 11, 0.6, cell_probabilities(0.6, 0.4, 0.05)
    tables = np.array(
        [
            [[n - a - b - c, a], [b, c]]
            for a in range(n + 1)
            for b in range(n + 1 - a)
            for c in range(n + 1 - a - b)
        ],
        dtype=float,
    )
    mass = multinomial(n, shares.ravel()).pmf(tables.reshape(-1, 4))
    defined = ~np.isnan(cohen_kappa(tables))
    if rule is None:
        intervals = kappa_intervals(tables, kind)
        low, high = intervals.low, intervals.high
    else:
        low, high = rule(tables, 0.95)
    held = defined & (low <= kappa + 1e-12) & (high >= kappa - 1e-12)
    result = coverage(kind, n, kappa, 0.4, 0.05, missing_mass=1e-10)
    assert result.coverage == pytest.approx(mass[held].sum() / mass[defined].sum(), abs=1e-8)
    assert result.undefined == pytest.approx(mass[~defined].sum(), abs=1e-8)
    above = mass[defined & (low > kappa + 1e-12)].sum() / mass[defined].sum()
    assert result.above == pytest.approx(above, abs=1e-8)
    assert result.coverage + result.above + result.below == pytest.approx(1, abs=1e-8)
    width = (mass * (np.clip(high, -1, 1) - np.clip(low, -1, 1)))[defined].sum() / mass[defined].sum()
    assert result.width == pytest.approx(width, abs=1e-7)
    assert result.standard_error == 0


@pytest.mark.parametrize("n", [15, 20, 27, 30])
def test_the_default_covers_where_the_usual_ones_collapse(n):
    ours = [coverage("auto", n, *truth).coverage for truth in TRUTHS]
    assert min(ours) >= 0.935
    wald = [coverage(limits.wald_limits, n, *truth).coverage for truth in TRUTHS]
    assert min(wald) < 0.87


def test_wald_collapse_as_measured_before():
    # Enumerated independently at kappa .85, prevalence .5: 68.4 % at n = 15, 78.5 % at 20, 87.4 % at 27.
    measured = [coverage(limits.wald_limits, n, 0.85, 0.5).coverage for n in (15, 20, 27)]
    assert [100 * share for share in measured] == pytest.approx([68.4, 78.5, 87.4], abs=0.1)


def test_simulation_takes_over_and_agrees_with_enumeration(monkeypatch):
    exact = coverage("add_one", 40, 0.7, 0.4)
    monkeypatch.setattr("mura_ensemble.stats.kappa.coverage._MOST_CLASSES", 10)
    drawn = coverage("add_one", 40, 0.7, 0.4, simulations=20_000, rng=1)
    assert exact.standard_error == 0 < drawn.standard_error < 0.002
    assert drawn.coverage == pytest.approx(exact.coverage, abs=4 * drawn.standard_error)
    assert drawn.width == pytest.approx(exact.width, rel=0.01)
    assert drawn == coverage("add_one", 40, 0.7, 0.4, simulations=20_000, rng=1)


def test_ten_million_studies_are_simulated():
    result = coverage("add_one", 10_000_000, 0.7, 0.4, simulations=2_000)
    assert result.coverage == pytest.approx(0.95, abs=0.02)


def test_a_rule_without_limits_holds_nothing():
    result = coverage(limits.bca_limits, 12, 0.85, 0.5)
    perfect = 1 - result.coverage - result.above - result.below
    assert perfect == pytest.approx((1 - 0.15 * 0.5) ** 12, abs=0.01)  # no disagreement, so no jackknife


def test_the_committed_study_clears_the_bar_and_is_what_the_code_gives():
    with RESULTS.open() as file:
        rows = [row for row in csv.DictReader(file) if row["rule"] == "auto"]
    judged = [row for row in rows if float(row["prevalence"]) >= 0.3]
    assert {int(row["n"]) for row in judged} == {15, 20, 27, 30, 100, 207}
    assert len(judged) == 6 * len(TRUTHS)
    assert min(float(row["coverage"]) for row in judged) >= 0.935
    for row in (rows[0], rows[30], rows[60]):
        truth = (float(row["kappa"]), float(row["prevalence"]), float(row["bias"]))
        again = coverage("auto", int(row["n"]), *truth, missing_mass=1e-9)
        assert again.coverage == pytest.approx(float(row["coverage"]), abs=1e-5)
        assert again.width == pytest.approx(float(row["width"]), abs=1e-4)
