"""The verb `readers`, from files to files."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
import typer

from mura_ensemble.cli.readers import VERBS
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
    assert "every panel of 3 of 6 readers (20 panels)" in out
    assert "Fleiss' kappa among the readers" in out
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
    assert "gold standard from a file" in out
    assert "against the best reader, taken as a maximum" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--panel", "reader_1,nobody"), "unknown reader 'nobody'"),
        (("--panel", "reader_1", "--gold", "x.csv"), "not both"),
        (("--ensemble", "x.json"), "need --predictions"),
        (("--calls", SIMULATED / "readers_test.csv"), "is there already"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(run, tmp_path, words, sentence):
    with pytest.raises(InputError, match=sentence):
        run(SIMULATED / "readers_test.csv", *words, "--out", tmp_path / "found")
    assert not (tmp_path / "found").exists()
