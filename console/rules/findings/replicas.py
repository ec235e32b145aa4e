"""Replicas that are gone, no replicas any more, paused, behind, or set lower than their primary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from console.format import age, one_line, size
from console.model import (
    OFTEN,
    Ask,
    Diagnosis,
    Evidence,
    Finding,
    Fix,
    Frame,
    Kind,
    Level,
    Record,
    Urgency,
)
from console.rules.findings.wording import number
from console.rules.replication import REPLICA_STATE
from console.rules.server import REPLICATION_LAG_BYTES, REPLICATION_LAG_SECONDS

QUERY, SOURCE = "replica_states", "replicas"
RECONNECT = "check primary_conninfo there, pg_hba.conf here, and the server log of both"
REBUILD = "rebuild it from the primary (pg_rewind or pg_basebackup), or point the console at the new primary"
RENAME = "correct replicas: in the configuration, or --replica"


def gone(frame: Frame) -> Iterable[Finding]:
    """A finding for each replica that does not answer, cannot be read, or receives no WAL."""
    for row in rows(frame):
        name = _name(row)
        if row["state"] in {"gone", "unreadable"}:
            last = f", last seen {age(row['seen_age'])} ago" if row["seen_age"] is not None else ""
            verb = "does not answer" if row["state"] == "gone" else "cannot be read"
            yield _finding("replica-gone", row, f"{name} {verb}{last}: {one_line(row['reason'])}")
        elif row["state"] == "disconnected":
            behind = f", {size(row['lag_bytes'])} behind" if row["lag_bytes"] else ""
            yield _finding("replica-gone", row, f"{name} receives no WAL{behind}", RECONNECT)


def promoted(frame: Frame) -> Iterable[Finding]:
    """A finding for each server that is named as a replica and is none."""
    for row in rows(frame):
        if row["state"] in {"promoted", "other cluster", "primary"}:
            what = "was promoted" if row["state"] == "promoted" else "is no replica of this server"
            detail = _rebuild(row) if row["state"] == "promoted" else RENAME
            yield _finding("replica-promoted", row, f"{_name(row)} {what}: {one_line(row['reason'])}", detail)


def paused(frame: Frame) -> Iterable[Finding]:
    """A finding for each replica whose replay is paused, unless settings that are too low paused it."""
    for row in rows(frame):
        if row["state"] == "paused" and not row["is_lower"]:
            behind = f" and it is {size(row['lag_bytes'])}{_lag(row)} behind" if row["lag_bytes"] else ""
            effect = f"resume the replay of {_name(row)}: queries there that conflict with it may be cancelled"
            found = _finding("replica-paused", row, f"the replay of {_name(row)} is paused{behind}")
            yield replace(found, fixes=(Fix("resume-replay", {"replica": str(row["replica"])}, effect),))


def behind(frame: Frame) -> Iterable[Finding]:
    """A finding for each replica that receives WAL and is too far behind."""
    for row in rows(frame):
        if row["state"] in {"paused", "disconnected"}:
            continue  # why it is behind is another finding
        waits = number(row["delay"])
        level = max(
            frame.level(REPLICATION_LAG_BYTES, row["lag_bytes"] if not waits else 0),
            frame.level(REPLICATION_LAG_SECONDS, row["late_seconds"] if row["lag_bytes"] else 0),
        )
        if level:
            sentence = f"{_name(row)} is {size(row['lag_bytes'])}{_lag(row)} behind: {why(row)}"
            yield _finding("replica-lag", row, sentence, level=level)


def lower(frame: Frame) -> Iterable[Finding]:
    """A finding for each replica with a setting that must not be lower than the primary's and is."""
    for row in rows(frame):
        if row["is_lower"]:
            stopped = row["state"] == "paused"
            what = "its replay is stopped" if stopped else "its replay stops, and it does not start again"
            sentence = f"{_name(row)} has lower settings than its primary ({row['lower']}): {what}"
            detail = "raise them there with ALTER SYSTEM and restart it; raise replicas first, lower the primary first"
            level = Level.CRITICAL if stopped else Level.WARNING
            yield _finding("replica-settings", row, sentence, detail, level)


def rows(frame: Frame) -> Iterable[Record]:
    """What is known of each replica; none where no replica is named. Raises CannotTell."""
    missing = frame.troubles.get(QUERY)
    return () if missing is not None and missing.kind is Kind.MISSING else frame.rows(QUERY)


def why(row: Record) -> str:
    """Where the WAL that a replica has not replayed is held up."""
    if row["is_lower"]:
        return "it has lower settings than its primary"
    if 2 * number(row["unreplayed"]) > number(row["lag_bytes"]):
        return "it has received the WAL and replays it slowly, or queries there delay the replay"
    return "the WAL has not arrived there (network, or the primary writes faster than it receives)"


def _finding(rule: str, row: Record, sentence: str, detail: str = "", level: Level | None = None) -> Finding:
    lag = size(row["lag_bytes"]) if row["lag_bytes"] is not None else str(row["state"])
    label = "behind" if row["lag_bytes"] is not None else "state"
    return Finding(
        rule=rule,
        subject=_name(row),
        level=REPLICA_STATE.level(row["state"]) if level is None else level,
        sentence=sentence,
        detail=detail,
        evidence=(Evidence(label, lag, "replication", "replicas", {"replica": row["replica"]}),),
        harm=number(row["lag_bytes"]) / 2**40,
    )


def _rebuild(row: Record) -> str:
    """What to do about a promotion: whoever manages the failover did it, and makes the former primary a replica."""
    if row["manager"]:
        return f"{row['manager']} manages failover here: see its state, then point the console at the new primary"
    return REBUILD


def _name(row: Record) -> str:
    return f"replica {one_line(row['replica'])}"


def _lag(row: Record) -> str:
    return f" ({age(row['lag_seconds'])})" if row["lag_seconds"] is not None else ""


_ASKS = (Ask(QUERY, SOURCE, OFTEN),)
REPLICA_GONE = Diagnosis("replica-gone", "A replica does not answer or receives no WAL", Urgency.SOON, _ASKS, gone)
REPLICA_PROMOTED = Diagnosis(
    "replica-promoted",
    "A server named as a replica accepts writes, or copies another one",
    Urgency.NOW,
    _ASKS,
    promoted,
)
REPLICA_PAUSED = Diagnosis("replica-paused", "The replay of a replica is paused", Urgency.SOON, _ASKS, paused)
REPLICA_LAG = Diagnosis(
    "replica-lag",
    "A replica is behind",
    Urgency.SOON,
    _ASKS,
    behind,
    (REPLICATION_LAG_SECONDS, REPLICATION_LAG_BYTES),
)
REPLICA_SETTINGS = Diagnosis(
    "replica-settings", "A replica has settings that are lower than its primary's", Urgency.SOON, _ASKS, lower
)
