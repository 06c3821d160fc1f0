"""Whether probabilities can be read as such, and what other thresholds would do: arrays in between, frames at both ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.comparison.topics.inputs import PartInput
from mura_ensemble.ensembles.thresholds import OperatingPoint
from mura_ensemble.stats.probabilities.auroc import auroc
from mura_ensemble.stats.probabilities.calibration import calibration
from mura_ensemble.stats.probabilities.calibration_error import calibration_errors
from mura_ensemble.stats.probabilities.fixed_specificity import sensitivity_at_specificity
from mura_ensemble.stats.probabilities.operating import best_threshold
from mura_ensemble.stats.probabilities.proper import compare_losses
from mura_ensemble.stats.probabilities.reliability import reliability_table
from mura_ensemble.stats.reader_study.reader_roc import roc_curve

__all__ = [
    "BINS",
    "SPECIFICITIES",
    "CalibrationFrames",
    "calibration_frames",
    "corners",
    "operating_point_words",
]

FloatArray = NDArray[np.float64]

BINS = 10
SPECIFICITIES = (0.8, 0.9, 0.95)
_RESAMPLES = 1_000


@dataclass(frozen=True)
class CalibrationFrames:
    """What was found for the raters with probabilities on studies of both classes; without any all frames are empty.

    Attributes
    ----------
    calibration : DataFrame
        Index rater, in the order of the leaderboard: `kind`, `n`; `auroc`, `brier`, `slope`, `in_the_large` and
        `error` (expected calibration error), each with `_low` and `_high`; `error_by_chance`, what perfect
        probabilities stay below; `mean_probability`, `prevalence`.
    reliability : DataFrame
        Index rater; one row per bin that has studies: `edge_low`, `edge_high`, `n`, `mean_probability`, `observed`,
        `low`, `high`.
    thresholds : DataFrame
        Index rater: `operating_point` in words, `threshold` and `threshold_highest` (equal unless study types have
        their own), `kappa` there, `best_threshold` and `best_kappa`, found on these very studies, `gain`.
    curves : DataFrame
        Index rater (the first ensemble and the first backbone of the leaderboard): `false_alarms`, `sensitivity`, the
        corners of the ROC curve.
    fixed : DataFrame
        Index rater; one row per wanted specificity: `wanted`, `specificity`, `sensitivity`, `low`, `high`.
    """

    calibration: pd.DataFrame
    reliability: pd.DataFrame
    thresholds: pd.DataFrame
    curves: pd.DataFrame
    fixed: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The frames by the names of their files."""
        return {
            "calibration": self.calibration,
            "reliability": self.reliability,
            "thresholds": self.thresholds,
            "roc_curves": self.curves,
            "fixed_specificity": self.fixed,
        }


def calibration_frames(data: PartInput, points: Mapping[str, OperatingPoint]) -> CalibrationFrames:
    """Calibration, areas and thresholds of every rater with probabilities.

    Parameters
    ----------
    data : PartInput
    points : mapping
        Ensemble to its operating point; every other rater calls above 0.5.
    """
    rows: dict[str, dict[str, object]] = {}
    bins: dict[str, pd.DataFrame] = {}
    cuts: dict[str, dict[str, object]] = {}
    fixed: dict[str, pd.DataFrame] = {}
    for names, kept in data.same_studies():
        gold, patients = data.gold[kept], data.patients(kept)
        values = data.probabilities.loc[kept, names].to_numpy(np.float64)
        types = data.studies.loc[kept, "study_type"].to_numpy(dtype=np.str_)
        measured = _measured(data, names, gold, values, patients)
        at = sensitivity_at_specificity(
            gold,
            values,
            SPECIFICITIES,
            patients=patients,
            level=data.level,
            resamples=min(data.resamples, _RESAMPLES),
            rng=data.seed,
        )
        for place, name in enumerate(names):
            rows[name] = {"kind": data.kind(name), "n": len(gold), **measured[place]}
            bins[name] = _bins(gold, values[:, place], patients, data.level)
            cuts[name] = {"kind": data.kind(name)} | _cuts(
                gold,
                values[:, place],
                points.get(name, OperatingPoint()),
                types,
                float(data.board.loc[[name], "kappa"].iloc[0]),
            )
            fixed[name] = pd.DataFrame(
                {
                    "wanted": at.target,
                    "specificity": at.specificity[place],
                    "sensitivity": at.sensitivity[place],
                    "low": at.low[place],
                    "high": at.high[place],
                }
            )
    order = [str(name) for name in data.probabilities.columns if name in rows]
    return CalibrationFrames(
        calibration=_by_rater(rows, order),
        reliability=_long(bins, order),
        thresholds=_by_rater(cuts, order),
        curves=_curves(data),
        fixed=_long(fixed, order),
    )


