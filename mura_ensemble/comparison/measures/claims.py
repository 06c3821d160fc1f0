"""What may be claimed of a difference; every sentence, mark, frame and rank of the report asks here.

A difference is shown if its adjusted p value is below 1 - level and its whole interval lies on one side of zero, and if
neither rater saw the studies that score it. The p value is that of the permutation test, which is exact at any number of
patients, so that none is needed here; an interval alone never makes a claim. Where the reference was picked as the best of
several, p and interval are those of `best_of`, which count the choice.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "better_than_reference",
    "direction",
    "error_rate",
    "only_by_test",
    "shown_higher",
    "shown_pairs",
]


def direction(low: ArrayLike, high: ArrayLike, p_adjusted: ArrayLike, level: float) -> NDArray[np.int64]:
    """Which way a difference is shown to lie.

    Parameters
    ----------
    low, high, p_adjusted : array_like
        Limits of the difference and its p value, adjusted for its family; NaN shows nothing.
    level : float

    Returns
    -------
    ndarray of int
        1: higher, -1: lower, 0: not shown to differ.
    """
    low, high, p = (np.asarray(part, dtype=np.float64) for part in (low, high, p_adjusted))
    passed = p < error_rate(level)
    return ((low > 0) & passed).astype(np.int64) - ((high < 0) & passed)


def only_by_test(low: ArrayLike, high: ArrayLike, p_adjusted: ArrayLike, level: float) -> NDArray[np.bool_]:
    """Whether the adjusted test finds a difference that is not claimed, because its interval holds zero."""
    p = np.asarray(p_adjusted, dtype=np.float64)
    unclear: NDArray[np.bool_] = direction(low, high, p, level) == 0
    return unclear & (p < error_rate(level))


def better_than_reference(leaderboard: pd.DataFrame, level: float) -> list[str]:
    """Raters that may be called better than the reference, in the order of the leaderboard.

    Parameters
    ----------
    leaderboard : DataFrame
        Index rater; columns `difference`, `diff_low`, `diff_high`, `p_adjusted`, `apparent`: nothing is claimed for a
        rater that was fitted on the studies it is scored on.
    level : float
        Confidence level; a claim needs an adjusted p value below 1 - level.
    """
    way = direction(leaderboard["diff_low"], leaderboard["diff_high"], leaderboard["p_adjusted"], level)
    shown = (way > 0) & (leaderboard["difference"] > 0) & ~leaderboard["apparent"]
    return [str(name) for name in leaderboard.index[shown]]


def shown_pairs(differences: pd.DataFrame, apparent: pd.Series[bool], level: float) -> pd.Series[bool]:
    """Pairs that the test of all pairs tells apart, of raters that did not see the studies.

    Parameters
    ----------
    differences : DataFrame
        Index (rater, reference); columns `low`, `high`, `p_all_pairs`.
    apparent : Series
        Rater to whether it saw the studies.
    """
    way = direction(differences["low"], differences["high"], differences["p_all_pairs"], level)
    seen = [
        apparent[differences.index.get_level_values(name)].to_numpy(dtype=bool)
        for name in ("rater", "reference")
    ]
    return pd.Series((way != 0) & ~seen[0] & ~seen[1], index=differences.index, name="shown")


def shown_higher(differences: pd.DataFrame, raters: pd.Index[str], level: float) -> NDArray[np.bool_]:
    """Whether the test of all pairs shows rater i to have the higher kappa than j, (R, R)."""
    way = direction(differences["low"], differences["high"], differences["p_all_pairs"], level)
    pairs = pd.Series(way > 0, index=differences.index)
    higher = np.zeros((len(raters), len(raters)), dtype=np.bool_)
    for one, other in pairs.index[pairs]:
        higher[raters.get_loc(one), raters.get_loc(other)] = True
    return higher


def error_rate(level: float) -> float:
    """1 - level without the last digit of floating point: 0.05 is not below 1 - 0.95."""
    return round(1 - level, 12)
