"""Gold standards made by panels of readers: one panel, every panel, and the share of panels."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import hypergeom

FloatArray = NDArray[np.float64]
Rule = Literal["majority", "unanimous"]
Ties = Literal["undecided", "abnormal", "normal"]
MissingReads = Literal["decided", "present"]
Adjudicates = Literal["undecided", "all"]


def panel_gold(
    reads: ArrayLike,
    *,
    rule: Rule = "majority",
    ties: Ties = "undecided",
    missing: MissingReads = "decided",
) -> FloatArray:
    """Gold standard of one panel.

    Parameters
    ----------
    reads : (n, k) of 0, 1 or NaN
        Reads of the panel's members.
    rule
        ``majority``: what more than half say; ``unanimous``: what all say, undecided where they differ.
    ties
        What half against half means.
    missing
        ``decided``: a study has a gold standard only if no missing read could change it; ``present``: the reads
        that were made vote alone.

    Returns
    -------
    (n,) of 0, 1 or NaN (undecided, or nobody read).

    Raises
    ------
    ValueError
        If the reads are not (n, k) of 0, 1 or NaN, or an argument is unknown.
    """
    votes = np.asarray(reads, dtype=np.float64)
    if votes.ndim != 2 or not votes.shape[1] or not (np.isnan(votes) | np.isin(votes, (0, 1))).all():
        raise ValueError("reads of a panel must be (n, k) of 0, 1 or NaN with one member at least")
    if rule not in ("majority", "unanimous") or ties not in ("undecided", "abnormal", "normal"):
        raise ValueError(f"unknown rule {rule!r} or ties {ties!r}")
    if missing not in ("decided", "present"):
        raise ValueError(f"missing must be 'decided' or 'present', not {missing!r}")
    abnormal, normal = (votes == 1).sum(axis=1), (votes == 0).sum(axis=1)
    seats = np.full(len(votes), votes.shape[1]) if missing == "decided" else abnormal + normal
    if rule == "unanimous":
        return np.where(
            (abnormal == seats) & (seats > 0), 1.0, np.where((normal == seats) & (seats > 0), 0.0, np.nan)
        )
    gold = np.where(2 * abnormal > seats, 1.0, np.where(2 * normal > seats, 0.0, np.nan))
    if ties != "undecided":
        tied = (2 * abnormal == seats) & (2 * normal == seats) & (seats > 0)
        gold = np.where(tied, float(ties == "abnormal"), gold)
    return gold


def adjudicate(
    gold: ArrayLike, adjudicated: ArrayLike, *, adjudicates: Adjudicates = "undecided"
) -> FloatArray:
    """A panel's gold standard, completed or corrected by an adjudication.

    Parameters
    ----------
    gold : (n,) or (n, P) of 0, 1 or NaN
        Of one panel, or of several.
    adjudicated : (n,) of 0, 1 or NaN
        What the adjudication decided; NaN where it was not asked.
    adjudicates
        ``undecided``: only studies that a panel left undecided; ``all``: every study it was asked about, whatever the
        panel said.

    Returns
    -------
    As `gold`.

    Raises
    ------
    ValueError
        If shapes or values do not fit, or `adjudicates` is unknown.
    """
    standard, final = np.asarray(gold, dtype=np.float64), np.asarray(adjudicated, dtype=np.float64)
    if final.ndim != 1 or standard.shape[:1] != final.shape:
        raise ValueError(
            f"gold must be (n, ...) and adjudicated (n,), not {standard.shape} and {final.shape}"
        )
    if not (np.isnan(final) | np.isin(final, (0, 1))).all():
        raise ValueError("adjudicated must be 0, 1 or NaN")
    if adjudicates not in ("undecided", "all"):
        raise ValueError(f"adjudicates must be 'undecided' or 'all', not {adjudicates!r}")
    final = final.reshape(-1, *[1] * (standard.ndim - 1))
    if adjudicates == "undecided":
        return np.where(np.isnan(standard), final, standard)
    return np.where(np.isnan(final), standard, final)


def others_gold(reads: ArrayLike, *, ties: Ties = "undecided") -> FloatArray:
    """Leave-one-out majority: for each reader what most of the other readers of a study say.

    Parameters
    ----------
    reads : (n, J) of 0, 1 or NaN
    ties
        What half against half means.

    Returns
    -------
    (n, J) of 0, 1 or NaN (undecided, or nobody else read); the vote of reader j is not in column j.

    Raises
    ------
    ValueError
        As `panel_gold`.
    """
    votes = np.asarray(reads, dtype=np.float64)
    if votes.ndim != 2 or votes.shape[1] < 2:
        raise ValueError(f"reads must be (n, J >= 2), not {votes.shape}")
    columns = [
        panel_gold(np.delete(votes, j, axis=1), ties=ties, missing="present") for j in range(votes.shape[1])
    ]
    return np.column_stack(columns)


def all_panels(readers: int, size: int) -> NDArray[np.int64]:
    """Every panel of `size` among `readers`, (P, size), in lexical order.

    Raises
    ------
    ValueError
        If a panel would be empty or leave no reader outside.
    """
    if not 1 <= size < readers:
        raise ValueError(f"a panel of {size} of {readers} readers leaves none outside, or is empty")
    return np.array(list(combinations(range(readers), size)), dtype=np.int64)


def majority_share(abnormal: ArrayLike, readers: ArrayLike, size: int) -> FloatArray:
    """Share of the panels of `size` readers whose majority says abnormal; a tied panel counts half.

    Parameters
    ----------
    abnormal, readers : broadcastable int
        Readers of a study who say abnormal, and all its readers.
    size : int

    Returns
    -------
    Shares in [0, 1]; NaN where fewer than `size` read the study. Of 6 readers and panels of 3:
    0, 0, .2, .5, .8, 1, 1 for 0 to 6 abnormal reads.

    Raises
    ------
    ValueError
        If size is below 1.
    """
    if size < 1:
        raise ValueError(f"a panel needs a member at least, not {size}")
    votes, group = np.broadcast_arrays(np.asarray(abnormal), np.asarray(readers))
    enough = group >= size
    pool = np.where(enough, group, size)
    ones = np.where(enough, votes, 0)
    share = hypergeom.sf(size // 2, pool, ones, size)
    if size % 2 == 0:
        share = share + hypergeom.pmf(size // 2, pool, ones, size) / 2
    return np.where(enough, share, np.nan)
