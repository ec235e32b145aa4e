"""What each process of the server uses: CPU time, memory of its own, reads and writes.

A reading of a process costs 30 to 50 µs, so an idle session, which uses nothing, is not read again, and at most MOST
processes are read at a time: busy ones first, then those read longest ago. So a thousand sessions cost hardly more than
MOST, and their figures are up to a minute old.
"""

from __future__ import annotations

from collections.abc import Callable

from console.model import Row, Snapshot
from console.records import dataclass
from console.sources.host import parsing
from console.sources.host.parsing import Process
from console.sources.host.place import ServerPlace

MOST = 32  # processes that one reading reads
SHORTEST = 0.2  # seconds between two reads of a process, below which its rates would be too coarse
COLUMNS = ("cpu_percent", "memory", "read_rate", "write_rate")
UNKNOWN: Row = (None,) * len(COLUMNS)
Identity = tuple[object, object]  # pid and start of the session


@dataclass(frozen=True, slots=True)
class Use:
    """The last read of a process."""

    at: float  # monotonic
    changed: object  # when its session last changed its state
    counters: Process
    cpu_percent: float | None = None
    read_rate: float | None = None  # bytes per second
    write_rate: float | None = None

    @property
    def row(self) -> Row:
        """As the columns of COLUMNS."""
        return (self.cpu_percent, self.counters.memory, self.read_rate, self.write_rate)


class Processes:
    """The processes of one server, from one reading to the next."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[Identity, Use] = {}

    async def read(self, place: ServerPlace, sessions: Snapshot) -> Snapshot:
        """`sessions` with what each uses; None where that is not known yet, or never. Raises Trouble."""
        pid, start, state, changed = (sessions.index(name) for name in ("pid", "backend_start", "state", "changed"))
        listed = {(row[pid], row[start]): (row[state] == "idle", row[changed]) for row in sessions.rows}
        before = self._known
        due = [each for each, (idle, since) in listed.items() if _is_due(before.get(each), idle, since)]
        due.sort(key=lambda each: (listed[each][0], before[each].at if each in before else 0.0))
        wanted = due[:MOST]
        texts = await place.files.processes([number for number, _ in wanted if isinstance(number, int)])
        now = self._clock()
        known = {each: before[each] for each in listed if each in before}
        for each in wanted:
            found = texts.get(each[0]) if isinstance(each[0], int) else None
            if found and found[0]:
                counters = parsing.process(found[0], found[1], found[2], place.page)
                known[each] = used(known.get(each), counters, now, listed[each][1])
        self._known = known
        return sessions.with_columns(COLUMNS, [known[each].row if each in known else UNKNOWN for each in listed])


def _is_due(known: Use | None, idle: bool, changed: object) -> bool:
    """Whether a process may have used something since it was read."""
    return known is None or not idle or known.cpu_percent != 0 or known.changed != changed


def used(before: Use | None, counters: Process, now: float, changed: object) -> Use:
    """What a process used since it was read before."""
    if before is None:
        return Use(now, changed, counters)
    elapsed = now - before.at
    if elapsed < SHORTEST:
        return before
    was = before.counters
    return Use(
        now,
        changed,
        counters,
        100 * max(0.0, counters.cpu - was.cpu) / elapsed,
        _rate(was.read_bytes, counters.read_bytes, elapsed),
        _rate(was.write_bytes, counters.write_bytes, elapsed),
    )


def _rate(before: int | None, now: int | None, elapsed: float) -> float | None:
    return None if before is None or now is None else max(0, now - before) / elapsed
