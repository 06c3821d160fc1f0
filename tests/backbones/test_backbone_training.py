from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import TINY, Study
from killing import contents
from typer.testing import CliRunner

pytestmark = pytest.mark.backbones
torch = pytest.importorskip("torch")

from mura_ensemble.backbones import train_backbone  # noqa: E402
from mura_ensemble.backbones.training import train  # noqa: E402
from mura_ensemble.backbones.training.member import _batches, class_weights, seeded  # noqa: E402
from mura_ensemble.backbones.views.augment import Changes, changed  # noqa: E402
from mura_ensemble.backbones.weights import runs  # noqa: E402
from mura_ensemble.commands import app  # noqa: E402
from mura_ensemble.data.errors import InputError  # noqa: E402
from mura_ensemble.data.tables.manifests import read_views  # noqa: E402


def _train(study: Study, out: Path, **changes: Any) -> Any:
    settings = {**TINY, "folds": 2, "epochs": 2, "batch_size": 8, "device": "cpu", **changes}
    return train_backbone(study.manifest, study.labels, out, **settings)


def _digests(folder: Path) -> list[str]:
    return [member["weights"] for member in json.loads((folder / "run.json").read_text())["members"]]


def test_weights_follow_the_papers_formula() -> None:
    weights = class_weights(["hand"] * 4 + ["wrist"] * 2, [1, 0, 0, 0, 1, 1])
    assert weights == {"hand": (0.25, 0.75), "wrist": (1.0, 0.0)}
    # Both classes weigh alike: 3 normal views of 1/4 and 1 abnormal view of 3/4.
    assert 3 * weights["hand"][0] == 1 * weights["hand"][1]


def test_augmentation_mirrors_and_rotates() -> None:
    values = torch.zeros(4, 1, 9, 9)
    values[:, 0, 3, 1] = 1  # left of the centre, a little above
    found = changed(values, Changes(np.array([False, True, False, True]), np.array([0.0, 0.0, 90.0, 90.0])))
    assert torch.allclose(found[0], values[0], atol=1e-6)
    assert torch.allclose(found[1], values[0].flip(-1), atol=1e-6)
    assert torch.allclose(found[2], values[2].rot90(1, (-2, -1)), atol=1e-6)
    assert torch.allclose(found[3], found[2].flip(-1), atol=1e-6)
    assert float(found.sum()) == pytest.approx(4, abs=1e-4)


def test_no_batch_of_a_single_view_where_it_can_be_helped() -> None:
    assert [len(batch) for batch in _batches(np.arange(17), 8)] == [8, 9]
    assert [len(batch) for batch in _batches(np.arange(18), 8)] == [8, 8, 2]
    assert [len(batch) for batch in _batches(np.arange(1), 8)] == [1]
    assert [view for batch in _batches(np.arange(17), 8) for view in batch] == list(range(17))


def test_seeding_leaves_the_users_random_state_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    with seeded(5, 0, 1) as rng:
        inside = (float(torch.rand(1)), rng.random())
    assert torch.equal(torch.rand(2), expected)
    with seeded(5, 0, 1) as rng:
        assert (float(torch.rand(1)), rng.random()) == inside


def test_the_folder_of_a_run(run: Any, fixed_study: Study) -> None:
    assert {path.name for path in run.folder.iterdir()} == {
        "run.json",
        "folds.csv",
        "metrics.jsonl",
        ".lock",
        *(f"fold-{fold}.safetensors" for fold in range(3)),
    }
    assert run.folds.groupby("patient")["fold"].nunique().eq(1).all()
    assert sorted(run.folds["fold"].unique()) == [0, 1, 2]
    assert list(run.metrics.groupby("fold").size()) == [2, 2, 2]
    assert (run.metrics["views"] < 36).all()
    texts = "".join((run.folder / name).read_text() for name in ("run.json", "folds.csv", "metrics.jsonl"))
    assert str(fixed_study.root) not in texts
    assert "gold" not in texts


