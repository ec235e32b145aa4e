"""Settings that decide what can be seen, and the statements that change them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from console.doctor.check import Check, Status
from console.format import one_line

Good = Callable[[str], bool]
# What the new value is can only superusers tell, so nothing may be written over it.
WAITS = "Restart the server: a new value waits for that already."


@dataclass(frozen=True, slots=True)
class Wish:
    """What a setting should be, and what is lost while it is not."""

    name: str
    good: Good
    value: str  # as SQL writes it
    what: str  # while it is good
    lost: str  # while it is not
    restart: bool = False
    state: Status = Status.LIMITED
    remedy: str = ""  # where ALTER SYSTEM does not serve


def _on(value: str) -> bool:
    return value == "on"


def _measured(value: str) -> bool:
    return value != "-1"


def _long(value: str) -> bool:
    return value.isdigit() and int(value) >= 4096


WISHES: tuple[Wish, ...] = (
    Wish(
        "track_activities",
        _on,
        "on",
        "The state and statement of sessions are shown.",
        "No session shows its state or statement.",
        state=Status.CANNOT,
    ),
    Wish(
        "track_counts",
        _on,
        "on",
        "Rows, scans and dead rows are counted.",
        "Counters of tables stand still, and autovacuum does not run.",
        state=Status.CANNOT,
    ),
    Wish(
        "track_io_timing",
        _on,
        "on",
        "Times of reads and writes are measured.",
        "Times of reads and writes are unknown.",
    ),
    Wish(
        "track_activity_query_size",
        _long,
        "'16kB'",
        "Statements are shown to a useful length.",
        "Longer statements are shown cut.",
        restart=True,
    ),
    Wish(
        "compute_query_id",
        lambda value: value != "off",
        "'auto'",
        "Sessions and slow queries can be joined by query id.",
        "Statements have no query id: slow queries are not counted, sessions cannot be joined with them.",
    ),
    Wish("log_lock_waits", _on, "on", "The log tells of long lock waits.", "The log does not tell of long lock waits."),
    Wish(
        "log_min_duration_statement",
        _measured,
        "'1s'",
        "The log tells of slow statements.",
        "The log does not tell of slow statements.",
    ),
    Wish(
        "log_temp_files",
        _measured,
        "'10MB'",
        "The log tells of temporary files.",
        "The log does not tell who writes temporary files.",
    ),
    Wish("log_checkpoints", _on, "on", "The log tells of checkpoints.", "The log does not tell of checkpoints."),
    Wish(
        "log_autovacuum_min_duration",
        _measured,
        "'1min'",
        "The log tells of long autovacuums.",
        "The log does not tell of autovacuums.",
    ),
    Wish(
        "data_checksums",
        _on,
        "",
        "Damaged pages are noticed.",
        "Damaged pages are read as if they were whole.",
        remedy="Stop the server, then: pg_checksums --enable -D DATA_DIRECTORY",
    ),
    Wish("fsync", _on, "on", "Commits survive a crash of the machine.", "A crash of the machine can destroy the data."),
    Wish(
        "full_page_writes",
        _on,
        "on",
        "Torn pages are mended after a crash.",
        "A crash of the machine can leave torn pages.",
    ),
    Wish(
        "password_encryption",
        lambda value: value == "scram-sha-256",
        "'scram-sha-256'",
        "New passwords are kept as SCRAM verifiers.",
        "New passwords are kept as MD5, which can be replayed.",
    ),
    Wish(
        "allow_alter_system",
        _on,
        "",
        "ALTER SYSTEM is allowed.",
        "ALTER SYSTEM is switched off: no action writes settings.",
        remedy="allow_alter_system = on in postgresql.conf, then: SELECT pg_reload_conf();",
    ),
)


def judge(found: Mapping[str, str], managed: bool, waiting: Collection[str]) -> list[Check]:
    """A check for each setting that the server has and shows; `waiting` are those changed but for a restart."""
    return [_check(wish, found[wish.name], managed, waiting) for wish in WISHES if wish.name in found]


def _check(wish: Wish, value: str, managed: bool, waiting: Collection[str]) -> Check:
    why = f"{wish.name} = {one_line(value)}"
    if wish.good(value):
        return Check("server", wish.name, Status.OK, wish.what, why)
    remedy = WAITS if wish.name in waiting else wish.remedy or assign(wish.name, wish.value, wish.restart, managed)
    return Check("server", wish.name, wish.state, wish.lost, why, remedy)


def assign(name: str, value: str, restart: bool, managed: bool) -> str:
    """How a setting gets a value (as SQL writes it) and when it counts, a line each."""
    if managed:
        return f"{name} = {value} in the parameters of the service{', then a restart' if restart else ''}."
    end = "Then restart the server." if restart else "SELECT pg_reload_conf();"
    return f"ALTER SYSTEM SET {name} = {value};\n{end}"
