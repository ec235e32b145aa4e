"""Where a series changes its level at once, as when a month is archived or imported. Pure.

Values are compared with those of the same weekday before, so that a weekly rhythm is no change. A change of level shows
in a week of such differences, an outlier in a single one, a change of the rate of growth in more than two weeks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from console.records import dataclass
from console.series.days import WEEK, Day

Segment = tuple[Day, ...]  # days between two changes of level

OUTLIER = 5.0  # standard deviations, estimated by the median absolute deviation
NORMAL = 1.4826  # standard deviation of a normal distribution whose median absolute deviation is 1
LEAST_WEEK = 0.5  # of a week's growth: a smaller change is none
LEAST_LEVEL = 0.001  # of the level: a smaller change is none
LEAST_DAYS = 4  # for which a change lasts, unless the series begins or ends meanwhile
MOST_DAYS = 2 * WEEK - 1  # of differences that one or two changes explain
MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class LevelChange:
    """A change of level."""

    day: int  # days since 1970; the first day of the new level
    size: float  # negative: it fell


@dataclass(frozen=True, slots=True)
class _Difference:
    """A value compared with the one of the same weekday before, in the same segment."""

    segment: int
    day: int
    days: int  # between the two
    change: float


def segments(series: Sequence[Day]) -> tuple[Segment, ...]:
    """The series cut where its level changes at once."""
    found: tuple[Segment, ...] = (tuple(series),)
    for _ in range(MOST_STEPS):
        cut = _cut(found)
        if cut is None:
            break
        at, day = cut
        before = tuple(each for each in found[at] if each.number < day)
        after = tuple(each for each in found[at] if each.number >= day)
        found = (*found[:at], before, after, *found[at + 1 :])
    return found


def steps(found: Sequence[Segment], per_day: float) -> tuple[LevelChange, ...]:
    """The changes between segments of a series that grows by `per_day` meanwhile."""
    return tuple(_step(before, after, per_day) for before, after in pairwise(found))


def _step(before: Segment, after: Segment, per_day: float) -> LevelChange:
    """Both levels are those of the day of the change, each by the median of the nearest week."""
    at = after[0].number
    old = median(day.value + per_day * (at - day.number) for day in before[-WEEK:])
    new = median(day.value + per_day * (at - day.number) for day in after[:WEEK])
    return LevelChange(at, new - old)


def _cut(found: Sequence[Segment]) -> tuple[int, int] | None:
    """The next segment to cut and the first day of its second part; None: no level changes."""
    differences = [difference for at, part in enumerate(found) for difference in _differences(at, part)]
    if len(differences) < WEEK:
        return None
    rate = median(each.change / each.days for each in differences)
    extra = [each.change - rate * each.days for each in differences]
    level = median(abs(day.value) for part in found for day in part)
    limit = max(
        OUTLIER * NORMAL * median(map(abs, extra)),
        LEAST_WEEK * WEEK * abs(rate),
        LEAST_LEVEL * level,
    )
    for run in _runs(differences, extra, limit):
        day = _first_day(run, differences, found[run[0].segment])
        if day is not None:
            return run[0].segment, day
    return None


def _differences(at: int, part: Segment) -> list[_Difference]:
    found: list[_Difference] = []
    last: dict[int, Day] = {}  # by weekday
    for day in part:
        before = last.get(day.number % WEEK)
        if before is not None:
            found.append(_Difference(at, day.number, day.number - before.number, day.value - before.value))
        last[day.number % WEEK] = day
    return found


def _runs(differences: Sequence[_Difference], extra: Sequence[float], limit: float) -> list[list[_Difference]]:
    """Neighbouring differences that are all too large, or all too small, in one segment."""
    found: list[list[_Difference]] = []
    sign = 0
    for each, more in zip(differences, extra, strict=True):
        now = 0 if abs(more) <= limit else 1 if more > 0 else -1
        if now and now == sign and found[-1][-1].segment == each.segment:
            found[-1].append(each)
        elif now:
            found.append([each])
        sign = now
    return found


def _first_day(run: Sequence[_Difference], differences: Sequence[_Difference], part: Segment) -> int | None:
    """The first day of the new level; None: these differences are no change of level."""
    own = [each.day for each in differences if each.segment == run[0].segment]
    begins, ends = run[0].day == own[0], run[-1].day == own[-1]
    if len(run) > MOST_DAYS or (len(run) < LEAST_DAYS and not begins and not ends):
        return None
    day = run[-1].day - run[-1].days + 1 if begins and not ends else run[0].day
    after = [each.number for each in part if each.number >= day]
    return after[0] if after and after[0] > part[0].number else None
