"""Connections that are used up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
