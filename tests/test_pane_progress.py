"""Progress: every command that reports how far it is, on every version, and for whom it waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from console.model import Level, Record
from console.panes.progress import COMMANDS
from console.reading.reader import Reader
from console.rules.sessions import LOCK_WAIT_SECONDS
from tests.activity import Sessions, console, other_sessions  # noqa: F401  a fixture, found by name
from tests.servers import PostgresServer as Running
from tests.waiting import eventually, wait

SLOW = """
CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM pg_sleep(current_setting('test.delay')::float8); RETURN $1; END $$;
CREATE TABLE big AS SELECT g AS id, repeat('x', 500) AS filler FROM generate_series(1, 5000) g;
"""
THROTTLED = "SET vacuum_cost_delay = 100", "SET vacuum_cost_limit = 1"


async def found(server: Running, database: str, user: str = "postgres") -> list[Record]:
    async with console(server, database, user) as reading:
        return list((await Reader(COMMANDS).read(reading)).records())


async def only(server: Running, database: str, holds: Callable[[Any], object]) -> Record:
    """The only command in progress, once that holds of it."""
    seen: list[Record] = []

    async def is_there() -> bool:
        seen[:] = [row for row in await found(server, database) if row["database"] == database]
        return len(seen) == 1 and bool(holds(seen[0]))

    await eventually(is_there)
    return seen[0]


@pytest.fixture
def big(pg: Running, database: str) -> str:
    with pg.connect(database) as owner:
        owner.execute(SLOW.encode())
    return database


def start(sessions: Sessions, *statements: str) -> psycopg.Connection[object]:
    """A session of the application nightly that has run all statements but the last, which goes on."""
    session = sessions.open(application_name="nightly")
    for statement in statements[:-1]:
        session.execute(statement.encode())
    sessions.run(session, statements[-1], waits=False)
    return session


async def test_a_vacuum_shows_what_it_scanned_and_the_time_left(pg: Running, big: str, sessions: Sessions) -> None:
    with pg.connect(big) as owner:
        owner.execute("DELETE FROM big WHERE id % 2 = 0")
    start(sessions, *THROTTLED, "VACUUM big")
    row = await only(pg, big, lambda row: row["phase"] == "scanning heap" and row["done"])
    assert (row["command"], row["table"], row["kind"]) == ("VACUUM", "public.big", "manual")
    assert 0 < float(str(row["done_pct"])) < 100
    assert " of " in str(row["processed"])
    async with console(pg, big, "pipeline_monitor") as reading:
        reader = Reader(COMMANDS)

        async def is_estimated() -> bool:
            rows = list((await reader.read(reading)).records())
            return bool(rows and rows[0]["left"])

        await eventually(is_estimated)


async def test_an_analyze_shows_the_sample_that_it_has_read(pg: Running, big: str, sessions: Sessions) -> None:
    start(sessions, *THROTTLED, "ANALYZE big")
    row = await only(pg, big, lambda row: row["phase"] == "acquiring sample rows" and row["done_pct"] is not None)
    assert (row["command"], row["table"]) == ("ANALYZE", "public.big")


async def test_an_index_that_is_built_shows_its_blocks(pg: Running, big: str, sessions: Sessions) -> None:
    start(
        sessions, "SET max_parallel_maintenance_workers = 0", "SET test.delay = 0.01", "CREATE INDEX ON big (slow(id))"
    )
    # While the first block is read, the server counts all of them as done.
    row = await only(pg, big, lambda row: row["done"] and 0 < row["done_pct"] < 100)
    assert row["command"] == "CREATE INDEX"
    assert str(row["phase"]) == "building index: scanning table"


async def test_an_index_that_waits_names_for_whom(pg: Running, big: str, sessions: Sessions) -> None:
    writer = sessions.open(application_name="checkout")
    writer.execute("BEGIN; DELETE FROM big WHERE id = 1")
    start(sessions, "CREATE INDEX CONCURRENTLY ON big (id)")
    row = await only(pg, big, lambda row: row["waits_for"])
    assert row["waits_for"] == f"{writer.info.backend_pid} checkout"
    assert (row["command"], row["phase"]) == ("CREATE INDEX CONCURRENTLY", "waiting for writers before build")
    assert float(str(row["wait_age"])) >= 0
    assert row["unit"] == "sessions"
    assert row["query"] == "CREATE INDEX CONCURRENTLY ON big (id)"
    assert LOCK_WAIT_SECONDS.level(31.0) is Level.CRITICAL


async def test_a_table_that_is_rewritten_shows_its_command(pg: Running, big: str, sessions: Sessions) -> None:
    with pg.connect(big) as owner:
        owner.execute("SET test.delay = 0")
        owner.execute("CREATE INDEX ON big (slow(id))")
    start(sessions, "SET test.delay = 0.01", "VACUUM FULL big")
    commands: set[object] = set()

    async def is_rebuilding() -> bool:
        commands.update((row["command"], row["phase"]) for row in await found(pg, big) if row["database"] == big)
        return ("VACUUM FULL", "rebuilding index") in commands

    await eventually(is_rebuilding)


async def test_a_copy_without_a_known_end_shows_its_rows_and_no_percentage(
    pg: Running, big: str, sessions: Sessions
) -> None:
    session = sessions.open(application_name="import")
    session.execute("CREATE TABLE loaded (id int)")
    session.pgconn.send_query(b"COPY loaded FROM STDIN")
    wait(session.pgconn.get_result)
    for number in range(20_000):
        session.pgconn.put_copy_data(b"%d\n" % number)
    session.pgconn.flush()
    row = await only(pg, big, lambda row: row["done"])
    assert (row["command"], row["phase"], row["table"]) == ("COPY FROM", "pipe", "public.loaded")
    assert (row["total"], row["done_pct"], row["left"]) == (None, None, None)
    assert "rows: " in str(row["more"])
    session.pgconn.put_copy_end()


async def test_a_base_backup_is_a_command_in_progress(pg: Running, database: str, sessions: Sessions) -> None:
    session = sessions.open(application_name="backup", replication="true")
    modern = pg.major >= 15
    session.pgconn.send_query(
        b"BASE_BACKUP (MAX_RATE 32, CHECKPOINT 'fast')" if modern else b"BASE_BACKUP MAX_RATE 32 FAST"
    )

    async def is_streaming() -> bool:
        rows = [row for row in await found(pg, database) if row["command"] == "base backup"]
        return bool(rows) and rows[0]["phase"] == "streaming database files" and bool(rows[0]["done"])

    await eventually(is_streaming)


async def test_commands_of_others_are_counted_where_they_are_hidden(pg: Running, big: str, sessions: Sessions) -> None:
    start(sessions, *THROTTLED, "VACUUM big")
    await only(pg, big, lambda row: row["phase"])
    async with console(pg, big, "pipeline_app") as reading:
        taken = await Reader(COMMANDS).read(reading)
    assert any("commands are hidden" in note and "pg_monitor" in note for note in taken.notes)


async def test_a_table_of_another_database_is_a_number(pg: Running, big: str, sessions: Sessions) -> None:
    start(sessions, *THROTTLED, "VACUUM big")
    await only(pg, big, lambda row: row["phase"])
    [row] = [row for row in await found(pg, "postgres") if row["database"] == big]
    assert str(row["table"]).startswith("relation ")
