"""The whole report of 20 raters: from calls to the folder with page, tables and figures. No peer makes one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from benchmarks import OURS, Row, cpu_seconds, peak_mb, simulate
from mura_ensemble.comparison.compare import compare_raters
from mura_ensemble.report.write import write_report

RESAMPLES = 10_000


def run(quick: bool) -> list[Row]:
    rows = []
    for n in (207,) if quick else (207, 1_199):
        study = simulate(n)
        keys = pd.Index([f"s{place}" for place in range(n)], name="study")
        calls = pd.DataFrame(
            study.calls, index=keys, columns=[f"rater_{place:02d}" for place in range(20)], dtype=float
        )
        studies = pd.DataFrame(
            {
                "patient": [f"p{patient}" for patient in study.patients],
                "study_type": [f"type_{kind}" for kind in study.types],
                "gold": study.gold,
            },
            index=keys,
        )
        kinds = {name: "reader" if place < 5 else "backbone" for place, name in enumerate(calls)}
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "report"

            def whole(calls=calls, studies=studies, kinds=kinds, out=out) -> None:  # type: ignore[no-untyped-def]
                found = compare_raters(calls, studies, kinds, title="Benchmark", resamples=RESAMPLES)
                write_report(found, out)

            seconds = cpu_seconds(whole)
            size = (out / "report.html").stat().st_size
        task = f"{n:,} studies x 20 raters, {RESAMPLES:,} resamples"
        rows.append(Row(task, OURS, seconds, peak_mb=peak_mb(), note=f"HTML {size / 1000:.0f} kB"))
    return rows
