"""The paper's readers: their possible tables, and their place among the models at their own operating points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.data.errors import InputError
from mura_ensemble.published.board.frames import summary_frame
from mura_ensemble.published.tables.forensics import RecoveredBoard
from mura_ensemble.published.tables.lattice import RoundedTables, tables_from_rounded
from mura_ensemble.stats.kappa.cohen import cohen_kappa

__all__ = ["iso_kappa_frame", "readers_by_type_frame", "readers_frame", "solve_readers"]

_ISO_KAPPAS = (0.5, 0.6, 0.7, 0.8, 0.9)


def solve_readers(
    printed: pd.DataFrame, recovered: RecoveredBoard, raters: Sequence[str], *, decimals: int = 3
) -> dict[str, RoundedTables]:
    """List the tables behind rounded rows that were scored on the studies the board shares.

    Parameters
    ----------
    printed
        Index (rater, study_type), columns kappa, lower, upper; see `load_published_readers`.
    recovered
        The board, whose first row set gives the studies.
    raters
        Names in `printed`.
    decimals
        Decimals that were printed.

    Raises
    ------
    InputError
        If a rater or one of its study types is missing, or no table gives a rater's numbers.
    """
    shared = recovered.row_sets[0]
    names = [*(recovered.study_types or ("overall",)), "overall"]
    solved: dict[str, RoundedTables] = {}
    for rater in raters:
        try:
            rows = printed.loc[[(rater, name) for name in names]]
        except KeyError as error:
            raise InputError(f"reader '{rater}': a row is missing among {', '.join(names)}") from error
        found = tables_from_rounded(
            rows["kappa"],
            rows["lower"],
            rows["upper"],
            n=shared.rows,
            positives=shared.positives,
            decimals=decimals,
        )
        if len(found.tables) == 0:
            raise InputError(f"reader '{rater}': no tables of the shared studies give these numbers")
        # Without study types the overall row was its own only part.
        solved[rater] = found if recovered.study_types else RoundedTables(found.tables[:, -1:])
    return solved


def readers_frame(solved: Mapping[str, RoundedTables], recovered: RecoveredBoard) -> pd.DataFrame:
    """Place every reader among the comparable entries, once per overall table that his row allows.

    Returns
    -------
    DataFrame
        Index (reader, solution). The columns of `summary_frame`; `solutions` (overall tables that fit);
        `place` (1 + entries of larger kappa); `beaten_by` (entries at least as sensitive and as specific, and
        better in one of the two); `best_specificity` (largest among entries at least as sensitive; NaN if none
        is); `same_errors` (entries with as many errors) and the range `fn_of_those_low`, `fn_of_those_high`.
    """
    entries = recovered.tables[recovered.comparable, -1]
    frames = []
    for reader, found in solved.items():
        frame = summary_frame(found.overall, np.ones(len(found.overall), dtype=bool))
        frame.insert(0, "solutions", len(frame))
        places = pd.DataFrame([_place(own, entries) for own in found.overall], index=frame.index)
        frame = frame.join(places)
        frame.index = pd.MultiIndex.from_product(
            [[reader], range(1, len(frame) + 1)], names=["reader", "solution"]
        )
        frames.append(frame)
    placed = pd.concat(frames)
    counts = ["fn_of_those_low", "fn_of_those_high"]
    placed[counts] = placed[counts].astype("Int64")
    return placed


def _place(own: NDArray[np.int64], entries: NDArray[np.int64]) -> dict[str, float]:
    # Same studies, so rates compare as whole numbers do.
    own_tp, own_tn = own[1, 1], own[0, 0]
    tp, tn = entries[:, 1, 1], entries[:, 0, 0]
    sensitive, specific = tp >= own_tp, tn >= own_tn
    wrong = entries[:, 0, 1] + entries[:, 1, 0]
    missed = entries[wrong == own[0, 1] + own[1, 0], 1, 0]
    return {
        "place": 1 + int((cohen_kappa(entries) > cohen_kappa(own) + 1e-12).sum()),
        "beaten_by": int((sensitive & specific & ((tp > own_tp) | (tn > own_tn))).sum()),
        "best_specificity": tn[sensitive].max() / own[0].sum() if sensitive.any() else np.nan,
        "same_errors": len(missed),
        "fn_of_those_low": missed.min() if len(missed) else np.nan,
        "fn_of_those_high": missed.max() if len(missed) else np.nan,
    }


def readers_by_type_frame(solved: Mapping[str, RoundedTables], recovered: RecoveredBoard) -> pd.DataFrame:
    """Every set of tables of every reader: index (reader, solution, study_type), columns of `summary_frame`."""
    names = [*recovered.study_types, "overall"]
    frames = []
    for reader, found in solved.items():
        tables = found.tables.reshape(-1, 2, 2)
        frame = summary_frame(tables, np.ones(len(tables), dtype=bool))
        frame.index = pd.MultiIndex.from_product(
            [[reader], range(1, len(found.tables) + 1), names], names=["reader", "solution", "study_type"]
        )
        frames.append(frame)
    return pd.concat(frames)


def iso_kappa_frame(
    prevalence: float, kappas: Sequence[float] = _ISO_KAPPAS, *, points: int = 201
) -> pd.DataFrame:
    """Lines of equal kappa in the plane of sensitivity and specificity.

    Parameters
    ----------
    prevalence
        Share of abnormal studies in (0, 1); the lines move with it.
    kappas
        Levels.
    points
        Points per line.

    Returns
    -------
    DataFrame
        kappa, sensitivity, specificity; only points inside the unit square.

    Notes
    -----
    With s, c for sensitivity and specificity and p for prevalence, agreement and chance agreement are linear in
    c at fixed s, so kappa = (po - pe) / (1 - pe) solves to
    c = ((1 - k) ((1 - p) + (2 p - 1) (p s + 1 - p)) + k - p s) / ((1 - p) (1 + (1 - k) (2 p - 1))).
    """
    s = np.linspace(0, 1, points)
    p, lines = prevalence, []
    for k in kappas:
        chance = (1 - p) + (2 * p - 1) * (p * s + 1 - p)
        c = ((1 - k) * chance + k - p * s) / ((1 - p) * (1 + (1 - k) * (2 * p - 1)))
        inside = (c >= 0) & (c <= 1)
        lines.append(pd.DataFrame({"kappa": k, "sensitivity": s[inside], "specificity": c[inside]}))
    return pd.concat(lines, ignore_index=True)
