"""Servers on which every fault can be injected: with prepared transactions, logical slots and an archive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.servers import PostgresServer, Servers

SETTINGS = {
    "max_prepared_transactions": "4",
    "wal_level": "logical",
    "archive_mode": "on",
    "logging_collector": "on",
    "log_destination": "csvlog",
}


@contextmanager
def faulty(servers: Servers, major: int) -> Iterator[PostgresServer]:
    """A server of its own; the test is skipped where its settings cannot be chosen."""
    if servers.choices[major].installation is None:
        pytest.skip("needs a server with settings of its own")
    server = servers.new(major, SETTINGS)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module", name="pg")
def own_server(pg: PostgresServer, pg_servers: Servers) -> Iterator[PostgresServer]:
    """Instead of the server that tests share one of the same version on which every fault can be injected."""
    with faulty(pg_servers, pg.major) as server:
        yield server


def execute(server: PostgresServer, database: str, *statements: str) -> None:
    """Execute statements as the owner of the server, each by itself."""
    with server.connect(database) as owner:
        for statement in statements:
            owner.execute(statement.encode())
