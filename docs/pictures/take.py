"""Take the picture of the report that the README shows: the first screen of the simulated one, in light mode.

    make picture

Needs a Chromium (Debian: `apt-get install chromium`). The page is photographed at twice its size, halved and
reduced to 128 colours, so that the text stays sharp and the file small.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "reports" / "simulated" / "report.html"
PICTURE = Path(__file__).with_name("report.png")
WIDTH, HEIGHT = 1120, 1580
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=2",
]


def take(page: Path, picture: Path) -> None:
    """Photograph the top of `page` into `picture`."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no Chromium found; on Debian: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.png"
        words = [
            *FLAGS,
            f"--user-data-dir={folder}/profile",
            f"--window-size={WIDTH},{HEIGHT}",
            f"--screenshot={raw}",
        ]
        subprocess.run(
            [browser, *words, page.resolve().as_uri()], check=True, capture_output=True, timeout=120
        )
        with Image.open(raw) as image:
            small = image.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    small.quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        picture, optimize=True
    )
    print(f"wrote {picture.relative_to(ROOT)}: {picture.stat().st_size // 1024} kB")


if __name__ == "__main__":
    take(PAGE, PICTURE)
