"""Settings of the server that were changed and are not, or cannot be, in effect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.stage import Stage
from tests.waiting import wait


@contextmanager
def value_that_waits(stage: Stage) -> Iterator[str]:
    """ALTER SYSTEM changes a setting that only a restart applies."""
    with _altered(stage, "max_wal_senders", "11"):
        yield "max_wal_senders"


@contextmanager
def value_that_prevents_the_start(stage: Stage) -> Iterator[str]:
    """More connections are reserved for superusers than there are."""
    with _altered(stage, "superuser_reserved_connections", "9999"):
        yield "superuser_reserved_connections = 9999"


@contextmanager
def line_with_an_error(stage: Stage) -> Iterator[str]:
    """Somebody edits a configuration file and writes a value that the setting does not take."""
    path = stage.desk.ask("SELECT current_setting('data_directory') || '/postgresql.auto.conf'")
    try:
        stage.do(_write(path, "work_mem = ''much''"))
        yield "work_mem"
    finally:
        stage.do("ALTER SYSTEM RESET work_mem", "SELECT pg_reload_conf()")


def _write(path: str, line: str) -> str:
    """Appends a line to a file of the server, with the server's own rights."""
    return f"COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; echo \"{line}\" >> {path}'"


@contextmanager
def _altered(stage: Stage, name: str, value: str) -> Iterator[None]:
    before = stage.desk.ask(f"SELECT current_setting('{name}')")
    try:
        _set(stage, name, value, waits=True)
        yield
    finally:
        _set(stage, name, before, waits=False)  # without a line the setting would wait for a restart again


def _set(stage: Stage, name: str, value: str, waits: bool) -> None:
    stage.do(f"ALTER SYSTEM SET {name} = {value}", "SELECT pg_reload_conf()")
    wait(lambda: stage.desk.ask(f"SELECT pending_restart FROM pg_settings WHERE name = '{name}'") is waits)
