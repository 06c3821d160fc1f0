"""The honest board: every frame of a leaderboard re-read from its recovered tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.published.board.comparisons import comparisons_frame
from mura_ensemble.published.board.entries import (
    MURA_OPERATING_POINT,
    MURA_TEST_VIEWS,
    load_published_board,
    load_published_readers,
)
from mura_ensemble.published.board.findings import ASSUMPTIONS, Finding, findings_of
from mura_ensemble.published.board.frames import entries_frame, study_types_frame
from mura_ensemble.published.board.inference import (
    MIDDLE_CORRELATION,
    ranking_errors,
    ranks_frame,
    winners_frame,
)
from mura_ensemble.published.board.planning import (
    detectable_frame,
    kinds_frame,
    neighbours_frame,
    one_study_frame,
)
from mura_ensemble.published.board.readers import (
    iso_kappa_frame,
    readers_by_type_frame,
    readers_frame,
    solve_readers,
)
from mura_ensemble.published.tables.forensics import RecoveredBoard, recover_board
from mura_ensemble.published.tables.lattice import RoundedTables
from mura_ensemble.stats.kappa.cohen import cohen_kappa

__all__ = ["LABEL", "HonestBoard", "honest_board", "mura_honest_board"]

LABEL = "inferred from published results"
"""What every output made from a `HonestBoard` must carry."""

_LEAST_ENTRIES = 3


@dataclass(frozen=True)
class HonestBoard:
    """A leaderboard with everything its published numbers allow. All of it is inferred, none of it published.

    Frames that the numbers do not allow are empty, and `unknown` says why.

    Attributes
    ----------
    entries : DataFrame
        One row per entry, in the order given. From tables: see `frames.entries_frame`; from kappas alone: see
        `candidates.candidate_entries_frame`. Both with `model`, `kind`, `n`, `kappa`, `low`, `high`, `rank`,
        `comparable`, `finding`, and at an error correlation of .5 `shared_rank`, `rank_low`, `rank_high`,
        `p_best`, `shrunk` (missing for entries that are not comparable).
    study_types : DataFrame
        Index (entry, study_type): the table and interval within every study type.
    comparisons : DataFrame
        Index (entry, against): exact bounds over all overlaps of errors; see `comparisons.comparisons_frame`.
    ranks, winners : DataFrame
        Rank sets, P(best) and shrunken kappas, and what to believe of the top, per error correlation.
    readers, readers_by_type : DataFrame
        Readers at their own operating points among the entries; MURA's with `published_low`, `published_high`.
    iso_kappa : DataFrame
        Lines of equal kappa at the board's prevalence.
    kinds : DataFrame
        Ensembles beside single models.
    one_study, detectable, neighbours : DataFrame
        What one study is worth, what n studies can find, what telling neighbours apart would take.
    composition : DataFrame
        Index (row_set, study_type): rows, abnormal and normal; row set 0 is the one most entries share.
    findings : tuple of Finding
        Plain sentences made from the numbers, each with its topic, the verdict first.
    assumptions : tuple of str
        What all of it rests on.
    unknown : tuple of str
        What the numbers cannot tell.
    n, positives : int
        Studies of the shared row set and abnormal ones; `positives` is 0 where unknown.
    label : str
        "inferred from published results".
    """

    entries: pd.DataFrame
    n: int
    positives: int
    findings: tuple[Finding, ...]
    assumptions: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    study_types: pd.DataFrame = field(default_factory=pd.DataFrame)
    comparisons: pd.DataFrame = field(default_factory=pd.DataFrame)
    ranks: pd.DataFrame = field(default_factory=pd.DataFrame)
    winners: pd.DataFrame = field(default_factory=pd.DataFrame)
    readers: pd.DataFrame = field(default_factory=pd.DataFrame)
    readers_by_type: pd.DataFrame = field(default_factory=pd.DataFrame)
    iso_kappa: pd.DataFrame = field(default_factory=pd.DataFrame)
    kinds: pd.DataFrame = field(default_factory=pd.DataFrame)
    one_study: pd.DataFrame = field(default_factory=pd.DataFrame)
    detectable: pd.DataFrame = field(default_factory=pd.DataFrame)
    neighbours: pd.DataFrame = field(default_factory=pd.DataFrame)
    composition: pd.DataFrame = field(default_factory=pd.DataFrame)
    label: str = LABEL

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """Every frame that is not empty, by name."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: value
            for name, value in found.items()
            if isinstance(value, pd.DataFrame) and not value.empty
        }


