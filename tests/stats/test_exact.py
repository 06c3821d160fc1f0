"""The exact bootstrap against brute force, simulation and scipy."""

from itertools import product
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sampling import amount

from mura_ensemble.stats.kappa.cohen import cohen_kappa, kappa_variance
from mura_ensemble.stats.kappa.enumeration import walk_tables
from mura_ensemble.stats.kappa.exact import exact_bootstrap, kappa_of_counts
from mura_ensemble.stats.kappa.quantiles import weighted_quantile

TABLES = hnp.arrays(np.float64, (2, 2), elements=st.integers(0, 30).map(float)).filter(np.any)


def all_resamples(table: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Every one of the n^n index resamples: kappas, probabilities, undefined share."""
    studies = np.repeat(np.arange(4), np.asarray(table, dtype=int).ravel())
    n = len(studies)
    index = np.array(list(product(range(n), repeat=n)))
    counts = np.stack([(studies[index] == cell).sum(axis=1) for cell in range(4)], axis=1)
    kappas = np.round(cohen_kappa(counts.reshape(-1, 2, 2)), 12)
    values, times = np.unique(kappas[~np.isnan(kappas)], return_counts=True)
    return values, times / max(times.sum(), 1), float(np.isnan(kappas).mean())


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_equals_the_enumeration_of_all_index_resamples(n):
    tables = [
        np.array([a, b, c, n - a - b - c]).reshape(2, 2)
        for a, b, c in product(range(n + 1), repeat=3)
        if a + b + c <= n
    ]
    for table in tables if n < 6 else tables[::7]:
        values, mass, undefined = all_resamples(table)
        boot = exact_bootstrap(table)
        ours, ours_mass = boot.support()
        assert boot.undefined_mass == pytest.approx(undefined, abs=1e-9)
        assert boot.missing_mass <= 1e-9
        by_value = dict(zip(np.round(ours, 12).tolist(), ours_mass.tolist(), strict=True))
        for value, share in zip(values.tolist(), mass.tolist(), strict=True):
            assert by_value.pop(value, 0.0) == pytest.approx(share, abs=3e-9 / (1 - undefined))
        assert sum(by_value.values()) < 1e-9


@pytest.mark.parametrize("table", [[[9, 3], [2, 11]], [[20, 1], [0, 4]], [[0, 7], [11, 3]]])
def test_equals_the_sum_over_all_tables(table):
    from scipy.stats import multinomial

    n, shares = int(np.sum(table)), np.ravel(table) / np.sum(table)
    cells = np.array(list(product(range(n + 1), repeat=3)))
    cells = cells[cells.sum(axis=1) <= n]
    tables = np.column_stack([cells, n - cells.sum(axis=1)])
    mass = multinomial(n, shares).pmf(tables)
    kappas = cohen_kappa(tables.reshape(-1, 2, 2))
    boot = exact_bootstrap(table)
    assert boot.undefined_mass == pytest.approx(mass[np.isnan(kappas)].sum(), abs=1e-12)
    values, ours = boot.support()
    for point in np.linspace(-1, 1, 41) + 1e-9:
        theirs = mass[kappas <= point].sum() / mass[~np.isnan(kappas)].sum()
        assert ours[values <= point].sum() == pytest.approx(theirs, abs=2e-9)


def test_walked_tables_have_the_statistics_they_stand_for():
    walk = walk_tables(31, np.array([[0.4, 0.1], [0.05, 0.45]]), 1e-9)
    tables = walk.tables()
    assert (tables.sum(axis=(1, 2)) == 31).all()
    assert (tables[:, 1, 0] >= tables[:, 0, 1]).all()
    assert (tables[:, 1, 1] >= tables[:, 0, 0]).all()
    assert (tables == np.rint(tables)).all()
    assert np.allclose(walk.evaluate(kappa_of_counts), cohen_kappa(tables), atol=1e-12, equal_nan=True)
    assert len(np.unique(tables.reshape(-1, 4), axis=0)) == len(tables) == len(walk.probabilities())


@pytest.mark.parametrize(
    "table", [[[100, 14], [12, 81]], [[13, 1], [0, 15]], [[150, 4], [2, 51]], [[3, 9], [14, 2]]]
)
def test_moments_and_quantiles_agree_with_a_long_simulation(table):
    draws = np.random.default_rng(1).multinomial(np.sum(table), np.ravel(table) / np.sum(table), 400_000)
    kappas = cohen_kappa(draws.reshape(-1, 2, 2))
    kappas = kappas[~np.isnan(kappas)]
    boot = exact_bootstrap(table)
    assert boot.estimate == pytest.approx(float(cohen_kappa(table)), abs=1e-15)
    assert boot.mean == pytest.approx(kappas.mean(), abs=5 * boot.se / np.sqrt(len(kappas)))
    assert boot.se == pytest.approx(kappas.std(), rel=0.01)
    assert boot.bias == pytest.approx(boot.mean - boot.estimate)
    values, mass = boot.support()
    for q in (0.025, 0.5, 0.975):
        quantile = float(boot.quantile(q))
        below = float(mass[values < quantile].sum())
        assert below < q <= below + float(mass[values == quantile].sum()) + 1e-12
        assert (kappas < quantile - 1e-12).mean() - 0.003 < q < (kappas < quantile + 1e-12).mean() + 0.003


def test_missing_mass_is_reported_and_small():
    for table in ([[600, 80], [70, 449]], [[100, 14], [12, 81]], [[500, 0], [3, 20]]):
        boot = exact_bootstrap(table)
        assert boot.method == "exact"
        assert boot.missing_mass <= 1e-9
        assert boot.probabilities.sum() + boot.missing_mass + boot.undefined_mass == pytest.approx(
            1, abs=1e-12
        )
        assert exact_bootstrap(table, 1e-4).missing_mass <= 1e-4
        assert len(exact_bootstrap(table, 1e-4).values) < len(boot.values)


def test_a_skipped_tail_does_not_move_a_quantile():
    table = [[100, 14], [12, 81]]
    tails = np.array([0.025, 0.5, 0.975])
    assert np.allclose(exact_bootstrap(table, 1e-7).quantile(tails), exact_bootstrap(table).quantile(tails))


@given(TABLES)
@settings(max_examples=amount(60), deadline=None)
def test_properties(table):
    boot = exact_bootstrap(table)
    values, mass = boot.support()
    assert boot.missing_mass <= 1e-9
    assert (np.diff(values) > 0).all()
    assert not values.size or (values[0] >= -1 and values[-1] <= 1)
    if not values.size:
        assert boot.undefined_mass == pytest.approx(1)
        assert np.isnan([boot.se, boot.mean, boot.midrank(0.0), float(boot.quantile(0.5))]).all()
        return
    assert mass.sum() == pytest.approx(1)
    spread = np.sqrt(((values - values @ mass) ** 2) @ mass)
    assert boot.se == pytest.approx(spread, abs=1e-12)  # SE is the SD of the distribution
    twin = exact_bootstrap(table[::-1, ::-1])
    assert np.allclose(twin.quantile([0.1, 0.5, 0.9]), boot.quantile([0.1, 0.5, 0.9]), atol=1e-12)
    if not np.isnan(boot.estimate):
        assert (values == boot.estimate).any()  # ties with the estimate are exact


def test_the_lattice_is_closer_than_100_000_draws(monkeypatch):
    table, tails = np.array([[700, 95], [80, 525]]), np.array([0.005, 0.025, 0.5, 0.975, 0.995])
    exact = exact_bootstrap(table)
    monkeypatch.setattr("mura_ensemble.stats.kappa.enumeration._MOST_TABLES", 1000)
    monkeypatch.setattr(
        "mura_ensemble.stats.kappa.enumeration._LATTICE_FINENESS", 5.0
    )  # makes steps of 3 at this n
    lattice = exact_bootstrap(table)
    assert (exact.method, lattice.method) == ("exact", "lattice")
    draws = np.random.default_rng(0).multinomial(table.sum(), table.ravel() / table.sum(), 100_000)
    drawn = np.quantile(cohen_kappa(draws.reshape(-1, 2, 2)), tails)
    away = np.abs(lattice.quantile(tails) - exact.quantile(tails)).max()
    assert away < np.abs(drawn - exact.quantile(tails)).max()
    assert away < 2e-4
    assert lattice.se == pytest.approx(exact.se, rel=1e-6)
    assert lattice.midrank(exact.estimate) == pytest.approx(exact.midrank(exact.estimate), abs=2e-3)


def test_cost_stays_flat_in_n():
    table = [[5_000_000, 700_000], [600_000, 3_700_000]]
    boot = exact_bootstrap(table)
    assert boot.method == "lattice"
    assert len(boot.values) < 4_000_000
    assert boot.se == pytest.approx(float(kappa_variance(table)) ** 0.5, rel=1e-4)
    assert boot.probabilities.sum() == pytest.approx(1, abs=1e-6)


def test_speed_bar():
    def fastest(table):
        times = []
        for _ in range(5):
            start = process_time()
            exact_bootstrap(table).quantile([0.025, 0.975])
            times.append(process_time() - start)
        return min(times)

    # The bars are 2 and 50 ms; a shared machine gets some slack.
    assert fastest([[100, 14], [12, 81]]) < 0.006
    assert fastest([[600, 80], [70, 449]]) < 0.100


@pytest.mark.parametrize("table", [[[0, 0], [0, 0]], [[1, 2], [3, -1]], [[1, 2, 3]], [[1.5, 1], [1, 1]]])
def test_bad_tables_are_refused(table):
    with pytest.raises(ValueError, match="table must"):
        exact_bootstrap(table)


def test_bad_missing_mass_is_refused():
    with pytest.raises(ValueError, match="missing_mass"):
        exact_bootstrap([[3, 1], [1, 3]], 0.0)


@given(
    hnp.arrays(np.float64, 50, elements=st.sampled_from([-1.0, -0.2, 0.0, 0.25, 0.5, 1.0])),
    hnp.arrays(np.float64, 50, elements=st.sampled_from([0.0, 1.0, 2.5])),
    st.floats(0.001, 0.999),
)
def test_weighted_quantile_is_the_inverse_of_the_distribution(values, weights, q):
    quantile = float(weighted_quantile(values, weights, q))
    if not weights.sum():
        assert np.isnan(quantile)
        return
    target = q * weights.sum()
    assert weights[values <= quantile].sum() >= target - 1e-9
    assert weights[values < quantile].sum() <= target + 1e-9
