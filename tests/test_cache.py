"""cache ls, verify, diff and rm on caches that are sound and on caches with one fault each."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from mura_ensemble.cache.checking import verify_cache
from mura_ensemble.cache.difference import diff_caches
from mura_ensemble.cache.listing import list_cache
from mura_ensemble.cache.removal import planned_removal, remove
from mura_ensemble.commands import app
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import digest_of_file, read_json, write_json
from mura_ensemble.data.predictions import manifest_digest, read_card, write_split

EXAMPLES = Path(__file__).parents[1] / "predictions"


def _table(seed: int, split: str, views: int = 40, *, fold: int = -1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    number = np.arange(views)
    study = [f"{split}/hand/p{place // 2:03d}/study1" for place in number]
    logit = rng.normal(0, 2, views).astype(np.float32)
    return pd.DataFrame(
        {
            "study": study,
            "view": [f"{key}/view{place % 2}" for key, place in zip(study, number, strict=True)],
            "patient": [f"p{place // 2:03d}" for place in number],
            "study_type": "hand",
            "split": split,
            "fold": fold,
            "logit": logit,
            "probability": 1 / (1 + np.exp(-logit.astype(np.float64))),
            "status": "ok",
            "reason": "",
        }
    )


def _write(folder: Path, table: pd.DataFrame, role: str = "held-out", **inputs: Any) -> None:
    write_split(
        folder,
        str(table["split"].iloc[0]),
        table,
        inputs={"architecture": "tiny", "members": [{"weights": folder.name, "fold": -1}], **inputs},
        manifest=manifest_digest(table),
        made_by="mura-ensemble predict",
        role=role,  # type: ignore[arg-type]
    )


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Three backbones with two splits each."""
    folder = tmp_path / "mine"
    for seed, name in enumerate(("one", "three", "two")):
        _write(folder / name, _table(seed, "test"))
        _write(folder / name, _table(seed + 10, "train", fold=seed), role="out-of-fold")
    return folder


def _manifest(path: Path, *splits: str) -> Path:
    rows = pd.concat([_table(0, split) for split in splits])
    rows.assign(path=rows["view"] + ".png")[
        ["study", "view", "patient", "study_type", "split", "path"]
    ].to_csv(path, index=False)
    return path


def _run(*words: object) -> Any:
    return CliRunner().invoke(app, ["cache", *map(str, words)])


def test_the_committed_examples_are_sound() -> None:
    assert verify_cache([EXAMPLES]) == []
    assert list_cache([EXAMPLES]).remarks == ()


def test_a_sound_cache_has_no_fault(cache: Path, tmp_path: Path) -> None:
    assert verify_cache([cache], _manifest(tmp_path / "manifest.csv", "test", "train")) == []
    assert _run("verify", cache).stdout == "every file, row and key is as its card says\n"


