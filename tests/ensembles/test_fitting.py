import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import cohen_kappa_score

from mura_ensemble.data.errors import InputError
from mura_ensemble.ensembles import strategies
from mura_ensemble.ensembles.combining.combination import Sample
from mura_ensemble.ensembles.combining.stacked import StackedCombination, refit
from mura_ensemble.ensembles.ensemble import key_digest
from mura_ensemble.ensembles.estimator import to_sklearn
from mura_ensemble.ensembles.fitting import fit_ensemble, gold_of, labelled_sample
from mura_ensemble.ensembles.pooling.rules import pooled
from mura_ensemble.ensembles.pooling.studies import StudyProbabilities
from mura_ensemble.ensembles.recipes import Recipe, cross_fitted, recipes_of
from mura_ensemble.ensembles.store import load_ensemble, save_ensemble
from mura_ensemble.ensembles.strategies import STRATEGIES
from mura_ensemble.ensembles.thresholds import OperatingPoint
from mura_ensemble.ensembles.worth import intervals
from mura_ensemble.ensembles.worth.nested import nested_choice

TYPES = ("elbow", "hand", "wrist")


def study_set(patients=150, backbones=("ann", "bob", "cyd"), prefix="p", seed=0, shift=0.0, noise=1.0):
    """Patients with one or two studies; backbones of falling strength."""
    rng = np.random.default_rng(seed)
    per_patient = rng.integers(1, 3, patients)
    patient = np.repeat([f"{prefix}{number:04d}" for number in range(patients)], per_patient)
    n = len(patient)
    study_types = rng.choice(TYPES, n)
    gold = (rng.random(n) < 0.45).astype(float)
    type_shift = shift * (np.searchsorted(TYPES, study_types) - 1)
    strengths = 1.4 / (1 + 0.3 * np.arange(len(backbones)))
    logits = (
        (2 * gold[:, None] - 1) * strengths
        + noise * rng.normal(size=(n, len(backbones)))
        + type_shift[:, None]
    )
    index = pd.Index([f"{name}/study{number}" for number, name in enumerate(patient)], name="study")
    studies = pd.DataFrame({"patient": patient, "study_type": study_types, "split": "valid"}, index=index)
    probabilities = pd.DataFrame(expit(logits), index=index, columns=list(backbones))
    failed = pd.Series(0, index=list(backbones))
    return StudyProbabilities(studies, probabilities, failed), pd.Series(gold, index=index, name="gold")


def cards_of(studies, role="held-out", split="valid"):
    return {
        name: {"simulated": True, "splits": {split: {"role": role, "key": f"key of {name}"}}}
        for name in studies.probabilities
    }


def fitted(studies, gold, **options):
    return fit_ensemble(studies, gold, cards=cards_of(studies), **options)


@pytest.mark.parametrize("strategy", ["mean", "weighted", "stack"])
@pytest.mark.parametrize("operating_point", ["half", "kappa", "per-study-type"])
def test_apparent_and_nested_kappa_are_kappas_of_calls(strategy, operating_point):
    studies, gold = study_set(shift=0.8)
    ensemble = fitted(studies, gold, strategy=strategy, operating_point=operating_point, folds=4)
    calls = ensemble.apply(studies, allow_fitted=True)["call"]
    assert ensemble.evaluation.apparent == pytest.approx(cohen_kappa_score(gold, calls), abs=1e-12)
    assert ensemble.evaluation.low < ensemble.evaluation.nested < ensemble.evaluation.high
    assert ensemble.evaluation.n == len(gold)
    if strategy == "mean" and operating_point == "half":
        assert ensemble.evaluation.gap == pytest.approx(
            0, abs=1e-12
        )  # nothing is fitted, nothing can flatter


