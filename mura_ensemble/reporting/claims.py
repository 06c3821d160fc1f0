"""What may be claimed of a difference; every sentence, mark and frame of the report asks here.

A difference is shown if its adjusted p value is below 1 - level and its whole interval lies on one side of zero, and if
the rater did not see the studies that score it. A reference that was picked as the best of several on these very
studies has a kappa that is on average too high. That a rater lies above it is then claimed too seldom, if anything; that
one lies below it is claimed only if p holds for the choice among all candidates, too (Bonferroni).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mura_ensemble.reporting.formats import error_rate

__all__ = ["better_than_reference", "direction", "shown_pairs"]


def direction(
    low: ArrayLike, high: ArrayLike, p_adjusted: ArrayLike, level: float, *, chosen_among: int = 1
) -> NDArray[np.int64]:
    """Which way a difference is shown to lie.

    Parameters
    ----------
    low, high, p_adjusted : array_like
        Limits of the difference and its p value, adjusted for its family; NaN shows nothing.
    level : float
    chosen_among : int
        Candidates among which the reference was picked by its kappa on these studies; 1 if it was named beforehand.

    Returns
    -------
    ndarray of int
        1: higher, -1: lower, 0: not shown to differ.
    """
    low, high, p = (np.asarray(part, dtype=np.float64) for part in (low, high, p_adjusted))
    above = (low > 0) & (p < error_rate(level))
    below = (high < 0) & (p * chosen_among < error_rate(level))
    return above.astype(np.int64) - below.astype(np.int64)


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
