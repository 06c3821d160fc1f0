"""A user's copy of MURA: what is in it, what should be, and the labels apart from the views."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import write_frame, write_json
from mura_ensemble.data.mura.checks import (
    Findings,
    compare_with_disk,
    compare_with_published,
    count,
    is_hidden,
    own_labels,
    replaced_labels,
    without_repeats,
)
from mura_ensemble.data.mura.lists import SPLITS, has_lists, list_files, path_table, read_list, walk_files
from mura_ensemble.data.names import MURA_ROOTS, parse_path
from mura_ensemble.data.tables.contracts import MANIFEST

__all__ = ["MuraIndex", "index_mura", "write_index"]

_EXAMPLES = 5


@dataclass(frozen=True)
class MuraIndex:
    """What a copy of MURA holds.

    Attributes
    ----------
    root : Path
        The folder that was given; paths of the manifest start there.
    version : str
        `v1.1` or `v1.0`.
    manifest : DataFrame
        The MANIFEST table, one row per view. No key holds a label; `path` does, because MURA's folders do.
    labels : DataFrame
        Columns `study`, `gold`: one row per study of the manifest whose label is known.
    counts : DataFrame
        Columns `split`, `study_type` (or `all`), `quantity` (`normal`, `abnormal`: studies by MURA's own
        labels; `views`; `patients`), `found`, `expected` (NaN where nothing is published).
    problems : DataFrame
        Columns `kind`, `place`, `detail`.
    notes : tuple of str
        How the index was made where that is not the usual way.
    """

    root: Path
    version: str
    manifest: pd.DataFrame
    labels: pd.DataFrame
    counts: pd.DataFrame
    problems: pd.DataFrame
    notes: tuple[str, ...]

    def summary(self) -> str:
        """What was found and what is wrong, in a few lines."""
        lines = []
        for split, part in self.manifest.groupby("split", sort=False):
            gold = self.labels.loc[self.labels["study"].isin(part["study"]), "gold"]
            lines.append(
                f"{split}: {part['study'].nunique():,} studies ({int((gold == 0).sum()):,} normal, "
                f"{int((gold == 1).sum()):,} abnormal), {len(part):,} views, {part['patient'].nunique():,} patients"
            )
        lines.extend(f"note: {note}" for note in self.notes)
        for kind, part in self.problems.groupby("kind", sort=False):
            more = f" (and {len(part) - 1:,} more)" if len(part) > 1 else ""
            lines.append(f"{kind}: {part['place'].iloc[0]}: {part['detail'].iloc[0]}{more}")
        return "\n".join([*lines, *(["no problem found"] if self.problems.empty else [])])


def index_mura(root: Path, *, labels: Path | None = None) -> MuraIndex:
    """Index a copy of MURA v1.1 or v1.0 from its lists, or from its folders where a list is missing.

    A view that is listed but not on disk stays in the manifest (it becomes a failed view) and is
    reported; a file on disk that no list names is reported and left out. A study with two labels is
    reported and gets none.

    Parameters
    ----------
    root : Path
        The folder `MURA-v1.1` (`MURA-v1.0`) or the one that holds it.
    labels : Path, optional
        `path,label` of studies or views, without a header, that replaces MURA's labels for the studies it
        names, e.g. a corrected list. Counts are still taken with MURA's own labels.

    Raises
    ------
    InputError
        If there is no copy here, or a list cannot be read (with file and row).
    """
    root = Path(root)
    mura, lists = _places(root)
    findings = Findings()
    tables, labelled, versions = [], [], []
    for split in SPLITS:
        version, view_list, label_list = list_files(lists, split)
        if view_list is None and not (mura / split).is_dir():
            if split != "test":
                findings.notes.append(f"there is no {split} in this copy")
            continue
        on_disk = walk_files(mura, split)
        if view_list is None:
            findings.notes.append(f"no list of the views of {split}; they are taken from the folders")
            tables.append(_views_on_disk(on_disk, mura, findings))
            versions.append("v1.0" if mura.name == "MURA-v1.0" else "v1.1")
        else:
            tables.append(read_list(view_list, of="views", labelled=view_list == label_list))
            compare_with_disk(tables[-1]["path"], on_disk, findings)
            versions.append(version)
        if label_list is not None:
            same = label_list == view_list
            labelled.append(tables[-1] if same else read_list(label_list, of="studies", labelled=True))
        elif split != "test":
            findings.notes.append(f"no list of the labels of {split}; they are taken from the folders' names")
    views = without_repeats(pd.concat(tables, ignore_index=True), findings)
    if views.empty:
        raise InputError(f"{mura}: no view is listed or found; is the copy complete?")
    no_labels = pd.DataFrame({"study": [], "split": [], "gold": []})
    gold = own_labels(views, pd.concat(labelled or [no_labels], ignore_index=True), findings)
    version = "v1.1" if "v1.1" in versions else "v1.0"
    counts = count(views, gold, published=version == "v1.1")
    compare_with_published(counts, findings)
    if labels is not None:
        other = read_list(labels, of="studies or views", labelled=True)
        gold = replaced_labels(gold, other, Path(labels).name, findings)
    views["path"] = ("" if mura == root else f"{mura.name}/") + views["path"]
    return MuraIndex(
        root=root,
        version=version,
        manifest=views[[column.name for column in MANIFEST.columns]],
        labels=gold.dropna().astype(np.int64).rename("gold").rename_axis("study").reset_index(),
        counts=counts,
        problems=findings.table(),
        notes=tuple(findings.notes),
    )


def _places(root: Path) -> tuple[Path, Path]:
    """The folder that holds `train` and `valid`, and the folder with the lists."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; give the folder MURA-v1.1 or the one that holds it")
    inner = [root / name for name in MURA_ROOTS if (root / name).is_dir()]
    if any((root / split).is_dir() for split in SPLITS) or (has_lists(root) and not inner):
        return root, root
    if not inner:
        raise InputError(
            f"{root}: neither MURA's lists (train_image_paths.csv, ...) nor its folders (train, valid) are here; "
            "give the folder MURA-v1.1 or the one that holds it"
        )
    if len(inner) > 1:
        raise InputError(f"{root}: holds {inner[0].name} and {inner[1].name}; give the one that is meant")
    return inner[0], inner[0] if has_lists(inner[0]) else root


