"""The verb `readers`, from files to files."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
import typer

from mura_ensemble.commands.readers import VERBS
from mura_ensemble.data.errors import InputError

SIMULATED = Path(__file__).parent.parent / "predictions" / "simulated"


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*words):
        app = typer.Typer()
        for name, verb in VERBS:
            app.command(name)(verb)
        monkeypatch.setattr(sys, "argv", ["readers", *map(str, words)])
        app(standalone_mode=False)
        return capsys.readouterr().out

    return call


def test_readers_alone(run, tmp_path):
    out = run(SIMULATED / "readers_test.csv", "--out", tmp_path / "found", "--resamples", "200")
    assert "every panel of 3 of 6 readers in turn (20 panels)" in out
    assert "6 readers agree with each other with a Fleiss' kappa of" in out
    assert "Simulated data" in (tmp_path / "found" / "readers.md").read_text()
    rows = json.loads((tmp_path / "found" / "readers.json").read_text())["rows"]
    assert [row["reader"] for row in rows] == [f"reader_{j}" for j in range(1, 7)]
    assert f"{rows[0]['kappa']:.3f}" in out
    assert not (tmp_path / "found" / "models.csv").exists()


def test_models_from_the_cache_against_a_panel(run, tmp_path):
    words = (
        SIMULATED / "readers_test.csv",
        "--predictions",
        SIMULATED,
        "--split",
        "test",
        "--resamples",
        "200",
    )
    words += ("--panel", "reader_1,reader_2,reader_3", "--backbones", "sim_convnext_tiny")
    out = run(*words, "--out", tmp_path / "a")
    run(*words, "--out", tmp_path / "b")
    assert "in panel" in out
    assert "Simulated data" in (tmp_path / "a" / "readers.md").read_text()
    for name in ("readers.html", "readers.md", "models.json", "contrasts.csv", "operating_points.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    points = pd.read_csv(tmp_path / "a" / "operating_points.csv")
    assert list(points["reader"]) == ["reader_4", "reader_5", "reader_6"]


def test_calls_from_a_file_and_a_gold_standard_from_a_file(run, tmp_path):
    reads = pd.read_csv(SIMULATED / "readers_test.csv")
    reads[["study", "reader_6"]].rename(columns={"reader_6": "net"}).to_csv(
        tmp_path / "calls.csv", index=False
    )
    reads[["study", "reader_5"]].rename(columns={"reader_5": "gold"}).to_csv(
        tmp_path / "gold.csv", index=False
    )
    reads.iloc[:, :5].to_csv(tmp_path / "four.csv", index=False)
    out = run(
        tmp_path / "four.csv", "--calls", tmp_path / "calls.csv", "--gold", tmp_path / "gold.csv",
        "--out", tmp_path / "found", "--resamples", "200",
    )  # fmt: skip
    assert "Labels from a file" in out
    assert "Against the best reader (" in out
    assert "taken as a maximum" in out
    assert "warning ME105" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--panel", "reader_1,nobody"), "unknown reader 'nobody'"),
        (("--panel", "reader_1", "--gold", "x.csv"), "not both"),
        (("--ensemble", "x.json"), "need --predictions"),
        (("--made-by", "reader_1"), "give that too"),
        (("--gold", "x.csv", "--adjudication", "y.csv"), "is the gold standard already"),
        (("--panels", "none"), "neither a number of readers"),
        (("--panels", "6"), "leaves nobody outside"),
        (("--panels", "others", "--adjudication", SIMULATED / "own.csv"), "no such file"),
        (("--map", "YES=2"), "is not word=1"),
        (("--map", "YES=1"), "the map knows YES"),
        (("--columns", "name=x"), "there is no column 'name' of ours"),
        (("--columns", "study"), "is not ours=theirs"),
        (("--columns", "study=x"), "there is no column 'x'"),
        (("--calls", SIMULATED / "readers_test.csv"), "is there already"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(run, tmp_path, words, sentence):
    with pytest.raises(InputError, match=sentence):
        run(SIMULATED / "readers_test.csv", *words, "--out", tmp_path / "found")
    assert not (tmp_path / "found").exists()


def test_words_other_columns_reads_made_twice_and_an_adjudication(run, tmp_path):
    reads = pd.read_csv(SIMULATED / "readers_test.csv")
    long = reads.melt("study", var_name="Reader ID", value_name="Fracture").rename(columns={"study": "View"})
    long["Fracture"] = long["Fracture"].map({1: "YES", 0: "NO"})
    long.loc[7, "Fracture"] = "HEDGE"
    long["Patient ID"] = long["View"]
    long["Nodule"] = "NO"
    again = long.iloc[[3, 5]].assign(Fracture=["YES", "NO"])
    pd.concat([long, again]).to_csv(tmp_path / "long.csv", index=False)
    panel = reads.iloc[:, 1:4].sum(axis=1)
    hard = reads.loc[panel.isin([1, 2]), ["study", "reader_6"]]
    hard.rename(columns={"reader_6": "gold"}).to_csv(tmp_path / "final.csv", index=False)
    words = [
        tmp_path / "long.csv", "--map", "YES=1,NO=0,HEDGE=missing", "--columns",
        "study=View,reader=Reader ID,call=Fracture,patient=Patient ID", "--resamples", "200",
        "--panel", "reader_1,reader_2,reader_3", "--rule", "unanimous", "--adjudication", tmp_path / "final.csv",
    ]  # fmt: skip
    with pytest.raises(InputError, match="stands already in row"):
        run(*words, "--out", tmp_path / "found")
    out = run(*words, "--repeats", "agree", "--figure", "sensitivity", "--out", tmp_path / "found")
    assert "unanimous vote, else adjudication, of reader_1, reader_2, reader_3" in out.lower()
    assert "note ME106: 2 reads stood several times in the file, 1 of them" in out
    found = pd.read_csv(tmp_path / "found" / "readers.csv").set_index("reader")
    assert found.loc["reader_1", "reads"] == len(reads) - 2  # HEDGE and the read that contradicts itself
    gold = (panel == 3).astype(int).where(~panel.isin([1, 2]), reads["reader_6"])
    kept = reads.index.difference([3, 7])
    own = reads["reader_4"][kept][gold[kept] == 1].mean()
    assert found.loc["reader_4", "sensitivity"] == pytest.approx(own, abs=0.02)


def test_every_figure_stands_on_disk_and_says_simulated(run, tmp_path):
    run(
        SIMULATED / "readers_test.csv", "--predictions", SIMULATED, "--split", "test", "--resamples", "200",
        "--panel", "reader_1,reader_2,reader_3", "--backbones", "sim_resnet50", "--margin", "0.1",
        "--figure", "accuracy", "--out", tmp_path,
    )  # fmt: skip
    for name in ("differences", "panels", "roc"):
        drawing = (tmp_path / "figures" / f"{name}.svg").read_text()
        assert "simulated data" in drawing
        assert "reader_4" in drawing
    models = pd.read_csv(tmp_path / "models.csv")
    text = (tmp_path / "readers.md").read_text()
    assert f"{models['accuracy'][0]:.3f}" in text
    assert models["simulated"].all()
    assert "ME105" not in text  # the margin was declared
