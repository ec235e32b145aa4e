"""When a recurring job is due: the first occurrence and how far the others are apart, in UTC. Pure."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta

from console.format import counted, in_words
from console.records import dataclass

DAY = 86_400.0
SHORTEST_MONTH = 28 * DAY


@dataclass(frozen=True, slots=True)
class Period:
    """An interval as PostgreSQL keeps it: months and days have no fixed length."""

    months: int = 0
    days: int = 0
    seconds: float = 0.0

    @property
    def least(self) -> float:
        """The shortest time that it can last, in seconds."""
        return self.months * SHORTEST_MONTH + self.days * DAY + self.seconds

    @property
    def advances(self) -> bool:
        """Whether each occurrence is later than the one before."""
        return min(self.months, self.days, self.seconds) >= 0 and self.least > 0

    @property
    def words(self) -> str:
        """What comes after "every": month, 3 months, week, day, 30 minutes."""
        if self == WEEKLY:
            return "week"
        lengths = (counted(self.months, "month"), counted(self.days, "day"), in_words(self.seconds))
        numbers = (self.months, self.days, self.seconds)
        text = " ".join(length for number, length in zip(numbers, lengths, strict=True) if number)
        return text.removeprefix("1 ") if text.count(" ") == 1 else text


HOURLY, DAILY, WEEKLY, MONTHLY = Period(seconds=3600.0), Period(days=1), Period(days=7), Period(months=1)


def occurrence(first: datetime, every: Period, number: int) -> datetime:
    """Occurrence `number`, from 0, counted from the first one: a month from the 31st is the last day of each month."""
    at = first.astimezone(UTC)
    months = at.month - 1 + number * every.months
    year, month = at.year + months // 12, months % 12 + 1
    day = min(at.day, calendar.monthrange(year, month)[1])
    return at.replace(year=year, month=month, day=day) + number * timedelta(days=every.days, seconds=every.seconds)


def next_occurrence(first: datetime, every: Period, after: datetime) -> datetime:
    """The first occurrence later than `after`: those that were missed meanwhile are skipped.

    Raises ValueError if the period does not advance, OverflowError if there is none before the year 10000.
    """
    if not every.advances:
        raise ValueError("the period must be longer than nothing")
    low, high = 0, max(0, int((after - first).total_seconds() // every.least)) + 1
    while low < high:  # the lowest number that is late enough
        middle = (low + high) // 2
        if _is_after(first, every, middle, after):
            high = middle
        else:
            low = middle + 1
    return occurrence(first, every, low)


def _is_after(first: datetime, every: Period, number: int, moment: datetime) -> bool:
    try:
        return occurrence(first, every, number) > moment
    except (OverflowError, ValueError):  # after the year 9999
        return True
