"""The parsers of the log, its prefix and its tail at their boundaries: cut lines, foreign prefixes, rotation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.model import CannotTell, Finding, Frame, Kind, Snapshot, Trouble
from console.redaction import HIDDEN
from console.rules.findings.logged import failed
from console.rules.findings.tables import overdue
from console.rules.server import FAILED_LOGINS
from console.rules.storage import VACUUM_DUE_PERCENT
from console.sources.log.entry import (
    CANCELLED,
    CHECKPOINT,
    DEADLOCK,
    LOGIN,
    MOST_TEXT,
    SLOW,
    TEMPORARY,
    LogClock,
    LogEntry,
    clean,
)
from console.sources.log.parsers import CSV, JSON, MOST_RECORD, STDERR, LogFormat, csv_fields
from console.sources.log.places import LocalLogFiles
from console.sources.log.prefix import prefix_pattern
from console.sources.log.ring import (
    COUNTS,
    COURSE,
    MOST_ENTRIES,
    LogRing,
    about,
    entry_rows,
    error_rows,
    kind_rows,
    login_rows,
)
from console.sources.log.tail import MOST, FileTail, LogFile, NewLines
from console.tui.log_chart import log_course
from console.tui.vitals import Metrics

PREFIX = "%m [%p] %q%u@%d/%a "
HEAD = "2026-03-01 12:00:00.123 UTC [77] app@shop/web "
MESSAGE = f"{HEAD}ERROR:  division by zero\n"
NEXT = "2026-03-01 12:00:01.000 UTC [80] LOG:  checkpoint starting: time\n"
NOON = datetime(2026, 3, 1, 12, 0, 0, 123000, UTC)


def csv(message: str, statement: str = "", severity: str = "ERROR", code: str = "22012") -> str:
    """A record of csvlog of version 14 or later."""
    return (
        f'2026-03-01 12:00:00.123 UTC,"app","shop",77,"10.0.0.1:5000",a.b,3,"SELECT",2026-03-01 11:00:00 UTC,4/5,0,'
        f'{severity},{code},"{message}",,,,,,"{statement}",,,"web","client backend",,0\n'
    )


def read(format_: str, *texts: str, prefix: str = PREFIX) -> tuple[list[LogEntry], int]:
    """The entries of texts that follow each other, the last one included, and the lines that are not understood."""
    parser = LogFormat(format_, "UTC", prefix).parser()
    entries = [entry for text in texts for entry in parser.feed(text)]
    return [*entries, *([parser.last] if parser.last else [])], parser.unreadable


@pytest.mark.parametrize(
    ("texts", "messages", "unreadable"),
    [
        ((MESSAGE, NEXT), ["division by zero", "checkpoint starting: time"], 0),
        ((f"{HEAD}LOG:  one\n\ttwo\n\tthree\n",), ["one\ntwo\nthree"], 0),
        ((f"{HEAD}LOG:  one\n", "\ttwo\n", NEXT), ["one\ntwo", "checkpoint starting: time"], 0),
        (("half a line\n\tof before\n", MESSAGE), ["division by zero"], 2),
        ((MESSAGE, "cp: cannot stat 'x'\n\tafter it\n", NEXT), ["division by zero", "checkpoint starting: time"], 2),
        ((MESSAGE, f"<7> {MESSAGE}", NEXT), ["division by zero", "checkpoint starting: time"], 1),
        ((MESSAGE, "2026-03-01 12:00:00.124 UTC [78] b@shop/x DETAIL:  of another\n"), ["division by zero"], 1),
        ((f"{HEAD}FEHLER:  Division durch Null\n",), ["Division durch Null"], 0),
        (("\n\n", MESSAGE), ["division by zero"], 0),
        ((MESSAGE.replace("\n", "\r\n"),), ["division by zero"], 0),
    ],
)
def test_an_entry_of_the_plain_log_is_its_lines(texts: tuple[str, ...], messages: list[str], unreadable: int) -> None:
    entries, lost = read(STDERR, *texts)
    assert [entry.message for entry in entries] == messages
    assert lost == unreadable


def test_the_fields_of_the_plain_log_belong_to_their_entry() -> None:
    text = f"{MESSAGE}{HEAD}DETAIL:  a\n\tb\n{HEAD}CONTEXT:  c\n{HEAD}STATEMENT:  SELECT\n\t 1/0\n{NEXT}"
    (entry, _), lost = read(STDERR, text)
    assert (entry.detail, entry.context, entry.statement) == ("a\nb", "c", "SELECT\n 1/0")
    assert (entry.user, entry.database, entry.application, entry.pid, entry.at) == ("app", "shop", "web", 77, NOON)
    assert not lost


@pytest.mark.parametrize(
    ("prefix", "line", "found"),
    [
        ("%m [%p] ", "2026-03-01 12:00:00.123 CET [7] LOG:  x", {"pid": "7"}),
        ("%t:%r:%u@%d:[%p]: ", "2026-03-01 12:00:00 UTC:10.1.1.1(5432):u@d:[7]: LOG:  x", {"client": "10.1.1.1(5432)"}),
        ("%n %e %c %l ", "1772366400.123 40P01 65e1.1f 3 ERROR:  x", {"epoch": "1772366400.123", "sqlstate": "40P01"}),
        ("%-6p|%10u|%d ", "7     |       app|shop LOG:  x", {"pid": "7", "user": "app", "database": "shop"}),
        ("100%% %p ", "100% 7 LOG:  x", {"pid": "7"}),
        ("%p %z%q%u ", "7 LOG:  x", {"pid": "7", "user": None}),
        ("%a|%a ", "web|web LOG:  x", {"application": "web"}),
        (
            "%b %P %i %Q %v %x %s ",
            "client backend  SELECT -3 4/5 0 2026-03-01 12:00:00 UTC LOG:  x",
            {"severity": "LOG"},
        ),
        ("", "LOG:  x", {"severity": "LOG"}),
        ("[%m] (%d). ", "[2026-03-01 12:00:00.123 +0530] (a (b). c). LOG:  x", {"database": "a (b). c"}),
    ],
)
def test_a_line_prefix_is_read_as_it_is_written(prefix: str, line: str, found: dict[str, str | None]) -> None:
    match = prefix_pattern(prefix).match(line)
    assert match is not None
    assert found.items() <= match.groupdict().items()
    assert match["text"] == "x"


@pytest.mark.parametrize(
    ("texts", "messages", "unreadable"),
    [
        ((csv("a"), csv("b")), ["a", "b"], 0),
        ((csv("one\ntwo, ''three''\n"),), ["one\ntwo, ''three''\n"], 0),
        ((csv('say ""x""'),), ['say "x"'], 0),
        ((csv("a\nb")[:100], csv("a\nb")[100:]), ["a\nb"], 0),
        (('the end of a record",,,\n', csv("a")), ["a"], 1),
        ((csv("cut off\nhere")[:150] + "\n", csv("a")), ["a"], 1),
        (("2026-03-01 12:00:00.123 UTC,too,few\n", csv("a")), ["a"], 1),
        ((csv("x" * MOST_RECORD + "\n" * 3 + "x" * MOST_RECORD), csv("a")), ["a"], 2),
    ],
)
def test_a_record_of_csvlog_ends_where_its_quotes_are_closed(
    texts: tuple[str, ...], messages: list[str], unreadable: int
) -> None:
    whole = "".join(texts).splitlines(keepends=True)
    entries, lost = read(CSV, *whole)
    assert [entry.message for entry in entries] == messages
    assert lost == unreadable


def test_the_columns_of_csvlog_are_where_the_manual_has_them() -> None:
    (entry,), _ = read(CSV, csv("m", "SELECT 1"))
    assert (entry.user, entry.database, entry.client, entry.application) == ("app", "shop", "10.0.0.1:5000", "web")
    assert (entry.severity, entry.sqlstate, entry.statement, entry.backend) == (
        "ERROR",
        "22012",
        "SELECT 1",
        "client backend",
    )
    assert csv_fields('a,"b,""c""",') == ["a", 'b,"c"', ""]
    assert csv_fields('a"b') == []


