"""Anybody's board of kappas: as much as its numbers allow, and a list of what they cannot tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.published.board.findings import ASSUMPTIONS, about, kind_sentences, rank_sentences
from mura_ensemble.published.board.findings_from_kappas import (
    NOT_PUBLISHED,
    assumptions_of,
    class_counts,
    first_and_second,
    impossible_entries,
    unknown_of,
)
from mura_ensemble.published.board.frames import kind_of
from mura_ensemble.published.board.honest import HonestBoard, honest_board, with_ranks
from mura_ensemble.published.board.inference import ranks_frame, winners_frame
from mura_ensemble.published.board.planning import detectable_frame, kinds_frame, neighbours_frame
from mura_ensemble.published.board.readers import iso_kappa_frame
from mura_ensemble.published.tables.candidates import (
    CandidateBoard,
    candidate_board,
    candidate_comparisons,
    candidate_ranges,
    printed_decimals,
)
from mura_ensemble.published.tables.forensics import RecoveredBoard, recover_board
from mura_ensemble.published.tables.scored import RowSet

__all__ = ["analyse_board"]

_PLAUSIBLE = (0.1, 0.9)
_FULL_PRECISION = 6
_MOST_COUNTS = 200
_LEAST_ENTRIES = 3


def analyse_board(
    frame: pd.DataFrame,
    n: int,
    positives: int | None = None,
    *,
    prevalence: tuple[float, float] = _PLAUSIBLE,
    decimals: int | None = None,
    rng: int = 0,
) -> HonestBoard:
    """Re-read a board of names and kappas, all scored on the same n studies.

    Three roads, the first that the numbers allow: legacy limits at full precision are inverted
    (`recover_board`); kappas at full precision usually fix the tables by themselves; rounded kappas leave many
    tables, and every statement is then made over all of them.

    Parameters
    ----------
    frame
        One row per entry. `kappa`; optionally `model` (name), `date`, `rank` (as published), and `lower`,
        `upper` if the board prints limits with the slip of `legacy_interval`.
    n
        Studies.
    positives
        Abnormal studies, if known.
    prevalence
        Range of the share of abnormal studies that is considered where `positives` is not known.
    decimals
        Decimals the kappas were printed with; by default the most that any of them needs.
    rng
        Seed of the draws behind rank sets and P(best); nothing else is random.

    Returns
    -------
    HonestBoard
        Frames that the numbers do not allow are empty and `unknown` says why.

    Raises
    ------
    InputError
        If `kappa` is missing, not numeric or outside [-1, 1], n, `positives` or `prevalence` is out of range,
        or fewer than three kappas are possible.
    """
    board = _checked(frame)
    counts = _counts(n, positives, prevalence)
    kappas = board["kappa"].to_numpy(dtype=np.float64)
    printed = printed_decimals(kappas) if decimals is None else decimals
    unknown: list[str] = []
    if {"lower", "upper"} <= set(board.columns):
        wide = board.rename(columns={part: f"overall_{part}" for part in ("kappa", "lower", "upper")})
        try:
            recovered = recover_board(wide, positives=positives, max_rows=max(1000, 4 * n))
        except InputError as error:
            unknown.append(f"The limits of the board were not used: {error}.")
        else:
            return _from_limits(wide, recovered, n, rng)
    candidates = candidate_board(kappas, n, decimals=printed, positives=counts)
    if printed >= _FULL_PRECISION:
        rarer = candidates.positives[candidates.positives <= n / 2]
        if positives is None and len(rarer) == 1:
            # Every board fits its mirror image too; the rarer class is taken to be the abnormal one.
            candidates = candidate_board(kappas, n, decimals=printed, positives=rarer.tolist())
        if (
            candidates.unique
            and len(candidates.positives) == 1
            and candidates.possible.sum() >= _LEAST_ENTRIES
        ):
            return _from_tables(board, candidates, positives is not None, (*unknown, NOT_PUBLISHED), rng)
    return _from_candidates(board, candidates, counts, tuple(unknown), rng)


def _checked(frame: pd.DataFrame) -> pd.DataFrame:
    if "kappa" not in frame.columns:
        raise InputError("the board has no column 'kappa'; map the column that holds it")
    board = frame.copy()
    board["kappa"] = pd.to_numeric(board["kappa"], errors="coerce")
    bad = board.index[~board["kappa"].between(-1, 1)]
    if len(bad):
        raise InputError(
            f"row {bad[0]}, column 'kappa': not a number between -1 and 1; mend or remove the row"
        )
    if "model" not in board.columns:
        board["model"] = [str(label) for label in board.index]
    return board


def _counts(n: int, positives: int | None, prevalence: tuple[float, float]) -> Sequence[int]:
    if positives is not None:
        if not 1 <= positives <= n - 1:
            raise InputError(f"{positives} abnormal studies of {n}: both classes must have at least one")
        return [positives]
    low, high = prevalence
    if not 0 < low <= high < 1:
        raise InputError(f"the prevalence range {low:g} to {high:g} must lie inside 0 to 1")
    first, last = max(1, int(np.ceil(low * n))), min(n - 1, int(np.floor(high * n)))
    if first > last:
        raise InputError(
            f"no number of abnormal studies of {n} lies in the prevalence range {low:g} to {high:g}"
        )
    # Large boards are looked at in steps: rounded kappas hardly depend on one abnormal study more or less.
    return range(first, last + 1, 1 + (last - first) // _MOST_COUNTS)


def _from_limits(wide: pd.DataFrame, recovered: RecoveredBoard, n: int, rng: int) -> HonestBoard:
    if recovered.row_sets[0].n != n:
        raise InputError(
            f"n is given as {n}, but kappas and limits say that most entries were scored on "
            f"{recovered.row_sets[0].n} studies; give that n, or leave the limits out"
        )
    return honest_board(wide, recovered, unknown=(NOT_PUBLISHED,), rng=rng)


def _from_tables(
    board: pd.DataFrame, candidates: CandidateBoard, classes_known: bool, unknown: tuple[str, ...], rng: int
) -> HonestBoard:
    possible = candidates.possible
    tables = np.zeros((len(board), 1, 2, 2), dtype=np.int64)
    tables[possible, 0] = [found[0] for found in candidates.tables if len(found)]
    n, positive = candidates.n, int(candidates.positives[0])
    finding = f"scored on {n} studies, {positive} abnormal and {n - positive} normal"
    reason = f"no table of {n} studies with {positive} abnormal gives this kappa"
    recovered = RecoveredBoard(
        study_types=(),
        entries=board.index,
        tables=tables,
        recovered=possible,
        row_set=np.where(possible, 0, -1),
        row_sets=(RowSet((n,), (positive,), tuple(board.index[possible]), "studies", finding),),
        reasons=tuple("" if fits else reason for fits in possible),
        classes_known=classes_known,
        from_limits=False,
    )
    wide = board.assign(overall_kappa=board["kappa"], overall_lower=np.nan, overall_upper=np.nan)
    return honest_board(wide, recovered, unknown=unknown, rng=rng)


def _from_candidates(
    board: pd.DataFrame, candidates: CandidateBoard, counts: Sequence[int], unknown: tuple[str, ...], rng: int
) -> HonestBoard:
    labels = board.index[candidates.possible]
    if len(labels) < _LEAST_ENTRIES:
        raise InputError(
            f"only {len(labels)} of {len(board)} kappas can come from {candidates.n} studies with the same number of "
            "abnormal ones; check n and the number of abnormal studies"
        )
    ranges = candidate_ranges(candidates).set_axis(board.index)
    kappa = board.loc[labels, "kappa"].to_numpy(dtype=np.float64)
    se = ranges.loc[labels, "se"].to_numpy(dtype=np.float64)
    ranks = ranks_frame(labels, kappa, se, rng=rng)
    entries = with_ranks(_entries(board, candidates, ranges), ranks)
    winners = winners_frame(labels, kappa, se, ranks, rng=rng)
    comparisons = candidate_comparisons(candidates, board["kappa"].to_numpy(dtype=np.float64), board.index)
    # The class counts that fit come in mirrored pairs, which planning does not tell apart.
    shares = np.minimum(candidates.positives, candidates.n - candidates.positives) / candidates.n
    prevalence = float(np.median(shares))
    kinds = kinds_frame(entries)
    known = len(candidates.positives) == 1
    return HonestBoard(
        entries=entries,
        n=candidates.n,
        positives=int(candidates.positives[0]) if known else 0,
        findings=(
            *about("first and second", first_and_second(entries, comparisons)),
            *about("first place", rank_sentences(winners, len(labels))),
            *about("studies", class_counts(entries, candidates, counts)),
            *about("other studies", impossible_entries(entries)),
            *about("ensembles", kind_sentences(kinds)),
        ),
        assumptions=(*ASSUMPTIONS, *assumptions_of(candidates, counts)),
        unknown=(*unknown, *unknown_of(ranges, candidates, counts, comparisons)),
        comparisons=comparisons,
        ranks=ranks,
        winners=winners,
        iso_kappa=iso_kappa_frame(candidates.positives[0] / candidates.n) if known else pd.DataFrame(),
        kinds=kinds,
        detectable=detectable_frame(candidates.n, prevalence, len(labels) - 1),
        neighbours=neighbours_frame(board.loc[labels, "kappa"], None, candidates.n, prevalence),
    )


def _entries(board: pd.DataFrame, candidates: CandidateBoard, ranges: pd.DataFrame) -> pd.DataFrame:
    frame = pd.DataFrame(index=board.index)
    for name, source in (("published_rank", "rank"), ("date", "date"), ("model", "model")):
        if source in board.columns:
            frame[name] = board[source]
    frame["kind"] = [kind_of(str(name)) for name in frame["model"]]
    frame["n"], frame["kappa"] = candidates.n, board["kappa"]
    frame = frame.join(ranges)
    frame["rank"] = board["kappa"].rank(method="dense", ascending=False).astype("Int64")
    frame["comparable"] = candidates.possible
    frame["finding"] = [
        found.verdict
        if fits or not found.possible
        else "possible by itself, but not with the number of abnormal studies that the other entries need"
        for found, fits in zip(candidates.found, candidates.possible, strict=True)
    ]
    return frame
