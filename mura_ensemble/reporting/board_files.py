"""An honest board as a folder of files: page, Markdown, LaTeX, figures, and every frame as CSV and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.published.honest import HonestBoard
from mura_ensemble.reporting.board_words import board_headline, board_verdict

__all__ = ["board_tables", "frame_files"]


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

    What is undefined or missing is empty in CSV and null in JSON; an infinite number of studies is `inf` in CSV and
    "inf" in JSON.
    """
    files = {}
    for name, frame in frames.items():
        flat = frame if frame.index.names == [None] else frame.reset_index()
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
            return "inf" if np.isinf(value) else None if np.isnan(value) else float(f"{value:.12g}")
        case np.integer():
            return int(value)
        case _:
            return None if value is pd.NA else value
