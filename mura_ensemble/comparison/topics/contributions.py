"""What ensembles are made of and what each is worth: from their records and from the studies scored here, to frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from mura_ensemble.comparison.topics.calibration import operating_point_words
from mura_ensemble.comparison.topics.inputs import PartInput
from mura_ensemble.ensembles.combining.combination import Sample
from mura_ensemble.ensembles.ensemble import Ensemble
from mura_ensemble.ensembles.pooling.rules import LEARNED
from mura_ensemble.ensembles.worth.contributions import shapley
from mura_ensemble.stats.probabilities.diversity import diversity

__all__ = ["AnatomyFrames", "anatomy_frames", "combination_words"]

_MOST_SHARED = (
    10  # Shapley values take every subset: of 10 backbones a fifth of a second, of 12 more than half
)
_RESAMPLES = 500
_UNFITTED = ("mean", "logit-mean")
_WORDS = {
    "mean": "plain mean of the probabilities",
    "logit-mean": "mean of the log odds",
    "power-mean": "power mean of the probabilities",
    "rank-mean": "mean of the ranks",
    "weighted": "weighted mean, weights of least log-loss",
    "weighted-kappa": "weighted mean, weights of highest kappa",
    "stack": "logistic regression on the log odds",
    "stack-nonnegative": "logistic regression on the log odds, no negative coefficient",
    "stack-types": "logistic regression on the log odds, an intercept per study type",
    "hierarchical": "logistic regression on the log odds, coefficients per study type shrunk to common ones",
}


@dataclass(frozen=True)
class AnatomyFrames:
    """Ensembles taken apart; frames without rows where there is nothing to say.

    Attributes
    ----------
    ensembles : DataFrame
        Index ensemble, in the order of the leaderboard: `pooling`, `combination`, `operating_point` in words;
        `learns` (whether anything was fitted); `backbones` (how many); `candidates` (recipes among which was chosen, 1
        without a choice); `fitted_split`, `fitted_studies`, `fitted_abnormal`, `fitted_share` and `scored_share` of
        abnormal studies; `apparent`, `nested` with `nested_low` and `nested_high`, `gap` (apparent - nested),
        `nested_n`, `folds`, `mix`: all from the studies of the fit; `kappa`, `low`, `high`: on the studies scored here;
        `apparent_here`: these are studies of the fit.
    weights : DataFrame
        Index ensemble, one row per backbone: `backbone`, `weight`, `low`, `high`, `fold_low`, `fold_high`, `resamples`
        (0: nothing is fitted). Without rows for ensembles that recorded none.
    shares : DataFrame
        Index backbone: `share` with limits, its Shapley value in the kappa of the mean of all backbones on the studies
        scored here.
    mean_kappa : float
        That kappa, the sum of the shares.
    diversity : DataFrame
        Index backbone, one row per pair: `other`, `agreement` (share of equal calls), `both_wrong` (share of studies),
        `phi` (correlation of the errors), `n`.
    """

    ensembles: pd.DataFrame
    weights: pd.DataFrame
    shares: pd.DataFrame
    mean_kappa: float
    diversity: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The frames by the names of their files."""
        tables = {
            "ensembles": self.ensembles,
            "ensemble_weights": self.weights,
            "backbone_shares": self.shares,
            "backbone_pairs": self.diversity,
        }
        return {name: table for name, table in tables.items() if len(table)}


def anatomy_frames(data: PartInput, ensembles: Sequence[Ensemble]) -> AnatomyFrames:
    """Take the ensembles of the leaderboard apart."""
    by_name = {ensemble.name: ensemble for ensemble in ensembles}
    names = [name for name in data.raters_of("ensemble") if name in by_name]
    rows = [_row(data, name, by_name[name]) for name in names]
    weights = [
        {"ensemble": name, "backbone": backbone, "weight": weight.estimate, "low": weight.low, "high": weight.high,
         "fold_low": weight.fold_low, "fold_high": weight.fold_high, "resamples": weight.resamples}
        for name in names
        for backbone, weight in zip(by_name[name].backbones, by_name[name].weights, strict=False)
    ]  # fmt: skip
    shares, mean_kappa = _shares(data)
    return AnatomyFrames(
        ensembles=pd.DataFrame(rows, index=names).rename_axis("ensemble"),
        weights=pd.DataFrame(weights, columns=_WEIGHTS).set_index("ensemble"),
        shares=shares,
        mean_kappa=mean_kappa,
        diversity=_diversity(data),
    )