@pytest.mark.parametrize(
    ("text", "messages", "unreadable"),
    [
        ('{"error_severity":"LOG","message":"a\\nb","pid":7}\n', ["a\nb"], 0),
        ('y":"LOG","message":"a"}\n{"error_severity":"LOG","message":"b"}\n', ["b"], 1),
        ('{"error_severity":"LOG","mess\n[1]\n"x"\n{}\n', [], 4),
        ('{"error_severity":"LOG","message":"\\ud800"}\n', ["\ud800"], 0),
        ("[" * 100_000 + "\n", [], 1),
    ],
)
def test_a_line_of_jsonlog_is_an_entry(text: str, messages: list[str], unreadable: int) -> None:
    entries, lost = read(JSON, text)
    assert [entry.message for entry in entries] == messages
    assert lost == unreadable


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (LogEntry(None, "ERROR", "x", "40P01"), DEADLOCK),
        (LogEntry(None, "ERROR", "deadlock detected"), DEADLOCK),
        (LogEntry(None, "FATAL", "x", "28P01"), LOGIN),
        (LogEntry(None, "FATAL", "x", "28000"), LOGIN),
        (LogEntry(None, "ERROR", "x", "28000"), "error"),
        (LogEntry(None, "FATAL", 'Peer authentication failed for user "x"'), LOGIN),
        (LogEntry(None, "FATAL", "no pg_hba.conf entry for host"), LOGIN),
        (LogEntry(None, "ERROR", "x", "57014", backend="autovacuum worker"), CANCELLED),
        (LogEntry(None, "ERROR", "canceling autovacuum task"), CANCELLED),
        (LogEntry(None, "ERROR", "canceling statement due to user request", "57014"), "error"),
        (LogEntry(None, "LOG", "checkpoint complete: wrote 5 buffers"), CHECKPOINT),
        (LogEntry(None, "LOG", 'temporary file: path "x", size 42'), TEMPORARY),
        (LogEntry(None, "LOG", "duration: 12.500 ms  statement: SELECT 1"), SLOW),
        (LogEntry(None, "ERROR", "duration: as a user raised it"), "error"),
        (LogEntry(None, "WARNING", "x"), "warning"),
        (LogEntry(None, "LOG", "archive command failed with exit code 1"), "archiving failed"),
        (LogEntry(None, "FATAL", "archive command was terminated by signal 9"), "archiving failed"),
        (LogEntry(None, "ERROR", 'no partition of relation "t" found for row', sqlstate="23514"), "no partition"),
        (LogEntry(None, "LOG", "listening on"), "message"),
    ],
)
def test_what_an_entry_is_about_is_known_by_its_code_or_its_beginning(entry: LogEntry, kind: str) -> None:
    assert entry.kind == kind


