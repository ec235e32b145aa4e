"""The log of a server as a source: the entries that were added since it was read last, and counts of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from console import sql
from console.format import counted, one_line, size
from console.model import Database, Facts, Kind, Lacks, Record, Snapshot, Trouble
from console.records import dataclass
from console.sources.derived import no_query
from console.sources.log import ring
from console.sources.log.parsers import CSV, JSON, STDERR, LogFormat, LogParser
from console.sources.log.places import JOURNAL, SUFFIXES, JournalTail, LocalLogFiles, ServerLogFiles, format_of
from console.sources.log.ring import VIEWS, LogRing
from console.sources.log.tail import FileTail, NewLines

NAME = "log"
SETTINGS = "log_settings"
FRESH = 0.5  # seconds for which what was read serves all views
SETTLED = 60.0  # seconds after which the settings are read again
ENGLISH = ("", "C", "POSIX", "en_")
LIST = "EXECUTE ON FUNCTION pg_catalog.pg_ls_logdir()"
READ = "EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)"
DIRECTORY = "pg_read_all_settings"
SELF = "or name a file or a unit of systemd in the configuration: log: of the target."
EVERYWHERE = frozenset({"log_everywhere", "log_logins"})  # of all databases


class Tail(Protocol):
    """What reads the new lines of a log."""

    path: str
    skipped: int

    async def read(self) -> list[NewLines]:
        """What was added since the last read. Raises Trouble."""
        ...


@dataclass(frozen=True, slots=True)
class _LogPlace:
    """Where the log is and how it is written."""

    tail: Tail
    format: LogFormat
    directory: str
    note: str = ""


def text(query: str) -> str:
    """What is read for a query. Raises Trouble(MISSING) for an unknown one."""
    if query not in VIEWS:
        raise no_query(query, "of the log")
    return "\n\n".join(sql.load(name).statement.strip() for name in (SETTINGS, "log_files", "log_current", "log_bytes"))


class LogSource:
    """The log of one server, from where the last read stopped; nothing is read before it is asked for."""

    name = NAME

    def __init__(self, postgres: Database, setting: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        """`setting` names a file, a folder, or a unit of systemd; empty: the log is read through the server."""
        self._postgres = postgres
        self._setting = setting
        self._clock = clock
        self._place: _LogPlace | None = None
        self._parser: LogParser | None = None
        self._unreadable = 0  # lines of earlier parsers
        self._row: Record = {}
        self._settled = self._read_at = float("-inf")
        self._known: Facts | None = None  # the connection with which the settings were read
        self._refused: Trouble | None = None  # why the last read failed
        self._off: Trouble | None = None  # that the server keeps no log, as only a restart can change
        self._lock = asyncio.Lock()
        self.ring = LogRing()

    @property
    def facts(self) -> Facts:
        """Where it is read. Raises Trouble(UNREACHABLE) before the first reading."""
        if self._place is None:
            raise Trouble(Kind.UNREACHABLE, f"The log of {one_line(self._postgres.label)} was not read yet.")
        place = self._place
        return Facts(
            kind=NAME,
            version=0,
            version_text=f"{place.format.name} {one_line(place.tail.path)}",
            label=self._postgres.label,
        )

    @property
    def retry_in(self) -> float:
        """Seconds until the server is asked again."""
        return self._postgres.retry_in

    async def learn(self) -> Facts:
        """Read the settings again: privileges and formats change. Raises Trouble."""
        self._settled = float("-inf")
        await self._advance()
        return self.facts

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The rows of a view, after what was added was read. Raises Trouble if the log cannot be read."""
        del parameters
        if query not in VIEWS:
            raise no_query(query, "of the log")
        began = self._clock()
        async with self._lock:
            if self._refused is not None and began <= self._read_at:
                raise self._refused.with_traceback(None)
            if self._refused is not None or began - self._read_at > FRESH:
                await self._advance_for_all()
        now = datetime.now(UTC)
        everything = list(self.ring.entries(self._parser.last if self._parser else None))
        entries = [each for each in everything if not ring.is_of_console(each[1])]
        own = [each for each in entries if ring.is_of(each[1], str(self._row.get("database", "")))]
        rows = ring.view_rows(query, own, entries, now)
        ended = self._clock()
        notes = self._notes(query, len(entries) - len(own), len(everything) - len(entries))
        return Snapshot(query, VIEWS[query], tuple(rows), now, ended - began, ended, text(query), notes)

    def text(self, query: str) -> str:
        """The statements that are sent, where the log is read through the server."""
        return f"-- {self._setting}" if self._setting and query in VIEWS else text(query)

    def obstacle(self, query: str) -> Trouble | None:
        """None for a known query, Trouble(MISSING) for another one."""
        return None if query in VIEWS else no_query(query, "of the log")

    async def close(self) -> None:
        """There is nothing to close: the server is closed by its owner."""

    async def _advance_for_all(self) -> None:
        """Read what was added; a refusal is the answer for everybody who asked before it came."""
        try:
            await self._advance()
            self._refused = None
        except Trouble as why:
            self._refused = why
            raise
        finally:
            self._read_at = self._clock()

    async def _advance(self) -> None:
        if self._clock() - self._settled > SETTLED or self._postgres.known is not self._known:
            await self._settle()
        elif self._off is not None:
            raise self._off.with_traceback(None)
        if self._place is None or self._parser is None:
            return
        for piece in await self._place.tail.read():
            if not piece.follows and self._parser.last is not None:
                self.ring.add([self._parser.last])
            if not piece.follows:
                self._begin(self._place.format)
            self.ring.add(self._parser.feed(piece.text))

    def _begin(self, format_: LogFormat) -> None:
        if self._parser is not None:
            self._unreadable += self._parser.unreadable
        self._parser = format_.parser()

    async def _settle(self) -> None:
        """Find the log where the settings have it now. Raises Trouble."""
        (row,) = (await self._postgres.fetch(SETTINGS)).records()
        self._off = None
        if not self._setting and row["collector"] != "on":
            self._settled, self._known, self._off = self._clock(), self._postgres.known, _off()
            raise self._off
        if row == self._row and self._place is not None:
            self._settled, self._known = self._clock(), self._postgres.known
            return
        place = _local(self._setting, row) if self._setting else _of_server(self._postgres, row)
        self._settled, self._known = self._clock(), self._postgres.known  # what was refused is asked for again
        before, self._row = self._place, row
        if before is not None and before.directory == place.directory and before.format.name == place.format.name:
            place = _LogPlace(before.tail, place.format, place.directory, place.note)  # it goes on where it stopped
        self._place = place
        if self._parser is not None and self._parser.last is not None:
            self.ring.add([self._parser.last])
        self._begin(place.format)

    def _notes(self, query: str, others: int, consoles: int) -> tuple[str, ...]:
        place = self._place
        if place is None or self._parser is None:
            return ()
        unreadable = self._unreadable + self._parser.unreadable
        hidden = others if query not in EVERYWHERE else 0
        skipped = place.tail.skipped
        notes = (
            f"{place.format.name} {one_line(place.tail.path)}" if place.tail.path else "",
            f"{counted(hidden, 'entry', 'entries')} of other databases not shown" if hidden else "",
            f"{counted(consoles, 'entry', 'entries')} about consoles' own reads not shown" if consoles else "",
            f"{size(skipped)} were logged faster than they are read" if skipped else "",
            f"{counted(unreadable, 'line')} not understood" if unreadable else "",
            place.note,
        )
        return tuple(note for note in notes if note)


