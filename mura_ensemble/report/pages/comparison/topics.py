"""The sections of a report that only some comparisons have, each from what was gathered."""

from __future__ import annotations

from mura_ensemble.comparison.gather.raters import RaterTable
from mura_ensemble.comparison.result import Comparison, Part
from mura_ensemble.comparison.topics.inputs import part_input
from mura_ensemble.report.pages.topics.calibration import calibration_part
from mura_ensemble.report.pages.topics.contributions import anatomy_part
from mura_ensemble.report.pages.topics.hardest import hardest_part
from mura_ensemble.report.pages.topics.panels import panels_part
from mura_ensemble.report.pages.topics.readers import readers_part

__all__ = ["build_parts"]


def build_parts(raters: RaterTable, comparison: Comparison) -> tuple[Part, ...]:
    """Sections on readers, panels, ensembles, probabilities and the hardest studies, where there are any.

    Parameters
    ----------
    raters : RaterTable
        What was compared.
    comparison : Comparison
        Of these raters; its level, resamples and seed are used again.
    """
    data = part_input(raters, comparison)
    found = (
        readers_part(data, comparison),
        panels_part(data, raters),
        anatomy_part(data, raters.ensembles),
        calibration_part(data, raters.points),
        hardest_part(data),
    )
    return tuple(part for part in found if part is not None)
