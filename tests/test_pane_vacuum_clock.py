"""The clock of autovacuum on real servers: what it predicts is what VACUUM VERBOSE then counts, and why it waits."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from console.model import Record, Source
from console.panes.vacuum_clock import CLOCK, why_not
from console.reading.reader import Reader
from console.series.vacuum_readings import Horizon, Point, Removable, TableCourse, TableReadings, due_in
from console.watching.vacuum_clock import clock_source
from tests.activity import Sessions, console, other_sessions  # noqa: F401  a fixture, found by name
from tests.faults.servers import execute, own_server  # noqa: F401  a fixture, found by name
from tests.servers import PostgresServer as Running
from tests.waiting import eventually

REMOVED = (  # of a table that VACUUM VERBOSE reports on: how many tuples it removed, and how many it had to keep
    re.compile(r"found (\d+) removable, .*?(\d+) dead row versions cannot be removed", re.DOTALL),  # 14
    re.compile(r"tuples: (\d+) removed, \d+ remain, (\d+) are dead but not yet removable"),  # since 15
)
POINTERS = re.compile(r"removed (\d+) dead item identifiers|had (\d+) dead item identifiers removed")  # 14, since 15
BY_INDEX = "SET enable_seqscan = off"  # a scan of the table would prune what was deleted before
SCANS = ("SET enable_indexscan = off", "SET enable_bitmapscan = off")
EARLY = (  # some is deleted, updated, or rolled back before the snapshot, and some after it
    BY_INDEX,
    "DELETE FROM event WHERE id <= 3000",
    "UPDATE account SET balance = balance + 1 WHERE id <= 1200",
    "DELETE FROM document WHERE id <= 90",
)
LATER = (
    BY_INDEX,
    "DELETE FROM event WHERE id BETWEEN 3001 AND 5000",
    "UPDATE account SET balance = balance + 1 WHERE id > 4000",
    "DELETE FROM document WHERE id > 250",
)


def vacuum(server: Running, database: str, table: str) -> str:
    """What VACUUM VERBOSE reports."""
    heard: list[str] = []
    with server.connect(database) as owner:
        owner.add_notice_handler(
            lambda notice: heard.append(f"{notice.message_primary}\n{notice.message_detail or ''}"),
        )
        owner.execute(f"VACUUM (VERBOSE) {table}".encode())
    return "\n".join(heard)


def counted(report: str) -> list[tuple[int, int]]:
    """Tuples that VACUUM VERBOSE removed and had to keep: of the table, then of its TOAST table."""
    found = [match for pattern in REMOVED for match in pattern.finditer(report)]
    return [(int(match[1]), int(match[2])) for match in found]


async def dead(
    clock: Source, wanted: Mapping[tuple[str, bool], int], *, held: bool = False
) -> dict[tuple[str, bool], Record]:
    """The rows of tables, once so many dead tuples are counted and, with `held`, somebody is blamed for them."""
    found: dict[tuple[str, bool], Record] = {}
    reader = Reader(CLOCK)

    async def are_counted() -> bool:
        rows = (await reader.read(clock)).records()
        found.update({(str(row["table"]).partition(".")[2], bool(row["toast"])): row for row in rows})
        return all(
            name in found and int(str(found[name]["dead"])) >= least and (found[name]["holder"] or not held)
            for name, least in wanted.items()
        )

    await eventually(are_counted)
    return found


async def test_predictions_are_what_vacuum_verbose_counts(pg: Running, database: str, sessions: Sessions) -> None:
    execute(
        pg,
        database,
        "CREATE TABLE event (id int PRIMARY KEY, body text)",
        "CREATE TABLE account (id int PRIMARY KEY, balance int)",
        "CREATE TABLE document (id int PRIMARY KEY, body text)",
        "ALTER TABLE document ALTER COLUMN body SET STORAGE EXTERNAL",
        "INSERT INTO event SELECT g, 'x' FROM generate_series(1, 8000) g",
        "INSERT INTO account SELECT g, 0 FROM generate_series(1, 5000) g",
        "INSERT INTO document SELECT g, repeat('x', 6000) FROM generate_series(1, 300) g",
        "VACUUM event, account, document",
        *EARLY,
        "BEGIN; INSERT INTO event SELECT g, 'aborted' FROM generate_series(10001, 10500) g; ROLLBACK",
    )
    async with console(pg, database, "pipeline_monitor") as reading:
        clock = clock_source(reading)
        early = {("event", False): 3500, ("account", False): 1200, ("document", False): 90, ("document", True): 360}
        before = await dead(clock, early)
        assert [(before[name]["keeps"], before[name]["holder"]) for name in early] == [(0, None)] * len(early)
        report = sessions.open(application_name="report")
        report.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        execute(pg, database, *LATER)
        late = {("event", False): 5500, ("account", False): 2200, ("document", False): 140, ("document", True): 560}
        rows = await dead(clock, late, held=True)
    holder = f"pid {report.info.backend_pid} report"
    for table in ("event", "account", "document"):
        predicted = [rows[name] for name in ((table, False), (table, True)) if name in late]
        for row, (removed, kept) in zip(predicted, counted(vacuum(pg, database, table)), strict=False):
            assert row["holder"] == holder
            assert row["approximate"] == ""
            assert row["removes"] == pytest.approx(removed, rel=0.05), table
            assert row["keeps"] == pytest.approx(kept, rel=0.05), table


async def test_what_was_pruned_before_is_counted_as_vacuum_counts_its_item_identifiers(
    pg: Running, database: str, sessions: Sessions
) -> None:
    execute(
        pg,
        database,
        "CREATE TABLE log (id int PRIMARY KEY, body text)",
        "INSERT INTO log SELECT g, 'x' FROM generate_series(1, 8000) g",
        "VACUUM log",
        "DELETE FROM log WHERE id <= 4000",
    )
    async with console(pg, database) as reading:
        clock = clock_source(reading)
        await dead(clock, {("log", False): 4000})
        sessions.open().execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        execute(pg, database, *SCANS, "DELETE FROM log WHERE id > 7000")
        row = (await dead(clock, {("log", False): 5000}, held=True))["log", False]
    pointers = [int(match[1] or match[2]) for match in POINTERS.finditer(vacuum(pg, database, "log"))]
    assert row["removes"] == pytest.approx(sum(pointers), rel=0.05)
    assert row["keeps"] == pytest.approx(1000, rel=0.05)


@pytest.mark.spread
async def test_a_prepared_transaction_and_a_slot_are_blamed_for_what_they_keep(pg: Running, database: str) -> None:
    execute(
        pg,
        database,
        "CREATE TABLE event (id int PRIMARY KEY)",
        "INSERT INTO event SELECT generate_series(1, 4000)",
        "VACUUM event",
        "DELETE FROM event WHERE id <= 500",
        "SELECT pg_create_logical_replication_slot('feed', 'pgoutput')",
    )
    try:
        async with console(pg, database) as reading:
            clock = clock_source(reading)
            await dead(clock, {("event", False): 500})
            execute(pg, database, "BEGIN; CREATE TABLE other (id int); PREPARE TRANSACTION 'order 17'")
            execute(pg, database, "DELETE FROM event WHERE id <= 1500")
            row = (await dead(clock, {("event", False): 1500}, held=True))["event", False]
            catalog = await Reader(CLOCK).read(clock)
    finally:
        execute(pg, database, "ROLLBACK PREPARED 'order 17'", "SELECT pg_drop_replication_slot('feed')")
    assert (row["removes"], row["keeps"], row["holder"]) == (500, 1000, "prepared order 17")
    blamed = {each["holder"] for each in catalog.records() if each["scope"] == "catalog"}
    assert blamed <= {"slot feed", None}


@pytest.mark.spread
async def test_the_transaction_of_another_database_is_blamed_where_a_snapshot_here_inherits_it(
    pg: Running, database: str, sessions: Sessions
) -> None:
    execute(pg, database, "CREATE TABLE event (id int)", "INSERT INTO event SELECT generate_series(1, 1000)")
    writer = sessions.open(database="postgres", application_name="writer")
    writer.execute("BEGIN; CREATE TEMP TABLE other (id int)")
    reader = sessions.open(application_name="reader")
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
    execute(pg, database, "VACUUM event", "DELETE FROM event")
    async with console(pg, database) as reading:
        row = (await dead(clock_source(reading), {("event", False): 1000}, held=True))["event", False]
    assert row["why"] == f"held back: pid {writer.info.backend_pid} writer in postgres"
    assert row["holder"] == f"pid {writer.info.backend_pid} writer in postgres"
    assert (row["removes"], row["keeps"]) == (0, 1000)


@pytest.mark.spread
async def test_a_table_is_due_when_its_dead_tuples_grow_to_its_own_threshold(pg: Running, database: str) -> None:
    execute(
        pg,
        database,
        "CREATE TABLE event (id int) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, "
        "autovacuum_analyze_threshold = 100000)",
        "INSERT INTO event SELECT generate_series(1, 2000)",
    )
    execute(pg, database, "VACUUM event")  # in another session, so that what was inserted is counted before it
    execute(pg, database, "DELETE FROM event WHERE id <= 100")
    async with console(pg, database) as reading:
        clock = clock_source(reading)
        first = (await dead(clock, {("event", False): 100}))["event", False]
        execute(pg, database, "DELETE FROM event WHERE id <= 400")
        second = (await dead(clock, {("event", False): 400}))["event", False]
        execute(pg, database, "DELETE FROM event")
        due = (await dead(clock, {("event", False): 2000}))["event", False]
    assert (first["why"], second["due_pct"]) == ("below threshold", 40)
    assert second["due_in"] == pytest.approx(600 / float(str(second["dead_rate"])), rel=0.01)
    assert (due["due_in"], due["due_for"], due["why"]) == (0, "dead tuples", "next round: each 1h")


WAITING: Record = {
    "standby": False,
    "running": None,
    "server_enabled": True,
    "enabled": True,
    "due_pct": 200.0,
    "analyze_pct": 0.0,
    "freeze_pct": 1.0,
    "locked_by": None,
    "holder": None,
    "due_for": "dead tuples",
    "removes": 10,
    "workers_busy": False,
    "goes_first": None,
    "due_since": 500.0,
    "naptime": 60.0,
    "interrupted": None,
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "waits for its turn"),
        ({"standby": True, "enabled": False}, "standby: the primary vacuums"),
        ({"enabled": False, "interrupted": 5.0}, "off for this table"),
        ({"interrupted": 300.0}, "interrupted 5m ago"),
        ({"interrupted": 300.0, "locked_by": 12}, "locked by pid 12"),
        ({"goes_first": "old"}, "after database old"),
        ({"goes_first": "old", "freeze_pct": 120.0}, "waits for its turn"),
        ({"due_since": 10.0}, "next round: each 1m"),
        ({"holder": "slot feed", "removes": 0}, "held back: slot feed"),
        ({"holder": "slot feed", "removes": 4}, "waits for its turn"),
    ],
)
def test_the_decisive_reason_is_given(change: Record, reason: str) -> None:
    assert why_not({**WAITING, **change}) == reason


def course(*points: tuple[int, float]) -> TableCourse:
    """A table with so many dead tuples at these positions, read a minute apart and never vacuumed meanwhile."""
    made = TableCourse()
    for minute, (position, many) in enumerate(points):
        made.add(Point(60.0 * minute, position, many, (many, 0.0, 0.0)), 86_400.0, running=False)
    return made


@pytest.mark.parametrize(
    ("points", "horizon", "expected"),
    [
        ([(100, 500.0)], Horizon(100, None), Removable(500.0)),
        ([(100, 500.0)], Horizon(100, 0), Removable(500.0)),
        ([(100, 500.0), (200, 500.0), (300, 900.0)], Horizon(300, 150), Removable(500.0)),
        ([(100, 500.0), (200, 1000.0)], Horizon(200, 100), Removable(500.0)),
        ([(100, 500.0), (200, 1000.0)], Horizon(200, 50), Removable(750.0, exact=False)),
        ([(100, 500.0), (200, 510.0)], Horizon(200, 50), Removable(505.0)),
        ([(100, 500.0), (200, 1000.0)], Horizon(200, 150), Removable(None)),
        ([(100, 0.0), (200, 1000.0)], Horizon(200, 150), Removable(0.0)),
        ([(100, 500.0)], Horizon(100, 50, since=90_000.0), Removable(0.0)),
        ([(100, 500.0)], Horizon(100, 50, since=43_200.0), Removable(250.0, exact=False)),
        ([(2**32 - 50, 500.0), (50, 900.0)], Horizon(50, 100), Removable(500.0)),
    ],
)
def test_what_died_before_the_horizon_is_removable(
    points: list[tuple[int, float]], horizon: Horizon, expected: Removable
) -> None:
    assert course(*points).removable(horizon, 86_400.0) == expected


def test_what_a_vacuum_kept_stays_as_long_as_its_holder() -> None:
    table = course((100, 500.0), (200, 1000.0))
    table.add(Point(180.0, 300, 600.0, (60.0, 0.0, 0.0)), 30.0, running=False)
    assert table.removable(Horizon(300, 150), 30.0) == Removable(0.0)
    assert table.removable(Horizon(300, 0), 30.0) == Removable(600.0)


def test_a_vacuum_that_ended_without_having_finished_was_interrupted() -> None:
    table = course((100, 500.0))
    table.add(Point(60.0, 200, 500.0, (0.0, 0.0, 0.0)), 86_400.0, running=True)
    table.add(Point(120.0, 300, 500.0, (0.0, 0.0, 0.0)), 86_400.0, running=False)
    assert table.interrupted == 120.0
    table.add(Point(180.0, 400, 500.0, (0.0, 0.0, 0.0)), 86_400.0, running=True)
    table.add(Point(240.0, 500, 10.0, (0.0, 0.0, 0.0)), 20.0, running=False)
    assert table.interrupted is None


def test_readings_of_a_table_are_few_however_long_it_is_watched() -> None:
    table = course(*((position, float(position)) for position in range(5000)))
    assert len(table.points) <= 60
    assert table.points[0].position == 0
    kept = table.removable(Horizon(4999, 2500), 86_400.0)
    assert kept.tuples == pytest.approx(2499, rel=0.05)


@pytest.mark.parametrize(
    ("row", "rates", "expected"),
    [
        ({"due_pct": 120.0}, (1.0, None, None), 0.0),
        ({"dead_pct": 40.0}, (2.0, 0.0, 0.0), 30.0),
        ({"dead_pct": 40.0, "insert_pct": 90.0}, (2.0, 1.0, 0.0), 10.0),
        ({"dead_pct": 40.0, "insert_pct": None, "freeze_pct": 99.0}, (0.0, 0.0, 0.1), 10.0),
        ({"dead_pct": 50.0, "vacuum_age": 100.0}, (None, None, None), 100.0),
        ({"dead_pct": 50.0}, (None, None, None), None),
        ({"dead_pct": 50.0}, (0.0, 0.0, 0.0), None),
    ],
)
def test_the_first_threshold_that_is_reached_makes_it_due(
    row: Record, rates: tuple[float | None, ...], expected: float | None
) -> None:
    whole = {"due_pct": 0.0, "dead_pct": 0.0, "insert_pct": 0.0, "freeze_pct": 0.0, "vacuum_age": None, **row}
    measures = dict(zip(("dead_pct", "insert_pct", "freeze_pct"), rates, strict=True))
    found = due_in(whole, measures)
    assert found == (expected if expected is None else pytest.approx(expected))


def test_a_table_that_is_gone_is_forgotten() -> None:
    readings = TableReadings()
    readings.add([{"oid": 1, "dead": 5, "due_pct": 200.0, "vacuum_age": None, "running": None, **SHARES}], 10, 0.0)
    assert readings.due_for(1, 60.0) == 60.0
    readings.add([], 10, 4000.0)
    assert not readings.courses
    assert readings.due_for(1, 4000.0) is None


SHARES: Record = {"dead_pct": 200.0, "insert_pct": 0.0, "freeze_pct": 0.0}
