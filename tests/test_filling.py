"""When a disk is full: a steady increase is found in time, a copy or a restore is no trend."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from console.series.filling import Filling, FreeSpace, filling

GB, HOUR = 2**30, 60  # bytes, minutes
Use = Callable[[int], float]  # GB in use after so many minutes


def copied(at: int, size: float, minutes: int = 1) -> Use:
    """Something is written to the disk within some minutes."""
    return lambda now: size * min(max(now - at, 0), minutes) / minutes


def steady(per_hour: float, since: int = 0) -> Use:
    """The disk fills up from some minute on."""
    return lambda now: per_hour * max(now - since, 0) / HOUR


def burst(size: float, every: int, since: int = 0) -> Use:
    """A batch writes its result from time to time."""
    return lambda now: size * (max(now - since, 0) // every)


def recycled(size: float, every: int) -> Use:
    """WAL is written, and removed by each checkpoint."""
    return lambda now: size * (now % every) / every


def noise(size: float) -> Use:
    """Files that come and go."""
    chance = random.Random(7)
    sizes = [chance.uniform(0, size) for _ in range(500)]
    return lambda now: sizes[now]


def seen(minutes: int, free: float, *uses: Use, every: int = 1) -> Filling | None:
    """What is found after so many minutes of a disk that had `free` GB at their beginning."""
    moments = range(minutes % every, minutes + 1, every)
    left = [(moment, free - sum(use(moment) for use in uses)) for moment in moments]
    return filling(FreeSpace(60.0 * (minutes - moment), gb * GB) for moment, gb in left)


@pytest.mark.parametrize(
    ("minutes", "free", "uses"),
    [
        (10, 65, (steady(8.8),)),  # ten minutes show nothing of the next seven hours
        (20, 65, (steady(8.8),)),
        (20, 30, (copied(18, 2),)),  # at the end
        (60, 30, (copied(5, 2),)),
        (60, 30, (copied(30, 2),)),  # in the middle, where half of all pairs see it
        (60, 30, (copied(20, 2), copied(40, 2))),
        (120, 30, (copied(20, 2), copied(60, 3), copied(100, 2))),
        (120, 30, (copied(30, 12, 10),)),  # for ten minutes
        (120, 100, (copied(50, 60, 40),)),  # a restore that ended a quarter of an hour ago
        (60, 30, (noise(4),)),
        (120, 30, (recycled(2, 5), noise(0.5))),
        (120, 30, (recycled(4, 25),)),  # in the middle of the fifth
        (120, 30, (steady(0.1),)),  # two weeks
        (120, 2000, (steady(40),)),  # two days
        (120, 4, (steady(0.05), noise(0.05))),
        (60, 30, ()),
        (60, 30, (steady(-3),)),
        (0, 30, ()),
    ],
)
def test_what_is_written_at_once_is_no_trend(minutes: int, free: float, uses: tuple[Use, ...]) -> None:
    assert all(seen(until, free, *uses) is None for until in range(max(0, minutes - 15), minutes + 1))


@pytest.mark.parametrize(
    ("within", "left", "free", "uses"),  # minutes until it is found, minutes left then; by GB
    [
        (19, 41, 10, (steady(10),)),
        (19, 100, 20, (steady(10), noise(0.1))),
        (34, 266, 50, (steady(10),)),
        (64, 600, 110, (steady(10),)),
        (124, 1320, 242, (steady(10.05),)),  # a day, by two hours
        (90, 30, 30, (steady(20, 30), copied(10, 2))),  # it began after half an hour
        (40, 80, 20, (burst(0.8, 5),)),  # by batches
        (60, 60, 20, (steady(9), recycled(0.5, 5))),  # over what checkpoints remove
        (60, 60, 25, (steady(10), copied(30, 5))),  # and somebody copies meanwhile
    ],
)
def test_a_disk_that_fills_up_is_found_in_time(within: int, left: float, free: float, uses: tuple[Use, ...]) -> None:
    found = next((each for now in range(within + 1) if (each := seen(now, free, *uses))), None)
    assert found is not None
    assert seen(within, free, *uses) is not None
    assert found.left / 60 >= left * 0.7
    assert seen(within, free, *uses).left / 60 == pytest.approx(left, rel=0.3)  # type: ignore[union-attr]


def test_it_is_no_longer_said_once_the_disk_fills_up_no_more() -> None:
    for_an_hour = copied(0, 20, HOUR)
    assert seen(HOUR, 40, for_an_hour) is not None
    assert all(seen(now, 40, for_an_hour) is None for now in range(HOUR + 10, 200))


def test_readings_minutes_apart_are_enough() -> None:
    assert seen(60, 30, steady(10), every=5) is not None