ROUND_TRIPS = [
    *({"strategy": strategy, "operating_point": "kappa"} for strategy in STRATEGIES),
    {"strategy": "stack", "operating_point": "per-study-type", "calibration": "platt"},
    {"strategy": "mean", "operating_point": "intercept", "calibration": "isotonic", "pooling": "learned"},
    {"strategy": "hierarchical", "operating_point": "sensitivity=0.9", "pooling": "learned-per-study-type"},
    {"strategy": "weighted", "operating_point": "kappa", "pooling": "noisy-or", "calibration": "temperature"},
    {"strategy": "auto", "operating_point": "auto"},
]


@pytest.mark.parametrize("options", ROUND_TRIPS, ids=lambda options: "-".join(options.values()))
def test_an_ensemble_survives_its_file(tmp_path, monkeypatch, options):
    monkeypatch.setattr(intervals, "RESAMPLES", 10)
    monkeypatch.setattr(intervals, "_SLOW", dict.fromkeys(intervals._SLOW, 4))
    studies, gold = study_set(patients=80)
    ensemble = fitted(studies, gold, **options, name="mine")
    path = tmp_path / "mine.json"
    save_ensemble(ensemble, path)
    again = load_ensemble(path)
    assert again == ensemble
    new, _ = study_set(prefix="q", seed=9)
    pd.testing.assert_frame_equal(again.apply(new), ensemble.apply(new))
    save_ensemble(again, tmp_path / "again.json")
    assert path.read_bytes() == (tmp_path / "again.json").read_bytes()
    record = json.loads(path.read_text())
    assert list(record["weights"]) == ["ann", "bob", "cyd"]
    named = record["combination"].get("weights") or record["combination"].get("coefficients")
    assert named is None or list(named) == ["ann", "bob", "cyd"]


def test_files_of_the_first_version_are_read(tmp_path):
    """As the first release wrote them: no recipe, no weights, no calibration."""
    studies, gold = study_set(patients=60)
    ensemble = fitted(studies, gold, strategy="stack", operating_point="kappa")
    save_ensemble(ensemble, tmp_path / "new.json")
    record = json.loads((tmp_path / "new.json").read_text())
    for name in ("recipe", "weights", "calibration", "notes"):
        del record[name]
    for name in ("candidates", "mix"):
        del record["evaluation"][name]
    for name in ("type_penalty", "type_intercepts", "type_coefficients"):
        del record["combination"][name]
    del record["operating_point"]["target"]
    (tmp_path / "old.json").write_text(json.dumps(record))
    old = load_ensemble(tmp_path / "old.json")
    assert old.recipe == ensemble.recipe
    new, _ = study_set(prefix="q", seed=9)
    pd.testing.assert_frame_equal(old.apply(new), ensemble.apply(new))


def test_same_seed_same_digits_whatever_the_order_of_rows_and_backbones():
    studies, gold = study_set()
    one = fitted(studies, gold, operating_point="kappa", seed=5)
    order = np.random.default_rng(1).permutation(len(gold))
    turned = StudyProbabilities(
        studies.studies.iloc[order],
        studies.probabilities.iloc[order][["cyd", "ann", "bob"]],
        studies.failed_views,
    )
    two = fitted(turned, gold.iloc[order], operating_point="kappa", seed=5)
    assert two.evaluation == one.evaluation
    assert two.apply(turned, allow_fitted=True)["probability"].reindex(
        gold.index
    ).to_numpy() == pytest.approx(one.apply(studies, allow_fitted=True)["probability"].to_numpy(), abs=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "greedy-kappa-bagged"},
        {"strategy": "rank-mean", "operating_point": "intercept"},
        {"strategy": "hierarchical", "pooling": "learned"},
    ],
    ids=lambda options: options["strategy"],
)
def test_the_order_of_rows_and_backbones_decides_nothing(monkeypatch, options):
    monkeypatch.setattr(intervals, "RESAMPLES", 10)
    monkeypatch.setattr(intervals, "_SLOW", dict.fromkeys(intervals._SLOW, 4))
    studies, gold = study_set(patients=90)
    order = np.random.default_rng(1).permutation(len(gold))
    turned = StudyProbabilities(
        studies.studies.iloc[order],
        studies.probabilities.iloc[order][["cyd", "ann", "bob"]],
        studies.failed_views,
    )
    one, two = fitted(studies, gold, **options), fitted(turned, gold.iloc[order], **options)
    assert one == two


