"""Maps as files: one sheet per study, one picture per view and backbone, a page and the numbers."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mura_ensemble.backbones.maps.cam_drawing import Cell, contact_sheet, over_square, overlay
from mura_ensemble.backbones.views.reading import ViewError, decode_view, read_bytes
from mura_ensemble.data.files import atomic_write, write_json, write_text

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

__all__ = ["Column", "write_sheets"]

LONGEST = 280
_LEGEND = (
    "Orange: speaks for abnormal. Blue: speaks for normal. Exact maps of a sheet share one scale, in units of the logit;",
    "the mean of an exact map is the logit. A map says what a network used, not whether it is right. Not for clinical use.",
)
_FOOTER = ("Orange: abnormal. Blue: normal. Not for clinical use.",)
"""What must stand on a sheet that is taken out of its page; the page has the whole legend, once."""


@dataclass(frozen=True)
class Column:
    """One backbone or ensemble across a sheet.

    Attributes
    ----------
    name : str
    how : str
        What its maps are, in words.
    exact : bool
        Whether they are in units of the logit.
    table : DataFrame
        Indexed by (study, view): `map` (2-D array or None), `logit`, `reason`.
    """

    name: str
    how: str
    exact: bool
    table: pd.DataFrame


def write_sheets(
    out: Path,
    views: pd.DataFrame,
    columns: Sequence[Column],
    *,
    resize: str,
    gold: Mapping[str, int],
    order: Sequence[str],
) -> int:
    """Write the pictures of every study in `order`; returns how many.

    Parameters
    ----------
    out : Path
    views : DataFrame
        Indexed by (study, view); column `file`.
    columns : sequence of Column
        Of the same views.
    resize : str
        How views came to the network's square.
    gold : mapping
        Study to 0 or 1; may be empty.
    """
    entries, pictures = [], 0
    for study in order:
        rows, numbers = [], []
        keys = [key for key in views.index if key[0] == study]
        scales = _scales(columns, keys)
        for key in keys:
            view = _opened(Path(str(views.loc[key, "file"])))
            cells = [_cell(view, None, "", 0.0, resize, ())]
            for column, scale in zip(columns, scales, strict=True):
                record = column.table.loc[key]
                cell = _cell(
                    view, record["map"], str(record["reason"]), scale, resize, _lines(column, record)
                )
                cells.append(cell)
                told: dict[str, Any] = {
                    "view": key[1],
                    "backbone": column.name,
                    "map": column.how,
                    "logit": _number(record["logit"]),
                    "probability": _number(1 / (1 + np.exp(-record["logit"]))),
                    "reason": record["reason"],
                }
                if cell.picture is not None and record["map"] is not None:
                    path = Path("overlays") / _slug(study) / f"{_slug(key[1])}--{_slug(column.name)}.png"
                    _save(out / path, cell.picture)
                    told["picture"] = path.as_posix()
                    pictures += 1
                numbers.append(told)
            rows.append((str(key[1]).removeprefix(f"{study}/"), cells))
        heading = [study]
        if study in gold:
            heading.append(f"gold standard: {'abnormal' if gold[study] else 'normal'}")
        common = [scale for column, scale in zip(columns, scales, strict=True) if column.exact]
        if common:
            heading.append(f"exact maps: full colour at {common[0]:.2g} of the logit")
        sheet = Path("sheets") / f"{_slug(study)}.png"
        _save(
            out / sheet, contact_sheet(heading, ["view", *(column.name for column in columns)], rows, _FOOTER)
        )
        pictures += 1
        entries.append({"study": study, "gold": gold.get(study), "sheet": sheet.as_posix(), "views": numbers})
    write_json(out / "index.json", {"studies": entries})
    write_text(out / "index.html", _page(entries))
    return pictures


def _scales(columns: Sequence[Column], keys: Sequence[Any]) -> list[float]:
    """The value of the full colour: one for all exact maps of the study, its own for each other column."""
    wanted = pd.Index(keys)
    ends = [
        max(
            (float(np.abs(grid).max()) for grid in column.table["map"].loc[wanted] if grid is not None),
            default=0.0,
        )
        for column in columns
    ]
    common = max([0.0, *(end for column, end in zip(columns, ends, strict=True) if column.exact)])
    return [common if column.exact else end for column, end in zip(columns, ends, strict=True)]


def _opened(file: Path) -> NDArray[np.float32] | None:
    try:
        return decode_view(read_bytes(file))
    except ViewError:
        return None


def _cell(
    view: NDArray[np.float32] | None,
    values: NDArray[np.float32] | None,
    reason: str,
    scale: float,
    resize: str,
    lines: tuple[str, ...],
) -> Cell:
    if view is None or reason:
        return Cell(None, (reason or "cannot be opened",))
    shape = (view.shape[0], view.shape[1])
    over = None if values is None else over_square(values, shape, resize)
    return Cell(overlay(view, over, scale, longest=LONGEST), lines)


def _lines(column: Column, record: pd.Series[Any]) -> tuple[str, ...]:
    logit = float(record["logit"])
    if np.isnan(logit):
        return ()
    chance = 1 / (1 + np.exp(-logit))
    call = "abnormal" if chance > 0.5 else "normal"
    return f"p = {chance:.2f}, logit {logit:+.2f}", f"called {call} (abnormal above 0.5)", column.how


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.6g}")


def _save(path: Path, picture: Image) -> None:
    with atomic_write(path) as temporary:
        picture.save(temporary, format="PNG")


def _slug(key: str) -> str:
    """A name for a file: what of a key can be one, and enough of its digest to be the only one."""
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in str(key))
    return f"{plain[-60:]}-{hashlib.sha256(str(key).encode()).hexdigest()[:8]}"


def _page(entries: Sequence[Mapping[str, Any]]) -> str:
    sheets = "\n".join(
        f"<section><h2>{html.escape(entry['study'])}</h2>"
        f'<img src="{html.escape(entry["sheet"])}" loading="lazy" alt="{html.escape(_alt(entry))}"></section>'
        for entry in entries
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Maps</title>\n'
        "<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem;max-width:90rem}img{max-width:100%}"
        # The sheet shows its study already; the heading is there to be searched, and for who cannot see the sheet.
        "h2{position:absolute;clip-path:inset(50%)}</style></head>\n"
        f"<body><h1>What the networks used</h1>\n<p>{html.escape(' '.join(_LEGEND))}</p>\n{sheets}\n</body></html>\n"
    )


def _alt(entry: Mapping[str, Any]) -> str:
    told = [
        f"{number['view']} by {number['backbone']}: "
        + (
            f"probability {number['probability']:.2f}"
            if number["probability"] is not None
            else number["reason"]
        )
        for number in entry["views"]
    ]
    return "; ".join(told)
