"""Rows, columns and files in any order give the same bytes."""

from pathlib import Path

import pandas as pd
import pytest

from mura_ensemble.commands.work.comparison import report_raters
from mura_ensemble.commands.work.readers import analyse_readers

SIMULATED = Path(__file__).parents[2] / "predictions" / "simulated"
ENSEMBLES = [SIMULATED / "ensembles" / f"ensemble_{name}.json" for name in ("stack", "mean")]
BACKBONES = [
    "sim_resnet50",
    "sim_convnext_tiny",
    "sim_mobilenet_v3",
    "sim_densenet169",
    "sim_efficientnet_b3",
]
BACKBONES += ["sim_densenet169_seed2"]


def shuffled(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Other rows first, other columns first; the key stays where a reader of the file looks for it."""
    rest = table.columns[1:].to_series().sample(frac=1, random_state=seed)
    return table.sample(frac=1, random_state=seed)[[table.columns[0], *rest]]


def written(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same readers, labels and calls twice: sorted, and in another order."""
    found = []
    reads = pd.read_csv(SIMULATED / "readers_test.csv").iloc[:, :6]
    gold = pd.read_csv(SIMULATED / "readers_test.csv")[["study", "reader_6"]].set_axis(
        ["study", "gold"], axis=1
    )
    calls = reads[["study", "reader_1", "reader_2"]].set_axis(["study", "net_b", "net_a"], axis=1)
    calls["net_b"] = calls["net_b"].shift(fill_value=0)
    for seed in (0, 1):
        folder = tmp_path_factory.mktemp("files")
        for name, table in (("readers", reads), ("gold", gold), ("calls", calls)):
            (shuffled(table, seed) if seed else table).to_csv(folder / f"{name}.csv", index=False)
        found.append(folder)
    return found


@pytest.mark.parametrize("gold", ["every", "others", "panel", "file"])
def test_readers(files, gold, tmp_path):
    out = []
    for turn, folder in enumerate(files):
        step = 1 - 2 * turn
        chosen = {
            "every": {},
            "others": {"size": "others"},
            "panel": {"panel": ("reader_1", "reader_2", "reader_3")[::step]},
            "file": {"gold": folder / "gold.csv"},
        }[gold]
        analyse_readers(
            folder / "readers.csv", tmp_path / str(turn), calls=folder / "calls.csv", predictions=SIMULATED,
            split="test", backbones=BACKBONES[::step], ensembles=ENSEMBLES[::step], resamples=200, **chosen,
        )  # fmt: skip
        out.append(written(tmp_path / str(turn)))
    assert differing(*out) == []


@pytest.mark.parametrize("gold", ["panel", "file"])
def test_report(files, gold, tmp_path):
    out = []
    for turn, folder in enumerate(files):
        step = 1 - 2 * turn
        chosen = {
            "file": {"labels": folder / "gold.csv", "backbones": BACKBONES[:2][::step]},
            "panel": {
                "panel": ("reader_1", "reader_2", "reader_3")[::step],
                "backbones": BACKBONES[::step],
                "ensembles": ENSEMBLES[::step],
            },
        }[gold]
        report_raters(
            SIMULATED,
            tmp_path / str(turn),
            readers=folder / "readers.csv",
            split="test",
            resamples=200,
            **chosen,
        )
        out.append(written(tmp_path / str(turn)))
    assert differing(*out) == []
