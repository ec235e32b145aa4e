"""Other people's sessions on a test server, and the console that looks at them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from console.model import Snapshot, View
from console.reading.reader import Reader
from console.sources.postgres import PostgresServer
from tests.servers import PostgresServer as Running
from tests.waiting import PATIENCE, wait


@asynccontextmanager
async def console(server: Running, database: str, user: str = "postgres") -> AsyncIterator[PostgresServer]:
    """The console's reading session."""
    reading = PostgresServer(server.uri(database, user))
    try:
        yield reading
    finally:
        await reading.close()


@dataclass
class Sessions:
    """Sessions of somebody else, on one database; statements that wait run in threads."""

    server: Running
    database: str
    opened: list[psycopg.Connection[Any]] = field(default_factory=list)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(32))

    def open(self, **options: Any) -> psycopg.Connection[Any]:
        self.opened.append(self.server.connect(options.pop("database", self.database), **options))
        return self.opened[-1]

    def run(self, connection: psycopg.Connection[Any], statement: str, waits: bool = True) -> None:
        """Send a statement, and return once it waits for a lock or sleeps; it ends with the session.

        Without `waits` return at once.
        """

        def execute() -> None:
            with suppress(psycopg.Error):
                connection.execute(statement.encode())

        running = self.threads.submit(execute)
        if waits:
            waiting = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type IN ('Lock', 'Timeout', 'IPC')"
            with self.server.connect() as other:
                wait(lambda: running.done() or other.execute(waiting, (connection.info.backend_pid,)).rowcount)

    def close(self) -> None:
        """End them, and return once the server has: a session that still waits would be one too many for the next."""
        pids = [connection.info.backend_pid for connection in self.opened if not connection.closed]
        with self.server.connect() as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", (pids,))
            there = "SELECT FROM pg_stat_activity WHERE pid = ANY (%s)"
            wait(lambda: not other.execute(there, (pids,)).rowcount)
        self.threads.shutdown()
        for connection in self.opened:
            connection.close()


@pytest.fixture(name="sessions")
def other_sessions(pg: Running, database: str) -> Iterator[Sessions]:
    """Other sessions on an empty database, ended after the test."""
    others = Sessions(pg, database)
    with others.open() as first:
        first.execute("CREATE TABLE item (id int PRIMARY KEY, n int)")
        first.execute("INSERT INTO item SELECT g, 0 FROM generate_series(1, 10) g")
    yield others
    others.close()


@pytest.fixture(name="ascii_sessions")
def other_ascii_sessions(pg: Running, database: str) -> Iterator[Sessions]:
    """Sessions on a database that takes any bytes; its statements are forgotten after the test."""
    name = f"{database}_ascii"
    with pg.connect() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    others = Sessions(pg, name)
    yield others
    others.close()
    with pg.connect(database) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.execute("SELECT pg_stat_statements_reset(0, oid) FROM pg_database WHERE datname = %s", (name,))
    pg.drop_database(name)


async def until(reading: PostgresServer, view: View, there: Callable[[Snapshot], bool]) -> Snapshot:
    """The first snapshot of `view` that is as wanted."""
    reader = Reader(view)
    async with asyncio.timeout(PATIENCE):
        while not there(snapshot := await reader.read(reading)):
            pass
    return snapshot


def waiting(count: int) -> Callable[[Snapshot], bool]:
    """At least so many sessions wait, and since when is known."""
    return lambda snapshot: sum(age is not None for age in snapshot.values("wait_age")) >= count


def by_pid(snapshot: Snapshot) -> dict[object, dict[str, object]]:
    return {record["pid"]: record for record in snapshot.records()}


def pairs(details: Snapshot) -> dict[object, object]:
    """The details of a row as item → text."""
    return {row[0]: row[1] for row in details.rows}


async def vital_signs(reader: Reader, reading: PostgresServer) -> dict[str, Any]:
    return next(iter((await reader.read(reading)).records()))
