from __future__ import annotations

import hashlib
import os
import stat

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data import files
from mura_ensemble.data.errors import InputError, MissingExtraError
from mura_ensemble.data.files import (
    atomic_write,
    canonical_json,
    digest_of,
    digest_of_file,
    digest_of_rows,
    read_frame,
    read_json,
    read_json_lines,
    write_frame,
    write_json,
    write_text,
)


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    write_text(path, "old")

    def fail_half_way():
        with atomic_write(path) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        fail_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_frame_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "table.parquet"
    write_frame(path, pd.DataFrame({"a": [1, 2]}))
    before = path.read_bytes()
    with pytest.raises(Exception, match="'mixed'"):
        write_frame(path, pd.DataFrame({"a": [1, "mixed"]}, dtype=object))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_appears_whole_in_a_new_folder_and_is_as_readable_as_any(tmp_path):
    path = tmp_path / "new" / "deep" / "file.txt"
    with atomic_write(path) as temporary:
        temporary.write_text("all")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert path.read_text() == "all"
    plain = tmp_path / "plain.txt"
    plain.write_text("")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_place_that_cannot_be_written_is_the_users_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path / "file" / "below", "text")


def test_canonical_json_and_digests():
    assert canonical_json({"b": [1, "ä"], "a": None}) == '{"a":null,"b":[1,"ä"]}'
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1}) != digest_of({"a": 1, "b": 3})
    assert digest_of("") == hashlib.sha256(b'""').hexdigest()
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


def test_the_digest_of_rows_ignores_order_and_keeps_fields_apart():
    assert digest_of_rows([("a", "b"), ("c", "d")]) == digest_of_rows([("c", "d"), ("a", "b")])
    assert digest_of_rows([("a", "b")]) != digest_of_rows([("ab", "")])
    assert digest_of_rows([("a", "b"), ("c", "d")]) != digest_of_rows([("a", "b", "c", "d")])
    assert digest_of_rows([("a",)]) != digest_of_rows([("a",), ("a",)])


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"bytes")
    assert digest_of_file(tmp_path / "file") == hashlib.sha256(b"bytes").hexdigest()


