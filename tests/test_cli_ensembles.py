"""The verbs of the ensembles on real files: fit-stack, apply, explain, search, ensembles."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from mura_ensemble.data.predictions import read_card, read_split, write_split


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    from mura_ensemble.data.simulation.study import simulate_reader_study, write_reader_study

    folder = tmp_path_factory.mktemp("set") / "simulated"
    write_reader_study(simulate_reader_study(seed=3), folder)
    return folder


def commands_of(out):
    return [shlex.split(line)[1:] for line in out.splitlines() if line.strip().startswith("mura-ensemble ")]


def labels(simulated):
    return ["--labels", simulated / "labels_valid.csv"]


def test_a_choice_a_learned_pooling_and_every_next_command(run, simulated):
    status, out, err = run(
        "fit-stack", simulated, *labels(simulated), "--strategy", "auto", "--pooling", "learned",
        "--backbones", "sim_resnet50,sim_convnext_tiny,sim_densenet169", "--out", "my stack.json",
    )  # fmt: skip
    assert status == 0, err
    assert "chosen in folds" in out
    assert "learned of views" in out
    assert "the best of these kappas is too good" in out
    commands = commands_of(out)
    assert [command[0] for command in commands] == ["explain", "apply"]
    for command in commands:
        status, said, err = run(*command)
        assert status == 0, err
        assert said
    calls = pd.read_csv("calls.csv")
    assert len(calls) == 207
    assert (calls["backbones"] == 3).all()
    record = json.loads(Path("my stack.json").read_text())
    assert record["pooling"]["kind"] == "learned"
    assert list(record["pooling"]["coefficients"]["mean"]) == sorted(record["backbones"])
    status, out, err = run(
        "report", simulated, "--readers", simulated / "readers_test.csv", "--panel", "reader_1,reader_2,reader_3",
        "--ensemble", "my stack.json", "--resamples", 500, "--out", "report",
    )  # fmt: skip
    assert status == 0, err
    board = pd.read_csv("report/leaderboard.csv", index_col="rater")
    readers = pd.read_csv(simulated / "readers_test.csv", index_col="study")
    gold = (readers[["reader_1", "reader_2", "reader_3"]].sum(axis=1) >= 2).astype(int)
    called = calls.set_index("study")["call"].reindex(gold.index)
    assert board.loc["auto", "kappa"] == pytest.approx(cohen_kappa_score(gold, called), abs=1e-12)


def test_explain(run, simulated):
    run("fit-stack", simulated, *labels(simulated), "--strategy", "weighted", "--out", "w.json")
    words = ["explain", "w.json", simulated, *labels(simulated), "--resamples", 100]
    status, out, err = run(*words, "--out", "explained.csv")
    assert status == 0, err
    assert "Shapley value" in out
    table = pd.read_csv("explained.csv")
    assert table.groupby("quantity").size().to_dict() == {"leave_one_out": 6, "shapley_value": 6, "weight": 6}
    assert (table["low"] <= table["high"]).all()
    weights = table[table["quantity"] == "weight"].set_index("backbone")["estimate"]
    record = json.loads(Path("w.json").read_text())
    assert weights.to_dict() == pytest.approx(record["combination"]["weights"])
    gold = pd.read_csv(simulated / "labels_valid.csv", index_col="study")["gold"].sort_index()
    each = [
        read_split(path, "valid").groupby("study")["probability"].apply(lambda p: p.astype(float).mean())
        for path in sorted(simulated.glob("sim_*"))
    ]
    whole = cohen_kappa_score(gold, pd.concat(each, axis=1).mean(axis=1).sort_index() > 0.5)
    shapley = table.loc[table["quantity"] == "shapley_value", "estimate"]
    assert shapley.sum() == pytest.approx(whole, abs=1e-9)


def test_search_and_its_next_command(run, simulated):
    status, out, err = run(
        "search", simulated, *labels(simulated), "--out", "front.csv", "--subsets", "subsets.csv"
    )
    assert status == 0, err
    front, subsets = pd.read_csv("front.csv"), pd.read_csv("subsets.csv")
    assert front["size"].tolist() == [1, 2, 3, 4, 5, 6, 0]
    assert len(subsets) == 63
    assert front["apparent"].max() == pytest.approx(subsets["kappa"].max())
    (command,) = commands_of(out)
    status, _, err = run(*command)
    assert status == 0, err
    evaluation = json.loads(Path("best_subset.json").read_text())["evaluation"]
    # The mean is fitted to nothing: with the subset given, its kappa is the one that the search listed.
    assert evaluation["apparent"] == pytest.approx(front["apparent"].iloc[-1], abs=1e-12)
    assert evaluation["nested"] == pytest.approx(evaluation["apparent"], abs=1e-12)


def test_ensembles_lists_what_is_there(run, simulated):
    run("fit-stack", simulated, *labels(simulated), "--strategy", "mean", "--out", "a.json")
    run("fit-stack", simulated, *labels(simulated), "--strategy", "power-mean", "--out", "b.json")
    Path("other.json").write_text("{}")
    status, out, err = run("ensembles", "ls", ".", "--out", "list.csv")
    assert status == 0, err
    assert "1 other JSON files" in out
    table = pd.read_csv("list.csv")
    table = table.set_index("file")
    assert table["recipe"].to_dict() == {"a.json": "mean", "b.json": "power-mean"}
    nested = json.loads(Path("a.json").read_text())["evaluation"]["nested"]
    assert table.loc["a.json", "nested"] == pytest.approx(nested, abs=1e-9)


def test_matched_to_a_reader(run, simulated):
    gold = pd.read_csv(simulated / "labels_valid.csv", index_col="study")["gold"]
    rng = np.random.default_rng(0)
    reader = gold.where(rng.random(len(gold)) < 0.9, 1 - gold)
    reader.rename("reader_7").to_csv("readers.csv")
    words = ["fit-stack", simulated, *labels(simulated), "--strategy", "mean", "--out", "m.json"]
    status, _, err = run(*words, "--readers", "readers.csv", "--threshold", "reader=reader_7")
    assert status == 0, err
    point = json.loads(Path("m.json").read_text())["operating_point"]
    specificity = (reader[gold == 0] == 0).mean()
    assert point["kind"] == "specificity"
    assert point["target"] == pytest.approx(specificity)
    run("apply", "m.json", simulated, "--split", "valid", "--allow-fitted", "--out", "calls.csv")
    called = pd.read_csv("calls.csv", index_col="study")["call"].reindex(gold.index)
    assert specificity <= (called[gold == 0] == 0).mean() < specificity + 0.01
    assert "give --readers" in run(*words, "--threshold", "reader=reader_7")[2]
    assert "no reader 'x'" in run(*words, "--readers", "readers.csv", "--threshold", "reader=x")[2]
    test = simulated / "readers_test.csv"
    assert (
        "read none of the normal studies"
        in run(*words, "--readers", test, "--threshold", "reader=reader_1")[2]
    )


def test_a_mix_is_said(run, simulated):
    words = [
        "fit-stack",
        simulated,
        *labels(simulated),
        "--strategy",
        "mean",
        "--mix",
        "test",
        "--out",
        "m.json",
    ]
    status, out, err = run(*words)
    assert status == 0, err
    assert "weighted to the study types of split 'test'" in out
    assert json.loads(Path("m.json").read_text())["evaluation"]["mix"] == "test"


def test_one_network_under_two_names_is_said(run, simulated, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(simulated, copy)
    card = read_card(copy / "sim_resnet50")
    entry = card["splits"]["valid"]
    write_split(
        copy / "sim_twin", "valid", read_split(copy / "sim_resnet50", "valid"), inputs=card["inputs"],
        manifest=entry["manifest_digest"], made_by="copy", role="held-out", simulated=True,
    )  # fmt: skip
    status, out, err = run("fit-stack", copy, "--labels", copy / "labels_valid.csv", "--strategy", "mean")
    assert status == 0, err
    assert "'sim_resnet50' and 'sim_twin' have identical probabilities" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--pooling", "max"], "rises with the number of views"),
        (["--strategy", "greedy-kappa-joint"], "--threshold kappa"),
        (
            ["--threshold", "best"],
            "--threshold best: choose half, kappa, per-study-type, intercept, sensitivity=VALUE",
        ),
        (["--strategy", "auto", "--folds", 3], "at least 4"),
        (["--mix", "tset"], "no split 'tset'"),
    ],
)
def test_what_cannot_be_fitted_is_said_in_one_sentence(run, simulated, words, sentence):
    status, _, err = run("fit-stack", simulated, *labels(simulated), *words)
    assert status == 2
    assert sentence in err
    assert err.count("\n") == 1
    assert not Path("stack.json").exists()


def test_other_mistakes(run, simulated):
    status, _, err = run("ensembles", "ls", "nowhere")
    assert status == 2
    assert "no such folder" in err
    status, _, err = run("ensembles", "ls", ".")
    assert status == 2
    assert "no ensemble here" in err
    status, _, err = run("search", simulated, *labels(simulated), "--folds", 3, "--backbones", "x")
    assert status == 2
    assert "no backbone 'x'" in err


def test_a_threshold_that_is_unknown_names_every_choice(run, simulated):
    err = run("fit-stack", simulated, *labels(simulated), "--threshold", "0.4")[2]
    assert "reader=NAME" in err
    assert "auto" in err
    err = run("fit-stack", simulated, "--labels", "nowhere.csv", "--threshold", "reader=bob")[2]
    assert "give --readers" in err


def test_too_many_folds_are_said_with_the_mend(run, simulated):
    err = run("fit-stack", simulated, *labels(simulated), "--folds", 10000)[2]
    assert "split 'valid'" in err
    assert "ask for fewer folds" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--calibration", "platt"], "calibration     platt: logit times"),
        (["--calibration", "temperature"], "calibration     temperature "),
        (["--calibration", "isotonic"], "calibration     isotonic, "),
        (["--pooling", "learned"], "learned pooling of"),
        (["--threshold", "kappa"], "(kappa)"),
        (["--strategy", "power-mean"], "power mean      exponent"),
    ],
)
def test_what_is_fitted_is_never_called_nothing(run, simulated, words, said):
    more = [] if "--strategy" in words else ["--strategy", "mean"]
    few = ["--backbones", "sim_resnet50,sim_densenet169", "--folds", 3]
    status, out, err = run("fit-stack", simulated, *labels(simulated), *more, *words, *few)
    assert status == 0, err
    assert said in out
    assert "weight 0.500 for each backbone" in out
    assert "nothing is fitted" not in out
    if words[0] == "--calibration":
        out = run("ensembles", "ls")[1]
        assert f"mean of 2, {words[1]}" in out
        assert "-0.000" not in out


def test_a_plain_mean_fits_nothing(run, simulated):
    out = run("fit-stack", simulated, *labels(simulated), "--strategy", "mean")[1]
    assert "nothing is fitted" in out
    assert "  gap             0.000" in out


def test_ensembles_stand_in_the_order_of_their_nested_kappa(run, simulated):
    for name, backbone in (("a", "sim_mobilenet_v3"), ("b", "sim_densenet169"), ("c", "sim_resnet50")):
        words = ["--strategy", "mean", "--backbones", backbone, "--out", f"{name}.json"]
        run("fit-stack", simulated, *labels(simulated), *words)
    run("ensembles", "ls", ".", "--out", "list.csv")
    nested = pd.read_csv("list.csv")["nested"]
    assert nested.is_monotonic_decreasing
    assert nested.nunique() == 3


def test_pooling_by_study_type_from_fit_to_calls(run, simulated):
    words = [
        "fit-stack",
        simulated,
        "--labels",
        simulated / "labels_valid.csv",
        "--split",
        "valid",
        "--strategy",
        "mean",
    ]
    status, _, err = run(*words, "--pooling", "mean,hand=max")
    assert status == 2
    assert "rises with the number of views" in err
    status, _, err = run(*words, "--pooling", "mean,hnd=top-2")
    assert status == 2
    assert "no study of type 'hnd' here" in err
    assert run(*words, "--pooling", "mean,hand=top-2", "--out", "types.json")[0] == 0
    assert run(*words, "--out", "plain.json")[0] == 0
    for name in ("types", "plain"):
        status, _, err = run("apply", f"{name}.json", simulated, "--split", "test", "--out", f"{name}.csv")
        assert status == 0, err
    types, plain = (pd.read_csv(f"{name}.csv") for name in ("types", "plain"))
    differs = types["probability"] != plain["probability"]
    assert differs.any()
    assert set(types.loc[differs, "study_type"]) == {"hand"}
