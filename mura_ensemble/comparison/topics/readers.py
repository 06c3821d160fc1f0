"""Every model and ensemble against every reader outside the panel: arrays in between, frames at both ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mura_ensemble.comparison.measures.claims import direction
from mura_ensemble.comparison.result import Comparison
from mura_ensemble.comparison.topics.inputs import PartInput
from mura_ensemble.stats.comparing.multiplicity import holm
from mura_ensemble.stats.reader_study.reader_roc import reader_points

__all__ = ["APPARENT", "HIGHER", "LOWER", "OPEN", "ReaderFrames", "reader_frames"]

HIGHER, LOWER, OPEN = "higher kappa", "lower kappa", "not shown to differ"
APPARENT = "fitted on these studies, not judged"
_POINT_RESAMPLES = 1_000


@dataclass(frozen=True)
class ReaderFrames:
    """What was found; a difference is rater - reader.

    Attributes
    ----------
    differences : DataFrame
        Index rater, one row per reader outside the panel: `reader`, `kind`, `difference` of kappa with `low` and
        `high`, `p` (permutation test), `p_adjusted`, `n`, `verdict`: one of `HIGHER`, `LOWER`, which need both the
        adjusted p and the interval, `OPEN`, or `APPARENT` for a rater that saw these studies. Where the reader is the
        reference of the leaderboard, limits and adjusted p are those of the leaderboard, so that one page has one answer;
        over all other rows p is adjusted by Holm's method.
    at_readers : DataFrame
        Index rater (those whose ROC curves are drawn), one row per reader: `reader`, `n`, his `sensitivity` and
        `specificity`, `rater_sensitivity` at his specificity, `difference` with `low` and `high`, `p_adjusted` (max-T
        over the readers, times the number of raters with probabilities, among which these were picked).
    """

    differences: pd.DataFrame
    at_readers: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The frames by the names of their files."""
        return {"reader_differences": self.differences, "reader_points": self.at_readers}


def reader_frames(data: PartInput, comparison: Comparison) -> ReaderFrames:
    """Compare all that are no readers with the readers.

    Parameters
    ----------
    data : PartInput
        With at least one reader and one rater of another kind.
    comparison : Comparison
        Of the same raters.
    """
    readers, models = data.raters_of("reader"), data.raters_of("backbone", "ensemble")
    return ReaderFrames(
        differences=_differences(data, comparison, models, readers),
        at_readers=_at_readers(data, readers),
    )


def _differences(
    data: PartInput, comparison: Comparison, models: list[str], readers: list[str]
) -> pd.DataFrame:
    pairs, board, reference = comparison.differences, comparison.leaderboard, comparison.reference
    rows = pd.MultiIndex.from_product([models, readers], names=["rater", "reader"])
    frame = pairs.reindex(rows.set_names(pairs.index.names))[["difference", "low", "high", "p", "n"]]
    frame = frame.set_axis(rows)
    first = rows.get_level_values("reader") == (reference.rater if reference is not None else "")
    frame["p_adjusted"] = holm(frame["p"].where(~first).to_numpy(np.float64))
    frame.loc[first, ["low", "high", "p_adjusted"]] = board.loc[
        rows.get_level_values("rater")[first], ["diff_low", "diff_high", "p_adjusted"]
    ].to_numpy()
    way = direction(frame["low"], frame["high"], frame["p_adjusted"], data.level)
    seen = [data.apparent(str(name)) for name in rows.get_level_values("rater")]
    verdict = np.select(
        [np.array(seen), way > 0, way < 0],
        [APPARENT, HIGHER, LOWER],
        default=OPEN,
    )
    frame = frame.assign(verdict=verdict).reset_index("reader")
    frame.insert(0, "kind", [data.kind(str(name)) for name in frame.index])
    return frame


def _at_readers(data: PartInput, readers: list[str]) -> pd.DataFrame:
    """The drawn raters at the readers' operating points."""
    known = {name: kept for names, kept in data.same_studies() for name in names}
    fields = ["n", "sensitivity", "specificity", "difference", "low", "high", "p_adjusted"]
    columns = ["rater", "kind", "reader", *fields, "rater_sensitivity"]
    points = []
    for name in data.drawn:
        kept = known[name]
        found = reader_points(
            data.gold[kept],
            data.probabilities.loc[kept, name].to_numpy(np.float64),
            data.calls.loc[kept, readers].to_numpy(np.float64),
            patients=data.patients(kept),
            level=data.level,
            resamples=min(data.resamples, _POINT_RESAMPLES),
            rng=data.seed,
        )
        frame = pd.DataFrame({field: getattr(found, field) for field in fields}).assign(
            rater=name,
            kind=data.kind(name),
            reader=readers,
            rater_sensitivity=found.model_sensitivity,
            p_adjusted=np.minimum(1.0, found.p_adjusted * len(known)),
        )
        points.append(frame.dropna(subset=["difference"]))
    return (pd.concat(points)[columns] if points else pd.DataFrame(columns=columns)).set_index("rater")
