"""Nothing in a report claims a difference that its adjusted test does not support."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gathered import compared, gather
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sampling import amount

from mura_ensemble.comparison.compare import compare_raters
from mura_ensemble.comparison.gather.raters import RaterTable
from mura_ensemble.comparison.measures.claims import (
    better_than_reference,
    direction,
    only_by_test,
    shown_higher,
    shown_pairs,
)
from mura_ensemble.comparison.result import Comparison
from mura_ensemble.comparison.topics.readers import HIGHER, LOWER
from mura_ensemble.report.write import write_report

COMPARATIVE = re.compile(
    r"\b(better|worse|higher|lower|superior|inferior|surpass\w*|outperform\w*|beats?|ahead|exceeds?|wins)\b"
)
CLAIM = re.compile(
    r"([\w, ]+?) (?:is|are|has) (?:shown to have a |a )?(better|higher kappa|lower kappa) than ([^.(:;]+)(?:\((\w+)\))?"
)


def test_direction_by_hand() -> None:
    low, high, p = (
        [0.1, -0.3, 0.1, -0.1, np.nan],
        [0.2, -0.1, 0.2, 0.1, np.nan],
        [0.01, 0.01, 0.06, 0.01, 0.001],
    )
    assert direction(low, high, p, 0.95).tolist() == [1, -1, 0, 0, 0]
    assert direction(low, high, p, 0.9).tolist() == [1, -1, 1, 0, 0]
    assert only_by_test(low, high, p, 0.95).tolist() == [False, False, False, True, True]


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
    higher = shown_higher(frame, pd.Index(["other", "new", "seen"]), 0.95)
    assert higher.tolist() == [[False, False, False], [True, False, False], [False, True, False]]


@st.composite
def studies_of_readers(draw: st.DrawFn) -> RaterTable:
    """Readers, backbones and ensembles of any worth; patients with several studies, gaps, raters that saw the studies."""
    n = draw(st.integers(40, 160))
    raters = gather(
        n, draw(st.integers(n // 3, n)), panel=draw(st.sampled_from([0, 3])), seed=draw(st.integers(0, 999))
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    gold = raters.studies["gold"].to_numpy()
    calls, reading = raters.calls.copy(), raters.reading
    for name in calls.columns[: draw(st.integers(0, len(calls.columns)))]:
        if raters.kinds[name] != "panel reader":
            error = draw(st.floats(0.0, 0.45))
            calls[name] = np.where(rng.random(n) < error, 1 - gold, gold).astype(float)
    if draw(st.booleans()):
        calls.loc[calls.index[rng.choice(n, 5, replace=False)], "reader_5"] = np.nan
    if reading is not None:
        reading = calls[list(reading.columns)]
    return replace(raters, calls=calls, reading=reading, apparent=("mean_2",) if draw(st.booleans()) else ())


def claims_in(text: str) -> Iterator[tuple[str, str, str]]:
    """(one, higher or lower, other) of every claim."""
    for left, way, right, named in CLAIM.findall(text):
        for one in re.split(r", | and ", left):
            if one.strip():
                yield (
                    one.split()[-1],
                    "lower" if "lower" in way else "higher",
                    named or right.split(",")[0].strip(),
                )


def supported(found: Comparison, one: str, way: str, other: str) -> bool:
    """Whether the adjusted test and the interval of some family say so, by their own numbers."""
    board, pairs = found.leaderboard, found.differences
    if board.loc[[one, other], "apparent"].any():
        return False

    def says(low: float, high: float, p: float) -> bool:
        return bool(p < 0.05 and (low > 0 if way == "higher" else high < 0))

    pair = pairs.loc[(one, other)]
    ways = [says(pair["low"], pair["high"], pair["p_all_pairs"])]
    if found.reference is not None and other == found.reference.rater:
        row = board.loc[one]
        ways.append(says(row["diff_low"], row["diff_high"], row["p_adjusted"]))
    readers = found.tables.get("reader_differences")
    if readers is not None:
        rows = readers[(readers.index == one) & (readers["reader"] == other)]
        ways += [says(row["low"], row["high"], row["p_adjusted"]) for _, row in rows.iterrows()]
    return any(ways)


def sentences(text: str) -> list[str]:
    return [part for line in text.splitlines() for part in re.split(r"(?<=[.:;]) ", line)]


@settings(max_examples=amount(6, 2), deadline=None, suppress_health_check=list(HealthCheck))
@given(studies_of_readers())
def test_every_claim_in_the_files_is_supported(
    tmp_path_factory: pytest.TempPathFactory, raters: RaterTable
) -> None:
    found = compared(raters, resamples=200)
    board, pairs = found.leaderboard, found.differences
    folder = tmp_path_factory.mktemp("claims") / "report"
    write_report(found, folder)
    record: dict[str, Any] = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    said = [(folder / "report.md").read_text(encoding="utf-8"), *map(str, record["verdict"].values())]
    said += list(map(str, record["verdict"]["items"].values()))
    names = set(map(str, board.index))
    for text in said:
        for one, way, other in claims_in(text):
            if {one, other} <= names:
                assert supported(found, one, way, other), (one, way, other)
        for sentence in sentences(text):
            # Whatever compares two raters by name is a claim that was just checked, or denies one.
            if COMPARATIVE.search(sentence) and len(names & set(re.findall(r"\w+", sentence))) > 1:
                denied = re.search(r"\bno\b|\bnot\b|cannot|differs from the gold|was picked", sentence, re.I)
                assert denied or CLAIM.search(sentence) or sentence.startswith("|"), sentence
    better = [
        name
        for name, row in board.iterrows()
        if row["p_adjusted"] < 0.05 and row["diff_low"] > 0 and not row["apparent"]
    ]
    assert bool(better) == (" better than " in record["verdict"]["headline"])
    # Ranks and the map of pairs say nothing beyond the test of all pairs.
    shown = shown_pairs(pairs, board["apparent"], found.level)
    told = pairs.index[shown]
    if "pairs_told_apart" in found.tables:
        assert int(found.tables["pairs_told_apart"]["told_apart"].iloc[0]) == len(told) // 2
    for name, row in board.dropna(subset=["rank_low"]).iterrows():
        own = pairs.loc[[pair for pair in told if pair[0] == name]]
        below, above = (own["difference"] < 0).sum(), (own["difference"] > 0).sum()
        ends = row["rank_low"] - 1, board["rank_low"].notna().sum() - row["rank_high"]
        assert ends == (below, above) or (board["missing"].any() and ends <= (below, above))
    assert board.loc[board["apparent"], "rank_low"].isna().all() or board["apparent"].all()
    readers = found.tables.get("reader_differences")
    if readers is not None:
        for name, row in readers[readers["verdict"].isin([HIGHER, LOWER])].iterrows():
            assert supported(found, str(name), row["verdict"].split()[0], row["reader"])


@pytest.mark.parametrize("seed", range(3))
def test_raters_of_equal_worth_are_not_told_apart(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    n = 200
    gold = (rng.random(n) < 0.45).astype(int)
    names = [f"net_{place}" for place in range(6)] + ["reader_1", "reader_2", "reader_3"]
    index = pd.Index([f"s{place}" for place in range(n)], name="study")
    calls = pd.DataFrame(
        {name: np.where(rng.random(n) < 0.12, 1 - gold, gold).astype(float) for name in names}, index
    )
    studies = pd.DataFrame(
        {"patient": [f"p{place}" for place in range(n)], "study_type": "hand", "gold": gold}, index
    )
    kinds = {name: "reader" if name.startswith("reader") else "backbone" for name in names}
    found = compare_raters(calls, studies, kinds, title="Equal", resamples=500)  # type: ignore[arg-type]
    write_report(found, tmp_path / "report")
    written = json.loads((tmp_path / "report" / "comparison.json").read_text(encoding="utf-8"))
    verdict = json.dumps(written["verdict"])
    assert "better than" not in verdict
    assert "higher kappa than" not in verdict
