"""The methods text of a comparison, made from what was really done, ready to paste."""

from __future__ import annotations

from mura_ensemble.comparison.measures.claims import error_rate
from mura_ensemble.comparison.measures.leaderboard import Reference
from mura_ensemble.comparison.result import Comparison, DataCard
from mura_ensemble.data.numbers import percent
from mura_ensemble.data.words import count
from mura_ensemble.report.pages.comparison.verdict import level_name

__all__ = ["methods_text"]

_RULES = {
    "bca": "the bias-corrected and accelerated bootstrap (Efron 1987, J Am Stat Assoc 82:171), enumerated exactly over "
    "all tables that a resample can give, so without random numbers",
    "bca by patient": "the bias-corrected and accelerated bootstrap of patients (Efron 1987, J Am Stat Assoc 82:171)",
    "add_one": "a large-sample interval (Fleiss, Cohen & Everitt 1969, Psychol Bull 72:323) after adding one study to "
    "each cell of the table, where studies are too few for the bootstrap",
    "add_one by patient": "a large-sample interval (Fleiss, Cohen & Everitt 1969, Psychol Bull 72:323) after adding "
    "one study to each cell, widened for patients with several studies (Vanbelle 2017, Biom J 59:1016), where patients "
    "are too few for the bootstrap",
}


def methods_text(comparison: Comparison) -> tuple[str, ...]:
    """Paragraphs of plain text with formulas and sources, of what every comparison does."""
    data, level = comparison.data, comparison.level
    paragraphs = [_agreement(comparison)]
    if comparison.reference is not None:
        paragraphs += [_differences(comparison, comparison.reference), _ranks(comparison)]
    return (*paragraphs, _rates(data, level))


def _agreement(comparison: Comparison) -> str:
    data, rules = comparison.data, comparison.rules
    used = [_RULES[rule] for rule in _RULES if rule in rules]
    drawn = (
        f" ({comparison.resamples:,} resamples, seed {comparison.seed})" if "bca by patient" in rules else ""
    )
    called = f"{count(len(comparison.leaderboard), 'rater')} called {count(data.studies, 'study', 'studies')}"
    if data.patients_known:
        called += f" of {count(data.patients, 'patient')}"
    patients = (
        f"{count(data.repeated_patients, 'patient')} had more than one study, so patients, with all their studies, "
        "were the independent units throughout."
        if data.repeated_patients
        else "Every patient had one study."
    )
    if not data.patients_known:
        patients = (
            "Patients are not known: each study was taken as its own patient, so intervals may be too narrow and p values "
            "too small."
        )
    return (
        f"{called}, {data.positives:,} of them abnormal by the gold standard "
        f"({percent(data.prevalence)}). {patients} Agreement with the gold standard is Cohen's kappa "
        "(1960, Educ Psychol Meas 20:37), kappa = (p_o - p_e) / (1 - p_e), with p_o the share of studies called as the "
        "gold standard calls them and p_e the share expected by chance from both margins. "
        + (
            f"Its {level_name(comparison.level)} confidence interval is {'; or '.join(used)}{drawn}."
            if used
            else ""
        )
    )


def _differences(comparison: Comparison, reference: Reference) -> str:
    data, compared, level = comparison.data, comparison.compared, comparison.level
    fewer = comparison.ranked_resamples and comparison.ranked_studies < data.studies
    common = (
        f"the {count(comparison.ranked_studies, 'study', 'studies')} that all ranked raters called"
        if fewer
        else ""
    )
    unit = "patient by patient" if data.repeated_patients else "study by study"
    chosen = (
        f" It was chosen among {reference.candidates} as the one with the highest kappa on {common or 'these studies'}, so "
        "it is treated as a maximum: the interval reaches from the smallest of the simultaneous lower limits over all "
        "candidates (max-T, joint resamples of the patients) to the simultaneous upper limit against it, and never lies "
        "inside the interval of the single comparison; p is the largest of the single p values above it (Berger 1982, "
        "Technometrics 24:295), and below it the p value times the number of candidates."
        if reference.candidates > 1
        else ""
    )
    adjusted = (
        f"The {compared} p values against the reference are adjusted with Holm's method (1979, Scand J Stat 6:65)"
        if compared > 1
        else "The p value against the reference stands alone and needs no further adjustment"
    )
    return (
        f"Differences of kappa (rater - reference) are paired: both raters on the studies that both called. The "
        f"{level_name(level)} interval of a difference is taken from the posterior of the eight cells of (gold standard, "
        "rater, reference) under a Dirichlet(1/4) prior"
        + (", widened for patients with several studies" if data.repeated_patients else "")
        + f". The p value is two-sided, from the permutation test that exchanges the calls of rater and reference {unit} "
        "(McKenzie et al. 1996, J Psychiatr Res 30:483). The reference of the leaderboard is "
        f"{reference.rater}, the {reference.role}.{chosen} {adjusted}. A rater is "
        "called better than the reference only if the adjusted p value is "
        f"below {error_rate(level):.2g} and the interval lies above zero."
    )


def _ranks(comparison: Comparison) -> str:
    data, level, resamples, seed = comparison.data, comparison.level, comparison.resamples, comparison.seed
    units = "patients" if data.patients_known else "studies"
    ranked = count(comparison.ranked_studies, "study", "studies")
    common = (
        f" Some calls are missing: ranks rest on the {ranked} that all ranked raters called."
        if comparison.ranked_studies < data.studies
        else ""
    )
    seen = " Raters that saw these studies have no rank." if comparison.unranked else ""
    if not comparison.ranked_resamples:
        return f"No ranks are given: no resample of the {units} gives every ranked rater a kappa.{common}"
    return (
        f"The rank printed is a range, a {level_name(level)} confidence set that holds for all raters at once; it begins at "
        "one more than the number of raters shown to have a higher kappa and ends at the number of raters less those shown "
        "to have a lower one, by the permutation test adjusted with Holm's method over all pairs (Mogstad, Romano, Shaikh & "
        f"Wilhelm 2024, Rev Econ Stud 91:476), so the ranges of raters that cannot be told apart overlap.{seen}{common} The "
        f"share of resamples in which a rater has the highest kappa, of {resamples:,} joint resamples of the {units} (seed "
        f"{seed}), "
        "describes the noise of these data; it is not the probability that the rater is truly best."
    )


def _rates(data: DataCard, level: float) -> str:
    clustered = (
        ", with the number of studies divided by the design effect of patients with several studies (Rao & Scott 1992, "
        "Biometrics 48:577)"
        if data.repeated_patients
        else ""
    )
    return (
        f"Sensitivity and specificity have Wilson's {level_name(level)} intervals (1927, J Am Stat Assoc "
        f"22:209){clustered}. Study types are not adjusted for multiplicity: read them as a description."
    )
