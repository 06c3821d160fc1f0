"""A published leaderboard read again: MURA's own, or anybody's file of kappas; and one kappa alone."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import digest_of_file, read_frame, write_frame, write_json
from mura_ensemble.data.tables.contracts import row_name
from mura_ensemble.published.board.analyse import analyse_board
from mura_ensemble.published.board.honest import HonestBoard, mura_honest_board
from mura_ensemble.published.tables.lattice import compatible_tables
from mura_ensemble.report.document.folder import write_folder
from mura_ensemble.report.pages.published.files import board_files
from mura_ensemble.report.pages.published.one_kappa import explain_kappa
from mura_ensemble.report.pages.published.rows import board_rows
from mura_ensemble.report.pages.published.terminal import rich_text, terminal_text
from mura_ensemble.report.pages.published.verdict import MURA_SOURCES

__all__ = ["answer_kappa", "read_board", "show_leaderboard"]

_NUMBERS = ("kappa", "lower", "upper", "rank")


def show_leaderboard(
    file: Path | None = None,
    *,
    n: int | None = None,
    positives: int | None = None,
    columns: Mapping[str, str] | None = None,
    out: Path | None = None,
    top: int = 20,
    seed: int = 0,
    width: int = 110,
    colours: bool = False,
) -> str:
    """Re-read a leaderboard; the board as text, and the report where asked for.

    Parameters
    ----------
    file : Path, optional
        CSV or Parquet of names and kappas; MURA's own board if not given.
    n : int, optional
        Studies behind every kappa of `file`.
    positives : int, optional
        Abnormal studies among them, if known.
    columns : mapping, optional
        `model`, `kappa`, `lower`, `upper`, `rank` to the names they have in `file`.
    out : Path, optional
        Folder of the report.
    top : int
        Entries in the text.
    seed : int
    width : int
        Of the text, in characters.
    colours : bool
        For a terminal that shows them.

    Raises
    ------
    InputError
        If something cannot be used; nothing is written then.
    """
    sources: tuple[str, ...] = MURA_SOURCES
    if file is None:
        if n is not None or positives is not None or columns:
            raise InputError(
                "--n, --positives and column names belong to a file of kappas; name the file first"
            )
        title, board = "MURA's leaderboard, read again", mura_honest_board(rng=seed)
    else:
        title, sources, board = _anybodys(file, n, positives, columns or {}, seed)
    rows = board_rows(board)
    render = rich_text if colours else terminal_text
    text = render(board, rows, title=title, sources=sources, top=top, width=width)
    if out is None:
        return text
    made_by = f"mura-ensemble {version('mura-ensemble')}"
    files = board_files(board, rows, title=title, sources=sources, made_by=made_by, seed=seed)
    written = write_folder(out, files)
    return f"{text}\n\nwrote {out / 'report.html'} and {len(written) - 1} files beside it"


def _anybodys(
    file: Path, n: int | None, positives: int | None, columns: Mapping[str, str], seed: int
) -> tuple[str, tuple[str, ...], HonestBoard]:
    if n is None:
        raise InputError(f"{file}: how many studies are behind these kappas? give --n")
    if n < 2:
        raise InputError(f"--n {n}: kappa needs at least 2 studies")
    frame = read_board(file, columns)
    try:
        board = analyse_board(frame, n, positives, rng=seed)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    return (
        f"{file.stem}: a leaderboard, read again",
        (f"{file.name} (sha256 {digest_of_file(file)[:16]}), n = {n:,}",),
        board,
    )


def read_board(file: Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """Read a board of names and kappas as `analyse_board` takes it.

    Parameters
    ----------
    file : Path
        CSV or Parquet.
    columns : mapping
        `model`, `kappa`, `lower`, `upper`, `rank` to the file's names. Without one, `model`, `kappa` and `rank` are
        taken if the file has them; limits are read only where they are named, for not every board's are MURA's.

    Raises
    ------
    InputError
        If a column is missing or a value is not a number in its range; names file, row and column.
    """
    wanted = {"model": "model", "kappa": "kappa", "rank": "rank"} | dict(columns)
    found = read_frame(file, text_columns=[wanted["model"]])
    for role, name in wanted.items():
        if name not in found.columns and (role == "kappa" or role in columns):
            there = ", ".join(map(str, found.columns))
            raise InputError(
                f"{file}: column '{name}' ({role}) is missing; the file has {there}; name the right one"
            )
    if ("lower" in columns) != ("upper" in columns):
        raise InputError(f"{file}: limits come in pairs; name --lower-column and --upper-column, or neither")
    board = pd.DataFrame(
        {role: found[name].to_numpy() for role, name in wanted.items() if name in found.columns},
        index=pd.RangeIndex(1, len(found) + 1, name="entry"),
    )
    for role in _NUMBERS:
        if role in board:
            board[role] = _numbers(file, wanted[role], board[role], within=None if role == "rank" else 1.0)
    if "model" in board:
        board["model"] = board["model"].fillna("").astype(str)
        unnamed = board["model"].str.strip() == ""
        board.loc[unnamed, "model"] = [f"entry {entry}" for entry in board.index[unnamed]]
    return board


def _numbers(file: Path, name: str, values: pd.Series, *, within: float | None) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    bad = numbers.isna() | (numbers.abs() > within if within is not None else numbers % 1 != 0)
    if bad.any():
        position = int(bad.to_numpy().argmax())
        value = values.iloc[position]
        said = "is empty" if pd.isna(value) else f"is '{value}'"
        kind = "a whole number" if within is None else "a number between -1 and 1"
        raise InputError(
            f"{file}: {row_name(file, position)}, column '{name}' {said}, not {kind}; mend or remove the row"
        )
    return numbers


def answer_kappa(
    kappa: str,
    n: int,
    *,
    positives: int | None = None,
    sensitivity: str | None = None,
    specificity: str | None = None,
    decimals: int | None = None,
    out: Path | None = None,
) -> str:
    """All 2x2 tables behind one printed kappa, as text and, where asked for, as a file.

    Parameters
    ----------
    kappa, sensitivity, specificity : str
        As printed: the digits typed say how they were rounded.
    n : int
    positives : int, optional
    decimals : int, optional
        Decimals of kappa, if its last digits were not typed.
    out : Path, optional
        `.json` for everything, `.csv` or `.parquet` for the tables.
    """
    if out is not None and out.suffix.lower() not in (".json", ".csv", ".parquet"):
        raise InputError(f"{out}: the name must end in .json, .csv or .parquet")
    value, digits = _printed("--kappa", kappa)
    rates = {
        name: _printed(f"--{name}", text)
        for name, text in (("sensitivity", sensitivity), ("specificity", specificity))
        if text is not None
    }
    if len({places for _, places in rates.values()}) > 1:
        raise InputError("--sensitivity and --specificity: type both with the same number of decimals")
    for name, (rate, _) in rates.items():
        if not 0 <= rate <= 1:
            raise InputError(f"--{name} {rate:g} is outside 0 to 1; give a share, not a percentage")
    found = compatible_tables(
        value,
        n,
        decimals=digits if decimals is None else decimals,
        positives=positives,
        rate_decimals=max((places for _, places in rates.values()), default=3),
        **{name: rate for name, (rate, _) in rates.items()},
    )
    explained = explain_kappa(found)
    if out is None:
        return explained.text
    if out.suffix.lower() == ".json":
        write_json(out, explained.record)
    else:
        write_frame(out, explained.tables)
    return f"{explained.text}\n\nwrote {out}"


def _printed(option: str, text: str) -> tuple[float, int]:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{option} '{text}' is not a number; type it as printed, such as 0.778") from None
    if not abs(value) < float("inf"):
        raise InputError(f"{option} '{text}' is not a number; type it as printed, such as 0.778")
    return value, len(text.strip().partition(".")[2])
