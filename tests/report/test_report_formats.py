from __future__ import annotations

import math

import pytest

from mura_ensemble.data import numbers as formats
from mura_ensemble.data.words import count, name_list


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.8431, "0.843"), (-0.0104, "−0.010"), (-0.0001, "0.000"), (1.0, "1.000"), (math.nan, "undefined")],
)
def test_estimates(value: float, text: str) -> None:
    assert formats.estimate(value) == text


def test_differences_carry_their_sign_but_zero_has_none() -> None:
    assert [formats.signed(value) for value in (0.0651, -0.0651, 0.0002, -0.0002)] == [
        "+0.065",
        "−0.065",
        "0.000",
        "0.000",
    ]
    assert formats.signed_interval(-0.011, 0.141) == "−0.011 to +0.141"
    assert formats.interval(math.nan, 0.5) == "undefined"


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0004, "<0.001"), (0.04996, "0.04996"), (0.0499, "0.0499"), (0.05, "0.050"), (0.00996, "0.00996"), (1.0, "1.000"),
     (0.0123, "0.012"), (0.051, "0.051")],
)  # fmt: skip
def test_p_values_never_cross_a_bar_by_rounding(p: float, text: str) -> None:
    assert formats.p_value(p) == text


def test_counts_lists_and_ranges() -> None:
    assert count(1, "study", "studies") == "1 study"
    assert count(1199, "study", "studies") == "1,199 studies"
    assert name_list(["a", "b", "c", "d", "e"], most=3) == "a, b and 3 others"
    assert name_list(["a", "b", "c"], most=3) == "a, b and c"
    assert name_list([]) == ""
    assert formats.rank_range(3, 3) == "3"
    assert formats.rank_range(1, 9) == "1 to 9"
    assert formats.percent(0.9126) == "91.3\N{NO-BREAK SPACE}%"
