"""Panels: gold rules, vote counts, brute force over panels, in-panel bias, missing reads."""

from itertools import combinations, product

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score, recall_score

from mura_ensemble.stats.kappa.cohen import cohen_kappa
from mura_ensemble.stats.reader_study.merit import f1
from mura_ensemble.stats.reader_study.panel import every_panel, fixed_gold, majority_of_others, random_panels
from mura_ensemble.stats.reader_study.panel_gold import (
    adjudicate,
    all_panels,
    majority_share,
    others_gold,
    panel_gold,
)

NAN = np.nan


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(5)
    truth = rng.random(120) < 0.45
    reads = np.where(rng.random((120, 5)) < 0.12, ~truth[:, None], truth[:, None]).astype(float)
    calls = np.where(rng.random((120, 2)) < 0.15, ~truth[:, None], truth[:, None]).astype(float)
    return reads, calls, rng.integers(0, 80, 120)


@pytest.mark.parametrize(
    ("rule", "ties", "missing", "expected"),
    [
        ("majority", "undecided", "decided", [1, NAN, NAN, NAN, NAN]),
        ("majority", "abnormal", "decided", [1, 1, NAN, NAN, NAN]),
        ("majority", "normal", "present", [1, 0, 1, 0, NAN]),
        ("unanimous", "undecided", "decided", [NAN, NAN, NAN, NAN, NAN]),
        ("unanimous", "undecided", "present", [NAN, NAN, 1, NAN, NAN]),
    ],
)
def test_rules_of_a_panel_of_four(rule, ties, missing, expected):
    reads = [[1, 1, 1, 0], [1, 1, 0, 0], [1, 1, NAN, NAN], [1, 0, NAN, NAN], [NAN] * 4]
    np.testing.assert_array_equal(panel_gold(reads, rule=rule, ties=ties, missing=missing), expected)


def test_shares_of_panels_by_vote_count_are_those_of_enumeration():
    np.testing.assert_allclose(majority_share(range(7), 6, 3), [0, 0, 0.2, 0.5, 0.8, 1, 1], atol=1e-12)
    np.testing.assert_allclose(majority_share(range(6), 5, 3), [0, 0, 0.3, 0.7, 1, 1], atol=1e-12)
    for size in (1, 2, 3, 4):
        for votes in range(6):
            reads = [1] * votes + [0] * (5 - votes)
            sums = np.array([sum(seats) for seats in combinations(reads, size)])
            share = np.mean((2 * sums > size) + 0.5 * (2 * sums == size))
            assert majority_share(votes, 5, size) == pytest.approx(share)
    assert np.isnan(majority_share(1, 2, 3))


def test_in_panel_bias_of_six_equal_readers_by_exact_enumeration():
    """Facts: se = sp = .9, prevalence .45, independent readers: .819 in the panel, .753 outside."""
    inside, outside = np.zeros((2, 2)), np.zeros((2, 2))
    for truth, prevalence in ((0, 0.55), (1, 0.45)):
        for reads in product((0, 1), repeat=4):
            chance = prevalence * np.prod([0.9 if read == truth else 0.1 for read in reads])
            gold = int(sum(reads[:3]) >= 2)
            inside[gold, reads[0]] += chance
            outside[gold, reads[3]] += chance
    exact_in, exact_out = cohen_kappa(inside), cohen_kappa(outside)
    assert exact_in == pytest.approx(0.819, abs=5e-4)
    assert exact_out == pytest.approx(0.753, abs=7e-4)

    # The same population as a data set of whole studies: every pattern of six reads in its due number.
    rows = []
    for truth, prevalence in ((0, 550_000), (1, 450_000)):
        for reads in product((0, 1), repeat=6):
            times = prevalence * np.prod([0.9 if read == truth else 0.1 for read in reads])
            assert times == pytest.approx(round(times), abs=0.5)
            rows += [reads] * round(times / 100)
    found = every_panel(
        rows, np.empty((len(rows), 0)), all_panels(6, 3), patients=np.zeros(len(rows), int), resamples=1
    )
    np.testing.assert_allclose(found.own, exact_in, atol=2e-3)
    np.testing.assert_allclose(found.mean, exact_out, atol=2e-3)


