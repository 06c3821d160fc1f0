"""MURA's own protocol: a list of views in, a list of study calls out; evaluate such a list."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pandas as pd

from mura_ensemble.comparison.official import Protocol, evaluate
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import write_frame, write_json
from mura_ensemble.data.mura.official import read_view_list, write_study_calls
from mura_ensemble.data.predictions import read_predictions
from mura_ensemble.ensembles.ensemble import Ensemble
from mura_ensemble.ensembles.pooling.studies import Missing, pool_studies
from mura_ensemble.ensembles.store import load_ensemble

__all__ = ["evaluate_calls", "submit_calls"]


def submit_calls(
    listed: Path,
    out: Path,
    *,
    ensemble: Path,
    predictions: Path | None = None,
    runs: Path = Path("runs"),
    root: Path = Path(),
    missing: Missing = "renormalise",
    undecided: Literal["0", "1"] | None = None,
    allow_fitted: bool = False,
) -> str:
    """Call every study of a header-less list of views, as MURA's CodaLab contract wants it.

    Parameters
    ----------
    listed : Path
        One view path per row.
    out : Path
        Where the study calls go: one row per study, in the order of first appearance.
    ensemble : Path
        JSON of `mura-ensemble fit-stack`.
    predictions : Path, optional
        Cached predictions that hold these views. If not given, the backbones of the ensemble are run:
        the run of backbone `name` is `runs/name` (needs the [backbones] extra).
    root : Path
        Where the list's paths begin.
    undecided : {'0', '1'}, optional
        Call of a study whose probability cannot be had, such as one with failed views only; refused if not given.
    """
    loaded = load_ensemble(ensemble)
    views = read_view_list(listed)
    splits = sorted(set(views["split"]))
    if len(splits) != 1:
        raise InputError(
            f"{listed}: views of several splits ({', '.join(splits)}); submit one split at a time"
        )
    if predictions is None:
        with tempfile.TemporaryDirectory() as scratch:
            cached = _predict(loaded, views, splits[0], runs, root, missing, Path(scratch))
    else:
        cached = _cached(loaded, views, splits[0], predictions)
    pooled = pool_studies(cached, pooling=loaded.pooling, missing=missing)
    applied = loaded.apply(pooled, allow_fitted=allow_fitted)
    studies = views.drop_duplicates("study").set_index("study")
    calls = applied["call"].reindex(studies.index)
    uncalled = calls.index[calls.isna()]
    lost = _failed_views(cached)
    if len(uncalled) and undecided is None:
        raise InputError(
            _why_uncalled(str(uncalled[0]), len(uncalled), studies, lost, cached=predictions is not None)
        )
    if undecided is not None:
        calls = calls.fillna(float(undecided))
    write_study_calls(out, studies["study_path"], calls)
    said = [f"wrote {out}: {len(calls):,} studies, {int(calls.sum()):,} called abnormal"]
    if len(lost):
        said.append(f"{len(lost):,} of {len(views):,} views failed and were left out")
    if len(uncalled):
        word = "abnormal" if undecided == "1" else "normal"
        said.append(
            f"{len(uncalled):,} studies could not be decided and are called {word} (--undecided {undecided})"
        )
    return "; ".join(said)


def _failed_views(predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """`study`, `view`, `reason` of the views that some backbone could not see, each once."""
    lost = [table.loc[table["status"] != "ok", ["study", "view", "reason"]] for table in predictions.values()]
    return pd.concat(lost).drop_duplicates("view").sort_values("view", ignore_index=True)


def _why_uncalled(study: str, count: int, studies: pd.DataFrame, lost: pd.DataFrame, *, cached: bool) -> str:
    own = lost[lost["study"] == study]
    why = f"; view {own['view'].iloc[0]} failed ({own['reason'].iloc[0]})" if len(own) else ""
    mend = "mend the views and predict them again" if cached else "mend the views or check --root"
    return (
        f"study {studies['study_path'][study]} cannot be called ({count:,} of {len(studies):,} such studies){why}: "
        f"{mend}, or say --undecided 0 (or 1) to have such studies called normal (or abnormal)"
    )


def _cached(
    ensemble: Ensemble, views: pd.DataFrame, split: str, predictions: Path
) -> dict[str, pd.DataFrame]:
    chosen = {}
    for backbone, table in read_predictions(predictions, split, ensemble.backbones).items():
        absent = ~views["view"].isin(table["view"])
        if absent.any():
            raise InputError(
                f"{predictions / backbone}: no prediction of view {views.loc[absent, 'view'].iloc[0]} "
                f"({int(absent.sum()):,} of {len(views):,}); predict these views, or leave --predictions out"
            )
        chosen[backbone] = table[table["view"].isin(views["view"])]
    return chosen


def _predict(
    ensemble: Ensemble,
    views: pd.DataFrame,
    split: str,
    runs: Path,
    root: Path,
    missing: Missing,
    scratch: Path,
) -> Mapping[str, pd.DataFrame]:
    from mura_ensemble.backbones.prediction.predict import predict_backbone

    manifest = scratch / "manifest.csv"
    write_frame(manifest, views[["study", "view", "patient", "study_type", "split", "path"]])
    for backbone in ensemble.backbones:
        predict_backbone(
            runs / backbone,
            manifest,
            scratch / "predictions",
            split=split,
            name=backbone,
            views_root=root,
            allow_failed=missing == "renormalise",
        )
    return read_predictions(scratch / "predictions", split, ensemble.backbones)


def evaluate_calls(gold: Path, predictions: Path, *, protocol: Protocol, out: Path | None = None) -> str:
    """Evaluate a header-less list of study calls; the table as text, and as JSON where asked for."""
    found = evaluate(gold, predictions, protocol=protocol)
    if out is not None:
        write_json(out, found.record())
    limits = "legacy limits" if protocol == "official" else "95 % interval"
    lines = [f"{'study type':<10} {'n':>6} {'abnormal':>8}  {'kappa':>6}  {limits}"]
    for name, row in found.table.iterrows():
        kappa = (
            "undefined"
            if row["kappa"] != row["kappa"]
            else f"{row['kappa']:>6.3f}  {row['low']:.3f} to {row['high']:.3f}"
        )
        lines.append(f"{name:<10} {row['n']:>6,} {row['abnormal']:>8,}  {kappa}")
    return "\n".join([*lines, *found.notes, *([f"wrote {out}"] if out else [])])