def test_scoring_the_studies_of_the_fit_is_refused_and_marked():
    studies, gold = study_set()
    ensemble = fitted(studies, gold)
    with pytest.raises(InputError, match=r"was fitted on \d+ of these .* studies .*--allow-fitted"):
        ensemble.apply(studies)
    assert ensemble.apply(studies, allow_fitted=True)["fitted"].all()


def test_other_studies_of_the_same_patients_are_refused_too():
    studies, gold = study_set()
    ensemble = fitted(studies, gold)
    renamed = studies.studies.rename(index=lambda key: f"other/{key}")
    others = StudyProbabilities(renamed, studies.probabilities.set_axis(renamed.index), studies.failed_views)
    with pytest.raises(InputError, match=r"other studies of 150 of these patients"):
        ensemble.apply(others)


def test_new_patients_are_welcome():
    studies, gold = study_set()
    ensemble = fitted(studies, gold)
    new, _ = study_set(prefix="q", seed=9)
    applied = ensemble.apply(new)
    assert not applied["fitted"].any()
    assert applied["call"].isin([0, 1]).all()


def test_a_missing_probability_is_a_missing_call_never_a_zero():
    studies, gold = study_set()
    ensemble = fitted(studies, gold)
    new, _ = study_set(prefix="q", seed=9)
    new.probabilities.iloc[3, 1] = np.nan
    applied = ensemble.apply(new)
    assert applied.iloc[3][["probability", "call"]].isna().all()
    assert applied["call"].notna().sum() == len(applied) - 1


@pytest.mark.parametrize("strategy", ["mean", "weighted", "stack"])
def test_a_missing_backbone_by_policy(strategy):
    """Renormalise: the weights of the others scaled to 1, and counted; a stack cannot, and says so by no call."""
    studies, gold = study_set()
    ensemble = fitted(studies, gold, strategy=strategy)
    new, _ = study_set(prefix="q", seed=9)
    new.probabilities.iloc[3, 1] = np.nan
    new.probabilities.iloc[4] = np.nan
    applied = ensemble.apply(
        StudyProbabilities(new.studies, new.probabilities, new.failed_views, None, "renormalise")
    )
    assert applied["call"].isna().iloc[4]
    assert applied["backbones"].iloc[:6].tolist() == [3, 3, 3, 0 if strategy == "stack" else 2, 0, 3]
    if strategy == "stack":
        assert np.isnan(applied["probability"].iloc[3])
    else:
        weights = np.array([w.estimate for w in ensemble.weights])[[0, 2]]
        expected = new.probabilities.iloc[3, [0, 2]].to_numpy() @ weights / weights.sum()
        assert applied["probability"].iloc[3] == pytest.approx(expected)


def test_identical_backbones_are_reported():
    studies, gold = study_set()
    copied = studies.probabilities.assign(dan=studies.probabilities["bob"])
    found = fitted(StudyProbabilities(studies.studies, copied, studies.failed_views), gold, strategy="mean")
    assert len(found.notes) == 1
    assert "'bob' and 'dan' have identical probabilities" in found.notes[0]
    assert fitted(studies, gold, strategy="mean").notes == ()


def test_a_lopsided_gold_standard_is_said():
    studies, gold = study_set(patients=200)
    rare = gold.where((gold == 0) | (np.arange(len(gold)) % 5 == 0), np.nan)
    (note,) = fitted(studies, rare, strategy="mean").notes
    assert note.startswith(f"{100 * rare.mean():.0f} % of these studies are abnormal")
    assert rare.mean() < 0.25


def test_a_choice_is_part_of_what_the_nested_kappa_measures():
    studies, gold = study_set(patients=100, shift=0.8)
    found = fitted(studies, gold, strategy="auto", operating_point="auto")
    candidates = found.evaluation.candidates
    assert sum(item.chosen for item in candidates) == found.evaluation.folds
    assert max(candidates, key=lambda item: item.kappa).recipe == found.recipe.label
    assert found.evaluation.nested <= max(item.kappa for item in candidates) + 1e-12
    assert {"mean", "mean, intercept"} <= {item.recipe for item in candidates}


