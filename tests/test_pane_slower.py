"""Statements that became slower: since when, and what else changed then, from what consoles read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.demo.cluster import OWNER
from console.explaining.explain import Asked, explain
from console.explaining.kept import FOLDER, KeptPlans
from console.explaining.subject import Subject
from console.model import Snapshot
from console.panes.slow_queries import SLOWER
from console.past.recorder import ReadingRecorder
from console.sources.postgres import PostgresServer
from console.watching.concurrent_changes import changes_between
from console.watching.known_hours import KnownHours
from console.watching.slower import COLUMNS, FULL, SlowerStatements
from console.watching.step_plans import StepPlans
from console.watching.store import NAME, Store, target_key
from tests.activity import console
from tests.pasts import at, keep, reading
from tests.servers import PostgresServer as Cluster
from tests.statements import OWN_STATEMENTS

READINGS, CALLS = 5, 12  # on each side of the step; between two readings
SLEEP = "SELECT pg_catalog.pg_sleep({}) AS sought FROM orders WHERE note = 'n7'"


def slower(server: PostgresServer, recorder: ReadingRecorder, folder: Path) -> SlowerStatements:
    plans = StepPlans(server, KeptPlans(folder / FOLDER))
    return SlowerStatements(server, recorder.readings, plans, KnownHours(Store(folder / NAME)))


async def kept(recorder: ReadingRecorder, server: PostgresServer, minute: int, *queries: str) -> None:
    """Keep what the queries return now, as if it had been read in this minute of the last twelve."""
    moment = datetime.now(UTC) - timedelta(minutes=12 - minute)
    for query in queries:
        taken = await server.fetch(query)
        keep(recorder, replace(taken, taken_at=moment))


async def kept_plan(server: PostgresServer, folder: Path, text: str) -> None:
    """Keep the present plan of a statement as if it had been there an hour ago."""
    target, kept = target_key(await server.connect()), KeptPlans(folder / FOLDER)
    explained = await explain(server, Asked(Subject(text), role=OWNER), kept, target)
    fingerprint = explained.found.statement.fingerprint
    (plan,) = kept.of(target, fingerprint)
    an_hour = timedelta(hours=1)
    kept._file(target, fingerprint).unlink()
    kept.keep(target, fingerprint, replace(plan, first=plan.first - an_hour, last=plan.last - an_hour))


async def test_a_statement_that_became_slower_is_found_with_what_else_changed(
    pg: Cluster, database: str, tmp_path: Path
) -> None:
    with pg.connect(database) as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        admin.execute(f"GRANT ALL ON SCHEMA public TO {OWNER}".encode())
    recorder = ReadingRecorder()
    async with console(pg, database) as server:
        with pg.connect(database, OWNER, application_name="before") as session:
            session.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")
            session.execute("INSERT INTO orders SELECT g, 'n' || g FROM generate_series(1, 5000) g")
            session.execute("CREATE INDEX orders_note_idx ON orders (note)")
            session.execute("ANALYZE orders")
            session.execute(SLEEP.format("1.00").encode())
            with pg.connect(database) as other:
                found = other.execute(f"SELECT queryid, query FROM {OWN_STATEMENTS} WHERE query ~ ' AS sought FROM'")
                ((queryid, text),) = found.fetchall()
            await kept_plan(server, tmp_path, text)
            for minute in range(2 * READINGS + 1):
                if minute == READINGS + 1:
                    session.execute("DROP INDEX orders_note_idx")
                    session.execute("ALTER TABLE orders SET (autovacuum_enabled = off)")
                    session.execute("SET application_name = 'release 2'")
                for _ in range(CALLS if minute else 1):
                    # First one that is long: only the 500 statements with the highest total time are read.
                    seconds = "0.03" if minute > READINGS else "0.00" if minute else "1.00"
                    session.execute(SLEEP.format(seconds).encode())
                await kept(recorder, server, minute, "statements", "table_indexes", "connections", "set_options")
            found_slower = await slower(server, recorder, tmp_path).fetch(SLOWER.query)
    rows = dict(zip(found_slower.values("queryid"), found_slower.records(), strict=True))
    row = rows[queryid]
    assert 25 < float(str(row["after_ms"])) < 1000  # it sleeps for 30 ms, and waits for a processor after that
    assert float(str(row["factor"])) > 5
    before, since = row["seen"], row["at"]
    assert isinstance(before, datetime)
    assert isinstance(since, datetime)
    assert 50 <= (since - before).total_seconds() <= 70
    changes = str(row["changes"])
    assert changes.startswith("plan changed: Index Only Scan using orders_note_idx on orders → Seq Scan on orders")
    assert "index orders_note_idx gone" in changes
    assert "application release 2 new" in changes
    assert "option autovacuum_enabled of orders (not set) → off changed" in changes
    assert str(row["plan_then"]).endswith("Index Only Scan using orders_note_idx on orders")
    assert str(row["plan_now"]).endswith("Seq Scan on orders")
    assert set(SLOWER.key) <= set(COLUMNS)
    assert {column.name for column in SLOWER.columns} - {"query"} <= set(COLUMNS)


async def test_statements_beyond_the_most_expensive_ones_are_read_as_well(pg: Cluster, database: str) -> None:
    with pg.connect(database) as session:
        session.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        for columns in range(1, 530):
            session.execute(("SELECT 'beyond'" + ", 1" * columns).encode())
        of_these = f"SELECT queryid FROM {OWN_STATEMENTS} WHERE query LIKE 'SELECT $1, %' AND calls = 1 AND rows = 1"
        sought = {queryid for (queryid,) in session.execute(of_these.encode()).fetchall()}
    async with console(pg, database) as server:
        first, others = await server.fetch("statements"), await server.fetch("statements_beyond")
    assert len(first.rows) == FULL
    assert len(sought) >= 400  # other tests' statements may have displaced some
    assert len(sought - {*first.values("queryid"), *others.values("queryid")}) <= 5  # as they change places meanwhile
    assert len(sought & set(others.values("queryid"))) > 20


async def test_options_of_roles_databases_and_tables_are_noticed(pg: Cluster, database: str) -> None:
    recorder = ReadingRecorder()
    async with console(pg, database) as server:
        await kept(recorder, server, 0, "set_options")
        with pg.connect(database) as session:
            session.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")
            session.execute(f"ALTER DATABASE {database} SET work_mem = '64kB'".encode())
            session.execute(f"ALTER ROLE postgres IN DATABASE {database} SET jit = off".encode())
            session.execute("ALTER TABLE orders SET (fillfactor = 70, toast.autovacuum_enabled = off)")
            session.execute("ALTER INDEX orders_pkey SET (fillfactor = 60)")
        await kept(recorder, server, 8, "set_options")
    now = datetime.now(UTC).timestamp()
    settings = f"work_mem of database {database} (not set) → 64kB", f"jit of role postgres in database {database} (not"
    orders = "fillfactor of orders (not set) → 70", "autovacuum_enabled of orders (TOAST) (not set) → off"
    said = changes_between(recorder.readings(now), now - 420, now - 360)
    assert said == (
        f"2 settings changed: {settings[0]}, {settings[1]} set) → off",
        f"3 options changed: {orders[0]}, {orders[1]}, fillfactor of orders_pkey (index) (not set) → 60",
    )


async def test_without_earlier_readings_nothing_is_called_slower(any_pg: Cluster, tmp_path: Path) -> None:
    async with console(any_pg, "postgres") as server:
        with any_pg.connect("postgres") as session:
            session.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        found = await slower(server, ReadingRecorder(), tmp_path).fetch(SLOWER.query)
    assert found.rows == ()
    assert found.notes[0].startswith("Nothing was read before")


def settings(second: float, **values: str) -> Snapshot:
    return reading("settings", second, values.items(), ("name", "value"))


def tables(second: float, **ages: float | None) -> Snapshot:
    return reading("vacuum_due", second, ages.items(), ("table", "analyze_age"))


def options(second: float, *rows: tuple[str, str, str, str]) -> Snapshot:
    return reading("set_options", second, rows, ("kind", "object", "name", "value"))


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
        (
            (
                options(0, ("setting", "role app", "work_mem", "4MB"), ("option", "public.t", "fillfactor", "70")),
                options(700, ("setting", "role app", "work_mem", "64MB"), ("setting", "database shop", "jit", "off")),
            ),
            (
                "2 settings changed: jit of database shop (not set) → off, work_mem of role app 4MB → 64MB",
                "option fillfactor of t 70 → (not set) changed",
            ),
        ),
        ((options(0), options(900, ("setting", "role app", "work_mem", "64MB"))), ()),
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
