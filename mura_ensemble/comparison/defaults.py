"""What every verb, function and notebook takes where nothing else was said."""

from __future__ import annotations

__all__ = ["MARGIN", "RESAMPLES"]

RESAMPLES = 10_000
"""Resamples of patients: at 2,000 the third decimal of a lower limit still moves by 0.013 between seeds, here by 0.0006."""

MARGIN = 0.05
"""Non-inferiority margin where none was declared; said on the page."""
