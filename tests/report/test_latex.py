"""Tables for a manuscript compile, whatever the names in them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest
from gathered import compared, gather

from mura_ensemble.comparison.compare import Comparison
from mura_ensemble.published import analyse_board
from mura_ensemble.report.document.columns import Column, columns_of
from mura_ensemble.report.document.latex import escape_latex, to_latex
from mura_ensemble.report.pages.published.files import board_files
from mura_ensemble.report.pages.published.rows import board_rows
from mura_ensemble.report.write import write_report

WILD = [
    "a_b & 50 % of $x^2$ #1 {c} ~ <d> | \\e",
    "[first] *second*",
    "Zażółć, Łódź, naïve, ß",
    "κ ≥ 0.6 ± 0.1 − 5 °",
    "日本",
]


def compiled(folder: Path, tables: Iterable[str]) -> str:
    """Set the tables as a stranger would, and return what the engine says."""
    if shutil.which("pdflatex") is None:
        pytest.skip("no LaTeX engine")
    folder.mkdir(parents=True, exist_ok=True)
    inputs = []
    for number, table in enumerate(tables):
        (folder / f"table{number}.tex").write_text(table, encoding="utf-8")
        inputs.append(rf"\input{{table{number}.tex}}\clearpage")
    packages = r"\documentclass[a4paper]{article}\usepackage{booktabs,graphicx}"
    document = "\n".join([packages, r"\begin{document}", *inputs, r"\end{document}"])
    (folder / "paper.tex").write_text(document, encoding="utf-8")
    run = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2000:]
    return run.stdout


def test_every_table_of_a_comparison_compiles_and_fits_the_page(
    comparison: Comparison, tmp_path: Path
) -> None:
    written = write_report(comparison, tmp_path / "report")
    tables = [path.read_text(encoding="utf-8") for path in written if path.suffix == ".tex"]
    assert len(tables) >= 3
    assert all("Simulated data." in table for table in tables)
    said = compiled(tmp_path / "paper", tables)
    assert "Overfull" not in said


def test_every_table_of_the_parts_compiles_and_fits_the_page(tmp_path: Path) -> None:
    written = write_report(compared(gather(simulated=True)), tmp_path / "report")
    tables = {path.stem: path.read_text(encoding="utf-8") for path in written if path.suffix == ".tex"}
    assert {"reader_differences", "panel_ranges", "ensembles", "calibration", "fixed_specificity"} <= set(
        tables
    )
    assert all("Simulated data." in table for table in tables.values())
    assert "Overfull" not in compiled(tmp_path / "paper", tables.values())


def test_every_table_of_a_published_board_compiles(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"model": WILD, "kappa": [0.867, 0.8, 0.733, 0.79, 0.6]}, index=pd.RangeIndex(1, 6, name="entry")
    )
    board = analyse_board(frame, 30, 15)
    files = board_files(
        board, board_rows(board), title="A board", sources=("50%_of.csv",), made_by="test", seed=0
    )
    tables = [str(text) for name, text in files.items() if name.endswith(".tex")]
    assert len(tables) >= 5
    compiled(tmp_path, tables)


def test_wild_names_compile_and_are_set_as_they_are(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": WILD, "second": WILD})
    columns = [
        *columns_of(frame),
        Column("below", lambda row: row["name"], detail=lambda row: row["second"], below=WILD[0]),
    ]
    compiled(tmp_path, [to_latex(frame, columns, caption=WILD[0], label="tab:wild")])
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext")
    text = subprocess.run(
        ["pdftotext", "-layout", "paper.pdf", "-"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    for words in ("& 50 % of $x", "#1 {c}", "<d> | \\e", "[first] *second*", "[U+65E5]"):
        assert words in text


def test_a_second_line_stands_below_the_first() -> None:
    frame = pd.DataFrame({"kappa": [0.8]}, index=pd.Index(["a"], name="rater"))
    columns = [
        Column("Rater", lambda row: row["rater"], align="left"),
        Column("Kappa", lambda row: f"{row['kappa']:.3f}", detail=lambda _: "0.700 to 0.900", below="n = 5"),
    ]
    lines = to_latex(frame, columns).splitlines()
    assert r"a & 0.800 \\" in lines
    assert r" & \scriptsize 0.700 to 0.900 \\[2pt]" in lines
    assert r" & \scriptsize n = 5 \\[2pt]" in lines


@pytest.mark.parametrize("sign", "&%$#_{}")
def test_signs_of_latex_are_escaped(sign: str) -> None:
    assert escape_latex(f"a{sign}b") == f"a\\{sign}b"


def test_control_signs_and_foreign_letters_are_named() -> None:
    assert re.fullmatch(r"\{\[\}U\+65E5\]\{\[\}U\+0007\] ", escape_latex("日\x07\n"))
