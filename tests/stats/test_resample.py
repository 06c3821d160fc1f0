import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import amount
from scipy import stats

from mura_ensemble.stats.resampling.patterns import PatternCounter, compress
from mura_ensemble.stats.resampling.resample import bootstrap_patterns, joint_bootstrap, quantiles


def study(n=120, raters=4, strata=3, patients=70, seed=0, missing=0.0):
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 2, n)
    calls = np.where(rng.random((n, raters)) < 0.8, gold[:, None], 1 - gold[:, None]).astype(float)
    calls[rng.random(calls.shape) < missing] = np.nan
    types = rng.integers(0, strata, n)
    types[:strata] = np.arange(strata)
    return gold, calls, types, rng.integers(0, patients, n)


def kappa(gold, call, axis=-1):
    agree = np.mean(gold == call, axis=axis)
    p, q = gold.mean(axis=axis), call.mean(axis=axis)
    chance = p * q + (1 - p) * (1 - q)
    return (agree - chance) / (1 - chance)


@pytest.mark.parametrize(
    ("kind", "method"), [("percentile", "percentile"), ("basic", "basic"), ("bca", "BCa")]
)
def test_intervals_agree_with_scipy_within_monte_carlo_error(kind, method):
    gold, calls, _, _ = study(n=150)
    boot = joint_bootstrap(gold, calls, resamples=20_000)
    low, high = boot.interval(kind=kind)
    for r in range(2):
        peer = stats.bootstrap(
            (gold, calls[:, r]), kappa, paired=True, n_resamples=20_000, method=method, rng=r, batch=2_000
        )
        assert low[0, r] == pytest.approx(peer.confidence_interval.low, abs=0.008)
        assert high[0, r] == pytest.approx(peer.confidence_interval.high, abs=0.008)
        assert boot.standard_error[0, r] == pytest.approx(peer.standard_error, rel=0.03)


