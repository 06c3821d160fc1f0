"""Which studies most raters get wrong, and what raters lose together: arrays in between, frames at both ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.comparison.topics.inputs import PartInput
from mura_ensemble.stats.division import ratio
from mura_ensemble.stats.kappa.cohen import cohen_kappa, tables_2x2

__all__ = ["HardestFrames", "hardest_frames", "independent_counts"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class HardestFrames:
    """Studies by how many raters call them unlike the gold standard.

    Attributes
    ----------
    studies : DataFrame
        Index study, hardest first; `study_type`, `gold` (`abnormal` or `normal`), `wrong` of `raters` who called it,
        the same of backbones, of ensembles and of readers, `mean_probability` of the backbones. Every study that
        somebody got wrong.
    counts : DataFrame
        Index `wrong`, 0 to the number of voices; `found` studies and `expected` ones if, given the gold standard,
        voices erred independently.
    losses : DataFrame
        Index ensemble; `wrong`, and on how many of these all, most or at most half of the backbones are wrong.
    voices : tuple of str
        Who is counted: backbones and readers; ensembles are made of backbones and would count them twice.
    together : DataFrame
        Index `who`, a single row `backbones`, none with fewer than two: `backbones`, `n` studies that all of them called,
        `wrong` by all and its `share`, `expected` of independent errors, and `ceiling`, the kappa of calls that are wrong
        on those studies only.
    """

    studies: pd.DataFrame
    counts: pd.DataFrame
    losses: pd.DataFrame
    voices: tuple[str, ...]
    together: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The frames by the names of their files."""
        some = {"backbones_together": self.together, "ensemble_losses": self.losses}
        return {
            "hardest_studies": self.studies,
            "errors_together": self.counts,
            **{name: table for name, table in some.items() if len(table)},
        }


def hardest_frames(data: PartInput) -> HardestFrames:
    """Count errors study by study."""
    gold = data.gold
    calls = data.calls.to_numpy(np.float64)
    called = ~np.isnan(calls)
    wrong = called & (calls != gold[:, None])
    kinds = data.board["kind"].to_numpy(dtype=np.str_)
    voices = kinds != "ensemble" if (kinds != "ensemble").any() else np.ones(len(kinds), dtype=np.bool_)
    models = kinds == "backbone"
    frame = pd.DataFrame(
        {
            "study_type": data.studies["study_type"],
            "gold": np.where(gold == 1, "abnormal", "normal"),
            "wrong": wrong.sum(axis=1),
            "raters": called.sum(axis=1),
        },
        index=data.studies.index,
    )
    for kind in ("backbone", "ensemble", "reader"):
        some = kinds == kind
        if some.any():
            frame[f"wrong_{kind}s"] = wrong[:, some].sum(axis=1)
            frame[f"{kind}s"] = called[:, some].sum(axis=1)
    own = [name for name in data.probabilities.columns if data.kind(str(name)) == "backbone"]
    if own:
        frame["mean_probability"] = data.probabilities[own].mean(axis=1)
    share = frame["wrong"] / frame["raters"].clip(lower=1)
    order = np.lexsort((np.arange(len(frame)), -frame["wrong"], -share))
    hardest = frame.iloc[order]
    return HardestFrames(
        studies=hardest[hardest["wrong"] > 0],
        counts=_counts(gold, called[:, voices], wrong[:, voices]),
        losses=_losses(data, wrong, called, models),
        voices=tuple(str(name) for name in data.board.index[voices]),
        together=_together(gold, calls[:, models]),
    )


def independent_counts(chances: FloatArray) -> FloatArray:
    """Expected studies with 0, 1, ..., R errors, (R + 1,), from each rater's chance to err on each study (n, R).

    The distribution of a sum of independent yes-or-no draws with different chances (Poisson binomial), built up
    rater by rater and summed over the studies; a chance of NaN is a rater who did not call.
    """
    n, raters = chances.shape
    share = np.zeros((n, raters + 1))
    share[:, 0] = 1.0
    for chance in np.nan_to_num(chances).T:
        share[:, 1:] = share[:, 1:] * (1 - chance[:, None]) + share[:, :-1] * chance[:, None]
        share[:, 0] *= 1 - chance
    return np.asarray(share.sum(axis=0))


def _chances(gold: NDArray[np.int64], called: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> FloatArray:
    """Chance (n, R) of each rater to err on each study: its share of errors among studies of that class."""
    chances = np.full(wrong.shape, np.nan)
    for label in (0, 1):
        rows = gold == label
        rate = ratio(wrong[rows].sum(axis=0), called[rows].sum(axis=0))
        chances[rows] = np.where(called[rows], rate, np.nan)
    return chances


def _counts(gold: NDArray[np.int64], called: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> pd.DataFrame:
    raters = wrong.shape[1]
    return pd.DataFrame(
        {
            "found": np.bincount(wrong.sum(axis=1), minlength=raters + 1),
            "expected": independent_counts(_chances(gold, called, wrong)),
        },
        index=pd.RangeIndex(raters + 1, name="wrong"),
    )


def _together(gold: NDArray[np.int64], calls: FloatArray) -> pd.DataFrame:
    """Studies that all backbones get wrong, how many independent errors would give, what is left to win."""
    columns = ["backbones", "n", "wrong", "share", "expected", "ceiling"]
    kept = ~np.isnan(calls).any(axis=1)
    if calls.shape[1] < 2 or not kept.any():
        return pd.DataFrame(columns=columns).rename_axis("who")
    truth = gold[kept]
    wrong = calls[kept] != truth[:, None]
    lost = wrong.all(axis=1)
    expected = _chances(truth, np.ones(wrong.shape, dtype=np.bool_), wrong).prod(axis=1).sum()
    ceiling = cohen_kappa(tables_2x2(truth, np.where(lost, 1 - truth, truth)))
    row = (calls.shape[1], int(kept.sum()), int(lost.sum()), lost.mean(), expected, float(ceiling[0]))
    return pd.DataFrame([row], columns=columns, index=["backbones"]).rename_axis("who")


def _losses(
    data: PartInput, wrong: NDArray[np.bool_], called: NDArray[np.bool_], models: NDArray[np.bool_]
) -> pd.DataFrame:
    rows = {}
    made, errors = called[:, models].sum(axis=1), wrong[:, models].sum(axis=1)
    for place, name in enumerate(data.calls.columns):
        if data.kind(str(name)) != "ensemble" or models.sum() < 2:
            continue
        own = wrong[:, place]
        every = own & (errors == made) & (made > 0)
        most = own & (2 * errors > made) & ~every
        rows[str(name)] = {
            "kind": "ensemble",
            "wrong": int(own.sum()),
            "all_backbones_wrong": int(every.sum()),
            "most_backbones_wrong": int(most.sum()),
            "at_most_half_wrong": int((own & ~every & ~most).sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("rater")
