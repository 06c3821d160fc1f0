"""The cache of predictions: one folder per backbone with `card.json` and one Parquet file per split.

A card says what made the numbers; its key is a digest of everything that could change them, so the
same key means the same numbers and no forward pass is needed. A cache never holds labels.

```
predictions/<set>/<backbone>/card.json
                             train.parquet   test.parquet   ...
```

`card.json` holds `schema`, `backbone`, `made_by`, `simulated`, `inputs` (what made it: model, weights
digest, preprocessing, precision, test-time augmentation), `provenance` (per split: versions, device, seed;
not part of any key) and `splits`: per split its `key`, `role`, `level`, `manifest_digest`, `file_digest`,
`studies`, `views`, `failed`. In a table, `fold` is the member that did not see the view's patient (-1 where
no folds were made).

The role of a split says what an ensemble may do with it: `held-out` (no view of it was used in
training), `out-of-fold` (each view was predicted by members that did not see its patient), `in-sample`
(the model was trained on it) or `unknown` (imported without saying).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from mura_ensemble.data.differences import first_difference
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import (
    digest_of,
    digest_of_file,
    digest_of_rows,
    read_json,
    refuse_gaps,
    write_frame,
    write_json,
)
from mura_ensemble.data.tables.contracts import PREDICTIONS, check_table, read_table

__all__ = [
    "CARD",
    "SCHEMA",
    "Role",
    "backbone_folder",
    "backbone_folders",
    "cache_key",
    "manifest_digest",
    "plain_name",
    "read_card",
    "read_predictions",
    "read_split",
    "splits_of",
    "write_split",
]

CARD = "card.json"
SCHEMA = 1
_EDITED = "the card was edited, predict or import again"
_CARD_FIELDS = ("backbone", "made_by", "simulated", "inputs", "splits", "provenance")
_SPLIT_FIELDS = ("key", "role", "level", "manifest_digest", "file_digest", "studies", "views", "failed")
Role = Literal["held-out", "out-of-fold", "in-sample", "unknown"]


def cache_key(inputs: Mapping[str, Any], manifest: str) -> str:
    """Digest of all that decides the numbers: the card's inputs, the manifest, the schema."""
    return digest_of({"inputs": inputs, "manifest": manifest, "schema": SCHEMA})


def plain_name(name: str, what: str) -> str:
    """Return a name that can be that of a file in its folder, whatever the machine.

    Parameters
    ----------
    name : str
    what : str
        What it names, for the error: `name`, `split`.

    Raises
    ------
    InputError
        If it is empty, begins with a dot, ends with a blank, or holds a slash or backslash.
    """
    if not name.strip() or name != name.strip() or name.startswith(".") or {"/", "\\", "\0"} & set(name):
        raise InputError(
            f"{what} '{name}': give a plain name, without slash or leading dot; files are named after it"
        )
    return name


def backbone_folder(root: Path, name: str) -> Path:
    """`<root>/<name>`, and never a folder elsewhere.

    Raises
    ------
    InputError
        As `plain_name`.
    """
    return Path(root) / plain_name(name, "name")


def manifest_digest(rows: pd.DataFrame, *, content: str | None = None) -> str:
    """Digest of the set of views, independent of their order.

    Parameters
    ----------
    rows : DataFrame
        Columns `study`, `view` and, if named, `content` (a digest of each view's file).
    content : str, optional
        Name of the column with the digest of the file of each view.
    """
    columns = ["study", "view", *([content] if content else [])]
    return digest_of_rows(
        tuple(row) for row in rows[columns].astype("str").itertuples(index=False, name=None)
    )


