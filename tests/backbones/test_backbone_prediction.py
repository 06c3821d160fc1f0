from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import TINY, Study

pytestmark = pytest.mark.backbones
torch = pytest.importorskip("torch")

from mura_ensemble.backbones import merge_predictions, predict_backbone, read_view, train_backbone  # noqa: E402
from mura_ensemble.backbones.maps.cam_store import map_views  # noqa: E402
from mura_ensemble.backbones.prediction import shards  # noqa: E402
from mura_ensemble.backbones.prediction.predict import TOLERANCE  # noqa: E402
from mura_ensemble.backbones.weights.registry import create_backbone, load_weights  # noqa: E402
from mura_ensemble.data.errors import InputError  # noqa: E402
from mura_ensemble.data.predictions import read_card, read_split  # noqa: E402


def _predict(run: Any, study: Study, out: Path, split: str = "test", **changes: Any) -> Any:
    return predict_backbone(run.folder, study.manifest, out, split=split, **{"device": "cpu", **changes})


def _by_hand(run: Any, study: Study, view: pd.Series, members: list[int]) -> float:  # type: ignore[type-arg]
    values = torch.from_numpy(read_view(study.file(view["view"]), run.preprocessing))
    mean, std = run.preprocessing.mean[0], run.preprocessing.std[0]
    logits = []
    for member in members:
        model = create_backbone(channels=1, **TINY)
        model.load_state_dict(load_weights(run.members[member].file)[0])
        with torch.inference_mode():
            logits.append(float(model(((values - mean) / std)[None])[0, 0]))
    return float(np.mean(logits))


def test_held_out_is_the_mean_logit_of_all_members(run: Any, fixed_study: Study, tmp_path: Path) -> None:
    summary = _predict(run, fixed_study, tmp_path)
    table = read_split(tmp_path / "tiny", "test")
    assert (summary.role, summary.views, summary.computed, summary.complete) == ("held-out", 13, 13, True)
    assert set(table["fold"]) == {-1}
    for _, view in table.iloc[:3].iterrows():
        assert view["logit"] == pytest.approx(_by_hand(run, fixed_study, view, [0, 1, 2]), abs=1e-4)
    np.testing.assert_allclose(table["probability"], 1 / (1 + np.exp(-table["logit"])), atol=1e-7)


def test_out_of_fold_is_the_member_that_did_not_see_the_patient(
    run: Any, fixed_study: Study, tmp_path: Path
) -> None:
    assert _predict(run, fixed_study, tmp_path, "train").role == "out-of-fold"
    table = read_split(tmp_path / "tiny", "train")
    fold_of = run.folds.set_index("patient")["fold"].groupby(level=0).first()
    np.testing.assert_array_equal(table["fold"], table["patient"].map(fold_of))
    for _, view in table.groupby("fold").head(2).iterrows():
        own = _by_hand(run, fixed_study, view, [view["fold"]])
        others = _by_hand(run, fixed_study, view, [fold for fold in range(3) if fold != view["fold"]])
        assert view["logit"] == pytest.approx(own, abs=1e-4)
        assert abs(own - others) > 1e-3  # so that the wrong member would have been noticed


def test_a_single_member_is_in_sample_on_its_own_split(study: Study, tmp_path: Path) -> None:
    run = train_backbone(
        study.manifest, study.labels, tmp_path / "one", **TINY, folds=1, epochs=1, device="cpu"
    )
    assert _predict(run, study, tmp_path / "out", "train").role == "in-sample"
    assert _predict(run, study, tmp_path / "out", "test").role == "held-out"
    assert read_card(tmp_path / "out" / "one")["splits"]["train"]["role"] == "in-sample"


def test_the_same_key_is_never_computed_twice(
    run: Any, fixed_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _predict(run, fixed_study, tmp_path)
    before = (tmp_path / "tiny" / "test.parquet").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.Module, "__call__", lambda *_: pytest.fail("a forward pass"))
        second = _predict(run, fixed_study, tmp_path)
    assert (second.computed, second.key) == (0, first.key)
    assert (tmp_path / "tiny" / "test.parquet").read_bytes() == before
    assert not (tmp_path / "tiny" / ".partial").exists()


