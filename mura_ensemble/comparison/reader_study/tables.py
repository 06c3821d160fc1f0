"""What a reader study is judged by, as frames: panels, agreement, pairs, the alternative test, operating points."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from mura_ensemble.comparison.reader_study.design import Design, Settings
from mura_ensemble.stats.agreement.coefficients import fleiss_kappa, gwet_ac, krippendorff_alpha
from mura_ensemble.stats.agreement.ratings import Agreement
from mura_ensemble.stats.kappa.clustered import clustered_kappa_interval
from mura_ensemble.stats.probabilities.auroc import auroc
from mura_ensemble.stats.reader_study.alternative import AlternativeTest
from mura_ensemble.stats.reader_study.panel_scores import PanelStudy
from mura_ensemble.stats.reader_study.reader_roc import reader_points, roc_curve

__all__ = [
    "agreement_frame",
    "alternative_frame",
    "curve_frame",
    "operating_frame",
    "pair_frame",
    "panel_frame",
    "range_frame",
]

FloatArray = NDArray[np.float64]
Units = NDArray[np.str_] | None

_PAIR_RESAMPLES = 1_000


def panel_frame(names: list[str], rivals: list[str], found: PanelStudy | None, figure: str) -> pd.DataFrame:
    """One row per panel and rater; empty where panels have no members by name."""
    raters, width = [*names, *rivals], len(names) + len(rivals)
    if found is None:
        return pd.DataFrame(columns=["panel", "rater", figure, "rank", "inside", "n"]).set_index("panel")
    panels = [" + ".join(names[j] for j in seats) for seats in found.panels]
    frame = pd.DataFrame(
        {
            "panel": np.repeat(panels, width),
            "rater": raters * len(panels),
            figure: found.kappa.ravel(),
            "rank": found.rank.ravel(),
            "inside": found.inside.ravel(),
            "n": np.repeat(found.n, width),
        }
    )
    return frame.set_index("panel")


def range_frame(names: list[str], rivals: list[str], found: PanelStudy | None) -> pd.DataFrame:
    """One row per rater: its figure and rank over the panels that it does not sit in."""
    columns = [
        "kind",
        "panels",
        "mean",
        "lowest",
        "highest",
        "best_rank",
        "median_rank",
        "worst_rank",
        "first",
    ]
    raters = [*names, *rivals]
    frame = pd.DataFrame(index=pd.Index(raters, name="rater"), columns=columns)
    if found is None:
        return frame.iloc[:0]
    rows = []
    for r in range(len(raters)):
        known = ~found.inside[:, r] & ~np.isnan(found.kappa[:, r])
        values, ranks = found.kappa[known, r], found.rank[known, r]
        some = bool(known.any())
        nan = float("nan")
        rows.append(
            (
                "reader" if r < len(names) else "model",
                int(known.sum()),
                float(values.mean()) if some else nan,
                float(values.min()) if some else nan,
                float(values.max()) if some else nan,
                float(ranks.min()) if some else nan,
                float(np.median(ranks)) if some else nan,
                float(ranks.max()) if some else nan,
                float((ranks == 1).mean()) if some else nan,
            )
        )
    return pd.DataFrame(rows, index=frame.index, columns=columns)


def agreement_frame(votes: FloatArray, unit: Units, level: float) -> pd.DataFrame:
    """One row per coefficient, standard errors between patients."""
    rows = [
        _clustered(found, votes, unit, level)
        for found in (fleiss_kappa(votes), gwet_ac(votes), krippendorff_alpha(votes))
    ]
    columns = ["coefficient", "estimate", "se", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns).set_index("coefficient")


def pair_frame(names: list[str], votes: FloatArray, unit: Units, level: float) -> pd.DataFrame:
    """One row per pair of readers who read the same studies: agreement and Cohen's kappa."""
    codes = np.arange(len(votes)) if unit is None else np.unique(unit, return_inverse=True)[1]
    rows = []
    for one, other in combinations(range(len(names)), 2):
        both = ~np.isnan(votes[:, one]) & ~np.isnan(votes[:, other])
        if not both.any():
            continue
        first, second = votes[both, one].astype(np.int64), votes[both, other]
        found = clustered_kappa_interval(
            first, second, clusters=codes[both], level=level, resamples=_PAIR_RESAMPLES
        )
        agree = float((first == second).mean())
        rows.append((names[one], names[other], found.n, agree, found.estimate, found.low, found.high))
    columns = ["reader", "other", "n", "agreement", "kappa", "low", "high"]
    return pd.DataFrame(rows, columns=columns).set_index("reader")


