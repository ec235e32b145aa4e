"""When a statement became slower: a step is found where it was, and nothing else is taken for one."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from console.series.slowdown import Counted, slowdown

Mean = Callable[[int], float]  # milliseconds a call in the n-th minute


def series(mean: Mean, minutes: int = 60, calls: float = 100, seed: int = 1) -> list[Counted]:
    """A reading a minute, of a statement with this mean and a scatter of a fifth."""
    chance = random.Random(seed)
    readings, made, ms = [Counted(0.0, 0, 0.0)], 0.0, 0.0
    for minute in range(minutes):
        made += calls
        ms += calls * mean(minute) * chance.uniform(0.8, 1.2)
        readings.append(Counted(60.0 * (minute + 1), made, ms))
    return readings


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("at", "factor"), [(30, 10.0), (30, 2.5), (5, 4.0), (55, 4.0), (40, 300.0)])
def test_a_step_is_found_at_its_minute_with_both_means(at: int, factor: float, seed: int) -> None:
    found = slowdown(series(lambda minute: 2.0 * (factor if minute >= at else 1), seed=seed))
    assert found is not None
    assert (found.seen, found.at) == (60.0 * at, 60.0 * (at + 1))
    assert found.before == pytest.approx(2.0, rel=0.15)
    assert found.after == pytest.approx(2.0 * factor, rel=0.15)
    assert found.rate == pytest.approx(100 / 60)
    assert found.added == pytest.approx((found.after - found.before) * 100 / 60)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "mean",
    [
        lambda _: 2.0,
        lambda minute: 2.0 + minute * 0.2,
        lambda minute: 2.0 * 1.05**minute,
        lambda minute: 200.0 if minute == 30 else 2.0,
        lambda minute: 20.0 if 20 <= minute < 40 else 2.0,
        lambda minute: 20.0 if minute < 30 else 2.0,
        lambda minute: 20.0 if minute % 2 else 2.0,
        lambda minute: 3.5 if minute >= 30 else 2.0,
        lambda minute: 20.0 if minute >= 58 else 2.0,
    ],
    ids=("flat", "linear", "growth", "outlier", "healed", "faster", "alternating", "little", "too-recent"),
)
def test_what_is_no_step_that_lasts_is_none(mean: Mean, seed: int) -> None:
    assert slowdown(series(mean, seed=seed)) is None


@pytest.mark.parametrize(
    "readings",
    [
        [],
        [Counted(0.0, 0, 0.0)],
        [Counted(60.0 * n, 0, 0.0) for n in range(60)],
        [Counted(60.0 * n, 5 * n, 5.0 * n * (10 if n > 5 else 1)) for n in range(9)],
    ],
)
def test_too_little_to_judge_is_no_slowdown(readings: list[Counted]) -> None:
    assert slowdown(readings) is None


def test_after_a_reset_only_what_was_counted_since_is_compared() -> None:
    slow = series(lambda _: 20.0, 30)
    fast = [Counted(each.at + 3600.0, each.calls, each.total_ms) for each in series(lambda _: 2.0, 20)]
    again = [
        Counted(each.at + 7200.0, each.calls + fast[-1].calls, each.total_ms + fast[-1].total_ms)
        for each in series(lambda _: 9.0, 20)[1:]
    ]
    assert slowdown([*fast, *slow]) is None
    found = slowdown([*slow, *fast, *again])
    assert found is not None
    assert found.before == pytest.approx(2.0, rel=0.1)
    assert slowdown(slow[:1] + fast) is None


@pytest.mark.parametrize(("minutes", "is_found"), [(10, True), (9, False)])
def test_fifty_calls_on_each_side_are_enough(minutes: int, is_found: bool) -> None:
    before = series(lambda minute: 20.0 if minute >= minutes else 2.0, minutes + 20, calls=5)
    after = series(lambda minute: 20.0 if minute >= 20 else 2.0, minutes + 20, calls=5)
    assert [slowdown(each) is not None for each in (before, after)] == [is_found, is_found]
