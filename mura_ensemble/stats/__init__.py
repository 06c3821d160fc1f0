"""Kappa, intervals, resampling, ranks: arrays in, frozen dataclasses out, nothing but numpy and scipy.

The public names below are found when they are first used (PEP 562). A function that has the name of its own
module (`auroc`, `calibration`, `coverage`, `diversity`, ...) is imported from that module.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mura_ensemble.stats.agreement import conger_kappa as conger_kappa
    from mura_ensemble.stats.agreement import fleiss_kappa as fleiss_kappa
    from mura_ensemble.stats.agreement import gwet_ac as gwet_ac
    from mura_ensemble.stats.agreement import krippendorff_alpha as krippendorff_alpha
    from mura_ensemble.stats.agreement import light_kappa as light_kappa
    from mura_ensemble.stats.auroc import Auroc as Auroc
    from mura_ensemble.stats.auroc import AurocDifferences as AurocDifferences
    from mura_ensemble.stats.auroc import auroc_differences as auroc_differences
    from mura_ensemble.stats.calibration import Calibration as Calibration
    from mura_ensemble.stats.clustered import clustered_kappa_interval as clustered_kappa_interval
    from mura_ensemble.stats.clustered import clustered_kappa_intervals as clustered_kappa_intervals
    from mura_ensemble.stats.coverage import CoverageResult as CoverageResult
    from mura_ensemble.stats.diversity import Diversity as Diversity
    from mura_ensemble.stats.exact import ExactBootstrap as ExactBootstrap
    from mura_ensemble.stats.exact import exact_bootstrap as exact_bootstrap
    from mura_ensemble.stats.intervals import Interval as Interval
    from mura_ensemble.stats.intervals import KappaIntervals as KappaIntervals
    from mura_ensemble.stats.intervals import kappa_interval as kappa_interval
    from mura_ensemble.stats.intervals import kappa_intervals as kappa_intervals
    from mura_ensemble.stats.kappa import KappaSummary as KappaSummary
    from mura_ensemble.stats.kappa import cohen_kappa as cohen_kappa
    from mura_ensemble.stats.kappa import influence as influence
    from mura_ensemble.stats.kappa import kappa_variance as kappa_variance
    from mura_ensemble.stats.kappa import summarise_tables as summarise_tables
    from mura_ensemble.stats.kappa import tables_2x2 as tables_2x2
    from mura_ensemble.stats.mcnemar import mcnemar_by_patient as mcnemar_by_patient
    from mura_ensemble.stats.mcnemar import mcnemar_exact as mcnemar_exact
    from mura_ensemble.stats.mcnemar import mcnemar_mid as mcnemar_mid
    from mura_ensemble.stats.multiplicity import benjamini_hochberg as benjamini_hochberg
    from mura_ensemble.stats.multiplicity import holm as holm
    from mura_ensemble.stats.multiplicity import max_t as max_t
    from mura_ensemble.stats.operating import OperatingPoint as OperatingPoint
    from mura_ensemble.stats.operating import StratifiedThresholds as StratifiedThresholds
    from mura_ensemble.stats.operating import best_threshold as best_threshold
    from mura_ensemble.stats.operating import stratified_thresholds as stratified_thresholds
    from mura_ensemble.stats.operating import threshold_for_sensitivity as threshold_for_sensitivity
    from mura_ensemble.stats.operating import threshold_for_specificity as threshold_for_specificity
    from mura_ensemble.stats.paired import HotellingResult as HotellingResult
    from mura_ensemble.stats.paired import PairedComparison as PairedComparison
    from mura_ensemble.stats.paired import compare_kappas as compare_kappas
    from mura_ensemble.stats.paired import hotelling_kappas as hotelling_kappas
    from mura_ensemble.stats.patterns import PatternCounter as PatternCounter
    from mura_ensemble.stats.patterns import Patterns as Patterns
    from mura_ensemble.stats.power import detectable_difference as detectable_difference
    from mura_ensemble.stats.power import half_width as half_width
    from mura_ensemble.stats.power import power_of_difference as power_of_difference
    from mura_ensemble.stats.power import studies_for_half_width as studies_for_half_width
    from mura_ensemble.stats.power import studies_needed as studies_needed
    from mura_ensemble.stats.proper import LossComparison as LossComparison
    from mura_ensemble.stats.proper import brier_losses as brier_losses
    from mura_ensemble.stats.proper import compare_losses as compare_losses
    from mura_ensemble.stats.proper import log_losses as log_losses
    from mura_ensemble.stats.proportion import wilson_limits as wilson_limits
    from mura_ensemble.stats.ranks import RankSets as RankSets
    from mura_ensemble.stats.ranks import RankSummary as RankSummary
    from mura_ensemble.stats.ranks import competition_ranks as competition_ranks
    from mura_ensemble.stats.ranks import rank_confidence_sets as rank_confidence_sets
    from mura_ensemble.stats.ranks import (
        rank_confidence_sets_from_covariance as rank_confidence_sets_from_covariance,
    )
    from mura_ensemble.stats.ranks import rank_summary as rank_summary
    from mura_ensemble.stats.ratings import Agreement as Agreement
    from mura_ensemble.stats.reliability import ReliabilityTable as ReliabilityTable
    from mura_ensemble.stats.reliability import reliability_table as reliability_table
    from mura_ensemble.stats.resample import Differences as Differences
    from mura_ensemble.stats.resample import JointBootstrap as JointBootstrap
    from mura_ensemble.stats.resample import bootstrap_patterns as bootstrap_patterns
    from mura_ensemble.stats.resample import joint_bootstrap as joint_bootstrap
    from mura_ensemble.stats.simulated_power import SimulatedPower as SimulatedPower
    from mura_ensemble.stats.weighted import WeightedKappaSummary as WeightedKappaSummary
    from mura_ensemble.stats.weighted import agreement_weights as agreement_weights
    from mura_ensemble.stats.weighted import summarise_weighted as summarise_weighted
    from mura_ensemble.stats.weighted import tables_kxk as tables_kxk
    from mura_ensemble.stats.weighted import weighted_kappa as weighted_kappa
    from mura_ensemble.stats.winner import ShrunkEstimates as ShrunkEstimates
    from mura_ensemble.stats.winner import WinnerInterval as WinnerInterval
    from mura_ensemble.stats.winner import empirical_bayes as empirical_bayes
    from mura_ensemble.stats.winner import naive_bootstrap_maximum as naive_bootstrap_maximum
    from mura_ensemble.stats.winner import winner_interval as winner_interval

_HOMES = {
    "Agreement": "ratings",
    "Auroc": "auroc",
    "AurocDifferences": "auroc",
    "Calibration": "calibration",
    "CoverageResult": "coverage",
    "Differences": "resample",
    "Diversity": "diversity",
    "ExactBootstrap": "exact",
    "HotellingResult": "paired",
    "Interval": "intervals",
    "JointBootstrap": "resample",
    "KappaIntervals": "intervals",
    "KappaSummary": "kappa",
    "LossComparison": "proper",
    "OperatingPoint": "operating",
    "PairedComparison": "paired",
    "PatternCounter": "patterns",
    "Patterns": "patterns",
    "RankSets": "ranks",
    "RankSummary": "ranks",
    "ReliabilityTable": "reliability",
    "ShrunkEstimates": "winner",
    "SimulatedPower": "simulated_power",
    "StratifiedThresholds": "operating",
    "WeightedKappaSummary": "weighted",
    "WinnerInterval": "winner",
    "agreement_weights": "weighted",
    "auroc_differences": "auroc",
    "benjamini_hochberg": "multiplicity",
    "best_threshold": "operating",
    "bootstrap_patterns": "resample",
    "brier_losses": "proper",
    "clustered_kappa_interval": "clustered",
    "clustered_kappa_intervals": "clustered",
    "cohen_kappa": "kappa",
    "compare_kappas": "paired",
    "compare_losses": "proper",
    "competition_ranks": "ranks",
    "conger_kappa": "agreement",
    "detectable_difference": "power",
    "empirical_bayes": "winner",
    "exact_bootstrap": "exact",
    "fleiss_kappa": "agreement",
    "gwet_ac": "agreement",
    "half_width": "power",
    "holm": "multiplicity",
    "hotelling_kappas": "paired",
    "influence": "kappa",
    "joint_bootstrap": "resample",
    "kappa_interval": "intervals",
    "kappa_intervals": "intervals",
    "kappa_variance": "kappa",
    "krippendorff_alpha": "agreement",
    "light_kappa": "agreement",
    "log_losses": "proper",
    "max_t": "multiplicity",
    "mcnemar_by_patient": "mcnemar",
    "mcnemar_exact": "mcnemar",
    "mcnemar_mid": "mcnemar",
    "naive_bootstrap_maximum": "winner",
    "power_of_difference": "power",
    "rank_confidence_sets": "ranks",
    "rank_confidence_sets_from_covariance": "ranks",
    "rank_summary": "ranks",
    "reliability_table": "reliability",
    "stratified_thresholds": "operating",
    "studies_for_half_width": "power",
    "studies_needed": "power",
    "summarise_tables": "kappa",
    "summarise_weighted": "weighted",
    "tables_2x2": "kappa",
    "tables_kxk": "weighted",
    "threshold_for_sensitivity": "operating",
    "threshold_for_specificity": "operating",
    "weighted_kappa": "weighted",
    "wilson_limits": "proportion",
    "winner_interval": "winner",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"mura_ensemble.stats.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mura_ensemble.stats' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
