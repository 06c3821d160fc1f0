from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.importing.their_columns import parse_columns
from mura_ensemble.data.tables.call_words import parse_words
from mura_ensemble.data.tables.readers import (
    COLUMNS,
    count_repeats,
    gold_by_majority,
    parse_panel_size,
    pick_readers,
    read_readers,
    read_reading_patients,
)


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


WORDS = parse_words("YES=1, NO=normal, HEDGE=missing")


def test_words_are_translated_in_both_forms(file):
    wide = read_readers(file("study,ann,bob\na,YES,NO\nb,HEDGE,\nc, NO ,YES\n"), words=WORDS)
    assert wide["ann"].tolist()[::2] == [1, 0]
    assert wide.isna().to_numpy().sum() == 2
    long = file("film,who,said,other\na,ann,YES,x\nb,ann,HEDGE,y\nc,ann,NO,z\n", "long.csv")
    columns = parse_columns("study=film,reader=who,call=said", COLUMNS)
    pd.testing.assert_series_equal(read_readers(long, columns=columns, words=WORDS)["ann"], wide["ann"])


def test_numbers_are_words_too(file):
    calls = read_readers(file("study,ann,bob\na,2,1\nb,,2\n"), words=parse_words("1=0,2=1"))
    np.testing.assert_array_equal(calls, [[1, 0], [np.nan, 1]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("YES", "is not word=1"),
        ("YES=yes", "is not word=1"),
        ("YES=1,YES=0", "given twice"),
        ("NA=0", "counts as empty"),
    ],
)
def test_words_that_say_nothing_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_words(text)


@pytest.mark.parametrize(("text", "found"), [("3", 3), ("others", "others")])
def test_size_of_a_panel(text, found):
    assert parse_panel_size(text) == found


@pytest.mark.parametrize("text", ["0", "-1", "x", "", "2.5"])
def test_no_size_of_a_panel(text):
    with pytest.raises(InputError, match="panels"):
        parse_panel_size(text)


@pytest.mark.parametrize("text", ["study", "study=", "film=study", "study=a,study=b"])
def test_columns_that_name_nothing_are_refused(text):
    with pytest.raises(InputError, match="columns"):
        parse_columns(text, COLUMNS)


def test_a_word_without_a_meaning_and_a_column_that_is_not_there(file):
    path = file("study,ann\na,YES\nb,PERHAPS\n")
    with pytest.raises(InputError, match=r"row 3, column 'ann' is 'PERHAPS'; the map knows YES, NO, HEDGE"):
        read_readers(path, words=WORDS)
    with pytest.raises(InputError, match="no column 'film' to take for 'study'"):
        read_readers(path, columns={"study": "film"})
    with pytest.raises(InputError, match="would be 'study'"):
        read_readers(file("study,film,ann\na,b,1\n", "two.csv"), columns={"study": "film"})
    with pytest.raises(InputError, match="--map of `readers`"):
        read_readers(path)


def test_a_read_made_twice_counts_where_it_agrees(file):
    path = file("study,reader,call\na,ann,1\na,ann,1\nb,ann,1\nb,ann,0\nc,ann,\nc,ann,0\nc,bob,1\n")
    with pytest.raises(InputError, match=r"row 3, .*stands already in row 2; .*--repeats agree"):
        read_readers(path)
    calls = read_readers(path, repeats="agree")
    np.testing.assert_array_equal(calls["ann"], [1, np.nan, 0])
    assert count_repeats(path) == (2, 1)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,ann,YES", r"row 3, column 'Reader ID': a / ann stands already in row 2; .*--repeats agree"),
        ("a,,YES", "row 3, column 'Reader ID' is empty"),
        (",ann,YES", "row 3, column 'Image ID' is empty"),
        ("b,ann,PERHAPS", "row 3, column 'Fracture' is 'PERHAPS'"),
    ],
)
def test_errors_call_columns_by_the_names_in_the_file(file, row, message):
    path = file(f"Image ID,Reader ID,Fracture\na,ann,NO\n{row}\n")
    columns = parse_columns("study=Image ID,reader=Reader ID,call=Fracture", COLUMNS)
    with pytest.raises(InputError, match=message):
        read_readers(path, columns=columns, words=WORDS)


def test_patients_are_whole_or_not_there(file):
    path = file("study,patient,ann\n a,p1,1\nb,p2,0\n")
    found = read_reading_patients(path, read_readers(path).index)
    assert found.to_dict() == {"a": "p1", "b": "p2"}
    assert read_reading_patients(file("study,ann\na,1\n", "none.csv"), pd.Index(["a"])) is None
    with pytest.raises(InputError, match=r"row 3, column 'patient' is empty"):
        read_reading_patients(file("study,patient,ann\na,p1,1\nb,,0\n", "part.csv"), pd.Index(["a", "b"]))
    two = file("study,reader,call,patient\na,ann,1,p1\na,bob,1,p2\n", "two.csv")
    with pytest.raises(
        InputError, match=r"row 3, column 'patient': study a has patient 'p2' here and 'p1' before"
    ):
        read_reading_patients(two, pd.Index(["a"]))