def mura_honest_board(*, rng: int = 0) -> HonestBoard:
    """Re-read MURA's public leaderboard and the paper's three radiologists.

    Parameters
    ----------
    rng
        Seed of the draws behind rank sets and P(best); nothing else is random.
    """
    board = load_published_board()
    recovered = recover_board(board, anchor=MURA_OPERATING_POINT)
    printed = load_published_readers()
    raters = [name for name in printed.index.unique("rater") if name.startswith("Radiologist")]
    solved = solve_readers(printed, recovered, raters)
    honest = honest_board(board, recovered, solved, views=MURA_TEST_VIEWS, rng=rng)
    limits = printed.xs("overall", level="study_type")[["lower", "upper"]]
    limits = limits.rename_axis("reader").set_axis(["published_low", "published_high"], axis=1)
    return replace(honest, readers=honest.readers.join(limits, on="reader"))


def honest_board(
    board: pd.DataFrame,
    recovered: RecoveredBoard,
    readers: Mapping[str, RoundedTables] | None = None,
    *,
    views: int | None = None,
    unknown: tuple[str, ...] = (),
    rng: int = 0,
) -> HonestBoard:
    """Re-read a board whose tables were recovered.

    Parameters
    ----------
    board
        The board given to `recover_board`.
    recovered
        Its result.
    readers
        Tables of readers on the same studies, by name (see `readers.solve_readers`).
    views
        Views of the test set, if known from elsewhere: confirms entries that were scored per view.
    unknown
        What is known to be out of reach.
    rng
        Seed of the draws behind rank sets and P(best); nothing else is random.

    Raises
    ------
    InputError
        If fewer than three entries can be compared.
    """
    solved = dict(readers or {})
    shared = recovered.row_sets[0]
    prevalence = shared.n_positive / shared.n
    labels = recovered.entries[recovered.comparable]
    if len(labels) < _LEAST_ENTRIES:
        raise InputError(f"only {len(labels)} entries can be compared; at least {_LEAST_ENTRIES} are needed")
    tables = recovered.tables[recovered.comparable, -1]
    kappa, se = cohen_kappa(tables), ranking_errors(tables)
    ranks = ranks_frame(labels, kappa, se, rng=rng)
    entries = with_ranks(entries_frame(board, recovered), ranks)
    winners = winners_frame(labels, kappa, se, ranks, rng=rng)
    comparisons = comparisons_frame(recovered, solved)
    placed = readers_frame(solved, recovered) if solved else pd.DataFrame()
    one_study = one_study_frame(recovered)
    detectable = detectable_frame(shared.n, prevalence, len(labels) - 1)
    neighbours = neighbours_frame(entries.loc[labels, "kappa"], entries["errors"], shared.n, prevalence)
    kinds = kinds_frame(entries)
    return HonestBoard(
        entries=entries,
        n=shared.n,
        positives=shared.n_positive,
        findings=findings_of(
            entries, recovered, comparisons, winners, placed, one_study, detectable, neighbours, kinds, views
        ),
        assumptions=(*ASSUMPTIONS, *_where_tables_come_from(recovered)),
        unknown=unknown,
        study_types=study_types_frame(recovered) if recovered.study_types else pd.DataFrame(),
        comparisons=comparisons,
        ranks=ranks,
        winners=winners,
        readers=placed,
        readers_by_type=readers_by_type_frame(solved, recovered) if solved else pd.DataFrame(),
        iso_kappa=iso_kappa_frame(prevalence),
        kinds=kinds,
        one_study=one_study,
        detectable=detectable,
        neighbours=neighbours,
        composition=recovered.composition(),
    )


def _where_tables_come_from(recovered: RecoveredBoard) -> tuple[str, ...]:
    if recovered.from_limits:
        made = (
            "The published limits are kappa +- 1.96 pa (1 - pa) / (n (1 - pe)^2), a variance in the place of a "
            "standard error; a table counts as recovered only if it gives kappa and both limits of every study "
            "type and overall to 1e-9."
        )
    else:
        made = "A table counts as recovered only if no other of that size and class count gives its kappa."
    if recovered.classes_known:
        known = "Which class is abnormal was told by a published sensitivity and specificity or class count."
    else:
        known = "The rarer class is taken to be the abnormal one."
    return made, f"{known} Kappa, intervals, ranks and tests are the same if the classes are swapped."


def with_ranks(entries: pd.DataFrame, ranks: pd.DataFrame) -> pd.DataFrame:
    """Add to every ranked entry its shared rank, rank set, P(best) and shrunken kappa at the middle correlation."""
    at_middle = ranks.index.get_level_values("correlation") == MIDDLE_CORRELATION
    middle = (
        ranks[at_middle].droplevel("correlation").rename(columns={"low": "rank_low", "high": "rank_high"})
    )
    columns = ["shared_rank", "rank_low", "rank_high", "p_best", "shrunk"]
    added = entries.join(middle[columns])
    return added.astype(dict.fromkeys(columns[:3], "Int64"))
