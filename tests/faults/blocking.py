"""Sessions that block others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.stage import Stage


@contextmanager
def row_locked_by_an_idle_session(stage: Stage) -> Iterator[str]:
    """An application leaves its transaction open after an UPDATE; others want the row."""
    root = stage.open("checkout-web")
    root.execute("BEGIN; UPDATE item SET n = 1 WHERE id = 1")
    for _ in range(3):
        stage.sessions.run(stage.open("worker"), "UPDATE item SET n = 2 WHERE id = 1")
    yield "checkout-web"


@contextmanager
def queue_behind_an_alter(stage: Stage) -> Iterator[str]:
    """A report keeps its transaction open, an ALTER TABLE waits for it, and readers queue behind the ALTER."""
    stage.open("monthly-report").execute("BEGIN; SELECT count(*) FROM item")
    stage.sessions.run(stage.open("migration"), "ALTER TABLE item ADD note text")
    for _ in range(3):
        stage.sessions.run(stage.open("reader"), "SELECT * FROM item")
    yield "monthly-report"


@contextmanager
def advisory_lock_of_an_idle_session(stage: Stage) -> Iterator[str]:
    """A job took a session's advisory lock, did its work and went idle without releasing it."""
    stage.open("nightly-job").execute("SELECT pg_advisory_lock(17)")
    stage.sessions.run(stage.open("other-job"), "SELECT pg_advisory_lock(17)")
    yield "nightly-job"