def _clustered(found: Agreement, votes: FloatArray, unit: Units, level: float) -> tuple[object, ...]:
    """A coefficient with its standard error between patients and t limits."""
    codes = np.arange(len(votes)) if unit is None else np.unique(unit, return_inverse=True)[1]
    by_patient = np.bincount(codes, np.nan_to_num(found.influence))
    units = int((np.bincount(codes, ~np.isnan(votes).all(axis=1)) > 0).sum())
    se = low = high = float("nan")
    if units > 1 and not np.isnan(found.coefficient):
        se = float(np.sqrt(by_patient @ by_patient * units / (units - 1))) / found.n
        half = float(stdtrit(units - 1, (1 + level) / 2)) * se
        if se > 1e-12:
            low, high = max(-1.0, found.coefficient - half), min(1.0, found.coefficient + half)
    return (found.name, found.coefficient, se, low, high, int(found.n))


def alternative_frame(rivals: list[str], names: list[str], tests: list[AlternativeTest]) -> pd.DataFrame:
    """One row per model and reader with enough studies: the alternative annotator test of one against the other."""
    parts = [
        pd.DataFrame(
            {
                "model": rival,
                "reader": names,
                "n": test.n,
                "model_wins": test.model_wins,
                "reader_wins": test.reader_wins,
                "p": test.p,
                "replaced": test.rejected,
            }
        )[~np.isnan(test.p)]
        for rival, test in zip(rivals, tests, strict=True)
    ]
    columns = ["model", "reader", "n", "model_wins", "reader_wins", "p", "replaced"]
    frame = pd.concat(parts) if parts else pd.DataFrame(columns=columns)
    return frame.set_index("model")


def operating_frame(
    names: list[str],
    votes: FloatArray,
    probabilities: pd.DataFrame | None,
    design: Design,
    settings: Settings,
) -> pd.DataFrame:
    """One row per model with probabilities and reader outside the panel; empty without one gold standard."""
    fields = [
        "n",
        "sensitivity",
        "specificity",
        "model_sensitivity",
        "difference",
        "low",
        "high",
        "p_adjusted",
    ]
    fields += ["model_specificity", "specificity_difference", "specificity_low", "specificity_high"]
    fields += ["specificity_p_adjusted"]
    parts = []
    outside = np.flatnonzero(~design.seated)
    for model, kept, values in _scored(probabilities, design):
        found = reader_points(
            design.gold[kept],  # type: ignore[index]
            values,
            votes[kept][:, outside],
            patients=None if settings.patients is None else settings.patients[kept],
            level=settings.level,
            resamples=settings.resamples,
            rng=settings.seed,
        )
        columns = {name: getattr(found, name) for name in fields}
        parts.append(pd.DataFrame({"model": model, "reader": [names[j] for j in outside], **columns}))
    frame = pd.concat(parts) if parts else pd.DataFrame(columns=["model", "reader", *fields])
    return frame.dropna(subset=["difference"]).set_index("model")


def curve_frame(
    probabilities: pd.DataFrame | None, design: Design, settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Points of each model's ROC curve, and the area below it with limits; empty without one gold standard."""
    points, areas = [], []
    for model, kept, values in _scored(probabilities, design):
        gold = design.gold[kept]  # type: ignore[index]
        alarms, found = roc_curve(gold, values)
        points.append(pd.DataFrame({"model": model, "false_alarms": alarms, "sensitivity": found}))
        unit = None if settings.patients is None else settings.patients[kept]
        area = auroc(gold, values, patients=unit, level=settings.level)
        areas.append((model, float(area.auroc[0]), float(area.low[0]), float(area.high[0]), int(kept.sum())))
    columns = ["model", "false_alarms", "sensitivity"]
    curves = pd.concat(points) if points else pd.DataFrame(columns=columns)
    table = pd.DataFrame(areas, columns=["model", "auroc", "low", "high", "n"])
    return curves.set_index("model"), table.set_index("model")


def _scored(
    probabilities: pd.DataFrame | None, design: Design
) -> list[tuple[str, NDArray[np.bool_], FloatArray]]:
    """Models with probabilities on studies of both classes: name, studies (n,), probabilities of those."""
    if probabilities is None or design.gold is None:
        return []
    scored = []
    for model, series in probabilities.items():
        values = series.to_numpy(np.float64)
        kept = ~np.isnan(design.gold) & ~np.isnan(values)
        if len(np.unique(design.gold[kept])) == 2:
            scored.append((str(model), kept, values[kept]))
    return scored
