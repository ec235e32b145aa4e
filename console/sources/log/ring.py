"""What was read of the log: the last entries, bounded, and rows of them for the views. Pure."""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address
from itertools import chain

from console.model import APPLICATION_NAME, Record, Row
from console.sources.log.entry import ARCHIVING, CANCELLED, DEADLOCK, ERRORS, LOGIN, LogEntry, number

MOST_ENTRIES = 5_000
MOST_CHARACTERS = 8_000_000  # of all entries
MINUTES = (1, 5, 60)
COURSE = 60  # minutes
COLUMNS = (
    *("id", "at", "severity", "kind", "database", "user", "application", "client", "pid", "backend", "sqlstate"),
    *("message", "detail", "hint", "context", "statement", "ms", "bytes"),
)
COUNTS = ("m1", "m5", "m60", "last", "who", "what", "detail")
VIEWS: Mapping[str, tuple[str, ...]] = {
    "log_entries": COLUMNS,
    "log_everywhere": COLUMNS,
    "log_kinds": ("kind", *COUNTS),
    "log_errors": ("sqlstate", "severity", *COUNTS, "course"),
    "log_logins": ("user", "client", *COUNTS),
}
Numbered = tuple[int, LogEntry]
_TEXTS = (
    *("severity", "database", "user", "application", "client", "backend", "sqlstate"),
    *("message", "detail", "hint", "context", "statement"),
)


class LogRing:
    """The entries that were read last."""

    def __init__(self) -> None:
        self._entries: deque[Numbered] = deque()
        self._characters = 0
        self._number = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entries: Iterable[LogEntry]) -> None:
        """Keep entries, and forget the oldest ones beyond the bounds."""
        for entry in entries:
            self._number += 1
            self._entries.append((self._number, entry))
            self._characters += entry.size
        while len(self._entries) > MOST_ENTRIES or self._characters > MOST_CHARACTERS:
            self._characters -= self._entries.popleft()[1].size

    def entries(self, last: LogEntry | None = None) -> Iterable[Numbered]:
        """All of them, oldest first; `last` is one that may still go on."""
        return chain(self._entries, [(self._number + 1, last)] if last else [])


def is_of(entry: LogEntry, database: str) -> bool:
    """Whether an entry is of that database, or of the server as a whole."""
    return not entry.database or entry.database == database


def is_of_console(entry: LogEntry) -> bool:
    """Whether it only says what a console has read: with log_min_duration_statement = 0 each read is logged."""
    return entry.severity == "LOG" and entry.application.startswith(APPLICATION_NAME)


def view_rows(query: str, own: Sequence[Numbered], entries: Sequence[Numbered], now: datetime) -> list[Row]:
    """The rows of one of VIEWS; `own` are those of the `entries` that are of the database."""
    if query == "log_kinds":
        return kind_rows(own, now)
    if query == "log_errors":
        return error_rows(own, now)
    if query == "log_logins":
        return login_rows(entries, now)
    return entry_rows(own if query == "log_entries" else entries)


def entries_in(records: Iterable[Record]) -> list[Numbered]:
    """The entries that rows of COLUMNS, the newest first, were made of; oldest first."""
    return [(number(row["id"]) or 0, _entry_in(row)) for row in records][::-1]


def _entry_in(row: Record) -> LogEntry:
    at, texts = row["at"], {name: str(row[name] or "") for name in _TEXTS}
    return LogEntry(at if isinstance(at, datetime) else None, pid=number(row["pid"]), **texts)


def entry_rows(entries: Iterable[Numbered]) -> list[Row]:
    """A row of COLUMNS for each entry, the newest first."""
    rows: list[Row] = [
        (
            *(number, entry.at, entry.severity, entry.kind, entry.database or None, entry.user or None),
            *(entry.application or None, entry.client or None, entry.pid, entry.backend or None),
            *(entry.sqlstate or None, entry.message, entry.detail or None, entry.hint or None),
            *(entry.context or None, entry.sent or None, entry.milliseconds, entry.temporary_bytes),
        )
        for number, entry in entries
    ]
    return rows[::-1]


def kind_rows(entries: Iterable[Numbered], now: datetime) -> list[Row]:
    """What the entries are about: of each kind how many in the last minutes, and the last one."""
    return _counted(entries, now, lambda entry: (entry.kind,))


def error_rows(entries: Iterable[Numbered], now: datetime) -> list[Row]:
    """The same of warnings and errors, by SQLSTATE and severity; last, how many in each of the last COURSE minutes."""
    wrong = [each for each in entries if each[1].severity in ERRORS or each[1].severity == "WARNING"]
    courses: dict[tuple[str | None, ...], list[int]] = {}
    for _, entry in wrong:
        course = courses.setdefault((entry.sqlstate or None, entry.severity or None), [0] * COURSE)
        minute = int((_ago(entry, now) or 0.0) // 60)
        if minute < COURSE:
            course[COURSE - 1 - minute] += 1
    rows = _counted(wrong, now, lambda entry: (entry.sqlstate, entry.severity))
    return [(*row, courses[row[0], row[1]]) for row in rows]  # type: ignore[index]


def login_rows(entries: Iterable[Numbered], now: datetime) -> list[Row]:
    """The same of failed logins, by user and by the address they came from, without its port."""
    failed = (each for each in entries if each[1].kind == LOGIN)
    return _counted(failed, now, lambda entry: (entry.user, _host(entry.client)))


def _host(client: str) -> str:
    """An address without its port."""
    with contextlib.suppress(ValueError):
        return str(ip_address(client))  # the part behind the last colon of an IPv6 address is no port
    host, _, port = client.rpartition(":")
    return host if host and port.isdecimal() else client


def _counted(entries: Iterable[Numbered], now: datetime, group: Callable[[LogEntry], tuple[str, ...]]) -> list[Row]:
    found: dict[tuple[str, ...], Counter[int]] = {}
    newest: dict[tuple[str, ...], LogEntry] = {}
    for _, entry in entries:
        key = group(entry)
        counts = found.setdefault(key, Counter())
        old = _ago(entry, now) or 0.0
        counts.update(minutes for minutes in MINUTES if old <= 60 * minutes)
        newest[key] = entry
    return [
        (
            *(part or None for part in key),
            *(counts[minutes] for minutes in MINUTES),
            _ago(newest[key], now),
            newest[key].application or newest[key].user or None,
            about(newest[key]),
            newest[key].detail or None,
        )
        for key, counts in found.items()
    ]


def _ago(entry: LogEntry, now: datetime) -> float | None:
    """Seconds since an entry was written; None: it has no time."""
    return max(0.0, (now - entry.at).total_seconds()) if entry.at else None


def about(entry: LogEntry) -> str:
    """An entry in one line: the table of a cancelled autovacuum, the processes of a deadlock, else its message.

    Of an archive command that failed, the command as well.
    """
    if entry.kind == CANCELLED and entry.context:
        return f"{entry.context}: {entry.message}"
    if entry.kind == DEADLOCK and entry.detail:
        return "; ".join(line.strip() for line in entry.detail.splitlines() if line.startswith("Process "))
    if entry.kind == ARCHIVING and entry.detail:
        return f"{entry.message}: {entry.detail}"
    return entry.message
