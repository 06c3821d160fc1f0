"""The verbs of published results as a user meets them."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.report.pages.published.figures import board_forest
from mura_ensemble.report.pages.published.rows import board_rows
from mura_ensemble.report.pages.published.terminal import rich_text, terminal_text
from mura_ensemble.report.pages.published.verdict import MURA_SOURCES
from mura_ensemble.stats.kappa.cohen import cohen_kappa


@pytest.fixture(scope="module")
def board(mura_board):
    return mura_board


@pytest.fixture
def run(run, monkeypatch, board):
    """The command line; MURA's board is made once for all tests."""
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setattr("mura_ensemble.commands.work.leaderboard.mura_honest_board", lambda *, rng: board)
    return run


@pytest.fixture
def refused(run, tmp_path):
    """Assert one sentence on standard error, status 2 and no new file; return the sentence."""

    def call(*words):
        before = set(tmp_path.rglob("*"))
        status, out, err = run(*words)
        assert (status, out) == (2, "")
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert set(tmp_path.rglob("*")) == before
        return err

    return call


def write(path, text):
    path.write_text(text)
    return path


def test_the_board_verdict_first_then_the_table(run):
    status, out, err = run("leaderboard")
    assert (status, err) == (0, "")
    assert "inferred from published results" in out.lower()
    assert "stanfordmlgroup.github.io/competitions/mura" in out
    assert "1712.06957" in out
    flat = " ".join(out.split())
    verdict = flat.index("No model on this board is shown to be better than the best reader")
    assert "differ by 1 study of 207" in flat
    assert verdict < flat.index("rank published no. entry")
    lines = out.splitlines()
    first = next(line for line in lines if "base-comb2-xuan-v3" in line and line.startswith("1 ("))
    assert re.search(r"0\.843 \(0\.755–0\.903\)\s+16\s+8\s+8\s+0\.913\s+0\.930\s+0\.57–0\.75", first)


def test_twenty_entries_and_every_reader_in_its_place(run, board):
    out = run("leaderboard")[1]
    table = out[out.index("published  no.  entry") :].split("\n\n")[0].splitlines()[1:]
    assert sum("reader " in line for line in table) == 3
    assert sum(line.lstrip().startswith("1 (") for line in table) == 20
    hidden = [int(found) for found in re.findall(r"… (\d+) more", "\n".join(table))]
    assert sum(hidden) + 20 == int(board.entries["comparable"].sum())
    names = [line.split()[3] for line in table if "Radiologist" in line]
    assert names == ["3", "2", "1"]
    kappas = [float(value) for value in re.findall(r"(0\.\d{3}) \(", "\n".join(table))]
    assert kappas == sorted(kappas, reverse=True)


def test_top_and_the_entries_that_are_not_compared(run):
    out = " ".join(run("leaderboard", "--top", 100)[1].split())
    assert "more entr" not in out
    assert "9 entries not compared" in out
    assert "no. 59, 64, 81 (not scored on the 207 studies but on 556 rows)" in out


def test_colours_say_the_same(board):
    rows = board_rows(board)
    settings = {"title": "T", "sources": MURA_SOURCES, "width": 250}
    plain = terminal_text(board, rows, **settings)
    coloured = rich_text(board, rows, **settings)
    assert "\x1b[" in coloured
    bare = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert re.sub(r"\s+", " ", bare).strip() == re.sub(r"\s+", " ", plain).strip()


@pytest.mark.parametrize("width", [80, 100, 130, 200])
def test_a_narrow_terminal_leaves_out_columns_and_says_which(board, width):
    coloured = rich_text(board, board_rows(board), title="T", sources=MURA_SOURCES, width=width)
    bare = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert max(map(len, bare.splitlines())) <= width
    assert (
        len(re.findall(r"^ +1 \(1–\d+\) .* 0\.\d{3} \(0\.\d{3}–0\.\d{3}\) +\d+ ", bare, flags=re.MULTILINE))
        == 20
    )
    assert ("Left out for want of width" in bare) == (width < 150)