def test_batches_and_shards_move_no_probability(
    run: Any, fixed_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "PART", (5, 5))
    tables = []
    for batch_size in (1, 3, 64):
        _predict(run, fixed_study, tmp_path / str(batch_size), "train", batch_size=batch_size)
        tables.append(read_split(tmp_path / str(batch_size) / "tiny", "train"))
    for table in tables[1:]:
        np.testing.assert_allclose(table["probability"], tables[0]["probability"], atol=TOLERANCE, rtol=0)
        np.testing.assert_array_equal(table["view"], tables[0]["view"])


def test_shards_merge_to_what_one_process_writes(
    run: Any, fixed_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "PART", (5, 5))
    _predict(run, fixed_study, tmp_path / "one", "train")
    sharded = tmp_path / "many"
    for shard in ("2/3", "0/3"):
        summary = _predict(run, fixed_study, sharded, "train", shard=shard)
        assert not summary.complete
        assert 0 < summary.computed < summary.views
    with pytest.raises(InputError, match=r"of split 'train' are missing \(first: 1\)"):
        merge_predictions(fixed_study.manifest, sharded / "tiny", split="train")
    with monkeypatch.context() as patch:
        patch.setattr(shards.Work, "finish", lambda *_, **__: None)  # the last shard dies before it can merge
        _predict(run, fixed_study, sharded, "train", shard="1/3")
    merged = merge_predictions(fixed_study.manifest, sharded / "tiny", split="train")
    assert merged.complete
    assert merged.computed == 0
    pd.testing.assert_frame_equal(
        read_split(sharded / "tiny", "train"), read_split(tmp_path / "one" / "tiny", "train")
    )
    assert read_card(sharded / "tiny") == read_card(tmp_path / "one" / "tiny")
    assert read_card(sharded / "tiny")["splits"]["train"]["key"] == merged.key
    before = (sharded / "tiny" / "train.parquet").read_bytes()
    again = merge_predictions(fixed_study.manifest, sharded / "tiny", split="train")
    assert (again.key, again.role, again.complete) == (merged.key, merged.role, True)
    assert "already whole" in str(again)
    assert "already whole" not in str(merged)
    assert (sharded / "tiny" / "train.parquet").read_bytes() == before
    with pytest.raises(InputError, match="no shards of split 'test' to merge"):
        merge_predictions(fixed_study.manifest, sharded / "tiny", split="test")


@pytest.mark.parametrize("views", [91, 500, 3197, 36808, 2_000_000])
def test_shards_share_the_work(views: int) -> None:
    parts = shards.parts_of(views)
    assert [position for part in parts[:3] + parts[-3:] for position in part][-1] == views - 1
    assert sum(map(len, parts)) == views
    assert len(parts) <= shards.MANY
    shares = [sum(len(parts[number]) for number in range(turn, len(parts), 3)) for turn in range(3)]
    assert max(shares) - min(shares) <= len(parts[0])
    assert min(shares) > 0.25 * views


def test_merging_proves_the_row_set(
    run: Any, study: Study, fixed_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "PART", (5, 5))
    with monkeypatch.context() as patch:
        patch.setattr(shards.Work, "finish", lambda *_, **__: None)
        _predict(run, study, tmp_path, "test")
    folder = tmp_path / "tiny"
    first, second = sorted(folder.glob(".partial/*/part-*.parquet"))[:2]
    kept = second.read_bytes()
    second.write_bytes(first.read_bytes())
    with pytest.raises(InputError, match="is twice"):
        merge_predictions(study.manifest, folder, split="test")
    pd.read_parquet(first).iloc[:0].to_parquet(second)
    with pytest.raises(InputError, match="the table has no rows"):
        merge_predictions(study.manifest, folder, split="test")
    one_less = pd.read_parquet(first).iloc[1:]
    second.write_bytes(kept)
    one_less.to_parquet(first)
    with pytest.raises(InputError, match="is missing"):
        merge_predictions(study.manifest, folder, split="test")
    assert not (folder / "card.json").exists()
    view = pd.read_csv(study.manifest).query("split == 'test'")["view"].iloc[0]
    study.file(view).write_bytes(fixed_study.file(view).read_bytes() + b"\0")
    with pytest.raises(InputError, match="none of these views"):
        merge_predictions(study.manifest, folder, split="test")


