"""A finished comparison: what every word, table and figure of a report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

from mura_ensemble.comparison.findings.notice import Notice
from mura_ensemble.comparison.measures.leaderboard import Reference
from mura_ensemble.data.words import count

__all__ = ["Comparison", "DataCard", "ReaderBand", "Topic"]


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


class Topic(Protocol):
    """What was found about one question that not every comparison raises: frames, by the names of their files."""

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """The frames by the names of their files."""


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
    checks : tuple of Notice
        Warnings first.
    rules : tuple of str
        The rules of the intervals that were really used, as `stats` names them.
    unranked : tuple of str
        Raters without a rank because they saw these studies.
    rank_shares : DataFrame
        Index rater; `kind`, `rank_low`, `rank_high`, and `share_1`, `share_2`, ..., the share of resamples in which it
        holds a rank; empty with fewer than two ranked raters.
    told_apart : DataFrame
        How many of all `pairs` are `told_apart` by the test of all pairs; empty with fewer than three raters.
    provenance : dict
        What the caller said and a digest of what was compared.
    level, resamples, seed : float, int, int
    simulated : bool
    topics : mapping of str to Topic
        What was found beside: `power`, `readers`, `panels`, `anatomy`, `calibration`, `hardest`, those that the data allow.
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
    checks: tuple[Notice, ...]
    rules: tuple[str, ...]
    unranked: tuple[str, ...]
    rank_shares: pd.DataFrame
    told_apart: pd.DataFrame
    provenance: Mapping[str, Any]
    level: float
    resamples: int
    seed: int
    simulated: bool
    topics: Mapping[str, Topic] = field(default_factory=dict)

    def __repr__(self) -> str:
        studies = count(self.data.studies, "study", "studies")
        return f"<Comparison {self.title!r}: {count(len(self.leaderboard), 'rater')} on {studies}>"

    def kind(self, rater: str) -> str:
        """Backbone, ensemble or reader."""
        return str(self.leaderboard.loc[[rater], "kind"].iloc[0])

    @property
    def detectable(self) -> float:
        """Difference of kappa from the reference that one test named beforehand finds in 4 of 5 such studies; else NaN."""
        power = self.topics.get("power")
        return float("nan") if power is None else float(power.tables["power"]["detectable"].iloc[0])

    @property
    def topic_tables(self) -> dict[str, dict[str, pd.DataFrame]]:
        """The frames that not every comparison has, by topic and by the names of their files."""
        always = {
            "rank-probabilities": ("rank_probabilities", self.rank_shares),
            "differences": ("pairs_told_apart", self.told_apart),
        }
        found = {topic: {name: table} for topic, (name, table) in always.items() if len(table)}
        return {**found, **{name: dict(topic.tables) for name, topic in self.topics.items()}}

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of the report by the name of its files."""
        return {
            "leaderboard": self.leaderboard,
            "by_study_type": self.by_study_type,
            "differences": self.differences,
            "study_types": self.data.by_type,
            **{name: table for tables in self.topic_tables.values() for name, table in tables.items()},
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
