"""A simulated reader study with the shape of MURA: invented patients, known truth, no radiograph.

Only the shape is MURA's (published counts): 1,199 studies of 783 patients to fit on, with single labels,
and 207 studies of 206 patients to test on, read by six readers of whom the first three are the panel.
`simulated_draws.py` states the model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import write_frame, write_text
from mura_ensemble.data.predictions import CARD, manifest_digest, read_card, write_split
from mura_ensemble.data.simulation.draws import (
    BACKBONES,
    HARDNESS,
    MOST_VIEWS,
    PANEL,
    READERS,
    SHARED,
    SINGLE_LABEL,
    draw_predictions,
    draw_studies,
)

__all__ = [
    "BACKBONES",
    "PANEL",
    "READERS",
    "SimulatedStudy",
    "looks_simulated",
    "simulate_reader_study",
    "write_reader_study",
]

VERSION = 1
"""Raised whenever the same seed would give other numbers."""

SEED = 1
"""The committed study; its kappas lie near the generator's averages over seeds."""


@dataclass(frozen=True)
class SimulatedStudy:
    """A simulated reader study; nothing in it comes from a patient.

    Attributes
    ----------
    seed : int
    predictions : mapping
        Backbone name to split (`valid`, `test`) to its PREDICTIONS table.
    labels_valid : DataFrame
        Columns `study`, `gold`: single labels, as wrong as one more reader.
    readers_test : DataFrame
        Columns `study`, `reader_1` .. `reader_6` with calls 0/1.
    latent_truth : DataFrame
        Columns `study`, `split`, `latent_truth` (0/1): what no real study knows. It is not written to
        disk, so that nobody takes it for a gold standard; the seed brings it back to check an estimator.
    """

    seed: int
    predictions: Mapping[str, Mapping[str, pd.DataFrame]]
    labels_valid: pd.DataFrame
    readers_test: pd.DataFrame
    latent_truth: pd.DataFrame


def simulate_reader_study(*, seed: int = SEED) -> SimulatedStudy:
    """Draw a whole reader study.

    Parameters
    ----------
    seed : int
        The same seed gives the same study, digit for digit.
    """
    valid_rng, test_rng, *backbone_rngs = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(9))
    valid = draw_studies("valid", {"label": SINGLE_LABEL}, ("label",), valid_rng)
    test = draw_studies("test", READERS, PANEL, test_rng)
    predictions = draw_predictions({"valid": valid, "test": test}, backbone_rngs)
    both = pd.concat([valid, test], ignore_index=True)
    return SimulatedStudy(
        seed=seed,
        predictions=predictions,
        labels_valid=valid[["study", "label"]].rename(columns={"label": "gold"}),
        readers_test=test[["study", *READERS]],
        latent_truth=both[["study", "split", "truth"]].rename(columns={"truth": "latent_truth"}),
    )


def write_reader_study(study: SimulatedStudy, folder: Path) -> None:
    """Write the caches, the labels of `valid`, the readers of `test` and a README into `folder`.

    The same study gives the same bytes (with the same version of the Parquet writer).

    Parameters
    ----------
    study : SimulatedStudy
    folder : Path
        E.g. `predictions/simulated`.

    Raises
    ------
    InputError
        If another simulated study, or any prediction that is not simulated, already stands there.
    """
    folder = Path(folder)
    for card in sorted(folder.glob(f"*/{CARD}")):
        if not read_card(card.parent)["simulated"]:
            raise InputError(
                f"{card.parent}: holds predictions that are not simulated; write the simulated study into "
                "a folder of its own with --out"
            )
    for name, splits in study.predictions.items():
        inputs: dict[str, Any] = {
            "generator": "mura_ensemble.data.simulation.study",
            "version": VERSION,
            "seed": study.seed,
            "backbone": name,
        }
        for split, table in splits.items():
            write_split(
                folder / name,
                split,
                table,
                inputs=inputs,
                manifest=manifest_digest(table),
                made_by=f"simulated (mura-ensemble, seed {study.seed}); no neural network, no radiograph",
                role="held-out",
                simulated=True,
            )
    write_frame(folder / "labels_valid.csv", study.labels_valid)
    write_frame(folder / "readers_test.csv", study.readers_test)
    write_text(folder / "README.md", _readme(study))


def looks_simulated(studies: pd.Index) -> bool:
    """Whether some of the studies are of invented patients of ours, whose names say so."""
    return bool(studies.astype("str").str.contains(r"(?:^|/)sim(?:valid|test)\d+/").any())


def _readme(study: SimulatedStudy) -> str:
    parameters = {
        "reader: sensitivity, specificity": READERS,
        "single label: sensitivity, specificity": SINGLE_LABEL,
        "hardness of study types": HARDNESS,
        "correlation of two readers' evidence": SHARED,
        **{name: asdict(backbone) for name, backbone in BACKBONES.items()},
    }
    rows = "\n".join(f"| {name} | `{json.dumps(value)}` |" for name, value in parameters.items())
    return f"""# A simulated reader study

**Everything in this folder is simulated.** No radiograph, no network, no radiologist and no MURA label,
path or patient is behind any number here; the patients (`simvalid00001`, `simtest00001`, ...) are invented.
Only the shape is MURA's, from its published counts: 1,199 studies of 783 patients to fit on (`valid`) and 207
studies of 206 patients to test on (`test`), 1 to {MOST_VIEWS} views each.

Made by `mura_ensemble.data.simulation.study` (model: `simulated_draws.py`), version {VERSION}, seed {study.seed}:

```python
from mura_ensemble.data.simulation.study import simulate_reader_study, write_reader_study
write_reader_study(simulate_reader_study(seed={study.seed}), folder)
```

| file | what it holds |
|---|---|
| `sim_*/valid.parquet`, `sim_*/test.parquet` | logit and probability per view; `card.json` says `simulated: true` |
| `labels_valid.csv` | `study,gold`: single labels of `valid`, as wrong as one more reader's |
| `readers_test.csv` | calls of six readers on `test`; the gold is the majority of {", ".join(PANEL)} |

The panel's members made the gold standard, so their own kappa is flattered: compare raters with reader_4,
reader_5 and reader_6. The latent truth is not here, it would only be mistaken for a gold standard;
`simulate_reader_study(seed={study.seed}).latent_truth` brings it back to check an estimator.

`sim_mobilenet_v3` is meant to be weaker and `sim_densenet169_seed2` to be nearly a copy. All parameters:

| | |
|---|---|
{rows}
"""
