"""Which statements became slower: by a step within the last hour, or against the same hour of other days. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from console.records import dataclass
from console.series.slowdown import Counted, slowdown
from console.watching.statement_hours import (
    CALLS,
    RATIO,
    HoursOfStatement,
    OtherDays,
    StatementId,
    other_days,
    slower_since,
)
from console.watching.statement_series import StatementSeries

HOUR = 3600.0
LEAST = 5.0  # milliseconds a second that it must cost more
LEAST_DAYS = 2  # that must be known where no step was read


@dataclass(frozen=True, slots=True)
class Slowed:
    """A statement that became slower."""

    key: StatementId
    seen: float  # the last moment at which it was as usual, in seconds since 1970
    at: float  # the first one at which it was slower
    before: float  # milliseconds a call
    after: float
    rate: float  # calls a second since then
    database: str = ""
    user: str = ""
    usual: OtherDays | None = None  # in the same hour of other days

    @property
    def added(self) -> float:
        """Milliseconds a second that it costs since then."""
        return (self.after - self.before) * self.rate

    @property
    def step(self) -> tuple[StatementId, float]:
        """What it is remembered by."""
        return self.key, self.at


def slowed_of(
    found: StatementSeries,
    hours: Mapping[StatementId, HoursOfStatement],
    who: Mapping[tuple[object, ...], tuple[str, str]],
    now: float,
) -> Iterator[Slowed]:
    """Those of a series, in no order; `who` has the names of databases and users."""
    for key, readings in found.counted.items():
        known = hours.get(key, {})
        each = _by_step(key, readings) or _by_other_days(key, readings, known, now)
        if each is not None and each.added >= LEAST:
            database, user = who.get((key[2], key[1]), ("", ""))
            yield replace(each, database=database, user=user, usual=other_days(known, _hour(now)))


def _by_step(key: StatementId, readings: list[Counted]) -> Slowed | None:
    step = slowdown(readings)
    return Slowed(key, step.seen, step.at, step.before, step.after, step.rate) if step else None


def _by_other_days(key: StatementId, readings: list[Counted], known: HoursOfStatement, now: float) -> Slowed | None:
    """Slower in the whole hour: it stepped before, or there are too few readings for a step."""
    usual = other_days(known, _hour(now))
    first, last = readings[0], readings[-1]
    spent = last.since(first)
    if usual is None or usual.days < LEAST_DAYS or spent is None or spent.calls < CALLS:
        return None
    if spent.mean < RATIO * usual.mean:
        return None
    since = slower_since(known, _hour(now))
    rate = spent.calls / (last.at - first.at)
    return Slowed(key, since * HOUR, min((since + 1) * HOUR, now), usual.mean, spent.mean, rate)


def _hour(now: float) -> int:
    """The hour in which most of what was read in the last one happened."""
    return int((now - HOUR / 2) // HOUR)
