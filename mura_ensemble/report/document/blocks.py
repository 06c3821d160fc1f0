"""A report as finished blocks, and the page made of them: HTML that needs nothing beside itself, and Markdown.

The same `Page` gives both, so they cannot say different things. Nothing here knows what a comparison is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import pandas as pd
from markupsafe import Markup

from mura_ensemble.comparison.findings.notice import Notice
from mura_ensemble.report.document.columns import Column, Row, escape_markdown, to_html, to_markdown
from mura_ensemble.report.figures.theme import COLOURS

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = [
    "Block",
    "Drawing",
    "Facts",
    "Notices",
    "Page",
    "Paragraph",
    "Quotation",
    "Section",
    "TableBlock",
    "Verdict",
    "inline_svg",
    "render_markdown",
    "render_page",
]


@dataclass(frozen=True)
class Paragraph:
    """Plain text; `quiet` for remarks below a table or figure."""

    text: str
    quiet: bool = False
    kind: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True)
class Verdict:
    """The first screen: one sentence, then what backs it, each with a short lead."""

    headline: str
    items: Sequence[tuple[str, str]]
    kind: Literal["verdict"] = "verdict"


@dataclass(frozen=True)
class Facts:
    """Tiles of (label, value, detail)."""

    items: Sequence[tuple[str, str, str]]
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True)
class TableBlock:
    """A finished frame; `files` are the names of the same rows on disk."""

    frame: pd.DataFrame
    columns: Sequence[Column]
    caption: str
    files: Sequence[str] = ()
    row_style: Callable[[Row], str] | None = None
    kind: Literal["table"] = "table"

    @property
    def helps(self) -> list[tuple[str, str]]:
        """Heading and help of the columns that have one: what a pointer shows must be there without a pointer."""
        return [(column.heading, column.help) for column in self.columns if column.help]

    @property
    def html(self) -> Markup:
        """The table as HTML."""
        return to_html(self.frame, self.columns, caption=self.caption, row_style=self.row_style)


@dataclass(frozen=True)
class Drawing:
    """An SVG figure; `alt` says what it shows, `reading` how to read it, `file` where it stands on disk."""

    name: str
    svg: str
    caption: str
    alt: str
    reading: str = ""
    file: str = ""
    kind: Literal["drawing"] = "drawing"

    @property
    def pdf(self) -> str:
        """Where it stands as PDF, beside its SVG."""
        return f"{self.file.removesuffix('.svg')}.pdf"

    @property
    def tall(self) -> bool:
        """Whether it is higher than wide and gets a sheet of its own in print."""
        size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', self.svg)
        return size is not None and float(size[2]) > float(size[1])

    @property
    def html(self) -> Markup:
        """The drawing in the colours of the page."""
        return inline_svg(self.svg, self.name, self.alt)


@dataclass(frozen=True)
class Notices:
    """Remarks, the warnings first."""

    items: Sequence[Notice]
    kind: Literal["notices"] = "notices"


@dataclass(frozen=True)
class Quotation:
    """Paragraphs made to be pasted elsewhere."""

    paragraphs: Sequence[str]
    kind: Literal["quotation"] = "quotation"


Block = Paragraph | Verdict | Facts | TableBlock | Drawing | Notices | Quotation


@dataclass(frozen=True)
class Section:
    """A heading with its blocks; `anchor` is its id in the page."""

    anchor: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes
    ----------
    title, subtitle : str
    sections : sequence of Section
    banner : str
        Said above everything on the page, e.g. that the data are simulated.
    footer : str
        One line at the end.
    """

    title: str
    sections: Sequence[Section]
    subtitle: str = ""
    banner: str = ""
    footer: str = ""


def render_page(page: Page) -> str:
    """One HTML document: styles and drawings inside, nothing fetched, no script, light and dark, printable."""
    return _environment().get_template("page.html.jinja").render(page=page, colours=COLOURS) + "\n"


def render_markdown(page: Page) -> str:
    """The same report as Markdown; figures are linked by their file names."""
    parts = [f"# {escape_markdown(page.title)}"]
    parts += [f"**{escape_markdown(page.banner)}**"] if page.banner else []
    parts += [escape_markdown(page.subtitle)] if page.subtitle else []
    for section in page.sections:
        parts.append(f"## {escape_markdown(section.title)}")
        parts += [_markdown(block) for block in section.blocks]
    parts += ["---", escape_markdown(page.footer)] if page.footer else []
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def inline_svg(svg: str, name: str, alt: str) -> Markup:
    """SVG text for the inside of an HTML page.

    Ids are made unique with `name`, the light colours become the theme's variables, and the whole is one image
    called `alt` to a screen reader.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", body)
    for colour, (light, _) in COLOURS.items():
        body = re.sub(re.escape(light), f"var(--{colour})", body, flags=re.IGNORECASE)
    # A style sheet in a drawing would rule the whole page: what it says of all shapes they inherit from the drawing.
    rules = "".join(re.findall(r"<style[^>]*>\s*\*\s*\{([^}]*)\}\s*</style>", body))
    body = re.sub(r"\s*<style.*?</style>", "", body, flags=re.DOTALL)
    if rules:
        body = body.replace("<svg", f'<svg style="{rules}"', 1)
    # Without its size in points the drawing takes the width of the page.
    opening, rest = body.split(">", 1)
    opening = re.sub(r'\s(?:width|height)="[^"]*"', "", opening)
    label = Markup(' role="img" aria-label="{}"').format(alt)
    return Markup(opening) + label + Markup(">" + rest)


def _markdown(block: Block) -> str:
    match block.kind:
        case "paragraph":
            return escape_markdown(block.text)
        case "verdict":
            items = [f"- **{escape_markdown(lead)}:** {escape_markdown(text)}" for lead, text in block.items]
            return "\n".join([f"**{escape_markdown(block.headline)}**", "", *items])
        case "facts":
            return "\n".join(
                f"- {escape_markdown(label)}: **{escape_markdown(value)}**"
                + (f" ({escape_markdown(detail)})" if detail else "")
                for label, value, detail in block.items
            )
        case "table":
            table = to_markdown(block.frame, block.columns)
            files = f"\nSame rows: {', '.join(f'`{file}`' for file in block.files)}" if block.files else ""
            return f"{escape_markdown(block.caption)}\n\n{table}{files}"
        case "drawing":
            image = f"![{escape_markdown(block.alt)}]({block.file})\n\n" if block.file else ""
            return f"{image}*{escape_markdown(block.caption)}* {escape_markdown(block.reading)}"
        case "notices":
            return "\n".join(
                f"- **{item.level} {item.code}:** {escape_markdown(f'{item.sentence} {item.action}'.rstrip())}"
                for item in block.items
            )
        case "quotation":
            return "\n>\n".join(f"> {escape_markdown(paragraph)}" for paragraph in block.paragraphs)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mura_ensemble.report.document"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["css_string"] = _css_string
    return environment


def _css_string(text: str) -> Markup:
    """Text as a CSS string: everything but letters, digits and blanks as a code point."""
    return Markup('"{}"').format(
        Markup("").join(
            sign if sign.isalnum() or sign == " " else Markup(f"\\{ord(sign):x} ") for sign in text
        )
    )
