"""Reliability table: whether, of the studies given a probability of about 0.8, eight in ten are abnormal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mura_ensemble.stats.kappa.proportion import wilson_limits
from mura_ensemble.stats.validation import (
    FloatArray,
    IntArray,
    checked_gold,
    checked_probability,
    patient_codes,
)

Binning = Literal["width", "mass"]


@dataclass(frozen=True)
class ReliabilityTable:
    """Observed share of abnormal studies by predicted probability, one row per bin.

    Attributes
    ----------
    edge_low, edge_high
        (B,) bins (edge_low, edge_high], the lowest closed below.
    n
        (B,) studies.
    mean_probability, observed
        (B,) mean probability and share of abnormal studies; NaN in an empty bin.
    low, high
        (B,) Wilson limits of the share, with the studies that count as independent; NaN in an empty bin.
    binning
        ``width`` (equal widths of [0, 1]) or ``mass`` (equal numbers of studies, as far as ties allow).
    """

    edge_low: FloatArray
    edge_high: FloatArray
    n: IntArray
    mean_probability: FloatArray
    observed: FloatArray
    low: FloatArray
    high: FloatArray
    binning: Binning

    @property
    def ece(self) -> float:
        """Expected calibration error, ``sum n_b / n |observed_b - mean_probability_b|``.

        It depends on the bins and is positive even for perfect probabilities (a bin of n studies is off by
        about ``sqrt(p (1 - p) / n)``): print it with `ece_name` and compare raters on the same bins only.
        """
        gaps = np.abs(self.observed - self.mean_probability)
        return float((self.n * np.where(self.n > 0, gaps, 0.0)).sum() / self.n.sum())

    @property
    def ece_name(self) -> str:
        """The error with its bins, for example ``ECE (10 bins of equal width)``."""
        bins = "bin" if len(self.n) == 1 else "bins"
        kind = "width" if self.binning == "width" else "size"
        return f"ECE ({len(self.n)} {bins} of equal {kind})"


def reliability_table(
    gold: ArrayLike,
    probability: ArrayLike,
    *,
    bins: int = 10,
    binning: Binning = "width",
    patients: ArrayLike | None = None,
    level: float = 0.95,
) -> ReliabilityTable:
    """Observed share of abnormal studies by bin of probability.

    A bin is open below and closed above, so that an edge at the threshold parts the calls (abnormal is strictly
    above). With patients, the studies of a bin count as ``n`` over the design effect of the bin (Rao & Scott
    1992, Biometrics 48:577), never as more than n; where the share is 0 or 1, as patients.

    Parameters
    ----------
    gold
        (n,) of 0 and 1.
    probability
        (n,) in [0, 1].
    bins
        Bins wanted; equal probabilities stay together, so bins of equal size may be fewer.
    binning
        ``width`` or ``mass``.
    patients
        (n,) labels; each study is its own patient by default.
    level
        Confidence level in (0, 1).

    Returns
    -------
    ReliabilityTable

    Raises
    ------
    ValueError
        If shapes disagree, gold is not 0/1, a probability is missing or outside [0, 1], the level is not in
        (0, 1), there is no bin, or the binning is unknown.
    """
    abnormal = checked_gold(gold)
    values = checked_probability(probability, len(abnormal))
    if values.ndim != 1:
        raise ValueError(f"a reliability table needs one probability per study, not shape {values.shape}")
    codes, _ = patient_codes(patients, len(abnormal))
    if bins < 1 or binning not in ("width", "mass"):
        raise ValueError("bins must be at least 1, and binning width or mass")
    edges = np.linspace(0, 1, bins + 1)
    if binning == "mass":
        edges = np.unique(np.quantile(values, edges))
        edges = np.repeat(edges, 2) if len(edges) == 1 else edges
    place = np.searchsorted(edges[1:-1], values)
    n = np.bincount(place, minlength=len(edges) - 1)
    observed = _shares(np.bincount(place, abnormal, len(n)), n)
    low, high = wilson_limits(observed, _independent(abnormal, place, codes, observed), level)
    return ReliabilityTable(
        edge_low=edges[:-1],
        edge_high=edges[1:],
        n=n.astype(np.int64),
        mean_probability=_shares(np.bincount(place, values, len(n)), n),
        observed=observed,
        low=low,
        high=high,
        binning=binning,
    )


def _independent(
    abnormal: NDArray[np.bool_], place: IntArray, codes: IntArray, observed: FloatArray
) -> FloatArray:
    """Number of independent studies that the studies of each bin are worth."""
    bins = len(observed)
    pairs, unit = np.unique(place * (codes.max() + 1) + codes, return_inverse=True)
    bin_of_unit = pairs // (codes.max() + 1)
    n = np.bincount(place, minlength=bins).astype(np.float64)
    units = np.bincount(bin_of_unit, minlength=bins).astype(np.float64)
    residuals = np.bincount(unit, abnormal - np.where(n > 0, observed, 0)[place], len(pairs))
    clustered = np.bincount(bin_of_unit, residuals**2, bins) * _shares(units, np.maximum(units - 1, 0))
    effect = np.maximum(_shares(clustered, n * observed * (1 - observed)), 1.0)
    # Patients with one study each have no design effect; the factor K / (K - 1) is not one.
    worth = np.where(units == n, n, n / effect)
    return np.where(np.isnan(worth), units, worth)


def _shares(part: ArrayLike, whole: ArrayLike) -> FloatArray:
    out = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
    return out
