"""Queries that other statements answer at less cost: two in one pass, or the highest rows without the others."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable

from console.model import Snapshot, number
from console.records import replace

EARLY = 0.9  # of a period, after which a query may be read along with the other one
AT_FIRST = 0.25  # the same while it is still read apart: from then on both are due together
LATE = 1.25  # of a period, within which it waits for the other one
GRACE = 0.25  # seconds that the other one may be late
FRESH = 1.0  # seconds for which what was read along is the answer
TURNS = 5  # of the event loop, until who waits goes on


class Together:
    """When `rider` is due, a read of `carrier` becomes one of `both`, which has the rider's row in its last column."""

    def __init__(self, carrier: str, rider: str, both: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.carrier, self.rider, self.both = carrier, rider, both
        self._clock = clock
        self._columns: tuple[str, ...] = ()  # of the rider, known since it was read alone
        self._is_refused = False  # this server cannot answer both at once
        self._due = math.inf  # on the clock: from when on it is read along
        self._began = -math.inf  # the last read of the carrier
        self._apart = math.inf  # seconds between its last two reads
        self._taken: Snapshot | None = None
        self._was_along = False  # the last time
        self._come = asyncio.Event()
        self._is_under_way = False  # both are being read

    def forget(self) -> None:
        """The server may be another one, whose rows have other columns."""
        self._columns, self._taken, self._is_refused = (), None, False

    def refuse(self) -> None:
        """The server cannot answer both at once: read them alone until `forget`."""
        self._columns, self._is_refused = (), True

    def learn(self, taken: Snapshot) -> None:
        """The rider was read alone."""
        self._columns = () if self._is_refused else taken.columns

    def begin(self) -> bool:
        """The carrier is about to be read; returns whether the rider is read along."""
        now = self._clock()
        self._apart, self._began = now - self._began, now
        is_due = bool(self._columns) and now >= self._due
        self._is_under_way |= is_due
        return is_due

    def parted(self, read: Snapshot, carrier: str, rider: str) -> Snapshot | None:
        """What was read of the carrier, while the rider is kept; None: both have to be read alone.

        `carrier` and `rider` are the statements that stand for them.
        """
        alone = [row for row in read.rows if row[-1] is not None]
        row = alone[0][-1] if len(alone) == 1 else None
        if read.unknown or not isinstance(row, tuple) or len(row) != len(self._columns):
            self.refuse()
            return None
        self._taken = replace(read, name=self.rider, columns=self._columns, rows=(row,), sql=rider)
        self._due = math.inf
        self._come.set()
        rows = tuple(row[:-1] for row in read.rows if row[-1] is None)
        return replace(read, name=self.carrier, columns=read.columns[:-1], rows=rows, sql=carrier)

    def end(self) -> None:
        """What `begin` began has ended: the rider was read along, or it failed."""
        self._is_under_way = False

    async def let_go_first(self) -> None:
        """Let who waits for the rider take it first, so that it is painted together with the carrier's rows."""
        for _ in range(TURNS):
            if self._taken is not None:
                await asyncio.sleep(0)

    def take(self) -> Snapshot | None:
        """The rider if it has just been read along; None: it has to be read."""
        taken, self._taken = self._taken, None
        return taken if taken is not None and taken.is_recent(FRESH, self._clock()) else None

    async def until_due(self, period: float) -> None:
        """Return when the rider, read every `period` seconds, was read along or has to be read alone."""
        soonest = period * (EARLY if self._was_along else AT_FIRST)
        self._come.clear()
        since, last = self._clock(), self._began
        self._due = since + soonest
        await self._wait(self._patience(soonest, period))
        left = since + period * LATE + GRACE - self._clock()
        if self._is_under_way:
            await self._wait(period)
        # Read meanwhile, but before it was due, as when a console opens: only now it is known when it is read next.
        if self._began > last and not self._come.is_set() and (expected := self._expected(0.0)) <= left:
            await self._wait(expected + GRACE)
        self._was_along = self._come.is_set()
        self._due = math.inf

    async def _wait(self, seconds: float) -> None:
        """Until it was read along, so many seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._come.wait()

    def _patience(self, soonest: float, period: float) -> float:
        """Seconds to wait for the carrier: until it is expected to be read next, if that is about a period."""
        expected = self._expected(soonest)
        return expected + GRACE if expected <= period * LATE else period

    def _expected(self, soonest: float) -> float:
        """Seconds until the carrier is read next, in `soonest` seconds or later; infinite: it is read no more."""
        ago, apart = self._clock() - self._began, self._apart
        if ago > apart or not math.isfinite(apart):
            return math.inf
        expected = apart - ago
        return expected + apart * math.ceil(max(0.0, soonest - expected) / apart)


class Highest:
    """A `query` returns the `count` rows with the highest `column`, `since` those of them from the parameter on.

    The least of so many counters is still reached by as many, unless one of them was reset or dropped. Whoever reads no
    fewer from it on has the same rows as `query` returns, whichever server it was the least of.
    """

    def __init__(self, query: str, since: str, parameter: str, column: str, count: int) -> None:
        self.query, self.since = query, since
        self._parameter, self._column, self._count = parameter, column, count
        self._least: float | None = None

    @property
    def parameters(self) -> dict[str, object] | None:
        """Of `since`; None: `query` has to be read."""
        return None if self._least is None else {self._parameter: self._least}

    def are_all(self, taken: Snapshot) -> bool:
        """Whether the rows of `since` are those of `query`."""
        return len(taken.rows) >= self._count and not taken.unknown

    def learn(self, taken: Snapshot) -> None:
        """Keep the least value of what was read."""
        self._least = min(map(number, taken.values(self._column))) if self.are_all(taken) else None
