"""What pg_wait_sampling counted between two readings of its profile, as sessions. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from console.model import Record, number
from console.records import dataclass
from console.series.waits import IDLE_IN_TRANSACTION, SampledSession, wait_class

_Event = tuple[str | None, str | None, int | None]  # class, event, statement
_RUNS = frozenset({"client backend", "parallel worker", "autovacuum worker"})  # what runs while it does not wait


@dataclass(frozen=True, slots=True)
class WaitProfile:
    """One reading: how often each session was seen in each event since the counters began."""

    clock: float  # monotonic
    sessions: Mapping[int, Record] = field(default_factory=dict)  # by pid, one of its rows
    counts: Mapping[int, Mapping[_Event, int]] = field(default_factory=dict)  # by pid
    gone: Mapping[_Event, int] = field(default_factory=dict)  # of sessions that are gone
    took: float = 0.0  # seconds that the server spent on it

    @classmethod
    def of(cls, rows: Sequence[Record], clock: float) -> WaitProfile:
        """The rows of the query wait_profile."""
        sessions: dict[int, Record] = {}
        counts: dict[int, dict[_Event, int]] = {}
        gone: dict[_Event, int] = {}
        for row in rows:
            event = _text(row["class"]), _text(row["event"]), _id(row["query_id"])
            if isinstance(pid := row["pid"], int):
                sessions[pid] = row
                counts.setdefault(pid, {})[event] = int(number(row["times"]))
            else:
                gone[event] = int(number(row["times"]))
        return cls(clock, sessions, counts, gone, max((number(row["took"]) for row in rows), default=0.0))


@dataclass(frozen=True, slots=True)
class CountedWaits:
    """What was counted between two readings."""

    looks: int  # 0: nothing was, or the counters began again
    times: Mapping[SampledSession, int]  # in how many of the looks each was there


def counted_between(before: WaitProfile, now: WaitProfile) -> CountedWaits:
    """What each session waited for, and how often it ran, between two readings.

    The number of looks is that of whatever waited all the time, as some of the server's own processes do. Where a
    session is between two statements, its state at the second reading and since when that lasts say how much of the
    time before belongs to a transaction.
    """
    seconds = now.clock - before.clock
    found = {pid: _risen(before.counts.get(pid, {}), events) for pid, events in now.counts.items()}
    known = [events for pid, events in found.items() if pid in before.counts]
    looks = max((sum(events.values()) for events in known), default=0)
    if seconds <= 0 or looks <= 0 or any(times < 0 for events in known for times in events.values()):
        return CountedWaits(0, {})
    times: Counter[SampledSession] = Counter()
    for pid, events in found.items():
        row = now.sessions[pid]
        there = _part(row["started_ago"], looks, seconds)
        # More than that was counted of an earlier session with the pid of one that has just begun.
        if not row["is_left_out"] and (pid in before.counts or sum(events.values()) <= there):
            times.update(dict(_session(pid, row, events, there, seconds)))
    times.update(dict(_gone(before, now)))
    return CountedWaits(looks, times)


def _risen(before: Mapping[_Event, int], now: Mapping[_Event, int]) -> dict[_Event, int]:
    return {event: many - before.get(event, 0) for event, many in now.items()}


def _gone(before: WaitProfile, now: WaitProfile) -> Iterator[tuple[SampledSession, int]]:
    """What sessions that ended between the readings waited for in statements, until their ends."""
    found = Counter(now.gone)
    found.subtract(before.gone)
    for pid, events in before.counts.items():
        if pid not in now.counts and not before.sessions[pid]["is_left_out"]:
            found.subtract(events)
    for event, many in found.items():
        name = "" if _is_between_statements(event) else wait_class("client backend", "active", event[0])
        if name and many > 0:
            yield SampledSession(name, event[1] or "", event[2]), many


def _session(
    pid: int, row: Record, events: Mapping[_Event, int], there: int, seconds: float
) -> Iterator[tuple[SampledSession, int]]:
    """What one session did in the `there` looks in which it was there."""
    backend, state, present = _text(row["backend"]), _text(row["state"]), _id(row["present_id"])
    state = state if state in {None, "disabled"} else "active"
    application, user = _text(row["application"]) or "", _text(row["user"]) or ""
    if row["state"] == "idle":
        present = None  # that of the statement before
    for (class_, event, query_id), many in events.items():
        if _is_between_statements((class_, event, query_id)):
            yield from _between_statements(pid, row, present, min(many, there), seconds)
        elif name := wait_class(backend, state, class_):
            yield SampledSession(name, event or "", query_id or present, application, user, pid), many
    ran = there - sum(events.values())
    if ran > 0 and backend in _RUNS and (name := wait_class(backend, state, None)):
        yield SampledSession(name, "", present, application, user, pid), ran


def _between_statements(
    pid: int, row: Record, present: int | None, many: int, seconds: float
) -> Iterator[tuple[SampledSession, int]]:
    """A session that waited for its client: in a transaction, in a statement such as COPY, or without either."""
    state = _text(row["state"]) or ""
    name, since = ("", None)
    if state.startswith("idle in transaction"):
        name, since = IDLE_IN_TRANSACTION, row["began_ago"]
    elif state == "active":
        name, since = wait_class(_text(row["backend"]), state, "Client"), row["sent_ago"]
    if name and since is not None and (part := min(many, _part(since, many, seconds))):
        application, user = _text(row["application"]) or "", _text(row["user"]) or ""
        yield SampledSession(name, "ClientRead", present, application, user, pid), part


def _is_between_statements(event: _Event) -> bool:
    return event == ("Client", "ClientRead", None)


def _part(ago: object, looks: int, seconds: float) -> int:
    """How many of the looks of the last `seconds` were taken since a moment; all, if it is not known."""
    return looks if ago is None else round(looks * min(1.0, number(ago) / seconds))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _id(value: object) -> int | None:
    return value if isinstance(value, int) else None
