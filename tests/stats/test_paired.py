import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import amount
from scipy import stats
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.contingency_tables import mcnemar

from mura_ensemble.stats.comparing import swaps as swaps_module
from mura_ensemble.stats.comparing.mcnemar import mcnemar_by_patient, mcnemar_exact, mcnemar_mid
from mura_ensemble.stats.comparing.paired import compare_kappas, hotelling_kappas
from mura_ensemble.stats.comparing.swaps import swap_p
from mura_ensemble.stats.kappa.cohen import influence


def study(n=60, patients=None, seed=0, accuracy=(0.85, 0.75)):
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 2, n)
    calls = np.column_stack([np.where(rng.random(n) < a, gold, 1 - gold) for a in accuracy])
    return gold, *calls.T, rng.integers(0, patients or n, n)


def brute_force_swap_p(gold, call, reference, clusters):
    def difference(a, b):
        return cohen_kappa_score(gold, a) - cohen_kappa_score(gold, b)

    observed, hits, codes = abs(difference(call, reference)), 0, np.unique(clusters)
    for swapped in itertools.product([False, True], repeat=len(codes)):
        turned = np.isin(clusters, codes[np.array(swapped)])
        a, b = np.where(turned, reference, call), np.where(turned, call, reference)
        hits += abs(difference(a, b)) >= observed - 1e-12
    return hits / 2 ** len(codes)


@pytest.mark.parametrize(
    ("n", "patients", "seed"), [(9, 9, 0), (9, 9, 1), (16, 6, 2), (18, 7, 3), (20, 5, 4)]
)
def test_swap_p_is_that_of_all_swaps(n, patients, seed):
    gold, call, reference, clusters = study(n, patients, seed, accuracy=(0.8, 0.55))
    found = compare_kappas(gold, call, reference, clusters=clusters)
    assert found.p_swap == pytest.approx(brute_force_swap_p(gold, call, reference, clusters), abs=1e-12)
    assert found.p_swap_exact


def test_swap_p_drawn_agrees_with_swap_p_exact(monkeypatch):
    gold, call, reference, clusters = study(120, 60, 5)
    exact, was_exact = swap_p(gold, call, reference, clusters, swaps=1, rng=np.random.default_rng(0))
    assert was_exact
    monkeypatch.setattr(swaps_module, "_MOST_STATES", 1)
    drawn, was_exact = swap_p(gold, call, reference, clusters, swaps=20_000, rng=np.random.default_rng(0))
    assert not was_exact
    assert drawn == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 20_000))


def test_swap_p_is_never_zero():
    gold = np.tile([0, 1], 100)
    assert compare_kappas(gold, gold, 1 - gold).p_swap == pytest.approx(2.0**-199, rel=1e-9)
    assert compare_kappas(gold, gold, 1 - gold, clusters=np.repeat(np.arange(100), 2)).p_swap == 1e-12