def test_training_learns_the_bright_corner(study: Study, tmp_path: Path) -> None:
    run = _train(study, tmp_path / "run", epochs=12, learning_rate=3e-3)
    last = run.metrics[run.metrics["epoch"] == 12]
    assert (last["auroc"] > 0.9).all()
    assert (last["loss"] < run.metrics[run.metrics["epoch"] == 1]["loss"].to_numpy()).all()


def test_without_a_terminal_each_epoch_has_a_line(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _train(study, tmp_path / "run")
    lines = capsys.readouterr().err.splitlines()
    starts = [f"member {member} epoch {epoch}/2 done, loss 0." for member in (0, 1) for epoch in (1, 2)]
    assert [line[: len(start)] for line, start in zip(lines, starts, strict=True)] == starts
    _train(study, tmp_path / "run")
    assert capsys.readouterr().err == ""


def test_ctrl_c_says_that_the_same_command_goes_on(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mura_ensemble.backbones.training.member.changed", interrupted)
    words = f"train {study.manifest} {study.labels} --architecture test_vit --argument patch_size=8 --size 32"
    result = CliRunner().invoke(app, [*words.split(), "--device", "cpu", "--out", str(tmp_path / "run")])
    assert result.exit_code == 130
    assert result.stderr == "stopped; run the same command again to continue\n"


@pytest.mark.parametrize(
    "changes", [{}, {"folds": 1}, {"recipe": "paper", "kept": 2, "epochs": 3, "validation_share": 0.34}]
)
def test_weights_that_are_gone_are_made_again_and_only_they(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    run = _train(study, tmp_path / "run", **changes)
    before = contents(run.folder)
    run.members[0].file.unlink()
    with pytest.raises(
        InputError, match=r"missing, though run\.json names it; restore the file, or run train"
    ):
        run.members[0].state()
    trained: list[int] = []
    train_member = train.train_member

    def noted(task: Any, files: Any, *given: Any, **named: Any) -> None:
        trained.extend([] if files.done.exists() else [task.number])
        train_member(task, files, *given, **named)

    monkeypatch.setattr(train, "train_member", noted)
    again = _train(study, tmp_path / "run", **changes)
    assert (trained, str(again)) == ([0], str(run))
    assert contents(run.folder) == before


def test_other_weights_beside_those_that_are_gone_do_not_become_the_runs(
    study: Study, tmp_path: Path
) -> None:
    run = _train(study, tmp_path / "run", epochs=1, folds=3)
    run.members[0].file.write_bytes(run.members[1].file.read_bytes())
    run.members[2].file.unlink()
    with pytest.raises(InputError, match=r"fold-0\.safetensors: not the weights that run\.json names"):
        _train(study, tmp_path / "run", epochs=1, folds=3)
    run.members[0].file.unlink()
    _train(study, tmp_path / "run", epochs=1, folds=3)
    assert _digests(run.folder) == [member.weights for member in run.members]


class _Killed(BaseException):
    """What no handler catches."""


def test_a_killed_training_ends_as_if_it_had_not_been_killed(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _train(study, tmp_path / "whole", epochs=3)
    write_metrics = runs.write_metrics
    for stop in (1, 4, 6):  # in the first member, at its end, in the second
        calls = []

        def dying(folder: Path, trainings: Any, calls: list[int] = calls, stop: int = stop) -> None:
            calls.append(1)
            if len(calls) == stop:
                raise _Killed
            write_metrics(folder, trainings)

        out = tmp_path / f"killed{stop}"
        with monkeypatch.context() as patch:
            patch.setattr(train, "write_metrics", dying)
            with pytest.raises(_Killed):
                _train(study, out, epochs=3)
        with pytest.raises(InputError, match="not finished"):
            runs.read_run(out)
        again = _train(study, out, epochs=3)
        assert _digests(out) == _digests(tmp_path / "whole")
        pd.testing.assert_frame_equal(again.metrics, whole.metrics)
        assert not list(out.glob("*unfinished*"))


def test_training_again_computes_nothing_and_other_arguments_are_refused(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    _train(study, out, epochs=1)
    before = _digests(out)
    with monkeypatch.context() as patch:
        patch.setattr(
            "mura_ensemble.backbones.training.member.changed", lambda *_: pytest.fail("trained again")
        )
        again = _train(study, out, epochs=1)
    assert str(again).endswith(f"already whole, nothing had to be trained: {out}")
    assert _digests(out) == before
    with pytest.raises(InputError, match=r"another run stands here \(training\.seed: 0 there, 1 here\)"):
        _train(study, out, epochs=1, seed=1)
    table = pd.read_csv(study.labels)
    table.loc[0, "gold"] = 1 - table.loc[0, "gold"]
    table.to_csv(study.labels, index=False)
    with pytest.raises(InputError, match="another run stands here"):
        _train(study, out, epochs=1)
    assert _digests(out) == before


def test_one_fold_trains_one_model_on_every_view(study: Study, tmp_path: Path) -> None:
    run = _train(study, tmp_path / "run", folds=1, epochs=1)
    assert len(run.members) == 1
    assert list(run.metrics["views"]) == [36]


def test_an_unreadable_view_is_left_out_of_training_and_counted(study: Study, tmp_path: Path) -> None:
    first = pd.read_csv(study.manifest).loc[0, "view"]
    study.file(first).write_bytes(b"")
    run = _train(study, tmp_path / "run", folds=1, epochs=1)
    assert list(run.metrics[["views", "failed"]].iloc[0]) == [35, 1]
    assert np.isfinite(run.metrics["loss"]).all()


@pytest.mark.parametrize("folds", [1, 2])
def test_views_left_out_are_counted_once_over_all_folds(study: Study, tmp_path: Path, folds: int) -> None:
    run = _train(study, tmp_path / "none", folds=2, epochs=1)
    patients = run.folds.groupby("fold")["patient"].first()
    manifest = pd.read_csv(study.manifest)
    for patient in patients:  # two views of one fold, one of the other
        views = manifest.loc[manifest["patient"] == patient, "view"]
        for view in views[: 2 if patient == patients[0] else 1]:
            study.file(view).write_bytes(b"")
    told = str(_train(study, tmp_path / "run", folds=folds, epochs=1))
    first = min(
        view
        for patient in patients
        for view in manifest.loc[manifest["patient"] == patient, "view"][: 2 if patient == patients[0] else 1]
    )
    assert (
        f"unreadable and left out: 3 of 36 training views (split 'train'), first {first} (empty file (0 bytes))"
        in told
    )


@pytest.mark.parametrize("how", [{"validation_split": "test"}, {"validation_share": 0.34}])
def test_views_left_out_are_told_apart_by_what_they_serve(
    study: Study, tmp_path: Path, how: dict[str, Any]
) -> None:
    views = pd.read_csv(study.manifest).groupby("split")["view"].first()
    for view in views:
        study.file(view).unlink()
    told = str(_train(study, tmp_path / "run", recipe="paper", epochs=1, **how))
    ends = {"training": f"1 of 36 training views (split 'train'), first {views['train']} (no such file)\n"}
    if "validation_split" in how:
        ends["validation"] = (
            f"1 of 13 validation views (split 'test'), first {views['test']} (no such file)\n"
        )
    assert told.count("unreadable") == len(ends)
    for end in ends.values():
        assert f"unreadable and left out: {end}" in told


def test_a_split_to_validate_on_without_a_readable_view_is_refused(study: Study, tmp_path: Path) -> None:
    _spoil(study, pd.read_csv(study.manifest).query("split == 'test'")["view"], b"no view")
    with pytest.raises(
        InputError, match="13 of 49 views cannot be read, all that are validated on among them"
    ):
        _train(study, tmp_path / "run", recipe="paper", validation_split="test")


def _spoil(study: Study, views: pd.Series[str], content: bytes | None) -> None:
    for view in views:
        if content is None:
            study.file(view).unlink()
        else:
            study.file(view).write_bytes(content)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "no such file"), (b"no view", "neither PNG nor JPEG nor DICOM")]
)
def test_training_on_next_to_nothing_is_refused_before_the_first_epoch(
    study: Study, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    views = pd.read_csv(study.manifest).query("split == 'train'").sort_values(["study", "view"])["view"]
    _spoil(study, views[:19], content)
    found = f"19 of 36 views cannot be read, first .*{views.iloc[0]} \\({reason}\\); name .* with --root"
    with pytest.raises(InputError, match=found):
        _train(study, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_fold_without_a_readable_view_is_refused(study: Study, tmp_path: Path) -> None:
    folds = _train(study, tmp_path / "before", folds=3, epochs=1).folds
    manifest = pd.read_csv(study.manifest)
    views = manifest.loc[manifest["study"].isin(folds.loc[folds["fold"] == 1, "study"]), "view"]
    _spoil(study, views, b"no view")
    with pytest.raises(
        InputError, match=f"{len(views)} of 36 views cannot be read, all of fold 1 among them"
    ):
        _train(study, tmp_path / "run", folds=3)


def test_a_wrong_root_is_refused(fixed_study: Study, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        InputError, match=r"empty: none of the 36 views of split 'train' is here, the first as .*--root"
    ):
        _train(fixed_study, tmp_path / "run", views_root=tmp_path / "empty")
    assert not (tmp_path / "run").exists()


def test_the_root_that_index_wrote_is_used(fixed_study: Study, tmp_path: Path) -> None:
    (tmp_path / "mura").mkdir()
    manifest = tmp_path / "mura" / "manifest.csv"
    manifest.write_bytes(fixed_study.manifest.read_bytes())
    index = tmp_path / "mura" / "index.json"
    index.write_text(json.dumps({"root": str(fixed_study.root)}))
    rows = read_views(manifest, "train", None)
    assert rows["file"].map(lambda file: Path(file).is_relative_to(fixed_study.root)).all()
    assert "missing" not in set(rows["content"])
    with pytest.raises(InputError, match="none of the 36 views"):
        read_views(manifest, "train", tmp_path)
    index.write_text(json.dumps({"another": "program's"}))
    with pytest.raises(InputError, match=re.escape(f"{tmp_path / 'mura'}: none of the 36 views")):
        read_views(manifest, "train", None)
    index.write_text(json.dumps({"root": str(tmp_path / "gone")}))
    with pytest.raises(InputError, match=r"gone: no such folder of views; .*--root"):
        read_views(manifest, "train", None)


def test_decoding_in_loader_processes_changes_nothing(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = _train(study, tmp_path / "kept", epochs=1)
    monkeypatch.setattr("mura_ensemble.backbones.views.dataset.MEMORY", 0)
    _train(study, tmp_path / "streamed", epochs=1, workers=1)
    assert _digests(tmp_path / "streamed") == _digests(kept.folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "exam"}, r"manifest\.csv: no view of split 'exam'; found test, train"),
        ({"epochs": 0}, "epochs 0: give a whole number of 1 or more"),
        ({"learning_rate": 0.0}, "learning rate 0.0: give a number above 0"),
        ({"weight_decay": -1.0}, "weight decay -1.0"),
        ({"seed": -1}, "seed -1"),
        ({"channels": 2}, "channels 2: give 1"),
        ({"folds": 0}, "^folds 0: give a whole number of 1 or more$"),
        ({"size": -1}, "^size -1: give a whole number of 1 or more$"),
        ({"folds": 40}, "40 folds asked for"),
        ({"views_root": Path("nowhere")}, "nowhere: no such folder of views"),
        ({"device": "abacus"}, "device 'abacus' cannot be used"),
        ({"pretrained": True, "checkpoint": Path("x")}, "choose one"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(
    fixed_study: Study, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        _train(fixed_study, tmp_path / "run", **changes)
    assert not (tmp_path / "run").exists()


def test_a_study_without_gold_and_a_study_of_two_patients_are_named(study: Study, tmp_path: Path) -> None:
    labels = pd.read_csv(study.labels)
    labels.iloc[1:].to_csv(study.labels, index=False)
    with pytest.raises(InputError, match=f"study '{labels.loc[0, 'study']}' of the manifest has no row"):
        _train(study, tmp_path / "run")
    manifest = pd.read_csv(study.manifest)
    double = manifest.index[manifest["study"].duplicated()][0]
    manifest.loc[double, "patient"] = "another"
    manifest.to_csv(study.manifest, index=False)
    with pytest.raises(
        InputError, match=f"the views of study '{manifest.loc[double, 'study']}' name two values"
    ):
        _train(study, tmp_path / "run")


def test_a_torn_line_of_the_history_is_left_out_and_damage_is_named(study: Study, tmp_path: Path) -> None:
    history = _train(study, tmp_path / "run").folder / "metrics.jsonl"
    whole = history.read_bytes()
    history.write_bytes(whole[:-9])
    run = _train(study, tmp_path / "run")
    assert run.metrics[["fold", "epoch"]].to_numpy().tolist() == [[0, 1], [0, 2], [1, 1]]
    assert "fold 0: kappa" in str(run)
    assert "fold 1, epoch 1 of 2: kappa" in str(run)
    history.write_bytes(whole.replace(b'"epoch": 2', b'"epoch" 2', 1))
    with pytest.raises(
        InputError, match=r"metrics\.jsonl: row 2 is not valid JSON .*; write it again or restore"
    ):
        _train(study, tmp_path / "run")
    history.unlink()
    with pytest.raises(InputError, match=r"metrics\.jsonl: no such file"):
        _train(study, tmp_path / "run")


@pytest.mark.parametrize(
    ("options", "following"),
    [
        ("--folds 2", "--split train --out predictions/mine"),
        ("--folds 1", "--split test --out predictions/mine"),
        (
            "--folds 1 --recipe paper --validation-split test",
            "would be in-sample, and fit-stack refuses that",
        ),
    ],
)
def test_the_next_command_is_one_that_serves(
    fixed_study: Study, tmp_path: Path, options: str, following: str
) -> None:
    words = (
        f"train {fixed_study.manifest} {fixed_study.labels} --architecture test_vit --argument patch_size=8"
    )
    how = f"--size 32 --epochs 1 --device cpu {options} --out {tmp_path / 'run'}"
    result = CliRunner().invoke(app, [*words.split(), *how.split()])
    assert result.output.rstrip().endswith(following)


def test_a_damaged_checkpoint_is_named_with_what_to_do(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _train(study, tmp_path / "whole")
    out = tmp_path / "run"

    def dying(*_: Any) -> None:
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(train, "write_metrics", dying)
        with pytest.raises(_Killed):
            _train(study, out)
    checkpoint = out / "fold-0.unfinished.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-99])
    with pytest.raises(
        InputError, match=r"fold-0\.unfinished\.safetensors: the checkpoint is damaged .*; remove it"
    ):
        _train(study, out)
    checkpoint.unlink()
    _train(study, out)
    assert contents(out) == contents(whole.folder)


@pytest.mark.parametrize(
    ("inside", "name", "said"),
    [
        ((), "plan", "the run has no 'plan'"),
        (("plan",), "data", "plan has no 'data'"),
        (("members", 0), "weights", "member 0 has no 'weights'"),
    ],
)
def test_a_record_that_was_edited_is_refused_in_one_sentence(
    run: Any, tmp_path: Path, inside: tuple[Any, ...], name: str, said: str
) -> None:
    card = json.loads((run.folder / "run.json").read_text())
    part = card
    for step in inside:
        part = part[step]
    del part[name]
    (tmp_path / "run.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match=f"run.json: {said}; the file was edited, restore it or train again"):
        runs.read_run(tmp_path)
