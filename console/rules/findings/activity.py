"""Deadlocks, temporary files, checkpoints and statements that run away."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from console.format import age, count, one_line, size, size_rate
from console.model import (
    OFTEN,
    Ask,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Fix,
    Frame,
    Level,
    Record,
    Urgency,
)
from console.panes.pooled import ask_with_clients
from console.rules.findings.blocking import subject
from console.rules.findings.logged import LOGGED_DEADLOCK, ask_log, logged
from console.rules.findings.wording import cancel, counted, database_place, number, session, statement
from console.rules.server import REQUESTED_CHECKPOINTS, TEMP_BYTES_PER_SECOND
from console.rules.sessions import LIVE_TEMP_BYTES, STATEMENT_SECONDS

WINDOW = 300.0  # seconds
CHECKPOINT_WINDOW = 900.0
SPARE = 1.2  # times the WAL of one checkpoint_timeout
SHORT = 5.0  # seconds; a younger statement has neither run for too long nor filled a disk
STEP = 256 << 20  # bytes to which max_wal_size is rounded up


def deadlocks(frame: Frame) -> Iterable[Finding]:
    """A finding for each database in which transactions were cancelled to resolve a deadlock."""
    for row, more, elapsed in risen(frame, "deadlocks"):
        yield Finding(
            rule="deadlock",
            subject=f"deadlocks {row['database']}",
            level=Level.WARNING,
            sentence=f"{counted(int(more), 'deadlock')} in database {one_line(row['database'])} "
            f"in the last {age(elapsed)}: the server cancelled a transaction for each",
            detail="the server's log has the statements; lock rows in the same order everywhere",
            evidence=(
                Evidence("deadlocks since the reset", count(row["deadlocks"]), *database_place(row)),
                *logged(frame, LOGGED_DEADLOCK, "processes"),
            ),
        )


def have_deadlocked(frame: Frame) -> bool:
    """Whether transactions deadlocked within the window, so that the log is worth reading."""
    try:
        return any(True for _ in risen(frame, "deadlocks"))
    except CannotTell:
        return False


def temporary_files(frame: Frame) -> Iterable[Finding]:
    """A finding for each database that writes many temporary files."""
    files = {row["oid"]: more for row, more, _ in risen(frame, "temp_files")}
    for row, more, elapsed in risen(frame, "temp_bytes"):
        level = frame.level(TEMP_BYTES_PER_SECOND, more / elapsed)
        if level:
            yield Finding(
                rule="temporary-files",
                subject=f"temporary files {row['database']}",
                level=level,
                sentence=f"database {one_line(row['database'])} wrote {size(more)} of temporary files "
                f"in the last {age(elapsed)}, {size_rate(more / elapsed)}",
                detail=f"{counted(int(files.get(row['oid'], 0)), 'file')}: sorts and hashes exceed work_mem",
                evidence=(
                    Evidence("temporary files since the reset", size(row["temp_bytes"]), *database_place(row)),
                    Evidence("temporary files by statement", "", "slow-queries", "totals"),
                ),
            )


def requested(frame: Frame) -> Iterable[Finding]:
    """A finding while WAL, not time, causes the checkpoints, with the max_wal_size that would do."""
    asked, elapsed = frame.change("checkpoint_counters", "requested", CHECKPOINT_WINDOW)
    timed, _ = frame.change("checkpoint_counters", "timed", CHECKPOINT_WINDOW)
    row = frame.row("checkpoint_counters")
    level = frame.level(REQUESTED_CHECKPOINTS, asked)
    if not level or asked <= timed or row["wal_bytes"] is None:
        return
    written, _ = frame.change("checkpoint_counters", "wal_bytes", CHECKPOINT_WINDOW)
    if written < asked * _distance(row) / 2:
        return  # somebody ran CHECKPOINT, or a base backup began
    wanted = needed(row, written / elapsed)
    if wanted <= number(row["max_wal_size"]):
        return
    yield Finding(
        rule="requested-checkpoints",
        subject="setting max_wal_size",
        level=level,
        sentence=f"{counted(int(asked), 'checkpoint')} in {age(elapsed)} because max_wal_size = "
        f"{size(row['max_wal_size'])} was reached: {size(wanted)} would do",
        detail=f"{size_rate(written / elapsed)} of WAL; each checkpoint makes full-page images of what changes next",
        evidence=(Evidence("max_wal_size", size(row["max_wal_size"]), "settings", "all", {"name": "max_wal_size"}),),
        fixes=() if frame.row("max_wal_size_source")["fixed"] else (_larger(f"{wanted >> 20}MB"),),
    )


def _are_requested(frame: Frame) -> bool:
    """Whether checkpoints were requested within the window."""
    return frame.change("checkpoint_counters", "requested", CHECKPOINT_WINDOW)[0] > 0


def _larger(wanted: str) -> Fix:
    given = {"preset": "pipeline", "only": "max_wal_size", "values": f"max_wal_size={wanted}"}
    return Fix("apply-tuning", given, f"set max_wal_size = {wanted}; needs as much disk space")


def needed(row: Record, wal_rate: float) -> int:
    """The max_wal_size, in bytes, with which the WAL of one checkpoint_timeout causes no checkpoint.

    A checkpoint is requested after max_wal_size / (1 + checkpoint_completion_target): CalculateCheckpointSegments in
    PostgreSQL's xlog.c.
    """
    between = wal_rate * number(row["timeout"]) * SPARE
    return math.ceil(between * (1 + number(row["completion_target"])) / STEP) * STEP


def _distance(row: Record) -> float:
    return number(row["max_wal_size"]) / (1 + number(row["completion_target"]))


def runaways(frame: Frame) -> Iterable[Finding]:
    """A finding for each statement that runs for too long or fills the disk with temporary files.

    Raises CannotTell if this role may not see the statements of other roles.
    """
    vitals = frame.row("vitals")
    if number(vitals["visible"]) < number(vitals["used"]):
        raise CannotTell("Statements of other roles are hidden from this role.", "GRANT pg_monitor")
    for row in frame.rows("runaway_statements"):
        level = max(frame.level(STATEMENT_SECONDS, row["age"]), frame.level(LIVE_TEMP_BYTES, row["temp_bytes"]))
        if level:
            temp = f" and holds {size(row['temp_bytes'])} of temporary files" if row["temp_bytes"] else ""
            workers = int(number(row["workers"]))
            helped = f" with {counted(workers, 'parallel worker')}" if workers else ""
            yield Finding(
                rule="runaway-statement",
                subject=subject(row),
                level=level,
                sentence=f"{session(row)}: its statement has run for {age(row['age'])}{helped}{temp}",
                detail=f"pid {row['pid']} in {one_line(row['database'])}: {statement(row)}",
                evidence=(Evidence("age", age(row["age"]), "connections", "active", {"pid": row["pid"]}),),
                fixes=(cancel(row, "its work so far is lost"),),
                harm=number(row["temp_bytes"]) / 2**40,
            )


def _runs_for_long(frame: Frame) -> bool:
    """Whether a session runs a statement and a transaction is older than a statement of no concern."""
    vitals = frame.row("vitals")
    return number(vitals.get("active")) > 0 and number(vitals.get("oldest_transaction")) >= SHORT


def risen(frame: Frame, column: str) -> Iterator[tuple[Record, float, float]]:
    """Databases whose counter rose within the window: the row, by how much, in how many seconds.

    Raises CannotTell if there is no earlier reading.
    """
    before, elapsed = frame.earlier("database_counters", WINDOW)
    if column not in before.columns:  # read by an earlier version of the console
        raise CannotTell("Needs a second reading to compare with.")
    former = {row["oid"]: row[column] for row in before.records()}
    rows = frame.rows("database_counters")
    if any(number(row[column]) < number(former.get(row["oid"])) for row in rows):
        raise CannotTell("The server's counters were reset since the reading before.")
    for row in rows:
        if row["oid"] in former and number(row[column]) > number(former[row["oid"]]):
            yield row, number(row[column]) - number(former[row["oid"]]), elapsed


_COUNTERS = (Ask("database_counters", every=2 * OFTEN, window=WINDOW),)
DEADLOCK = Diagnosis(
    "deadlock",
    "Transactions deadlocked",
    Urgency.SOON,
    (*_COUNTERS, ask_log(2 * OFTEN, have_deadlocked)),
    deadlocks,
)
TEMPORARY_FILES = Diagnosis(
    "temporary-files",
    "A database writes many temporary files",
    Urgency.SOON,
    _COUNTERS,
    temporary_files,
    (TEMP_BYTES_PER_SECOND,),
)
REQUESTED = Diagnosis(
    "requested-checkpoints",
    "The WAL between two checkpoints exceeds max_wal_size",
    Urgency.SOON,
    (
        Ask("checkpoint_counters", every=2 * OFTEN, window=CHECKPOINT_WINDOW),
        Ask("max_wal_size_source", every=2 * OFTEN, only_if=_are_requested),
    ),
    requested,
    (REQUESTED_CHECKPOINTS,),
    misses="It is judged over 15 minutes.",
)
RUNAWAY_STATEMENT = Diagnosis(
    "runaway-statement",
    "A statement runs for too long or fills the disk",
    Urgency.SOON,
    (Ask("vitals"), ask_with_clients("runaway_statements", 2 * OFTEN, _runs_for_long)),
    runaways,
    (STATEMENT_SECONDS, LIVE_TEMP_BYTES),
)
