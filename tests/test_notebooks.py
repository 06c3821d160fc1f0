"""Every notebook runs from top to bottom in a real kernel, shows what it promises and defines nothing big."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
KAPPA = re.compile(r"kappa -?\d\.\d{3} \(-?\d\.\d{3} to -?\d\.\d{3}\)")

jupytext = pytest.importorskip("jupytext", reason="needs the [notebooks] extra")
nbclient = pytest.importorskip("nbclient", reason="needs the [notebooks] extra")
nbformat = pytest.importorskip("nbformat", reason="needs the [notebooks] extra")

EXECUTE = """
import sys
import jupytext, nbclient, nbformat
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

kernel = AsyncKernelManager(kernel_name="python3")
for source, target, first in zip(*[iter(sys.argv[1:])] * 3):
    notebook = jupytext.read(source)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("%reset -f\\n" + first))
    where = {"metadata": {"path": source.rpartition("/")[0]}}
    nbclient.NotebookClient(notebook, km=kernel, timeout=120, allow_errors=True, resources=where).execute()
    nbformat.write(notebook, target)
run_sync(kernel.shutdown_kernel)(now=True)
"""
STRICT = 'import warnings; warnings.simplefilter("error")'
WITHOUT_TORCH = """import importlib.util
importlib.util.find_spec = lambda name, find=importlib.util.find_spec: None if name in ("torch", "timm") else find(name)
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Outputs of every notebook, executed one after the other in one kernel that is emptied in between.

    In a process of its own, so that the kernel's sockets are none of pytest's.
    """
    folder = tmp_path_factory.mktemp("executed")
    wanted = [(path, folder / f"{path.stem}.ipynb", STRICT) for path in NOTEBOOKS]
    wanted.append((NOTEBOOKS[-1], folder / "without torch.ipynb", STRICT + "\n" + WITHOUT_TORCH))
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment |= {"PYTHONPATH": str(ROOT), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    words = [str(word) for row in wanted for word in row]
    subprocess.run([sys.executable, "-c", EXECUTE, *words], env=environment, check=True, timeout=300)
    return {
        target.stem: [output for cell in nbformat.read(target, 4).cells for output in cell.get("outputs", ())]
        for _, target, _ in wanted
    }


def printed(outputs):
    errors = [output["traceback"] for output in outputs if output["output_type"] == "error"]
    assert not errors, re.sub("\x1b\\[[0-9;]*m", "", "\n".join(errors[0]))
    return "".join(
        output["text"]
        for output in outputs
        if output["output_type"] == "stream" and output["name"] == "stdout"
    )


def test_there_are_six():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_in_a_kernel(path, executed):
    outputs = executed[path.stem]
    text = printed(outputs)
    assert KAPPA.search(text), "prints kappa with its interval"
    assert re.search("simulated|inferred|generated", text), "says what the data are"
    kinds = {kind for output in outputs for kind in output.get("data", ())}
    assert "text/html" in kinds, "shows a table"
    if not path.stem.startswith("06"):
        assert kinds & {"image/png", "image/svg+xml"}, "shows a figure"


def test_without_torch_the_last_notebook_says_so(executed):
    text = printed(executed["without torch"])
    assert 'pip install ".[backbones]"' in text
    assert "generated noise" not in text
    assert KAPPA.search(text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_a_notebook_that_explains_and_defines_nothing_big(path):
    cells = jupytext.read(path).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith(f"# {int(path.stem[:2])}. ")
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert sum(cell.cell_type == "markdown" for cell in cells) * 2 >= len(code)
    assert any("import mura_ensemble" in source or "from mura_ensemble" in source for source in code)
    for source in code:
        assert len(source.splitlines()) <= 40
        assert not any(
            isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.walk(ast.parse(source))
        )
    text = "\n".join(cell.source for cell in cells)
    assert re.search("simulated|inferred", cells[0].source), "the first cell says what the data are"
    for target in re.findall(r"\]\(([^)#\s]+)\)", text):
        assert (path.parent / target).exists(), f"links to {target}"
