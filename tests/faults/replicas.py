"""Faults of a streaming replica."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.stage import Stage
from tests.standbys import Standby
from tests.waiting import wait

NAME = "analytics"


def of(stage: Stage) -> Standby:
    """The standby of the stage, which has replayed everything."""
    assert stage.standby is not None
    stage.standby.catch_up()
    return stage.standby


def write(stage: Stage) -> None:
    """Write WAL that a standby has to replay."""
    stage.do("SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000000))", "SELECT pg_switch_wal()")


@contextmanager
def server_that_died(stage: Stage) -> Iterator[str]:
    standby = of(stage)
    standby.stop()
    yield f"replica {NAME} does not answer"
    standby.start()


@contextmanager
def replica_that_lost_its_primary(stage: Stage) -> Iterator[str]:
    """Its primary_conninfo leads nowhere."""
    standby = of(stage)
    with standby.server.connect() as there:
        row = there.execute("SELECT current_setting('primary_conninfo')").fetchone()
        there.execute("ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1'")
        there.execute("SELECT pg_reload_conf()")
    yield f"replica {NAME} receives no WAL"
    assert row is not None
    with standby.server.connect() as there:
        there.execute(f"ALTER SYSTEM SET primary_conninfo = $${row[0]}$$".encode())
        there.execute("SELECT pg_reload_conf()")
    wait(standby.receives)


@contextmanager
def replica_that_was_promoted(stage: Stage) -> Iterator[str]:
    standby = of(stage)
    with standby.server.connect() as there:
        there.execute("SELECT pg_promote()")
    yield f"replica {NAME} was promoted: it accepts writes, on timeline 2"
    standby.rebuild()


@contextmanager
def replay_that_is_paused(stage: Stage) -> Iterator[str]:
    standby = of(stage)
    with standby.server.connect() as there:
        there.execute("SELECT pg_wal_replay_pause()")
        wait(lambda: there.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() == ("paused",))
        write(stage)
        yield f"the replay of replica {NAME} is paused"
        there.execute("SELECT pg_wal_replay_resume()")


@contextmanager
def replay_that_waits_for_a_query(stage: Stage) -> Iterator[str]:
    """A report on the replica holds up the replay of DDL, as max_standby_streaming_delay allows."""
    standby = of(stage)
    with standby.server.connect(stage.desk.database) as report:
        report.execute("BEGIN; SELECT count(*) FROM item")
        stage.do("TRUNCATE item")
        write(stage)
        yield f"replica {NAME} is "
        report.execute("ROLLBACK")


@contextmanager
def primary_with_a_higher_setting(stage: Stage) -> Iterator[str]:
    """The primary was restarted with more locks than the replica can hold."""
    standby = of(stage)
    engine = standby.primary.engine
    before = int(stage.desk.ask("SHOW max_locks_per_transaction"))
    higher = {"max_locks_per_transaction": str(before + 8)}
    engine.settings = {**engine.settings, **higher}  # type: ignore[attr-defined]
    standby.primary.restart()
    yield f"replica {NAME} has lower settings than its primary (max_locks_per_transaction {before} < {before + 8})"
    standby.stop()
    standby.start(**higher)