def test_every_panel_is_brute_force(study):
    reads, calls, patients = study
    panels = all_panels(5, 3)
    found = every_panel(reads, calls, panels, patients=patients, resamples=20)
    raters = np.hstack([reads, calls])
    apart = np.full((2, 5, len(panels)), np.nan)
    for p, seats in enumerate(panels):
        gold = (reads[:, seats].sum(axis=1) >= 2).astype(int)
        kappas = np.array([cohen_kappa_score(gold, rater) for rater in raters.T])
        np.testing.assert_allclose(found.kappa[p], kappas)
        outside = [r for r in range(7) if r not in seats]
        for r in outside:
            assert found.rank[p, r] == 1 + sum(kappas[o] > kappas[r] + 1e-12 for o in outside)
            if r < 5:
                apart[:, r, p] = kappas[5:] - kappas[r]
        assert np.isnan(found.rank[p, seats]).all()
    np.testing.assert_allclose(found.contrast, np.nanmean(apart, axis=2))
    np.testing.assert_allclose(found.overall, np.nanmean(apart, axis=2).mean(axis=1))
    np.testing.assert_allclose(found.mean[5:], found.kappa[:, 5:].mean(axis=0))
    assert (found.bias > 0).all()


def test_intervals_come_from_one_resample_of_patients_for_all_panels(study):
    reads, calls, patients = study
    panels = all_panels(5, 3)
    found = every_panel(reads, calls, panels, patients=patients, resamples=30, jackknife=True, rng=3)
    codes = np.unique(patients, return_inverse=True)[1]
    drawn = np.random.default_rng(3).integers(0, codes.max() + 1, size=(30, codes.max() + 1))
    rows = np.concatenate([np.flatnonzero(codes == unit) for unit in drawn[0]])
    again = every_panel(reads[rows], calls[rows], panels, resamples=1)
    np.testing.assert_allclose(found.contrast_draws[0], again.contrast)
    first = codes != 0
    without = every_panel(reads[first], calls[first], panels, resamples=1)
    np.testing.assert_allclose(found.contrast_jackknife[0], without.contrast)


def test_order_of_readers_changes_no_digit(study):
    reads, calls, patients = study
    panels = all_panels(5, 3)
    found = every_panel(reads, calls, panels, patients=patients, resamples=50)
    turned = every_panel(reads[:, ::-1], calls, panels, patients=patients, resamples=50)
    np.testing.assert_allclose(turned.contrast_low, found.contrast_low[:, ::-1], rtol=0, atol=1e-14)


def test_a_missing_read_leaves_the_study_out_for_its_reader_and_his_rival_only(study):
    reads, calls, patients = study
    reads = reads.copy()
    reads[:10, 0] = np.nan
    found = every_panel(reads, calls, [[1, 2, 3]], patients=patients, resamples=5)
    part = every_panel(reads[10:], calls[10:], [[1, 2, 3]], resamples=5)
    whole = every_panel(study[0], calls, [[1, 2, 3]], resamples=5)
    np.testing.assert_allclose(found.contrast[:, 0], part.contrast[:, 0])
    np.testing.assert_allclose(found.contrast[:, 4], whole.contrast[:, 4])
    assert np.isnan(found.contrast[:, 1]).all()


def test_random_panels_are_the_table_summed_over_panels(study):
    reads, calls, patients = study
    found = random_panels(reads, calls, 3, patients=patients, resamples=20)
    table = np.zeros((2, 2, 2))
    for seats in combinations(range(1, 5), 3):
        gold = (reads[:, seats].sum(axis=1) >= 2).astype(int)
        for column, rater in enumerate((reads[:, 0], calls[:, 1])):
            np.add.at(table[column], (gold, rater.astype(int)), 1)
    kappas = cohen_kappa(table)
    assert found.mean[0] == pytest.approx(kappas[0])
    assert found.contrast[1, 0] == pytest.approx(kappas[1] - kappas[0])


