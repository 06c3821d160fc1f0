"""Fixtures for tests of every floor."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import settings
from sampling import LONG, long_table

from mura_ensemble import commands

# The same examples on every machine: a suite that is green here is green there.
settings.register_profile("ours", derandomize=True, deadline=None)
settings.load_profile("ours")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """After the long suite: what ran, where, for how long."""
    if LONG and not hasattr(terminalreporter.config, "workerinput"):
        long_table(terminalreporter.stats, Path(__file__).with_name("long.md"))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _grey_png(width: int = 4, height: int = 3, grey: int = 128) -> bytes:
    """A valid 8-bit greyscale PNG of one shade, without an imaging library."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([grey]) * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


# (split, study type, patient, study number, label) -> number of views; the patients are invented.
SMALL_MURA = {
    ("train", "SHOULDER", "patient90001", 1, 1): 3,
    ("train", "SHOULDER", "patient90002", 1, 0): 2,
    ("train", "HUMERUS", "patient90001", 1, 0): 1,
    ("train", "WRIST", "patient90003", 1, 0): 2,
    ("train", "WRIST", "patient90003", 2, 1): 2,
    ("valid", "WRIST", "patient90004", 1, 1): 3,
    ("valid", "ELBOW", "patient90005", 1, 0): 2,
}


def _write_mura(
    folder: Path,
    studies: Mapping[tuple[str, str, str, int, int], int] = SMALL_MURA,
    *,
    lists: str = "v1.1",
    files: bool = True,
) -> Path:
    """Write an invented copy of MURA below `folder`; return its root.

    `lists` is v1.1, v1.0 or none; the lists name views and studies in the order of `studies`.
    """
    version = "v1.0" if lists == "v1.0" else "v1.1"
    root = folder / f"MURA-{version}"
    root.mkdir(parents=True)
    rows: dict[str, list[str]] = {}
    for (split, kind, patient, number, label), views in studies.items():
        below = f"{split}/XR_{kind}/{patient}/study{number}_{'positive' if label else 'negative'}"
        paths = [f"{below}/image{i + 1}.png" for i in range(views)]
        if files:
            (root / below).mkdir(parents=True)
            for i, path in enumerate(paths):
                (root / path).write_bytes(_grey_png(grey=min(255, 20 * i + 100 * label)))
        if lists == "v1.1":
            rows.setdefault(f"{split}_image_paths.csv", []).extend(f"{root.name}/{path}" for path in paths)
            rows.setdefault(f"{split}_labeled_studies.csv", []).append(f"{root.name}/{below}/,{label}")
        elif lists == "v1.0":
            rows.setdefault(f"{split}.csv", []).extend(f"{root.name}/{path},{label}" for path in paths)
    for name, lines in rows.items():
        _write_lines(root / name, lines)
    return root


def _write_lines(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def write_mura() -> Callable[..., Path]:
    """`write_mura(folder, studies=..., lists="v1.1", files=True)` writes an invented copy, returns its root."""
    return _write_mura


@pytest.fixture
def write_lines() -> Callable[[Path, Iterable[str]], Path]:
    """`write_lines(path, lines)` writes a text file and returns its path."""
    return _write_lines


@pytest.fixture
def mura_copy(tmp_path: Path) -> Path:
    """The root of a small invented copy of MURA v1.1."""
    return _write_mura(tmp_path)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command line in an empty folder; return (status, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["mura-ensemble", *map(str, words)])
        try:
            commands.main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture(scope="session")
def mura_board():
    """The published board of MURA, read again; made once, changed by nobody."""
    from mura_ensemble.published import mura_honest_board

    return mura_honest_board()
