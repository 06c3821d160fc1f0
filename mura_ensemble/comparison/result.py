"""A finished comparison: what every word, table and figure of a report is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from mura_ensemble.comparison.findings.notice import Notice
from mura_ensemble.comparison.measures.leaderboard import Reference
from mura_ensemble.data.words import count
from mura_ensemble.report.document.blocks import Section

__all__ = ["Comparison", "DataCard", "Part", "ReaderBand"]


@dataclass(frozen=True)
class ReaderBand:
    """The kappas of the readers in the comparison: how many, lowest, mean and highest, and who has the highest."""

    count: int
    lowest: float
    mean: float
    highest: float
    best: str


@dataclass(frozen=True)
class DataCard:
    """What the numbers rest on.

    Attributes
    ----------
    studies, patients, positives : int
        Studies, their patients, studies abnormal by the gold standard.
    patients_known : bool
        False where nobody knows whose studies these are: then each study counts as one patient, and `patients` is the
        number of studies.
    repeated_patients : int
        Patients with more than one study.
    by_type : DataFrame
        Index study type; columns `studies`, `patients`, `repeated` (patients with several studies of this type; both NaN
        where patients are not known), `positives`, `prevalence`, `views` with `views_least`, `views_median` and
        `views_most` a study (NaN where views are not known).
    views : Series or None
        Views of every study; None where they are not known.
    """

    studies: int
    patients: int
    positives: int
    repeated_patients: int
    by_type: pd.DataFrame
    patients_known: bool = True
    views: pd.Series[float] | None = None

    @property
    def prevalence(self) -> float:
        """Share of the studies that are abnormal, in [0, 1]."""
        return self.positives / self.studies


@dataclass(frozen=True)
class Part:
    """A finished section that not every comparison has: of readers, ensembles, probabilities.

    Attributes
    ----------
    section : Section
        Its blocks, made from `tables`; its place in the page follows from its anchor (see `sections.ORDER`).
    tables : mapping of str to DataFrame
        File name without ending to the frame that is written.
    checks : tuple of Notice
    methods : tuple of str
        Paragraphs ready to paste.
    """

    section: Section
    tables: Mapping[str, pd.DataFrame]
    checks: tuple[Notice, ...] = ()
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Everything a report says, as finished frames.

    Attributes
    ----------
    title : str
    leaderboard : DataFrame
        Index rater, highest kappa first. `kind`; `place`, `rank`, `rank_low`, `rank_high`, `p_best` (see
        `standings.Standings`); `kappa`, `low`, `high`, `interval` (the rule); `difference`, `diff_low`, `diff_high`,
        `p`, `p_adjusted` (against the reference; NaN for it); `n`, `missing`; `tp`, `fn`, `fp`, `tn`; `sensitivity`
        and `specificity`, each with `_low` and `_high`; `small`; `apparent` (fitted on these studies); `notes`.
    by_study_type : DataFrame
        Index (rater, study_type): `kind`, `n`, `positives`, `kappa`, `low`, `high`, `interval`, `small`, counts.
    differences : DataFrame
        Index (rater, reference), every ordered pair, on the studies both called: `kappa`, `kappa_reference`,
        `difference`, `low`, `high`, `p`, `p_all_pairs` (Holm), `n`, `only_rater_right`, `only_reference_right`.
    reference : Reference or None
        What the leaderboard's differences are taken from; None for a single rater.
    ranked_studies, ranked_resamples : int
        What ranks rest on: the studies that every rater with a kappa called, and the resamples of their patients in
        which all ranked raters have a kappa. Without such a resample there are no ranks.
    compared : int
        Differences tested against the reference, the family of `p_adjusted`.
    readers : ReaderBand or None
        None without readers.
    data : DataCard
    detectable : float
        Difference of kappa from the reference that one test named beforehand would find in 4 of 5 such studies, at
        the median share of studies on which one of the two is right; NaN without a reference.
    checks : tuple of Notice
        Warnings first.
    methods : tuple of str
        Paragraphs ready to paste.
    provenance : dict
        What the caller said and a digest of what was compared.
    level, resamples, seed : float, int, int
    simulated : bool
    parts : tuple of Part
        Sections beside those that every comparison has; their checks and methods are in `checks` and `methods`.
    """

    title: str
    leaderboard: pd.DataFrame
    by_study_type: pd.DataFrame
    differences: pd.DataFrame
    reference: Reference | None
    ranked_studies: int
    ranked_resamples: int
    compared: int
    readers: ReaderBand | None
    data: DataCard
    detectable: float
    checks: tuple[Notice, ...]
    methods: tuple[str, ...]
    provenance: Mapping[str, Any]
    level: float
    resamples: int
    seed: int
    simulated: bool
    parts: tuple[Part, ...] = ()

    def with_parts(self, parts: Sequence[Part]) -> Comparison:
        """The same comparison with more sections, their checks among the others, warnings first."""
        checks = [*self.checks, *(check for part in parts for check in part.checks)]
        return replace(
            self,
            parts=(*self.parts, *parts),
            checks=tuple(sorted(checks, key=lambda check: check.level != "warning")),
            methods=(*self.methods, *(paragraph for part in parts for paragraph in part.methods)),
        )

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of the report by the name of its files."""
        return {
            "leaderboard": self.leaderboard,
            "by_study_type": self.by_study_type,
            "differences": self.differences,
            "study_types": self.data.by_type,
            **{name: table for part in self.parts for name, table in part.tables.items()},
        }

    @property
    def common_studies(self) -> str:
        """`the 120 studies that all raters called` where calls are missing, else empty.

        Kappas of different studies cannot be compared, so whatever is highest is the highest on these.
        """
        if not self.leaderboard["missing"].any() or self.leaderboard["place"].isna().all():
            return ""
        return f"the {count(self.ranked_studies, 'study', 'studies')} that all raters called"

    @property
    def reference_role(self) -> str:
        """`best reader`, and of which or on which studies where that is not all; empty without a reference."""
        if self.reference is None:
            return ""
        if self.reference.role in ("reader", "backbone") and self._alike_apparent(self.reference.role):
            return f"{self.reference.role} that did not see these studies"
        chosen = self.reference.candidates > 1 and self.common_studies
        return f"{self.reference.role} on {self.common_studies}" if chosen else self.reference.role

    def _alike_apparent(self, kind: str) -> bool:
        board = self.leaderboard
        return bool(((board["kind"] == kind) & board["apparent"]).any())
