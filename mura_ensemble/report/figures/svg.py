"""A few SVG shapes, enough for rows of marks on one scale; text in, text out, no drawing library to wait for.

Shapes carry the light colours of the palette, which `page.inline_svg` exchanges for those of the page's theme.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from markupsafe import escape

from mura_ensemble.report.figures.theme import COLOURS

__all__ = ["Scale", "Svg", "kind_colour"]

_KINDS = {"ensemble": "ensemble", "reader": "reader"}


def kind_colour(kind: str) -> str:
    """Name of the palette's colour for a kind of entry."""
    return _KINDS.get(kind, "backbone")


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` onto `start` to `end`; what lies outside is put at the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Place one value."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


@dataclass
class Svg:
    """A drawing under construction; sizes in pixels, colours by their names in the palette."""

    width: float
    height: float
    parts: list[str] = field(default_factory=list)

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        colour: str,
        width: float = 1,
        *,
        opacity: float = 1,
        dash: str = "",
    ) -> None:
        """A straight line."""
        extra = f";stroke-opacity:{opacity:g}" if opacity < 1 else ""
        extra += f";stroke-dasharray:{dash}" if dash else ""
        self.parts.append(
            f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" '
            f'style="stroke:{COLOURS[colour][0]};stroke-width:{width:g}{extra}"/>'
        )

    def strokes(
        self,
        places: Iterable[float],
        top: float,
        bottom: float,
        colour: str,
        width: float,
        *,
        opacity: float = 1,
    ) -> None:
        """Upright strokes of the same height as one shape; those on the same tenth of a pixel are one."""
        path = "".join(f"M{x:g} {top:.1f}V{bottom:.1f}" for x in sorted({round(x, 1) for x in places}))
        if path:
            self.parts.append(
                f'<path d="{path}" style="fill:none;stroke:{COLOURS[colour][0]};stroke-width:{width:g};'
                f'stroke-opacity:{opacity:g}"/>'
            )

    def curve(self, points: list[tuple[float, float]], colour: str, width: float = 1) -> None:
        """A line through points."""
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.parts.append(
            f'<path d="M{path}" style="fill:none;stroke:{COLOURS[colour][0]};stroke-width:{width:g}"/>'
        )

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle."""
        self.parts.append(
            f'<path d="M{x:.1f} {y:.1f}h{width:.1f}v{height:.1f}h{-width:.1f}z" style="fill:{COLOURS[colour][0]}"/>'
        )

    def mark(self, x: float, y: float, kind: str, size: float = 4, *, opacity: float = 1) -> None:
        """The mark of a kind of entry: ensembles a diamond, readers a square, others a disc."""
        r = size
        shapes = {
            "ensemble": f"M{x:.1f} {y - 1.25 * r:.1f}l{1.25 * r:.1f} {1.25 * r:.1f}l{-1.25 * r:.1f} {1.25 * r:.1f}l"
            f"{-1.25 * r:.1f} {-1.25 * r:.1f}z",
            "reader": f"M{x - r:.1f} {y - r:.1f}h{2 * r:.1f}v{2 * r:.1f}h{-2 * r:.1f}z",
        }
        disc = f"M{x - r:.1f} {y:.1f}a{r:g} {r:g} 0 1 0 {2 * r:g} 0a{r:g} {r:g} 0 1 0 {-2 * r:g} 0z"
        faded = f";fill-opacity:{opacity:g}" if opacity < 1 else ""
        self.parts.append(
            f'<path d="{shapes.get(kind, disc)}" style="fill:{COLOURS[kind_colour(kind)][0]}{faded};'
            f'stroke:{COLOURS["surface"][0]};stroke-width:.8"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        anchor: str = "start",
        colour: str = "ink",
        size: float = 12,
        bold: bool = False,
        halo: bool = False,
    ) -> None:
        """One line of text, its middle at height `y`; a halo keeps it legible over marks."""
        weight = ";font-weight:600" if bold else ""
        if halo:
            weight += f";paint-order:stroke;stroke:{COLOURS['surface'][0]};stroke-width:4px"
        self.parts.append(
            f'<text x="{x:.1f}" y="{y + 0.35 * size:.1f}" '
            f'style="fill:{COLOURS[colour][0]};text-anchor:{anchor};font-size:{size:g}px{weight}">{escape(text)}</text>'
        )

    def vertical_text(self, x: float, y: float, text: str) -> None:
        """The name of an upright axis, read from below, centred at `y`."""
        self.parts.append(
            f'<text transform="translate({x:.1f} {y:.1f})rotate(-90)" '
            f'style="fill:{COLOURS["ink"][0]};text-anchor:middle;font-size:12px">{escape(text)}</text>'
        )

    def ticks(self, scale: Scale, values: list[float], top: float, bottom: float, form: str = ".1f") -> None:
        """Upright grid lines with their values below."""
        for value in values:
            x = scale(value)
            self.line(x, top, x, bottom, "line", 0.8)
            self.text(
                x,
                bottom + 11,
                format(value, form).replace("-", "\N{MINUS SIGN}"),
                anchor="middle",
                colour="quiet",
                size=11,
            )

    def legend(self, x: float, y: float, kinds: dict[str, str]) -> float:
        """Marks with their names from `x` on; returns where it ends."""
        for kind, name in kinds.items():
            self.mark(x, y, kind, 4.5)
            self.text(x + 10, y, name, size=12)
            x += 30 + 6.0 * len(name)
        return x

    def done(self) -> str:
        """The drawing as a file."""
        ground = f'<path d="M0 0h{self.width:g}v{self.height:g}h{-self.width:g}z" style="fill:{COLOURS["surface"][0]}"/>'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'width="{self.width:g}" height="{self.height:g}" '
            'style="font-family:system-ui, Helvetica, Arial, sans-serif;font-variant-numeric:tabular-nums">\n'
            + "\n".join([ground, *self.parts])
            + "\n</svg>\n"
        )
