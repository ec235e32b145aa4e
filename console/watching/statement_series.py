"""The counters of each statement at the moments of the last hour, from what consoles read of the server. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from console.model import Snapshot, number
from console.past.readings import PastReadings
from console.past.segment import Stream, answers
from console.records import dataclass
from console.series.slowdown import Counted
from console.sources.registry import PRIMARY
from console.watching.statement_hours import StatementId

QUERY, BEYOND = "statements", "statements_beyond"  # the most expensive ones, and those that follow
SPACING = 20.0  # seconds between two readings that are compared: those of an open pane are far closer
KEY = ("queryid", "userid", "dbid", "toplevel")


@dataclass(frozen=True, slots=True)
class StatementSeries:
    """The counters of the statements that are still counted, oldest first."""

    counted: dict[StatementId, list[Counted]]
    first: float  # when the first were read, in seconds since 1970


def series(readings: PastReadings, taken: Sequence[Snapshot], since: float) -> StatementSeries:
    """Those of the readings `taken` just now, and of earlier ones of the same queries."""
    counted: dict[StatementId, list[Counted]] = defaultdict(list)
    first = min(each.taken_at.timestamp() for each in taken)
    for each in taken:
        last = each.taken_at.timestamp()
        before = float("-inf")
        for at, snapshot in (*_readings_of(readings, each.name, since), (last, each)):
            if snapshot.origin != each.origin or (at - before < SPACING and snapshot is not each):
                continue
            before, first = at, min(first, at)
            for key, (calls, ms) in zip(ids(snapshot), values(snapshot, ("calls", "total_ms")), strict=True):
                counted[key].append(Counted(at, number(calls), number(ms)))
    present = {key for each in taken for key in ids(each) if key[0] is not None}
    # A statement may have become one of the most expensive meanwhile: then both queries returned it.
    return StatementSeries(
        {key: sorted(found, key=lambda each: each.at) for key, found in counted.items() if key in present}, first
    )


def ids(snapshot: Snapshot) -> list[StatementId]:
    """What tells the statements of a reading apart; the queryid is None where this role may not see it."""
    return [(queryid, userid, dbid, top) for queryid, userid, dbid, top in values(snapshot, KEY)]  # type: ignore[misc]


def values(snapshot: Snapshot, columns: Iterable[str]) -> list[tuple[object, ...]]:
    """The values of some columns, row by row."""
    return list(zip(*(snapshot.values(column) for column in columns), strict=True)) if snapshot.rows else []


def _readings_of(readings: PastReadings, query: str, since: float) -> Iterator[tuple[float, Snapshot]]:
    """What was read since then, whichever console read it, oldest first."""
    stream = Stream(PRIMARY, query)
    found = (
        (at, answer)
        for segment in readings.segments
        if (chain := segment.chains.get(stream))
        for at, answer in answers(chain, since)
    )
    return iter(sorted(((at, each) for at, each in found if isinstance(each, Snapshot)), key=lambda pair: pair[0]))
