"""Columns that several tables of a reader study have."""

from __future__ import annotations

from mura_ensemble.data.numbers import estimate, interval, signed, signed_interval
from mura_ensemble.report.document.columns import Column, Row

__all__ = ["limits_column", "name_column"]


def name_column(column: str) -> Column:
    """Who it is, as the head of the row."""
    return Column(column, lambda row: str(row[column]), align="left", header=True)


def limits_column(
    heading: str, column: str, low: str, high: str, below: str = "", *, sign: bool = False
) -> Column:
    """An estimate and its limits."""
    value, limits = (signed, signed_interval) if sign else (estimate, interval)

    def detail(row: Row) -> str:
        return limits(row[low], row[high])

    return Column(heading, lambda row: value(row[column]), below=below, detail=detail)
