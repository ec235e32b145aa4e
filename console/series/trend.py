"""How fast a quantity grows, with a band, from samples with gaps, outliers, a weekly rhythm and changes of level. Pure.

Slopes (console/series/slope.py) are between values of the same weekday, as in the seasonal Kendall slope estimator
(Hirsch, Slack and Smith, Techniques of trend analysis for monthly water quality data, Water Resources Research 18,
1982), and of the same segment between two changes of level.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.records import dataclass
from console.series.days import DAY, MONTH, WEEK, Day, Sample, days
from console.series.slope import Band, slope
from console.series.steps import LevelChange, Segment, segments, steps

LEAST_DAYS = 14  # with samples, below which nothing is said: each weekday twice
MOST_DAYS = 180  # of the newest samples that count
BLOCK = 28  # days with samples whose rates of growth are compared
WIDEST = 0.1  # half of the band, as a share of the slope, above which the slope is not known
STEADY = 0.01  # of the level, a month: what grows and shrinks by less is steady


@dataclass(frozen=True, slots=True)
class Trend:
    """How fast a quantity grows between changes of its level."""

    per_day: float  # negative: it shrinks
    low: float  # the band, per day, with 95 % confidence
    high: float
    days: int  # with samples
    level: float  # of today: the highest of the last seven days, brought forward
    last: Day
    steps: tuple[LevelChange, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the band is narrow enough to name a rate."""
        return self.steady or max(self.per_day - self.low, self.high - self.per_day) <= WIDEST * abs(self.per_day)

    @property
    def steady(self) -> bool:
        """Whether it neither grows nor shrinks enough to matter: by less than 1 % a month."""
        return max(abs(self.low), abs(self.high)) * MONTH <= STEADY * abs(self.level)


@dataclass(frozen=True, slots=True)
class TooFew:
    """There are not enough samples to tell."""

    days: int  # with samples
    needed: int = LEAST_DAYS


def trend(samples: Iterable[Sample], now: float) -> Trend | TooFew:
    """The trend of what was sampled until `now`, in seconds since 1970."""
    series = days(samples, now)[-MOST_DAYS:]
    if len(series) < LEAST_DAYS:
        return TooFew(len(series))
    whole = segments(series)
    parts = _newest_rate(whole)
    band = slope(list(_blocks(parts)))
    if band is None:  # the level changes more often than the rate of growth can be measured
        return TooFew(len(series), len(series) + LEAST_DAYS)
    today = now // DAY
    last_week = [day for day in parts[-1] if day.number > series[-1].number - WEEK]
    level = max(day.value + band.middle * (today - day.number) for day in last_week)
    changes = steps(whole, band.middle)
    return Trend(band.middle, band.low, band.high, len(series), level, series[-1], changes)


def _newest_rate(parts: Sequence[Segment]) -> Sequence[Segment]:
    """What is left of `parts` since the rate of growth last changed.

    Blocks of four weeks are compared with the newest one. The block after the first that differs is dropped as well:
    the change may be in it.
    """
    numbers = [day.number for part in parts for day in part]
    starts = [numbers[-count] for count in range(BLOCK, len(numbers) + 1, BLOCK)]
    newest = slope(list(_blocks(_between(parts, starts[0], numbers[-1] + 1)))) if starts else None
    for at in range(1, len(starts)):
        older = slope(list(_blocks(_between(parts, starts[at], starts[at - 1]))))
        if newest and older and _differ(newest, older):
            return _between(parts, starts[max(0, at - 2)], numbers[-1] + 1)
    return parts


def _differ(newer: Band, older: Band) -> bool:
    """Whether two bands do not meet and their slopes are apart by more than what a known slope may be wrong by."""
    apart = newer.high < older.low or older.high < newer.low
    return apart and abs(newer.middle - older.middle) > WIDEST * max(abs(newer.middle), abs(older.middle))


def _between(parts: Sequence[Segment], first: int, end: int) -> list[Segment]:
    """The days of `parts` from `first` to before `end`."""
    chosen = (tuple(day for day in part if first <= day.number < end) for part in parts)
    return [part for part in chosen if part]


def _blocks(parts: Sequence[Segment]) -> Iterable[list[Day]]:
    """The days of one weekday in one segment, for each of both."""
    for part in parts:
        for weekday in range(WEEK):
            yield [day for day in part if day.number % WEEK == weekday]
