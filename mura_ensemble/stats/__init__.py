"""Kappa, intervals, resampling, ranks: arrays in, frozen dataclasses out, nothing but numpy and scipy.

The public names below are found when they are first used (PEP 562). A function that has the name of its own
module (`auroc`, `calibration`, `coverage`, `diversity`, ...) is imported from that module.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mura_ensemble.stats.agreement.coefficients import conger_kappa as conger_kappa
    from mura_ensemble.stats.agreement.coefficients import fleiss_kappa as fleiss_kappa
    from mura_ensemble.stats.agreement.coefficients import gwet_ac as gwet_ac
    from mura_ensemble.stats.agreement.coefficients import krippendorff_alpha as krippendorff_alpha
    from mura_ensemble.stats.agreement.coefficients import light_kappa as light_kappa
    from mura_ensemble.stats.agreement.ratings import Agreement as Agreement
    from mura_ensemble.stats.comparing.mcnemar import mcnemar_by_patient as mcnemar_by_patient
    from mura_ensemble.stats.comparing.mcnemar import mcnemar_exact as mcnemar_exact
    from mura_ensemble.stats.comparing.mcnemar import mcnemar_mid as mcnemar_mid
    from mura_ensemble.stats.comparing.multiplicity import benjamini_hochberg as benjamini_hochberg
    from mura_ensemble.stats.comparing.multiplicity import holm as holm
    from mura_ensemble.stats.comparing.multiplicity import max_t as max_t
    from mura_ensemble.stats.comparing.paired import HotellingResult as HotellingResult
    from mura_ensemble.stats.comparing.paired import PairedComparison as PairedComparison
    from mura_ensemble.stats.comparing.paired import compare_kappas as compare_kappas
    from mura_ensemble.stats.comparing.paired import hotelling_kappas as hotelling_kappas
    from mura_ensemble.stats.comparing.ranks import RankSets as RankSets
    from mura_ensemble.stats.comparing.ranks import RankSummary as RankSummary
    from mura_ensemble.stats.comparing.ranks import competition_ranks as competition_ranks
    from mura_ensemble.stats.comparing.ranks import rank_confidence_sets as rank_confidence_sets
    from mura_ensemble.stats.comparing.ranks import (
        rank_confidence_sets_from_covariance as rank_confidence_sets_from_covariance,
    )
    from mura_ensemble.stats.comparing.ranks import rank_summary as rank_summary
    from mura_ensemble.stats.comparing.winner import ShrunkEstimates as ShrunkEstimates
    from mura_ensemble.stats.comparing.winner import WinnerInterval as WinnerInterval
    from mura_ensemble.stats.comparing.winner import empirical_bayes as empirical_bayes
    from mura_ensemble.stats.comparing.winner import naive_bootstrap_maximum as naive_bootstrap_maximum
    from mura_ensemble.stats.comparing.winner import winner_interval as winner_interval
    from mura_ensemble.stats.kappa.clustered import clustered_kappa_interval as clustered_kappa_interval
    from mura_ensemble.stats.kappa.clustered import clustered_kappa_intervals as clustered_kappa_intervals
    from mura_ensemble.stats.kappa.cohen import KappaSummary as KappaSummary
    from mura_ensemble.stats.kappa.cohen import cohen_kappa as cohen_kappa
    from mura_ensemble.stats.kappa.cohen import influence as influence
    from mura_ensemble.stats.kappa.cohen import kappa_variance as kappa_variance
    from mura_ensemble.stats.kappa.cohen import summarise_tables as summarise_tables
    from mura_ensemble.stats.kappa.cohen import tables_2x2 as tables_2x2
    from mura_ensemble.stats.kappa.coverage import CoverageResult as CoverageResult
    from mura_ensemble.stats.kappa.exact import ExactBootstrap as ExactBootstrap
    from mura_ensemble.stats.kappa.exact import exact_bootstrap as exact_bootstrap
    from mura_ensemble.stats.kappa.intervals import Interval as Interval
    from mura_ensemble.stats.kappa.intervals import KappaIntervals as KappaIntervals
    from mura_ensemble.stats.kappa.intervals import kappa_interval as kappa_interval
    from mura_ensemble.stats.kappa.intervals import kappa_intervals as kappa_intervals
    from mura_ensemble.stats.kappa.proportion import wilson_limits as wilson_limits
    from mura_ensemble.stats.kappa.weighted import WeightedKappaSummary as WeightedKappaSummary
    from mura_ensemble.stats.kappa.weighted import agreement_weights as agreement_weights
    from mura_ensemble.stats.kappa.weighted import summarise_weighted as summarise_weighted
    from mura_ensemble.stats.kappa.weighted import tables_kxk as tables_kxk
    from mura_ensemble.stats.kappa.weighted import weighted_kappa as weighted_kappa
    from mura_ensemble.stats.planning.power import detectable_difference as detectable_difference
    from mura_ensemble.stats.planning.power import half_width as half_width
    from mura_ensemble.stats.planning.power import power_of_difference as power_of_difference
    from mura_ensemble.stats.planning.power import studies_for_half_width as studies_for_half_width
    from mura_ensemble.stats.planning.power import studies_needed as studies_needed
    from mura_ensemble.stats.planning.simulated_power import SimulatedPower as SimulatedPower
    from mura_ensemble.stats.probabilities.auroc import Auroc as Auroc
    from mura_ensemble.stats.probabilities.auroc import AurocDifferences as AurocDifferences
    from mura_ensemble.stats.probabilities.auroc import auroc_differences as auroc_differences
    from mura_ensemble.stats.probabilities.calibration import Calibration as Calibration
    from mura_ensemble.stats.probabilities.diversity import Diversity as Diversity
    from mura_ensemble.stats.probabilities.operating import OperatingPoint as OperatingPoint
    from mura_ensemble.stats.probabilities.operating import StratifiedThresholds as StratifiedThresholds
    from mura_ensemble.stats.probabilities.operating import best_threshold as best_threshold
    from mura_ensemble.stats.probabilities.operating import stratified_thresholds as stratified_thresholds
    from mura_ensemble.stats.probabilities.operating import (
        threshold_for_sensitivity as threshold_for_sensitivity,
    )
    from mura_ensemble.stats.probabilities.operating import (
        threshold_for_specificity as threshold_for_specificity,
    )
    from mura_ensemble.stats.probabilities.proper import LossComparison as LossComparison
    from mura_ensemble.stats.probabilities.proper import brier_losses as brier_losses
    from mura_ensemble.stats.probabilities.proper import compare_losses as compare_losses
    from mura_ensemble.stats.probabilities.proper import log_losses as log_losses
    from mura_ensemble.stats.probabilities.reliability import ReliabilityTable as ReliabilityTable
    from mura_ensemble.stats.probabilities.reliability import reliability_table as reliability_table
    from mura_ensemble.stats.resampling.patterns import PatternCounter as PatternCounter
    from mura_ensemble.stats.resampling.patterns import Patterns as Patterns
    from mura_ensemble.stats.resampling.resample import Differences as Differences
    from mura_ensemble.stats.resampling.resample import JointBootstrap as JointBootstrap
    from mura_ensemble.stats.resampling.resample import bootstrap_patterns as bootstrap_patterns
    from mura_ensemble.stats.resampling.resample import joint_bootstrap as joint_bootstrap

_HOMES = {
    "Agreement": "agreement.ratings",
    "Auroc": "probabilities.auroc",
    "AurocDifferences": "probabilities.auroc",
    "Calibration": "probabilities.calibration",
    "CoverageResult": "kappa.coverage",
    "Differences": "resampling.resample",
    "Diversity": "probabilities.diversity",
    "ExactBootstrap": "kappa.exact",
    "HotellingResult": "comparing.paired",
    "Interval": "kappa.intervals",
    "JointBootstrap": "resampling.resample",
    "KappaIntervals": "kappa.intervals",
    "KappaSummary": "kappa.cohen",
    "LossComparison": "probabilities.proper",
    "OperatingPoint": "probabilities.operating",
    "PairedComparison": "comparing.paired",
    "PatternCounter": "resampling.patterns",
    "Patterns": "resampling.patterns",
    "RankSets": "comparing.ranks",
    "RankSummary": "comparing.ranks",
    "ReliabilityTable": "probabilities.reliability",
    "ShrunkEstimates": "comparing.winner",
    "SimulatedPower": "planning.simulated_power",
    "StratifiedThresholds": "probabilities.operating",
    "WeightedKappaSummary": "kappa.weighted",
    "WinnerInterval": "comparing.winner",
    "agreement_weights": "kappa.weighted",
    "auroc_differences": "probabilities.auroc",
    "benjamini_hochberg": "comparing.multiplicity",
    "best_threshold": "probabilities.operating",
    "bootstrap_patterns": "resampling.resample",
    "brier_losses": "probabilities.proper",
    "clustered_kappa_interval": "kappa.clustered",
    "clustered_kappa_intervals": "kappa.clustered",
    "cohen_kappa": "kappa.cohen",
    "compare_kappas": "comparing.paired",
    "compare_losses": "probabilities.proper",
    "competition_ranks": "comparing.ranks",
    "conger_kappa": "agreement.coefficients",
    "detectable_difference": "planning.power",
    "empirical_bayes": "comparing.winner",
    "exact_bootstrap": "kappa.exact",
    "fleiss_kappa": "agreement.coefficients",
    "gwet_ac": "agreement.coefficients",
    "half_width": "planning.power",
    "holm": "comparing.multiplicity",
    "hotelling_kappas": "comparing.paired",
    "influence": "kappa.cohen",
    "joint_bootstrap": "resampling.resample",
    "kappa_interval": "kappa.intervals",
    "kappa_intervals": "kappa.intervals",
    "kappa_variance": "kappa.cohen",
    "krippendorff_alpha": "agreement.coefficients",
    "light_kappa": "agreement.coefficients",
    "log_losses": "probabilities.proper",
    "max_t": "comparing.multiplicity",
    "mcnemar_by_patient": "comparing.mcnemar",
    "mcnemar_exact": "comparing.mcnemar",
    "mcnemar_mid": "comparing.mcnemar",
    "naive_bootstrap_maximum": "comparing.winner",
    "power_of_difference": "planning.power",
    "rank_confidence_sets": "comparing.ranks",
    "rank_confidence_sets_from_covariance": "comparing.ranks",
    "rank_summary": "comparing.ranks",
    "reliability_table": "probabilities.reliability",
    "stratified_thresholds": "probabilities.operating",
    "studies_for_half_width": "planning.power",
    "studies_needed": "planning.power",
    "summarise_tables": "kappa.cohen",
    "summarise_weighted": "kappa.weighted",
    "tables_2x2": "kappa.cohen",
    "tables_kxk": "kappa.weighted",
    "threshold_for_sensitivity": "probabilities.operating",
    "threshold_for_specificity": "probabilities.operating",
    "weighted_kappa": "kappa.weighted",
    "wilson_limits": "kappa.proportion",
    "winner_interval": "comparing.winner",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"mura_ensemble.stats.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mura_ensemble.stats' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
