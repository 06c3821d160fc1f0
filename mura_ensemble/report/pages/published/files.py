"""An honest board as a folder of files: page, Markdown, LaTeX, figures, and every frame as CSV and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.published.board.honest import HonestBoard
from mura_ensemble.report.document.blocks import render_markdown, render_page
from mura_ensemble.report.document.files import figure_files, latex_files
from mura_ensemble.report.document.latex import to_latex
from mura_ensemble.report.pages.published.page import board_page
from mura_ensemble.report.pages.published.tables import comparison_columns, leaderboard_columns, rate_columns
from mura_ensemble.report.pages.published.verdict import board_headline, board_verdict

__all__ = ["board_files", "board_tables", "frame_files"]

_MOST_IN_LATEX = 20


def board_files(
    board: HonestBoard, rows: pd.DataFrame, *, title: str, sources: Sequence[str], made_by: str, seed: int
) -> dict[str, str | bytes]:
    """Every file of the report by its name; see `board_page` for the parameters."""
    page = board_page(board, rows, title=title, sources=sources, made_by=made_by, seed=seed)
    label = f"{board.label[0].upper()}{board.label[1:]} ({'; '.join(sources)})."
    return {
        "report.html": render_page(page),
        "report.md": render_markdown(page),
        **latex_files(page, note=label),
        **_latex(board, rows, label),
        **board_tables(board, rows, sources=sources),
        **figure_files(page),
    }


def _latex(board: HonestBoard, rows: pd.DataFrame, label: str) -> dict[str, str]:
    """Tables that fit a printed page: the first entries with every reader, the readers, the pairs with the first."""
    entries = rows["comparable"] & (rows["kind"] != "reader")
    first = rows[(rows["kind"] == "reader") | (entries & (entries.cumsum() <= _MOST_IN_LATEX))]
    readers = rows[rows["kind"] == "reader"]
    columns = [column for column in leaderboard_columns(rows) if column.heading in ("Rank", "Entry", "Kappa")]
    files = {
        "leaderboard.tex": to_latex(
            first,
            [*columns, *rate_columns()],
            caption=f"Entries by kappa, with 95 % intervals and shared ranks, and readers. {label}",
            label="tab:leaderboard",
        )
    }
    if len(readers):
        files["readers.tex"] = to_latex(
            readers, [*columns[1:], *rate_columns()], caption=f"The readers. {label}", label="tab:readers"
        )
    if len(board.comparisons):
        names = {str(entry): str(name) for entry, name in rows["name"].items()}
        pairs = board.comparisons.reset_index()
        top = pairs[pairs["against"] == "top"]
        against = names[str(top["other"].iloc[0])]
        files["comparisons.tex"] = to_latex(
            top.head(_MOST_IN_LATEX),
            comparison_columns(names)[:-1],
            caption=f"Entries against the first, {against}, over every overlap of errors. {label}",
            label="tab:comparisons",
        )
    return files


def board_tables(board: HonestBoard, rows: pd.DataFrame, *, sources: Sequence[str]) -> dict[str, str]:
    """`leaderboard` and every frame of the board as CSV and JSON, and `board.json` with all that is said in words."""
    said = {
        "label": board.label,
        "sources": list(sources),
        "n": board.n,
        "positives": board.positives or None,
        "headline": board_headline(board),
        "verdict": dict(board_verdict(board)),
        "findings": [{"topic": topic, "sentence": sentence} for topic, sentence in board.findings],
        "unknown": list(board.unknown),
        "assumptions": list(board.assumptions),
    }
    files = frame_files({"leaderboard": rows, **board.frames}, label=board.label, sources=sources)
    return files | {"board.json": _json(said)}


def frame_files(frames: Mapping[str, pd.DataFrame], *, label: str, sources: Sequence[str]) -> dict[str, str]:
    """`<name>.csv`, its label in a column of its own, and `<name>.json`; 12 significant digits in both.

    What is undefined, missing or infinite is empty in CSV and null in JSON.
    """
    files = {}
    for name, frame in frames.items():
        flat = frame if frame.index.names == [None] else frame.reset_index()
        flat = flat.replace([np.inf, -np.inf], np.nan)
        labelled = flat.assign(label=label)
        files[f"{name}.csv"] = labelled.to_csv(index=False, float_format="%.12g", lineterminator="\n")
        record = {"label": label, "sources": list(sources), "rows": flat.to_dict("records")}
        files[f"{name}.json"] = _json(record)
    return files


def _json(value: Any) -> str:
    return json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(name): _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case bool() | np.bool_():
            return bool(value)
        case float() | np.floating():
            return float(f"{value:.12g}") if np.isfinite(value) else None
        case np.integer():
            return int(value)
        case _:
            return None if value is pd.NA else value
