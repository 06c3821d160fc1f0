"""A drawing as PDF for a manuscript: the same shapes and the same text as its SVG, equal for equal input."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["svg_to_pdf"]

_FONTS = re.compile(r"system-ui, Helvetica, Arial, sans-serif")
_FAMILY = "dejavusans"
_DATE = re.compile(rb"/CreationDate \([^)]*\)")


def svg_to_pdf(svg: str) -> bytes:
    """One page of the size of the drawing, all of it vectors, its letters embedded.

    Parameters
    ----------
    svg : str
        As `figures` and `board_svg` make them. Letters are those of DejaVu Sans, which comes with matplotlib and knows
        the signs of statistics; a sign that it lacks is shown as an empty box.

    Returns
    -------
    bytes
        PDF without a date.
    """
    from fpdf import FPDF
    from fpdf.svg import SVGObject

    drawing = SVGObject(_FONTS.sub(_FAMILY, svg))
    _, _, width, height = drawing.viewbox or (0, 0, 0, 0)
    document = FPDF(unit="pt")
    for style, file in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
        document.add_font(_FAMILY, style, _font_folder() / file)
    document.set_font(_FAMILY)
    document.set_margin(0)
    document.add_page(format=(width, height))
    drawing.draw_to_page(document, 0, 0)
    document.set_producer("mura-ensemble")
    document.set_creation_date(datetime(2000, 1, 1, tzinfo=UTC))
    written: Any = document.output()
    # A date that is not true is worse than none; blanks keep every offset of the file.
    return _DATE.sub(lambda found: b" " * len(found[0]), bytes(written))


def _font_folder() -> Path:
    from matplotlib import get_data_path

    return Path(get_data_path()) / "fonts" / "ttf"
