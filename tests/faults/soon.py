"""What will become an incident: ids and integers that run out, deadlocks, temporary files, statements that run away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import pq

from tests.faults.stage import Stage
from tests.waiting import wait


@contextmanager
def table_that_is_not_frozen(stage: Stage) -> Iterator[str]:
    """A table is older than its autovacuum_freeze_max_age by half, in subtransactions that each take an id."""
    stage.do(
        "CREATE TABLE ledger (id int) WITH (autovacuum_freeze_max_age = 100000)",
        "CREATE UNLOGGED TABLE burnt (id int)",
        "DO $$ BEGIN FOR i IN 1 .. 160000 LOOP BEGIN INSERT INTO burnt VALUES (i);"
        " EXCEPTION WHEN unique_violation THEN NULL; END; END LOOP; END $$",
    )
    yield "table public.ledger: freeze overdue"
    stage.do("DROP TABLE ledger, burnt")


@contextmanager
def serial_near_its_end(stage: Stage) -> Iterator[str]:
    """An integer key has used 94 % of its values."""
    stage.do("CREATE TABLE ticket (id serial)", "SELECT setval('ticket_id_seq', 2020000000)")
    yield "sequence public.ticket_id_seq for ticket.id (integer)"
    stage.do("DROP TABLE ticket")


@contextmanager
def two_that_lock_crosswise(stage: Stage) -> Iterator[str]:
    """Two sessions lock the same two rows, each in another order."""
    first, second = stage.open("orders"), stage.open("billing")
    first.execute("BEGIN; UPDATE item SET n = 1 WHERE id = 1")
    second.execute("BEGIN; UPDATE item SET n = 1 WHERE id = 2")
    stage.sessions.run(first, "UPDATE item SET n = 2 WHERE id = 2")
    with contextlib.suppress(psycopg.errors.DeadlockDetected):
        second.execute("UPDATE item SET n = 2 WHERE id = 1")
    for session in (first, second):
        session.execute("ROLLBACK")
    yield f"1 deadlock in database {stage.desk.database}"


@contextmanager
def sort_on_disk(stage: Stage) -> Iterator[str]:
    """A sort needs more than its work_mem."""
    stage.do("SET work_mem = '64kB'; SELECT g FROM generate_series(1, 300000) g ORDER BY -g OFFSET 299999")
    yield f"database {stage.desk.database} wrote"


@contextmanager
def statement_without_end(stage: Stage) -> Iterator[str]:
    """A report that nobody waits for any more."""
    stage.sessions.run(stage.open("monthly-report"), "SELECT pg_sleep(600)")
    yield "monthly-report"


@contextmanager
def standby_that_reads_nothing(stage: Stage) -> Iterator[str]:
    """A receiver of WAL reports a position once and then nothing more."""
    at = int(stage.desk.ask("SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint"))
    receiver = stage.open("standby1", replication="true")
    started = receiver.pgconn.exec_(f"START_REPLICATION PHYSICAL {at >> 32:X}/{at & 0xFFFFFFFF:X}".encode())
    assert started.status == pq.ExecStatus.COPY_BOTH
    receiver.pgconn.put_copy_data(b"r" + 3 * at.to_bytes(8, "big") + bytes(8) + b"\0")
    receiver.pgconn.flush()
    wait(lambda: stage.desk.ask("SELECT count(replay_lsn) FROM pg_stat_replication"))
    stage.do("CREATE TABLE load AS SELECT g FROM generate_series(1, 10000) g", "DROP TABLE load")
    yield "standby standby1"
    receiver.close()


@contextmanager
def checkpoints_by_size(stage: Stage) -> Iterator[str]:
    """WAL of more than max_wal_size, again and again."""
    for _ in range(3):
        _fill_max_wal_size(stage)
    yield "max_wal_size = 512 MB was reached"


def _fill_max_wal_size(stage: Stage) -> None:
    """Begin new segments of WAL until one more checkpoint was requested."""
    counted = (
        "SELECT num_requested FROM pg_stat_checkpointer"
        if stage.desk.cluster.major >= 17
        else "SELECT checkpoints_req FROM pg_stat_bgwriter"
    )
    before = stage.desk.ask(counted)

    def requested() -> bool:
        stage.do("SELECT pg_logical_emit_message(true, 'fault', 'x')", "SELECT pg_switch_wal()")
        return bool(stage.desk.ask(counted) > before)

    wait(requested)
