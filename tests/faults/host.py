"""Faults of the machine that the server runs on, in a tree of files instead of /proc."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.stage import Stage
from tests.hosts import FakeHost


def of(stage: Stage) -> FakeHost:
    """The host of the stage."""
    assert stage.desk.host is not None
    return stage.desk.host


@contextmanager
def cores_that_are_all_busy(stage: Stage) -> Iterator[str]:
    of(stage).busy = 0.97
    yield "of the 2 cores of the host were in use for"
    of(stage).busy = 0.1


@contextmanager
def memory_that_is_used_up(stage: Stage) -> Iterator[str]:
    of(stage).available = 200 << 20
    yield "98 % of the host's 8.00 GB of memory are in use"
    of(stage).available = 6 << 30


@contextmanager
def container_at_its_limit(stage: Stage) -> Iterator[str]:
    host = of(stage)
    host.limits = {"db/memory.max": f"{1 << 30}\n", "db/memory.current": f"{1000 << 20}\n"}
    yield "98 % of the 1.00 GB that its container allows of memory are in use"
    host.limits = {"db/memory.max": "max\n"}


@contextmanager
def machine_that_swaps(stage: Stage) -> Iterator[str]:
    host = of(stage)
    host.swap_total, host.swapped = 4 << 30, 50 << 20
    yield "the host swaps"
    host.swapped, host.swap_total = 0.0, 0


@contextmanager
def disk_that_is_slow(stage: Stage) -> Iterator[str]:
    of(stage).read_ms = 60.0
    yield "a read from vda, which holds data directory, pg_wal, takes"
    of(stage).read_ms = 0.5


@contextmanager
def disk_that_is_nearly_full(stage: Stage) -> Iterator[str]:
    of(stage).full = 0.98
    yield "98 % of the file system of data directory, pg_wal is in use"
    of(stage).full = 0.5


@contextmanager
def disk_that_fills_up(stage: Stage) -> Iterator[str]:
    host = of(stage)
    host.full, host.filling, host.step = 0.6, 40 << 20, 60.0
    yield "at the rate of the last "
    host.full, host.filling, host.step = 0.5, 0.0, 10.0
