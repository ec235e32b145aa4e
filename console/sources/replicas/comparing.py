"""What each replica is and how far it is behind, from what it and its primary say at one moment. Pure.

The time it is behind is 0 where nothing is missing. Else it is what the primary measured last, but at least for how
long the console has seen the primary ahead (the primary's figure stands still while the replay does), and at most the
age of the last transaction replayed (after a quiet hour that alone would be an hour).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence

from console.format import age
from console.model import Kind, Record, Row, Trouble, number
from console.records import dataclass

KINDS = ("conflicts", "snapshots", "locks", "pins", "deadlocks", "tablespaces", "slots")  # of cancelled queries
COLUMNS = (
    *("replica", "state", "lag_bytes", "lag_seconds", "late_seconds", "replay", "receiver", "sender_pid"),
    *("application", "sync_state", "slot", "retained", "wal_status", "timeline", "primary_timeline"),
    *("lower", "is_lower", "unreplayed", *KINDS, "message_age", "feedback", "query_delay", "delay"),
    *("reason", "seen_age", "manager"),
)
# https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-ADMIN
NOT_LOWER = (
    "max_connections",
    "max_worker_processes",
    "max_wal_senders",
    "max_prepared_transactions",
    "max_locks_per_transaction",
)
KEPT = 720  # positions of the primary: an hour of readings every five seconds
RUNS = "not paused"


@dataclass(frozen=True, slots=True)
class Primary:
    """What the server that is looked at says of itself, of its receivers, and of its slots."""

    state: Record
    senders: Sequence[Record] = ()
    slots: Sequence[Record] = ()


@dataclass(frozen=True, slots=True)
class ReplicaReading:
    """A replica that answered."""

    state: Record
    clock: float  # monotonic seconds


class WalCourse:
    """Up to where the primary had written at which time."""

    def __init__(self) -> None:
        self._clocks: deque[float] = deque(maxlen=KEPT)
        self._positions: deque[int] = deque(maxlen=KEPT)

    def add(self, clock: float, position: int) -> None:
        """Note a position; one before the last belongs to another server, or another timeline."""
        if self._positions and position < self._positions[-1]:
            self._clocks.clear()
            self._positions.clear()
        self._clocks.append(clock)
        self._positions.append(position)

    def ahead_of(self, replayed: int, clock: float) -> float | None:
        """Seconds since the primary was first seen beyond `replayed`; None if it was not."""
        at = bisect_right(self._positions, replayed)
        return clock - self._clocks[at] if at < len(self._positions) else None


def answered(name: str, replica: ReplicaReading, primary: Primary | None, course: WalCourse) -> Row:
    """The row of a replica that answered; without its primary only what it says itself."""
    own = replica.state
    theirs = primary.state if primary else {}
    related = primary is not None and own["system_identifier"] == theirs["system_identifier"]
    follows = bool(own["standby"]) and (related or primary is None)
    sender = sender_of(own, primary.senders) if primary and follows else None
    slot = _slot(own, primary) if follows else {}
    lower = lower_settings(own, theirs) if follows and primary else ""
    behind = _behind(own, theirs) if follows else None
    seconds = _seconds(behind, own, sender, course.ahead_of(int(number(own["replayed"])), replica.clock))
    state = state_of(own, primary)
    found = {
        **{column: own.get(column) for column in COLUMNS},
        **(_of_sender(sender) if sender else {}),
        **slot,
        "replica": name,
        "state": state,
        "lag_bytes": behind,
        "lag_seconds": seconds,
        "late_seconds": None if seconds is None else max(0.0, seconds - number(own["delay"])),
        "primary_timeline": theirs.get("timeline"),
        "lower": lower,
        "is_lower": bool(lower),
        "reason": _reason(state, own, theirs, lower),
        "seen_age": 0.0,
        "manager": own.get("manager") or theirs.get("manager"),
    }
    return tuple(found.get(column) for column in COLUMNS)


def silent(name: str, why: Trouble, last: ReplicaReading | None, clock: float) -> Row:
    """The row of a replica that did not answer."""
    known = last.state if last else {}
    found = {
        "replica": name,
        "state": "gone" if why.kind is Kind.UNREACHABLE else "unreadable",
        "slot": known.get("slot"),
        "timeline": known.get("timeline"),
        "manager": known.get("manager"),
        "is_lower": False,
        "lower": "",
        "reason": str(why),
        "seen_age": clock - last.clock if last else None,
    }
    return tuple(found.get(column) for column in COLUMNS)


def state_of(own: Record, primary: Primary | None) -> str:
    """What a replica that answered is, in one word or two."""
    theirs = primary.state if primary else None
    if theirs is not None and own["system_identifier"] != theirs["system_identifier"]:
        return "other cluster"
    if not own["standby"]:
        same = theirs is not None and (theirs["standby"] or own["started"] == theirs["started"])
        return "primary" if same else "promoted"
    if own["replay"] not in {None, RUNS}:
        return "paused"
    if own["receiver_pid"] is None:
        return "archive" if own["streams"] is False else "disconnected"
    return str(own["receiver"] or "receiving")


def lower_settings(own: Record, theirs: Record) -> str:
    """The settings that must be at least those of the primary and are not: "max_connections 50 < 100"."""
    return ", ".join(
        f"{name} {own[name]} < {theirs[name]}" for name in NOT_LOWER if number(own[name]) < number(theirs[name])
    )


def sender_of(own: Record, senders: Sequence[Record]) -> Record | None:
    """The WAL sender of a replica, by its slot, else by application_name and address; None where that is not clear."""
    if own["receiver_pid"] is None:
        return None
    of_slot = [sender for sender in senders if own["slot"] and sender["slot"] == own["slot"]]
    named = [sender for sender in senders if sender["application"] == own["application"]]
    near = [sender for sender in named if sender["client"] == own["address"]]
    return next((found[0] for found in (of_slot, near, named) if len(found) == 1), None)


def _of_sender(sender: Record) -> dict[str, object]:
    return {"sender_pid": sender["pid"], "application": sender["application"], "sync_state": sender["sync_state"]}


def _slot(own: Record, primary: Primary | None) -> dict[str, object]:
    of_it = (slot for slot in (primary.slots if primary else ()) if slot["slot_name"] == own["slot"])
    found: Mapping[str, object] = next(of_it, {})
    return {"retained": found.get("retained"), "wal_status": found.get("wal_status")}


def _behind(own: Record, theirs: Record) -> int | None:
    if own["replayed"] is None:
        return None
    ahead = theirs.get("position", own["position"])
    return None if ahead is None else max(0, int(number(ahead)) - int(number(own["replayed"])))


def _seconds(behind: int | None, own: Record, sender: Record | None, ahead: float | None) -> float | None:
    if not behind:
        return None if behind is None else 0.0
    replayed_age = own["replayed_age"]
    measured = [value for value in (sender["lag_seconds"] if sender else None, ahead) if value is not None]
    least = max(map(number, measured)) if measured else None
    if replayed_age is None or least is None:
        return least if replayed_age is None else number(replayed_age)
    return min(least, number(replayed_age))


def _reason(state: str, own: Record, theirs: Record, lower: str) -> str:
    waits = number(own["delay"])
    reasons = {
        "other cluster": "its system identifier is another one: it is no copy of this server",
        "promoted": f"it accepts writes, on timeline {own['timeline']}{_against(theirs)}",
        "primary": "this is no replica: it is the server itself or its primary",
        "paused": f"waits for a restart with higher settings: {lower}" if lower else "pg_wal_replay_pause() was called",
        "disconnected": f"it receives no WAL and is on timeline {own['timeline']}{_against(theirs)}",
        "archive": "it restores WAL from an archive",
    }
    usual = f"it waits on purpose: recovery_min_apply_delay is {age(waits)}" if waits else ""
    return reasons.get(state, f"lower than on the primary: {lower}" if lower else usual)


def _against(theirs: Record) -> str:
    return f"; its primary is on {theirs['timeline']}" if theirs else ""
