"""Every code: found in a comparison that deserves it, shown with what to do, and explained in the documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gathered import compared, troubled
from markupsafe import escape

from mura_ensemble.comparison.compare import Comparison
from mura_ensemble.comparison.findings import caller_warnings, checks
from mura_ensemble.comparison.findings.codes import CODES, READER_CODES
from mura_ensemble.comparison.findings.notice import Notice
from mura_ensemble.report.document.blocks import render_markdown, render_page
from mura_ensemble.report.pages.comparison.page import comparison_page

ROOT = Path(__file__).parents[2]


def said_by_the_caller(new_study: Callable) -> Comparison:
    return new_study(60, 60).compare(
        simulated=True,
        warnings=[
            "something nobody thought of",
            "a and b have the same weights: one network under two names.",
            "2 patients are also in split 'train', on which a was trained: training patients are scored here.",
            "The operating point of e (kappa) was chosen on 60 studies that score it.",
            "The gold standard is the majority of r1, r2 and r3 on every study, so they sit in its panel.",
        ],
    )


def odd_raters(new_study: Callable) -> Comparison:
    study = new_study(60, 50)
    study.calls["yes"] = 1.0
    study.calls["nobody"] = np.nan
    study.calls["twin"] = study.calls["stack"]
    study.calls["perfect"] = study.studies["gold"].astype(float)
    study.calls.iloc[:5, 0] = np.nan
    study.kinds.update(yes="backbone", nobody="backbone", twin="ensemble", perfect="backbone")
    study.kinds["reader_5"] = "panel reader"
    study.studies.loc[study.studies["study_type"] == "elbow", "gold"] = 1
    return study.compare(apparent=["stack"])


def few_studies(new_study: Callable) -> Comparison:
    study = new_study(12, 12, 1)
    study.studies["gold"] = [1] + [0] * 11
    study.calls["stack"] = study.studies["gold"].astype(float)
    return study.compare()


def no_common_study(new_study: Callable) -> Comparison:
    study = new_study(40, 40)
    study.calls.iloc[:20, 0] = np.nan
    study.calls.iloc[20:, 1:] = np.nan
    return study.compare()


def troubled_parts(_: Callable) -> Comparison:
    return compared(troubled())


MADE = (said_by_the_caller, odd_raters, few_studies, no_common_study, troubled_parts)


@pytest.fixture(scope="module")
def found(new_study: Callable) -> list[Comparison]:
    return [make(new_study) for make in MADE]


def undecided(comparison: Comparison) -> list[Notice]:
    """ME013, which needs a test and an interval that disagree."""
    board = comparison.leaderboard.assign(p_adjusted=0.001, diff_low=-0.1, diff_high=0.1)
    standings: Any = SimpleNamespace(studies=150, patients=120, used=500, undefined={})
    return list(
        checks.run_checks(
            calls=comparison.leaderboard[[]].T,
            leaderboard=board,
            by_study_type=comparison.by_study_type,
            by_type=comparison.data.by_type,
            reference=comparison.reference,
            in_panel=(),
            standings=standings,
            resamples=1_000,
            repeated_patients=0,
            level=0.95,
            simulated=False,
            warnings=(),
        )
    )


def test_every_code_is_raised_at_its_level(found: list[Comparison], comparison: Comparison) -> None:
    seen = [item for each in found for item in each.checks] + undecided(comparison)
    assert {item.code for item in seen} == set(CODES)
    for item in seen:
        assert item.level == CODES[item.code].level, item.code
        assert item.sentence.strip()
        assert item.action.strip().endswith("."), item.code


def test_every_check_is_shown_with_what_to_do(found: list[Comparison]) -> None:
    for comparison in found:
        page = comparison_page(comparison)
        html, text = render_page(page), render_markdown(page)
        for item in comparison.checks:
            assert f"{item.level} {item.code}</span>" in html
            assert str(escape(item.sentence)) in html
            assert str(escape(item.action)) in html
            assert f"{item.level} {item.code}:" in text


def test_the_table_in_the_documents_is_that_of_the_code() -> None:
    table = re.findall(
        r"^\| (ME\d{3}) \| (\w+) \| (.+?) \| (.+?) \|$", (ROOT / "docs" / "4-report.md").read_text(), re.M
    )
    assert table == [
        (code, each.level, each.meaning, each.action) for code, each in {**CODES, **READER_CODES}.items()
    ]


def test_codes_are_numbered_without_a_gap_and_no_other_is_used() -> None:
    assert list(CODES) == [f"ME{number:03d}" for number in range(1, len(CODES) + 1)]
    assert list(READER_CODES) == [f"ME{number:03d}" for number in range(101, len(READER_CODES) + 101)]
    used = set()
    for path in (ROOT / "mura_ensemble").rglob("*.py"):
        if path.name != "check_codes.py":
            used |= set(re.findall(r"ME\d{3}", path.read_text(encoding="utf-8")))
    assert used == {*CODES, *READER_CODES}


def test_a_warning_of_the_caller_has_a_code_of_its_own_only_where_it_was_found() -> None:
    assert caller_warnings.code_of("3 failed views") == "ME001"
    assert caller_warnings.code_of("A and B: ONE NETWORK UNDER TWO NAMES") == "ME020"
