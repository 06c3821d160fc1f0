"""A folder of files that appears whole or not at all, and that never swallows a stranger's file."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import read_json, write_json

__all__ = ["CONTENTS", "write_folder"]

CONTENTS = "contents.json"
"""Lists what we wrote into a folder, with digests; by it a report of ours is known and may be replaced."""


def write_folder(folder: Path, files: Mapping[str, str | bytes]) -> list[Path]:
    """Write files into a folder, beside a list of them, replacing an earlier folder of ours.

    Parameters
    ----------
    folder : Path
        May be missing, empty, or one that this function wrote.
    files : mapping
        Relative name with forward slashes to text, or to bytes as they are.

    Returns
    -------
    list of Path
        Everything written, in the order given, the list of contents last.

    Raises
    ------
    InputError
        If the folder holds a file that is not ours, is a file or cannot be written; nothing is changed then.
    """
    folder = Path(folder)
    _refuse_foreign(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = tempfile.TemporaryDirectory(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another place") from error
    with partial as beside:
        new, old = Path(beside) / "new", Path(beside) / "old"
        digests = {}
        for name, content in files.items():
            path, written = new / name, content.encode() if isinstance(content, str) else content
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(written)
            digests[name] = hashlib.sha256(written).hexdigest()
        write_json(new / CONTENTS, {"made_by": "mura-ensemble", "sha256": digests})
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    return [folder / name for name in (*files, CONTENTS)]


def _refuse_foreign(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder for the report")
    here = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    if not here:
        return
    known = (
        {CONTENTS, *read_json(folder / CONTENTS).get("sha256", {})} if (folder / CONTENTS).exists() else set()
    )
    for name in here:
        if name not in known:
            raise InputError(
                f"{folder}: holds {name}, which is not part of a report; choose another folder or move that file away"
            )
