"""What a study of this size can show: differences that it finds, and numbers that others would need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mura_ensemble.comparison.measures.discordance import paired_studies
from mura_ensemble.comparison.result import Comparison
from mura_ensemble.stats.planning.power import detectable_difference, studies_needed

__all__ = ["PowerFrames", "power_frames"]

_WANTED = (0.02, 0.05, 0.1)


@dataclass(frozen=True)
class PowerFrames:
    """Differences of kappa from the reference that are found 4 times in 5.

    Attributes
    ----------
    found : DataFrame
        Index `studies_of`, all types first; `studies`, `units` (patients where they are known), `prevalence`,
        `discordance`, `compared`, `detectable` by one test named beforehand, `detectable_family` by one of all.
    needed : DataFrame
        Index `difference`; units `needed` for one test, `needed_family` for one of all.
    """

    found: pd.DataFrame
    needed: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The frames by the names of their files."""
        return {"power": self.found, "power_needed": self.needed}


def power_frames(comparison: Comparison) -> PowerFrames | None:
    """None without a reference, without discordance, or where the gold standard is of one class."""
    if comparison.reference is None or not 0 < comparison.data.prevalence < 1:
        return None
    called, psi = paired_studies(comparison.differences, comparison.reference.rater)
    if not psi > 0:
        return None
    found = _found(comparison, called / comparison.data.studies, psi)
    return None if np.isnan(found["detectable"].iloc[0]) else PowerFrames(found, _needed(comparison, psi))


def _found(comparison: Comparison, called: float, psi: float) -> pd.DataFrame:
    data, alpha, family = comparison.data, 1 - comparison.level, max(comparison.compared, 1)
    rows = {"all types": (data.studies, data.patients, data.prevalence)}
    if len(data.by_type) > 1:
        for name, row in data.by_type.iterrows():
            units = row["patients"] if data.patients_known else row["studies"]
            rows[str(name)] = (row["studies"], units, row["prevalence"])
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["studies", "units", "prevalence"])
    frame = frame.rename_axis("studies_of").assign(discordance=psi, compared=family)
    frame["units"] = (called * frame["units"]).round()
    usable = frame["prevalence"].between(0, 1, inclusive="neither")
    units, prevalence = (frame.loc[usable, name].to_numpy(np.float64) for name in ("units", "prevalence"))
    for name, level in (("detectable", alpha), ("detectable_family", alpha / family)):
        frame[name] = np.nan
        frame.loc[usable, name] = detectable_difference(units, psi, prevalence=prevalence, alpha=level)
    return frame


def _needed(comparison: Comparison, psi: float) -> pd.DataFrame:
    prevalence = comparison.data.prevalence
    alpha, family = 1 - comparison.level, max(comparison.compared, 1)
    return pd.DataFrame(
        {
            "needed": studies_needed(_WANTED, psi, prevalence=prevalence, alpha=alpha),
            "needed_family": studies_needed(_WANTED, psi, prevalence=prevalence, alpha=alpha / family),
        },
        index=pd.Index(_WANTED, name="difference"),
    )