def test_a_choice_leaves_out_what_cannot_differ():
    few = recipes_of("auto", "auto", "auto", "none", backbones=5, study_types=1, several_views=False)
    many = recipes_of("auto", "auto", "auto", "none", backbones=5, study_types=7, several_views=True)
    wide = recipes_of("auto", "mean", "half", "none", backbones=40, study_types=7, several_views=True)
    assert not {"hierarchical"} & {recipe.strategy for recipe in few + wide}
    assert {recipe.pooling for recipe in few} == {"mean"}
    assert {(r.strategy, r.pooling) for r in many} >= {("hierarchical", "learned"), ("mean", "mean")}
    assert (
        len(recipes_of("stack", "mean", "half", "none", backbones=5, study_types=7, several_views=True)) == 1
    )


def test_kappas_weighted_to_the_mix_of_another_split():
    studies, gold = study_set(patients=200, shift=1.0)
    mix = pd.Series({"elbow": 0.8, "hand": 0.1, "wrist": 0.1}, name="test")
    plain, weighted = fitted(studies, gold, strategy="mean"), fitted(studies, gold, strategy="mean", mix=mix)
    calls = plain.apply(studies, allow_fitted=True)["call"]
    types = studies.studies["study_type"]
    weight = types.map(mix / types.value_counts(normalize=True))
    assert weighted.evaluation.nested == pytest.approx(
        cohen_kappa_score(gold, calls, sample_weight=weight), abs=1e-12
    )
    assert weighted.evaluation.nested != plain.evaluation.nested
    assert weighted.evaluation.low < weighted.evaluation.nested < weighted.evaluation.high
    assert weighted.evaluation.mix == "test"
    with pytest.raises(InputError, match="study type 'skull', of which no study is here"):
        fitted(studies, gold, strategy="mean", mix=pd.Series({"skull": 1.0}, name="test"))


@pytest.mark.parametrize("strategy", ["weighted", "stack", "greedy", "hierarchical"])
def test_intervals_of_weights_are_those_of_a_bootstrap_of_patients(strategy):
    """Resamples drawn and fitted one by one spread alike; a stack at the penalty that was chosen."""
    studies, gold = study_set(patients=150)
    found = fitted(studies, gold, strategy=strategy)
    sample = pooled(found.parts.pooling, labelled_sample(studies, gold, folds=5, seed=0)[2])
    rng = np.random.default_rng(7)
    draws = []
    for _ in range(60):
        rows = np.concatenate([np.flatnonzero(sample.patients == k) for k in rng.integers(0, 150, 150)])
        again, chosen = sample.drawn(rows), found.combination
        if isinstance(chosen, StackedCombination):
            fit = partial(refit, kind=strategy, penalty=chosen.penalty, type_penalty=chosen.type_penalty)
        else:
            fit = STRATEGIES[strategy]
        draws.append(fit(again).weights_of(3))
    spread = np.std(draws, axis=0)
    widths = np.array([weight.high - weight.low for weight in found.weights]) / 3.92
    assert widths == pytest.approx(spread, rel=0.5)
    for weight in found.weights:
        assert weight.low <= weight.estimate <= weight.high
        assert weight.fold_low <= weight.fold_high


def test_a_mean_has_no_interval_to_its_weights():
    studies, gold = study_set(patients=60)
    found = fitted(studies, gold, strategy="mean").weights
    assert all(weight.estimate == weight.low == weight.high == pytest.approx(1 / 3) for weight in found)
    assert all(weight.resamples == 0 for weight in found)


