"""Parsers of the three formats of the log. Each is fed whole lines and keeps what is not complete yet. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from console.later import late
from console.records import dataclass
from console.sources.log.entry import LogClock, LogEntry, clean, number
from console.sources.log.prefix import prefix_pattern

CSV, JSON, STDERR = "csvlog", "jsonlog", "stderr"
MOST_RECORD = 1 << 18  # characters of one record; a longer one is broken
LEAST_COLUMNS = 23  # of a record of csvlog
_CSV_START = late(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [^,\n]{1,40},")
_CSV_FIELD = late(r'(?:"((?:[^"]|"")*)"|([^,"]*))(?:,|\Z)', re.DOTALL)
_FIELDS: Mapping[str, str] = {  # of the plain log: how a line that goes on begins → the field that it is
    "DETAIL": "detail",
    "HINT": "hint",
    "CONTEXT": "context",
    "STATEMENT": "statement",
    "QUERY": "",
    "LOCATION": "",
    "BACKTRACE": "",
}


class LogParser(Protocol):
    """Turns lines into entries."""

    unreadable: int  # lines that are no part of an entry

    def feed(self, text: str) -> list[LogEntry]:
        """The entries that are complete, of whole lines that follow those before."""
        ...

    @property
    def last(self) -> LogEntry | None:
        """The entry that may still go on; None: there is none."""
        ...


def parser(format_: str, clock: LogClock, prefix: str) -> LogParser:
    """A parser of a format; `prefix` is log_line_prefix, for the plain one."""
    if format_ == CSV:
        return CsvParser(clock)
    return JsonParser(clock) if format_ == JSON else PlainParser(clock, prefix)


class CsvParser:
    """csvlog: a record ends with the line in which its quotes are closed."""

    def __init__(self, clock: LogClock) -> None:
        self._clock = clock
        self._record: list[str] = []
        self._open = False  # within quotes
        self.unreadable = 0

    @property
    def last(self) -> LogEntry | None:
        """None: a record says itself where it ends."""
        return None

    def feed(self, text: str) -> list[LogEntry]:
        """The records of which all lines are there."""
        return [entry for line in _lines(text) if (entry := self._add(line)) is not None]

    def _add(self, line: str) -> LogEntry | None:
        starts = _CSV_START.match(line) is not None
        if self._open and starts and self._stands_alone(line):
            self._drop()  # the record before was cut
        if not self._record and not starts:
            self.unreadable += bool(line)
            return None
        self._record.append(line)
        self._open ^= line.count('"') % 2 == 1
        if self._open:
            if sum(map(len, self._record)) > MOST_RECORD:
                self._drop()
            return None
        fields = csv_fields("\n".join(self._record))
        self._record = []
        if len(fields) < LEAST_COLUMNS:
            self.unreadable += 1
            return None
        return self._entry(fields)

    @staticmethod
    def _stands_alone(line: str) -> bool:
        return line.count('"') % 2 == 0 and len(csv_fields(line)) >= LEAST_COLUMNS

    def _drop(self) -> None:
        self.unreadable += 1
        self._record, self._open = [], False

    def _entry(self, fields: Sequence[str]) -> LogEntry:
        known = dict(zip(_CSV_COLUMNS, (*fields, "", "", ""), strict=False))
        return _entry(self._clock, lambda name: known.get(name, ""))


_CSV_COLUMNS = (
    *("timestamp", "user", "dbname", "pid", "client", "session_id", "line_num", "ps", "session_start", "vxid", "txid"),
    *("error_severity", "state_code", "message", "detail", "hint", "internal_query", "internal_position", "context"),
    *("statement", "cursor_position", "location", "application_name", "backend_type", "leader_pid", "query_id"),
)


class JsonParser:
    """jsonlog: a line is an entry."""

    def __init__(self, clock: LogClock) -> None:
        self._clock = clock
        self.unreadable = 0

    @property
    def last(self) -> LogEntry | None:
        """None: a line says itself where it ends."""
        return None

    def feed(self, text: str) -> list[LogEntry]:
        """An entry for each line that is a JSON object with a message."""
        return [entry for line in _lines(text) if line and (entry := self._read(line)) is not None]

    def _read(self, line: str) -> LogEntry | None:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or "error_severity" not in found:
            self.unreadable += 1
            return None
        host, port = found.get("remote_host"), found.get("remote_port")
        found["client"] = f"{host}:{port}" if port else host
        return _entry(self._clock, lambda name: _json_text(found.get(name)))


class PlainParser:
    """stderr: lines with log_line_prefix; those that go on begin with a tab, or name the field that they are."""

    def __init__(self, clock: LogClock, prefix: str) -> None:
        self._clock = clock
        self._pattern = prefix_pattern(prefix)
        self._current: _Growing | None = None
        self.unreadable = 0

    @property
    def last(self) -> LogEntry | None:
        """The entry that lines of detail may still follow."""
        return self._current.entry() if self._current else None

    def feed(self, text: str) -> list[LogEntry]:
        """The entries that another one has followed."""
        return [entry for line in _lines(text) if (entry := self._add(line)) is not None]

    def _add(self, line: str) -> LogEntry | None:
        if line.startswith("\t"):
            if self._current is None or not self._current.go_on(line[1:]):
                self.unreadable += 1
            return None
        found = self._pattern.match(line)
        if found is None:
            self.unreadable += bool(line)
            if line and self._current is not None:
                self._current.is_closed = True  # a tab after it belongs to the line that is not understood
            return None
        parts = found.groupdict()
        severity, text = parts["severity"], parts["text"]
        if severity in _FIELDS:
            if self._current is None or not self._current.begin(_FIELDS[severity], text, parts.get("pid")):
                self.unreadable += 1
            return None
        done = self.last
        self._current = _Growing(_started(self._clock, parts, severity), parts.get("pid"), text)
        return done


class _Growing:
    """An entry of the plain log whose lines are still coming."""

    def __init__(self, head: LogEntry, pid: str | None, text: str) -> None:
        self._head, self._pid = head, pid
        self._texts: dict[str, list[str]] = {"message": [text]}
        self._field = "message"
        self._size = len(text)
        self.is_closed = False

    def begin(self, field: str, text: str, pid: str | None) -> bool:
        """Go on with another field; whether the line belongs to this entry."""
        if pid != self._pid:
            self.is_closed = True
            return False
        self._field, self.is_closed = field, False
        self._texts.setdefault(field, []).append(text)
        return True

    def go_on(self, text: str) -> bool:
        """Another line of the same field; whether it belongs to this entry."""
        if self.is_closed:
            return False
        self._size += len(text)
        if self._size <= MOST_RECORD:
            self._texts.setdefault(self._field, []).append(text)
        return True

    def entry(self) -> LogEntry:
        """What is there so far."""
        texts = {field: clean("\n".join(lines)) for field, lines in self._texts.items()}
        return replace(
            self._head,
            message=texts["message"],
            detail=texts.get("detail", ""),
            hint=texts.get("hint", ""),
            context=texts.get("context", ""),
            statement=texts.get("statement", ""),
        )


def csv_fields(record: str) -> list[str]:
    """The fields of one record; none if it is not CSV."""
    fields, at = [], 0
    while at <= len(record):
        found = _CSV_FIELD.match(record, at)
        if found is None:
            return []
        fields.append(found[1].replace('""', '"') if found[1] is not None else found[2])
        if found.end() == len(record) and not found[0].endswith(","):
            break
        at = found.end()
    return fields


def _entry(clock: LogClock, text: Callable[[str], str]) -> LogEntry:
    """An entry by the names that jsonlog has for its fields."""
    return LogEntry(
        clock.read(text("timestamp")),
        text("error_severity"),
        clean(text("message")),
        text("state_code"),
        text("dbname"),
        text("user"),
        text("application_name"),
        text("client"),
        number(text("pid")),
        text("backend_type"),
        clean(text("detail")),
        clean(text("hint")),
        clean(text("context")),
        clean(text("statement")),
    )


def _started(clock: LogClock, parts: Mapping[str, str | None], severity: str) -> LogEntry:
    """The entry that a line with a prefix begins."""
    known = {name: value or "" for name, value in parts.items()}
    at = clock.read(known.get("at", ""))
    if epoch := known.get("epoch"):
        at = datetime.fromtimestamp(float(epoch), UTC)
    names = ("sqlstate", "database", "user", "application", "client", "backend")
    texts = {name: "" if known.get(name) == "[unknown]" else known.get(name, "").strip() for name in names}
    return LogEntry(at, severity, "", pid=number(known.get("pid", "")), **texts)


def _lines(text: str) -> Iterator[str]:
    return (line.removesuffix("\r") for line in text.removesuffix("\n").split("\n"))


def _json_text(value: object) -> str:
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class LogFormat:
    """How a log is written."""

    name: str  # CSV, JSON or STDERR
    zone: str = "UTC"
    prefix: str = ""

    def parser(self) -> LogParser:
        """A parser that has read nothing yet."""
        return parser(self.name, LogClock(self.zone), self.prefix)