def _views_on_disk(on_disk: list[str], mura: Path, findings: Findings) -> pd.DataFrame:
    hidden = [path for path in on_disk if is_hidden(path)]
    seen = [path for path in on_disk if not is_hidden(path)]
    views = [path for path in seen if _is_view(path)]
    strange = sorted(set(seen) - set(views))
    findings.tell("hidden file", hidden, "left out; such files are no views")
    findings.tell("not a view", strange, "left out; its path or ending is not that of a view")
    return path_table(views, source=mura)


def _is_view(path: str) -> bool:
    try:
        return parse_path(path).file is not None and path.lower().endswith((".png", ".jpg", ".jpeg"))
    except InputError:
        return False


def write_index(index: MuraIndex, folder: Path) -> None:
    """Write `manifest.csv`, `labels.csv` and `index.json`.

    The labels stand apart, so that what predicts never has them at hand. Without any label no
    `labels.csv` is written.

    Parameters
    ----------
    index : MuraIndex
    folder : Path
    """
    folder = Path(folder)
    write_frame(folder / "manifest.csv", index.manifest)
    if len(index.labels):
        write_frame(folder / "labels.csv", index.labels)
    else:
        (folder / "labels.csv").unlink(missing_ok=True)
    counts = [
        {**row, "expected": None if np.isnan(row["expected"]) else int(row["expected"])}
        for row in index.counts.to_dict("records")
    ]
    problems = [
        {
            "kind": kind,
            "count": len(part),
            "first": part[["place", "detail"]].head(_EXAMPLES).to_dict("records"),
        }
        for kind, part in index.problems.groupby("kind", sort=False)
    ]
    write_json(
        folder / "index.json",
        {
            "version": index.version,
            # Absolute, because `train` and `predict` look here for the views wherever they are started.
            "root": str(index.root.resolve()),
            "studies": int(index.manifest["study"].nunique()),
            "views": len(index.manifest),
            "labelled_studies": len(index.labels),
            "notes": list(index.notes),
            "problems": problems,
            "counts": counts,
        },
    )