def test_as_a_scikit_learn_estimator():
    studies, gold = study_set(patients=60)
    estimator = to_sklearn(fitted(studies, gold, strategy="weighted", operating_point="kappa"))
    assert estimator.get_params()["operating_point"] == "kappa"
    assert set(
        estimator.fit(studies.probabilities.to_numpy(), gold).predict(studies.probabilities.to_numpy())
    ) == {0, 1}
    with pytest.raises(ValueError, match="views or study types"):
        to_sklearn(fitted(studies, gold, strategy="hierarchical"))


def test_studies_without_every_probability_are_left_out_of_the_fit_and_counted():
    studies, gold = study_set()
    studies.probabilities.iloc[:7, 0] = np.nan
    ensemble = fitted(studies, gold)
    assert ensemble.fitted_on.left_out == 7
    assert ensemble.evaluation.n == len(gold) - 7
    assert key_digest(str(studies.studies.index[0])) not in ensemble.fitted_on.study_digests


def sample_of(studies, gold, folds=4):
    where = studies.studies
    patient = pd.factorize(where["patient"])[0]
    views = studies.views_of(list(studies.probabilities))
    return Sample(views, gold.to_numpy(), where["study_type"].to_numpy(dtype=str), patient, patient % folds)


RECIPES = [
    [Recipe("mean", operating_point="per-study-type")],
    [Recipe("weighted", operating_point="per-study-type")],
    [Recipe("stack", operating_point="per-study-type", calibration="isotonic")],
    [Recipe("greedy-kappa", pooling="learned", operating_point="intercept")],
    [Recipe("mean"), Recipe("hierarchical", pooling="learned"), Recipe("rank-mean", operating_point="kappa")],
]


@pytest.mark.parametrize("recipes", RECIPES, ids=lambda recipes: "+".join(one.strategy for one in recipes))
def test_a_study_has_no_say_in_its_own_nested_call(recipes):
    """Turning round the gold of one patient's studies must not change that patient's held-out calls."""
    studies, gold = study_set(patients=80, shift=0.5)
    before = nested_choice(recipes, sample_of(studies, gold)).calls
    patient = sample_of(studies, gold).patients
    for target in (0, 3, 11):
        mine = patient == target
        turned = gold.where(~mine, 1 - gold)
        after = nested_choice(recipes, sample_of(studies, turned)).calls
        assert (after[mine] == before[mine]).all()


@pytest.mark.parametrize(
    "recipes", RECIPES[1:], ids=lambda recipes: "+".join(one.strategy for one in recipes)
)
def test_what_is_remembered_changes_no_digit(recipes):
    class Forgetful(dict):
        def __contains__(self, key):
            return False

        def setdefault(self, key, default):
            return Forgetful()

    studies, gold = study_set(patients=80, shift=0.5)
    sample = sample_of(studies, gold)
    without_memory = Sample(**{**vars(sample), "memo": Forgetful()})
    one, two = nested_choice(recipes, sample), nested_choice(recipes, without_memory)
    assert (one.calls == two.calls).all()
    assert one.chosen == two.chosen


def test_cross_fitted_probabilities_come_from_the_other_folds():
    studies, gold = study_set(patients=80)
    held_out = cross_fitted(Recipe("mean"), sample_of(studies, gold))
    assert held_out == pytest.approx(studies.probabilities.to_numpy().mean(axis=1))


def test_where_there_is_nothing_to_learn_nested_kappa_tells_the_truth():
    """Backbones of pure noise: apparent kappa flatters, nested kappa is about zero."""
    apparent, nested = [], []
    for seed in range(12):
        studies, _ = study_set(patients=70, backbones=tuple("abcdefgh"), seed=seed)
        rng = np.random.default_rng(100 + seed)
        gold = pd.Series((rng.random(len(studies.studies)) < 0.5).astype(float), index=studies.studies.index)
        found = fitted(studies, gold, strategy="stack", operating_point="kappa", folds=4).evaluation
        apparent.append(found.apparent)
        nested.append(found.nested)
    assert np.mean(apparent) > 0.08
    assert abs(np.mean(nested)) < 0.05


