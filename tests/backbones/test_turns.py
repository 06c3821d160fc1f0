"""Which share of the work a process does, as its launcher says it."""

from __future__ import annotations

import pytest

from mura_ensemble.backbones.prediction.turns import local_rank, shard_here
from mura_ensemble.data.errors import InputError

ARRAY = {
    "SLURM_ARRAY_TASK_COUNT": "4",
    "SLURM_ARRAY_TASK_MIN": "1",
    "SLURM_ARRAY_TASK_MAX": "10",
    "SLURM_ARRAY_TASK_STEP": "3",
}
STEP = {"SLURM_STEP_ID": "0", "SLURM_NTASKS": "2"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (0, 1)),
        ({"RANK": "1", "WORLD_SIZE": "2"}, (1, 2)),
        ({"RANK": "1", "WORLD_SIZE": "2", **STEP, "SLURM_PROCID": "0"}, (1, 2)),
        ({**STEP, "SLURM_PROCID": "1"}, (1, 2)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, (0, 1)),  # a batch script that calls no srun is alone
        ({**ARRAY, "SLURM_ARRAY_TASK_ID": "7"}, (2, 4)),
    ],
)
def test_the_launcher_says_which_share(environment: dict[str, str], expected: tuple[int, int]) -> None:
    assert shard_here(None, environment) == expected


def test_what_is_said_wins() -> None:
    assert shard_here("3/5", {"RANK": "1", "WORLD_SIZE": "2"}) == (3, 5)


def test_an_array_of_jobs_with_tasks_is_divided_by_both() -> None:
    shares = [
        shard_here(None, {**ARRAY, **STEP, "SLURM_ARRAY_TASK_ID": str(job), "SLURM_PROCID": str(task)})
        for job in (1, 4, 7, 10)
        for task in (0, 1)
    ]
    assert sorted(shares) == [(share, 8) for share in range(8)]


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK is 2 and WORLD_SIZE is 2"),
        ({"RANK": "first", "WORLD_SIZE": "2"}, "RANK is 'first'"),
        ({**ARRAY, "SLURM_ARRAY_TASK_ID": "5"}, "does not run evenly"),
        ({**ARRAY, "SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "3"}, "does not run evenly"),
        ({"SLURM_ARRAY_TASK_ID": "7"}, "SLURM_ARRAY_TASK_COUNT is ''"),
    ],
)
def test_variables_that_contradict_each_other_are_named(environment: dict[str, str], named: str) -> None:
    with pytest.raises(InputError, match=named) as refused:
        shard_here(None, environment)
    assert "--shard i/n" in str(refused.value)


def test_the_gpu_is_the_one_of_the_process() -> None:
    assert local_rank({}) is None
    assert local_rank({"LOCAL_RANK": "3"}) == 3
    assert local_rank({"SLURM_LOCALID": "1", "SLURM_STEP_ID": "0"}) == 1
    assert local_rank({"SLURM_LOCALID": "1"}) is None
