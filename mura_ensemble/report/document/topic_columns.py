"""Columns that the tables of the parts have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mura_ensemble.data.numbers import estimate, interval, signed, signed_interval
from mura_ensemble.report.document.columns import Column, Row

__all__ = ["count_column", "limits_column", "name_column", "text_column", "value_column"]


def name_column(heading: str, name: str) -> Column:
    """The column that names the rows."""
    return Column(heading, lambda row: str(row[name]), align="left", style="name", header=True)


def text_column(heading: str, name: str, *, remark: str = "", style: str = "") -> Column:
    """Words of the frame as they stand."""
    return Column(heading, lambda row: str(row[name]), align="left", help=remark, style=style)


def count_column(heading: str, name: str, *, below: str = "", remark: str = "") -> Column:
    """Whole numbers."""
    return Column(heading, lambda row: f"{row[name]:,.0f}", below=below, help=remark)


def value_column(
    heading: str,
    name: str,
    form: Callable[[Any], str] = estimate,
    *,
    below: str = "",
    remark: str = "",
    detail: Callable[[Row], str] | None = None,
) -> Column:
    """One number of the frame, three decimals unless `form` says otherwise."""
    return Column(heading, lambda row: form(row[name]), below=below, help=remark, detail=detail)


def limits_column(
    heading: str,
    name: str,
    low: str,
    high: str,
    *,
    difference: bool = False,
    below: str = "",
    remark: str = "",
) -> Column:
    """An estimate with its interval on the second line; a difference has its sign."""
    form, limits = (signed, signed_interval) if difference else (estimate, interval)

    def detail(row: Row) -> str:
        return "" if row[name] != row[name] else limits(row[low], row[high])

    return Column(heading, lambda row: form(row[name]), detail=detail, below=below, help=remark)