def test_operating_points():
    types = np.array(["elbow", "wrist", "hand"])
    point = OperatingPoint("per-study-type", 0.5, {"elbow": 0.3, "wrist": 0.7})
    assert point.call(np.array([0.3, 0.71, np.nan]), types).tolist()[:2] == [0.0, 1.0]
    assert np.isnan(point.call(np.array([0.3, 0.71, np.nan]), types)[2])
    assert point.thresholds(types).tolist() == [0.3, 0.7, 0.5]


def test_per_study_type_thresholds_follow_the_shift_of_a_type():
    studies, gold = study_set(patients=600, shift=1.5)
    point = fitted(studies, gold, strategy="mean", operating_point="per-study-type").operating_point
    assert point.per_study_type["elbow"] < point.per_study_type["hand"] < point.per_study_type["wrist"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"strategy": "vote"}, "strategy 'vote' is unknown"),
        ({"operating_point": "best"}, "operating point 'best' is unknown"),
        ({"operating_point": "sensitivity"}, "sensitivity=VALUE"),
        ({"operating_point": "sensitivity=2"}, "between 0 and 1"),
        ({"pooling": "loudest"}, "pooling 'loudest' is unknown"),
        ({"calibration": "magic"}, "calibration 'magic' is unknown"),
        ({"pooling": "max"}, "rises with the number of views"),
        ({"pooling": "noisy-or"}, "rises with the number of views"),
        ({"strategy": "greedy-kappa-joint"}, "threshold of their own"),
        ({"strategy": "auto", "folds": 3}, "at least 4"),
        ({"folds": 2}, "at least 3"),
    ],
)
def test_unknown_choices(options, sentence):
    studies, gold = study_set()
    with pytest.raises(InputError, match=sentence):
        fitted(studies, gold, **options)


def test_predictions_of_the_training_studies_are_refused():
    studies, gold = study_set()
    with pytest.raises(InputError, match="'ann' was trained on split 'valid'"):
        fit_ensemble(studies, gold, cards=cards_of(studies, role="in-sample"))


def test_one_class_is_refused():
    studies, gold = study_set()
    with pytest.raises(InputError, match="0 abnormal studies"):
        fitted(studies, gold * 0)


def test_a_study_without_label_is_named():
    studies, gold = study_set()
    with pytest.raises(InputError, match=r"labels.csv: no label for study p\d+/study\d+ \(1 of"):
        gold_of(studies.studies, gold.drop(gold.index[4]), source="labels.csv")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"schema": 2, "combination": {}}',
        '{"schema": 1, "combination": {}, "backbones": []}',
        "[]",
        "x",
    ],
)
def test_a_file_that_is_no_ensemble_is_refused(tmp_path, text):
    path = tmp_path / "stack.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"stack\.json"):
        load_ensemble(path)


@pytest.mark.parametrize("metric", ["log-loss", "kappa"])
def test_the_interval_of_a_bagged_weight_holds_its_estimate(metric):
    rng = np.random.default_rng(8)
    gold = rng.integers(0, 2, 150).astype(np.float64)
    noise = np.array([0.8, 1.2, 1.6, 2.0, 2.4, 2.8])
    probabilities = expit((2 * gold[:, None] - 1) + rng.normal(0, 1, (150, 6)) * noise)
    where = np.arange(150)
    sample = Sample(probabilities, gold, np.full(150, "wrist"), where, where % 5)
    strategy = "greedy-bagged" if metric == "log-loss" else "greedy-kappa-bagged"
    combination = strategies.STRATEGIES[strategy](sample)
    found = intervals.weights_with_intervals(strategy, sample, combination, [combination], level=0.95, seed=0)
    draws = intervals.bootstrap_weights(strategy, sample, combination, resamples=found[0].resamples, seed=0)
    spread = np.quantile(draws, 0.975, axis=0) - np.quantile(draws, 0.025, axis=0)
    for weight, width in zip(found, spread, strict=True):
        assert 0 <= weight.low <= weight.estimate <= weight.high <= 1
        assert 0 < weight.high - weight.low <= width + 0.02
