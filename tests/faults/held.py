"""Transactions and snapshots that are held: by sessions, prepared transactions, slots and standbys."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg

from console.demo.cluster import OWNER
from tests.faults.stage import Stage
from tests.waiting import wait


def _pass_transactions(stage: Stage, count: int = 200) -> None:
    """So many transaction ids are used by others."""
    stage.do(f"DO $$ BEGIN FOR i IN 1..{count} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")


@contextmanager
def old_snapshot_of_a_session(stage: Stage) -> Iterator[str]:
    """A report keeps its snapshot while others write."""
    stage.open("monthly-report").execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM item")
    _pass_transactions(stage)
    yield "monthly-report"


@contextmanager
def old_transaction_that_wrote(stage: Stage) -> Iterator[str]:
    """An application leaves its transaction open; the snapshot of another only inherits its age."""
    stage.open("checkout-web").execute("BEGIN; UPDATE item SET n = 1 WHERE id = 1")
    stage.open("heir").execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM item")
    _pass_transactions(stage)
    yield "checkout-web"


@contextmanager
def old_prepared_transaction(stage: Stage) -> Iterator[str]:
    """A transaction manager forgets what it prepared, while others write."""
    with transaction_left_prepared(stage) as gid:
        _pass_transactions(stage)
        yield gid


@contextmanager
def transaction_left_prepared(stage: Stage) -> Iterator[str]:
    """A transaction manager forgets what it prepared."""
    with stage.desk.session() as session:
        session.execute("BEGIN; UPDATE item SET n = 1 WHERE id = 1; PREPARE TRANSACTION 'order 17'")
        yield "order 17"
        if session.execute("SELECT gid FROM pg_prepared_xacts").fetchone():
            session.execute("ROLLBACK PREPARED 'order 17'")


@contextmanager
def slot_left_behind(stage: Stage) -> Iterator[str]:
    """A consumer of logical changes was turned off, its slot stayed."""
    stage.do("SELECT pg_create_logical_replication_slot('left_behind', 'pgoutput')")
    _pass_transactions(stage)
    yield "left_behind"
    stage.do("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'left_behind'")


@contextmanager
def feedback_of_a_standby(stage: Stage) -> Iterator[str]:
    """A standby without a slot reports the old snapshot of a query that runs there."""
    options = "&replication=database&application_name=standby-b&options=-c%20wal_sender_timeout%3D0"
    with closing(psycopg.connect(stage.desk.uri + options, autocommit=True)) as standby:
        xmin = int(stage.desk.ask("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint & 4294967295"))
        at = stage.desk.ask("SELECT pg_current_wal_flush_lsn()::text")
        standby.pgconn.send_query(f"START_REPLICATION PHYSICAL {at}".encode())
        wait(lambda: stage.desk.ask("SELECT count(*) FROM pg_stat_replication WHERE application_name = 'standby-b'"))
        standby.pgconn.get_result()
        feedback = b"h" + struct.pack("!qIIII", 0, xmin, 0, 0, 0)
        standby.pgconn.put_copy_data(feedback)
        standby.pgconn.flush()
        held = "SELECT backend_xmin IS NOT NULL FROM pg_stat_replication WHERE application_name = 'standby-b'"
        wait(lambda: stage.desk.ask(held))
        _pass_transactions(stage)
        yield "standby-b"


@contextmanager
def session_left_in_transaction(stage: Stage) -> Iterator[str]:
    """An application waits for its user in the middle of a transaction."""
    stage.do(f"GRANT ALL ON item TO {OWNER}")
    stage.open("checkout-web", user=OWNER).execute("BEGIN; UPDATE item SET n = 1 WHERE id = 1")
    yield "checkout-web"
