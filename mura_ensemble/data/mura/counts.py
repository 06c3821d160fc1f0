"""How many studies, views and patients MURA v1.1 has, per split and study type.

`train` and `valid` follow from the lists that the data set ships; `test` was never released: its composition is
recovered from the published results (overall sensitivity .815 and specificity .887 fix 92 abnormal of 207).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MURA_COUNTS", "MURA_PATIENTS", "Counts"]


@dataclass(frozen=True)
class Counts:
    """Counts of one study type in one split.

    Attributes
    ----------
    normal, abnormal : int
        Studies by gold.
    views, patients : int
        Views, and patients with at least one study of this type.
    """

    normal: int
    abnormal: int
    views: int
    patients: int

    @property
    def studies(self) -> int:
        """Studies of either kind."""
        return self.normal + self.abnormal


MURA_COUNTS: dict[str, dict[str, Counts]] = {
    "train": {
        "elbow": Counts(1094, 660, 2925 + 2006, 1711),
        "finger": Counts(1280, 655, 3138 + 1968, 1865),
        "forearm": Counts(590, 287, 1164 + 661, 865),
        "hand": Counts(1497, 521, 4059 + 1484, 1945),
        "humerus": Counts(321, 271, 673 + 599, 587),
        "shoulder": Counts(1364, 1457, 4211 + 4168, 2694),
        "wrist": Counts(2134, 1326, 5765 + 3987, 3267),
    },
    "valid": {
        "elbow": Counts(92, 66, 235 + 230, 152),
        "finger": Counts(92, 83, 214 + 247, 166),
        "forearm": Counts(69, 64, 150 + 151, 129),
        "hand": Counts(101, 66, 271 + 189, 159),
        "humerus": Counts(68, 67, 148 + 140, 132),
        "shoulder": Counts(99, 95, 285 + 278, 173),
        "wrist": Counts(140, 97, 364 + 295, 207),
    },
    "test": {
        "elbow": Counts(17, 11, 79, 28),
        "finger": Counts(19, 11, 94, 30),
        "forearm": Counts(14, 16, 67, 30),
        "hand": Counts(19, 11, 86, 30),
        "humerus": Counts(15, 15, 61, 30),
        "shoulder": Counts(17, 13, 89, 30),
        "wrist": Counts(14, 15, 80, 29),
    },
}
"""Split to study type to counts. The patients of `test` per study type are an assumption: one study each."""

MURA_PATIENTS = {"train": 11_184, "valid": 783, "test": 206}
"""Patients per split, over all study types (a patient may have several)."""
