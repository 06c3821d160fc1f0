"""The house has floors: a module imports only from the floors below its own."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "mura_ensemble"

# What each room may import of ours, beside itself. `stats` imports nothing of ours at all.
MAY_IMPORT = {
    "data": set(),
    "stats": set(),
    "ensembles": {"data", "stats"},
    "published": {"data", "stats"},
    "backbones": {"data"},
    "reporting": {"data", "stats", "ensembles", "published"},
    "workflows": {"data", "stats", "ensembles", "published", "backbones", "reporting"},
    "cli": {"data", "stats", "ensembles", "published", "backbones", "reporting", "workflows"},
    "__init__": {"data", "stats", "ensembles", "published", "backbones", "reporting", "workflows"},
}
# The two floors that anybody may replace by their own code stay free of everything heavy.
ONLY_IN = {
    "torch": {"backbones"},
    "timm": {"backbones"},
    "torchvision": {"backbones"},
    "safetensors": {"backbones"},
    "seaborn": {"reporting/figures.py"},
    "matplotlib": {"reporting/figures.py", "reporting/vector_pdf.py", "backbones"},
    "fpdf": {"reporting/vector_pdf.py"},
}
STATS_MAY_IMPORT = {"numpy", "scipy", "numba"}
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

MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    inside = path.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


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


def test_every_room_is_declared():
    assert {room_of(path) for path in MODULES} <= set(MAY_IMPORT)
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downward(path: Path):
    room = room_of(path)
    for name, line in imports_of(ast.parse(path.read_text(encoding="utf-8"))):
        parts = name.split(".")
        if parts[0] == "mura_ensemble" and len(parts) > 1 and parts[1] != room:
            assert parts[1] in MAY_IMPORT[room], f"{path.name}:{line}: {room} may not import {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_stay_in_their_rooms(path: Path):
    inside = path.relative_to(PACKAGE).as_posix()
    for name, line in imports_of(ast.parse(path.read_text(encoding="utf-8"))):
        places = ONLY_IN.get(name.split(".")[0])
        allowed = places is None or any(inside.startswith(place) for place in places)
        assert allowed, f"{inside}:{line}: {name} belongs in {places}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "stats").glob("*.py")), ids=lambda path: path.name)
def test_stats_need_only_numpy_and_scipy(path: Path):
    import sys

    for name, line in imports_of(ast.parse(path.read_text(encoding="utf-8"))):
        package = name.split(".")[0]
        ours = name.startswith("mura_ensemble.stats")
        assert ours or package in STATS_MAY_IMPORT or package in sys.stdlib_module_names, (
            f"{path.name}:{line}: {name}"
        )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_where_they_are_used(path: Path):
    if path.relative_to(PACKAGE).as_posix() == "reporting/figures.py" or room_of(path) == "backbones":
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_import = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    for name, line in imports_of(ast.Module(at_import, [])):
        assert name.split(".")[0] not in NEVER_AT_MODULE_LEVEL, (
            f"{path.name}:{line}: import {name} inside the function"
        )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_hold_one_idea(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350, "about 300 lines: one idea each"