def test_acceleration_of_strata_drawn_apart_agrees_with_scipy():
    gold, calls, types, _ = study(n=90, strata=2, seed=3)
    boot = joint_bootstrap(gold, calls[:, :1], strata=types, resamples=20_000, stratified=True)
    low, high = boot.interval(kind="bca")

    def pooled(*samples, axis=-1):
        cells = np.concatenate(samples, axis=-1)
        return kappa(cells // 2, cells % 2)

    cells = 2 * gold + calls[:, 0]
    peer = stats.bootstrap(
        [cells[types == s] for s in range(2)], pooled, n_resamples=20_000, method="BCa", rng=1, batch=2_000
    ).confidence_interval
    assert low[boot.overall, 0] == pytest.approx(peer.low, abs=0.008)
    assert high[boot.overall, 0] == pytest.approx(peer.high, abs=0.008)


@settings(max_examples=amount(15), deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.booleans())
def test_digits_do_not_depend_on_other_raters_rows_or_the_name_of_abnormal(seed, stratified, with_types):
    gold, calls, types, patients = study(n=60, patients=35, seed=seed, missing=0.1)
    rng = np.random.default_rng(seed)
    strata = types if with_types else None
    given_ = {"resamples": 50, "stratified": stratified, "rng": 7}
    boot = joint_bootstrap(gold, calls, strata=strata, clusters=patients, **given_)
    columns, rows = rng.permutation(4), rng.permutation(60)
    moved = joint_bootstrap(
        gold[rows],
        calls[rows][:, columns],
        strata=None if strata is None else strata[rows],
        clusters=patients[rows],
        **given_,
    )
    np.testing.assert_array_equal(moved.draws, boot.draws[:, :, columns])
    np.testing.assert_array_equal(
        moved.interval(kind="bca"), np.array(boot.interval(kind="bca"))[:, :, columns]
    )
    alone = joint_bootstrap(gold, calls[:, 2:3], strata=strata, clusters=patients, **given_)
    np.testing.assert_array_equal(alone.draws, boot.draws[:, :, 2:3])
    relabelled = joint_bootstrap(1 - gold, 1 - calls, strata=strata, clusters=patients, **given_)
    np.testing.assert_array_equal(relabelled.draws, boot.draws)


def test_every_study_its_own_patient_is_no_clustering():
    gold, calls, types, _ = study()
    free = joint_bootstrap(gold, calls, strata=types, resamples=100)
    own = joint_bootstrap(gold, calls, strata=types, clusters=np.arange(len(gold)), resamples=100)
    np.testing.assert_array_equal(free.draws, own.draws)


def test_draws_are_the_kappas_of_resampled_patients():
    gold, calls, types, patients = study(n=80, patients=40)
    boot = joint_bootstrap(gold, calls, strata=types, clusters=patients, resamples=3, rng=5)
    codes = np.unique(patients)
    index = np.random.default_rng(5).integers(0, len(codes), size=(3, len(codes)), dtype=np.uint16)
    for b in range(3):
        rows = np.concatenate([np.flatnonzero(patients == codes[i]) for i in index[b]])
        expected = kappa(gold[rows], calls[rows].T)
        np.testing.assert_allclose(boot.draws[b, boot.overall], expected, rtol=1e-12)


def test_macro_mean_is_the_mean_of_study_types_and_overall_is_pooled():
    gold, calls, types, _ = study()
    boot = joint_bootstrap(gold, calls, strata=types, resamples=50)
    np.testing.assert_allclose(boot.draws[:, -1], boot.draws[:, :3].mean(axis=1))
    np.testing.assert_allclose(boot.estimate[boot.overall], kappa(gold, calls.T))
    pooled = joint_bootstrap(gold, calls, resamples=50)
    np.testing.assert_array_equal(pooled.draws[:, 0], boot.draws[:, boot.overall])


def test_stratified_resamples_keep_the_number_of_studies_of_each_type():
    gold, calls, types, _ = study(n=60, missing=0)
    patterns = compress(gold, calls, strata=types)
    from mura_ensemble.stats.resampling.weights import draw_weights

    for weights in draw_weights(patterns, 20, np.random.default_rng(0), stratified=True):
        per_type = patterns.counts(weights)[:, -1]
        np.testing.assert_array_equal(per_type, np.repeat(np.bincount(types)[:, None], len(weights), axis=1))


def test_undefined_resamples_are_counted_and_left_out():
    gold = np.array([1, 0, 0, 0, 0, 0])
    calls = np.array([[1, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0]]).T
    boot = joint_bootstrap(gold, calls, resamples=2_000)
    absent = (5 / 6) ** 6  # the one abnormal study is not drawn: the second rater is then constant too
    assert boot.undefined[0, 1] == pytest.approx(2_000 * absent, rel=0.15)
    low, high = boot.interval()
    assert low[0, 1] == high[0, 1] == 1
    assert boot.differences().undefined[0, 0] == boot.undefined[0, 1]
    assert np.isfinite(boot.standard_error).all()


def test_a_rater_with_no_kappa_has_no_interval():
    gold = np.zeros(8, dtype=int)
    boot = joint_bootstrap(gold, np.zeros((8, 1)), resamples=20)
    assert boot.undefined[0, 0] == 20
    for kind in ("percentile", "basic", "bca"):
        assert np.isnan(boot.interval(kind=kind)).all()
    assert np.isnan(boot.standard_error).all()


def test_missing_calls_leave_out_the_study_for_that_rater_only():
    gold, calls, _, _ = study(n=100, missing=0)
    calls[:20, 1] = np.nan
    boot = joint_bootstrap(gold, calls, resamples=200)
    np.testing.assert_array_equal(boot.n[0], [100, 80, 100, 100])
    assert boot.estimate[0, 1] == pytest.approx(kappa(gold[20:], calls[20:, 1]))
    full = joint_bootstrap(gold, np.nan_to_num(calls), resamples=200)
    np.testing.assert_array_equal(boot.draws[:, :, [0, 2, 3]], full.draws[:, :, [0, 2, 3]])


def test_differences_are_those_of_the_draws_and_vanish_between_identical_raters():
    gold, calls, types, patients = study()
    calls[:, 3] = calls[:, 0]
    boot = joint_bootstrap(gold, calls, strata=types, clusters=patients, resamples=500)
    all_pairs = boot.differences()
    assert len(all_pairs.pairs) == 6
    for p, (i, j) in enumerate(all_pairs.pairs):
        np.testing.assert_array_equal(all_pairs.draws(1)[:, p], boot.draws[:, 1, i] - boot.draws[:, 1, j])
    low, high = all_pairs.interval()
    same = np.flatnonzero((all_pairs.pairs == [0, 3]).all(axis=1))
    assert not low[:, same].any()
    assert not high[:, same].any()
    one = boot.difference(2, 0)
    np.testing.assert_array_equal(one.estimate[:, 0], boot.estimate[:, 2] - boot.estimate[:, 0])
    np.testing.assert_allclose(one.interval()[0][:, 0], -high[:, 1], atol=1e-12)
    np.testing.assert_allclose(one.standard_error[:, 0], all_pairs.standard_error[:, 1])
    basic = one.interval(kind="basic")
    np.testing.assert_allclose(basic[0] + one.interval()[1], 2 * one.estimate)


def test_bootstrap_of_counted_patterns_has_the_same_distribution():
    gold, calls, types, patients = study(n=300, patients=150, seed=2)
    order = np.argsort(patients, kind="stable")
    counter = PatternCounter(raters=4, strata=3)
    counter.add(gold[order], calls[order], types[order], patients[order])
    for stratified in (False, True):
        counted = bootstrap_patterns(counter.patterns(), resamples=4_000, stratified=stratified)
        known = joint_bootstrap(
            gold, calls, strata=types, clusters=patients, resamples=4_000, stratified=stratified
        )
        np.testing.assert_array_equal(counted.estimate, known.estimate)
        np.testing.assert_allclose(counted.standard_error, known.standard_error, rtol=0.06)
        np.testing.assert_allclose(counted.interval(kind="bca"), known.interval(kind="bca"), atol=0.03)


def test_counted_patterns_are_drawn_free_of_rows_and_rater_columns():
    gold, calls, types, _ = study(n=200, seed=4, missing=0.1)

    def counted(rows, columns):
        counter = PatternCounter(raters=4, strata=3)
        for part in np.array_split(rows, 3):
            counter.add(gold[part], calls[part][:, columns], types[part])
        return bootstrap_patterns(counter.patterns(), resamples=40, rng=3).draws

    rng = np.random.default_rng(0)
    columns = np.array([2, 0, 3, 1])
    base = counted(np.arange(200), np.arange(4))
    np.testing.assert_array_equal(counted(rng.permutation(200), columns), base[:, :, columns])


def test_weights_of_counted_patterns_are_multinomial():
    from mura_ensemble.stats.resampling.weights import _multinomial

    counts = np.array([2, 300, 30, 3, 1])
    drawn = _multinomial(counts, 20_000, np.random.default_rng(0))
    assert (drawn.sum(axis=1) == counts.sum()).all()
    share = counts / counts.sum()
    covariance = counts.sum() * (np.diag(share) - np.outer(share, share))
    np.testing.assert_allclose(drawn.mean(axis=0), counts, rtol=0.03)
    np.testing.assert_allclose(np.cov(drawn.T), covariance, rtol=0.05, atol=0.15)


def test_quantiles_are_numpys():
    rows = np.random.default_rng(0).normal(size=(5, 333))
    rows[2, :100] = np.nan
    q = np.array([0.0, 0.025, 0.5, 0.975, 1.0])
    np.testing.assert_allclose(quantiles(rows, q), np.nanquantile(rows, q, axis=1).T, rtol=1e-12)
    assert np.isnan(quantiles(np.full((1, 4), np.nan), q)).all()


def test_bad_options_are_named():
    boot = joint_bootstrap([0, 1, 1], [[0], [1], [0]], resamples=5)
    with pytest.raises(ValueError, match="kind must be"):
        boot.interval(kind="wald")
    with pytest.raises(ValueError, match="kind must be"):
        boot.differences().interval(kind="bca")
    with pytest.raises(ValueError, match="level must lie"):
        boot.interval(level=95)
    with pytest.raises(ValueError, match="resamples"):
        joint_bootstrap([0, 1], [[0], [1]], resamples=0)


def test_a_gap_in_the_codes_of_types_is_an_empty_type():
    gold, calls = np.array([0, 1, 0, 1]), np.array([[0], [1], [1], [1]])
    boot = joint_bootstrap(gold, calls, strata=[0, 0, 2, 2], resamples=5)
    assert np.isnan(boot.estimate[:, 0]).tolist() == [False, True, False, False, True]
