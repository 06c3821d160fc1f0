"""Predictions by several processes, and by processes that are killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import killing
import pandas as pd
import pytest
from conftest import Study
from killing import contents, killed_until_done, predict_all, predict_share, predict_split, together
from sampling import amount

pytestmark = pytest.mark.backbones
pytest.importorskip("torch")

from mura_ensemble.data.predictions import read_card, read_split  # noqa: E402


def test_killed_at_any_moment_a_prediction_ends_with_the_same_bytes(
    run: Any, fixed_study: Study, tmp_path: Path
) -> None:
    folders = killed_until_done(
        predict_all,
        lambda number: tmp_path / f"out{number}",
        run.folder,
        fixed_study.manifest,
        kills=amount(20, 2),
        seed=2,
    )
    whole = contents(folders[0])
    assert set(whole) == {"tiny/card.json", "tiny/train.parquet", "tiny/test.parquet"}
    for folder in folders[1:]:
        assert contents(folder) == whole


def test_processes_that_write_at_once_never_spoil_a_row(run: Any, fixed_study: Study, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    for split in ("train", "test"):
        predict_share(alone, run.folder, fixed_study.manifest, split, "0/1")
    expected = contents(alone)
    # The same share twice, overlapping divisions, and another split of the same backbone.
    shares = [
        ("train", "0/2"),
        ("train", "1/2"),
        ("train", "0/1"),
        ("train", "0/1"),
        ("test", "0/1"),
        ("test", "0/1"),
    ]
    for attempt in range(3):
        out = tmp_path / f"at_once{attempt}"
        together(
            [
                (predict_share, (out, run.folder, fixed_study.manifest, split, shard))
                for split, shard in shares
            ]
        )
        assert contents(out) == expected


def test_two_processes_of_torchrun_write_the_rows_of_one(
    run: Any, fixed_study: Study, tmp_path: Path
) -> None:
    killing.run(predict_split, tmp_path / "one", run.folder, fixed_study.manifest, "train")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"]
    words = ["-m", "mura_ensemble", "predict", str(run.folder), str(fixed_study.manifest)]
    more = ["--split", "train", "--name", "tiny", "--device", "cpu", "--out", str(tmp_path / "two")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*launcher, *words, *more], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    one, two = (read_split(tmp_path / name / "tiny", "train") for name in ("one", "two"))
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    cards = [read_card(tmp_path / name / "tiny") for name in ("one", "two")]
    assert cards[0]["splits"] == cards[1]["splits"]
    assert "parts of other shards are missing" in done.stdout  # said by the one that was done first