def test_three_of_twenty_two_readers():
    rng = np.random.default_rng(2)
    truth = rng.random(900) < 0.4
    reads = np.full((900, 22), np.nan)
    for row, seats in enumerate(np.argsort(rng.random((900, 22)), axis=1)[:, :3]):
        reads[row, seats] = truth[row] ^ (rng.random(3) < 0.1)
    call = (truth ^ (rng.random(900) < 0.1)).astype(float)[:, None]
    found = random_panels(reads, call, 1, resamples=100)
    # Two independent reads, each right nine times in ten: kappa = .8^2 (1 - pi) pi / (q (1 - q)), q = .1 + .8 pi.
    expected = 0.64 * 0.24 / (0.42 * 0.58)
    assert found.mean[:22].mean() == pytest.approx(expected, abs=0.04)
    assert found.overall[0] == pytest.approx(0, abs=0.06)
    assert found.overall_low[0] < found.overall[0] < found.overall_high[0]
    assert found.n.sum() == 2_700


@pytest.mark.parametrize(
    "wrong", [lambda: all_panels(3, 3), lambda: majority_share(1, 2, 0), lambda: panel_gold([[2, 0]])]
)
def test_impossible_panels_are_refused(wrong):
    with pytest.raises(ValueError, match=r"panel|reads"):
        wrong()


def test_an_adjudication_decides_what_is_undecided_or_all_it_was_asked():
    gold, final = [1, 0, NAN, NAN], [0, NAN, 1, NAN]
    np.testing.assert_array_equal(adjudicate(gold, final), [1, 0, 1, NAN])
    np.testing.assert_array_equal(adjudicate(gold, final, adjudicates="all"), [0, 0, 1, NAN])
    both = adjudicate(np.column_stack([gold, final]), final)
    np.testing.assert_array_equal(both[:, 0], [1, 0, 1, NAN])
    for wrong in (
        lambda: adjudicate(gold, [2] * 4),
        lambda: adjudicate(gold, [1]),
        lambda: adjudicate(gold, final, adjudicates="some"),
    ):
        with pytest.raises(ValueError, match="adjudicate"):
            wrong()


def test_an_adjudicated_panel_is_the_fixed_gold_standard_made_by_hand(study):
    reads, calls, patients = study
    final = np.where(np.arange(120) % 3 > 0, reads[:, 4], NAN)
    gold = adjudicate(panel_gold(reads[:, [0, 1, 2]], rule="unanimous"), final)
    found = every_panel(
        reads, calls, [[0, 1, 2]], patients=patients, rule="unanimous", adjudicated=final, resamples=60
    )
    by_hand = fixed_gold(gold, reads, calls, made_by=(0, 1, 2), patients=patients, resamples=60)
    np.testing.assert_allclose(found.contrast, by_hand.contrast)
    np.testing.assert_allclose(found.contrast_low, by_hand.contrast_low)
    np.testing.assert_array_equal(found.inside, by_hand.inside)
    assert found.n == by_hand.n == (~np.isnan(gold)).sum()
    assert np.isnan(found.mean[:3]).all()
    np.testing.assert_allclose(
        found.own[:3], [cohen_kappa_score(gold[~np.isnan(gold)], r[~np.isnan(gold)]) for r in reads.T[:3]]
    )


