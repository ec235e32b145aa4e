"""Real cgroups around a server, of whichever version this machine lets a test make."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import PATIENCE

ROOT = Path("/sys/fs/cgroup")
CONTROLLERS = {"memory", "cpu"}


@contextmanager
def limited(pid: int, memory: int, percent: int, name: str) -> Iterator[None]:
    """Put a process, and what it forks from now on, below a limit of memory and of CPU time in % of one core.

    The test is skipped where no cgroup with these limits can be made.
    """
    made: list[Path] = []
    try:
        try:
            for folder, files in _wanted(memory, percent * 1000, name).items():
                _make(folder, files)
                made.append(folder)
                (folder / "cgroup.procs").write_text(str(pid))
        except OSError as why:
            pytest.skip(f"no cgroup can be made here: {why}")
        yield
    finally:
        for folder in reversed(made):
            _remove(folder)


def _wanted(memory: int, quota: int, name: str) -> Mapping[Path, Mapping[str, str]]:
    newer = ROOT / "cgroup.controllers"
    if newer.exists() and set(newer.read_text().split()) >= CONTROLLERS:
        return {ROOT / name: {"memory.max": str(memory), "cpu.max": f"{quota} 100000"}}
    return {
        ROOT / "memory" / name: {"memory.limit_in_bytes": str(memory)},
        ROOT / "cpu" / name: {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": str(quota)},
        ROOT / "cpuacct" / name: {},
    }


def _make(folder: Path, files: Mapping[str, str]) -> None:
    if not folder.parent.is_dir():
        raise FileNotFoundError(f"{folder.parent} is not there")
    folder.mkdir(exist_ok=True)  # cpu and cpuacct may be one
    for file, value in files.items():
        (folder / file).write_text(value)


def _remove(folder: Path) -> None:
    """Move what is in a cgroup to the one above, and remove it."""
    end = time.monotonic() + PATIENCE
    while folder.exists():
        for pid in (folder / "cgroup.procs").read_text().split():
            if Path("/proc", pid).exists():
                (folder.parent / "cgroup.procs").write_text(pid)
        try:
            folder.rmdir()
        except OSError:
            assert time.monotonic() < end, f"{folder} is still in use"
            os.sched_yield()
