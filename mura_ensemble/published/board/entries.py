"""MURA's public leaderboard and the paper's readers, as published."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import pandas as pd

from mura_ensemble.data.errors import InputError

__all__ = [
    "MURA_OPERATING_POINT",
    "MURA_TEST_VIEWS",
    "OperatingPoint",
    "load_published_board",
    "load_published_readers",
    "study_types_of",
]

MURA_TEST_VIEWS = 40_561 - 36_808 - 3_197
"""Views of MURA's hidden test set: all views (paper) less those of the public train and valid lists, 556."""


@dataclass(frozen=True)
class OperatingPoint:
    """A sensitivity and specificity published for one entry: tells abnormal from normal on a board.

    Kappa and its limits do not change when 0 and 1 are swapped for gold and calls alike, so no number of
    kappas can say which class is the abnormal one.

    Attributes
    ----------
    entry
        Text that occurs in the name of exactly one entry.
    sensitivity, specificity
        Shares in [0, 1] as printed.
    decimals
        Printed decimals.
    source
        Where they were published.
    """

    entry: str
    sensitivity: float
    specificity: float
    decimals: int
    source: str


MURA_OPERATING_POINT = OperatingPoint(
    "Stanford Baseline", 0.815, 0.887, 3, "abstract of Rajpurkar et al., arXiv 1712.06957v4"
)
"""The baseline's operating point as the MURA paper's abstract gives it."""


def load_published_board() -> pd.DataFrame:
    """Load the 84 rows of MURA's public leaderboard, in the page's order.

    Returns
    -------
    DataFrame
        Index `entry` 1 to 84; columns `rank`, `date`, `model`, `kappa` as the page shows them (some names
        are literally "null"), and `<study type>_kappa`, `_lower`, `_upper` for the seven study types and
        `overall` at full precision as the evaluator wrote them. Source: data/PROVENANCE.md.
    """
    frame = _read("mura_published_board.csv")
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="entry")
    return frame


def load_published_readers() -> pd.DataFrame:
    """Load the kappa table of the MURA paper (v4): three radiologists and the baseline, 3 decimals.

    Returns
    -------
    DataFrame
        Index (rater, study_type), columns `kappa`, `lower`, `upper` (the published limits).
        Source: data/PROVENANCE.md.
    """
    frame = _read("mura_published_readers.csv").rename(
        columns={"published_lower": "lower", "published_upper": "upper"}
    )
    return frame.set_index(["rater", "study_type"])


def study_types_of(board: pd.DataFrame) -> tuple[str, ...]:
    """Name the study types of a board: every X with columns `X_kappa`, `X_lower` and `X_upper`.

    Parameters
    ----------
    board
        A board shaped as `load_published_board`; must have `overall_kappa`, `overall_lower`, `overall_upper`.

    Raises
    ------
    InputError
        If a column of limits is missing.
    """
    names = [str(column).removesuffix("_kappa") for column in board.columns if str(column).endswith("_kappa")]
    for name in ["overall", *names]:
        for part in ("kappa", "lower", "upper"):
            if f"{name}_{part}" not in board.columns:
                raise InputError(f"the board has no column '{name}_{part}'; map or add it")
    return tuple(name for name in names if name != "overall")


def _read(name: str) -> pd.DataFrame:
    with files("mura_ensemble.published.board").joinpath("data", name).open(encoding="utf-8") as source:
        # One team called its model "null": that is a name, not a missing value.
        return pd.read_csv(source, keep_default_na=False)
