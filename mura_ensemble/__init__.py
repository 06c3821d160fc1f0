"""Ensembles and honest model comparison for multi-view reader studies.

The public names below are found when they are first used (PEP 562), so that importing the package
costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mura_ensemble.data.errors import InputError as InputError
    from mura_ensemble.data.errors import MissingExtraError as MissingExtraError
    from mura_ensemble.data.importing import import_predictions as import_predictions
    from mura_ensemble.data.predictions import read_predictions as read_predictions
    from mura_ensemble.data.readers import gold_by_majority as gold_by_majority
    from mura_ensemble.data.readers import read_readers as read_readers
    from mura_ensemble.data.simulate import simulate_reader_study as simulate_reader_study
    from mura_ensemble.data.tables import read_labels as read_labels
    from mura_ensemble.ensembles.fitting import fit_ensemble as fit_ensemble
    from mura_ensemble.ensembles.pooling import pool_studies as pool_studies
    from mura_ensemble.ensembles.pooling import read_study_probabilities as read_study_probabilities
    from mura_ensemble.ensembles.store import load_ensemble as load_ensemble
    from mura_ensemble.ensembles.store import save_ensemble as save_ensemble
    from mura_ensemble.reporting.assemble import assemble_raters as assemble_raters
    from mura_ensemble.reporting.compare import compare_raters as compare_raters
    from mura_ensemble.reporting.notebook import draw_figures as draw_figures
    from mura_ensemble.reporting.notebook import ensemble_table as ensemble_table
    from mura_ensemble.reporting.notebook import kappa_lines as kappa_lines
    from mura_ensemble.reporting.notebook import kappa_table as kappa_table
    from mura_ensemble.reporting.readers import study_readers as study_readers
    from mura_ensemble.reporting.report import write_report as write_report
    from mura_ensemble.workflows.comparison import compare_assembled as compare_assembled

_HOMES = {
    "InputError": "data.errors",
    "MissingExtraError": "data.errors",
    "assemble_raters": "reporting.assemble",
    "compare_assembled": "workflows.comparison",
    "compare_raters": "reporting.compare",
    "draw_figures": "reporting.notebook",
    "ensemble_table": "reporting.notebook",
    "fit_ensemble": "ensembles.fitting",
    "gold_by_majority": "data.readers",
    "import_predictions": "data.importing",
    "kappa_lines": "reporting.notebook",
    "kappa_table": "reporting.notebook",
    "load_ensemble": "ensembles.store",
    "pool_studies": "ensembles.pooling",
    "read_labels": "data.tables",
    "read_predictions": "data.predictions",
    "read_readers": "data.readers",
    "read_study_probabilities": "ensembles.pooling",
    "save_ensemble": "ensembles.store",
    "simulate_reader_study": "data.simulate",
    "study_readers": "reporting.readers",
    "write_report": "reporting.report",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"mura_ensemble.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mura_ensemble' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
