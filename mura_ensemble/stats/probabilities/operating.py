"""Operating points found exactly: one sort, then every possible cut at once from cumulative counts.

A study is called abnormal where its probability is strictly above the threshold, the rule of the MURA paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from mura_ensemble.stats.validation import FloatArray, IntArray, checked_gold, checked_probability

Metric = Literal["kappa", "youden", "accuracy"]

_BELOW_ALL = -float(np.finfo(np.float64).eps)  # the one cut that calls a probability of exactly 0 abnormal
_EDGE = 1e-6  # logits are taken of thresholds held inside [_EDGE, 1 - _EDGE]


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold and what it does to the studies it was chosen on (an apparent, hence optimistic, result).

    Attributes
    ----------
    threshold
        Calls are ``probability > threshold``; in [0, 1] (or just below 0, where a probability of exactly 0 has
        to be called abnormal). NaN where no threshold can be learnt.
    kappa
        Cohen's kappa at the threshold, whatever was maximised; NaN where undefined.
    table
        (2, 2) counts [gold, call]; all zero without a threshold.
    n
        Studies.
    """

    threshold: float
    kappa: float
    table: IntArray
    n: int

    @property
    def sensitivity(self) -> float:
        """Share of the abnormal studies called abnormal; NaN without a threshold."""
        return _share(self.table[1, 1], self.table[1].sum())

    @property
    def specificity(self) -> float:
        """Share of the normal studies called normal; NaN without a threshold."""
        return _share(self.table[0, 0], self.table[0].sum())


@dataclass(frozen=True)
class StratifiedThresholds:
    """Thresholds per stratum, pulled towards the common one.

    Attributes
    ----------
    threshold
        Common threshold, chosen on all studies; NaN where none can be learnt.
    raw
        (S,) threshold of greatest kappa in each stratum alone; NaN where the stratum cannot teach one.
    shrunk
        (S,) the thresholds to use; a stratum that cannot teach one has the common threshold.
    n
        (S,) studies per stratum.
    k0
        Studies' worth of trust in the common threshold.
    """

    threshold: float
    raw: FloatArray
    shrunk: FloatArray
    n: IntArray
    k0: float


@dataclass(frozen=True)
class _Cuts:
    """Every distinct way to cut sorted probabilities: thresholds (C,) rising, with the counts above each."""

    threshold: FloatArray
    tp: IntArray
    fp: IntArray
    abnormal: int
    normal: int

    @property
    def tn(self) -> IntArray:
        return self.normal - self.fp

    @property
    def fn(self) -> IntArray:
        return self.abnormal - self.tp

    def point(self, index: int) -> OperatingPoint:
        table = [[self.tn[index], self.fp[index]], [self.fn[index], self.tp[index]]]
        return OperatingPoint(
            threshold=float(self.threshold[index]),
            kappa=float(_kappa(self)[index]),
            table=np.array(table, dtype=np.int64),
            n=self.abnormal + self.normal,
        )


def best_threshold(gold: ArrayLike, probability: ArrayLike, *, metric: Metric = "kappa") -> OperatingPoint:
    """Exact maximiser over all thresholds, O(n log n).

    Thresholds lie midway between neighbouring distinct probabilities (and midway to 0 and 1 beyond the
    outermost, so that calling all or no studies abnormal is among the choices). Of equally good thresholds the
    one nearest 0.5 is taken, the lower of two equally near. The values compared are ratios of whole numbers, so
    that ties are exact ties. Kappa is unchanged when gold, calls and the side of the cut are all flipped.

    Parameters
    ----------
    gold
        (n,) of 0 and 1.
    probability
        (n,) in [0, 1].
    metric
        ``kappa`` (Cohen), ``youden`` (sensitivity + specificity - 1) or ``accuracy``.

    Returns
    -------
    OperatingPoint
        With NaN threshold and kappa where the gold standard has one class or the probabilities are all equal:
        such data say nothing about a threshold.

    Raises
    ------
    ValueError
        If shapes disagree, gold is not 0/1, a probability is missing or outside [0, 1], or the metric is
        unknown.
    """
    if metric not in _METRICS:
        raise ValueError(f"metric must be one of {', '.join(_METRICS)}, not {metric!r}")
    abnormal, values = _checked(gold, probability)
    order = np.argsort(values, kind="stable")
    return _best(abnormal[order], values[order], _METRICS[metric])