@pytest.mark.parametrize(
    ("message", "milliseconds", "statement"),
    [
        ("duration: 12.500 ms  statement: SELECT 1", 12.5, "SELECT 1"),
        ("duration: 1.000 ms  execute <unnamed>: SELECT $1", 1.0, "SELECT $1"),
        ("duration: 1.000 ms  bind s_1/p: SELECT\n $1", 1.0, "SELECT\n $1"),
        ("duration: 3.000 ms", 3.0, "of the entry"),
        ("duration: 3.000 ms  plan:\nQuery Text: x", 3.0, "of the entry"),
    ],
)
def test_a_slow_statement_has_its_time_and_its_text(message: str, milliseconds: float, statement: str) -> None:
    entry = LogEntry(None, "LOG", message, statement="of the entry")
    assert (entry.milliseconds, entry.sent) == (milliseconds, statement)


@pytest.mark.parametrize(
    "text",
    [
        "ALTER ROLE a PASSWORD 'geheim'",
        "ALTER ROLE a PASSWORD 'geheim",
        "Process 1: ALTER ROLE a PASSWORD 'geh\nProcess 2: SELECT 'eim'",
        "postgresql://a:geheim@host/db",
        f"{'x' * (MOST_TEXT - 20)} PASSWORD 'geheim'",
        "ALTER ROLE a PASSWORD E'gehei\\",
    ],
)
def test_a_password_is_hidden_even_where_it_is_cut(text: str) -> None:
    found = clean(text)
    assert "geh" not in found
    assert HIDDEN[:1] in found
    assert len(found) <= MOST_TEXT + 2


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        ("UTC", "2026-03-01 12:00:00.123 UTC", NOON),
        ("Europe/Berlin", "2026-03-01 13:00:00.123 CET", NOON),
        ("no/such", "2026-03-01 12:00:00.123 XYZ", NOON),
        ("UTC", "yesterday", None),
        ("UTC", "2026-99-01 12:00:00.123 UTC", None),
    ],
)
def test_times_are_of_the_time_zone_of_the_log(zone: str, text: str, expected: datetime | None) -> None:
    assert LogClock(zone).read(text) == expected


