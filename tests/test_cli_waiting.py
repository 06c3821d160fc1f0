"""Long verbs say on a terminal that they are at work, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress

PROGRAM = "from mura_ensemble.commands.shared.waiting import waiting\nwith waiting('scoring every panel'): print('done')"


def test_a_terminal_sees_what_is_done_and_how_long() -> None:
    ours, theirs = pty.openpty()
    found = subprocess.run([sys.executable, "-c", PROGRAM], stderr=theirs, stdout=subprocess.PIPE, check=True)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # what the end of a terminal looks like
        while chunk := os.read(ours, 10_000):
            shown += chunk
    os.close(ours)
    assert b"scoring every panel" in shown
    assert b"0:00:0" in shown
    assert found.stdout == b"done\n"


def test_a_file_sees_nothing() -> None:
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    assert (found.stdout, found.stderr) == (b"done\n", b"")