def stratified_thresholds(
    gold: ArrayLike, probability: ArrayLike, strata: ArrayLike, *, k0: float
) -> StratifiedThresholds:
    """Kappa-optimal threshold per stratum, shrunk to the common one on the logit scale.

    ``logit t_g = (n_g logit t_g_raw + k0 logit t) / (n_g + k0)``: a stratum of k0 studies lies half-way.
    Unshrunk thresholds of small strata lose kappa on new studies; k0 = 0 gives them all the same, infinity
    gives the common threshold to all. Logits are of thresholds held inside [1e-6, 1 - 1e-6].

    Parameters
    ----------
    gold
        (n,) of 0 and 1.
    probability
        (n,) in [0, 1].
    strata
        (n,) codes 0, 1, ..., S - 1 (study types); a code without studies gets the common threshold.
    k0
        Non-negative number of studies.

    Returns
    -------
    StratifiedThresholds

    Raises
    ------
    ValueError
        As `best_threshold`; also for negative or non-integer codes and for a negative or missing k0.
    """
    abnormal, values = _checked(gold, probability)
    codes = np.asarray(strata)
    if codes.shape != abnormal.shape or codes.dtype.kind not in "iu" or codes.min() < 0:
        raise ValueError("strata must be one non-negative integer code per study")
    if not k0 >= 0:
        raise ValueError(f"k0 must be a non-negative number of studies, not {k0}")
    order = np.argsort(values, kind="stable")
    common = _best(abnormal[order], values[order], _kappa).threshold
    order = order[np.argsort(codes[order], kind="stable")]
    n = np.bincount(codes)
    raw = np.full(len(n), np.nan)
    for stratum, rows in enumerate(np.split(order, np.cumsum(n)[:-1])):
        raw[stratum] = _best(abnormal[rows], values[rows], _kappa).threshold
    weight = np.divide(n, n + k0, out=np.zeros(len(n)), where=n > 0)
    drawn = expit(weight * _bounded_logit(raw) + (1 - weight) * _bounded_logit(common))
    shrunk = np.select([np.isnan(raw), weight == 1, weight == 0], [common, raw, common], drawn)
    return StratifiedThresholds(common, raw, shrunk, n.astype(np.int64), float(k0))


def threshold_for_sensitivity(gold: ArrayLike, probability: ArrayLike, target: float) -> OperatingPoint:
    """Highest threshold with at least the wanted sensitivity, hence the most specific one.

    Parameters
    ----------
    gold
        (n,) of 0 and 1.
    probability
        (n,) in [0, 1].
    target
        Sensitivity in [0, 1].

    Returns
    -------
    OperatingPoint
        NaN threshold where no study is abnormal.

    Raises
    ------
    ValueError
        As `best_threshold`, and for a target outside [0, 1].
    """
    cuts = _cuts_for(gold, probability, target)
    if not cuts.abnormal:
        return _nothing(cuts.normal)
    return cuts.point(int(np.flatnonzero(cuts.tp / cuts.abnormal >= target)[-1]))


def threshold_for_specificity(gold: ArrayLike, probability: ArrayLike, target: float) -> OperatingPoint:
    """Lowest threshold with at least the wanted specificity, hence the most sensitive one.

    Parameters
    ----------
    gold
        (n,) of 0 and 1.
    probability
        (n,) in [0, 1].
    target
        Specificity in [0, 1].

    Returns
    -------
    OperatingPoint
        NaN threshold where no study is normal.

    Raises
    ------
    ValueError
        As `best_threshold`, and for a target outside [0, 1].
    """
    cuts = _cuts_for(gold, probability, target)
    if not cuts.normal:
        return _nothing(cuts.abnormal)
    return cuts.point(int(np.flatnonzero(cuts.tn / cuts.normal >= target)[0]))


