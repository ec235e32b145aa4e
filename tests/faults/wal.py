"""WAL that cannot be removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.stage import Stage
from tests.waiting import wait


@contextmanager
def slot_that_retains(stage: Stage) -> Iterator[str]:
    """A standby was turned off, its slot stayed, and others write."""
    stage.do(
        "SELECT pg_create_physical_replication_slot('standby1', true)",
        "SELECT pg_logical_emit_message(false, 'x', repeat('x', 3000000))",
    )
    yield "standby1"
    stage.do("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'standby1'")


@contextmanager
def archive_command_that_fails(stage: Stage) -> Iterator[str]:
    """The place that WAL is archived to is gone."""
    stage.do("ALTER SYSTEM SET archive_command = 'false'", "SELECT pg_reload_conf()")

    def fails() -> bool:
        stage.do("SELECT pg_logical_emit_message(false, 'x', 'x')", "SELECT pg_switch_wal()")
        return bool(
            stage.desk.ask("SELECT last_failed_time > coalesce(last_archived_time, '-infinity') FROM pg_stat_archiver")
        )

    wait(fails)
    yield str(stage.desk.ask("SELECT last_failed_wal FROM pg_stat_archiver"))
    stage.do("ALTER SYSTEM SET archive_command = 'true'", "SELECT pg_reload_conf()")
    stage.do("SELECT pg_logical_emit_message(false, 'x', 'x')", "SELECT pg_switch_wal()")