def test_every_row_is_a_table_that_gives_its_kappa_or_a_reason(board):
    rows = board_rows(board)
    entries = rows[rows["kind"] != "reader"]
    assert len(entries) == 84
    for label, row in entries.iterrows():
        found = board.entries.loc[int(label)]
        table = np.array([[found["tn"], found["fp"]], [found["fn"], found["tp"]]])
        assert cohen_kappa(table) == pytest.approx(row["kappa"], abs=1e-12)
        assert row["comparable"] or row["notes"].startswith("not scored on the 207 studies")


def test_anybodys_board(run, tmp_path):
    file = write(tmp_path / "theirs.csv", "team,k\nA,0.843\nB,0.834\nC,0.778\nD,0.705\n")
    words = ["--n", 207, "--positives", 92, "--model-column", "team", "--kappa-column", "k"]
    status, out, err = run("leaderboard", file, *words)
    assert status == 0, err
    assert "theirs.csv (sha256 " in out
    assert "stanford" not in out.lower()
    assert "What cannot be known" in out
    line = next(line for line in out.splitlines() if " A " in line and "(" in line and "0.843" in line)
    assert re.search(r"0\.843 \(0\.755–0\.903\)\s+16\s+8–10\s+6–8", line)


def test_perfect_and_constant_raters_are_not_known_without_error(run, tmp_path):
    file = write(tmp_path / "theirs.csv", "model,kappa\nperfect,1.0\nB,0.9\nC,0.85\nD,0.8\nconstant,0\n")
    status, _, err = run("leaderboard", file, "--n", 40, "--positives", 20, "--out", "report")
    assert status == 0, err
    rows = pd.read_csv(tmp_path / "report" / "leaderboard.csv").set_index("name")
    # One to four wrong calls of 40: nobody can tell the first four apart.
    assert (rows.loc[["perfect", "B", "C", "D"], "rank_low"] == 1).all()
    assert rows.loc["perfect", "rank_high"] == 4
    assert rows.loc["constant", "rank_low"] == 5
    winners = pd.read_csv(tmp_path / "report" / "winners.csv")
    assert (winners["low"] < 0.97).all()
    assert (winners["high"] == 1).all()
    assert (winners["shrunk"] < 1).all()


def test_entries_that_are_all_perfect_share_first_place(run, tmp_path):
    file = write(tmp_path / "theirs.csv", "model,kappa\nA,1.0\nB,1.0\nC,1.0\n")
    status, out, err = run("leaderboard", file, "--n", 40, "--positives", 20)
    assert status == 0, err
    assert out.count("1 (1–3)") == 3
    assert "nan" not in out


def test_an_impossible_kappa_on_anybodys_board_is_named(run, tmp_path):
    # With 15 of 30 abnormal every error moves kappa by 1/15, so 0.79 cannot be: 0.733, 0.8, 0.867 can.
    file = write(tmp_path / "theirs.csv", "model,kappa\nA,0.867\nB,0.800\nC,0.733\nliar,0.79\n")
    status, out, err = run("leaderboard", file, "--n", 30, "--positives", 15)
    assert status == 0, err
    flat = " ".join(out.split())
    assert "1 entry not compared: no. 4 (no table gives kappa 0.790 at n = 30" in flat
    table = out[out.index("kappa (95") :].split("\n\n")[0]
    assert "liar" not in table


