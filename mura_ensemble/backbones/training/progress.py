"""A progress bar on a terminal; anywhere else, one plain line at each milestone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress"]


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[int, str], None]]:
    """Show how much of `total` is done and how long the rest takes.

    Yields
    ------
    callable
        Takes how many more are done and a few words on how it goes; words with nothing more done are a
        milestone, which is printed to standard error where there is no terminal.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total, note="")

        def report(done: int, note: str) -> None:
            bar.update(task, advance=done, note=note)
            if not console.is_terminal and not done and note:
                print(note, file=sys.stderr, flush=True)

        yield report
