"""`submit` and `evaluate` keep MURA's contract from files to files."""

import json
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data.names import study_key, view_key
from mura_ensemble.data.predictions import manifest_digest, write_split

BACKBONES = ("ann", "bob")


def mura_views(split, patients, seed):
    """Views of invented patients under MURA's keys, with a gold and one logit per backbone."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(patients):
        kind = ("wrist", "elbow", "hand")[number % 3]
        patient = f"patient{90000 + number + (500 if split == 'test' else 0)}"
        study = study_key(split, kind, patient, 1)
        gold = int(rng.random() < 0.45)
        for view in range(1 + number % 3):
            signal = (2 * gold - 1) * 1.2 + rng.normal()
            row = {name: signal + rng.normal() for name in BACKBONES}
            rows.append((study, view_key(study, f"image{view + 1}.png"), patient, kind, split, gold, row))
    return rows


@pytest.fixture
def predicted(tmp_path):
    """`predictions/` of two backbones on valid and test, labels of valid, the test list and its gold."""
    for split, patients, seed in (("valid", 120, 1), ("test", 45, 2)):
        rows = mura_views(split, patients, seed)
        for name in BACKBONES:
            logit = np.array([row[-1][name] for row in rows])
            table = pd.DataFrame(
                [row[:5] for row in rows], columns=["study", "view", "patient", "study_type", "split"]
            )
            table = table.assign(
                fold=-1, logit=logit, probability=1 / (1 + np.exp(-logit)), status="ok", reason=""
            )
            write_split(
                tmp_path / "predictions" / name, split, table,
                inputs={"generator": "test", "backbone": name}, manifest=manifest_digest(table), made_by="test",
                role="held-out", simulated=True,
            )  # fmt: skip
        gold = {row[0]: row[5] for row in rows}
        pd.Series(gold, name="gold").rename_axis("study").to_csv(tmp_path / f"labels_{split}.csv")
        listed = "".join(f"MURA-v1.1/{row[1]}\n" for row in rows)
        (tmp_path / f"{split}_image_paths.csv").write_text(listed)
        lines = "".join(f"MURA-v1.1/{study}/,{value}\n" for study, value in gold.items())
        (tmp_path / f"{split}_labeled_studies.csv").write_text(lines)
    return tmp_path


@pytest.fixture
def run(run, predicted):
    """The command line beside the predictions and an ensemble, `stack.json`."""
    assert run("fit-stack", "predictions", "--labels", "labels_valid.csv", "--split", "valid")[0] == 0
    return run


def test_submit_then_evaluate(run):
    words = [
        "submit",
        "test_image_paths.csv",
        "out.csv",
        "--ensemble",
        "stack.json",
        "--predictions",
        "predictions",
    ]
    status, out, err = run(*words)
    assert status == 0, err
    rows = [line.split(",") for line in Path("out.csv").read_text().splitlines()]
    listed = Path("test_image_paths.csv").read_text().splitlines()
    assert [row[0] for row in rows] == list(dict.fromkeys(path.rpartition("/")[0] + "/" for path in listed))
    assert {row[1] for row in rows} <= {"0", "1"}
    run("apply", "stack.json", "predictions", "--split", "test", "--out", "calls.csv")
    calls = pd.read_csv("calls.csv", index_col="study")["call"]
    assert {row[0].removeprefix("MURA-v1.1/").rstrip("/"): int(row[1]) for row in rows} == calls.to_dict()

    for protocol in ("strict", "official"):
        words = [
            "evaluate",
            "test_labeled_studies.csv",
            "out.csv",
            "--protocol",
            protocol,
            "--out",
            f"{protocol}.json",
        ]
        status, out, err = run(*words)
        assert status == 0, err
        assert "overall" in out
    strict, official = (json.loads(Path(f"{name}.json").read_text()) for name in ("strict", "official"))
    overall = next(row for row in strict["rows"] if row["study_type"] == "overall")
    assert overall["kappa"] == pytest.approx(official["Overall_Mean"], abs=1e-12)
    assert overall["high"] - overall["low"] > 5 * (official["Overall_Upper"] - official["Overall_Lower"])


def test_submit_of_views_that_are_not_predicted(run):
    with Path("test_image_paths.csv").open("a") as file:
        file.write("MURA-v1.1/test/XR_WRIST/patient99999/study1/image1.png\n")
    words = [
        "submit",
        "test_image_paths.csv",
        "out.csv",
        "--ensemble",
        "stack.json",
        "--predictions",
        "predictions",
    ]
    status, _, err = run(*words)
    assert status == 2
    assert "no prediction of view test/XR_WRIST/patient99999/study1/image1.png" in err
    assert not Path("out.csv").exists()


def test_submit_of_fitted_studies_is_refused(run):
    words = [
        "submit",
        "valid_image_paths.csv",
        "out.csv",
        "--ensemble",
        "stack.json",
        "--predictions",
        "predictions",
    ]
    status, _, err = run(*words)
    assert status == 2
    assert "was fitted on" in err
    assert run(*words, "--allow-fitted")[0] == 0


def spoil_studies(studies):
    """Let both backbones fail on every view of these studies of test, and on one view of another study."""
    for folder in Path("predictions").iterdir():
        card = json.loads((folder / "card.json").read_text())
        table = pd.read_parquet(folder / "test.parquet")
        first_of_two = table[~table["study"].isin(studies) & table["study"].duplicated(keep="last")].index[:1]
        lost = table["study"].isin(studies) | table.index.isin(first_of_two)
        table.loc[lost, ["logit", "probability"]] = np.nan
        table.loc[lost, "status"], table.loc[lost, "reason"] = "failed", "no such file"
        write_split(
            folder, "test", table, inputs=card["inputs"], manifest=manifest_digest(table), made_by="test",
            role="held-out", simulated=True,
        )  # fmt: skip


def test_a_study_with_failed_views_only_is_named_and_can_be_called(run):
    study = pd.read_parquet("predictions/ann/test.parquet")["study"].iloc[0]
    views = int((pd.read_parquet("predictions/ann/test.parquet")["study"] == study).sum())
    spoil_studies([study])
    words = ["submit", "test_image_paths.csv", "out.csv", "--ensemble", "stack.json"]
    words += ["--predictions", "predictions"]
    status, _, err = run(*words)
    assert status == 2
    assert study in err
    assert "(no such file)" in err
    assert "--undecided 0" in err
    assert "renormalise" not in err
    assert not Path("out.csv").exists()
    for call, word in (("0", "normal"), ("1", "abnormal")):
        status, out, err = run(*words, "--undecided", call)
        assert status == 0, err
        assert f"1 studies could not be decided and are called {word}" in out
        # Two backbones failed on the same views; a view counts once.
        assert f"{views + 1} of " in out
        rows = dict(line.split(",") for line in Path("out.csv").read_text().splitlines())
        assert rows[f"MURA-v1.1/{study}/"] == call


def test_the_official_protocol_names_rows_of_an_unknown_study_type(run):
    for name in ("gold.csv", "calls.csv"):
        Path(name).write_text(
            "MURA-v1.1/valid/XR_WRIST/patient1/study1/,1\nMURA-v1.1/valid/XR_WRIST/patient2/study1/,0\n"
            "MURA-v1.1/valid/XR_FOO/patient3/study1/,1\n"
        )
    status, out, err = run("evaluate", "gold.csv", "calls.csv", "--protocol", "official")
    assert status == 0, err
    assert "1 rows are of no known study type" in out
    assert "XR_FOO/patient3" in out


def test_the_submit_command_that_fit_stack_prints_works(run):
    """Where the labels lie beside the index of a copy, that copy's own list of views is known."""
    Path("index.json").write_text(json.dumps({"root": str(Path.cwd())}))
    status, out, err = run("fit-stack", "predictions", "--labels", "labels_valid.csv", "--split", "valid")
    assert status == 0, err
    (command,) = [line for line in out.splitlines() if line.startswith("  mura-ensemble submit ")]
    status, out, err = run(*shlex.split(command)[1:])
    assert status == 0, err
    assert len(Path("submission.csv").read_text().splitlines()) == 45