@pytest.mark.parametrize(
    ("text", "words", "wanted"),
    [
        ("model,kappa\nA,0.8\nB,high\nC,0.7\n", ["--n", 50], "row 3, column 'kappa' is 'high'"),
        ("model,kappa\nA,0.8\nB,\nC,0.7\n", ["--n", 50], "row 3, column 'kappa' is empty"),
        ("model,kappa\nA,80\nB,70\nC,0.7\n", ["--n", 50], "row 2, column 'kappa' is '80"),
        ("model,score\nA,0.8\n", ["--n", 50], "column 'kappa' (kappa) is missing; the file has model, score"),
        ("model,kappa\nA,0.8\n", ["--n", 50, "--model-column", "team"], "column 'team' (model) is missing"),
        ("model,kappa,l\nA,0.8,0.7\n", ["--n", 50, "--lower-column", "l"], "limits come in pairs"),
        ("model,kappa,rank\nA,0.8,first\n", ["--n", 50], "row 2, column 'rank' is 'first'"),
        ("model,kappa\nA,0.8\nB,0.7\nC,0.6\n", [], "give --n"),
        ("model,kappa\nA,0.8\nB,0.7\nC,0.6\n", ["--n", 1], "at least 2"),
        ("model,kappa\nA,0.8\nB,0.7\nC,0.6\n", ["--n", 50, "--positives", 50], "both classes"),
        ("model,kappa\nA,0.8\nB,0.7\n", ["--n", 50], "only 2 of 2"),
        ("model,kappa\n", ["--n", 50], "no rows"),
        ("", ["--n", 50], "empty"),
    ],
)
def test_bad_boards(refused, tmp_path, text, words, wanted):
    sentence = refused("leaderboard", write(tmp_path / "theirs.csv", text), *words, "--out", "report")
    assert "theirs.csv" in sentence or "--n" in sentence
    assert wanted in sentence


def test_options_of_a_file_without_a_file(refused):
    assert "name the file first" in refused("leaderboard", "--n", 207)
    assert "no such file" in refused("leaderboard", "nowhere.csv", "--n", 207)


def test_one_kappa(run):
    out = run("table", "--kappa", "0.778", "--n", 207, "--positives", 92)[1]
    assert out.startswith("2 tables give kappa 0.778 at n = 207: 92 abnormal studies and 23 wrong calls.")
    assert re.search(r"87\s+5\s+18\s+97", out)
    assert re.search(r"86\s+6\s+17\s+98", out)
    assert "Inferred from published results" in out
    out = run("table", "--kappa", "0.705", "--n", 207, "--sensitivity", ".815", "--specificity", ".887")[1]
    assert out.startswith("Exactly one table gives kappa 0.705 at n = 207: TP 75, FN 17, FP 13, TN 102.")


def test_the_digits_typed_say_how_a_kappa_was_rounded(run):
    fewer = run("table", "--kappa", "0.80", "--n", 60, "--positives", 30)[1]
    more = run("table", "--kappa", "0.800", "--n", 60, "--positives", 30)[1]
    assert "kappa 0.80 at" in fewer
    assert "kappa 0.800 at" in more
    assert run("table", "--kappa", "0.8", "--decimals", 3, "--n", 60, "--positives", 30)[1] == more


def test_no_table_gives_this_kappa(run):
    status, out, _ = run("table", "--kappa", "0.843", "--n", 207, "--positives", 103)
    assert status == 0
    assert out.startswith("No table gives kappa 0.843 at n = 207 under these conditions; the nearest")


def test_one_kappa_as_a_file(run, tmp_path):
    run("table", "--kappa", "0.778", "--n", 207, "--out", "one.json")
    record = json.loads((tmp_path / "one.json").read_text())
    assert record["label"] == "inferred from published results"
    run("table", "--kappa", "0.778", "--n", 207, "--out", "one.csv")
    tables = pd.read_csv(tmp_path / "one.csv")
    assert len(tables) == len(record["tables"]) == 398
    counts = tables[["tn", "fp", "fn", "tp"]].to_numpy().reshape(-1, 2, 2)
    np.testing.assert_allclose(cohen_kappa(counts).round(3), 0.778)
    from mura_ensemble.stats.kappa.intervals import kappa_intervals

    some = kappa_intervals(counts[[0, 150, 250, 397]])
    assert record["low"] <= some.low.min()
    assert record["high"] >= some.high.max()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--kappa", "good", "--n", 207], "--kappa 'good' is not a number"),
        (["--kappa", "77.8", "--n", 207], "outside [-1, 1]"),
        (["--kappa", "0.778", "--n", 1], "at least 2"),
        (["--kappa", "0.778", "--n", 207, "--positives", 207], "between 1 and"),
        (["--kappa", "0.778", "--n", 207, "--sensitivity", "95"], "a share, not a percentage"),
        (
            ["--kappa", "0.7", "--n", 9, "--sensitivity", ".9", "--specificity", ".85"],
            "same number of decimals",
        ),
        (["--kappa", "0.7", "--n", 9, "--out", "one.txt"], "must end in .json"),
    ],
)
def test_bad_numbers(refused, words, wanted):
    assert wanted in refused("table", *words)