def _format(row: Record, name: str) -> LogFormat:
    return LogFormat(name, str(row["zone"] or "UTC"), str(row["prefix"] or ""))


def _language(row: Record) -> str:
    language = str(row["language"] or "")
    if language.startswith(ENGLISH[1:]) or not language:
        return ""
    return f"lc_messages is {one_line(language)}: what has no SQLSTATE of its own is recognised in English only"


def _local(setting: str, row: Record) -> _LogPlace:
    """The log that the configuration names."""
    if setting.startswith(JOURNAL):
        return _LogPlace(JournalTail(setting.removeprefix(JOURNAL)), _format(row, STDERR), setting, _language(row))
    name = format_of(setting)
    if Path(setting).is_dir():
        name = _destination(row) or name
    files = LocalLogFiles(setting, SUFFIXES[name])
    return _LogPlace(FileTail(files), _format(row, name), setting, _language(row))


def _destination(row: Record) -> str | None:
    """The format in which the server writes files; the ones that say most first."""
    written = {name.strip() for name in str(row["destination"] or "").split(",")}
    return next((name for name in (CSV, JSON, STDERR) if name in written), None)


def _off() -> Trouble:
    return Trouble(
        Kind.MISSING,
        "Cannot look: logging_collector is off, so the server keeps no log that it could be asked for.",
        f"ALTER SYSTEM SET logging_collector = on; -- then restart the server; {SELF}",
    )


def _of_server(postgres: Database, row: Record) -> _LogPlace:
    """The log in the server's log_directory. Raises Trouble that says what prevents reading it."""
    name = _destination(row)
    if name is None:
        sentence = f"Cannot look: log_destination is {one_line(row['destination'])}, and none of it is a file."
        raise Trouble(
            Kind.MISSING, sentence, f"ALTER SYSTEM SET log_destination = 'csvlog'; SELECT pg_reload_conf(); -- {SELF}"
        )
    held = ((LIST, row["may_list"]), (READ, row["may_read"]), (DIRECTORY, row["directory"] is not None))
    lacking = tuple(grant for grant, has in held if not has)
    if lacking:
        named = "; ".join(f"GRANT {grant} TO the role" for grant in lacking)
        sentence = "Cannot look: this role may not read the log through the server."
        raise Trouble(Kind.DENIED, sentence, f"{named}; {SELF}", lacks=Lacks(lacking))
    directory = str(row["directory"])
    files = ServerLogFiles(postgres, directory, name, asks=bool(row["may_ask"]))
    return _LogPlace(FileTail(files), _format(row, name), directory, _language(row))