def _best(
    abnormal: NDArray[np.bool_], values: FloatArray, score: Callable[[_Cuts], FloatArray]
) -> OperatingPoint:
    """Best cut of probabilities already in rising order."""
    if not len(values) or values[0] == values[-1] or abnormal.all() or not abnormal.any():
        return _nothing(len(values))
    cuts = _cuts(abnormal, values)
    worth = score(cuts)
    tied = np.flatnonzero(worth == np.nanmax(worth))
    return cuts.point(int(tied[np.argmin(np.abs(cuts.threshold[tied] - 0.5))]))


def _cuts(abnormal: NDArray[np.bool_], values: FloatArray) -> _Cuts:
    last = np.append(
        np.flatnonzero(values[1:] != values[:-1]), len(values) - 1
    )  # of each run of equal values
    distinct = values[last]
    below, above = distinct, np.append(distinct[1:], 1.0)
    middle = below + (above - below) / 2
    middle = np.where(middle < above, middle, below)  # neighbouring floats have no middle; `>` needs none
    first = distinct[0] / 2 if distinct[0] > 0 else _BELOW_ALL
    kept_abnormal = np.concatenate(([0], np.cumsum(abnormal)[last]))
    kept = np.concatenate(([0], last + 1))
    total = int(kept_abnormal[-1])
    return _Cuts(
        threshold=np.concatenate(([first], middle)),
        tp=(total - kept_abnormal).astype(np.int64),
        fp=(len(values) - total - (kept - kept_abnormal)).astype(np.int64),
        abnormal=total,
        normal=len(values) - total,
    )


def _cuts_for(gold: ArrayLike, probability: ArrayLike, target: float) -> _Cuts:
    abnormal, values = _checked(gold, probability)
    if not 0 <= target <= 1:
        raise ValueError(f"the target must lie in [0, 1], not {target}")
    order = np.argsort(values, kind="stable")
    return _cuts(abnormal[order], values[order])


def _kappa(cuts: _Cuts) -> FloatArray:
    """Kappa of each cut from whole numbers: equal kappas are equal floats below n = 67 million (n^2/2 < 2^53)."""
    positive, negative = cuts.tp + cuts.fp, cuts.tn + cuts.fn
    chance = cuts.normal * positive + cuts.abnormal * negative
    out = np.full(len(cuts.tp), np.nan)
    np.divide(2 * (cuts.tp * cuts.tn - cuts.fp * cuts.fn), chance, out=out, where=chance > 0)
    return out


def _youden(cuts: _Cuts) -> FloatArray:
    value: FloatArray = (cuts.tp * cuts.normal - cuts.fp * cuts.abnormal) / (cuts.abnormal * cuts.normal)
    return value


def _accuracy(cuts: _Cuts) -> FloatArray:
    value: FloatArray = (cuts.tp + cuts.tn) / (cuts.abnormal + cuts.normal)
    return value


_METRICS: dict[str, Callable[[_Cuts], FloatArray]] = {
    "kappa": _kappa,
    "youden": _youden,
    "accuracy": _accuracy,
}


def _checked(gold: ArrayLike, probability: ArrayLike) -> tuple[NDArray[np.bool_], FloatArray]:
    abnormal = checked_gold(gold)
    values = checked_probability(probability, len(abnormal))
    if values.ndim != 1:
        raise ValueError(f"one operating point needs one probability per study, not shape {values.shape}")
    return abnormal, values


def _nothing(n: int) -> OperatingPoint:
    return OperatingPoint(float("nan"), float("nan"), np.zeros((2, 2), dtype=np.int64), n)


def _bounded_logit(threshold: FloatArray | float) -> FloatArray:
    value: FloatArray = logit(np.clip(threshold, _EDGE, 1 - _EDGE))
    return value


def _share(part: np.int64, whole: np.int64) -> float:
    return float(part / whole) if whole else float("nan")
