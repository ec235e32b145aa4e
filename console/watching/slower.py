"""Statements that became slower, as a source: since when, by how much, what else changed then, and their plans.

Everything is made of what this console, and others on the same target, read anyway, and of what statements took in the
same hour of other days.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from console.format import counted, moment
from console.model import Row, Snapshot, Source, Trouble
from console.past.readings import PastReadings
from console.sources.derived import Derived, made_of
from console.sources.registry import SLOWER
from console.watching.concurrent_changes import changes_between
from console.watching.known_hours import KnownHours
from console.watching.slowed import HOUR, Slowed, slowed_of
from console.watching.statement_series import BEYOND, KEY, StatementSeries, ids, series, values
from console.watching.statement_series import QUERY as STATEMENTS
from console.watching.step_plans import StepPlans
from console.watching.store import target_key

QUERY = "statements_slower"
READS: Mapping[str, tuple[str, ...]] = {QUERY: (STATEMENTS, BEYOND)}
OPTIONS = "set_options"
FULL = 500  # statements that one reading returns; where there are fewer, none follow
MOST = 50  # statements, those whose step costs most first
FRESH = 30.0  # seconds for which an answer serves
PERIOD = 120.0  # seconds between two readings of what no pane and no rule reads
LOOKS = 3  # of these periods from one look for steps to the next
WHO = ("database", "user")
COLUMNS = (
    *(*KEY, *WHO, "at", "seen", "slow_for", "factor", "before_ms", "after_ms", "added", "call_rate", "changes"),
    *("other_days_ms", "other_days", "plan_then", "plan_now"),
)


def slower_source(slower: SlowerStatements, server: Source) -> Source:
    """What answers the query of the view Slower."""
    return Derived(SLOWER, server, slower.fetch, made_of(READS, "of slower statements"))


class SlowerStatements:
    """Looks for steps in what was read of one server, and keeps what its statements take in each hour."""

    def __init__(
        self, server: Source, readings: Callable[[float], PastReadings], plans: StepPlans, hours: KnownHours
    ) -> None:
        """`readings` returns what was read around a moment."""
        self._server = server
        self._readings = readings
        self._plans = plans
        self._hours = hours
        self._last: Snapshot | None = None
        self._series: StatementSeries | None = None  # that it was made of
        self._lock = asyncio.Lock()
        self.trouble: Trouble | None = None  # why nothing could be read or kept last

    async def follow(self, looks: Source) -> None:
        """Read what no pane and no rule reads, look for steps, and keep the hours, until this task is cancelled.

        `looks` is what answers with the steps, so that whoever hears it keeps them.
        """
        turn = 0
        while True:
            try:
                await self.read(looks, is_look=turn % LOOKS == 0)
                self.trouble = None
            except Trouble as why:  # such as no pg_stat_statements: the pane says so too
                self.trouble = why
            turn += 1
            await asyncio.sleep(PERIOD)

    async def read(self, looks: Source, *, is_look: bool) -> None:
        """Read what is due, with `is_look` all of it, and add it to the hours. Raises Trouble."""
        await self._server.fetch(OPTIONS)
        if is_look or self._series is None:
            taken = await looks.fetch(QUERY)
            target, found, now = target_key(self._server.facts), self._series, taken.taken_at.timestamp()
            if found is not None:
                await asyncio.to_thread(self._hours.add, target, found, now)
        elif len(self._series.counted) >= FULL:
            await self._server.fetch(BEYOND)

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The statements that became slower. Raises Trouble if the server cannot be read."""
        del query, parameters
        async with self._lock:
            if self._last is None or not self._last.is_recent(FRESH, time.monotonic()):
                self._last = await self._look()
            return self._last

    async def _look(self) -> Snapshot:
        taken = await self._server.fetch(STATEMENTS)
        every = (taken, await self._server.fetch(BEYOND)) if len(taken.rows) >= FULL else (taken,)
        now = taken.taken_at.timestamp()
        readings, found, slowed = await asyncio.to_thread(self._found, every, now)
        self._series = found
        await self._plans.look(slowed)
        rows = await asyncio.to_thread(lambda: tuple(self._rows(slowed, _Changes(readings, self._readings, now), now)))
        notes = (_note(found.first, now), *_note_of_days(slowed), *taken.notes)
        return replace(taken, name=QUERY, columns=COLUMNS, rows=rows, notes=notes)

    def _found(self, taken: Sequence[Snapshot], now: float) -> tuple[PastReadings, StatementSeries, tuple[Slowed, ...]]:
        readings = self._readings(now)
        found = series(readings, taken, now - HOUR)
        hours = self._hours.of(target_key(self._server.facts), now)
        slowed = slowed_of(found, hours, _who(taken), now)
        return readings, found, tuple(sorted(slowed, key=lambda each: -each.added)[:MOST])

    def _rows(self, slowed: Sequence[Slowed], changes: _Changes, now: float) -> Iterator[Row]:
        for each in slowed:
            plan = self._plans.of(each.step)
            yield (
                *(*each.key, each.database, each.user),
                *(datetime.fromtimestamp(each.at, UTC), datetime.fromtimestamp(each.seen, UTC), now - each.at),
                *(each.after / each.before, each.before, each.after, each.added, each.rate),
                "; ".join(filter(None, (plan.change, changes.of(each)))),
                *((each.usual.mean, each.usual.days) if each.usual else (None, None)),
                *(plan.then or None, plan.now or None),
            )


class _Changes:
    """What changed at the moments of steps; statements often become slower together."""

    def __init__(self, readings: PastReadings, around: Callable[[float], PastReadings], now: float) -> None:
        """`readings` are those of the last hour before `now`; `around` returns those of other moments."""
        self._readings = readings
        self._around = around
        self._since = now - HOUR
        self._known: dict[tuple[float, float], str] = {}

    def of(self, found: Slowed) -> str:
        """What changed then; empty: nothing that was read."""
        between = found.seen, found.at
        if between not in self._known:
            readings = self._readings if found.seen >= self._since else self._around(found.at)
            self._known[between] = "; ".join(changes_between(readings, *between))
        return self._known[between]


def _who(taken: Sequence[Snapshot]) -> dict[tuple[object, ...], tuple[str, str]]:
    """The names of database and user by their ids: only the first reading has them."""
    pairs = zip(ids(taken[0]), values(taken[0], WHO), strict=True)
    return {(key[2], key[1]): (str(database or ""), str(user or "")) for key, (database, user) in pairs}


def _note(first: float, now: float) -> str:
    minutes = int((now - first) / 60)
    if not minutes:
        return "Nothing was read before; a console that is open reads the statements every minute."
    since = moment(datetime.fromtimestamp(first, UTC))
    return f"From what was read in the last {counted(minutes, 'minute')}, since {since}."


def _note_of_days(slowed: Sequence[Slowed]) -> tuple[str, ...]:
    """How many other days are known."""
    days = max((each.usual.days for each in slowed if each.usual), default=0)
    return (f"Compared with the same hour of {counted(days, 'other day')}.",) if days else ()