@settings(max_examples=amount(40), deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_agrees_with_statsmodels_and_by_patient_with_itself(b, c):
    peer = mcnemar([[3, b], [c, 2]], exact=True).pvalue if b + c else 1.0
    assert mcnemar_exact(b, c) == pytest.approx(peer)
    exact, mid = mcnemar_by_patient([1] * b + [-1] * c + [0])
    assert exact == pytest.approx(mcnemar_exact(b, c))
    assert mid == pytest.approx(mcnemar_mid(b, c))


def test_mcnemar_mid_p_of_a_published_table():
    # Fagerland, Lydersen & Laake 2013, table 1: 1 and 7 discordant pairs; exact 0.0703, mid-p 0.0391.
    assert mcnemar_exact(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar_mid(1, 7) == pytest.approx(0.0391, abs=5e-5)
    with pytest.raises(ValueError, match="negative"):
        mcnemar_exact(-1, 2)


def test_mcnemar_by_patient_is_that_of_all_swaps():
    net = np.array([2, -1, 1, 3, 0, -2, 1])
    sums = [abs(np.dot(net, signs)) for signs in itertools.product([-1, 1], repeat=7)]
    exact, mid = mcnemar_by_patient(net)
    assert exact == pytest.approx(np.mean(np.array(sums) >= net.sum()))
    assert mid == pytest.approx(exact - 0.5 * np.mean(np.array(sums) == net.sum()))


@settings(max_examples=amount(15), deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_exchanging_the_raters_changes_signs_and_no_digit(seed, by_patient):
    gold, call, reference, clusters = study(50, 25, seed)
    given_ = {"clusters": clusters if by_patient else None, "rng": 3}
    one, other = (
        compare_kappas(gold, call, reference, **given_),
        compare_kappas(gold, reference, call, **given_),
    )
    assert one.difference == -other.difference
    assert (one.low, one.high) == (-other.high, -other.low)
    assert one.p_swap == pytest.approx(other.p_swap, abs=1e-14)
    assert one.probability_superior == pytest.approx(1 - other.probability_superior, abs=1e-14)
    assert (one.b, one.c, one.delta_se) == (other.c, other.b, other.delta_se)
    shuffled = np.random.default_rng(seed).permutation(50)
    rows = {"clusters": clusters[shuffled] if by_patient else None, "rng": 3}
    again = compare_kappas(gold[shuffled], call[shuffled], reference[shuffled], **rows)
    assert (again.low, again.high) == pytest.approx((one.low, one.high), abs=1e-12)
    assert again.p_swap == pytest.approx(one.p_swap, abs=1e-12)


@settings(max_examples=amount(15), deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_exchanging_normal_and_abnormal_changes_no_digit(seed, by_patient):
    gold, call, reference, clusters = study(50, 25, seed)
    given_ = {"clusters": clusters if by_patient else None, "rng": 3}
    one = compare_kappas(gold, call, reference, **given_)
    other = compare_kappas(1 - gold, 1 - call, 1 - reference, **given_)
    both = compare_kappas(1 - gold, 1 - reference, 1 - call, **given_)
    rounding = 1e-13 if by_patient else 0.0
    assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=rounding, rel=0)
    assert (both.low, both.high) == pytest.approx((-one.high, -one.low), abs=rounding, rel=0)


@pytest.mark.parametrize("by_patient", [False, True])
def test_raters_whose_cells_mirror_each_other_have_a_mirrored_interval(by_patient):
    gold, call = np.tile([0, 0, 1, 1], 10), np.tile([0, 1, 1, 1], 10)
    reference = np.tile([1, 0, 1, 1], 10)
    found = compare_kappas(gold, call, reference, clusters=np.arange(40) // 4 if by_patient else None, rng=3)
    assert found.difference == 0
    assert found.low == -found.high
    assert found.probability_superior == 0.5


def test_the_interval_hardly_depends_on_the_seed():
    gold, call, reference, _ = study(1_199, seed=3)
    lows = [compare_kappas(gold, call, reference, rng=seed).low for seed in range(12)]
    assert np.std(lows) < 5e-4


def test_no_p_is_zero_however_many_studies():
    gold = np.tile([0, 1], 2_000)
    found = compare_kappas(gold, gold, 1 - gold)
    smallest = np.finfo(float).tiny
    assert found.p_swap == found.p_mcnemar_exact == found.p_mcnemar_mid == smallest
    assert mcnemar_exact(0, 5_000) == mcnemar_mid(5_000, 0) == smallest
    assert min(mcnemar_by_patient([2, 1] * 2_000)) == smallest


def test_patients_without_a_visible_error_widen_the_interval_all_the_same():
    """Two raters who never differ, nor from gold: the studies of 20 patients are not 120 patients."""
    gold = np.repeat(np.arange(20) % 2, 6)
    together = compare_kappas(gold, gold, gold, clusters=np.repeat(np.arange(20), 6))
    apart = compare_kappas(gold, gold, gold)
    assert together.high - together.low > 2 * (apart.high - apart.low)
    assert together.delta_low == together.delta_high == 0


def test_delta_limits_stay_within_what_a_difference_can_be():
    gold = np.array([0, 1, 0, 1])
    found = compare_kappas(gold, np.array([0, 1, 0, 0]), np.array([1, 0, 1, 1]))
    assert found.delta_low >= -2
    assert found.delta_high <= 2
    assert found.difference + 2 * found.delta_se > 2


def test_hotelling_is_silent_where_kappas_differ_without_variance():
    gold = np.tile([0, 0, 1, 1], 30)
    rng = np.random.default_rng(2)
    noisy = np.where(rng.random(120) < 0.85, gold, 1 - gold)
    # Perfect and all wrong: kappas 1 and -1, both without variance.
    found = hotelling_kappas(gold, np.column_stack([noisy, gold, 1 - gold]))
    assert np.isnan(found.statistic)
    assert np.isnan(found.p)


def test_identical_raters_do_not_differ():
    gold, call, _, clusters = study(40, 20)
    found = compare_kappas(gold, call, call, clusters=clusters, margin=0.1)
    assert found.difference == 0
    assert found.delta_se == 0
    assert found.p_swap == found.p_mcnemar_exact == found.p_mcnemar_mid == 1
    assert found.low < 0 < found.high
    assert found.probability_superior == pytest.approx(0.5, abs=0.02)


def test_sandwich_of_a_hand_worked_study():
    # Two patients with two studies each. gold 1 1 0 0, call 1 1 0 1, reference 1 0 0 0: both raters have
    # p_o 3/4 and p_e 1/2, so kappa 1/2. With share e = P(call = g) + P(gold = x), influence is
    # (a - 3/4) / (1/2) - (1/4)(e - 1) / (1/4) = 2 a - 1/2 - e. The call: P(1) = 3/4, gold P(1) = 1/2:
    # e = 5/4, 5/4, 3/4, 3/4 -> 1/4, 1/4, 3/4, -5/4; the reference mirrors it: e = 3/4, 3/4, 5/4, 5/4 ->
    # 3/4, -5/4, 1/4, 1/4. Difference -1/2, 3/2, 1/2, -3/2; by patient (1, 3 | 2, 4): 0 and 0; (1, 2 | 3, 4): 1, -1.
    gold, call, reference = np.array([1, 1, 0, 0]), np.array([1, 1, 0, 1]), np.array([1, 0, 0, 0])
    np.testing.assert_allclose(influence(gold, call), [0.25, 0.25, 0.75, -1.25])
    across = compare_kappas(gold, call, reference, clusters=[5, 9, 5, 9])
    assert across.delta_se == pytest.approx(0, abs=1e-15)
    within = compare_kappas(gold, call, reference, clusters=[5, 5, 9, 9])
    assert within.delta_se == pytest.approx(np.sqrt(2) / 4)
    alone = compare_kappas(gold, call, reference)
    assert alone.delta_se == pytest.approx(np.sqrt(5) / 4)


def test_sandwich_agrees_with_the_jackknife_by_patient():
    gold, call, reference, clusters = study(900, 400, 6)
    found = compare_kappas(gold, call, reference, clusters=clusters)
    codes, left_out = np.unique(clusters), []
    for code in codes:
        rest = clusters != code
        left_out.append(
            cohen_kappa_score(gold[rest], call[rest]) - cohen_kappa_score(gold[rest], reference[rest])
        )
    jackknife = np.sqrt((len(codes) - 1) ** 2 / len(codes) * np.var(left_out, ddof=1))
    assert found.delta_se == pytest.approx(jackknife, rel=0.02)
    assert found.patients == len(codes)


def test_interval_is_the_dirichlet_posterior_and_wider_by_patient():
    gold, call, reference, _ = study(100, seed=7)
    found = compare_kappas(gold, call, reference)
    cells = np.bincount(4 * gold + 2 * call + reference, minlength=8) + 0.25
    shares = np.random.default_rng(1).dirichlet(cells, 20_000).reshape(-1, 2, 2, 2)

    def kappa(t):
        agree = t[:, 0, 0] + t[:, 1, 1]
        g, c = t.sum(axis=2), t.sum(axis=1)
        chance = (g * c).sum(axis=1)
        return (agree - chance) / (1 - chance)

    apart = kappa(shares.sum(axis=3)) - kappa(shares.sum(axis=2))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(apart, [0.025, 0.975])), abs=0.008)
    assert found.kind == "dirichlet"
    twice = [np.repeat(x, 2) for x in (gold, call, reference)]
    doubled = compare_kappas(*twice, clusters=np.repeat(np.arange(100), 2))
    assert doubled.kind == "dirichlet by patient"
    assert doubled.high - doubled.low == pytest.approx(found.high - found.low, rel=0.06)
    assert doubled.delta_se == pytest.approx(found.delta_se)
    assert doubled.p_swap == pytest.approx(found.p_swap)


def test_non_inferiority_follows_the_interval():
    gold, call, reference, _ = study(200, seed=8, accuracy=(0.85, 0.85))
    found = compare_kappas(gold, call, reference, margin=0.2)
    assert found.noninferior == (found.low > -0.2)
    assert found.noninferior == (found.p_noninferior < 0.025)
    strict = compare_kappas(gold, call, reference, margin=1e-6)
    assert not strict.noninferior
    assert strict.p_noninferior > 0.025
    plain = compare_kappas(gold, call, reference)
    assert plain.noninferior is plain.p_noninferior is plain.margin is None


def test_undefined_kappa_gives_no_interval():
    gold = np.ones(10, dtype=int)
    found = compare_kappas(gold, gold, np.r_[0, gold[1:]], margin=0.1)
    for value in (found.difference, found.low, found.p_swap, found.probability_superior, found.p_noninferior):
        assert np.isnan(value)
    assert found.noninferior is False
    assert found.p_mcnemar_exact == 1


def test_missing_calls_are_left_out_in_pairs():
    gold, call, reference, clusters = study(50, 25, 9)
    gappy, other = call.astype(float), reference.astype(float)
    gappy[:4], other[2:7] = np.nan, np.nan
    found = compare_kappas(gold, gappy, other, clusters=clusters)
    assert found == compare_kappas(gold[7:], call[7:], reference[7:], clusters=clusters[7:])
    assert found.n == 43


def test_hotelling_of_two_raters_is_the_squared_t_and_ignores_copies():
    gold, call, reference, clusters = study(300, 150, 10)
    pair = compare_kappas(gold, call, reference, clusters=clusters)
    found = hotelling_kappas(gold, np.column_stack([call, reference]), clusters=clusters)
    k = found.patients
    assert found.statistic == pytest.approx(pair.difference**2 / (pair.delta_se**2 * k / (k - 1)))
    assert found.df == (1, k - 1)
    assert found.p == pytest.approx(2 * stats.t.sf(np.sqrt(found.statistic), k - 1))
    copies = hotelling_kappas(gold, np.column_stack([call, reference, call]), clusters=clusters)
    assert copies.statistic == pytest.approx(found.statistic)
    same = hotelling_kappas(gold, np.column_stack([call, call]))
    assert np.isnan(same.p)


def test_hotelling_holds_its_level():
    rng = np.random.default_rng(0)
    rejected = 0
    for _ in range(400):
        gold = rng.integers(0, 2, 150)
        calls = np.where(rng.random((150, 4)) < 0.8, gold[:, None], 1 - gold[:, None])
        rejected += hotelling_kappas(gold, calls).p < 0.05
    assert 0.02 < rejected / 400 < 0.08


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": 1.0}, "level must lie"),
        ({"margin": -0.1}, "margin must be positive"),
        ({"rope": -0.1}, "rope must not"),
        ({"clusters": [1]}, "clusters has 1 entries"),
        ({"clusters": [1, np.nan]}, "clusters must not be missing"),
        ({"clusters": np.array(["a", None], dtype=object)}, "clusters must not be missing"),
        ({"reference": [np.nan, np.nan]}, "No study was called"),
        ({"call": [0, 2]}, "gold must be 0 or 1 and calls"),
    ],
)
def test_bad_input_is_named(change, message):
    given = {"gold": [0, 1], "call": [0, 1], "reference": [1, 1], **change}
    with pytest.raises(ValueError, match=message):
        compare_kappas(given.pop("gold"), given.pop("call"), given.pop("reference"), **given)


def test_mcnemar_by_patient_with_many_patients_and_several_steps():
    """60,000 discordant patients in closed form; several steps against the convolution patient by patient."""
    assert mcnemar_by_patient([1] * 30_010 + [-1] * 29_500) == pytest.approx(
        (mcnemar_exact(30_010, 29_500), mcnemar_mid(30_010, 29_500)), rel=1e-9
    )
    net = np.random.default_rng(2).integers(-3, 4, 300)
    mass = np.ones(1)
    for step in np.abs(net[net != 0]):
        kernel = np.zeros(2 * step + 1)
        kernel[[0, -1]] = 0.5
        mass = np.convolve(mass, kernel)
    total = np.abs(np.arange(len(mass)) - len(mass) // 2)
    at_least, same = mass[total >= abs(net.sum())].sum(), mass[total == abs(net.sum())].sum()
    assert mcnemar_by_patient(net) == pytest.approx((at_least, at_least - same / 2), rel=1e-9)


def test_no_number_of_draws_makes_a_noninferiority_p_of_0():
    gold = np.repeat([0, 1], 200)
    found = compare_kappas(gold, gold, np.where(np.arange(400) % 4 == 0, 1 - gold, gold), margin=0.05)
    assert 0 < found.p_noninferior < 1e-3