def _edit(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change a split and let the card agree with the file, as a careful forger would."""
    table = change(pd.read_parquet(path))
    table.to_parquet(path, index=False)
    card = read_json(path.parent / "card.json")
    card["splits"][path.stem]["file_digest"] = digest_of_file(path)
    write_json(path.parent / "card.json", card)


def _flip_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _set(column: str, row: int, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table = table.copy()
        table[column] = [value if place == row else old for place, old in enumerate(table[column])]
        return table

    return change


def _card(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    card = read_json(path.parent / "card.json")
    change(card)
    write_json(path.parent / "card.json", card)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "flipped byte": (_flip_byte, "not the file that the card was written for|cannot be read"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:200]), "cannot be read|not the file"),
    "file gone": (lambda path: path.unlink(), "the file is missing"),
    "row lost": (lambda path: _edit(path, lambda table: table.iloc[1:]), "39 views, the card says 40"),
    "row twice": (
        lambda path: _edit(path, lambda table: pd.concat([table, table.iloc[:1]])),
        "twice|duplicate|stands",
    ),
    "probability": (
        lambda path: _edit(path, _set("probability", 3, 0.123)),
        "logit and probability do not agree",
    ),
    "out of range": (lambda path: _edit(path, _set("probability", 3, 1.5)), "probability"),
    "failed with a number": (
        lambda path: _edit(path, _set("status", 5, "failed")),
        "it has a number although it failed|1 failed, the card says 0",
    ),
    "other patient": (lambda path: _edit(path, _set("patient", 0, "p999")), "its study names two patients"),
    "fold": (lambda path: _edit(path, _set("fold", 0, 2)), "a fold in a prediction that is held-out"),
    "other split": (lambda path: _edit(path, _set("split", 0, "train")), "column split is not 'test'"),
    "inputs edited": (
        lambda path: _card(path, lambda card: card["inputs"].update(architecture="other")),
        "the key of split .* does not follow from its inputs",
    ),
    "role edited": (
        lambda path: _card(path, lambda card: card["splits"]["test"].update(role="out-of-fold")),
        "no fold in an out-of-fold prediction",
    ),
    "renamed": (
        lambda path: path.parent.rename(path.parent.with_name("renamed")),
        "it is the card of 'one', not of 'renamed'",
    ),
    "stranger": (lambda path: shutil.copy(path, path.with_name("other.parquet")), "no split of the card"),
    "killed writer": (lambda path: path.with_name(".card.json.x.partial").touch(), "left by a writer"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found_and_none_besides(fault: str, cache: Path) -> None:
    spoil, sentence = FAULTS[fault]
    spoil(cache / "one" / "test.parquet")
    faults = verify_cache([cache])
    assert faults
    assert pd.Series(faults).str.contains(sentence).any(), faults
    # Only the spoilt backbone is named.
    assert all("/two/" not in sentence and "/three/" not in sentence for sentence in faults)
    shown = _run("verify", cache)
    assert shown.exit_code == 2
    assert shown.stdout.splitlines() == [f"fault: {sentence}" for sentence in faults]
    assert json.loads(_run("verify", cache, "--json").stdout) == {"faults": faults}


def test_a_table_without_its_card_and_a_card_without_its_table_are_named(cache: Path) -> None:
    (cache / "one" / "card.json").unlink()
    (cache / "two" / "test.parquet").unlink()
    (cache / "three" / "card.json").write_text("{", encoding="utf-8")
    orphan = f"{cache / 'one'}: test.parquet and train.parquet without card.json"
    missing = f"{cache / 'two' / 'test.parquet'}: the card names this split, but the file is missing"
    broken = f"{cache / 'three' / 'card.json'}: not valid JSON"
    faults = verify_cache([cache])
    remarks = list_cache([cache]).remarks
    for said in (faults, remarks):
        assert len(said) == 3, said
        for start in (orphan, missing, broken):
            assert sum(sentence.startswith(start) for sentence in said) == 1, said
    shown = _run("ls", cache).stdout
    (line,) = [line for line in shown.splitlines() if line.split()[:2] == ["two", "test"]]
    assert "missing" in line
    assert "0 B" not in line
    assert f"look at: {missing}" in shown
    # A set of nothing but orphans is still a set.
    for name in ("two", "three"):
        shutil.rmtree(cache / name)
    assert [sentence.partition(" without")[0] for sentence in verify_cache([cache])] == [
        orphan.partition(" without")[0]
    ]


def test_another_manifest_is_found(cache: Path, tmp_path: Path) -> None:
    manifest = _manifest(tmp_path / "manifest.csv", "test", "train")
    table = pd.read_csv(manifest)
    table.drop(index=[3]).to_csv(manifest, index=False)
    faults = verify_cache([cache], manifest)
    assert len(faults) == 3  # each backbone has a view that the list has not
    assert all("is not in the manifest (1 in all)" in fault for fault in faults)


def test_an_ensemble_of_what_no_longer_stands_is_named(cache: Path) -> None:
    key = read_card(cache / "one")["splits"]["test"]["key"]
    write_json(cache / "ensembles" / "good.json", {"fitted_on": {"prediction_keys": {"one": key}}})
    assert verify_cache([cache]) == []
    write_json(cache / "ensembles" / "old.json", {"fitted_on": {"prediction_keys": {"one": "0" * 64}}})
    (fault,) = verify_cache([cache])
    assert "fitted on predictions of one that no longer stand here" in fault


def test_one_network_under_two_names_is_named(cache: Path) -> None:
    table = _table(0, "test")
    _write(cache / "zz_copy", table)
    close = table.assign(logit=table["logit"] + np.float32(1e-5))
    close["probability"] = 1 / (1 + np.exp(-close["logit"].astype(np.float64)))
    _write(cache / "zz_near", close)
    swapped = table.assign(logit=-table["logit"], probability=1 - table["probability"])
    _write(cache / "zz_swapped", swapped)
    _write(cache / "zz_weights", _table(77, "test"), members=[{"weights": "one", "fold": -1}])
    remarks = list_cache([cache]).remarks
    text = "\n".join(remarks)
    assert "one and zz_weights have the same weights" in text
    assert "the probabilities of one and zz_copy are identical" in text
    assert "the probabilities of one and zz_near are the same to" in text
    assert "the probabilities of zz_swapped are one minus those of one" in text
    assert not any(" two " in f" {remark.split(':')[1]} " and "three" in remark for remark in remarks)
    assert "zz_weights are" not in text


def test_the_list_has_a_row_for_every_split_and_json_says_the_same(cache: Path) -> None:
    shown = _run("ls", cache)
    assert shown.exit_code == 0
    rows = json.loads(_run("ls", cache, "--json").stdout)["rows"]
    assert [(row["backbone"], row["split"]) for row in rows] == [
        (name, split) for name in ("one", "three", "two") for split in ("test", "train")
    ]
    assert {row["views"] for row in rows} == {40}
    for row in rows:
        (line,) = [line for line in shown.stdout.splitlines() if row["key"][:8] in line]
        assert row["role"] in line
    # A folder of sets, and a set that holds none.
    assert len(json.loads(_run("ls", cache.parent, "--json").stdout)["rows"]) == 6
    assert _run("ls", cache / "one" / "nowhere").exit_code != 0
    with pytest.raises(InputError, match="no backbone here"):
        list_cache([cache / "one"])


def test_work_under_way_is_listed(cache: Path) -> None:
    place = cache / "new" / ".partial" / ("ab" * 32)
    plan = {"split": "test", "role": "held-out", "inputs": {"architecture": "tiny"}, "views": 90, "parts": 6}
    write_json(place / "plan.json", plan)
    _table(0, "test").to_parquet(place / "part-00000.parquet")
    (row,) = [row for row in list_cache([cache]).rows if row.backbone == "new"]
    assert (row.parts_done, row.parts, row.views) == (1, 6, 90)
    assert "under way: 1 of 6 parts" in _run("ls", cache).stdout


def test_the_difference_of_two_caches(cache: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(cache, again)
    same = diff_caches(cache, again)
    assert same.alike
    assert _run("diff", cache, again).exit_code == 0
    assert all(split.largest == 0 and split.correlation == pytest.approx(1) for split in same.splits)

    table = _table(0, "test")
    moved = table.assign(logit=table["logit"] + np.float32(0.5)).iloc[1:]
    moved["probability"] = 1 / (1 + np.exp(-moved["logit"].astype(np.float64)))
    shutil.rmtree(again / "one")
    _write(again / "one", moved, precision="bfloat16")
    found = diff_caches(cache / "one", again / "one")
    assert not found.alike
    assert found.only == (f"split 'train' of one is only in {cache / 'one'}",)
    assert ("one", "precision", "nothing", "bfloat16") in found.inputs
    (split,) = found.splits
    apart = (moved["probability"] - table["probability"].iloc[1:]).abs()
    assert (split.views, split.only_first, split.only_second) == (39, 1, 0)
    assert split.largest == pytest.approx(apart.max(), abs=1e-6)
    assert split.mean == pytest.approx(apart.mean(), abs=1e-6)
    assert split.largest_logit == pytest.approx(0.5, abs=1e-5)
    flipped = (moved["probability"] > 0.5) != (table["probability"].iloc[1:] > 0.5)
    assert split.flipped_views == flipped.sum()
    shown = _run("diff", cache, again)
    assert shown.exit_code == 1
    assert "different (tolerance 0.0001 of a probability)" in shown.stdout
    assert json.loads(_run("diff", cache, again, "--json").stdout)["alike"] is False
    assert _run("diff", cache / "two", again / "two", "--tolerance", "0").exit_code == 0
    with pytest.raises(InputError, match="two backbones or two sets"):
        diff_caches(cache, again / "one")


def test_a_failed_view_counts_once_in_a_difference(cache: Path, tmp_path: Path) -> None:
    table = _table(0, "test")
    for column, value in (
        ("logit", np.nan),
        ("probability", np.nan),
        ("status", "failed"),
        ("reason", "torn"),
    ):
        table = _set(column, 4, value)(table)
    _write(tmp_path / "other" / "one", table)
    (split,) = diff_caches(cache / "one", tmp_path / "other" / "one").splits
    assert (split.views, split.only_first, split.only_second, split.alike) == (39, 1, 0, False)


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_is_removed_and_what_stays(cache: Path) -> None:
    before = _names(cache)
    (cache / "one" / "mine.txt").write_text("my own", encoding="utf-8")
    write_json(
        cache / "ensembles" / "all.json",
        {"fitted_on": {"prediction_keys": {"two": read_card(cache / "two")["splits"]["train"]["key"]}}},
    )
    refused = CliRunner().invoke(app, ["cache", "rm", str(cache), "--backbone", "one"], input="n\n")
    assert "nothing was removed" in refused.stdout
    assert before <= _names(cache)

    shown = _run("rm", cache, "--backbone", "one", "--yes")
    assert shown.exit_code == 0, shown.output
    assert f"{cache / 'one' / 'mine.txt'} stays" in shown.stdout
    assert {name for name in _names(cache) if name.startswith("one")} == {"one/mine.txt"}

    shown = _run("rm", cache, "--backbone", "two", "--split", "train", "--yes")
    assert "all.json was fitted on what goes" in shown.stdout
    assert list(read_card(cache / "two")["splits"]) == ["test"]

    assert _run("rm", cache, "--split", "test", "--yes").exit_code == 0
    assert _names(cache) == {"ensembles/all.json", "one/mine.txt", "three/card.json", "three/train.parquet"}
    assert not (cache / "two").exists()
    faults = verify_cache([cache])
    assert len(faults) == 1  # the ensemble
    with pytest.raises(InputError, match="say what to remove"):
        planned_removal(cache, backbone=None, split=None, partial=False)
    with pytest.raises(InputError, match="no backbone 'nobody'"):
        planned_removal(cache, backbone="nobody", split=None, partial=False)
    with pytest.raises(InputError, match="nothing of that kind"):
        planned_removal(cache, backbone=None, split=None, partial=True)


def test_what_is_torn_is_removed_whole_by_its_name(cache: Path) -> None:
    (cache / "one" / "card.json").write_text("{", encoding="utf-8")
    (cache / "one" / "mine.txt").write_text("my own", encoding="utf-8")
    pd.DataFrame({"age": [50]}).to_parquet(cache / "one" / "ages.parquet")
    (cache / "two" / "card.json").unlink()
    (cache / "two" / "test.parquet").write_bytes(b"torn")
    others = {name for name in _names(cache) if name.startswith("three")}
    for asked in ({"split": "test"}, {"backbone": "one", "split": "test"}):
        with pytest.raises(
            InputError, match=r"one.card\.json: not valid JSON .*--backbone one without --split"
        ):
            planned_removal(cache, partial=False, **{"backbone": None, "split": None, **asked})
    shown = _run("rm", cache, "--backbone", "one", "--yes")
    assert shown.exit_code == 0, shown.output
    for name in ("ages.parquet", "mine.txt"):
        assert f"{cache / 'one' / name} stays: the cache did not write it" in shown.stdout
    assert "all of one goes" in shown.stdout
    assert _run("rm", cache, "--backbone", "two", "--yes").exit_code == 0
    assert _names(cache) == others | {"one/ages.parquet", "one/mine.txt"}
    assert verify_cache([cache]) == [], "a table of another kind is no prediction"
    with pytest.raises(InputError, match="give a plain name"):
        planned_removal(cache, backbone="../elsewhere", split=None, partial=False)


def test_a_writer_at_work_is_not_disturbed(cache: Path) -> None:
    place = cache / "one" / ".partial" / ("ab" * 32)
    write_json(place / "plan.json", {"split": "test", "role": "held-out", "inputs": {}})
    with pytest.raises(InputError, match="a prediction may be under way"):
        planned_removal(cache, backbone="one", split=None, partial=True)
    for path in (place, place / "plan.json"):
        os.utime(path, (1, 1))
    remove(planned_removal(cache, backbone="one", split=None, partial=True))
    assert not (cache / "one" / ".partial").exists()
    assert verify_cache([cache]) == []


def test_killed_in_the_middle_of_removing_the_cards_are_still_true(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned_removal(cache, backbone=None, split="test", partial=False)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        remove(plan)
    monkeypatch.undo()
    assert all("no split of the card" in fault for fault in verify_cache([cache]))


def test_a_plan_that_cannot_be_read_is_named_and_can_be_removed(cache: Path) -> None:
    for name, text in (("torn", '{"split": "te'), ("empty", "{}")):
        parts = cache / "one" / ".partial" / name
        parts.mkdir(parents=True)
        (parts / "plan.json").write_text(text)
        os.utime(parts / "plan.json", (0, 0))
        os.utime(parts, (0, 0))
    assert len(list_cache([cache]).rows) == 6
    assert sum("its parts are lost" in fault for fault in verify_cache([cache])) == 2
    found = CliRunner().invoke(app, ["cache", "rm", str(cache), "--partial", "--yes"])
    assert found.exit_code == 0, found.output
    assert verify_cache([cache]) == []


def test_a_card_cannot_name_a_file_elsewhere(cache: Path) -> None:
    precious = cache.parent / "precious.parquet"
    precious.write_bytes(b"not ours")
    card = read_json(cache / "one" / "card.json")
    card["splits"]["../../precious"] = card["splits"]["test"]
    write_json(cache / "one" / "card.json", card)
    with pytest.raises(InputError, match=r"card.json: split '../../precious': give a plain name"):
        read_card(cache / "one")
    found = CliRunner().invoke(app, ["cache", "rm", str(cache), "--backbone", "one", "--yes"])
    assert precious.read_bytes() == b"not ours", found.output
