"""WAL that the server cannot remove: a slot retains it, or the archiver fails."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from console.format import age, moment, one_line, size
from console.model import (
    OFTEN,
    SELDOM,
    Ask,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Frame,
    Level,
    Record,
    Urgency,
)
from console.rules.findings.host import EVERY, HOST
from console.rules.findings.logged import LOGGED_ARCHIVING, ask_log, last_logged, logged
from console.rules.findings.wording import counted, drop_slot, number, since
from console.rules.server import ARCHIVE_FAILING_SECONDS, RETAINED_WAL_BYTES

WINDOW = 300.0  # seconds over which the growth of the retained WAL is measured
PG_WAL = "pg_wal"  # as a reading of the host calls it
YEAR = 365 * 24.0  # hours
RETRIED = 300.0  # seconds after which a failed attempt is no recent one: the archiver retries every minute


def retained(frame: Frame) -> Iterable[Finding]:
    """A finding for each slot that retains too much WAL or has lost it, and one for an archiver that fails."""
    growth = _growth(frame)
    for record in frame.rows("slot_retention"):
        level = _level(frame, record)
        if level:
            yield _slot(record, level, growth.get(str(record["slot_name"])), frame)
    archiver = frame.row("archiver")
    if archiver["archive_mode"] != "off" and archiver["failing"] and number(archiver["failed_age"]) < RETRIED:
        level = frame.level(ARCHIVE_FAILING_SECONDS, archiver["behind"])
        if level:
            yield _failing(frame, archiver, level)


def _level(frame: Frame, record: Record) -> Level:
    if record["wal_status"] == "lost":
        return Level.WARNING
    if record["wal_status"] == "unreserved":
        return Level.CRITICAL
    return frame.level(RETAINED_WAL_BYTES, record["retained"])


def _growth(frame: Frame) -> dict[str, float]:
    """Bytes per hour by which the WAL that each slot retains has grown; empty before the second reading."""
    try:
        before, seconds = frame.earlier("slot_retention", WINDOW)
    except CannotTell:
        return {}
    old = {str(record["slot_name"]): number(record["retained"]) for record in before.records()}
    rows = frame.rows("slot_retention")
    names = [str(record["slot_name"]) for record in rows if record["slot_name"] in old]
    new = {str(record["slot_name"]): number(record["retained"]) for record in rows}
    return {name: (new[name] - old[name]) / seconds * 3600 for name in names if new[name] > old[name]}


def _slot(record: Record, level: Level, growth: float | None, frame: Frame) -> Finding:
    name = one_line(record["slot_name"])
    idle = f", inactive {since(record['inactive_age'])}," if record["inactive_age"] is not None else ", inactive,"
    state = ", whose consumer lags behind," if record["active"] else idle
    grows = f", +{size(growth)} per hour{_full(frame, growth)}" if growth else ""
    lost = record["wal_status"] == "lost"
    what = "has lost WAL that it needs" if lost else f"retains {size(record['retained'])} of WAL{grows}"
    effect = "nothing is lost by it" if lost else "its WAL is removed at the next checkpoint"
    fix = drop_slot(record["slot_name"], record.get("restart_lsn"), f"{effect}; its consumer starts over")
    return Finding(
        rule="wal-retained",
        subject=f"slot {record['slot_name']}",
        level=level,
        sentence=f"slot {name}{state} {what}",
        detail=_about(record),
        evidence=(
            Evidence(
                "retained WAL",
                "lost" if lost else size(record["retained"]),
                "replication",
                "slots",
                {"slot_name": record["slot_name"]},
            ),
        ),
        fixes=() if record["active"] else (fix,),
        harm=number(record["retained"]) / 2**50,
        symptom=what,
    )


def _full(frame: Frame, growth: float) -> str:
    """When the disk of the WAL is full if it keeps growing by so many bytes an hour; empty: not known, or in years."""
    try:
        free = [row["free"] for row in frame.rows("host_disks") if row["what"] == PG_WAL and row["free"] is not None]
    except CannotTell:
        return ""
    hours = number(free[0]) / growth if free else YEAR
    return f", its disk is full on {moment(frame.at + timedelta(hours=hours))[:16]} UTC" if hours < YEAR else ""


def _left(safe: object) -> str:
    """How much more it may retain, by max_slot_wal_keep_size; checkpoints alone look at that."""
    if safe is None:
        return ""
    return f"{size(safe)} more until it is invalidated" if number(safe) > 0 else "invalidated at the next checkpoint"


def _about(record: Record) -> str:
    return "; ".join(
        filter(
            None,
            (
                f"{record['slot_type']} slot",
                f"of database {one_line(record['database'])}" if record["database"] else "",
                _left(record["safe_wal_size"]),
                f"invalidated: {one_line(record['invalidation_reason'])}" if record["invalidation_reason"] else "",
            ),
        )
    )


def _ready(frame: Frame) -> str:
    """How much waits to be archived, where this role may know."""
    try:
        row = frame.row("archive_ready")
    except CannotTell:
        return ""
    return f"waiting to be archived: {counted(int(number(row['files'])), 'WAL file')} ({size(row['bytes'])}); "


def _failing(frame: Frame, record: Record, level: Level) -> Finding:
    tried = f"the last attempt failed {age(record['failed_age'])} ago ({one_line(record['last_failed_wal'])})"
    said = "" if last_logged(frame, LOGGED_ARCHIVING) else "; the server log has the archive command's error"
    return Finding(
        rule="wal-retained",
        subject="archiver",
        level=level,
        sentence=f"archiving fails: nothing archived {since(record['behind'])}, {tried}",
        detail=f"{_ready(frame)}WAL stays in pg_wal until archiving works{said}",
        evidence=(
            *logged(frame, LOGGED_ARCHIVING, "error"),
            Evidence("failed attempts", str(record["failed_count"]), "server", "wal", {"metric": "archiver"}),
        ),
        symptom="archiving fails",
    )


def archiving_fails(frame: Frame) -> bool:
    """Whether the last attempt of the archiver failed."""
    return bool(frame.row("archiver")["failing"])


WAL_RETAINED = Diagnosis(
    name="wal-retained",
    title="WAL cannot be removed",
    urgency=Urgency.NOW,
    asks=(
        Ask("slot_retention", every=2 * OFTEN, window=WINDOW),
        Ask("archiver", every=2 * OFTEN),
        Ask("host_disks", HOST, EVERY, optional=True),
        Ask("archive_ready", every=SELDOM, only_if=archiving_fails),
        ask_log(SELDOM, archiving_fails),
    ),
    judge=retained,
    rules=(RETAINED_WAL_BYTES, ARCHIVE_FAILING_SECONDS),
)
