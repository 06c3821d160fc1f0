"""What stands in the repository is true and fit to be published."""

import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from documents import PAGES
from sklearn.metrics import cohen_kappa_score

ROOT = Path(__file__).parent.parent
FORBIDDEN = re.compile(
    "|".join(["/" + "work/", "/" + "tmp/[a-z]+/", "/" + "root/", "pypi" + r"\.", "file:" + "//"])
)
TEXT = {".py", ".md", ".toml", ".json", ".csv", ".html", ".svg", ".tex", ".sh", ".yml", ".jinja", ".css", ""}


def committed():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\n")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def test_no_machine_path_and_no_registry_host_is_committed():
    files = [path for path in committed() if path.suffix in TEXT]
    if not files:
        pytest.skip("not a git checkout")
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files
        if (match := FORBIDDEN.search(path.read_text(encoding="utf-8", errors="replace")))
    ]
    assert not found


def test_every_link_of_the_documents_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_first_line_of_the_readme_says_what_it_is():
    assert (ROOT / "README.md").read_text(encoding="utf-8").startswith("# mura-ensemble: ")


@pytest.mark.parametrize("name", ["simulated", "pneumoniamnist"])
def test_kappas_of_the_committed_reports_follow_from_the_committed_predictions(name):
    predictions = ROOT / "predictions" / name
    if name == "simulated":
        readers = pd.read_csv(predictions / "readers_test.csv", index_col="study")
        gold = (readers[["reader_1", "reader_2", "reader_3"]].sum(axis=1) >= 2).astype(int)
    else:
        gold = pd.read_csv(predictions / "labels.csv", index_col="study")["gold"]
    board = pd.read_csv(ROOT / "reports" / name / "leaderboard.csv", index_col="rater")
    backbones = [path.parent for path in predictions.glob("*/card.json")]
    assert len(backbones) >= 5
    for folder in backbones:
        views = pd.read_parquet(folder / "test.parquet").astype({"probability": float})
        called = (views.groupby("study")["probability"].mean() > 0.5).astype(int)
        assert board.loc[folder.name, "kappa"] == pytest.approx(
            cohen_kappa_score(gold.loc[called.index], called), abs=1e-9
        )


def test_simulated_is_written_on_everything_simulated():
    for path in (ROOT / "reports" / "simulated").rglob("*"):
        if path.suffix in {".html", ".md", ".svg", ".tex"}:
            assert "simulated" in path.read_text(encoding="utf-8").lower(), path.name
