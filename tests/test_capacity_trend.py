"""Trends and dates of exhaustion of synthetic series: within 10 % of the truth, or unknown."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from console.series.days import DAY, Sample
from console.series.exhaustion import Outlook, exhaustion
from console.series.trend import TooFew, Trend, trend

START = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
NEAR = 0.1  # the largest error of what is stated
SEEDS = range(100)


def sampled(value: Callable[[float], float], count: int = 90, per_day: int = 1) -> list[Sample]:
    """`value` of the days since the start, sampled for `count` days."""
    moments = [step / per_day for step in range(count * per_day)]
    return [Sample(START + day * DAY, value(day)) for day in moments]


def now_of(samples: Iterable[Sample]) -> float:
    return max(sample.at for sample in samples) + 60


def found_in(samples: list[Sample]) -> Trend:
    found = trend(samples, now_of(samples))
    assert isinstance(found, Trend)
    return found


def near(value: float, truth: float) -> bool:
    return abs(value - truth) <= NEAR * abs(truth)


def linear(day: float) -> float:
    return 1000 + 10 * day


def archived(day: float) -> float:
    """Every 30 days the oldest 300 go: what is there stays the same from month to month."""
    return 1000 + 10 * day - 300 * (day // 30)


def weekly(day: float) -> float:
    """Grows on five days of a week by 14 and not at the weekend."""
    return 1000 + 14 * (day // 7 * 5 + min(day % 7, 5))


def shrinking(day: float) -> float:
    return 5000 - 10 * day


@dataclass(frozen=True)
class Case:
    name: str
    value: Callable[[float], float]
    per_day: float
    days: int = 90
    samples_a_day: int = 1


CERTAIN = (
    Case("linear", linear, 10),
    Case("linear, hourly", linear, 10, samples_a_day=24),
    Case("a month archived each month", archived, 10),
    Case("a month archived once", lambda day: linear(day) - (600 if day >= 60 else 0), 10),
    Case("archived yesterday", lambda day: linear(day) - (600 if day >= 88 else 0), 10),
    Case("archived on the third day", lambda day: linear(day) - (600 if day >= 3 else 0), 10),
    Case("imported at once", lambda day: linear(day) + (3000 if day >= 40 else 0), 10),
    Case("archived and imported within a week", lambda day: linear(day) - 600 * (day >= 40) + 900 * (day >= 44), 10),
    Case("weekly growth", weekly, 10),
    Case("weekly rhythm", lambda day: linear(day) + 80 * math.sin(day * math.tau / 7), 10),
    Case("shrinks", shrinking, -10),
    Case("two weeks", linear, 10, days=14),
    Case("grows faster for a month", lambda day: linear(day) + 20 * max(0, day - 60), 30),
    Case("one outlier", lambda day: linear(day) + 5000 * (day == 50), 10),
)


@pytest.mark.parametrize("case", CERTAIN, ids=lambda case: case.name)
def test_growth_between_changes_of_level_is_within_ten_percent(case: Case) -> None:
    found = found_in(sampled(case.value, case.days, case.samples_a_day))
    assert found.known
    assert near(found.per_day, case.per_day)
    assert found.low <= found.per_day <= found.high


@pytest.mark.parametrize("case", [case for case in CERTAIN if case.per_day > 0], ids=lambda case: case.name)
def test_the_date_of_exhaustion_is_within_ten_percent_of_the_time_left(case: Case) -> None:
    samples = sampled(case.value, case.days, case.samples_a_day)
    now = now_of(samples)
    room = 20 * 30 * case.per_day
    last = samples[-1].value
    left = exhaustion(trend(samples, now), last + room, now)
    assert left.outlook is Outlook.DATED
    assert left.at
    assert near((left.at.timestamp() - now) / DAY, room / case.per_day)
    assert left.earliest
    assert left.latest
    assert left.earliest <= left.at <= left.latest


NOISY = (
    Case("linear with noise", linear, 10),
    Case("linear with noise, three weeks", linear, 10, days=21),
    Case("archived, with noise", archived, 10),
    Case("weekly growth with noise", weekly, 10),
    Case("shrinks with noise", shrinking, -10),
    Case("slow growth", lambda day: 1000 + day, 1),
)


@pytest.mark.parametrize("noise", [2.0, 10.0, 50.0, 200.0])
@pytest.mark.parametrize("case", NOISY, ids=lambda case: case.name)
def test_noise_is_within_ten_percent_or_cannot_be_told(case: Case, noise: float) -> None:
    wrong, known = 0, 0
    for seed in SEEDS:
        source = random.Random(seed)
        found = found_in(sampled(lambda day: case.value(day) + source.gauss(0, noise), case.days))  # noqa: B023
        known += found.known and not found.steady
        wrong += found.known and not found.steady and not near(found.per_day, case.per_day)
    assert wrong <= 1
    assert known or noise > 2 or abs(case.per_day) < 10


def test_days_that_grow_by_chance_are_within_the_confidence_of_the_band() -> None:
    wrong, known = 0, 0
    for seed in SEEDS:
        source = random.Random(seed)
        levels = [1000.0]
        for _ in range(119):
            levels.append(levels[-1] + source.expovariate(0.1))
        found = found_in(sampled(lambda day: levels[int(day)], 120))  # noqa: B023
        known += found.known
        wrong += found.known and not near(found.per_day, (levels[-1] - levels[0]) / 119)
    assert known > len(SEEDS) / 2
    assert wrong <= 0.05 * len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_around_one_level_never_runs_out_on_a_date(seed: int) -> None:
    source = random.Random(seed)
    samples = sampled(lambda _: source.gauss(1000, 30))
    now = now_of(samples)
    assert exhaustion(trend(samples, now), 2000, now).outlook in {Outlook.NEVER, Outlook.UNKNOWN, Outlook.FAR}


def test_three_days_are_too_few() -> None:
    samples = sampled(linear, 3, per_day=24)
    now = now_of(samples)
    found = trend(samples, now)
    assert found == TooFew(3)
    assert exhaustion(found, 2000, now).outlook is Outlook.TOO_FEW
    assert exhaustion(found, 2000, now).days == 3


@pytest.mark.parametrize("samples", [[], [Sample(START, 1.0)]], ids=["none", "one"])
def test_hardly_a_sample_is_too_few(samples: list[Sample]) -> None:
    assert trend(samples, START + 60) == TooFew(len(samples))


def test_what_does_not_change_never_runs_out() -> None:
    samples = sampled(lambda _: 1000)
    now = now_of(samples)
    found = found_in(samples)
    assert found.steady
    assert exhaustion(found, 2000, now).outlook is Outlook.NEVER


def test_what_shrinks_never_runs_out() -> None:
    samples = sampled(shrinking)
    now = now_of(samples)
    assert exhaustion(trend(samples, now), 9000, now).outlook is Outlook.NEVER


def test_a_limit_that_is_passed_is_reached() -> None:
    samples = sampled(linear)
    now = now_of(samples)
    assert exhaustion(trend(samples, now), 1500, now).outlook is Outlook.REACHED


def test_what_runs_out_in_a_century_has_no_date() -> None:
    samples = sampled(linear)
    now = now_of(samples)
    assert exhaustion(trend(samples, now), 1e9, now).outlook is Outlook.FAR


def test_gaps_do_not_matter() -> None:
    gone = {*range(10, 14), *range(30, 52), 70}
    samples = [sample for day, sample in enumerate(sampled(archived)) if day not in gone]
    assert near(found_in(samples).per_day, 10)


def test_samples_of_a_clock_that_was_ahead_do_not_count() -> None:
    samples = sampled(linear)
    now = now_of(samples)
    ahead = [*samples, Sample(now + 365 * DAY, 1900.0), Sample(now + 366 * DAY, 1901.0)]
    assert trend(ahead, now) == trend(samples, now)


def test_a_clock_that_was_set_back_by_days_does_not_matter() -> None:
    samples = sampled(linear)
    twice = [*samples, *(Sample(sample.at - 3 * DAY, sample.value) for sample in samples[40:50])]
    assert near(found_in(twice).per_day, 10)


def test_a_counter_that_was_reset_has_a_step_and_keeps_its_rate() -> None:
    found = found_in(sampled(lambda day: 10 * (day if day < 45 else day - 45)))
    assert near(found.per_day, 10)
    assert [round(step.size) for step in found.steps] == [-450]
    assert [step.day - int(START // DAY) for step in found.steps] == [45]


def test_steps_are_dated_and_measured() -> None:
    found = found_in(sampled(archived))
    assert [(step.day - int(START // DAY), round(step.size)) for step in found.steps] == [(30, -300), (60, -300)]


def test_a_series_that_grows_alike_has_no_steps() -> None:
    for value in (linear, weekly, shrinking):
        assert not found_in(sampled(value)).steps


def test_the_band_of_days_that_resemble_their_neighbours_is_wider() -> None:
    source = random.Random(1)
    walk = [0.0]
    for _ in range(89):
        walk.append(0.9 * walk[-1] + source.gauss(0, 10))
    alike = found_in(sampled(lambda day: linear(day) + walk[int(day)]))
    apart = found_in(sampled(lambda day: linear(day) + source.choice(walk)))
    assert alike.high - alike.low > apart.high - apart.low
