from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.tables.contracts import (
    LABELS,
    MANIFEST,
    PREDICTIONS,
    STUDIES,
    Column,
    Table,
    binary_values,
    check_table,
    read_labels,
    read_table,
    row_name,
)

ROWS = pd.DataFrame(
    {
        "study": ["a", "a", "b"],
        "view": ["1", "2", "1"],
        "patient": ["00007", "00007", "00008"],
        "study_type": "hand",
        "split": "valid",
        "fold": 0,
        "logit": [0.0, -1.0, np.nan],
        "probability": [0.5, 0.27, np.nan],
        "status": ["ok", "ok", "failed"],
        "reason": ["", None, "zero bytes"],
    }
)


@pytest.fixture
def csv(tmp_path):
    def write(text):
        path = tmp_path / "table.csv"
        path.write_text(text)
        return path

    return write


def test_columns_come_typed_in_order_and_others_are_left_out():
    frame = ROWS.assign(extra=1)[["reason", "extra", *ROWS.columns[:-1]]].set_index(pd.Index([5, 6, 7]))
    table = check_table(frame, PREDICTIONS, source="here")
    assert list(table) == [column.name for column in PREDICTIONS.columns]
    assert table.index.tolist() == [0, 1, 2]
    assert table["reason"].tolist() == ["", "", "zero bytes"]
    assert table["fold"].dtype == np.int64
    assert table["probability"].dtype == np.float64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"probability": [0.5, 1.3, 0.1]},
            "row 2, column 'probability' is 1.3; expected a probability from 0 to 1",
        ),
        ({"probability": [0.5, -0.1, 7.0]}, r"row 2, .* is -0.1; .*\(1 more like it\)"),
        ({"probability": ["x", 0.1, 0.1]}, "row 1, column 'probability' is 'x'; expected a number"),
        ({"logit": [0, np.inf, 0]}, "row 2, column 'logit' is inf; expected a finite number"),
        ({"fold": [0, 1.5, 2]}, "row 2, column 'fold' is 1.5; expected a whole number"),
        ({"fold": [0, 1, None]}, "row 3, column 'fold' is empty; expected a whole number"),
        ({"patient": ["p", None, "q"]}, "row 2, column 'patient' is empty; expected a value"),
        ({"patient": ["p", "q", " "]}, "row 3, column 'patient' is empty; expected a value"),
        ({"status": ["ok", "okay", "ok"]}, "row 2, column 'status' is 'okay'; expected ok or failed"),
        ({"view": ["1", "1", "1"]}, "row 2, column 'view': a / 1 stands already in row 1; keep one"),
    ],
)
def test_a_wrong_value_is_named_with_row_and_column(change, message):
    with pytest.raises(InputError, match=f"^here: {message}"):
        check_table(ROWS.assign(**change), PREDICTIONS, source="here")


@pytest.mark.parametrize("table", [MANIFEST, PREDICTIONS, STUDIES, LABELS])
def test_every_missing_column_is_named(table):
    whole = ROWS.drop_duplicates("study").assign(path="p", gold=0)
    check_table(whole, table, source="here")
    for column in table.columns:
        with pytest.raises(
            InputError, match=f"column '{column.name}' is missing from the {table.name} table; found"
        ):
            check_table(whole.drop(columns=column.name), table, source="here")


def test_rows_are_counted_as_a_spreadsheet_shows_them(csv):
    assert (row_name("x.csv", 0), row_name("x.CSV", 3), row_name("x.parquet", 0)) == (
        "row 2",
        "row 5",
        "row 1",
    )
    with pytest.raises(InputError, match="row 4, column 'gold' is 2"):
        read_labels(csv("study,gold\na,1\nb,0\nc,2\n"))
    with pytest.raises(InputError, match="row 3, column 'study' is empty"):
        read_labels(csv("study,gold\na,1\n\nc,1\n"))


def test_labels_keep_the_text_of_the_study(csv):
    gold = read_labels(csv("gold,study,why\n1,007,x\n0,0010,y\n"))
    assert gold.to_dict() == {"007": 1, "0010": 0}
    assert gold.name == "gold"
    assert gold.dtype == np.int64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study,gold\na,0.5\n", r"row 2, column 'gold' is 0.5; expected 0 \(normal\) or 1 \(abnormal\)"),
        ("study,gold\na,abnormal\n", "row 2, column 'gold' is 'abnormal'; expected 0"),
        ("study,gold\na,\n", "row 2, column 'gold' is empty; expected 0"),
        ("study,gold\na,1\na,1\n", "row 3, column 'study': a stands already in row 2"),
        ("study,label\na,1\n", "column 'gold' is missing from the labels table; found study, label"),
    ],
)
def test_bad_labels_are_refused(csv, text, message):
    with pytest.raises(InputError, match=f"table.csv: {message}"):
        read_labels(csv(text))


def test_a_patient_of_00007_stays_00007_through_a_file(tmp_path):
    ROWS.to_csv(tmp_path / "table.csv", index=False)
    assert read_table(tmp_path / "table.csv", PREDICTIONS)["patient"].tolist() == ["00007", "00007", "00008"]


def test_numbers_as_keys_become_text():
    frame = pd.DataFrame({"study": [1, 2], "gold": [True, False]})
    table = check_table(frame, LABELS, source="here")
    assert table["study"].tolist() == ["1", "2"]
    assert table["gold"].tolist() == [1, 0]


def test_binary_values_with_and_without_gaps():
    values = pd.Series([1, None, 0])
    np.testing.assert_array_equal(binary_values(values, "call", "here", missing=True), [1, np.nan, 0])
    with pytest.raises(InputError, match=r"row 2, column 'call' is empty; expected 0 \(normal\)"):
        binary_values(values, "call", "here")
    with pytest.raises(InputError, match="row 1, column 'call' is 3; expected 0, 1 or empty"):
        binary_values(pd.Series([3]), "call", "here", missing=True)


def test_words_for_labels_and_decimal_commas_are_told_apart(csv):
    with pytest.raises(
        InputError, match=r"row 2, column 'gold' is 'yes'; expected 0 \(normal\) or 1 \(abnormal\)"
    ):
        read_labels(csv("study,gold\na,yes\nb,no\n"))
    with pytest.raises(InputError, match=r"column 'p' is '0,5'; expected a number \(with a point"):
        check_table(pd.DataFrame({"p": ["0,5"]}), Table("t", (), (Column("p", "number"),)), source="here")


def test_blanks_at_the_ends_of_a_key_are_no_part_of_it(csv):
    assert read_labels(csv("study,gold\n a,1\nb ,0\n")).to_dict() == {"a": 1, "b": 0}
    with pytest.raises(InputError, match=r"row 3, column 'study': a stands already in row 2"):
        read_labels(csv("study,gold\na,1\na ,0\n"))