_WEIGHTS = ["ensemble", "backbone", "weight", "low", "high", "fold_low", "fold_high", "resamples"]


def combination_words(ensemble: Ensemble) -> str:
    """How the backbones become one probability."""
    strategy = ensemble.recipe.strategy
    words = _WORDS.get(strategy, strategy.replace("-", " "))
    if strategy.startswith("greedy"):
        words = f"mean of backbones picked one by one ({strategy})"
    calibrated = ensemble.recipe.calibration
    return words if calibrated == "none" else f"{words}; then {calibrated} calibration"


def _row(data: PartInput, name: str, ensemble: Ensemble) -> dict[str, object]:
    fitted, found = ensemble.fitted_on, ensemble.evaluation
    here = data.board.loc[[name]].to_dict("records")[0]
    called = data.calls[name].notna().to_numpy()
    return {
        "kind": "ensemble",
        "pooling": f"{ensemble.recipe.pooling} of the views",
        "combination": combination_words(ensemble),
        "operating_point": operating_point_words(ensemble.operating_point),
        "learns": _learns(ensemble),
        "backbones": len(ensemble.backbones),
        "candidates": max(1, len(found.candidates)),
        "fitted_split": fitted.split,
        "fitted_studies": fitted.studies,
        "fitted_abnormal": fitted.abnormal,
        "fitted_share": fitted.abnormal / fitted.studies,
        "scored_share": float(data.gold[called].mean()) if called.any() else np.nan,
        "apparent": found.apparent,
        "nested": found.nested,
        "nested_low": found.low,
        "nested_high": found.high,
        "gap": found.gap,
        "nested_n": found.n,
        "folds": found.folds,
        "mix": found.mix,
        "kappa": here["kappa"],
        "low": here["low"],
        "high": here["high"],
        "apparent_here": bool(here["apparent"]),
    }


def _learns(ensemble: Ensemble) -> bool:
    """Whether weights, calibration, threshold or pooling were fitted to labels."""
    recipe = ensemble.recipe
    return not (
        recipe.strategy in _UNFITTED
        and recipe.calibration == "none"
        and ensemble.operating_point.kind == "half"
        and recipe.pooling not in LEARNED
    )


def _shares(data: PartInput) -> tuple[pd.DataFrame, float]:
    """Shapley values of the backbones on the studies that all of them called."""
    columns = ["kind", "share", "low", "high"]
    names = [name for name in data.raters_of("backbone") if name in data.probabilities]
    values = data.probabilities[names].to_numpy(np.float64)
    kept = ~np.isnan(values).any(axis=1) if names else np.zeros(0, dtype=np.bool_)
    if not 2 <= len(names) <= _MOST_SHARED or len(np.unique(data.gold[kept])) < 2:
        return pd.DataFrame(columns=columns).rename_axis("backbone"), np.nan
    gold = data.gold[kept]
    patients = data.patients(kept)
    units = np.arange(len(gold)) if patients is None else patients
    sample = Sample(
        values[kept],
        gold.astype(np.float64),
        data.studies.loc[kept, "study_type"].to_numpy(dtype=np.str_),
        units.astype(np.int64),
        np.zeros(len(gold), dtype=np.int64),
    )
    found = shapley(
        values[kept], sample, level=data.level, resamples=min(data.resamples, _RESAMPLES), seed=data.seed
    )
    rows = [("backbone", each.estimate, each.low, each.high) for each in found]
    frame = pd.DataFrame(rows, columns=columns, index=names).rename_axis("backbone")
    return frame, float(frame["share"].sum())


def _diversity(data: PartInput) -> pd.DataFrame:
    columns = ["backbone", "other", "n", "agreement", "both_wrong", "phi"]
    names = data.raters_of("backbone")
    if len(names) < 2:
        return pd.DataFrame(columns=columns).set_index("backbone")
    found = diversity(data.gold, data.calls[names].to_numpy(np.float64))
    rows = [
        (
            names[i],
            names[j],
            found.n[i, j],
            1 - found.disagreement[i, j],
            found.double_fault[i, j],
            found.phi[i, j],
        )
        for i, j in combinations(range(len(names)), 2)
    ]
    return pd.DataFrame(rows, columns=columns).set_index("backbone")
