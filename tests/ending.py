"""What the tests share that cancel and terminate sessions: the desk, and sessions of other clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.activity import Sessions
from tests.servers import PostgresServer


@pytest.fixture(name="desk")
def desk_of_a_superuser(pg: PostgresServer, database: str, tmp_path: Path) -> Desk:
    """A desk on an empty database."""
    return Desk(pg, database, Trail(tmp_path / "audit.jsonl"))


@pytest.fixture(name="others")
def sessions_of_others(pg: PostgresServer, database: str) -> Iterator[Sessions]:
    """Sessions on that database, which has a table `item`; ended after the test."""
    some = Sessions(pg, database)
    with some.open() as first:
        first.execute("CREATE TABLE item (id int PRIMARY KEY, n int)")
    yield some
    some.close()


def pid(session: psycopg.Connection[Any]) -> int:
    """The server's process of a session."""
    return session.info.backend_pid