def test_a_killed_prediction_goes_on_and_ends_with_the_same_digits(
    run: Any, fixed_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "PART", (5, 5))
    _predict(run, fixed_study, tmp_path / "whole", "train")
    write_part, written = shards.Work.write_part, []

    def dying(work: Any, number: int, table: pd.DataFrame) -> None:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(number)
        write_part(work, number, table)

    with monkeypatch.context() as patch:
        patch.setattr(shards.Work, "write_part", dying)
        with pytest.raises(KeyboardInterrupt):
            _predict(run, fixed_study, tmp_path / "killed", "train")
    assert not (tmp_path / "killed" / "tiny" / "card.json").exists()
    summary = _predict(run, fixed_study, tmp_path / "killed", "train")
    assert summary.computed == summary.views - 15
    pd.testing.assert_frame_equal(
        read_split(tmp_path / "killed" / "tiny", "train"), read_split(tmp_path / "whole" / "tiny", "train")
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_view_fails_alone(run: Any, study: Study, tmp_path: Path, workers: int) -> None:
    _predict(run, study, tmp_path / "whole")
    whole = read_split(tmp_path / "whole" / "tiny", "test")
    views = list(whole["view"])
    truncated = study.file(views[1]).read_bytes()
    study.file(views[1]).write_bytes(truncated[: len(truncated) // 2])
    damaged = bytearray(study.file(views[3]).read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    study.file(views[3]).write_bytes(damaged)
    study.file(views[4]).write_bytes(b"")
    study.file(views[7]).unlink()

    with pytest.raises(InputError, match=r"4 of 13 views failed, first .* --allow-failed"):
        _predict(run, study, tmp_path / "broken", workers=workers)
    summary = _predict(run, study, tmp_path / "broken", workers=workers, allow_failed=True)
    assert summary.computed == 0  # the rows were written before the error
    broken = read_split(tmp_path / "broken" / "tiny", "test")
    failed = [1, 3, 4, 7]
    assert list(summary.failed["view"]) == [views[position] for position in failed]
    reasons = list(broken["reason"].iloc[failed])
    assert reasons[2:] == ["empty file (0 bytes)", "no such file"]
    assert all(reason.startswith("cannot be decoded") for reason in reasons[:2])
    assert broken.iloc[failed][["logit", "probability"]].isna().all(axis=None)
    rest = [position for position in range(len(views)) if position not in failed]
    np.testing.assert_array_equal(broken["logit"].iloc[rest], whole["logit"].iloc[rest])  # to the last bit
    assert list(broken["status"].iloc[rest]) == ["ok"] * len(rest)
    assert str(tmp_path) not in "".join(broken["reason"])


def test_a_mended_view_is_predicted_again(run: Any, study: Study, tmp_path: Path) -> None:
    view = pd.read_csv(study.manifest).query("split == 'test'")["view"].iloc[0]
    good = study.file(view).read_bytes()
    study.file(view).write_bytes(b"")
    assert len(_predict(run, study, tmp_path, allow_failed=True).failed) == 1
    study.file(view).write_bytes(good)
    assert len(_predict(run, study, tmp_path).failed) == 0


def test_numbers_that_stand_are_not_lost_to_failures(run: Any, study: Study, tmp_path: Path) -> None:
    _predict(run, study, tmp_path / "set")
    file = tmp_path / "set" / "tiny" / "test.parquet"
    before = file.read_bytes()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(InputError, match=r"elsewhere: none of the 13 views of split 'test' is here.* --root"):
        _predict(run, study, tmp_path / "set", views_root=elsewhere)
    with pytest.raises(InputError, match="none of the 13 views"):
        _predict(run, study, tmp_path / "new", views_root=elsewhere)
    assert not (tmp_path / "new").exists()
    view = read_split(tmp_path / "set" / "tiny", "test")["view"].iloc[0]
    good = study.file(view).read_bytes()
    for broken, reason in ((None, "no file"), (b"", "an empty one"), (good[:50], "cannot be decoded")):
        study.file(view).unlink()
        if broken is not None:
            study.file(view).write_bytes(broken)
        with pytest.raises(InputError, match=rf"1 view with a number there cannot be read now.*{reason}"):
            _predict(run, study, tmp_path / "set")
        assert file.read_bytes() == before
        study.file(view).write_bytes(good)
    study.file(view).write_bytes(b"")
    assert len(_predict(run, study, tmp_path / "set", allow_failed=True).failed) == 1
    study.file(view).write_bytes(good)
    _predict(run, study, tmp_path / "set")
    assert file.read_bytes() == before


def test_a_prediction_that_cannot_begin_leaves_nothing(run: Any, study: Study, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot take views of"):
        _predict(run, study, tmp_path / "set", tta=("sizes=33",))
    assert not list((tmp_path / "set").rglob("*"))


def test_a_file_that_changes_while_it_is_in_use_stops_the_prediction(
    run: Any, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mura_ensemble.data.tables.manifests.content_digest", lambda _: "0" * 64)
    with pytest.raises(InputError, match="its file changed while it was in use"):
        _predict(run, study, tmp_path)


def test_the_card_says_what_made_the_numbers_and_no_path(
    run: Any, fixed_study: Study, tmp_path: Path
) -> None:
    _predict(run, fixed_study, tmp_path, "train")
    _predict(run, fixed_study, tmp_path, "test")
    card = read_card(tmp_path / "tiny")
    inputs = card["inputs"]
    assert inputs["architecture"] == "test_vit"
    assert len({member["weights"] for member in inputs["members"]}) == 3
    assert [member["fold"] for member in inputs["members"]] == [0, 1, 2]
    assert inputs["preprocessing"]["size"] == 32
    assert inputs["training"]["studies"] == 24
    assert set(card["splits"]) == {"test", "train"}
    text = json.dumps(card)
    assert str(tmp_path) not in text
    assert str(fixed_study.root) not in text


def test_precision_is_part_of_the_key(run: Any, fixed_study: Study, tmp_path: Path) -> None:
    whole = _predict(run, fixed_study, tmp_path)
    with pytest.raises(
        InputError,
        match=r"under the name 'tiny' \(precision: \"float32\" there, \"bfloat16\" here\); give these another --name",
    ):
        _predict(run, fixed_study, tmp_path, precision="bfloat16")
    half = _predict(run, fixed_study, tmp_path, precision="bfloat16", name="half")
    assert half.key != whole.key
    tables = [read_split(tmp_path / name, "test")["probability"] for name in ("tiny", "half")]
    np.testing.assert_allclose(tables[0], tables[1], atol=0.05)
    assert not np.array_equal(tables[0], tables[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "exam"}, "no view of split 'exam'"),
        ({"shard": "3/3"}, "shard '3/3': expected i/n counted from 0"),
        ({"shard": "one"}, "shard 'one'"),
        ({"batch_size": 0}, "batch size 0"),
        *(({"name": name}, "give a plain name") for name in ("../tiny", "a/b", "", "..", "a\\b")),
        ({"split": "../x"}, r"split '\.\./x': give a plain name"),
        ({"precision": "int8"}, "precision 'int8'"),
        ({"device": "abacus"}, "device 'abacus' cannot be used"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(
    run: Any, fixed_study: Study, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        _predict(run, fixed_study, tmp_path / "out", **{"split": "test", **changes})
    assert not (tmp_path / "out").exists()


def test_a_leak_is_refused(run: Any, study: Study, tmp_path: Path) -> None:
    manifest = pd.read_csv(study.manifest)
    known = manifest.loc[manifest["split"] == "train", "patient"].iloc[0]
    manifest.loc[manifest["study"] == manifest["study"].iloc[-1], "patient"] = known
    manifest.to_csv(study.manifest, index=False)
    with pytest.raises(InputError, match=f"patient '{known}' of split 'test' was also trained on"):
        _predict(run, study, tmp_path)
    manifest.loc[0, "study"] = "new"
    manifest.to_csv(study.manifest, index=False)
    with pytest.raises(InputError, match="study 'new' of split 'train' was not among the studies"):
        _predict(run, study, tmp_path, "train")


def test_a_folder_that_is_no_run(fixed_study: Study, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run\.json here"):
        predict_backbone(tmp_path, fixed_study.manifest, tmp_path / "out", split="test")


def _copied(run: Any, to: Path) -> Path:
    return Path(shutil.copytree(run.folder, to, ignore=shutil.ignore_patterns(".lock")))


def test_weights_of_another_fold_are_refused(run: Any, fixed_study: Study, tmp_path: Path) -> None:
    swap = _copied(run, tmp_path / "swap")
    shutil.copy(swap / "fold-1.safetensors", swap / "fold-0.safetensors")
    with pytest.raises(
        InputError, match=r"fold-0\.safetensors: not the weights that run\.json names; restore"
    ):
        predict_backbone(swap, fixed_study.manifest, tmp_path / "out", split="train", device="cpu")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match=r"fold-0\.safetensors: not the weights that run\.json names"):
        map_views(swap, fixed_study.manifest, tmp_path / "out", split="train", studies=[], device="cpu")


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("test_vit2", "the weights are not of the architecture 'test_vit2' that it names; restore the file"),
        ("test_nothing", "timm has no architecture 'test_nothing'"),
    ],
)
def test_another_architecture_in_the_run_is_refused_and_nothing_is_written(
    run: Any, fixed_study: Study, tmp_path: Path, architecture: str, message: str
) -> None:
    other = _copied(run, tmp_path / "other")
    card = (other / "run.json").read_text()
    (other / "run.json").write_text(card.replace('"test_vit"', f'"{architecture}"'))
    with pytest.raises(InputError, match=message):
        predict_backbone(other, fixed_study.manifest, tmp_path / "out", split="test", device="cpu")
    assert not (tmp_path / "out").exists()


def test_a_torn_table_is_computed_again(run: Any, study: Study, tmp_path: Path) -> None:
    _predict(run, study, tmp_path)
    file = tmp_path / "tiny" / "test.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert _predict(run, study, tmp_path).computed == 13
    assert file.read_bytes() == whole


def test_views_of_one_name_in_several_studies_are_not_mistaken(
    run: Any, study: Study, tmp_path: Path
) -> None:
    manifest = pd.read_csv(study.manifest)
    manifest["view"] = manifest["view"].str.rsplit("/", n=1).str[-1]
    named = manifest[manifest["split"] == "test"]
    twice = named[named["view"] == named["view"].value_counts().index[0]]
    assert len(twice) > 1
    path = study.manifest.with_name("short_names.csv")
    manifest.to_csv(path, index=False)
    first, last = (study.root / row["path"] for row in (twice.iloc[0], named.iloc[-1]))
    good = first.read_bytes()
    first.unlink()
    given = {"split": "test", "device": "cpu", "views_root": study.root}
    assert len(predict_backbone(run.folder, path, tmp_path, allow_failed=True, **given).failed) == 1
    last.write_bytes(good)  # another set of views, the same one missing: it never had a number
    with pytest.raises(InputError, match=r"1 of 13 views failed.* their rows are written"):
        predict_backbone(run.folder, path, tmp_path, **given)