def test_json_round_trip_and_refusals(tmp_path):
    path = tmp_path / "card.json"
    write_json(path, {"b": 1, "a": [None, "é"]})
    assert read_json(path) == {"b": 1, "a": [None, "é"]}
    assert path.read_text().startswith('{\n  "b": 1')
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"kappa": float("nan")})
    assert read_json(path)["b"] == 1
    for text, message in (
        ("[1]", "expected a JSON object, found list"),
        ("{", "not valid JSON"),
        ("", "not valid"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=f"card.json: {message}"):
            read_json(path)
    with pytest.raises(InputError, match="no such file"):
        read_json(tmp_path / "none.json")
    with pytest.raises(InputError, match="is a folder"):
        read_json(tmp_path)


def test_of_json_lines_only_the_torn_last_is_left_out(tmp_path):
    path = tmp_path / "x.jsonl"
    for content in (b'{"a": 1}\n{"a": 2}\n', b'{"a": 1}\n{"a": 2}', b'{"a": 1}\n{"a": 2}\n{"a": "\xc3'):
        path.write_bytes(content)
        assert read_json_lines(path) == [{"a": 1}, {"a": 2}]
    for content, message in (
        (b'{"a": 1}\n{"a"\n{"a": 2}\n', "row 2 is not valid JSON"),
        (b"[1]\n", "row 1 is not valid JSON .expected an object, found list.; write it again or restore it"),
        (b"", "holds no whole line"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_json_lines(path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_frames_come_back_digit_for_digit(tmp_path, ending):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"patient": ["00007", "00008"] * 50, "p": rng.random(100), "n": range(100)})
    path = tmp_path / f"frame.{ending}"
    write_frame(path, frame)
    pd.testing.assert_frame_equal(
        read_frame(path, text_columns=["patient"]), frame, check_exact=True, check_dtype=False
    )
    first = path.read_bytes()
    write_frame(path, frame)
    assert path.read_bytes() == first


@pytest.fixture
def csv(tmp_path):
    def write(content):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_data(csv):
    frame = read_frame(csv(b"\xef\xbb\xbfstudy,gold\r\na,1\r\n"))
    assert frame.to_dict("list") == {"study": ["a"], "gold": [1]}


def test_text_columns_keep_their_zeros_and_may_be_absent(csv):
    frame = read_frame(csv("patient,n\n00007,1\n"), text_columns=["patient", "study"])
    assert frame["patient"].tolist() == ["00007"]


def test_blank_lines_at_the_end_are_passed_over_and_none_shifts_a_row_number(csv):
    assert len(read_frame(csv("a,b\n1,2\n3,4\n\n\n"))) == 2
    frame = read_frame(csv("a,b\n1,2\n\n3,4\n"))
    assert frame["a"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("a,b\n", "the table has no rows"),
        ("a,b\n\n\n", "the table has no rows"),
        ("a,b,a\n1,2,3\n", "the header names column 'a' 2 times"),
        ("a,b\n1,2,3\n4,5,6\n", "row 2 has 3 fields, the header has 2"),
        ("a,b\n1,2\n4,5,6\n", "row 3 has 3 fields"),
        (b"a,b\n\xff\xfe,1\n", "the text is not UTF-8"),
    ],
)
def test_csv_files_that_would_be_misread_are_refused(csv, content, message):
    with pytest.raises(InputError, match=f"table.csv: {message}"):
        read_frame(csv(content))


def test_parquet_with_named_row_labels_gives_them_back_as_columns(tmp_path):
    path = tmp_path / "frame.parquet"
    frame = pd.DataFrame({"study": ["a", "b"], "gold": [0, 1]})
    frame.set_index("study").to_parquet(path)
    pd.testing.assert_frame_equal(read_frame(path), frame)
    frame[frame["gold"] == 1].to_parquet(path)
    assert read_frame(path).to_dict("list") == {"study": ["b"], "gold": [1]}
    frame.set_index(pd.RangeIndex(2, name="gold")).to_parquet(path)
    with pytest.raises(InputError, match=r"cannot be read as PARQUET .*gold"):
        read_frame(path)


def test_files_of_another_kind_are_refused(tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(InputError, match=r"broken.parquet: cannot be read as PARQUET"):
        read_frame(tmp_path / "broken.parquet")
    (tmp_path / "empty.parquet").write_bytes(b"")
    with pytest.raises(InputError, match=r"empty.parquet: cannot be read as PARQUET"):
        read_frame(tmp_path / "empty.parquet")
    (tmp_path / "table.xlsx").write_bytes(b"")
    with pytest.raises(InputError, match=r"must end in .csv or .parquet"):
        read_frame(tmp_path / "table.xlsx")
    with pytest.raises(InputError, match=r"must end in .csv or .parquet"):
        write_frame(tmp_path / "table.txt", pd.DataFrame({"a": [1]}))
    with pytest.raises(InputError, match="no such file; check the path"):
        read_frame(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_frame(tmp_path)


def test_no_error_of_the_users_needs_a_traceback_and_a_missing_package_names_its_extra():
    assert issubclass(InputError, ValueError)
    error = MissingExtraError("torch", "backbones")
    assert str(error) == 'torch is not installed; in the folder of mura-ensemble: pip install ".[backbones]"'
    assert isinstance(error, ImportError)
    assert (error.package, error.extra) == ("torch", "backbones")


def test_asking_for_the_umask_does_not_change_it():
    before = files._umask()
    assert files._umask() == before == os.umask(before)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("study;probability\na;0.5\n", "the columns seem to be separated by semicolons; save it with commas"),
        (
            "study;probability\na;0,5\n",
            "the columns seem to be separated by semicolons; .* points in the decimals",
        ),
        ("study,note\na,é\n".encode("latin-1"), "the text is not UTF-8; save it as UTF-8"),
        ("study,note\na,b\n".encode("utf-16"), "the text is not UTF-8; save it as UTF-8"),
        ("a,b\n1,2\n3,4,5\n", "row 3 has 3 fields, the header has 2; make them equal"),
        ("a,b\n1,2,3\n4,5,6\n", "row 2 has 3 fields, the header has 2"),
        ("a,b,c\n1,2,3\n\n4,5\n", "row 4 has 2 fields, the header has 3"),
    ],
)
def test_what_a_spreadsheet_saves_wrongly_is_told_in_one_sentence(csv, content, message):
    with pytest.raises(InputError, match=rf"table\.csv: {message}") as refused:
        read_frame(csv(content))
    assert "\n" not in str(refused.value)
