from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.readers import gold_by_majority, pick_readers, read_readers


@pytest.fixture
def file(tmp_path):
    def write(text, name="readers.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_wide_form_with_blanks_and_columns_beside(file):
    calls = read_readers(file("study,patient,ann,bob\n007,0001,1,0\n008,0002,,1\n"))
    expected = pd.DataFrame(
        {"ann": [1.0, np.nan], "bob": [0.0, 1.0]}, index=pd.Index(["007", "008"], name="study")
    )
    pd.testing.assert_frame_equal(calls, expected, check_index_type=False)


def test_long_form_gives_the_same_table_as_the_wide_form(file):
    wide = read_readers(file("study,ann,bob\nb,1,0\na,,1\n"))
    long = read_readers(file("reader,study,call\nbob,b,0\nann,b,1\nbob,a,1\n", "long.csv"))
    pd.testing.assert_frame_equal(long, wide)
    blank = read_readers(file("reader,study,call\nbob,b,0\nann,b,1\nbob,a,1\nann,a,\n", "blank.csv"))
    pd.testing.assert_frame_equal(blank, wide)


def test_parquet(tmp_path):
    frame = pd.DataFrame({"study": ["a", "b"], "ann": [True, False]})
    frame.to_parquet(tmp_path / "readers.parquet")
    assert read_readers(tmp_path / "readers.parquet")["ann"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study,ann\na,1\nb,2\n", r"row 3, column 'ann' is 2; expected 0, 1 or empty"),
        ("study,ann\na,1\nb,yes\n", r"row 3, column 'ann' is 'yes'; expected 0, 1 or empty"),
        ("study,ann\na,1\nb,0\na,1\n", r"row 4, column 'study': a stands already in row 2"),
        ("study\na\n", "no column of a reader"),
        ("reader,ann\na,1\n", "column 'call' is missing"),
        ("ann,bob\n1,1\n", "column 'study' is missing"),
        ("study,ann,gold\na,1,1\n", "column 'gold' is not a reader"),
        (",study,ann\n0,a,1\n1,b,0\n", "a column without a name"),
        ("study,reader,call\na,ann,1\na,ann,1\n", r"row 3, column 'reader': a / ann stands already in row 2"),
        ("study,reader,call\na,ann,1\na,,1\n", r"row 3, column 'reader' is empty"),
        ("study,reader,call\na,ann,0.5\n", r"row 2, column 'call' is 0.5"),
        ("", "the file is empty"),
        ("study,ann\n", "the table has no rows"),
    ],
)
def test_bad_files_are_refused_with_row_and_column(file, text, message):
    with pytest.raises(InputError, match=message) as refused:
        read_readers(file(text))
    assert "readers.csv" in str(refused.value)


CALLS = pd.DataFrame(
    {
        "a": [1, 1, 1, 0, np.nan, 1],
        "b": [1, 0, 1, 0, np.nan, np.nan],
        "c": [1, 0, np.nan, np.nan, 1, 0],
        "d": [1, 1, 0, 1, 1, 1],
    },
    index=pd.Index(list("uvwxyz"), name="study"),
)


def test_majority_of_three_with_missing_reads():
    gold = gold_by_majority(CALLS, ["a", "b", "c"])
    np.testing.assert_array_equal(gold.to_numpy(), [1, 0, 1, 0, np.nan, np.nan])
    assert gold.name == "gold"
    assert gold.isna().sum() == 2


def test_majority_of_an_even_panel_has_ties():
    np.testing.assert_array_equal(
        gold_by_majority(CALLS, ["a", "b", "c", "d"]).to_numpy(), [1, np.nan, np.nan, np.nan, np.nan, np.nan]
    )
    np.testing.assert_array_equal(gold_by_majority(CALLS, ["b", "d"]).to_numpy()[:2], [1, np.nan])


def test_a_decided_study_stays_decided_however_the_missing_reads_would_have_been():
    rng = np.random.default_rng(0)
    full = pd.DataFrame(rng.integers(0, 2, (300, 5)).astype(float), columns=list("abcde"))
    partly = full.mask(rng.random(full.shape) < 0.3)
    decided = gold_by_majority(partly, list("abcde"))
    truth = gold_by_majority(full, list("abcde"))
    known = decided.notna()
    assert 0.2 < known.mean() < 0.95
    assert (decided[known] == truth[known]).all()


def test_panel_errors_name_the_known_readers():
    with pytest.raises(InputError, match="unknown reader 'eve'; known are a, b, c, d"):
        gold_by_majority(CALLS, ["a", "b", "eve"])
    with pytest.raises(InputError, match="named 2 times"):
        gold_by_majority(CALLS, ["a", "a", "b"])
    with pytest.raises(InputError, match="no reader is named"):
        gold_by_majority(CALLS, [])
    with pytest.raises(InputError, match="no majority on any of 2 studies"):
        gold_by_majority(CALLS.loc[["y", "z"]], ["a", "b", "c"])
    assert list(pick_readers(CALLS, ["c", "a"])) == ["c", "a"]


def test_blanks_around_the_names_of_readers_and_studies_are_dropped(tmp_path):
    path = tmp_path / "readers.csv"
    path.write_text("study, ann,bob \ns1 ,1,0\n")
    assert read_readers(path).to_dict() == {"ann": {"s1": 1.0}, "bob": {"s1": 0.0}}
    path.write_text("study,reader,call\n s1,ann ,1\n")
    assert read_readers(path).to_dict() == {"ann": {"s1": 1.0}}
    path.write_text("study,ann,ann \ns1,1,0\n")
    with pytest.raises(InputError, match="the header names reader 'ann' 2 times"):
        read_readers(path)
