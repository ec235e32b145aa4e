"""Connections that are used up."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.faults.stage import Stage


@contextmanager
def pool_that_leaks(stage: Stage) -> Iterator[str]:
    """An application keeps many sessions open that do nothing."""
    for _ in range(12):
        stage.open("leaky-pool")
    yield "leaky-pool"


@contextmanager
def application_without_a_pool(stage: Stage) -> Iterator[str]:
    """A script connects again for every statement."""
    for _ in range(320):
        with stage.desk.session() as session:
            session.execute("SELECT 1")
    stage.do("SELECT 1")
    yield f"database {stage.desk.database}: "


@contextmanager
def repeated_wrong_passwords(stage: Stage) -> Iterator[str]:
    """Somebody tries to log in under a name that does not exist."""
    for _ in range(8):
        with contextlib.suppress(psycopg.OperationalError):
            stage.open("psql", user="guest", password="guess")
    yield "8 logins failed in the last minute, all as guest"
