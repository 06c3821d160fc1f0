"""Nothing on the page claims a difference that its adjusted test does not support."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mura_ensemble.reporting.claims import better_than_reference, direction, shown_pairs
from mura_ensemble.reporting.compare import compare_raters
from mura_ensemble.reporting.page import render_markdown
from mura_ensemble.reporting.report import write_report
from mura_ensemble.reporting.sections import comparison_page
from mura_ensemble.reporting.words import headline

# Words of a claim, with the two raters.
CLAIMS = re.compile(
    r"(\w+) (?:is better than|has a higher kappa than|has a lower kappa than)(?: the [^(]*?\()? ?(\w+)"
)


def test_direction_by_hand() -> None:
    low, high, p = (
        [0.1, -0.3, 0.1, -0.1, np.nan],
        [0.2, -0.1, 0.2, 0.1, np.nan],
        [0.01, 0.01, 0.06, 0.01, 0.001],
    )
    assert direction(low, high, p, 0.95).tolist() == [1, -1, 0, 0, 0]
    # Below the best of six, chosen on these studies: p must hold for every one of them.
    assert direction(low, high, p, 0.95, chosen_among=6).tolist() == [1, 0, 0, 0, 0]
    assert direction(low, high, [0.005] * 5, 0.95, chosen_among=6).tolist() == [1, -1, 1, 0, 0]


def test_nothing_is_claimed_for_a_rater_that_saw_the_studies() -> None:
    board = pd.DataFrame(
        {
            "difference": [0.2, 0.2],
            "diff_low": 0.1,
            "diff_high": 0.3,
            "p_adjusted": 0.001,
            "apparent": [True, False],
        },
        index=pd.Index(["seen", "new"], name="rater"),
    )
    assert better_than_reference(board, 0.95) == ["new"]
    pairs = pd.MultiIndex.from_tuples(
        [("seen", "new"), ("new", "other"), ("other", "new")], names=["rater", "reference"]
    )
    frame = pd.DataFrame(
        {"low": [0.1, 0.1, -0.3], "high": [0.3, 0.3, -0.1], "p_all_pairs": 0.001}, index=pairs
    )
    apparent = pd.Series({"seen": True, "new": False, "other": False})
    assert shown_pairs(frame, apparent, 0.95).tolist() == [False, True, True]


@st.composite
def small_studies(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str], list[str]]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(30, 160))
    gold = (rng.random(n) < draw(st.floats(0.2, 0.8))).astype(int)
    kinds = {
        "net_a": "backbone",
        "net_b": "backbone",
        "stack": "ensemble",
        "reader_1": "reader",
        "reader_2": "reader",
    }
    errors = draw(st.lists(st.floats(0.01, 0.45), min_size=len(kinds), max_size=len(kinds)))
    calls = pd.DataFrame(
        {
            name: np.where(rng.random(n) < error, 1 - gold, gold).astype(float)
            for name, error in zip(kinds, errors, strict=True)
        }
    )
    if draw(st.booleans()):
        calls.iloc[rng.choice(n, 5, replace=False), 3] = np.nan
    studies = pd.DataFrame(
        {
            "patient": [f"p{place // draw(st.just(1))}" for place in range(n)],
            "study_type": "hand",
            "gold": gold,
        }
    )
    index = pd.Index([f"s{place}" for place in range(n)], name="study")
    apparent = ["stack"] if draw(st.booleans()) else []
    return calls.set_axis(index), studies.set_axis(index), kinds, apparent


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(small_studies())
def test_every_claim_on_the_page_is_supported(
    study: tuple[pd.DataFrame, pd.DataFrame, dict[str, str], list[str]],
) -> None:
    calls, studies, kinds, apparent = study
    found = compare_raters(calls, studies, kinds, title="Any", resamples=200, apparent=apparent)  # type: ignore[arg-type]
    board, pairs = found.leaderboard, found.differences
    shown = shown_pairs(pairs, board["apparent"], found.level)
    better = set(better_than_reference(board, found.level))
    text = render_markdown(comparison_page(found))
    for one, other in CLAIMS.findall(text):
        if (one, other) not in pairs.index:
            continue
        pair = pairs.loc[(one, other)]
        assert not board.loc[one, "apparent"]
        against = found.reference is not None and other == found.reference.rater
        p = board.loc[one, "p_adjusted"] if against else pair["p_all_pairs"]
        assert p < 0.05, (one, other)
        assert pair["low"] > 0 or pair["high"] < 0, (one, other)
    assert bool(better) == (" better than " in headline(found))
    (part,) = [part for part in found.parts if part.section.anchor == "differences"] or [None]
    if part is not None:
        told = int(part.tables["pairs_told_apart"]["told_apart"].iloc[0])
        assert told == shown.sum() // 2


@pytest.mark.parametrize("seed", range(3))
def test_raters_of_equal_worth_are_not_told_apart(seed: int, tmp_path: object) -> None:
    rng = np.random.default_rng(seed)
    n = 200
    gold = (rng.random(n) < 0.45).astype(int)
    names = [f"net_{place}" for place in range(6)] + ["reader_1", "reader_2", "reader_3"]
    calls = pd.DataFrame(
        {name: np.where(rng.random(n) < 0.12, 1 - gold, gold).astype(float) for name in names}
    )
    studies = pd.DataFrame(
        {"patient": [f"p{place}" for place in range(n)], "study_type": "hand", "gold": gold}
    )
    index = pd.Index([f"s{place}" for place in range(n)], name="study")
    kinds = {name: "reader" if name.startswith("reader") else "backbone" for name in names}
    found = compare_raters(
        calls.set_axis(index), studies.set_axis(index), kinds, title="Equal", resamples=500
    )  # type: ignore[arg-type]
    write_report(found, tmp_path / "report")  # type: ignore[operator]
    written = json.loads((tmp_path / "report" / "comparison.json").read_text(encoding="utf-8"))  # type: ignore[operator]
    verdict = json.dumps(written["verdict"])
    assert "better than" not in verdict
    assert "higher kappa than" not in verdict