def write_split(
    folder: Path,
    split: str,
    views: pd.DataFrame,
    *,
    inputs: Mapping[str, Any],
    manifest: str,
    made_by: str,
    role: Role,
    level: Literal["view", "study"] = "view",
    simulated: bool = False,
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write one split of a backbone and enter it in the card; the card is written last.

    Parameters
    ----------
    folder : Path
        `predictions/<set>/<backbone>`; its name is the backbone's name.
    views : DataFrame
        The PREDICTIONS table (float logit and probability, NaN where `status` is failed).
    inputs : mapping
        JSON-able; what decides the numbers beside the views themselves.
    manifest : str
        `manifest_digest` of the views that were asked for.

    Raises
    ------
    InputError
        If other inputs already stand under this backbone's name, the table breaks its contract, or the
        backbone or the split has no plain name.
    """
    plain_name(folder.name, "name")
    plain_name(split, "split")
    table = check_table(views, PREDICTIONS, source=folder / f"{split}.parquet")
    _check_status(table, folder / f"{split}.parquet")
    table = table.sort_values(["study", "view"], ignore_index=True)
    table = table.astype({"fold": np.int16, "logit": np.float32, "probability": np.float32})
    card = read_card(folder) if (folder / CARD).exists() else None
    if card is not None and card["inputs"] != dict(inputs):
        raise InputError(
            f"{folder / CARD}: predictions of another model already stand under the name '{folder.name}' "
            f"({first_difference(card['inputs'], dict(inputs))}); give this one another name or remove the folder"
        )
    path = folder / f"{split}.parquet"
    write_frame(path, table)
    entry = {
        "key": cache_key(inputs, manifest),
        "role": role,
        "level": level,
        "manifest_digest": manifest,
        "file_digest": digest_of_file(path),
        "studies": int(table["study"].nunique()),
        "views": len(table),
        "failed": int((table["status"] == "failed").sum()),
    }
    splits = {} if card is None else dict(card["splits"])
    splits[split] = entry
    # Cards of earlier versions told it once for all splits; what no split's name stands over is dropped.
    told = {} if card is None else {name: card["provenance"].get(name) for name in splits}
    told[split] = dict(provenance) if provenance else None
    write_json(
        folder / CARD,
        {
            "schema": SCHEMA,
            "backbone": folder.name,
            "made_by": made_by,
            "simulated": simulated,
            "inputs": dict(inputs),
            "splits": dict(sorted(splits.items())),
            "provenance": {name: source for name, source in sorted(told.items()) if source},
        },
    )


def _check_status(table: pd.DataFrame, source: Path) -> None:
    has_value = table["probability"].notna() & table["logit"].notna()
    contradiction = has_value != (table["status"] == "ok")
    if contradiction.any():
        view = table["view"].iloc[int(np.argmax(contradiction))]
        raise InputError(f"{source}: view {view} must have a value exactly when its status is ok")


def read_card(folder: Path) -> dict[str, Any]:
    """Read a backbone's card.

    Raises
    ------
    InputError
        If it is missing, of another schema, incomplete, or its key does not follow from its inputs.
    """
    path = Path(folder) / CARD
    card = read_json(path)
    if card.get("schema") != SCHEMA:
        raise InputError(f"{path}: schema {card.get('schema')!r}; this version reads schema {SCHEMA}")
    refuse_gaps(path, "the card", card, _CARD_FIELDS, _EDITED)
    if not isinstance(card["splits"], dict):
        raise InputError(f"{path}: 'splits' is no table of splits; {_EDITED}")
    for split, entry in card["splits"].items():
        try:
            plain_name(split, "split")  # it becomes the name of a file
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        refuse_gaps(path, f"split '{split}'", entry, _SPLIT_FIELDS, _EDITED)
        if entry["key"] != cache_key(card["inputs"], entry["manifest_digest"]):
            raise InputError(
                f"{path}: the key of split '{split}' does not follow from its inputs; the card was edited"
            )
    return card


def backbone_folders(root: Path, names: Sequence[str] = ()) -> list[Path]:
    """Folders with a card directly below `root`, in the order of their names.

    Raises
    ------
    InputError
        If there is none, or one of `names` is not among them.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder of predictions; check the path")
    found = {path.parent.name: path.parent for path in sorted(root.glob(f"*/{CARD}"))}
    if not found:
        raise InputError(f"{root}: no backbone here (no */{CARD}); predict or import some first")
    for name in names:
        if name not in found:
            raise InputError(f"{root}: no backbone '{name}' here; found {', '.join(found)}")
    return [found[name] for name in (names or found)]


def splits_of(root: Path) -> list[str]:
    """Splits that every backbone below `root` has."""
    cards = [read_card(folder) for folder in backbone_folders(root)]
    common = set.intersection(*(set(card["splits"]) for card in cards))
    return sorted(common)


def read_split(folder: Path, split: str) -> pd.DataFrame:
    """Read one split of one backbone as the PREDICTIONS table.

    Raises
    ------
    InputError
        If the card does not list the split, or the file and the card do not agree.
    """
    folder = Path(folder)
    card = read_card(folder)
    if split not in card["splits"]:
        raise InputError(f"{folder}: no split '{split}' here; found {', '.join(card['splits'])}")
    path = folder / f"{split}.parquet"
    table = read_table(path, PREDICTIONS)
    if digest_of_file(path) != card["splits"][split]["file_digest"]:
        raise InputError(
            f"{path}: not the file that the card was written for; predict or import this split again"
        )
    return table


def read_predictions(root: Path, split: str, names: Sequence[str] = ()) -> dict[str, pd.DataFrame]:
    """Read one split of every backbone (or the named ones) below `root`.

    Returns
    -------
    dict
        Backbone name to its PREDICTIONS table, in the order of the names.
    """
    return {folder.name: read_split(folder, split) for folder in backbone_folders(root, names)}
