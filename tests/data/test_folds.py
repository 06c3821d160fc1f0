from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.simulation.study import simulate_reader_study
from mura_ensemble.data.tables.contracts import STUDIES
from mura_ensemble.data.tables.folds import assign_folds


@pytest.fixture(scope="module")
def valid():
    study = simulate_reader_study(seed=3)
    views = next(iter(study.predictions.values()))["valid"]
    studies = views.drop_duplicates("study")[[column.name for column in STUDIES.columns]]
    return studies.reset_index(drop=True), study.labels_valid.set_index("study")["gold"]


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_balanced_in_every_study_type_and_class(valid, folds):
    studies, gold = valid
    fold = assign_folds(studies, gold, folds=folds, seed=0)
    kind = studies["study_type"].to_numpy() + gold.loc[studies["study"]].to_numpy().astype(str)
    cells = pd.crosstab(kind, fold.to_numpy())
    assert set(fold) == set(range(folds))
    assert (cells.max(axis=1) - cells.min(axis=1)).max() <= 2
    assert np.ptp(cells.sum()) <= 4


def test_a_patient_is_never_divided_even_across_study_types(valid):
    studies, gold = valid
    fold = assign_folds(studies, gold, folds=5, seed=1)
    spread = fold.groupby(studies.set_index("study")["patient"]).nunique()
    assert (spread == 1).all()
    assert studies.groupby("patient")["study_type"].nunique().max() > 1


def test_row_order_decides_nothing_and_the_seed_decides(valid):
    studies, gold = valid
    fold = assign_folds(studies, gold, folds=5, seed=7)
    shuffled = studies.sample(frac=1, random_state=0)
    again = assign_folds(shuffled, gold.sample(frac=1, random_state=1), folds=5, seed=7)
    pd.testing.assert_series_equal(again.loc[fold.index], fold)
    assert again.index.tolist() == shuffled["study"].tolist()
    assert (assign_folds(studies, gold, folds=5, seed=8) != fold).mean() > 0.5


def test_as_balanced_as_scikit_learn_on_patients_with_many_studies():
    from sklearn.model_selection import StratifiedGroupKFold

    rng = np.random.default_rng(5)
    n = 600
    studies = pd.DataFrame(
        {
            "study": [f"s{i}" for i in range(n)],
            "patient": rng.integers(0, 90, n).astype(str),
            "study_type": rng.choice(["hand", "wrist", "elbow"], n, p=[0.6, 0.3, 0.1]),
        }
    )
    gold = pd.Series(rng.integers(0, 2, n), index=studies["study"])
    kind = studies["study_type"].to_numpy() + gold.to_numpy().astype(str)
    theirs = np.empty(n, dtype=int)
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    for number, (_, test) in enumerate(splitter.split(studies, kind, studies["patient"])):
        theirs[test] = number

    def imbalance(fold):
        cells = pd.crosstab(kind, fold).to_numpy(dtype=float)
        return float(
            ((cells - cells.mean(axis=1, keepdims=True)) ** 2 / cells.mean(axis=1, keepdims=True)).sum()
        )

    ours = assign_folds(studies, gold, folds=5, seed=0)
    assert imbalance(ours.to_numpy()) <= imbalance(theirs)


def _few(patients):
    studies = pd.DataFrame(
        {"study": [f"s{i}" for i in range(len(patients))], "patient": patients, "study_type": "wrist"}
    )
    return studies, pd.Series(0, index=studies["study"])


def test_as_many_patients_as_folds_gives_each_fold_one():
    studies, gold = _few(["a", "b", "b", "c"])
    assert sorted(assign_folds(studies, gold, folds=3, seed=0).unique()) == [0, 1, 2]


def test_bad_input_is_refused_with_the_reason():
    studies, gold = _few(["a", "a", "b"])
    with pytest.raises(InputError, match="3 folds asked for, but there are only 2 patients"):
        assign_folds(studies, gold, folds=3, seed=0)
    with pytest.raises(InputError, match="at least 2"):
        assign_folds(studies, gold, folds=1, seed=0)
    with pytest.raises(InputError, match=r"study s2 has no gold of 0 or 1 \(1 such"):
        assign_folds(studies, gold.drop("s2"), folds=2, seed=0)
    twice = pd.concat([studies, studies.iloc[[1]]])
    with pytest.raises(InputError, match="study s1 stands twice"):
        assign_folds(twice, gold, folds=2, seed=0)
