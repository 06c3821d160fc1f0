"""The command line: one verb, one short function; every heavy import waits for its verb."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from mura_ensemble.commands import (
    backbones,
    cache,
    comparison,
    data,
    ensembles,
    leaderboard,
    maps,
    official,
    prediction,
    readers,
    training,
)

app = typer.Typer(
    name="mura-ensemble",
    help="Ensembles and honest model comparison for multi-view reader studies.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


# What the command line raises for words it cannot read; typer carries its own copy of click and names only this one.
_USAGE: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("mura-ensemble"))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


_GROUPS = {"": app}  # a verb of two words, such as `ensembles ls`, stands in a group of the first

for _name, _verb in (
    *data.VERBS,
    *backbones.VERBS,
    *training.VERBS,
    *prediction.VERBS,
    *cache.VERBS,
    *maps.VERBS,
    *ensembles.VERBS,
    *comparison.VERBS,
    *readers.VERBS,
    *official.VERBS,
    *leaderboard.VERBS,
):
    _group, _, _last = _name.rpartition(" ")
    if _group and _group not in _GROUPS:
        _GROUPS[_group] = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_verb.__doc__)
        app.add_typer(_GROUPS[_group], name=_group)
    _GROUPS[_group].command(_last)(_verb)


def main() -> None:
    """Run the command line; input that cannot be used ends with one sentence and status 2."""
    try:
        status = app(standalone_mode=False)
    except typer.Abort:
        sys.exit(1)
    except _USAGE as error:
        sentence = error.format_message().replace("\n", " ").strip().rstrip(".")
        if not sentence:  # a bare command, which has shown its help
            sys.exit(error.exit_code)
        where = getattr(error, "ctx", None)
        command = where.command_path if where else "mura-ensemble"
        print(f"error: {sentence}; see {command} --help", file=sys.stderr)
        sys.exit(2)
    except (ValueError, ImportError) as error:
        from mura_ensemble.data.errors import InputError, MissingExtraError

        if not isinstance(error, InputError | MissingExtraError):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; run the same command again to continue", file=sys.stderr)
        sys.exit(130)
    if isinstance(status, int) and status:
        sys.exit(status)
