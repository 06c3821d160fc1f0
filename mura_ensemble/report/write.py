"""A comparison as a folder of files: page, Markdown, tables, figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.comparison.result import Comparison
from mura_ensemble.report.document.blocks import render_markdown, render_page
from mura_ensemble.report.document.files import figure_files, latex_files
from mura_ensemble.report.document.folder import write_folder
from mura_ensemble.report.pages.comparison.page import comparison_methods, comparison_page
from mura_ensemble.report.pages.comparison.verdict import headline, verdict_items

__all__ = ["table_files", "write_report"]


def write_report(comparison: Comparison, folder: Path) -> list[Path]:
    """Write the page, its Markdown twin, every table, the figures and `comparison.json` into one folder.

    `report.html`, `report.md`; every one of `Comparison.tables` as CSV and JSON, those for a manuscript as LaTeX too;
    `figures/*.svg` and `.pdf`; `contents.json` with a digest of each.

    Equal comparisons give equal bytes: no time, no place and no path is written.

    Parameters
    ----------
    comparison : Comparison
    folder : Path
        Missing, empty, or an earlier report, which is replaced as a whole.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        If the folder holds files that are not a report's.
    """
    page = comparison_page(comparison)
    files = {
        "report.html": render_page(page),
        "report.md": render_markdown(page),
        **table_files(comparison.tables, simulated=comparison.simulated),
        **latex_files(page, note="Simulated data." if comparison.simulated else ""),
        "comparison.json": _json(_everything(comparison)),
        **figure_files(page),
    }
    return write_folder(folder, files)


def table_files(tables: Mapping[str, pd.DataFrame], *, simulated: bool) -> dict[str, str]:
    """`<name>.csv` and `<name>.json` of every frame, index included, each row saying whether it is simulated.

    Numbers have 12 significant digits, more than any is good for and fewer than machines disagree in.
    """
    files = {}
    for name, frame in tables.items():
        flat = frame.reset_index().assign(simulated=simulated)
        files[f"{name}.csv"] = flat.to_csv(index=False, float_format="%.12g", lineterminator="\n")
        files[f"{name}.json"] = _json({"simulated": simulated, "rows": _records(frame)})
    return files


def _everything(comparison: Comparison) -> dict[str, Any]:
    return {
        "title": comparison.title,
        "simulated": comparison.simulated,
        "verdict": {"headline": headline(comparison), "items": dict(verdict_items(comparison))},
        "level": comparison.level,
        "resamples": comparison.resamples,
        "seed": comparison.seed,
        "reference": comparison.reference
        and {**asdict(comparison.reference), "candidates": comparison.reference.candidates},
        "compared": comparison.compared,
        "ranked_studies": comparison.ranked_studies,
        "ranked_resamples": comparison.ranked_resamples,
        "readers": comparison.readers and asdict(comparison.readers),
        "detectable": comparison.detectable,
        "data": {
            "studies": comparison.data.studies,
            "patients": comparison.data.patients if comparison.data.patients_known else None,
            "positives": comparison.data.positives,
            "prevalence": comparison.data.prevalence,
            "repeated_patients": comparison.data.repeated_patients,
            "by_type": _records(comparison.data.by_type),
        },
        "leaderboard": _records(comparison.leaderboard),
        "by_study_type": _records(comparison.by_study_type),
        "differences": _records(comparison.differences),
        "parts": {
            topic: {name: _records(table) for name, table in tables.items()}
            for topic, tables in comparison.topic_tables.items()
        },
        "checks": [
            {"level": item.level, "code": item.code, "sentence": item.sentence, "action": item.action}
            for item in comparison.checks
        ],
        "methods": list(comparison_methods(comparison)),
        "provenance": dict(comparison.provenance),
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): value for name, value in row.items()} for row in frame.reset_index().to_dict("records")
    ]


def _json(value: Any) -> str:
    return json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """The same with Python's own numbers, NaN as null and 12 significant digits."""
    match value:
        case Mapping():
            return {str(name): _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case bool() | np.bool_():
            return bool(value)
        case float() | np.floating():
            return float(f"{value:.12g}") if np.isfinite(value) else None
        case np.integer():
            return int(value)
        case _:
            return value
