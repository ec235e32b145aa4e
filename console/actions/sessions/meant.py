"""Which sessions are meant: by pid and start, and by what was seen of each, such as its statement. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from console.format import counted, safe
from console.model import Kind, Parameter, Trouble
from console.records import dataclass

LARGEST_PID = 2**31 - 1

PID = Parameter("pid", "process ID of the session, or its global pid; several separated by commas", required=True)
STARTED = Parameter("started", "start time of the session; a later session with the same pid is not touched")
STATEMENT = Parameter(
    "statement",
    "start of its statement (query_start); a later one is not cancelled, but for one of a transaction that is given",
    exact=True,
)
CANCELLED_IN = Parameter(
    "transaction", "start of its transaction (xact_start), of which any statement is cancelled", exact=True
)
TRANSACTION = Parameter(
    "transaction", "start of its transaction (xact_start); nothing is terminated once it has ended", exact=True
)
IDLE_SINCE = Parameter(
    "idle-since",
    "since when it has been idle (state_change), outside a transaction; nothing is terminated once it has run anything",
    exact=True,
)


@dataclass(frozen=True, slots=True)
class Meant:
    """A session, and what was seen of it; None: that is not given."""

    pid: int
    started: str | None = None
    statement: str | None = None
    transaction: str | None = None
    idle_since: str | None = None


def sessions_meant(given: Mapping[str, str], most: int = LARGEST_PID) -> list[Meant]:
    """Each session once. Raises Trouble(USAGE) for what is no pid or time, or not as many times as pids."""
    pids = _pids(given["pid"], most)
    if 0 in pids:  # it stands for prepared transactions, which have no start; the plan refuses them
        return [Meant(pid) for pid in dict.fromkeys(pids)]
    seen = (STARTED.name, STATEMENT.name, TRANSACTION.name, IDLE_SINCE.name)
    times = [_each(given.get(name, ""), name, len(pids)) for name in seen]
    return list(dict.fromkeys(map(Meant, pids, *times)))


def asked_of(sessions: Sequence[Meant]) -> dict[str, object]:
    """The parameters of a query by which it finds them."""
    return {
        "pids": [each.pid for each in sessions],
        "started": [each.started for each in sessions],
        "statements": [each.statement for each in sessions],
        "transactions": [each.transaction for each in sessions],
        "idles": [each.idle_since for each in sessions],
    }


def moments(text: str, name: str) -> list[str | None]:
    """Timestamps separated by commas; None: an empty one. Raises Trouble(USAGE) for what is none."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    try:
        found = [datetime.fromisoformat(part) if part else None for part in parts]
    except ValueError:
        raise Trouble(Kind.USAGE, f"{name} must be a timestamp with time zone, not {safe(text, 40)}.") from None
    if any(moment is not None and moment.tzinfo is None for moment in found):
        raise Trouble(Kind.USAGE, f"{name} must have a time zone: 2026-11-22 14:00:00.123456+00:00.")
    return [moment.isoformat() if moment else None for moment in found]


def _each(text: str, name: str, count: int) -> list[str | None]:
    found = moments(text, name)
    if not found:
        return [None] * count
    if len(found) != count:
        raise Trouble(Kind.USAGE, f"{counted(count, 'pid')} and {counted(len(found), 'time')} of {name} were given.")
    return found


def _pids(text: str, most: int) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) <= most for part in parts):
        raise Trouble(Kind.USAGE, f"pid must be one or more process IDs separated by commas, not {safe(text, 40)}.")
    return [int(part) for part in parts]
