"""Samples of one quantity, reduced to a value for each day. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from console.records import dataclass

DAY = 86_400.0  # seconds
WEEK = 7  # days
MONTH = 365.25 / 12  # days


@dataclass(frozen=True, slots=True)
class Sample:
    """What a quantity was at one time."""

    at: float  # seconds since 1970 UTC
    value: float


@dataclass(frozen=True, slots=True)
class SeriesName:
    """What is sampled."""

    kind: str  # "table", or a kind of sql/monitoring/capacity_limits.sql
    subject: str
    measure: str  # "size", "heap", "indexes", "toast", "rows"; "used" of a limit


@dataclass(frozen=True, slots=True)
class Day:
    """The highest value of one day, UTC."""

    number: int  # days since 1970
    value: float


def days(samples: Iterable[Sample], now: float) -> tuple[Day, ...]:
    """The highest value of each day, oldest first.

    A sample that is later than `now` (seconds since 1970) was taken by a clock that was wrong and is left out.
    """
    highest: dict[int, float] = {}
    for sample in samples:
        if sample.at <= now:
            number = int(sample.at // DAY)
            highest[number] = max(sample.value, highest.get(number, sample.value))
    return tuple(Day(number, highest[number]) for number in sorted(highest))
