"""Dead tuples of tables over the last hour, by transaction id: how fast they grow, and how many died when. Pure.

Whether VACUUM may remove a dead tuple depends on the transaction that deleted it, which no statistic shows. But how
many were dead when a transaction id was given out is known from readings before and after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from itertools import pairwise

from console.model import Record, number
from console.records import dataclass

HOUR = 3600.0  # seconds for which a table is kept that is not read any more
RECENT = 600.0  # seconds over which rates are measured
MOST_POINTS = 60  # of a table; beyond that every other one is dropped
IDS = 2**32  # transaction ids before they are given out again
EXACT = 0.05  # of the dead tuples: what an estimate may be wrong by without being marked
MOST_READ = 500  # tables that the query returns; where it returns fewer, what it leaves out has no dead tuples
MEASURES = ("dead_pct", "insert_pct", "freeze_pct")  # what makes a VACUUM due


@dataclass(frozen=True, slots=True)
class Point:
    """A table in one reading."""

    clock: float  # monotonic seconds
    position: int  # how many transaction ids had been given out
    dead: float
    shares: tuple[float, ...]  # of MEASURES, in percent of what makes it due; 0 where it never does


@dataclass(frozen=True, slots=True)
class Horizon:
    """From where on dead tuples stay."""

    position: int  # how many transaction ids were given out by now
    age: float | None  # transactions since the oldest snapshot; None: nobody has one
    since: float | None = None  # seconds since its transaction began, where that is known


@dataclass(frozen=True, slots=True)
class Removable:
    """How many dead tuples a VACUUM now would remove."""

    tuples: float | None  # None: not known
    exact: bool = True


@dataclass(slots=True)
class TableCourse:
    """A table since its last VACUUM."""

    points: list[Point] = field(default_factory=list)
    before: Point | None = None  # the last point before the VACUUM that was seen
    interrupted: float | None = None  # when a VACUUM was last seen to end without having finished
    running: bool = False

    def add(self, point: Point, vacuum_age: float | None, *, running: bool) -> None:
        """Keep a reading."""
        last = self.points[-1] if self.points else None
        vacuumed = last is not None and vacuum_age is not None and vacuum_age < point.clock - last.clock
        if last is not None and self.running and not running and not vacuumed:
            self.interrupted = point.clock
        if vacuumed or (last is not None and point.dead < last.dead):
            self.points, self.before = [], last
            self.interrupted = None if vacuumed else self.interrupted
        self.running = running
        if len(self.points) > 1 and self.points[-1].dead == self.points[-2].dead == point.dead:
            self.points.pop()  # it only ends a time in which none died
        self.points.append(point)
        if len(self.points) > MOST_POINTS:
            del self.points[1:-1:2]

    def rates(self) -> tuple[float | None, ...]:
        """By how many percent a second each of MEASURES grows; None: not known yet."""
        first, last = self._recent()
        passed = last.clock - first.clock
        if passed <= 0:
            return (None,) * len(MEASURES)
        return tuple((now - then) / passed for then, now in zip(first.shares, last.shares, strict=True))

    def dead_rate(self) -> float | None:
        """How many tuples die a second; None: not known yet."""
        first, last = self._recent()
        return (last.dead - first.dead) / (last.clock - first.clock) if last.clock > first.clock else None

    def _recent(self) -> tuple[Point, Point]:
        """Two readings, about RECENT seconds apart or as far as they go back."""
        last = self.points[-1]
        before = [point for point in self.points if last.clock - point.clock >= RECENT]
        return before[-1] if before else self.points[0], last

    def removable(self, horizon: Horizon, vacuum_age: float | None) -> Removable:
        """How many of the dead tuples a VACUUM now would remove, by the readings around the horizon."""
        dead, age = self.points[-1].dead, horizon.age
        if age is None or not dead:
            return Removable(dead)
        if horizon.since is not None and vacuum_age is not None and horizon.since > vacuum_age:
            return Removable(0.0)  # the last VACUUM has removed all that it does not keep
        if self.before is not None and _back(horizon.position, self.before.position) <= age:
            return Removable(0.0)
        return self._around(horizon.position, age) or self._by_time(horizon, vacuum_age)

    def _around(self, position: int, age: float) -> Removable | None:
        """Between the last reading before the horizon and the first one after it; None: there is none before it."""
        if _back(position, self.points[-1].position) >= age:
            return Removable(self.points[-1].dead)
        # Of readings at the same position the last one is right: deaths are counted a moment after they happen.
        for earlier, later in reversed(list(pairwise(self.points))):
            start, end = _back(position, earlier.position), _back(position, later.position)
            if start >= age >= end:
                share = (start - age) / (start - end) if start > end else 0.0
                died = later.dead - earlier.dead
                exact = start == age or died <= EXACT * self.points[-1].dead
                return Removable(earlier.dead + share * died, exact)
        return None

    def _by_time(self, horizon: Horizon, vacuum_age: float | None) -> Removable:
        """As if they had died evenly since the last VACUUM, which is a guess."""
        first = self.points[0]
        if not first.dead:
            return Removable(0.0)
        if horizon.since is None or vacuum_age is None:
            return Removable(None)
        share = 1 - horizon.since / vacuum_age if vacuum_age else 0.0
        return Removable(min(first.dead, share * self.points[-1].dead), exact=False)


class TableReadings:
    """The tables of one database over the last hour."""

    def __init__(self) -> None:
        self.courses: dict[int, TableCourse] = {}
        self._seen: dict[int, float] = {}
        self._due: dict[int, float] = {}
        self._last: Point | None = None  # of a table without dead tuples, in the last reading; None: unknown

    def add(self, rows: Iterable[Record], position: int, clock: float) -> None:
        """Keep a reading of the tables that VACUUM or ANALYZE may be due for."""
        read = 0
        for row in rows:
            read += 1
            oid = int(number(row["oid"]))
            shares = tuple(number(row[measure]) for measure in MEASURES)
            point = Point(clock, position, number(row["dead"]), shares)
            known = self.courses.setdefault(oid, TableCourse([self._last] if self._last else []))
            known.add(point, seconds(row["vacuum_age"]), running=bool(row["running"]))
            self._seen[oid] = clock
            if number(row["due_pct"]) >= 100:
                self._due.setdefault(oid, clock)
            else:
                self._due.pop(oid, None)
        self._last = Point(clock, position, 0.0, (0.0,) * len(MEASURES)) if read < MOST_READ else None
        for oid in [oid for oid, seen in self._seen.items() if clock - seen > HOUR]:
            del self.courses[oid], self._seen[oid]
            self._due.pop(oid, None)

    def due_for(self, oid: int, clock: float) -> float | None:
        """For how many seconds a table was seen to be due; None: it is not."""
        return clock - self._due[oid] if oid in self._due else None


def due_in(row: Record, rates: Mapping[str, float | None]) -> float | None:
    """Seconds until a VACUUM is due; 0: it is; None: at this rate never, or the rate is not known yet."""
    if number(row["due_pct"]) >= 100:
        return 0.0
    age = seconds(row["vacuum_age"])
    known = dict(rates)
    if known["dead_pct"] is None and age:
        known["dead_pct"] = number(row["dead_pct"]) / age  # they are counted from the last VACUUM on
    growing = ((100 - number(row[measure]), rate) for measure, rate in known.items() if rate and rate > 0)
    return min((missing / rate for missing, rate in growing), default=None)


def seconds(value: object) -> float | None:
    """A number of a row; None where there is none."""
    return None if value is None else number(value)


def _back(now: int, then: int) -> int:
    """How many transaction ids were given out between two positions."""
    return (now - then) % IDS
