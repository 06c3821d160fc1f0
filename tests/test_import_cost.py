"""`--help` must not wait for pandas, and nothing but the backbones floor may touch torch."""

import json
import subprocess
import sys

import pytest

HEAVY = (
    "pandas",
    "numpy",
    "sklearn",
    "scipy",
    "statsmodels",
    "seaborn",
    "matplotlib",
    "torch",
    "pyarrow",
    "jinja2",
)

PROBE = """
import json, sys
sys.argv = ["mura-ensemble", *{arguments!r}]
from mura_ensemble.commands import app
try:
    app()
except SystemExit as stop:
    code = stop.code
print()
print(json.dumps([code, sorted(set(name.split(".")[0] for name in sys.modules))]))
"""

BLOCKED = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "timm", "torchvision", "safetensors"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
sys.argv = ["mura-ensemble", *{arguments!r}]
from mura_ensemble.commands import main
main()
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["fit-stack", "--help"], ["report", "--help"]]
)
def test_help_imports_nothing_heavy(arguments):
    done = run(PROBE.format(arguments=arguments))
    code, modules = json.loads(done.stdout.strip().splitlines()[-1])
    assert not code
    assert not set(HEAVY) & set(modules)


def test_importing_the_package_imports_nothing_heavy():
    done = run("import sys, json, mura_ensemble; print(json.dumps(sorted(sys.modules)))")
    assert not set(HEAVY) & set(json.loads(done.stdout))


def test_the_analysis_never_imports_torch(tmp_path):
    done = run(PROBE.format(arguments=["simulate", "--out", str(tmp_path / "simulated")]))
    code, modules = json.loads(done.stdout.strip().splitlines()[-1])
    assert not code, done.stderr
    assert "pandas" in modules
    assert "torch" not in modules


@pytest.mark.parametrize("verb", ["train", "adopt", "predict"])
def test_a_verb_that_needs_torch_says_what_to_install(verb, tmp_path):
    (tmp_path / "manifest.csv").write_text(
        "study,view,patient,study_type,split,path\ns,v,p,wrist,train,v.png\n"
    )
    (tmp_path / "labels.csv").write_text("study,gold\ns,1\n")
    arguments = {
        "train": ["train", "manifest.csv", "labels.csv", "--architecture", "resnet10t", "--out", "run"],
        "adopt": ["adopt", "theirs.safetensors", "--architecture", "resnet10t", "--out", "run"],
        "predict": ["predict", "run", "manifest.csv", "--out", "predictions", "--split", "train"],
    }[verb]
    arguments = [
        str(tmp_path / word) if word.endswith((".csv", "run", "predictions")) else word for word in arguments
    ]
    done = run(BLOCKED.format(arguments=arguments))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert 'pip install ".[backbones]"' in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.csv", "manifest.csv"]
