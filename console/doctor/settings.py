"""Settings that decide what can be monitored, and the statements that change them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from console.doctor.check import Check, Status
from console.format import one_line
from console.records import dataclass

Good = Callable[[str], bool]
# Only superusers see the new value, so the remedy must not overwrite it.
WAITS = "Restart the server: a new value is already pending."
FIXED = "The server's command line takes precedence over the new value in the files: change it there, then restart."
UNSAFE = "A new value is already pending, but a restart is not safe: see the check restart."


@dataclass(frozen=True, slots=True)
class Wish:
    """A recommended value, and what is lost without it."""

    name: str
    good: Good
    value: str  # as an SQL literal
    what: str  # while it is good
    lost: str  # while it is not
    restart: bool = False
    state: Status = Status.LIMITED
    remedy: str = ""  # where ALTER SYSTEM does not apply


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
        "The state and statement of sessions are tracked.",
        "The state and statement of sessions are not tracked.",
        state=Status.CANNOT,
    ),
    Wish(
        "track_counts",
        _on,
        "on",
        "Rows, scans and dead tuples are counted.",
        "Statistics of tables are not collected, and autovacuum does not run.",
        state=Status.CANNOT,
    ),
    Wish(
        "track_io_timing",
        _on,
        "on",
        "I/O times are measured.",
        "I/O times are not measured.",
    ),
    Wish(
        "track_activity_query_size",
        _long,
        "'16kB'",
        "Statements are kept at a useful length.",
        "Long statements are truncated in pg_stat_activity.",
        restart=True,
    ),
    Wish(
        "compute_query_id",
        lambda value: value != "off",
        "'auto'",
        "Sessions and slow queries share a query id.",
        "Statements have no query id: pg_stat_statements counts nothing.",
    ),
    Wish("log_lock_waits", _on, "on", "Long lock waits are logged.", "Long lock waits are not logged."),
    Wish(
        "log_min_duration_statement",
        _measured,
        "'1s'",
        "Slow statements are logged.",
        "Slow statements are not logged.",
    ),
    Wish(
        "log_temp_files",
        _measured,
        "'10MB'",
        "Large temporary files are logged.",
        "Temporary files are not logged.",
    ),
    Wish("log_checkpoints", _on, "on", "Checkpoints are logged.", "Checkpoints are not logged."),
    Wish(
        "log_autovacuum_min_duration",
        _measured,
        "'1min'",
        "Long autovacuum runs are logged.",
        "Autovacuum runs are not logged.",
    ),
    Wish(
        "data_checksums",
        _on,
        "",
        "Corrupted pages are detected.",
        "Corrupted pages are not detected.",
        remedy="Stop the server, then: pg_checksums --enable -D DATA_DIRECTORY",
    ),
    Wish(
        "fsync",
        _on,
        "on",
        "Commits survive a crash.",
        "A crash can corrupt all data.",
    ),
    Wish(
        "full_page_writes",
        _on,
        "on",
        "Torn pages are repaired after a crash.",
        "A crash of the operating system can leave torn pages.",
    ),
    Wish(
        "password_encryption",
        lambda value: value == "scram-sha-256",
        "'scram-sha-256'",
        "New passwords are stored as SCRAM verifiers.",
        "New passwords are stored as MD5 hashes, which can be replayed.",
    ),
    Wish(
        "allow_alter_system",
        _on,
        "",
        "ALTER SYSTEM is allowed.",
        "ALTER SYSTEM is disabled: no action can change settings.",
        remedy="allow_alter_system = on in postgresql.conf, then: SELECT pg_reload_conf();",
    ),
)


def judge(found: Mapping[str, str], managed: bool, waiting: Mapping[str, str]) -> list[Check]:
    """A check for each setting that the server has and this role sees; `waiting`: setting with a new value → remedy."""
    return [_check(wish, found[wish.name], managed, waiting) for wish in WISHES if wish.name in found]


def harmful(harms: Mapping[str, Sequence[str]], found: Mapping[str, str]) -> Check:
    """Whether settings have values that do harm: setting → sentences. What another check reports is left to it."""
    reported = {wish.name for wish in WISHES if wish.name in found and not wish.good(found[wish.name])}
    left = {name: sentences for name, sentences in harms.items() if name not in reported}
    if not left:
        return Check("server", "harmful settings", Status.OK, "No other setting does harm.", "table of harmful values")
    what = f"{', '.join(map(one_line, left))}: the value does harm."
    why = " ".join(one_line(sentence) for sentences in left.values() for sentence in sentences)
    return Check("server", "harmful settings", Status.LIMITED, what, why, "Correct the values, or set them for a role.")


def restart(names: Collection[str], overridden: Collection[str], dangers: Collection[str] | None) -> Check:
    """Whether a restart is pending, and whether it is safe; `dangers` is None if this role may not see the values.

    `overridden`: settings whose new value no restart takes from the files, since the command line has another one.
    """
    listed = ", ".join(map(one_line, names))
    if dangers:
        what = "Do not restart the server yet: it would read a value with which it may not start."
        remedy = "Correct the value (ALTER SYSTEM RESET, or the line in the file), reload, then run doctor again."
        return Check("server", "restart", Status.CANNOT, what, " ".join(map(one_line, dangers)), remedy)
    if overridden and not names:
        what = "A restart alone changes nothing: the server's command line overrides new values in the files."
        return Check("server", "restart", Status.LIMITED, what, ", ".join(map(one_line, overridden)), FIXED)
    if not names:
        return Check("server", "restart", Status.OK, "No restart is pending.", "pending_restart")
    what = "Restart pending for one setting." if len(names) == 1 else f"Restart pending for {len(names)} settings."
    remedy = "Restart the server."
    if dangers is None:
        remedy = "First check the new values as a superuser (pg_file_settings), then restart the server."
    return Check("server", "restart", Status.LIMITED, what, listed, remedy)


def _check(wish: Wish, value: str, managed: bool, waiting: Mapping[str, str]) -> Check:
    why = f"{wish.name} = {one_line(value)}"
    if wish.good(value):
        return Check("server", wish.name, Status.OK, wish.what, why)
    remedy = waiting.get(wish.name) or wish.remedy or assign(wish.name, wish.value, wish.restart, managed)
    return Check("server", wish.name, wish.state, wish.lost, why, remedy)


def assign(name: str, value: str, restart: bool, managed: bool) -> str:
    """How to set a value (an SQL literal) and make it take effect, a line each."""
    if managed:
        return f"{name} = {value} in the parameters of the service{', then a restart' if restart else ''}."
    end = "Then restart the server." if restart else "SELECT pg_reload_conf();"
    return f"ALTER SYSTEM SET {name} = {value};\n{end}"
