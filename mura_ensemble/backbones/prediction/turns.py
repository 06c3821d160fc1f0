"""Which share of the work is this process's: said with `--shard`, or read from torchrun or SLURM."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mura_ensemble.data.errors import InputError

__all__ = ["local_rank", "parse_shard", "shard_here"]


def parse_shard(shard: str) -> tuple[int, int]:
    """Read `i/n`, counted from 0.

    Raises
    ------
    InputError
        If it is not two whole numbers with 0 <= i < n.
    """
    first, _, second = shard.partition("/")
    if first.isdecimal() and second.isdecimal() and int(first) < int(second):
        return int(first), int(second)
    raise InputError(f"shard '{shard}': expected i/n counted from 0, e.g. 0/4, 1/4, 2/4 and 3/4")


def shard_here(shard: str | None, environment: Mapping[str, str] | None = None) -> tuple[int, int]:
    """The share of this process: what was said, else what its launcher says, else all of the work.

    Read are `RANK` and `WORLD_SIZE` (torchrun), then `SLURM_ARRAY_TASK_*` and `SLURM_PROCID` with
    `SLURM_NTASKS`: an array of jobs with several tasks each is divided by both.

    Parameters
    ----------
    shard : str or None
        `i/n`, counted from 0; it wins over the environment.
    environment : mapping, optional
        That of this process if not given.

    Returns
    -------
    tuple of int
        (i, n) with 0 <= i < n.

    Raises
    ------
    InputError
        If `shard` cannot be read, or the launcher's variables contradict each other.
    """
    if shard is not None:
        return parse_shard(shard)
    variables = os.environ if environment is None else environment
    if "WORLD_SIZE" in variables and "RANK" in variables:
        return _share(variables, "RANK", "WORLD_SIZE")
    task, tasks = (
        _share(variables, "SLURM_PROCID", "SLURM_NTASKS")
        # A batch script outside srun sees SLURM_PROCID 0 of all its tasks, though it is alone.
        if "SLURM_STEP_ID" in variables and "SLURM_NTASKS" in variables
        else (0, 1)
    )
    job, jobs = _array(variables)
    return job * tasks + task, jobs * tasks


def local_rank(environment: Mapping[str, str] | None = None) -> int | None:
    """The number of this process on its machine, which is the number of its GPU; None if nobody says."""
    variables = os.environ if environment is None else environment
    for name in ("LOCAL_RANK", "SLURM_LOCALID"):
        if variables.get(name, "").isdecimal() and (name == "LOCAL_RANK" or "SLURM_STEP_ID" in variables):
            return int(variables[name])
    return None


def _array(variables: Mapping[str, str]) -> tuple[int, int]:
    """The place of this job in a SLURM array; (0, 1) outside one."""
    if "SLURM_ARRAY_TASK_ID" not in variables:
        return 0, 1
    number = _whole(variables, "SLURM_ARRAY_TASK_ID")
    count = _whole(variables, "SLURM_ARRAY_TASK_COUNT")
    first = _whole(variables, "SLURM_ARRAY_TASK_MIN")
    step = _whole(variables, "SLURM_ARRAY_TASK_STEP", default=1)
    last = _whole(variables, "SLURM_ARRAY_TASK_MAX")
    # An array such as 1,5,7 has numbers that no place can be computed from.
    if step < 1 or (last - first) // step + 1 != count or (number - first) % step or number < first:
        raise InputError(
            f"SLURM_ARRAY_TASK_ID is {number} in an array that does not run evenly from {first} to {last}: "
            "say which share this is with --shard i/n"
        )
    return (number - first) // step, count


def _share(variables: Mapping[str, str], own: str, of: str) -> tuple[int, int]:
    number, total = _whole(variables, own), _whole(variables, of)
    if not number < total:
        raise InputError(f"{own} is {number} and {of} is {total}: {own} must lie below {of}; say --shard i/n")
    return number, total


def _whole(variables: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = variables.get(name, "" if default is None else str(default))
    if not text.isdecimal():
        raise InputError(
            f"{name} is '{text}', not a whole number: mend it, or say which share with --shard i/n"
        )
    return int(text)