@dataclass
class Disk:
    """Files of a log, as a server or a folder has them, and what was read of them."""

    files: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # path → identity, where that is another one
    reads: list[int] = field(default_factory=list)

    async def list(self) -> Sequence[LogFile]:
        return [LogFile(path, self.names.get(path, path), len(data), 0.0) for path, data in self.files.items()]

    async def read(self, path: str, start: int, length: int) -> bytes:
        self.reads.append(length)
        return self.files[path][start : start + length]

    def add(self, path: str, text: str) -> None:
        self.files[path] = self.files.get(path, b"") + text.encode()


async def texts(tail: FileTail) -> list[str]:
    return [piece.text for piece in await tail.read()]


async def test_only_what_was_added_is_read() -> None:
    disk = Disk()
    tail = FileTail(disk)
    assert await tail.read() == []
    disk.add("a", "one\n")
    assert await tail.read() == [NewLines("one\n", follows=False)]
    disk.add("a", "two\nthr")
    assert await tail.read() == [NewLines("two\n", follows=True)]
    assert await tail.read() == []
    disk.add("a", "ee\n")
    assert await texts(tail) == ["three\n"]
    before = len(disk.reads)
    assert await tail.read() == []
    assert len(disk.reads) == before


async def test_a_log_of_a_gigabyte_costs_what_one_of_a_megabyte_does() -> None:
    disk = Disk({"a": b"x" * 99 + b"\n" + b"line\n" * (4 * MOST)})
    tail = FileTail(disk)
    (found,) = await texts(tail)
    assert len(found) <= MOST
    assert set(found.splitlines()) == {"line"}
    disk.files["a"] += b"more\n" * MOST
    assert set((await texts(tail))[0].splitlines()) == {"more"}
    assert max(disk.reads) <= MOST
    assert tail.skipped == 4 * MOST


async def test_rotation_loses_nothing_and_reads_nothing_twice() -> None:
    disk = Disk()
    tail = FileTail(disk)
    disk.add("a", "one\n")
    await tail.read()
    disk.add("a", "two\n")
    disk.add("b", "three\n")
    disk.add("c", "four\nfi")
    assert await texts(tail) == ["two\n", "three\n", "four\n"]
    disk.add("c", "ve\n")
    assert await texts(tail) == ["five\n"]


async def test_an_entry_that_is_cut_by_rotation_stays_one_entry() -> None:
    disk = Disk()
    tail = FileTail(disk)
    disk.add("a", f"{HEAD}LOG:  one\n")
    first = await tail.read()
    disk.add("a", "\ttwo\n")
    disk.add("b", f"{NEXT}{HEAD}LOG:  three\n")
    entries, lost = read(STDERR, *(piece.text for piece in (*first, *await tail.read())))
    assert [entry.message for entry in entries] == ["one\ntwo", "checkpoint starting: time", "three"]
    assert not lost


async def test_a_renamed_file_is_read_to_its_end_before_the_one_that_took_its_name() -> None:
    disk = Disk({"log": b"one\n"}, {"log": "7"})
    tail = FileTail(disk)
    await tail.read()
    disk.files = {"log.1": b"one\ntwo\n", "log": b"three\n"}
    disk.names = {"log.1": "7", "log": "8"}
    assert await texts(tail) == ["two\n", "three\n"]


@pytest.mark.parametrize("new", ["x\n", "another line, longer than the one before\n"])
async def test_a_file_that_was_emptied_is_read_from_its_start(new: str) -> None:
    disk = Disk({"a": b"one\ntwo\n"})
    tail = FileTail(disk)
    await tail.read()
    disk.files["a"] = new.encode()
    assert await tail.read() == [NewLines(new, follows=False)]


