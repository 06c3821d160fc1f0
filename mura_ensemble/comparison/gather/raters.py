"""Cached predictions, ensembles, labels and readers become one table of calls."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from mura_ensemble.comparison.findings.leakage import hidden_panel
from mura_ensemble.comparison.gather.gathered_warnings import gold_warnings
from mura_ensemble.comparison.gather.models import gather_models
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import digest_of
from mura_ensemble.data.tables.contracts import read_labels
from mura_ensemble.data.tables.readers import gold_by_majority, read_readers
from mura_ensemble.ensembles.ensemble import Ensemble
from mura_ensemble.ensembles.fitting import gold_of
from mura_ensemble.ensembles.pooling.studies import Missing
from mura_ensemble.ensembles.thresholds import OperatingPoint

__all__ = ["RaterTable", "assemble_raters"]

RaterKind = Literal["backbone", "ensemble", "reader", "panel reader"]


@dataclass(frozen=True)
class RaterTable:
    """What a comparison is made from.

    Attributes
    ----------
    calls : DataFrame
        Indexed by study; one column per rater; 0, 1 or NaN (no call).
    studies : DataFrame
        Same index; `patient`, `study_type`, `gold` (0 or 1), and `views` (how many) where views are known.
    kinds : dict
        Rater to `backbone`, `ensemble`, `reader` or `panel reader` (one who made the gold standard).
    notes : dict
        Rater to what must be known to read its numbers.
    apparent : tuple of str
        Raters that were fitted or trained on these studies.
    warnings : tuple of str
        What must be known to read all numbers.
    simulated : bool
    provenance : dict
        What the numbers were made from; nothing in it depends on the time or the place of the run.
    probabilities : DataFrame
        Same index; one column per rater that gives any, in [0, 1] or NaN.
    points : dict
        Rater with probabilities to the operating point that made its calls.
    ensembles : tuple of Ensemble
        Those that were applied.
    reading : DataFrame or None
        Same index; the calls of every reader of the file, those of the panel too; None without readers.
    panel : tuple of str
        Readers whose majority is the gold standard; empty where labels are.
    undecided : DataFrame
        Index study, those without a decided gold standard: `patient`, and one column per rater as in `calls`. They score
        nobody here, but other panels may decide them.
    """

    calls: pd.DataFrame
    studies: pd.DataFrame
    kinds: dict[str, RaterKind]
    notes: dict[str, str]
    apparent: tuple[str, ...]
    warnings: tuple[str, ...]
    simulated: bool
    provenance: dict[str, Any]
    probabilities: pd.DataFrame
    points: dict[str, OperatingPoint]
    ensembles: tuple[Ensemble, ...]
    reading: pd.DataFrame | None
    panel: tuple[str, ...]
    undecided: pd.DataFrame = field(default_factory=pd.DataFrame)


def assemble_raters(
    predictions: Path,
    split: str,
    *,
    labels: Path | None = None,
    readers: Path | None = None,
    panel: Sequence[str] = (),
    ensembles: Sequence[Path] = (),
    backbones: Sequence[str] = (),
    missing: Missing = "error",
    allow_fitted: bool = False,
) -> RaterTable:
    """Gather every rater's calls on the studies that have a gold standard.

    The gold standard is `labels`, or the majority of the readers named in `panel`, who are then left
    out of the comparison: a reader agrees with a majority that he is part of.

    Parameters
    ----------
    predictions : Path
        A cache of predictions (`predictions/<set>`); backbones call a study abnormal above 0.5.
    split : str
    labels, readers : Path, optional
        `study,gold`; `study,<reader>,...`.
    panel : sequence of str
        Readers whose majority is the gold standard.
    ensembles : sequence of Path
        JSON files of `mura-ensemble fit-stack`.

    Raises
    ------
    InputError
        If no gold standard or two are given, or any part does not fit the others.
    """
    if (labels is None) == (not panel):
        raise InputError(
            "give exactly one gold standard: --labels FILE, or --readers FILE with --panel NAME,NAME,NAME"
        )
    if panel and readers is None:
        raise InputError(f"--panel {','.join(panel)} names readers; give their file with --readers")
    panel = sorted(panel)
    models = gather_models(
        predictions,
        split,
        ensembles=ensembles,
        backbones=backbones,
        missing=missing,
        allow_fitted=allow_fitted,
    )
    known = models.studies
    calls: dict[str, pd.Series[float]] = {str(name): values for name, values in models.calls.items()}
    kinds: dict[str, RaterKind] = {**models.kinds}
    reading: pd.DataFrame | None = None
    if readers is not None:
        reading = _readers_of(readers, known.index)
        for reader in map(str, reading.columns):
            if reader in calls:
                raise InputError(
                    f"{readers}: reader '{reader}' has the name of another rater; rename the column"
                )
            calls[reader], kinds[reader] = reading[reader], "panel reader" if reader in panel else "reader"

    if labels is not None:
        gold = gold_of(known, read_labels(labels), source=str(labels))
    else:
        assert reading is not None
        gold = gold_by_majority(reading, panel)
    decided = gold.notna()
    if not decided.any():
        raise InputError("no study has a decided gold standard; check the panel and its file")
    warnings = [*gold_warnings(panel, int((~decided).sum()), len(gold)), *models.warnings]
    if reading is not None:
        warnings += hidden_panel(reading, gold, panel)
    return RaterTable(
        calls=pd.DataFrame(calls).loc[decided],
        studies=known[decided].assign(gold=gold[decided]),
        kinds=kinds,
        notes=models.notes,
        apparent=models.apparent,
        warnings=tuple(warnings),
        simulated=models.simulated,
        provenance={
            "mura-ensemble": version("mura-ensemble"),
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "pandas": version("pandas"),
            "scipy": version("scipy"),
            **models.provenance,
            "gold_standard": "labels" if labels is not None else _panel_name(panel),
            "gold_digest": digest_of(
                {str(study): int(value) for study, value in gold[decided].items()},
            ),
        },
        probabilities=models.probabilities.loc[decided],
        points=models.points,
        ensembles=models.ensembles,
        reading=None if reading is None else reading.loc[decided],
        panel=tuple(panel),
        undecided=pd.DataFrame(calls).loc[~decided].assign(patient=known.loc[~decided, "patient"]),
    )


def _readers_of(path: Path, studies: pd.Index) -> pd.DataFrame:
    reading = read_readers(path)
    unread = studies.difference(reading.index)
    if len(unread):
        raise InputError(
            f"{path}: study {unread[0]} is predicted but has no row here ({len(unread):,} of {len(studies):,}); "
            "add the rows, with empty cells where nobody read"
        )
    return reading.reindex(studies)


def _panel_name(panel: Sequence[str]) -> str:
    return f"the calls of {panel[0]}" if len(panel) == 1 else f"majority of {', '.join(panel)}"
