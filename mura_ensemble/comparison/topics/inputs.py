"""What every part of a report starts from: studies, calls and probabilities, in an order that is not the caller's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.comparison.gather.raters import RaterTable
from mura_ensemble.comparison.result import Comparison

__all__ = ["PartInput", "part_input"]

_MOST_CURVES = 2


@dataclass(frozen=True)
class PartInput:
    """The scored studies, sorted by key, and the raters of the leaderboard, in its order.

    Attributes
    ----------
    studies : DataFrame
        Index study; `patient`, `study_type`, `gold` (0 or 1).
    calls : DataFrame
        Same index; one column per rater, 0, 1 or NaN.
    probabilities : DataFrame
        Same index; one column per rater that has any, in [0, 1] or NaN.
    board : DataFrame
        The leaderboard.
    level : float
    resamples, seed : int
    simulated : bool
    """

    studies: pd.DataFrame
    calls: pd.DataFrame
    probabilities: pd.DataFrame
    board: pd.DataFrame
    level: float
    resamples: int
    seed: int
    simulated: bool

    @property
    def gold(self) -> NDArray[np.int64]:
        """0 or 1 of every study, (n,)."""
        return self.studies["gold"].to_numpy(np.int64)

    def patients(self, kept: NDArray[np.bool_] | None = None) -> NDArray[np.int64] | None:
        """Codes of the patients of all or of the `kept` studies; None where each has one study there."""
        names = self.studies["patient"].to_numpy(dtype=object)
        names = names if kept is None else names[kept]
        codes = np.unique(names, return_inverse=True)[1]
        return codes.astype(np.int64) if codes.max(initial=-1) + 1 < len(codes) else None

    def kind(self, rater: str) -> str:
        """Backbone, ensemble or reader."""
        return str(self.board.loc[[rater], "kind"].iloc[0])

    def apparent(self, rater: str) -> bool:
        """Whether it was trained, fitted or tuned on studies that score it here."""
        return bool(self.board.loc[[rater], "apparent"].iloc[0])

    def raters_of(self, *kinds: str) -> list[str]:
        """Raters of some kinds, in the order of the leaderboard."""
        return [str(name) for name in self.board.index[self.board["kind"].isin(kinds)]]

    @property
    def drawn(self) -> list[str]:
        """Whose ROC curves are drawn: the first ensemble and the first backbone of the leaderboard that can be judged.

        Where there is one kind only, its first two; raters that were fitted on these studies only if there are no others.
        """
        known = [name for names, _ in self.same_studies() for name in names]
        ranked = [str(name) for name in self.board.index if name in known]
        ranked = [name for name in ranked if not self.apparent(name)] or ranked
        first = [name for kind in ("ensemble", "backbone") for name in ranked if self.kind(name) == kind]
        heads = [
            next(name for name in first if self.kind(name) == kind)
            for kind in dict.fromkeys(map(self.kind, first))
        ]
        return [*heads, *(name for name in first if name not in heads)][:_MOST_CURVES]

    def same_studies(self) -> Iterator[tuple[list[str], NDArray[np.bool_]]]:
        """Raters whose probabilities are of the same studies, with those studies (n,), where both classes are there."""
        known = self.probabilities.notna()
        for pattern in dict.fromkeys(tuple(column) for _, column in known.items()):
            kept = np.array(pattern, dtype=np.bool_)
            names = [str(name) for name, column in known.items() if tuple(column) == pattern]
            if len(np.unique(self.gold[kept])) == 2:
                yield names, kept


def part_input(raters: RaterTable, comparison: Comparison) -> PartInput:
    """Bring what was compared into the order of the report."""
    studies = raters.studies.sort_index()
    studies = studies.assign(
        patient=studies["patient"].astype(str),
        study_type=studies["study_type"].astype(str),
        gold=studies["gold"].astype(np.int64),
    )
    names = [str(name) for name in comparison.leaderboard.index]
    calls = raters.calls.set_axis([str(name) for name in raters.calls.columns], axis=1)
    probabilities = raters.probabilities.reindex(index=studies.index)
    return PartInput(
        studies=studies,
        calls=calls.reindex(index=studies.index, columns=names).astype(np.float64),
        probabilities=probabilities[
            [name for name in names if name in probabilities and probabilities[name].notna().any()]
        ].astype(np.float64),
        board=comparison.leaderboard,
        level=comparison.level,
        resamples=comparison.resamples,
        seed=comparison.seed,
        simulated=comparison.simulated,
    )