async def test_bytes_of_an_unknown_encoding_are_shown_as_what_they_are() -> None:
    disk = Disk({"a": "naïve ".encode("latin-1") + "naïve\n".encode()})
    assert await texts(FileTail(disk)) == ["na\\xefve naïve\n"]


async def test_a_line_longer_than_a_read_is_passed_over() -> None:
    disk = Disk({"a": b"one\n"})
    tail = FileTail(disk)
    await tail.read()
    disk.files["a"] += b"x" * (3 * MOST)
    await tail.read()
    disk.files["a"] += b"x\ntwo\n"
    assert (await texts(tail))[-1].endswith("two\n")


def test_the_ring_is_bounded() -> None:
    ring = LogRing()
    ring.add(LogEntry(NOON, "LOG", str(number)) for number in range(MOST_ENTRIES + 100))
    assert len(ring) == MOST_ENTRIES
    newest = entry_rows(ring.entries())[0]
    assert newest[0] == MOST_ENTRIES + 100
    ring.add(LogEntry(NOON, "LOG", "x" * MOST_TEXT, statement="x" * MOST_TEXT) for _ in range(2 * MOST_ENTRIES))
    assert len(ring) < MOST_ENTRIES


def test_entries_are_counted_by_minutes_and_code() -> None:
    ring = LogRing()
    times = [datetime(2026, 3, 1, 11, minute, tzinfo=UTC) for minute in (1, 50, 58, 59)]
    ring.add(LogEntry(at, "ERROR", f"at {at.minute}", "22012") for at in times)
    ring.add([LogEntry(times[0], "LOG", "checkpoint starting: time")])
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    course = [int(59 - minute in {59, 10, 2, 1}) for minute in range(60)]
    assert error_rows(ring.entries(), now) == [("22012", "ERROR", 1, 2, 4, 60.0, None, "at 59", None, course)]
    assert [row[:4] for row in kind_rows(ring.entries(), now)] == [("error", 1, 2, 4), (CHECKPOINT, 0, 0, 1)]


def test_a_deadlock_is_told_by_the_statements_of_its_processes() -> None:
    detail = "Process 1 waits for ShareLock; blocked by process 2.\nProcess 1: UPDATE a\nProcess 2: UPDATE b"
    entry = LogEntry(NOON, "ERROR", "deadlock detected", "40P01", detail=detail)
    assert about(entry) == detail.replace("\n", "; ")
    cancelled = LogEntry(
        NOON, "ERROR", "canceling autovacuum task", "57014", context='automatic vacuum of table "a.b.c"'
    )
    assert about(cancelled) == 'automatic vacuum of table "a.b.c": canceling autovacuum task'


@pytest.mark.parametrize(
    ("context", "labels"),
    [
        ('automatic vacuum of table "shop.public.busy"', ["of the number that triggers autovacuum", "cancelled"]),
        ('automatic vacuum of table "shop.public.busy_too"', ["of the number that triggers autovacuum"]),
    ],
)
def test_an_overdue_table_has_its_cancelled_autovacuum_as_evidence(context: str, labels: list[str]) -> None:
    table = {"oid": 1, "table": "public.busy", "verdict": "many dead tuples", "debt_pct": 2000.0, "dead": 90_000}
    table |= {"dead_pct": 50.0, "vacuum_age": 600.0, "autovacuum": True}
    ring = LogRing()
    ring.add([LogEntry(NOON, "ERROR", "canceling autovacuum task", context=context)])
    kinds = Snapshot("log_kinds", ("kind", *COUNTS), tuple(kind_rows(ring.entries(), NOON)), NOON)
    tables = Snapshot("bloat_tables", tuple(table), (tuple(table.values()),), NOON)
    rules = {VACUUM_DUE_PERCENT.name: VACUUM_DUE_PERCENT}
    (finding,) = overdue(Frame({"bloat_tables": (tables,), "log_kinds": (kinds,)}, NOON, rules=rules))
    assert [fact.label for fact in finding.evidence] == labels


FAILED = 'password authentication failed for user "app"'


