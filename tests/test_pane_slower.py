"""Statements that became slower: since when, and what else changed then, from what consoles read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.model import Snapshot
from console.panes.slow_queries import SLOWER
from console.past.recorder import ReadingRecorder
from console.sources.postgres import PostgresServer
from console.watching.concurrent_changes import changes_between
from console.watching.slower import COLUMNS, slower_source
from tests.activity import Sessions, console, other_sessions  # noqa: F401  a fixture, found by name
from tests.pasts import at, keep, reading
from tests.servers import PostgresServer as Cluster

READINGS, CALLS = 5, 12  # on each side of the step; between two readings
SLEEP = "SELECT pg_catalog.pg_sleep({}) AS sought"


async def kept(recorder: ReadingRecorder, server: PostgresServer, minute: int, *queries: str) -> None:
    """Keep what the queries return now, as if it had been read in this minute of the last twelve."""
    moment = datetime.now(UTC) - timedelta(minutes=12 - minute)
    for query in queries:
        taken = await server.fetch(query)
        keep(recorder, replace(taken, taken_at=moment))


async def test_a_statement_that_became_slower_is_found_with_what_else_changed(
    sessions: Sessions, pg: Cluster, database: str
) -> None:
    session = sessions.open(application_name="before")
    session.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    session.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")
    session.execute("CREATE INDEX orders_note_idx ON orders (note)")
    recorder = ReadingRecorder()
    async with console(pg, database) as server:
        for minute in range(2 * READINGS + 1):
            if minute == READINGS + 1:
                session.execute("DROP INDEX orders_note_idx")
                session.execute("SET application_name = 'release 2'")
            for _ in range(CALLS if minute else 1):
                # First one that is long: only the 500 statements with the highest total time are read.
                seconds = "0.05" if minute > READINGS else "0.00" if minute else "1.00"
                session.execute(SLEEP.format(seconds).encode())
            await kept(recorder, server, minute, "statements", "table_indexes", "connections")
        found = await slower_source(server, recorder.readings).fetch(SLOWER.query)
    rows = dict(zip(found.values("queryid"), found.records(), strict=True))
    with pg.connect(database) as other:
        ((queryid,),) = other.execute("SELECT queryid FROM pg_stat_statements WHERE query LIKE '%AS sought'").fetchall()
    row = rows[queryid]
    assert float(str(row["after_ms"])) == pytest.approx(50, rel=0.5)
    assert float(str(row["factor"])) > 5
    before, since = row["seen"], row["at"]
    assert isinstance(before, datetime)
    assert isinstance(since, datetime)
    assert 50 <= (since - before).total_seconds() <= 70
    assert "index orders_note_idx gone" in str(row["changes"])
    assert "application release 2 new" in str(row["changes"])
    assert set(SLOWER.key) <= set(COLUMNS)


async def test_without_earlier_readings_nothing_is_called_slower(any_pg: Cluster) -> None:
    async with console(any_pg, "postgres") as server:
        with any_pg.connect("postgres") as session:
            session.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        found = await slower_source(server, ReadingRecorder().readings).fetch(SLOWER.query)
    assert found.rows == ()
    assert found.notes[0].startswith("Nothing was read before")


def settings(second: float, **values: str) -> Snapshot:
    return reading("settings", second, values.items(), ("name", "value"))


def tables(second: float, **ages: float | None) -> Snapshot:
    return reading("vacuum_due", second, ages.items(), ("table", "analyze_age"))


def statements(second: float, *ids: int) -> Snapshot:
    return reading("statements", second, ((each,) for each in ids), ("queryid",))


@pytest.mark.parametrize(
    ("readings", "said"),
    [
        ((), ()),
        ((settings(0, work_mem="4MB"),), ()),
        ((settings(0, work_mem="4MB"), settings(650, work_mem="4MB")), ()),
        (
            (settings(0, work_mem="4MB", jit="on"), settings(650, work_mem="64MB", jit="on", new="x")),
            ("setting work_mem 4MB → 64MB changed",),
        ),
        (
            (settings(0, **dict.fromkeys("abcde", "1")), settings(650, **dict.fromkeys("abcde", "2"))),
            ("5 settings changed: a 1 → 2, b 1 → 2, c 1 → 2 and 2 more",),
        ),
        ((settings(590, work_mem="4MB"), settings(700, work_mem="64MB")), ()),
        ((tables(650, orders=60.0, users=900.0, items=None),), ("table orders analyzed",)),
        ((statements(0, 1, 2), statements(660, 1, 2, 3)), ("1 new statement",)),
        ((statements(0, 1, 2), statements(660, 1)), ()),
    ],
)
def test_what_else_changed_is_said_only_if_it_was_read_on_both_sides(
    readings: tuple[Snapshot, ...], said: tuple[str, ...]
) -> None:
    """The step is between the seconds 600 and 660."""
    recorder = ReadingRecorder()
    keep(recorder, *readings)
    assert changes_between(recorder.readings(at(700)), at(600), at(660)) == said
