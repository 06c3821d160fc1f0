"""Study types, study keys and the paths of MURA v1.0 and v1.1.

A study is identified by (split, study type, patient, study number): in MURA the same study number
recurs for one patient under several study types, so (patient, study number) alone is not unique.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mura_ensemble.data.errors import InputError

__all__ = [
    "MURA_ROOTS",
    "STUDY_TYPES",
    "ViewPath",
    "parse_path",
    "parse_study_path",
    "parse_view_path",
    "study_key",
    "view_key",
]

STUDY_TYPES = ("elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist")
"""MURA's seven study types, in the order in which every table of ours lists them."""

MURA_ROOTS = ("MURA-v1.1", "MURA-v1.0")
"""Names of the root folder that MURA's own lists write in front of every path."""

_STUDY = re.compile(
    r"^(?:(?P<root>.*)/)?(?P<split>train|valid|test)/XR_(?P<study_type>[A-Z]+)/(?P<patient>patient\d+)"
    r"/study(?P<number>\d+)(?:_(?P<label>positive|negative))?(?:/(?P<file>[^/]+))?/?$"
)


@dataclass(frozen=True)
class ViewPath:
    """What one MURA path says.

    Attributes
    ----------
    split, study_type, patient : str
        `train`, `valid` or `test`; a member of `STUDY_TYPES`; e.g. `patient00001`.
    number : int
        The study number of that patient and study type.
    file : str or None
        File name of the view; None for the path of a study.
    label : int or None
        1 for `_positive` (abnormal), 0 for `_negative`, None where the folder does not say.
    """

    split: str
    study_type: str
    patient: str
    number: int
    file: str | None
    label: int | None

    @property
    def study(self) -> str:
        """The study key, which never contains the label."""
        return study_key(self.split, self.study_type, self.patient, self.number)

    @property
    def view(self) -> str:
        """The view key, which never contains the label."""
        if self.file is None:
            raise ValueError(f"{self.study} is a study, not a view")
        return view_key(self.study, self.file)


def study_key(split: str, study_type: str, patient: str, number: int) -> str:
    """Key of a study, e.g. `valid/XR_WRIST/patient11185/study1`."""
    return f"{split}/XR_{study_type.upper()}/{patient}/study{number}"


def view_key(study: str, file: str) -> str:
    """Key of a view: the study key and the file name."""
    return f"{study}/{file}"


def parse_view_path(path: str) -> ViewPath:
    """Read a path such as `MURA-v1.1/valid/XR_WRIST/patient11185/study1_positive/image1.png`.

    Parameters
    ----------
    path : str
        With or without a root in front; both kinds of slash; v1.0 and v1.1 write it alike.

    Raises
    ------
    InputError
        If the path does not have MURA's shape or names an unknown study type.
    """
    found = parse_path(path)
    if found.file is None:
        raise InputError(
            f"'{path}' is the path of a study; a view path ends in a file name such as image1.png"
        )
    return found


def parse_study_path(path: str) -> ViewPath:
    """Read the path of a study, with or without its trailing slash.

    Raises
    ------
    InputError
        If the path does not have MURA's shape, names an unknown study type, or is the path of a view.
    """
    found = parse_path(path)
    if found.file is not None:
        raise InputError(f"'{path}' is the path of a view; one row per study is expected")
    return found


def parse_path(path: str) -> ViewPath:
    """Read the path of a study or of a view; `file` tells which.

    Raises
    ------
    InputError
        If the path does not have MURA's shape or names an unknown study type.
    """
    match = _STUDY.match(path.strip().replace("\\", "/"))
    if match is None:
        raise InputError(
            f"'{path}' does not look like MURA; expected e.g. "
            "MURA-v1.1/valid/XR_WRIST/patient11185/study1_positive/image1.png"
        )
    study_type = match["study_type"].lower()
    if study_type not in STUDY_TYPES:
        raise InputError(
            f"'{path}' names study type XR_{match['study_type']}; MURA has {', '.join(STUDY_TYPES)}"
        )
    label = {"positive": 1, "negative": 0, None: None}[match["label"]]
    return ViewPath(match["split"], study_type, match["patient"], int(match["number"]), match["file"], label)
