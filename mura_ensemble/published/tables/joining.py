"""Study types add up: the sets of tables, one per study type, whose sum is an allowed overall table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mura_ensemble.data.errors import InputError

__all__ = ["sets_adding_up"]

_MOST_SETS = 500_000


def sets_adding_up(parts: Sequence[NDArray[np.int64]], overall: NDArray[np.int64]) -> NDArray[np.int64]:
    """Join the candidate tables of the study types to those sets that sum to an allowed overall table.

    Parameters
    ----------
    parts
        T arrays (S_t, 2, 2) of candidate tables [[TN, FP], [FN, TP]]; within a study type all have the same
        gold margins.
    overall
        (S, 2, 2) candidate overall tables.

    Returns
    -------
    NDArray
        (K, T + 1, 2, 2); the overall table is the last of axis 1.

    Raises
    ------
    InputError
        If more than half a million sets are met on the way: too little is known to single any out.
    """
    sets = np.zeros((1, 0, 2, 2), dtype=np.int64)
    # Wrong calls only grow along the way, so a set that has too many already is lost.
    most_wrong = _wrong(overall).max(axis=0, initial=0)
    for part in parts:
        if len(sets) * len(part) > _MOST_SETS:
            raise InputError("too little is printed to single out tables: more than half a million sets fit")
        sets = np.concatenate(
            [np.repeat(sets, len(part), axis=0), np.tile(part[:, None], (len(sets), 1, 1, 1))], axis=1
        )
        sets = sets[(_wrong(sets.sum(axis=1)) <= most_wrong).all(axis=-1)]
    sums = sets.sum(axis=1)
    agrees = (sums[:, None] == overall[None]).all(axis=(2, 3)).any(axis=1)
    joined: NDArray[np.int64] = np.concatenate([sets, sums[:, None]], axis=1)[agrees]
    return joined


def _wrong(tables: NDArray[np.int64]) -> NDArray[np.int64]:
    wrong: NDArray[np.int64] = np.stack([tables[..., 0, 1], tables[..., 1, 0]], axis=-1)
    return wrong
