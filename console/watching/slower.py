"""Statements that became slower within the last hour, as a source: since when, by how much, and what else changed then.

Everything is made of what this console, and others on the same target, read anyway.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from console.format import counted, moment
from console.model import Database, Row, Snapshot, Source, number
from console.past.readings import PastReadings
from console.past.segment import Stream, answers
from console.series.slowdown import Counted, Slowdown, slowdown
from console.sources.derived import Derived, made_of
from console.sources.registry import PRIMARY, SLOWER
from console.watching.concurrent_changes import changes_between

QUERY = "statements_slower"
STATEMENTS = Stream(PRIMARY, "statements")
READS: Mapping[str, tuple[str, ...]] = {QUERY: (STATEMENTS.query,)}
HOUR = 3600.0
SPACING = 20.0  # seconds between two readings that are compared: those of an open pane are far closer
LEAST = 5.0  # milliseconds a second that a step must cost
MOST = 50  # statements, those whose step costs most first
FRESH = 30.0  # seconds for which an answer serves
KEY = ("queryid", "userid", "dbid", "toplevel")
WHO = ("database", "user")
COLUMNS = (*KEY, *WHO, "at", "seen", "factor", "before_ms", "after_ms", "added", "call_rate", "changes")

Key = tuple[object, ...]


def slower_source(server: Database, readings: Callable[[float], PastReadings]) -> Source:
    """What answers the query of the view Slower; `readings` returns what was read around a moment."""
    return Derived(SLOWER, server, _Slower(server, readings).fetch, made_of(READS, "of slower statements"))


class _Slower:
    """Looks for steps in what was read of one server."""

    def __init__(self, server: Database, readings: Callable[[float], PastReadings]) -> None:
        self._server = server
        self._readings = readings
        self._last: Snapshot | None = None
        self._lock = asyncio.Lock()

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The statements that became slower. Raises Trouble if the server cannot be read."""
        del query, parameters
        async with self._lock:
            if self._last is None or time.monotonic() - self._last.clock > FRESH:
                taken = await self._server.fetch(STATEMENTS.query)
                self._last = await asyncio.to_thread(self._found, taken)
            return self._last

    def _found(self, taken: Snapshot) -> Snapshot:
        now = taken.taken_at.timestamp()
        readings = self._readings(now)
        series, first = _series(readings, taken, now - HOUR)
        steps = {key: found for key, each in series.items() if (found := slowdown(each)) and found.added >= LEAST}
        worst = sorted(steps, key=lambda key: -steps[key].added)[:MOST]
        changes = _Changes(readings)
        who = dict(zip(_keys(taken, KEY), _keys(taken, WHO), strict=True))
        rows = tuple(_row(key, who[key], steps[key], changes) for key in worst)
        return replace(taken, name=QUERY, columns=COLUMNS, rows=rows, notes=(_note(first, now), *taken.notes))


class _Changes:
    """What changed at the moments of steps; statements often become slower together."""

    def __init__(self, readings: PastReadings) -> None:
        self._readings = readings
        self._known: dict[tuple[float, float], str] = {}

    def of(self, found: Slowdown) -> str:
        """What changed then; empty: nothing that was read."""
        between = found.seen, found.at
        if between not in self._known:
            self._known[between] = "; ".join(changes_between(self._readings, *between))
        return self._known[between]


def _series(readings: PastReadings, taken: Snapshot, since: float) -> tuple[dict[Key, list[Counted]], float]:
    """The counters of each statement that is still counted, oldest first; and when the first were read."""
    series: dict[Key, list[Counted]] = defaultdict(list)
    last = first = taken.taken_at.timestamp()
    before = float("-inf")
    for at, snapshot in (*_readings_of(readings, since), (last, taken)):
        if snapshot.origin != taken.origin or (at - before < SPACING and snapshot is not taken):
            continue
        before, first = at, min(first, at)
        for key, (calls, ms) in zip(_keys(snapshot, KEY), _keys(snapshot, ("calls", "total_ms")), strict=True):
            series[key].append(Counted(at, number(calls), number(ms)))
    present = set(_keys(taken, KEY))
    return {key: each for key, each in series.items() if key in present and key[0] is not None}, first


def _readings_of(readings: PastReadings, since: float) -> Iterator[tuple[float, Snapshot]]:
    """What was read of statements since then, whichever console read it, oldest first."""
    found = (
        (at, answer)
        for segment in readings.segments
        if (chain := segment.chains.get(STATEMENTS))
        for at, answer in answers(chain, since)
    )
    return iter(sorted(((at, each) for at, each in found if isinstance(each, Snapshot)), key=lambda pair: pair[0]))


def _keys(snapshot: Snapshot, columns: Iterable[str]) -> list[Key]:
    return list(zip(*(snapshot.values(column) for column in columns), strict=True)) if snapshot.rows else []


def _row(key: Key, who: Key, found: Slowdown, changes: _Changes) -> Row:
    return (
        *(*key, *who),
        *(datetime.fromtimestamp(found.at, UTC), datetime.fromtimestamp(found.seen, UTC)),
        *(found.after / found.before, found.before, found.after, found.added, found.rate),
        changes.of(found),
    )


def _note(first: float, now: float) -> str:
    minutes = int((now - first) / 60)
    if not minutes:
        return "Nothing was read before; a console that is open reads the statements every minute."
    since = moment(datetime.fromtimestamp(first, UTC))
    return f"From what was read in the last {counted(minutes, 'minute')}, since {since}."
