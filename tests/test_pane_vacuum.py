"""Vacuum: what is due and why it does not run, what it could remove now, and who holds it back."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import dict_row

from console import sql
from console.model import Level, Record, number
from console.panes.vacuum import PINS, TABLES
from console.panes.vacuum_reasons import why
from console.reading.reader import Reader
from console.rules.storage import VACUUM_DUE_PERCENT
from tests.activity import Sessions, console, other_sessions  # noqa: F401  a fixture, found by name
from tests.faults.servers import execute, own_server  # noqa: F401  a fixture, found by name
from tests.servers import PostgresServer as Running
from tests.waiting import eventually

DUE: Record = {
    "running": None,
    "server_enabled": True,
    "enabled": True,
    "due_pct": 200.0,
    "analyze_pct": 0.0,
    "freeze_pct": 1.0,
    "locked_by": None,
    "pinned_by": None,
    "due_for": "dead tuples",
    "removable": 10,
    "workers_busy": False,
}


async def row_of(server: Running, database: str, table: str, toast: bool = False, dead: int = 1) -> Record:
    """The row of a table or its TOAST table, once that many dead tuples are counted."""
    found: list[Record] = []

    async def is_counted() -> bool:
        async with console(server, database, "pipeline_monitor") as reading:
            rows = (await Reader(TABLES).read(reading)).records()
        found[:] = [row for row in rows if (row["table"], row["toast"]) == (f"public.{table}", toast)]
        return bool(found) and int(str(found[0]["dead"])) >= dead

    await eventually(is_counted)
    return found[0]


async def test_a_table_without_autovacuum_is_due_and_says_so(pg: Running, database: str) -> None:
    execute(
        pg,
        database,
        "CREATE TABLE event (id int) WITH (autovacuum_enabled = off)",
        "INSERT INTO event SELECT generate_series(1, 5000)",
        "DELETE FROM event WHERE id > 10",
    )
    row = await row_of(pg, database, "event")
    assert (row["why"], row["due_for"]) == ("off for this table", "dead tuples")
    assert row["removable"] == row["dead"] == 4990
    assert VACUUM_DUE_PERCENT.level(row["due_pct"]) is Level.CRITICAL


async def test_what_an_old_snapshot_holds_back_is_named_and_nothing_is_removable(
    pg: Running, database: str, sessions: Sessions
) -> None:
    execute(
        pg,
        database,
        "CREATE TABLE event (id int) WITH (autovacuum_vacuum_threshold = 10, autovacuum_vacuum_scale_factor = 0)",
        "INSERT INTO event SELECT generate_series(1, 1000)",
    )
    report = sessions.open(application_name="report")
    report.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    report.execute("SELECT 1")
    execute(pg, database, "DELETE FROM event", "VACUUM event")
    row = await row_of(pg, database, "event")
    assert row["removable"] == 0
    assert row["why"] == f"held back: pid {report.info.backend_pid} report"
    async with console(pg, database, "pipeline_monitor") as reading:
        held = list((await Reader(PINS).read(reading)).records())
        due = await Reader(TABLES).read(reading)
    [pin] = [row for row in held if row["application"] == "report"]
    assert (pin["kind"], pin["pid"], pin["database"]) == ("session", report.info.backend_pid, database)
    assert any("report began stay" in note for note in due.notes)


async def test_a_lock_that_keeps_autovacuum_out_is_named(pg: Running, database: str, sessions: Sessions) -> None:
    execute(
        pg,
        database,
        "CREATE TABLE event (id int) WITH (autovacuum_enabled = off)",
        "INSERT INTO event SELECT generate_series(1, 1000)",
        "DELETE FROM event",
    )
    holder = sessions.open(application_name="migration")
    holder.execute("BEGIN; LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE")
    row = await row_of(pg, database, "event")
    assert row["locked_by"] == holder.info.backend_pid
    assert why({**row, "enabled": True}) == f"locked by pid {holder.info.backend_pid}"


async def test_a_toast_table_counts_by_itself_and_follows_its_table(pg: Running, database: str) -> None:
    execute(
        pg,
        database,
        "CREATE TABLE document (id int, body text) WITH (autovacuum_enabled = off)",
        "ALTER TABLE document ALTER COLUMN body SET STORAGE EXTERNAL",
        "INSERT INTO document SELECT g, repeat('x', 20000) FROM generate_series(1, 100) g",
        "DELETE FROM document",
    )
    row = await row_of(pg, database, "document", toast=True)
    assert int(str(row["dead"])) >= 1000
    assert row["why"] == "off for this table"
    assert row["analyze_pct"] is None
    own = "toast.autovacuum_vacuum_threshold = 1000000, toast.autovacuum_vacuum_insert_threshold = -1"
    execute(pg, database, f"ALTER TABLE document SET ({own})")
    row = await row_of(pg, database, "document", toast=True)
    assert row["why"] == "below threshold", "options of its own replace those of the table"


async def test_rows_that_were_only_inserted_are_due_too(pg: Running, database: str) -> None:
    execute(
        pg,
        database,
        "CREATE TABLE log (id int) WITH (autovacuum_enabled = off, autovacuum_vacuum_insert_threshold = 100)",
        "INSERT INTO log SELECT generate_series(1, 5000)",
    )
    row = await row_of(pg, database, "log", dead=0)
    assert row["due_for"] == "inserts"
    assert float(str(row["due_pct"])) > 100


async def test_a_prepared_transaction_and_a_slot_hold_vacuum_back(pg: Running, database: str) -> None:
    execute(
        pg,
        database,
        "CREATE TABLE item (id int)",
        "SELECT pg_create_logical_replication_slot('feed', 'pgoutput')",  # which waits for open transactions
        "BEGIN; INSERT INTO item VALUES (1); PREPARE TRANSACTION 'order 17'",
    )
    try:
        async with console(pg, database) as reading:
            found = {row["kind"]: row for row in (await Reader(PINS).read(reading)).records()}
    finally:
        execute(pg, database, "ROLLBACK PREPARED 'order 17'", "SELECT pg_drop_replication_slot('feed')")
    assert (found["prepared"]["who"], found["prepared"]["gid"]) == ("order 17", "order 17")
    assert (found["slot"]["who"], found["slot"]["slot_name"]) == ("feed", "feed")
    assert found["slot"]["catalog_xmin_age"] is not None


@pytest.mark.pg(">= 19")
async def test_the_clock_is_that_of_autovacuum_itself_whatever_the_weights(pg: Running, database: str) -> None:
    execute(
        pg,
        database,
        "CREATE TABLE event (id int) WITH (autovacuum_vacuum_threshold = 1000)",
        "INSERT INTO event SELECT generate_series(1, 5000)",
        "DELETE FROM event WHERE id > 10",
        "ALTER SYSTEM SET autovacuum_vacuum_score_weight = 2",
        "SELECT pg_reload_conf()",
    )
    scores = "SELECT do_vacuum, 50 * vacuum_score FROM pg_stat_autovacuum_scores WHERE relname = 'event'"
    try:
        row = await row_of(pg, database, "event", dead=4990)
        with pg.connect(database) as owner:
            due, share = owner.execute(scores).fetchall()[0]
        own = sql.load("vacuum_due", (18,)).text
        with psycopg.connect(pg.uri(database), row_factory=dict_row) as before:
            [formula] = [each for each in before.execute(own.encode(), {}) if each["table"] == "public.event"]
    finally:
        execute(pg, database, "ALTER SYSTEM RESET autovacuum_vacuum_score_weight", "SELECT pg_reload_conf()")
    assert due
    assert row["dead_pct"] == pytest.approx(share) == pytest.approx(formula["dead_pct"])
    assert row["due_pct"] == max(number(row["dead_pct"]), number(row["insert_pct"]))
    assert row["insert_pct"] == pytest.approx(formula["insert_pct"])
    assert row["analyze_pct"] == pytest.approx(formula["analyze_pct"])
    assert number(row["score"]) >= max(share / 50, number(row["analyze_pct"]) / 100) - 0.01


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"running": 12}, "running: pid 12"),
        ({"server_enabled": False}, "autovacuum is off"),
        ({"server_enabled": False, "freeze_pct": 101.0}, "waits for its turn"),
        ({"due_pct": 99.0}, "below threshold"),
        ({"due_pct": 99.0, "analyze_pct": 101.0}, "ANALYZE is due"),
        ({"workers_busy": True}, "all workers busy"),
        ({"pinned_by": "slot feed", "removable": None}, "waits for its turn"),
        ({"pinned_by": "prepared x", "removable": 0}, "held back: prepared x"),
        ({"pinned_by": "prepared x", "removable": 0, "due_for": "inserts"}, "waits for its turn"),
    ],
)
def test_the_decisive_reason_is_given(change: Record, reason: str) -> None:
    assert why({**DUE, **change}) == reason