def test_majority_of_the_others_is_brute_force(study):
    reads, calls, patients = study
    reads = reads.copy()
    reads[np.random.default_rng(2).random(reads.shape) < 0.3] = np.nan
    gold = others_gold(reads)
    for i, row in enumerate(reads):
        for j in range(5):
            rest = np.delete(row, j)
            rest = rest[~np.isnan(rest)]
            share = rest.mean() if len(rest) else 0.5
            expected = NAN if share == 0.5 else float(share > 0.5)
            np.testing.assert_equal(gold[i, j], expected)
    found = majority_of_others(reads, calls, patients=patients, resamples=20)
    for j in range(5):
        kept = ~np.isnan(gold[:, j]) & ~np.isnan(reads[:, j])
        own = cohen_kappa_score(gold[kept, j], reads[kept, j])
        assert found.mean[j] == pytest.approx(own)
        assert found.contrast[1, j] == pytest.approx(cohen_kappa_score(gold[kept, j], calls[kept, 1]) - own)
        assert found.n[j] == kept.sum()
    assert not found.panels.size
    with pytest.raises(ValueError, match="leaves one of them out"):
        majority_of_others(np.where(np.eye(120, 5), 1.0, NAN), calls)


@pytest.mark.parametrize(
    ("figure", "reference"), [("sensitivity", recall_score), (f1, f1_score), (lambda t: f1(t), f1_score)]
)
def test_any_figure_of_merit_over_panels(study, figure, reference):
    reads, calls, _ = study
    panels = all_panels(5, 3)
    found = every_panel(reads, calls, panels, figure=figure, resamples=5)
    apart = []
    for seats in panels:
        gold = (reads[:, seats].sum(axis=1) >= 2).astype(int)
        if 2 not in seats:
            apart.append(reference(gold, calls[:, 0]) - reference(gold, reads[:, 2]))
    assert found.contrast[0, 2] == pytest.approx(np.mean(apart))


def test_model_and_reader_are_compared_on_the_same_studies_and_panels(study):
    reads, calls, _ = study
    calls = calls.copy()
    calls[:40, 0] = np.nan
    found = every_panel(reads, calls, [[0, 1, 2]], resamples=5, jackknife=True)
    part = every_panel(reads[40:], calls[40:], [[0, 1, 2]], resamples=5)
    np.testing.assert_allclose(found.contrast[0], part.contrast[0])
    assert found.contrast_jackknife.shape == (120, 2, 5)
    # A model that only saw studies which one panel calls normal is undefined there, for both sides.
    few = np.where(reads[:, [1, 2, 3]].sum(axis=1)[:, None] < 2, 0.0, NAN)
    some = every_panel(reads, few, all_panels(5, 3), resamples=2)
    kept = ~np.isnan(few[:, 0])
    apart = []
    for seats in all_panels(5, 3):
        if 4 not in seats:
            gold = (reads[kept][:, seats].sum(axis=1) >= 2).astype(float)
            pair = cohen_kappa(
                np.array(
                    [
                        [[((gold == g) & (x == c)).sum() for c in (0, 1)] for g in (0, 1)]
                        for x in (few[kept, 0], reads[kept, 4])
                    ]
                )
            )
            apart.append(pair[0] - pair[1])
    assert some.contrast[0, 4] == pytest.approx(np.nanmean(apart))


def test_a_panel_of_one_class_is_no_zero():
    """Reader 3 read normal studies only: no panel with him can decide an abnormal one, and none says a kappa of 0."""
    rng = np.random.default_rng(0)
    truth = rng.random(300) < 0.15
    reads = np.where(rng.random((300, 4)) < 0.05, ~truth[:, None], truth[:, None]).astype(float)
    reads[truth | (reads[:, :3].sum(axis=1) > 0), 3] = np.nan
    calls = truth[:, None].astype(float)
    found = every_panel(reads, calls, all_panels(4, 2), resamples=20)
    with_him = (found.panels == 3).any(axis=1)
    assert np.isnan(found.kappa[with_him]).all()
    others = every_panel(reads[:, :3], calls, all_panels(3, 2), resamples=20)
    np.testing.assert_allclose(found.mean[[0, 1, 2, 4]], others.mean)
    assert found.mean[4] > 0.8
