"""A reader study as `assemble_raters` gathers one, made in place: probabilities, ensembles, readers and a panel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import expit

from mura_ensemble.comparison.gather.raters import RaterTable
from mura_ensemble.comparison.result import Comparison
from mura_ensemble.comparison.topics.every import compare_assembled
from mura_ensemble.ensembles.combining.calibrating import Calibration
from mura_ensemble.ensembles.combining.means import Mean
from mura_ensemble.ensembles.ensemble import Ensemble, Evaluation, FittedOn
from mura_ensemble.ensembles.pooling.rules import FixedPooling
from mura_ensemble.ensembles.recipes import Parts, Recipe
from mura_ensemble.ensembles.thresholds import OperatingPoint
from mura_ensemble.ensembles.worth.intervals import Weight

__all__ = ["an_ensemble", "compared", "gather", "long_named", "shuffled", "troubled"]


def an_ensemble(
    name: str, backbones: tuple[str, ...], *, share: float = 0.45, learnt: bool = False
) -> Ensemble:
    """The mean of some backbones, said to be fitted on 200 studies, `share` of them abnormal."""
    return Ensemble(
        name,
        backbones,
        Recipe("weighted" if learnt else "mean"),
        Parts(FixedPooling(), Mean(), Calibration(), OperatingPoint()),
        FittedOn("valid", 200, 180, round(200 * share), 0, "held-out", {}, frozenset(), frozenset(), True),
        Evaluation(0.72, 0.68, 0.6, 0.76, 0.95, 5, 0, 200),
        tuple(Weight(1 / len(backbones), 0.1, 0.9, 0.2, 0.8, 200 if learnt else 0) for _ in backbones),
    )


def gather(
    n: int = 160,
    patients: int = 130,
    *,
    backbones: int = 3,
    ensembles: int = 2,
    readers: int = 5,
    panel: int = 3,
    seed: int = 4,
    simulated: bool = False,
) -> RaterTable:
    """Raters with errors that go together; the first `panel` readers make the gold standard, labels if none."""
    rng = np.random.default_rng(seed)
    index = pd.Index([f"test/s{i:04d}" for i in range(n)], name="study")
    truth = rng.random(n) < 0.45
    hard = rng.normal(0, 0.8, n)
    side = np.where(truth, 1.0, -1.0)
    votes = {
        f"reader_{j + 1}": (1.6 * side + hard + rng.normal(0, 1, n) > 0).astype(float) for j in range(readers)
    }
    reading = pd.DataFrame(votes, index) if readers else None
    seated = tuple(votes)[:panel]
    gold = pd.DataFrame(votes, index)[list(seated)].mean(axis=1) > 0.5 if seated else pd.Series(truth, index)
    studies = pd.DataFrame(
        {
            "patient": [f"p{i}" for i in np.r_[np.arange(patients), rng.integers(0, patients, n - patients)]],
            "study_type": rng.choice(["elbow", "wrist"], n),
            "gold": gold.astype(int),
        },
        index,
    )
    names = [f"net_{m + 1}" for m in range(backbones)]
    probabilities = pd.DataFrame(
        {name: expit(1.5 * side + 1.2 * hard + rng.normal(0, 1, n)) for name in names}, index
    )
    made = tuple(an_ensemble(f"mean_{e + 1}", tuple(names), learnt=e > 0) for e in range(ensembles))
    for each in made:
        probabilities[each.name] = expit(
            2 * side + hard + rng.normal(0, 0.5, n) if each.name != "mean_1" else 2 * side + hard
        )
    calls = (probabilities > 0.5).astype(float)
    kinds = dict.fromkeys(names, "backbone") | {each.name: "ensemble" for each in made}
    for name, column in votes.items():
        calls[name] = column
        kinds[name] = "panel reader" if name in seated else "reader"
    return RaterTable(
        calls=calls,
        studies=studies,
        kinds=kinds,  # type: ignore[arg-type]
        notes={},
        apparent=(),
        warnings=(),
        simulated=simulated,
        provenance={"split": "test"},
        probabilities=probabilities,
        points={name: OperatingPoint() for name in probabilities},
        ensembles=made,
        reading=reading,
        panel=seated,
    )


def shuffled(raters: RaterTable, seed: int = 0) -> RaterTable:
    """The same, every order another."""
    rng = np.random.default_rng(seed)

    def mixed(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.iloc[rng.permutation(len(frame))][list(rng.permutation(list(frame.columns)))]

    return replace(
        raters,
        calls=mixed(raters.calls),
        studies=mixed(raters.studies),
        probabilities=mixed(raters.probabilities),
        reading=None if raters.reading is None else mixed(raters.reading),
        ensembles=raters.ensembles[::-1],
        panel=raters.panel[::-1],
    )


def compared(raters: RaterTable, resamples: int = 300) -> Comparison:
    """Compare, with every part."""
    return compare_assembled(raters, title="Gathered", resamples=resamples)


def troubled() -> RaterTable:
    """Probabilities far off, an ensemble fitted on another mix, an ensemble fitted on the studies scored here."""
    raters = gather(300, 300)
    first, second = raters.ensembles
    return replace(
        raters,
        probabilities=raters.probabilities.assign(net_2=0.9 * raters.probabilities["net_2"] ** 4),
        ensembles=(
            replace(second, name=first.name, fitted_on=replace(first.fitted_on, abnormal=180)),
            replace(first, name=second.name),
        ),
        apparent=(second.name,),
    )


def long_named(raters: RaterTable) -> RaterTable:
    """Everybody with a name as long as they come in practice."""
    names = {str(name): f"{name}_with_a_name_as_long_as_they_come_in_practice" for name in raters.calls}
    assert raters.reading is not None
    return replace(
        raters,
        calls=raters.calls.rename(columns=names),
        probabilities=raters.probabilities.rename(columns=names),
        reading=raters.reading.rename(columns=names),
        kinds={names[name]: kind for name, kind in raters.kinds.items()},
        points={names[name]: point for name, point in raters.points.items()},
        panel=tuple(names[name] for name in raters.panel),
        ensembles=tuple(
            replace(each, name=names[each.name], backbones=tuple(names[name] for name in each.backbones))
            for each in raters.ensembles
        ),
    )
