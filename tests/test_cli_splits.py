"""A split is guessed only where nothing else can be meant; what must be known of the gold standard is said."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data.predictions import manifest_digest, write_split

STUDIES = {"train": 90, "valid": 60, "test": 40}


def write_set(roles, name="ours", provenance=None):
    """Two backbones on the splits of `roles`; return the gold standard of every study."""
    rng = np.random.default_rng(5)
    every = {}
    for split, role in roles.items():
        studies = [f"{split}/{number:03d}" for number in range(STUDIES[split])]
        gold = rng.integers(0, 2, len(studies))
        every.update(zip(studies, gold.tolist(), strict=True))
        for backbone in ("ann", "bob"):
            logit = 2.0 * gold - 1 + rng.normal(0, 1.2, len(studies))
            table = pd.DataFrame({"study": studies, "view": [f"{study}.png" for study in studies]}).assign(
                patient=[study.replace("/", "-") for study in studies],
                study_type="wrist",
                split=split,
                fold=-1,
                logit=logit,
                probability=1 / (1 + np.exp(-logit)),
                status="ok",
                reason="",
            )
            write_split(
                Path("predictions") / name / backbone, split, table, inputs={"backbone": backbone},
                manifest=manifest_digest(table), made_by="test", role=role, provenance=provenance,
            )  # fmt: skip
    return pd.Series(every, name="gold").rename_axis("study")


def test_a_fit_takes_the_only_split_that_is_wholly_labelled(run):
    gold = write_set({"train": "out-of-fold", "valid": "held-out"})
    gold[gold.index.str.startswith("valid")].to_csv("labels.csv")
    status, out, err = run("fit-stack", "predictions/ours", "--labels", "labels.csv")
    assert status == 0, err
    assert "fitted on split 'valid': 60 studies" in out
    # Part of another split is no reason to take that one.
    gold.iloc[30:].to_csv("labels.csv")
    status, out, err = run("fit-stack", "predictions/ours", "--labels", "labels.csv")
    assert status == 0, err
    assert "fitted on split 'valid': 60 studies" in out


def test_of_several_labelled_splits_a_fit_takes_the_out_of_fold_one(run):
    write_set({"train": "out-of-fold", "valid": "held-out", "test": "held-out"}).to_csv("labels.csv")
    for verb in ("fit-stack", "search"):
        status, out, err = run(verb, "predictions/ours", "--labels", "labels.csv")
        assert status == 0, err
        assert "split 'train'" in out


def test_where_several_splits_can_be_meant_they_are_listed(run):
    write_set({"valid": "held-out", "test": "held-out"}).to_csv("labels.csv")
    for verb in ("fit-stack", "search", "report"):
        status, _, err = run(verb, "predictions/ours", "--labels", "labels.csv")
        assert status == 2
        assert "covers several splits" in err
        assert "test: held-out, valid: held-out" in err
        assert "--split" in err
        assert err.count("\n") == 1
    assert not Path("stack.json").exists()


def test_labels_of_no_split(run):
    write_set({"valid": "held-out"})
    Path("labels.csv").write_text("study,gold\nx,1\n")
    status, _, err = run("fit-stack", "predictions/ours", "--labels", "labels.csv")
    assert status == 2
    assert "holds no study of predictions/ours" in err


def test_apply_takes_the_only_split_the_ensemble_is_new_to(run):
    gold = write_set({"valid": "held-out", "test": "held-out"})
    gold.to_csv("labels.csv")
    run("fit-stack", "predictions/ours", "--labels", "labels.csv", "--split", "test")
    status, _, err = run("apply", "stack.json", "predictions/ours")
    assert status == 0, err
    assert len(pd.read_csv("calls.csv")) == STUDIES["valid"]
    write_set({"train": "held-out", "valid": "held-out", "test": "held-out"}, name="more")
    status, _, err = run("apply", "stack.json", "predictions/more")
    assert status == 2
    assert "train: held-out, valid: held-out" in err


def test_next_commands_carry_what_the_fit_used_and_no_folder_that_is_there(run):
    write_set({"valid": "held-out", "test": "held-out"}).to_csv("labels.csv")
    Path("reports/ours").mkdir(parents=True)
    status, out, err = run(
        "fit-stack", "predictions/ours", "--labels", "labels.csv", "--split", "valid", "--missing", "renormalise",
        "--backbones", "bob,ann",
    )  # fmt: skip
    assert status == 0, err
    commands = [line for line in out.splitlines() if line.startswith("  mura-ensemble ")]
    assert len(commands) == 3
    assert all("--missing renormalise" in line for line in commands)
    assert "--out reports/ours-2" in commands[-1]
    assert "--backbones bob,ann" in commands[-1]


def warnings_of(folder="report"):
    checks = json.loads(Path(folder, "comparison.json").read_text())["checks"]
    return [f"{check['sentence']} {check['action']}" for check in checks]


def test_a_role_that_nobody_said_and_unknown_patients_reach_the_report(run):
    write_set({"valid": "unknown"}).to_csv("labels.csv")
    words = ["report", "predictions/ours", "--labels", "labels.csv", "--resamples", 200, "--out", "report"]
    status, out, err = run(*words)
    assert status == 0, err
    assert any("ann, bob were trained on these studies (role unknown)" in text for text in warnings_of())
    assert "role unknown" in out
    assert "role unknown" in Path("report/report.html").read_text()
    assert not any("Patients are not known" in text for text in warnings_of())
    Path("predictions/ours/set.json").write_text('{"patients": "unknown"}')
    status, out, err = run(*words)
    assert status == 0, err
    assert any("Patients are not known" in text for text in warnings_of())
    assert "Patients are not known" in run("fit-stack", "predictions/ours", "--labels", "labels.csv")[1]


def test_an_import_without_patients_says_so_in_the_report(run):
    rng = np.random.default_rng(0)
    studies = [f"s{number}" for number in range(40)]
    for name in ("ann", "bob"):
        pd.DataFrame({"study": studies, "study_type": "wrist", "probability": rng.random(40)}).to_csv(
            "theirs.csv", index=False
        )
        words = ["--name", name, "--split", "test", "--level", "study", "--role", "held-out"]
        status, _, err = run("import", "theirs.csv", "--out", "predictions/ours", *words)
        assert status == 0, err
    pd.DataFrame({"study": studies, "gold": rng.integers(0, 2, 40)}).to_csv("labels.csv", index=False)
    status, _, err = run(
        "report", "predictions/ours", "--labels", "labels.csv", "--resamples", 200, "--out", "report"
    )
    assert status == 0, err
    assert any("Patients are not known" in text for text in warnings_of())


@pytest.mark.parametrize(
    ("panel", "wanted", "standard"),
    [
        ("r1", "one reader: no panel and no majority", "the calls of r1"),
        ("r1,r2", "even number of readers (2)", "majority of r1, r2"),
    ],
)
def test_a_small_panel_is_warned_of_first(run, panel, wanted, standard):
    gold = write_set({"test": "held-out"})
    rng = np.random.default_rng(3)
    readers = pd.DataFrame(
        {name: np.where(rng.random(40) < 0.8, gold, 1 - gold) for name in ("r1", "r2", "r3")}
    )
    readers.set_index(gold.index).to_csv("readers.csv")
    words = ["--readers", "readers.csv", "--panel", panel, "--resamples", 200, "--out", "report"]
    status, out, err = run("report", "predictions/ours", *words)
    assert status == 0, err
    assert any(wanted in text for text in warnings_of())
    assert wanted in out.splitlines()[0]  # before all other warnings
    assert json.loads(Path("report/comparison.json").read_text())["provenance"]["gold_standard"] == standard
    divided = int((readers["r1"] != readers["r2"]).sum()) if panel == "r1,r2" else 0
    said = [text for text in warnings_of() if "the hard ones" in text]
    assert len(said) == (divided > 0)
    if divided:
        assert said[0].startswith(f"{divided} of 40 studies")
