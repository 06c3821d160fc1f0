"""The model behind the simulated reader study: its parameters and the draws of `simulate.py`.

Everything has a cause that is drawn once and shared: how visible a study's abnormality is (readers,
labels and backbones all miss the same studies), which views show it, what only networks stumble over,
and what is peculiar to one reader or backbone.

For a study i with truth t_i = +1 or -1 and appearance d_i ~ N(0, 1), d_i > 0 looking abnormal:

- a reader r calls i abnormal when `sqrt(SHARED) d_i + sqrt(1 - SHARED) e_ir` exceeds `-z(sensitivity_r)`
  (t = +1) or `z(specificity_r)` (t = -1), where z is the normal quantile less the study type's hardness;
  so the named sensitivity and specificity hold at a study type of no extra hardness;
- a label of `valid` is the call of one more such reader; the gold of `test` is the panel's majority;
- a backbone's logit for a view is `scale x (signal + appearance + stumble + own noise) + shifts`: the
  signal is there only in views that show the abnormality, `stumble` is common to all backbones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.data.mura.counts import MURA_COUNTS, MURA_PATIENTS
from mura_ensemble.data.names import STUDY_TYPES, study_key, view_key

__all__ = [
    "BACKBONES",
    "HARDNESS",
    "MOST_VIEWS",
    "PANEL",
    "READERS",
    "SHARED",
    "SINGLE_LABEL",
    "Backbone",
    "draw_predictions",
    "draw_studies",
]

READERS = {
    "reader_1": (0.90, 0.94),
    "reader_2": (0.88, 0.95),
    "reader_3": (0.93, 0.90),
    "reader_4": (0.94, 0.86),
    "reader_5": (0.83, 0.95),
    "reader_6": (0.92, 0.92),
}
"""Sensitivity and specificity of each reader against the latent truth."""

PANEL = ("reader_1", "reader_2", "reader_3")
"""The readers whose majority is the gold of `test`."""

SINGLE_LABEL = (0.90, 0.93)
SHARED = 0.45
HARDNESS = {
    "elbow": 0.0, "finger": 0.55, "forearm": 0.05, "hand": 0.1, "humerus": -0.1, "shoulder": 0.1, "wrist": -0.35,
}  # fmt: skip

_OF_SEVERAL_TYPES = {"valid": 248, "test": 1}
MOST_VIEWS = 4


@dataclass(frozen=True)
class Backbone:
    """How one simulated backbone sees.

    Attributes
    ----------
    strength : float
        Size of the signal in a view that shows the abnormality.
    own : float
        SD of the noise that is the backbone's own (study and view level each).
    scale, bias : float
        Sharpness of the logits and a shift of all of them: a backbone need not be calibrated.
    type_shift : float
        SD of the shift of all logits of one study type.
    twin_of : str
        If not empty, the backbone whose own noise this one shares but for a tenth.
    """

    strength: float
    own: float
    scale: float = 1.0
    bias: float = 0.0
    type_shift: float = 0.4
    twin_of: str = ""


BACKBONES = {
    "sim_convnext_tiny": Backbone(1.75, 0.70, scale=1.6, bias=-0.3),
    "sim_densenet169": Backbone(1.65, 0.75, scale=1.2, bias=-0.2),
    "sim_densenet169_seed2": Backbone(1.65, 0.75, scale=1.2, bias=-0.2, twin_of="sim_densenet169"),
    "sim_efficientnet_b3": Backbone(1.65, 0.80, scale=1.9, bias=0.3),
    "sim_mobilenet_v3": Backbone(1.40, 1.00, scale=0.9, bias=0.2, type_shift=0.5),
    "sim_resnet50": Backbone(1.60, 0.85, scale=1.4, bias=-0.4),
}
"""Six backbones: one weaker (`sim_mobilenet_v3`), one nearly a copy (`sim_densenet169_seed2`)."""


def draw_studies(
    split: str, readers: Mapping[str, tuple[float, float]], voters: tuple[str, ...], rng: np.random.Generator
) -> pd.DataFrame:
    """One row per study: keys, number of views, truth, appearance and the readers' calls.

    Studies are drawn until each study type has its published number that the voters' majority calls
    normal and abnormal; the truth behind a gold standard is therefore not quite the gold standard.
    """
    parts = []
    for study_type in STUDY_TYPES:
        counts = MURA_COUNTS[split][study_type]
        drawn = 20 * counts.studies
        truth = rng.integers(0, 2, drawn)
        appearance = rng.standard_normal(drawn)
        calls = {name: _call(truth, appearance, study_type, *skill, rng) for name, skill in readers.items()}
        majority = 2 * sum(calls[name] for name in voters) > len(voters)
        kept = np.concatenate(
            [np.flatnonzero(~majority)[: counts.normal], np.flatnonzero(majority)[: counts.abnormal]]
        )
        kept = rng.permutation(kept)
        further = rng.permutation(np.repeat(np.arange(len(kept)), MOST_VIEWS - 1))[: counts.views - len(kept)]
        views = 1 + np.bincount(further, minlength=len(kept))
        part = pd.DataFrame({"study_type": study_type, "views": views})
        part = part.assign(truth=truth[kept], appearance=appearance[kept])
        parts.append(part.assign(**{name: call[kept] for name, call in calls.items()}))
    studies = pd.concat(parts, ignore_index=True)
    held = _patients_by_type(split, rng)
    studies["patient"] = [f"sim{split}{patient + 1:05d}" for t in STUDY_TYPES for patient in held[t]]
    studies["split"] = split
    number = studies.groupby(["study_type", "patient"]).cumcount() + 1
    keys = zip(studies["study_type"], studies["patient"], number, strict=True)
    studies["study"] = [study_key(split, study_type, patient, n) for study_type, patient, n in keys]
    return studies


def _call(
    truth: NDArray[np.int64],
    appearance: NDArray[np.float64],
    study_type: str,
    sensitivity: float,
    specificity: float,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    z = NormalDist().inv_cdf
    seen = np.sqrt(SHARED) * appearance + np.sqrt(1 - SHARED) * rng.standard_normal(len(truth))
    hardness = HARDNESS[study_type]
    bar = np.where(truth == 1, hardness - z(sensitivity), z(specificity) - hardness)
    called: NDArray[np.bool_] = seen > bar
    return called.astype(np.int64)


def _patients_by_type(split: str, rng: np.random.Generator) -> dict[str, NDArray[np.int64]]:
    """For every study type the number (from 0) of the patient of each of its studies.

    The first patients have two or more study types, the others one; the studies of a type that
    outnumber its patients go to patients who have it already, mostly those of several types.
    """
    counts, several = MURA_COUNTS[split], _OF_SEVERAL_TYPES[split]
    free = np.array([counts[study_type].patients for study_type in STUDY_TYPES])
    types_of = np.full(several, 2)
    spare = int(free.sum()) - (MURA_PATIENTS[split] - several) - types_of.sum()
    np.add.at(types_of, rng.integers(0, several, spare), 1)
    held: dict[str, list[int]] = {study_type: [] for study_type in STUDY_TYPES}
    for patient, types in enumerate(types_of):
        for chosen in rng.choice(len(free), size=types, replace=False, p=free / free.sum()):
            held[STUDY_TYPES[chosen]].append(patient)
            free[chosen] -= 1
    for patient, study_type in enumerate(rng.permutation(np.repeat(STUDY_TYPES, free)), start=several):
        held[study_type].append(patient)
    for study_type, patients in held.items():
        weight = np.where(np.array(patients) < several, 3.0, 1.0)
        again = counts[study_type].studies - counts[study_type].patients
        patients.extend(rng.choice(patients, size=again, p=weight / weight.sum()).tolist())
    return {study_type: rng.permutation(patients) for study_type, patients in held.items()}


def draw_predictions(
    splits: Mapping[str, pd.DataFrame], rngs: list[np.random.Generator]
) -> dict[str, dict[str, pd.DataFrame]]:
    """PREDICTIONS tables by backbone and split; the first generator draws what all backbones share."""
    common, *own = rngs
    studies = pd.concat(splits.values(), ignore_index=True)
    views = studies.loc[studies.index.repeat(studies["views"])].reset_index(names="row")
    row = views["row"].to_numpy()
    number = views.groupby("row").cumcount() + 1
    views["view"] = [view_key(s, f"image{n}.png") for s, n in zip(views["study"], number, strict=True)]
    abnormal = views["truth"].to_numpy() == 1
    # The first view always shows the abnormality, any further one mostly.
    shows = (number.to_numpy() == 1) | (common.random(len(views)) < 0.75)
    hardness = views["study_type"].map(HARDNESS).to_numpy()
    signal = np.where(abnormal, np.where(shows, 1.0, -0.5), -1.0) * (1 - 0.4 * hardness)
    patient, type_of = (np.unique(views[name], return_inverse=True)[1] for name in ("patient", "study_type"))
    stumble = (
        0.55 * views["appearance"].to_numpy()
        + 0.35 * common.standard_normal(patient.max() + 1)[patient]
        + 0.60 * common.standard_normal(len(studies))[row]
        + 0.40 * common.standard_normal(len(views))
        + 0.15 * common.standard_normal(len(STUDY_TYPES))[type_of]
    )
    noise: dict[str, NDArray[np.float64]] = {}
    predictions: dict[str, dict[str, pd.DataFrame]] = {}
    for (name, backbone), rng in zip(BACKBONES.items(), own, strict=True):
        noise[name] = (
            backbone.own * rng.standard_normal(len(studies))[row]
            + 0.7 * backbone.own * rng.standard_normal(len(views))
            + backbone.type_shift * rng.standard_normal(len(STUDY_TYPES))[type_of]
        )
        if backbone.twin_of:
            noise[name] = np.sqrt(0.9) * noise[backbone.twin_of] + np.sqrt(0.1) * noise[name]
        logit = backbone.scale * (backbone.strength * signal + stumble + noise[name]) + backbone.bias
        # Four decimals, so that the last bit of a machine's arithmetic does not reach the file.
        logit = logit.round(4)
        table = views[["study", "view", "patient", "study_type", "split"]].assign(
            fold=-1, logit=logit, probability=(1 / (1 + np.exp(-logit))).round(7), status="ok", reason=""
        )
        predictions[name] = {
            split: table[table["split"] == split].sort_values(["study", "view"], ignore_index=True)
            for split in splits
        }
    return predictions
