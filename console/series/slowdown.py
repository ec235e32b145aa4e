"""When the time a call of a statement stepped up, from its counters at several moments. Pure.

The moment is where one cut explains the most of the scatter of the means between readings: of their logarithms,
weighted by calls, the sum of squares between both sides (the statistic of binary segmentation, Scott and Knott 1974).
A cut is a step only if nearly all means after it are above nearly all before it, so that neither a single outlier nor
a drift counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from console.records import dataclass

RATIO = 2.0  # of the means after and before
CALLS = 50  # on each side
INTERVALS = 3  # on each side, at least
CLEAR = 0.8  # of the means on each side must be on their side of the middle
SHARPER = 2.0  # how much less the means scatter around the step than around a line


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls of a statement and the time that they took."""

    calls: float
    ms: float

    @property
    def mean(self) -> float:
        """Milliseconds a call."""
        return self.ms / self.calls


@dataclass(frozen=True, slots=True)
class Counted:
    """The counters of a statement at one moment."""

    at: float  # seconds since 1970
    calls: float
    total_ms: float

    def since(self, before: Counted) -> Spent | None:
        """What was counted after an earlier reading; None: counters that fell were reset or evicted."""
        calls, ms = self.calls - before.calls, self.total_ms - before.total_ms
        return Spent(calls, ms) if calls >= 0 and ms >= 0 else None


@dataclass(frozen=True, slots=True)
class Interval:
    """The time between two readings in which there were calls."""

    began: float
    ended: float
    spent: Spent

    @property
    def mean(self) -> float:
        """Milliseconds a call."""
        return self.spent.mean


@dataclass(frozen=True, slots=True)
class Slowdown:
    """A step: between which readings it was, and the milliseconds a call before and after it."""

    seen: float  # the last reading that has the former mean, in seconds since 1970
    at: float  # the first one that has the new mean
    before: float
    after: float
    rate: float  # calls a second since

    @property
    def added(self) -> float:
        """Milliseconds a second that it costs since."""
        return (self.after - self.before) * self.rate


def slowdown(readings: Sequence[Counted]) -> Slowdown | None:
    """The step in a series, oldest first, that lasts until its end; None: there is none.

    Counters that fell were reset or evicted: what was before is forgotten.
    """
    intervals = _intervals(readings)
    cut = _cut(intervals)
    if cut is None:
        return None
    before, after = intervals[:cut], intervals[cut:]
    low, high = _mean(before), _mean(after)
    if high < RATIO * low or min(_calls(before), _calls(after)) < CALLS:
        return None
    middle = math.sqrt(low * high)
    under = sum(each.mean < middle for each in before)
    above = sum(each.mean > middle for each in after)
    is_clear = under >= CLEAR * len(before) and above >= CLEAR * len(after)
    if not is_clear or after[-1].mean < middle or _is_drift(intervals, cut):
        return None
    return Slowdown(before[-1].ended, after[0].ended, low, high, _calls(after) / (after[-1].ended - after[0].began))


def _intervals(readings: Sequence[Counted]) -> list[Interval]:
    found: list[Interval] = []
    for before, now in pairwise(readings):
        spent = now.since(before)
        if spent is None:
            found = []
        elif spent.calls and spent.ms and now.at > before.at:
            found.append(Interval(before.at, now.at, spent))
    return found


def _cut(intervals: Sequence[Interval]) -> int | None:
    """How many intervals are before the cut that separates them best."""
    logs = [math.log(each.mean) for each in intervals]
    weights = [each.spent.calls for each in intervals]
    whole, total = math.fsum(weights), math.fsum(w * x for w, x in zip(weights, logs, strict=True))
    best, found = 0.0, None
    weight = part = 0.0
    for at in range(1, len(intervals)):
        weight += weights[at - 1]
        part += weights[at - 1] * logs[at - 1]
        if at < INTERVALS or len(intervals) - at < INTERVALS:
            continue
        between = part**2 / weight + (total - part) ** 2 / (whole - weight) - total**2 / whole
        if between > best and (total - part) / (whole - weight) > part / weight:
            best, found = between, at
    return found


def _is_drift(intervals: Sequence[Interval], cut: int) -> bool:
    """Whether a line fits the means about as well as the step: then there is no moment at which anything happened."""
    logs = [math.log(each.mean) for each in intervals]
    scatter = _scatter(logs[:cut]) + _scatter(logs[cut:])
    times = [each.ended for each in intervals]
    return scatter * SHARPER > _scatter_around_line(times, logs)


def _scatter(values: Sequence[float]) -> float:
    """The sum of squares around the mean."""
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values)


def _scatter_around_line(times: Sequence[float], values: Sequence[float]) -> float:
    """The sum of squares around the line of least squares."""
    mean = math.fsum(times) / len(times)
    spread = math.fsum((time - mean) ** 2 for time in times)
    slope = math.fsum((time - mean) * value for time, value in zip(times, values, strict=True)) / spread
    return _scatter([value - slope * time for time, value in zip(times, values, strict=True)])


def _mean(intervals: Sequence[Interval]) -> float:
    return math.fsum(each.spent.ms for each in intervals) / _calls(intervals)


def _calls(intervals: Sequence[Interval]) -> float:
    return math.fsum(each.spent.calls for each in intervals)