def test_every_frame_as_csv_and_json(run, tmp_path, board):
    status, out, err = run("leaderboard", "--out", "report")
    assert status == 0, err
    assert "wrote report/report.html and" in out
    for name, frame in {"leaderboard": board_rows(board), **board.frames}.items():
        table = pd.read_csv(tmp_path / "report" / f"{name}.csv", keep_default_na=False)
        record = json.loads((tmp_path / "report" / f"{name}.json").read_text())
        assert set(table["label"]) == {record["label"]} == {"inferred from published results"}
        assert len(table) == len(record["rows"]) == len(frame)
        assert record["sources"] == list(MURA_SOURCES)
        assert "inf" not in (tmp_path / "report" / f"{name}.csv").read_text().replace(
            record["label"], ""
        ).split(",")
        assert "inf" not in {value for row in record["rows"] for value in row.values()}
        if "kappa" in frame:
            written = pd.to_numeric(table["kappa"]).to_numpy()
            np.testing.assert_allclose(written, frame["kappa"].to_numpy(dtype=float), rtol=1e-11)


def test_the_forest_draws_published_limits_of_entries_and_readers(board):
    rows = board_rows(board)
    published = rows["published_low"].notna()
    assert published[rows["kind"] == "reader"].all()
    without = rows.assign(published_low=rows["published_low"].where(rows["kind"] != "reader"))
    marks = [board_forest(frame).count("<") for frame in (rows, without)]
    assert marks[0] - marks[1] == 3


def test_the_same_report_to_the_byte_for_the_same_seed(run, tmp_path):
    file = write(tmp_path / "theirs.csv", "model,kappa\nA,0.843\nB,0.834\nC,0.778\nD,0.705\n")
    words = ["leaderboard", file, "--n", 207, "--positives", 92]
    for folder, seed in (("one", 3), ("two", 3), ("other", 4)):
        assert run(*words, "--out", folder, "--seed", seed)[0] == 0
    one, two, other = (
        {path.relative_to(tmp_path / folder): path.read_bytes() for path in (tmp_path / folder).rglob("*.*")}
        for folder in ("one", "two", "other")
    )
    assert one == two
    assert one != other
    assert not any(str(tmp_path).encode() in content for content in one.values())


def test_a_strangers_folder_is_left_alone(refused, tmp_path):
    (tmp_path / "mine").mkdir()
    write(tmp_path / "mine" / "thesis.txt", "years of work")
    assert "thesis.txt" in refused("leaderboard", "--out", "mine")


def test_limits_of_muras_kind_are_inverted(run, tmp_path):
    from mura_ensemble.published import load_published_board

    published = load_published_board()
    columns = [f"overall_{part}" for part in ("kappa", "lower", "upper")]
    published[["model", *columns]].to_csv(tmp_path / "theirs.csv", index=False)
    named = ["--kappa-column", columns[0], "--lower-column", columns[1], "--upper-column", columns[2]]
    status, out, err = run("leaderboard", "theirs.csv", "--n", 207, *named, "--out", "report")
    assert status == 0, err
    assert "published limits are too narrow by a factor of about 20" in " ".join(out.split())
    page = (tmp_path / "report" / "report.md").read_text()
    assert "variance of kappa with p\\_e taken as fixed" in page
    assert "rarer class is taken to be the abnormal one" in page
    rows = pd.read_csv(tmp_path / "report" / "leaderboard.csv").set_index("entry")
    assert rows.loc[1, ["fn_low", "fn_high", "fp_low", "fp_high"]].tolist() == [8, 8, 8, 8]
