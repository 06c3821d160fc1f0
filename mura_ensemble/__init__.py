"""Ensembles and honest model comparison for multi-view reader studies.

The public names below are found when they are first used (PEP 562), so that importing the package
costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mura_ensemble.comparison.compare import compare_raters as compare_raters
    from mura_ensemble.comparison.gather.raters import assemble_raters as assemble_raters
    from mura_ensemble.comparison.reader_study.study import study_readers as study_readers
    from mura_ensemble.comparison.topics.every import compare_assembled as compare_assembled
    from mura_ensemble.data.errors import InputError as InputError
    from mura_ensemble.data.errors import MissingExtraError as MissingExtraError
    from mura_ensemble.data.importing.predictions import import_predictions as import_predictions
    from mura_ensemble.data.predictions import read_predictions as read_predictions
    from mura_ensemble.data.simulation.study import simulate_reader_study as simulate_reader_study
    from mura_ensemble.data.tables.contracts import read_labels as read_labels
    from mura_ensemble.data.tables.readers import gold_by_majority as gold_by_majority
    from mura_ensemble.data.tables.readers import read_readers as read_readers
    from mura_ensemble.ensembles.fitting import fit_ensemble as fit_ensemble
    from mura_ensemble.ensembles.pooling.studies import pool_studies as pool_studies
    from mura_ensemble.ensembles.pooling.studies import read_study_probabilities as read_study_probabilities
    from mura_ensemble.ensembles.store import load_ensemble as load_ensemble
    from mura_ensemble.ensembles.store import save_ensemble as save_ensemble
    from mura_ensemble.report.notebook import draw_figures as draw_figures
    from mura_ensemble.report.notebook import ensemble_table as ensemble_table
    from mura_ensemble.report.notebook import kappa_lines as kappa_lines
    from mura_ensemble.report.notebook import kappa_table as kappa_table
    from mura_ensemble.report.write import write_report as write_report

_HOMES = {
    "InputError": "data.errors",
    "MissingExtraError": "data.errors",
    "assemble_raters": "comparison.gather.raters",
    "compare_assembled": "comparison.topics.every",
    "compare_raters": "comparison.compare",
    "draw_figures": "report.notebook",
    "ensemble_table": "report.notebook",
    "fit_ensemble": "ensembles.fitting",
    "gold_by_majority": "data.tables.readers",
    "import_predictions": "data.importing.predictions",
    "kappa_lines": "report.notebook",
    "kappa_table": "report.notebook",
    "load_ensemble": "ensembles.store",
    "pool_studies": "ensembles.pooling.studies",
    "read_labels": "data.tables.contracts",
    "read_predictions": "data.predictions",
    "read_readers": "data.tables.readers",
    "read_study_probabilities": "ensembles.pooling.studies",
    "save_ensemble": "ensembles.store",
    "simulate_reader_study": "data.simulation.study",
    "study_readers": "comparison.reader_study.study",
    "write_report": "report.write",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"mura_ensemble.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mura_ensemble' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
