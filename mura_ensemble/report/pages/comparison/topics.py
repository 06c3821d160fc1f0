"""The sections of a report that only some comparisons have, each from what was found about its question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mura_ensemble.comparison.result import Comparison
from mura_ensemble.report.document.blocks import Section
from mura_ensemble.report.pages.comparison.power import power_methods, power_section
from mura_ensemble.report.pages.comparison.ranks import pairs_section, ranks_section
from mura_ensemble.report.pages.topics.calibration import calibration_methods, calibration_section
from mura_ensemble.report.pages.topics.contributions import anatomy_methods, anatomy_section
from mura_ensemble.report.pages.topics.hardest import hardest_methods, hardest_section
from mura_ensemble.report.pages.topics.panels import panels_methods, panels_section
from mura_ensemble.report.pages.topics.readers import readers_methods, readers_section

__all__ = ["topic_methods", "topic_sections"]

_PAGES: Mapping[str, tuple[Callable[..., Section], Callable[..., tuple[str, ...]]]] = {
    "power": (power_section, power_methods),
    "readers": (readers_section, readers_methods),
    "panels": (panels_section, panels_methods),
    "anatomy": (anatomy_section, anatomy_methods),
    "calibration": (calibration_section, calibration_methods),
    "hardest": (hardest_section, hardest_methods),
}


def topic_sections(comparison: Comparison) -> list[Section]:
    """One section per topic that the data allow; ranks and pairs where there are enough raters."""
    always = [
        *([ranks_section(comparison)] if len(comparison.rank_shares) else []),
        *([pairs_section(comparison)] if len(comparison.told_apart) else []),
    ]
    return [*always, *(section(comparison, found) for (section, _), found in _known(comparison))]


def topic_methods(comparison: Comparison) -> tuple[str, ...]:
    """Paragraphs on how the topics were computed, in their order."""
    return tuple(text for (_, methods), found in _known(comparison) for text in methods(comparison, found))


def _known(comparison: Comparison) -> list[tuple[Any, Any]]:
    return [(_PAGES[name], found) for name, found in comparison.topics.items()]
