from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_json, write_frame
from mura_ensemble.data.predictions import (
    backbone_folder,
    backbone_folders,
    cache_key,
    manifest_digest,
    read_card,
    read_predictions,
    read_split,
    splits_of,
    write_split,
)

VIEWS = pd.DataFrame(
    {
        "study": ["b", "a", "a"],
        "view": ["1", "2", "1"],
        "patient": ["00008", "00007", "00007"],
        "study_type": "hand",
        "split": "valid",
        "fold": -1,
        "logit": [np.nan, -1.0, 0.0],
        "probability": [np.nan, 0.2689414, 0.5],
        "status": ["failed", "ok", "ok"],
        "reason": ["zero bytes", "", ""],
    }
)
INPUTS = {"model": {"name": "net", "size": 320}, "weights": "abc"}


def _write(folder, split="valid", views=VIEWS, **changes):
    options = {
        "inputs": INPUTS,
        "manifest": manifest_digest(views),
        "made_by": "a test",
        "role": "held-out",
        **changes,
    }
    write_split(folder, split, views, **options)


def test_round_trip_sorted_in_single_precision(tmp_path):
    _write(tmp_path / "net", simulated=True, provenance={"device": "none"})
    table = read_split(tmp_path / "net", "valid")
    assert table[["study", "view"]].to_numpy().tolist() == [["a", "1"], ["a", "2"], ["b", "1"]]
    assert table["patient"].tolist() == ["00007", "00007", "00008"]
    stored = pd.read_parquet(tmp_path / "net" / "valid.parquet")
    assert stored.dtypes[["logit", "probability", "fold"]].tolist() == [np.float32, np.float32, np.int16]
    assert "gold" not in stored
    card = read_card(tmp_path / "net")
    assert (card["simulated"], card["provenance"], card["backbone"]) == (
        True,
        {"valid": {"device": "none"}},
        "net",
    )
    entry = card["splits"]["valid"]
    assert (entry["studies"], entry["views"], entry["failed"], entry["role"]) == (2, 3, 1, "held-out")
    assert entry["key"] == cache_key(INPUTS, manifest_digest(VIEWS))


def test_each_split_keeps_what_made_it(tmp_path):
    _write(tmp_path / "net", provenance={"device": "cpu"})
    _write(tmp_path / "net", split="test", provenance={"device": "cuda"})
    told = {"test": {"device": "cuda"}, "valid": {"device": "cpu"}}
    assert read_card(tmp_path / "net")["provenance"] == told
    _write(tmp_path / "net", split="test")
    assert read_card(tmp_path / "net")["provenance"] == {"valid": {"device": "cpu"}}


@pytest.mark.parametrize("name", ["", " ", "..", ".net", "a/b", "/top", "a\\b", "net "])
def test_only_plain_names_become_files(tmp_path, name):
    with pytest.raises(InputError, match=r"^split '.*': give a plain name"):
        _write(tmp_path / "set" / "net", split=name)
    with pytest.raises(InputError, match=r"^name '.*': give a plain name"):
        backbone_folder(tmp_path, name)
    assert not list(tmp_path.iterdir())
    assert backbone_folder(tmp_path, "net v1.2-b") == tmp_path / "net v1.2-b"
    with pytest.raises(InputError, match=r"^name '.hidden': give a plain name"):
        _write(tmp_path / ".hidden")


def test_the_same_table_in_any_order_gives_the_same_bytes(tmp_path):
    _write(tmp_path / "one" / "net")
    _write(tmp_path / "two" / "net", views=VIEWS.iloc[[2, 0, 1]])
    for name in ("card.json", "valid.parquet"):
        assert (tmp_path / "one/net" / name).read_bytes() == (tmp_path / "two/net" / name).read_bytes()


def test_the_key_follows_inputs_and_views_only():
    key = cache_key(INPUTS, manifest_digest(VIEWS))
    assert cache_key(dict(reversed(INPUTS.items())), manifest_digest(VIEWS.iloc[::-1])) == key
    assert cache_key({**INPUTS, "weights": "abd"}, manifest_digest(VIEWS)) != key
    assert cache_key(INPUTS, manifest_digest(VIEWS.iloc[:2])) != key
    told = VIEWS.assign(content=["x", "y", "z"])
    assert manifest_digest(told) == manifest_digest(VIEWS) != manifest_digest(told, content="content")