def test_failed_logins_are_counted_by_user_and_address_without_its_port() -> None:
    ring = LogRing()
    for user, client in (("app", "10.0.0.9:50001"), ("app", "10.0.0.9:50002"), ("app", "[local]"), ("dba", "::1")):
        ring.add([LogEntry(NOON, "FATAL", FAILED, "28P01", "shop", user, client=client)])
    ring.add([LogEntry(NOON, "ERROR", "division by zero", "22012", "shop", "app", client="10.0.0.9:50001")])
    rows = login_rows(ring.entries(), NOON + timedelta(seconds=90))
    assert [row[:5] for row in rows] == [
        ("app", "10.0.0.9", 0, 2, 2),
        ("app", "[local]", 0, 1, 1),
        ("dba", "::1", 0, 1, 1),
    ]


def test_many_failed_logins_are_a_finding_that_names_who_and_where() -> None:
    ring = LogRing()
    for at in range(12):
        client = "10.0.0.9:50001" if at else "10.0.0.7:1"
        ring.add([LogEntry(NOON, "FATAL", FAILED, "28P01", "shop", "app" if at else "dba", client=client)])
    columns = ("user", "client", *COUNTS)

    def found(seconds: float) -> list[Finding]:
        taken = Snapshot(
            "log_logins", columns, tuple(login_rows(ring.entries(), NOON + timedelta(seconds=seconds))), NOON
        )
        rules = {FAILED_LOGINS.name: FAILED_LOGINS}
        return list(failed(Frame({"log_logins": (taken,)}, NOON, rules=rules)))

    (finding,) = found(60)
    assert finding.sentence == f"12 logins failed in the last minute, 11 of them as app from 10.0.0.9: {FAILED}"
    assert "others: 1 as dba from 10.0.0.7" in finding.detail
    assert found(61) == []
    lost = Frame({}, NOON, {"log_logins": Trouble(Kind.DENIED, "Cannot look.", "GRANT it")})
    with pytest.raises(CannotTell, match="Cannot look"):
        list(failed(lost))


def test_errors_have_their_course_by_minute_and_are_drawn_by_code() -> None:
    ring = LogRing()
    for minute, code in ((0, "22012"), (0, "22012"), (0, "40P01"), (59, "40P01"), (61, "40P01")):
        ring.add([LogEntry(NOON - timedelta(minutes=minute), "ERROR", "wrong", code)])
    rows = error_rows(ring.entries(), NOON)
    taken = Snapshot("log_errors", ("sqlstate", "severity", *COUNTS, "course"), tuple(rows), NOON)
    courses = {row["sqlstate"]: row["course"] for row in taken.records()}
    assert courses["22012"] == [0] * (COURSE - 1) + [2]
    assert courses["40P01"] == [1] + [0] * (COURSE - 2) + [1]
    drawn = log_course(taken, 80, 8, Metrics()).plain.splitlines()
    assert drawn[0].split() == ["A", "22012", "2", "B", "40P01", "2"]
    assert drawn[-2][6:].startswith("B")  # an hour ago
    assert drawn[-2].rstrip().endswith("A")
    assert drawn[1].rstrip().endswith("B")
    assert "12:00" in drawn[-1] or "11:" in drawn[-1]
    assert log_course(replace(taken, rows=()), 80, 8, Metrics()).plain == ""
    many = taken.with_columns(("course",), [([0] * (COURSE - 1) + [10**12],)] * 2)
    assert log_course(many, 80, 8, Metrics()).plain.splitlines()[1].rstrip().endswith("B")  # as high as there is room


@pytest.mark.parametrize(
    ("minutes", "place"),
    [
        (0.0, COURSE - 1),
        (1.0, COURSE - 2),
        (COURSE - 0.1, 0),
        (COURSE, None),
        (COURSE + 1, None),
    ],
)
def test_an_error_is_drawn_in_its_minute_and_an_older_one_not_at_all(minutes: float, place: int | None) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    entry = LogEntry(now - timedelta(minutes=minutes), "ERROR", "", sqlstate="40P01")
    ((*_, course),) = error_rows([(1, entry)], now)
    assert course == [int(at == place) for at in range(COURSE)]


async def test_a_log_that_was_replaced_by_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    path = tmp_path / "postgresql.log"
    os.mkfifo(path)
    with pytest.raises(Trouble, match="it is no file"):
        await LocalLogFiles(str(path), ".log").read(str(path), 0, 10)
