"""A real browser without a screen: pages opened, measured, photographed and printed; one process per question."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["CHROMIUM", "measure", "photograph", "print_pages"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
"""None where no browser is installed."""

_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr",
)  # fmt: skip

# Asked of a page in a frame of its own width; numbers in CSS pixels.
_PROBE = """
function asked(frame) {
  const page = frame.contentDocument, view = frame.contentWindow, root = page.documentElement;
  const all = (what) => [...page.querySelectorAll(what)];
  const box = (node) => node.getBoundingClientRect();
  return {
    overflow: root.scrollWidth - root.clientWidth,
    wide: all("body *").filter((n) => box(n).right > root.clientWidth + 1 && !n.closest(".scroll, svg, .skip"))
      .map((n) => n.tagName + "." + n.className),
    requests: view.performance.getEntriesByType("resource").map((entry) => entry.name),
    headings: all("h1, h2, h3, h4").map((n) => [Number(n.tagName[1]), n.textContent]),
    sections: all("main > section").map((n) => n.id),
    first_stop: all("a[href], summary, [tabindex='0']")[0]?.className,
    landmarks: ["header", "main", "nav", "footer"].filter((tag) => all(tag).length === 1),
    loose: all("body > *").filter((n) => !["HEADER", "MAIN", "FOOTER"].includes(n.tagName) && n.className !== "skip").length,
    nameless: all("table").filter((n) => !n.caption?.textContent.trim()).length
      + all("th:not([scope])").length + all("svg:not([aria-hidden])").filter((n) => !n.getAttribute("aria-label")).length
      + all("[role=region]:not([aria-label])").length,
    unreachable: all(".scroll").filter((n) => n.tabIndex !== 0).length,
    clipped: all("svg[role=img] text").filter((n) => {
      const outer = box(n.ownerSVGElement), inner = box(n);
      return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 2
        || inner.bottom > outer.bottom + 2;
    }).map((n) => n.textContent),
  };
}
addEventListener("load", () => {
  const answer = {};
  for (const frame of document.querySelectorAll("iframe")) answer[frame.id] = asked(frame);
  document.getElementById("answer").textContent = JSON.stringify(answer);
});
"""


def measure(pages: Mapping[str, str], widths: Sequence[int]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """What the browser finds in every page at every width, and what it said on its console.

    Parameters
    ----------
    pages : mapping
        Name to HTML.
    widths : sequence of int
        CSS pixels.

    Returns
    -------
    answers : dict
        `<name> <width>` to the answers of `_PROBE`.
    console : list of str
        Errors, warnings and anything else.
    """
    frames = "".join(
        f'<iframe id="{name} {width}" width="{width}" height="900" srcdoc="{html.escape(text)}"></iframe>'
        for name, text in pages.items()
        for width in widths
    )
    with tempfile.TemporaryDirectory() as folder:
        outer = Path(folder) / "outer.html"
        outer.write_text(
            f'<meta charset="utf-8"><pre id="answer"></pre>{frames}<script>{_PROBE}</script>',
            encoding="utf-8",
        )
        run = _chromium("--virtual-time-budget=5000", "--dump-dom", str(outer))
    answer = re.search(r'<pre id="answer">(.*?)</pre>', run.stdout, re.DOTALL)
    assert answer, run.stderr[-2000:]
    return json.loads(html.unescape(answer[1])), re.findall(r".*CONSOLE.*", run.stderr)


def photograph(page: Path, width: int, height: int, *, dark: bool) -> Any:
    """The first `height` pixels of a page as an array (height, width, 3) of 0 to 255."""
    import numpy as np
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "page.png"
        _chromium(
            f"--window-size={width},{height}",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            f"--screenshot={target}",
            str(page),
        )
        with Image.open(target) as picture:
            return np.asarray(picture.convert("RGB"))


def print_pages(page: Path, target: Path) -> None:
    """Print a page to a PDF."""
    _chromium("--no-pdf-header-footer", f"--print-to-pdf={target}", str(page))


def _chromium(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        return subprocess.run(
            [CHROMIUM, *_QUIET, f"--user-data-dir={profile}", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=90,
            check=True,
        )
