"""How a number is written for people: the same everywhere, undefined said in words, a true minus sign."""

from __future__ import annotations

import math

from mura_ensemble.data.words import count

__all__ = [
    "count",
    "estimate",
    "interval",
    "p_value",
    "percent",
    "rank_range",
    "signed",
    "signed_interval",
]

UNDEFINED = "undefined"
_MINUS = "\N{MINUS SIGN}"


def estimate(value: float, decimals: int = 3) -> str:
    """A kappa or another estimate in [-1, 1], e.g. `0.843`; NaN is `undefined`."""
    if math.isnan(value):
        return UNDEFINED
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = f"{0:.{decimals}f}"
    return text.replace("-", _MINUS)


def signed(value: float, decimals: int = 3) -> str:
    """A difference with its sign, e.g. `+0.065`; NaN is `undefined`."""
    text = estimate(value, decimals)
    if text == UNDEFINED or text.startswith(_MINUS) or float(text) == 0:
        return text
    return f"+{text}"


def interval(low: float, high: float, decimals: int = 3) -> str:
    """`0.763 to 0.904`, or `undefined` where a limit is."""
    if math.isnan(low) or math.isnan(high):
        return UNDEFINED
    return f"{estimate(low, decimals)} to {estimate(high, decimals)}"


def signed_interval(low: float, high: float, decimals: int = 3) -> str:
    """`−0.011 to +0.141`, or `undefined` where a limit is."""
    if math.isnan(low) or math.isnan(high):
        return UNDEFINED
    return f"{signed(low, decimals)} to {signed(high, decimals)}"


def p_value(value: float) -> str:
    """A p value to three decimals, `<0.001` below that; NaN is `undefined`.

    A value that three decimals would move across 0.05 or 0.01 gets as many as it needs.
    """
    if math.isnan(value):
        return UNDEFINED
    if value < 0.001:
        return "<0.001"
    decimals = 3
    while decimals < 6 and any(
        (value < bar) != (float(f"{value:.{decimals}f}") < bar) for bar in (0.05, 0.01)
    ):
        decimals += 1
    return f"{value:.{decimals}f}"


def percent(share: float, decimals: int = 1) -> str:
    """A share in [0, 1] as `91.3 %`; only 0 is `0 %` and only 1 is `100 %`; NaN is `undefined`."""
    if math.isnan(share):
        return UNDEFINED
    step = 10.0**-decimals
    text = f"{100 * share:.{decimals}f}"
    if share > 0 and float(text) == 0:
        text = f"<{step:.{decimals}f}"
    elif share < 1 and float(text) == 100:
        text = f">{100 - step:.{decimals}f}"
    return f"{text}\N{NO-BREAK SPACE}%"


def rank_range(low: float, high: float) -> str:
    """`3`, or `1 to 9` where several ranks are possible; NaN is `undefined`."""
    if math.isnan(low) or math.isnan(high):
        return UNDEFINED
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"
