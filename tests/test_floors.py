"""The house has floors: a module imports only from the floors below its own, and heavy packages stay in their rooms."""

import ast
import sys
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "mura_ensemble"

# What each room may import of ours, beside itself. `data` and `stats` import nothing of ours at all.
_COMPUTING = {"data", "stats", "cache", "ensembles", "published"}
MAY_IMPORT = {
    "data": set(),
    "stats": set(),
    "cache": {"data"},
    "ensembles": {"data", "stats"},
    "published": {"data", "stats"},
    "backbones": {"data", "cache"},
    "comparison": _COMPUTING,
    "report": {*_COMPUTING, "comparison"},
    "commands": {*_COMPUTING, "backbones", "comparison", "report"},
    "api": {*_COMPUTING, "comparison", "report"},
    "__init__": {*_COMPUTING, "backbones", "comparison", "report", "commands", "api"},
    "__main__": {"commands"},
}
ONLY_IN = {
    "torch": {"backbones/"},
    "timm": {"backbones/"},
    "torchvision": {"backbones/"},
    "safetensors": {"backbones/"},
    "seaborn": {"report/figures/"},
    "matplotlib": {"report/figures/", "backbones/"},
    "jinja2": {"report/"},
    "fpdf": {"report/figures/"},
}
STATS_MAY_IMPORT = {"numpy", "scipy", "mura_ensemble", *sys.stdlib_module_names}
NEVER_AT_MODULE_LEVEL = {
    "sklearn",
    "statsmodels",
    "seaborn",
    "torch",
    "timm",
    "torchvision",
    "matplotlib",
    "fpdf",
}
MOST_MODULES, MOST_LINES = 12, 350

MODULES = sorted(PACKAGE.rglob("*.py"))


def inside(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(tree: ast.AST) -> list[tuple[str, int]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import on line {node.lineno}; write it whole"
            found.append((str(node.module), node.lineno))
            if node.module == "mura_ensemble":
                found += [(f"mura_ensemble.{alias.name}", node.lineno) for alias in node.names]
    return found


def test_imports_go_downward():
    assert {room_of(path) for path in MODULES} <= set(MAY_IMPORT)
    wrong = []
    for path in MODULES:
        room = room_of(path)
        for name, line in imports_of(tree_of(path)):
            parts = name.split(".")
            allowed = {*MAY_IMPORT[room], room}
            if parts[0] == "mura_ensemble" and len(parts) > 1 and parts[1] not in allowed:
                wrong.append(f"{inside(path)}:{line}: {room} may not import {name}")
    assert not wrong


def test_heavy_packages_stay_in_their_rooms():
    wrong = [
        f"{inside(path)}:{line}: {name} belongs in {sorted(places)}"
        for path in MODULES
        for name, line in imports_of(tree_of(path))
        if (places := ONLY_IN.get(name.split(".")[0]))
        and not any(inside(path).startswith(place) for place in places)
    ]
    assert not wrong


def test_stats_need_only_numpy_and_scipy():
    wrong = [
        f"{inside(path)}:{line}: {name}"
        for path in MODULES
        if room_of(path) == "stats"
        for name, line in imports_of(tree_of(path))
        if name.split(".")[0] not in STATS_MAY_IMPORT
    ]
    assert not wrong


def test_heavy_packages_are_imported_where_they_are_used():
    wrong = []
    for path in MODULES:
        if room_of(path) == "backbones" or inside(path).startswith("report/figures/"):
            continue
        at_import = [node for node in tree_of(path).body if isinstance(node, ast.Import | ast.ImportFrom)]
        wrong += [
            f"{inside(path)}:{line}: import {name} inside the function"
            for name, line in imports_of(ast.Module(at_import, []))
            if name.split(".")[0] in NEVER_AT_MODULE_LEVEL
        ]
    assert not wrong


def test_folders_and_files_hold_one_idea():
    long = {
        inside(path): lines
        for path in MODULES
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long, f"at most {MOST_LINES} lines a file"
    full = {}
    for path in MODULES:
        if not path.name.startswith("__"):
            full[inside(path.parent)] = full.get(inside(path.parent), 0) + 1
    assert not {folder: n for folder, n in full.items() if n > MOST_MODULES}
