"""Rules of pooling by their definitions, and the learned one against scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from test_pooling import ROWS, views_of

from mura_ensemble.data.errors import InputError
from mura_ensemble.ensembles.combining.combination import Sample
from mura_ensemble.ensembles.pooling.rules import FIXED, FixedPooling, fit_pooling, fixed_pooling
from mura_ensemble.ensembles.pooling.studies import pool_studies

NONE = np.array([], dtype=str)
VIEWS = np.array([[0.2, 0.4, np.nan], [0.1, 0.5, 0.9], [0.3, np.nan, np.nan], [np.nan] * 3])[:, :, None]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("mean", [0.3, 0.5, 0.3]),
        ("logit-mean", [expit((logit(0.2) + logit(0.4)) / 2), 0.5, 0.3]),
        ("max", [0.4, 0.9, 0.3]),
        ("noisy-or", [1 - 0.8 * 0.6, 1 - 0.9 * 0.5 * 0.1, 0.3]),
        ("top-2", [0.3, 0.7, 0.3]),
        ("top-3", [0.3, 0.5, 0.3]),
    ],
)
def test_rules_by_hand(kind, expected):
    pooled = FixedPooling(kind).pool(VIEWS, NONE)[:, 0]
    assert pooled[:3] == pytest.approx(expected)
    assert np.isnan(pooled[3])


def test_noisy_or_rises_with_the_number_of_views_whatever_they_show():
    doubtful = np.full((1, 6, 1), 0.2)
    pooled = [FixedPooling("noisy-or").pool(doubtful[:, :k], NONE)[0, 0] for k in range(1, 7)]
    assert (np.diff(pooled) > 0).all()
    assert pooled[0] < 0.5 < pooled[-1]
    assert FixedPooling("mean").pool(doubtful, NONE)[0, 0] == pytest.approx(0.2)


@pytest.mark.parametrize("kind", FIXED)
def test_the_order_of_views_and_a_second_backbone_change_nothing(kind):
    alone = pool_studies({"net": views_of(ROWS)}, pooling=kind).probabilities["net"]
    shuffled = views_of(ROWS).sample(frac=1, random_state=3)
    both = pool_studies({"other": views_of(ROWS[::-1]), "net": shuffled}, pooling=kind).probabilities["net"]
    assert both.equals(alone)


def labelled_views(n=700, backbones=2, seed=0):
    """Lesions that show in some of one to four views."""
    rng = np.random.default_rng(seed)
    gold = (rng.random(n) < 0.45).astype(float)
    count = rng.integers(1, 5, n)
    views = np.full((n, 4, backbones), np.nan)
    for k in range(4):
        shows = (gold == 1) & (rng.random(n) < 0.6)
        here = count > k
        views[here, k] = expit((3.0 * shows - 1.5)[here, None] + rng.normal(size=(here.sum(), backbones)))
    views = np.sort(views, axis=1)
    types = rng.choice(["elbow", "wrist"], n)
    return Sample(views, gold, types, np.arange(n), np.arange(n) % 5)


def test_the_learned_rule_is_scikit_learns_regression():
    sample = labelled_views()
    found = fit_pooling("learned", sample)
    for backbone in range(2):
        views = sample.probabilities[:, :, backbone]
        design = np.column_stack(
            [
                *(logit(f(views, axis=1)) for f in (np.nanmean, np.nanmax, np.nanmin)),
                np.log((~np.isnan(views)).sum(axis=1)),
            ]
        )
        reference = LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000).fit(design, sample.gold)
        names = ("mean", "max", "min", "log_views")
        assert [found.coefficients[name][backbone] for name in names] == pytest.approx(
            reference.coef_[0], abs=1e-4
        )
        pooled = found.pool(sample.probabilities, sample.study_types)[:, backbone]
        assert pooled == pytest.approx(reference.predict_proba(design)[:, 1], abs=1e-5)


def test_where_lesions_hide_in_some_views_the_learned_rule_beats_the_mean():
    old, new = labelled_views(), labelled_views(n=4000, seed=9)
    learned = fit_pooling("learned", old).pool(new.probabilities, new.study_types)
    plain = FixedPooling("mean").pool(new.probabilities, new.study_types)
    right = [((each[:, 0] > 0.5) == new.gold).mean() for each in (plain, learned)]
    assert right[1] > right[0] + 0.02


def test_per_study_type_it_follows_a_type():
    sample = labelled_views()
    turned = np.where(sample.study_types == "elbow", 1 - sample.gold, sample.gold)
    mixed = Sample(sample.probabilities, turned, sample.study_types, sample.patients, sample.folds)
    found = fit_pooling("learned-per-study-type", mixed)
    assert set(found.type_coefficients) == {"elbow", "wrist"}
    pooled = found.pool(sample.probabilities, sample.study_types)[:, 0]
    wrist = sample.study_types == "wrist"
    assert np.corrcoef(pooled[wrist], sample.gold[wrist])[0, 1] > 0.3
    assert np.corrcoef(pooled[~wrist], sample.gold[~wrist])[0, 1] < -0.3
    unseen = found.pool(sample.probabilities[:5], np.full(5, "skull"))
    assert np.isfinite(unseen).all()


def test_a_study_without_a_view_has_no_learned_probability():
    found = fit_pooling("learned", labelled_views(backbones=1))
    assert np.isnan(found.pool(VIEWS, NONE)[3, 0])
    assert np.isfinite(found.pool(VIEWS, NONE)[:3]).all()


def test_a_learned_rule_must_be_fitted():
    with pytest.raises(InputError, match="fitted to labelled studies"):
        fixed_pooling("learned")
    with pytest.raises(InputError, match="fitted to labelled studies"):
        pool_studies({"net": views_of(ROWS)}, pooling="learned")


def test_identical_backbones_are_found():
    other = views_of([(study, view, p / 2) for study, view, p in ROWS])
    pooled = pool_studies({"a": views_of(ROWS), "b": other, "c": views_of(ROWS)})
    assert pooled.duplicates() == [("a", "c")]
    assert isinstance(pooled.probabilities, pd.DataFrame)