def test_a_second_split_joins_the_card(tmp_path):
    _write(tmp_path / "net")
    _write(tmp_path / "net", split="test", views=VIEWS.assign(split="test"), role="out-of-fold")
    _write(tmp_path / "other")
    assert {name: entry["role"] for name, entry in read_card(tmp_path / "net")["splits"].items()} == {
        "test": "out-of-fold",
        "valid": "held-out",
    }
    assert splits_of(tmp_path) == ["valid"]
    assert list(read_predictions(tmp_path, "valid")) == ["net", "other"]
    assert list(read_predictions(tmp_path, "valid", ["other"])) == ["other"]


def test_another_model_under_the_same_name_is_refused_and_told_apart(tmp_path):
    _write(tmp_path / "net")
    before = (tmp_path / "net" / "valid.parquet").read_bytes()
    other = {**INPUTS, "model": {"name": "net", "size": 224}}
    with pytest.raises(InputError, match=r"under the name 'net' \(model.size: 320 there, 224 here\)"):
        _write(tmp_path / "net", inputs=other, views=VIEWS.assign(logit=[np.nan, 2.0, 2.0]))
    assert (tmp_path / "net" / "valid.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": ["ok", "ok", "ok"]}, "view 1 must have a value exactly when its status is ok"),
        ({"status": ["failed", "failed", "ok"]}, "view 2 must have a value exactly when its status is ok"),
        ({"logit": [np.nan, np.nan, 0.0]}, "view 2 must have a value"),
        ({"probability": [np.nan, 1.3, 0.5]}, "column 'probability' is 1.3"),
        ({"view": ["1", "1", "1"]}, "stands already in row"),
    ],
)
def test_a_table_that_breaks_the_contract_writes_nothing(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        _write(tmp_path / "net", views=VIEWS.assign(**change))
    assert not (tmp_path / "net").exists()


def _edit(folder, change):
    card = read_json(folder / "card.json")
    change(card)
    (folder / "card.json").write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda card: card["inputs"].update(weights="abd"),
            "key of split 'valid' does not follow from its inputs",
        ),
        (lambda card: card["splits"]["valid"].update(manifest_digest="0"), "does not follow from its inputs"),
        (lambda card: card["splits"]["valid"].update(key="0"), "does not follow from its inputs"),
        (lambda card: card["splits"]["valid"].pop("role"), "split 'valid' has no 'role'"),
        (lambda card: card.update(splits={"valid": 3}), "split 'valid' has no 'key'"),
        (lambda card: card.pop("inputs"), "the card has no 'inputs'"),
        (lambda card: card.update(schema=2), "schema 2; this version reads schema 1"),
    ],
)
def test_a_card_edited_by_hand_is_refused(tmp_path, change, message):
    _write(tmp_path / "net")
    _edit(tmp_path / "net", change)
    with pytest.raises(InputError, match=message):
        read_split(tmp_path / "net", "valid")


def test_a_file_that_is_not_the_cards_is_refused(tmp_path):
    _write(tmp_path / "net")
    write_frame(tmp_path / "net" / "valid.parquet", VIEWS.assign(logit=[np.nan, 3.0, 3.0]))
    with pytest.raises(InputError, match="not the file that the card was written for"):
        read_split(tmp_path / "net", "valid")
    (tmp_path / "net" / "valid.parquet").write_bytes(b"half")
    with pytest.raises(InputError, match=r"valid.parquet: (cannot be read|not the file)"):
        read_split(tmp_path / "net", "valid")
    (tmp_path / "net" / "valid.parquet").unlink()
    with pytest.raises(InputError, match=r"valid.parquet: no such file"):
        read_split(tmp_path / "net", "valid")


def test_a_split_or_backbone_that_is_not_there_is_named_with_those_that_are(tmp_path):
    with pytest.raises(InputError, match="no such folder of predictions"):
        backbone_folders(tmp_path / "none")
    with pytest.raises(InputError, match="no backbone here"):
        backbone_folders(tmp_path)
    _write(tmp_path / "net")
    (tmp_path / "notes").mkdir()
    assert backbone_folders(tmp_path) == [tmp_path / "net"]
    with pytest.raises(InputError, match="no backbone 'nets' here; found net"):
        read_predictions(tmp_path, "valid", ["nets"])
    with pytest.raises(InputError, match="no split 'test' here; found valid"):
        read_split(tmp_path / "net", "test")
