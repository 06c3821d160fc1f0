"""A cache in lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from mura_ensemble.cache.difference import CacheDifference, SplitDifference
from mura_ensemble.cache.listing import CacheRow, Listing
from mura_ensemble.cache.removal import Removal

__all__ = ["difference_lines", "listing_lines", "removal_lines"]


def listing_lines(listing: Listing) -> list[str]:
    """A table of the splits, one set after the other, and the remarks."""
    lines: list[str] = []
    for name in dict.fromkeys(row.set for row in listing.rows):
        rows = [row for row in listing.rows if row.set == name]
        table = [
            (
                row.backbone,
                row.split,
                row.role,
                f"{row.views:,}" if row.views else "",
                f"{row.failed:,}",
                "missing" if row.missing else _size(row.bytes),
                row.key[:8],
                _made(row),
            )
            for row in rows
        ]
        heads = ("backbone", "split", "role", "views", "failed", "size", "key", "made from")
        lines += [*([""] if lines else []), name, *_aligned([heads, *table], right=(3, 4, 5))]
    return [*lines, *([""] if listing.remarks else []), *(f"look at: {remark}" for remark in listing.remarks)]


def _made(row: CacheRow) -> str:
    under_way = f"under way: {row.parts_done:,} of {row.parts:,} parts" if row.parts else ""
    plain = "" if row.precision in ("", "float32") else row.precision
    seen = ", ".join(way.partition(":")[0] for way in row.tta.split("; ") if ":" in way)
    parts = (
        row.made_from,
        plain,
        f"tta {seen}" if seen else "",
        under_way,
        "" if row.level == "view" else f"one row per {row.level}",
    )
    return "; ".join(part for part in parts if part)


def difference_lines(found: CacheDifference) -> list[str]:
    """What differs, field by field and split by split."""
    lines = []
    if found.inputs:
        table = [("made from", "first", "second")]
        table += [(f"{backbone}: {field}", one, other) for backbone, field, one, other in found.inputs]
        lines += [*_aligned(table), ""]
    lines += [*found.only, *([""] if found.only else [])]
    for split in found.splits:
        lines += _split_lines(split)
    words = "alike" if found.alike else "different"
    return [*lines, f"{words} (tolerance {found.tolerance:g} of a probability)"]


def _split_lines(split: SplitDifference) -> list[str]:
    lines = [f"{split.backbone}, split '{split.split}': {split.views:,} views in both"]
    for count, which in ((split.only_first, "first"), (split.only_second, "second")):
        if count:
            lines.append(f"  {count:,} views only in the {which}, or without a number in the other")
    if split.views:
        r = (
            ""
            if split.correlation != split.correlation
            else f", correlation of the logits {split.correlation:.6f}"
        )
        lines += [
            f"  probability: largest difference {split.largest:.2g}, mean {split.mean:.2g}; "
            f"logit: largest {split.largest_logit:.2g}{r}",
            f"  called otherwise at 0.5: {split.flipped_views:,} of {split.views:,} views, "
            f"{split.flipped_studies:,} of {split.studies:,} studies",
        ]
    return lines


def removal_lines(removal: Removal) -> list[str]:
    """What would go and what would stay."""
    return [
        f"{_size(removal.bytes)} would be removed:",
        *(f"  {path}" for path in removal.files),
        *(f"  split '{split}' from the card of {home.name}" for home, split in removal.splits),
        *(f"note: {sentence}" for sentence in removal.stays),
    ]


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _aligned(table: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