def operating_point_words(point: OperatingPoint) -> str:
    """How a threshold came about, for a table."""
    match point.kind:
        case "half":
            return "0.5, fixed"
        case "kappa":
            return "highest kappa on the studies of the fit"
        case "per-study-type":
            return "highest kappa per study type on the studies of the fit"
        case "intercept":
            return "intercept per study type, from the studies of the fit"
        case _:
            return f"{point.kind} of {point.target:g} on the studies of the fit"


def _measured(
    data: PartInput,
    names: Sequence[str],
    gold: NDArray[np.int64],
    values: FloatArray,
    patients: NDArray[np.int64] | None,
) -> list[dict[str, float]]:
    resamples = min(data.resamples, _RESAMPLES)
    shared = {"patients": patients, "level": data.level}
    areas = auroc(gold, values, **shared)  # type: ignore[arg-type]
    brier = compare_losses(gold, values, resamples=resamples, rng=data.seed, **shared)  # type: ignore[arg-type]
    off = calibration_errors(
        gold,
        values,
        bins=BINS,
        resamples=resamples,
        rng=data.seed,
        **shared,  # type: ignore[arg-type]
    )
    found = []
    for place in range(len(names)):
        line = calibration(gold, values[:, place], **shared)  # type: ignore[arg-type]
        found.append(
            {
                "auroc": areas.auroc[place],
                "auroc_low": areas.low[place],
                "auroc_high": areas.high[place],
                "brier": brier.mean[place],
                "brier_low": brier.low[place],
                "brier_high": brier.high[place],
                "error": off.error[place],
                "error_low": off.low[place],
                "error_high": off.high[place],
                "error_by_chance": off.chance[place],
                "slope": line.slope,
                "slope_low": line.slope_low,
                "slope_high": line.slope_high,
                "in_the_large": line.in_the_large,
                "in_the_large_low": line.in_the_large_low,
                "in_the_large_high": line.in_the_large_high,
                "mean_probability": line.mean_probability,
                "prevalence": line.prevalence,
            }
        )
    return [{name: float(value) for name, value in row.items()} for row in found]


def _bins(
    gold: NDArray[np.int64], values: FloatArray, patients: NDArray[np.int64] | None, level: float
) -> pd.DataFrame:
    table = reliability_table(gold, values, bins=BINS, patients=patients, level=level)
    names = ("edge_low", "edge_high", "n", "mean_probability", "observed", "low", "high")
    frame = pd.DataFrame({name: getattr(table, name) for name in names})
    return frame[frame["n"] > 0]


def _cuts(
    gold: NDArray[np.int64], values: FloatArray, point: OperatingPoint, types: NDArray[np.str_], kappa: float
) -> dict[str, object]:
    used, best = point.thresholds(types), best_threshold(gold, values)
    return {
        "operating_point": operating_point_words(point),
        "threshold": float(used.min()),
        "threshold_highest": float(used.max()),
        "kappa": kappa,
        "best_threshold": best.threshold,
        "best_kappa": best.kappa,
        "gain": best.kappa - kappa,
    }


def _curves(data: PartInput) -> pd.DataFrame:
    parts = []
    for name in data.drawn:
        values = data.probabilities[name].to_numpy(np.float64)
        kept = ~np.isnan(values)
        points = corners(np.column_stack(roc_curve(data.gold[kept], values[kept])))
        parts.append(pd.DataFrame({"rater": name, "false_alarms": points[:, 0], "sensitivity": points[:, 1]}))
    columns = ["rater", "false_alarms", "sensitivity"]
    return (pd.concat(parts) if parts else pd.DataFrame(columns=columns)).set_index("rater")


def _by_rater(rows: Mapping[str, Mapping[str, object]], order: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame([rows[name] for name in order], index=list(order)).rename_axis("rater")


def _long(parts: Mapping[str, pd.DataFrame], order: Sequence[str]) -> pd.DataFrame:
    found = [parts[name].assign(rater=name) for name in order]
    return pd.concat(found).set_index("rater") if found else pd.DataFrame().rename_axis("rater")


def corners(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The curve without points on straight stretches: a tenth of the size, the same line."""
    if len(points) < 3:
        return points
    before, after = points[1:-1] - points[:-2], points[2:] - points[1:-1]
    turns = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]) > 1e-12
    kept = np.concatenate([[True], turns, [True]])
    return np.asarray(points[kept])
