"""The command line as a user meets it: every verb on real files, and one sentence for every mistake."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

REPORT_FILES = {"report.html", "report.md", "leaderboard.csv", "comparison.json"}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set") / "simulated"
    from mura_ensemble.data.simulation.study import simulate_reader_study, write_reader_study

    write_reader_study(simulate_reader_study(seed=3), folder)
    return folder


@pytest.fixture
def refused(run, tmp_path):
    """Assert one sentence on standard error, status 2 and no new file; return the sentence."""

    def call(*words):
        before = {path for path in tmp_path.rglob("*") if path.is_file()}
        status, out, err = run(*words)
        assert status == 2, out + err
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert "Traceback" not in err
        assert {path for path in tmp_path.rglob("*") if path.is_file()} == before
        return err

    return call


def test_fit_apply_report_on_the_simulated_study(run, simulated, tmp_path):
    status, out, _ = run(
        "fit-stack", simulated, "--labels", simulated / "labels_valid.csv", "--out", "stack.json"
    )
    assert status == 0
    assert "simulated data" in out
    assert "nested kappa" in out
    assert "apparent kappa" in out
    evaluation = json.loads(Path("stack.json").read_text())["evaluation"]
    assert (
        f"{evaluation['nested']:.3f} (95 % interval {evaluation['low']:.3f} to {evaluation['high']:.3f}"
        in out
    )

    commands = [line.split() for line in out.splitlines() if line.strip().startswith("mura-ensemble ")]
    assert commands
    for command in commands:  # what it says to do next works as it stands
        assert run(*command[1:])[0] == 0
    calls = pd.read_csv("calls.csv")
    assert len(calls) == 207
    assert not calls["fitted"].any()
    assert (calls["call"] == (calls["probability"] > 0.5)).all()

    status, out, _ = run(
        "report", simulated, "--readers", simulated / "readers_test.csv", "--panel", "reader_1,reader_2,reader_3",
        "--ensemble", "stack.json", "--out", "report",
    )  # fmt: skip
    assert status == 0
    assert {path.name for path in Path("report").iterdir()} >= REPORT_FILES
    board = pd.read_csv("report/leaderboard.csv", index_col="rater")
    assert {"stack", "reader_4", "reader_5", "reader_6"} <= set(board.index)
    assert not {"reader_1", "reader_2", "reader_3"} & set(board.index)


def test_the_report_is_the_same_to_the_byte(run, simulated):
    words = [
        "--readers",
        simulated / "readers_test.csv",
        "--panel",
        "reader_1,reader_2,reader_3",
        "--resamples",
        500,
    ]
    run("report", simulated, *words, "--out", "one")
    run("report", simulated, *words, "--out", "two")
    one = {path.relative_to("one"): path.read_bytes() for path in Path("one").rglob("*") if path.is_file()}
    two = {path.relative_to("two"): path.read_bytes() for path in Path("two").rglob("*") if path.is_file()}
    assert one == two


def test_leaderboard_kappas_are_scikit_learns(run, simulated):
    from sklearn.metrics import cohen_kappa_score

    readers = pd.read_csv(simulated / "readers_test.csv", index_col="study")
    gold = (readers[["reader_1", "reader_2", "reader_3"]].sum(axis=1) >= 2).astype(int)
    run(
        "report", simulated, "--readers", simulated / "readers_test.csv", "--panel", "reader_1,reader_2,reader_3",
        "--resamples", 500, "--out", "report",
    )  # fmt: skip
    board = pd.read_csv("report/leaderboard.csv", index_col="rater")
    for reader in ("reader_4", "reader_5", "reader_6"):
        assert board.loc[reader, "kappa"] == pytest.approx(
            cohen_kappa_score(gold, readers[reader]), abs=1e-12
        )
    for folder in simulated.glob("sim_*"):
        views = pd.read_parquet(folder / "test.parquet")
        called = views.groupby("study")["probability"].apply(lambda p: p.astype(float).mean()) > 0.5
        assert board.loc[folder.name, "kappa"] == pytest.approx(
            cohen_kappa_score(gold.sort_index(), called.sort_index().astype(int)), abs=1e-12
        )


@pytest.mark.parametrize("strategy", ["mean", "weighted", "stack"])
@pytest.mark.parametrize("threshold", ["half", "kappa", "per-study-type"])
def test_every_strategy_and_threshold_of_help(run, simulated, strategy, threshold):
    words = ["--strategy", strategy, "--threshold", threshold, "--folds", 3]
    status, out, err = run("fit-stack", simulated, "--labels", simulated / "labels_valid.csv", *words)
    assert status == 0, err
    assert f"{strategy} of " in out


def test_demo(run):
    status, out, _ = run("demo", "--out", "demo")
    assert status == 0
    assert "wrote demo/report/report.html" in out
    assert "simulated" in Path("demo/report/report.html").read_text().lower()
    assert "simulated" in Path("demo/report/report.md").read_text().lower()


def test_simulate_twice_is_the_same(run):
    run("simulate", "--out", "one", "--seed", 4)
    run("simulate", "--out", "two", "--seed", 4)
    for path in Path("one").rglob("*.*"):
        assert path.read_bytes() == (Path("two") / path.relative_to("one")).read_bytes()


def test_import_of_anybodys_csv(run, simulated):
    labels = pd.read_csv(simulated / "labels_valid.csv")
    rng = np.random.default_rng(0)
    theirs = pd.DataFrame(
        {
            "exam": labels["study"],
            "who": [f"p{i}" for i in range(len(labels))],
            "part": "wrist",
            "p": rng.random(1199),
        }
    )
    theirs.to_csv("theirs.csv", index=False)
    status, _, err = run(
        "import", "theirs.csv", "--out", "predictions", "--name", "theirs", "--split", "valid", "--level", "study",
        "--columns", "study=exam,patient=who,study_type=part,probability=p", "--role", "held-out",
    )  # fmt: skip
    assert status == 0, err
    status, _, err = run(
        "report",
        "predictions",
        "--labels",
        simulated / "labels_valid.csv",
        "--out",
        "report",
        "--resamples",
        500,
    )
    assert status == 0, err
    assert pd.read_csv("report/leaderboard.csv")["n"].tolist() == [1199]


def spoil(tmp_path, simulated, change):
    labels = pd.read_csv(simulated / "labels_valid.csv")
    path = tmp_path / "labels.csv"
    change(labels).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda t: t.rename(columns={"gold": "label"}), "column 'gold' is missing"),
        (lambda t: pd.concat([t, t.iloc[[5]]]), "row 1201, column 'study'"),
        (lambda t: t.assign(gold=t["gold"].where(t.index != 2, 7)), "row 4, column 'gold' is"),
        (
            lambda t: t.assign(gold=t["gold"].astype(object).where(t.index != 2, "abnormal")),
            "row 4, column 'gold'",
        ),
        (lambda t: t.assign(gold=t["gold"].where(t.index != 2)), "row 4, column 'gold' is empty"),
        (lambda t: t.iloc[:-1], "no label for study"),
        (lambda t: t.iloc[:0], "no rows"),
    ],
)
def test_bad_labels(refused, simulated, tmp_path, change, wanted):
    sentence = refused(
        "fit-stack", simulated, "--labels", spoil(tmp_path, simulated, change), "--out", "stack.json"
    )
    assert "labels.csv" in sentence
    assert wanted in sentence


def test_empty_file_wrong_path_and_wrong_kind(refused, simulated, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "labels.txt").write_text("study,gold\n")
    (tmp_path / "broken.parquet").write_text("not parquet")
    for name, wanted in {
        "empty.csv": "empty",
        "nowhere.csv": "no such file",
        "labels.txt": ".csv or .parquet",
        "broken.parquet": "cannot be read",
        ".": "is a folder",
    }.items():
        assert wanted in refused("fit-stack", simulated, "--labels", tmp_path / name)
    assert "no such folder" in refused(
        "fit-stack", tmp_path / "nowhere", "--labels", simulated / "labels_valid.csv"
    )
    assert "no backbone here" in refused("fit-stack", tmp_path, "--labels", simulated / "labels_valid.csv")


def test_unknown_names(refused, simulated):
    readers = ["--readers", simulated / "readers_test.csv"]
    assert "reader_9" in refused("report", simulated, *readers, "--panel", "reader_1,reader_2,reader_9")
    labels = ["--labels", simulated / "labels_valid.csv"]
    assert "no backbone 'resnet'" in refused("fit-stack", simulated, *labels, "--backbones", "resnet")
    assert "no split 'tset'" in refused("fit-stack", simulated, *labels, "--split", "tset")


def test_a_gold_standard_is_needed_and_only_one(refused, simulated):
    readers = ["--readers", simulated / "readers_test.csv"]
    assert "exactly one gold standard" in refused("report", simulated)
    assert "exactly one gold standard" in refused("report", simulated, *readers)
    assert "--readers" in refused("report", simulated, "--panel", "reader_1,reader_2,reader_3")


def test_reporting_on_the_studies_of_the_fit_is_refused_or_marked(run, refused, simulated):
    labels = ["--labels", simulated / "labels_valid.csv"]
    run("fit-stack", simulated, *labels, "--out", "stack.json")
    words = ["report", simulated, "--split", "valid", *labels, "--ensemble", "stack.json", "--resamples", 500]
    assert "was fitted on" in refused(*words, "--out", "report")
    assert run(*words, "--out", "report", "--allow-fitted")[0] == 0
    assert "apparent" in pd.read_csv("report/leaderboard.csv", index_col="rater").loc["stack", "notes"]
    assert "apparent" in Path("report/report.html").read_text()
    assert "was fitted on" in refused(
        "apply", "stack.json", simulated, "--split", "valid", "--out", "again.csv"
    )


def test_a_probability_of_1_3_is_refused_with_its_row(refused, tmp_path):
    table = pd.DataFrame(
        {"study": ["a", "b"], "patient": ["p", "q"], "study_type": "wrist", "probability": [0.3, 1.3]}
    )
    table.to_csv(tmp_path / "theirs.csv", index=False)
    sentence = refused(
        "import", "theirs.csv", "--out", "predictions", "--name", "x", "--split", "test", "--level", "study"
    )
    assert "theirs.csv" in sentence
    assert "row 3" in sentence
    assert "1.3" in sentence


def test_a_card_that_was_edited_is_refused(refused, simulated, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(simulated, copy)
    card = next(copy.glob("*/card.json"))
    record = json.loads(card.read_text())
    record["inputs"]["seed"] = 99
    card.write_text(json.dumps(record))
    sentence = refused("fit-stack", copy, "--labels", copy / "labels_valid.csv")
    assert "the card was edited" in sentence


def test_readers_file_mistakes(refused, simulated, tmp_path):
    readers = pd.read_csv(simulated / "readers_test.csv")
    for change, wanted in [
        (lambda t: t.assign(reader_4=t["reader_4"].where(t.index != 6, 2)), "row 8, column 'reader_4'"),
        (lambda t: t.iloc[1:], "has no row here"),
        (lambda t: pd.concat([t, t.iloc[[0]]]), "row 209"),
        (lambda t: t.drop(columns="study"), "study"),
    ]:
        change(readers).to_csv(tmp_path / "readers.csv", index=False)
        sentence = refused(
            "report",
            simulated,
            "--readers",
            tmp_path / "readers.csv",
            "--panel",
            "reader_1,reader_2,reader_3",
        )
        assert wanted in sentence
        assert "readers.csv" in sentence


def test_a_foreign_folder_is_not_overwritten(refused, simulated, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.docx").write_text("years of work")
    words = ["--readers", simulated / "readers_test.csv", "--panel", "reader_1,reader_2,reader_3"]
    refused("report", simulated, *words, "--resamples", 500, "--out", "mine")
    assert (tmp_path / "mine" / "thesis.docx").read_text() == "years of work"
    refused("demo", "--out", "mine")


def test_a_file_or_an_unwritable_place_for_a_folder_is_one_sentence(refused, simulated, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "is a file" in refused("demo", "--out", "file")
    words = ["--readers", simulated / "readers_test.csv", "--panel", "reader_1,reader_2,reader_3"]
    assert "cannot be written" in refused(
        "report", simulated, *words, "--resamples", 200, "--out", "file/below/report"
    )


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["demo", "--seed", "-1"], "--seed"),
        (["fit-stack", "x", "--labels", "y", "--strategy", "best"], "'best' is not one of"),
        (["fit-stack", "x", "--labels", "y", "--folds", "2"], "--folds"),
        (["fit-stack", "x"], "--labels"),
        (["fit-stack", "x", "--lables", "y"], "--lables"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_word_that_cannot_be_read_is_one_sentence(refused, words, wanted):
    sentence = refused(*words)
    assert wanted in sentence
    assert sentence.endswith("--help\n")


def test_help_and_version_still_work(run):
    for words in (["--help"], ["fit-stack", "--help"], ["ensembles", "ls", "--help"]):
        status, out, err = run(*words)
        assert (status, err) == (0, "")
        assert "Usage" in out
    assert run("--version")[0] == 0
    assert "Usage" in "".join(run()[1:])
