"""What another panel of the same readers would have said: every panel of the same size, as frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import pandas as pd

from mura_ensemble.comparison.reader_study.tables import range_frame
from mura_ensemble.comparison.topics.inputs import PartInput
from mura_ensemble.stats.reader_study.panel import every_panel
from mura_ensemble.stats.reader_study.panel_gold import all_panels

__all__ = ["MOST_PANELS", "PanelFrames", "panel_frames"]

MOST_PANELS = 220
"""3 of 12 readers; more take `mura-ensemble readers`, which has the time."""

_DRAWS = 30_000  # resamples times panels
_FEWEST, _MOST = 200, 1_000  # resamples


@dataclass(frozen=True)
class PanelFrames:
    """Every rater against every panel of the same size, each on the studies that it decides.

    Raters that saw these studies are left out while others did not, as they are from the ranks of the leaderboard.

    Attributes
    ----------
    ranges : DataFrame
        Index rater, highest mean kappa first: `kind`, `in_panel` (of this report), `panels` (without the rater);
        `kappa` and `rank` here, against this report's panel, NaN for its members; over the panels without the rater
        `mean`, `lowest`, `highest`, `best_rank`, `median_rank`, `worst_rank` and `first` (share of panels in which it
        ranks first). Ranks are among all raters outside the panel.
    seats : DataFrame
        Index reader: `in_panel`, `own` (mean kappa over the panels he sits in), `outside` (over the others), `bias`
        (own - outside) with `low` and `high`: what a seat is worth.
    panels : DataFrame
        Index panel (names joined by `+`), one row per rater: `rater`, `kappa`, `rank`, `inside`, `n`, `here`.
    size, count, readers : int
        Readers of a panel, panels, readers in all.
    """

    ranges: pd.DataFrame
    seats: pd.DataFrame
    panels: pd.DataFrame
    size: int
    count: int
    readers: int

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The frames by the names of their files."""
        return {"panel_ranges": self.ranges, "panel_seats": self.seats, "panels": self.panels}


def panel_frames(
    data: PartInput, reading: pd.DataFrame, panel: Sequence[str], undecided: pd.DataFrame
) -> PanelFrames | None:
    """Score everyone against every panel of the size of this report's; None where these are more than `MOST_PANELS`.

    Parameters
    ----------
    data : PartInput
    reading : DataFrame
        Index study; one column per reader, 0, 1 or NaN: those of the panel too.
    panel : sequence of str
        Whose majority is the gold standard here; fewer than all readers.
    undecided : DataFrame
        Index study: `patient`, readers and other raters of the studies that this panel left undecided. Without them a
        panel of two would leave only studies on which both agree, and either would be judged by his double elsewhere.
    """
    readers = sorted(map(str, reading.columns))
    if comb(len(readers), len(panel)) > MOST_PANELS:
        return None
    every_model = data.raters_of("ensemble", "backbone")
    models = [name for name in every_model if not data.apparent(name)] or every_model
    every = (
        reading[readers].reindex(data.studies.index).join(data.calls[models]).join(data.studies["patient"])
    )
    if len(undecided):
        every = pd.concat(
            [every, undecided[[*readers, *models, "patient"]].astype({"patient": str})]
        ).sort_index()
    codes = np.unique(every["patient"].to_numpy(dtype=object), return_inverse=True)[1]
    panels = all_panels(len(readers), len(panel))
    found = every_panel(
        every[readers].to_numpy(np.float64),
        every[models].to_numpy(np.float64),
        panels,
        patients=codes,
        level=data.level,
        resamples=int(np.clip(_DRAWS // len(panels), _FEWEST, min(_MOST, max(_FEWEST, data.resamples)))),
        rng=data.seed,
    )
    names = [*readers, *models]
    seated = [name in set(panel) for name in readers]
    here = int(np.flatnonzero((found.panels == np.flatnonzero(seated)).all(axis=1))[0])
    ranges = range_frame(readers, models, found).assign(
        kind=["reader"] * len(readers) + [data.kind(name) for name in models],
        in_panel=seated + [False] * len(models),
        kappa=np.where(found.inside[here], np.nan, found.kappa[here]),
        rank=found.rank[here],
    )
    seats = pd.DataFrame(
        {
            "kind": "reader",
            "in_panel": seated,
            "own": found.own,
            "outside": found.mean[: len(readers)],
            "bias": found.bias,
            "low": found.bias_low,
            "high": found.bias_high,
        },
        index=pd.Index(readers, name="reader"),
    )
    labels = [" + ".join(readers[j] for j in members) for members in found.panels]
    long = pd.DataFrame(
        {
            "panel": np.repeat(labels, len(names)),
            "rater": names * len(labels),
            "kappa": found.kappa.ravel(),
            "rank": found.rank.ravel(),
            "inside": found.inside.ravel(),
            "n": np.repeat(found.n, len(names)),
            "here": np.repeat(np.arange(len(labels)) == here, len(names)),
        }
    )
    return PanelFrames(
        ranges=ranges.sort_values("mean", ascending=False, kind="stable"),
        seats=seats,
        panels=long.set_index("panel"),
        size=len(panel),
        count=len(labels),
        readers=len(readers),
    )
