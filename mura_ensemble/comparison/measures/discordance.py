"""How much of a study a comparison with the reference rests on, and how often the two disagree."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["paired_studies"]


def paired_studies(differences: pd.DataFrame, reference: str) -> tuple[float, float]:
    """Studies that a rater and the reference both called, and the share on which exactly one of them is right.

    Parameters
    ----------
    differences : DataFrame
        Index (rater, reference), every ordered pair; columns `n`, `only_rater_right`, `only_reference_right`.
    reference : str

    Returns
    -------
    float, float
        Medians over the raters that were compared; NaN without any.
    """
    pairs = differences.xs(reference, level="reference")
    pairs = pairs[pairs["n"] > 0]
    if pairs.empty:
        return np.nan, np.nan
    shares = (pairs["only_rater_right"] + pairs["only_reference_right"]) / pairs["n"]
    return float(pairs["n"].median()), float(shares.median())
