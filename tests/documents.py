"""The documents as a reader follows them: marked blocks are written, run and compared.

A comment before a fenced block says what the block is; it does not show on the page.

    <!-- file: NAME -->    the block is the content of NAME
    <!-- run -->           shell commands, or Python, that must succeed
    <!-- prints -->        every line of the block stands in what the last command printed
    <!-- patch: NAME -->   lines that begin with - are replaced by those with + in NAME
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "notebooks/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>\w+)(?:: (?P<name>\S+))? -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block: its mark (empty if it has none), the name in the mark, its language and text."""

    mark: str
    name: str
    language: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of a page, in order."""
    for found in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield Block(found["mark"] or "", found["name"] or "", found["language"], found["text"])


def commands(text: str) -> Iterator[list[str]]:
    """The command lines of a shell block as words, continued lines joined, comments dropped."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words


def patched(text: str, file: str) -> str:
    """`file` with the lines of `text` that begin with - replaced by those with +; the others say where."""
    lines = [(line[:1], line[1:] + "\n") for line in text.splitlines()]
    before = "".join(line for sign, line in lines if sign != "+")
    assert file.count(before) == 1, f"not there exactly once:\n{before}"
    return file.replace(before, "".join(line for sign, line in lines if sign != "-"))
