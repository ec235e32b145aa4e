"""What goes on in a server: vital signs, connections, locks, slow queries."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from console.demo.account import give
from console.demo.cluster import APPLICATION
from console.demo.postgres_server import PostgresProcess
from console.format import FORMATS
from console.model import Facts, Level, Pane, Snapshot, View
from console.panes.arrange import arrange
from console.panes.connections import CONNECTIONS, readable
from console.panes.locks import LOCKS, tree
from console.panes.overview import OVERVIEW, VITALS, signs
from console.panes.reading import Reader, keys
from console.panes.slow_queries import SLOW_QUERIES, judged
from console.postgres import PostgresServer
from tests.servers import PostgresServer as Running
from tests.servers import Servers

PANES = (OVERVIEW, CONNECTIONS, LOCKS, SLOW_QUERIES)
ALL = CONNECTIONS.view("all")
TREE = LOCKS.view("blocking")
NOW = SLOW_QUERIES.view("now")
VIEWS = [pytest.param(pane, view, id=f"{pane.name}-{view.name}") for pane in PANES for view in pane.views]


@asynccontextmanager
async def console(server: Running, database: str, user: str = "postgres") -> AsyncIterator[PostgresServer]:
    """The console's reading session."""
    reading = PostgresServer(server.uri(database, user))
    try:
        yield reading
    finally:
        await reading.close()


@dataclass
class Sessions:
    """Sessions of somebody else, on one database; statements that wait run in threads."""

    server: Running
    database: str
    opened: list[psycopg.Connection[Any]] = field(default_factory=list)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8))

    def open(self, **options: Any) -> psycopg.Connection[Any]:
        self.opened.append(self.server.connect(options.pop("database", self.database), **options))
        return self.opened[-1]

    def run(self, connection: psycopg.Connection[Any], statement: str) -> None:
        """Send a statement that will wait; it ends with the session."""

        def wait() -> None:
            with suppress(psycopg.Error):
                connection.execute(statement.encode())

        self.threads.submit(wait)

    def close(self) -> None:
        pids = [connection.info.backend_pid for connection in self.opened if not connection.closed]
        with self.server.connect() as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", (pids,))
        self.threads.shutdown()
        for connection in self.opened:
            connection.close()


@pytest.fixture
def sessions(pg: Running, database: str) -> Iterator[Sessions]:
    """Other sessions on an empty database, ended after the test."""
    others = Sessions(pg, database)
    with others.open() as first:
        first.execute("CREATE TABLE item (id int PRIMARY KEY, n int)")
        first.execute("INSERT INTO item SELECT g, 0 FROM generate_series(1, 10) g")
    yield others
    others.close()


async def until(reading: PostgresServer, view: View, there: Callable[[Snapshot], bool]) -> Snapshot:
    """The first snapshot of `view` that is as wanted."""
    reader = Reader(view)
    async with asyncio.timeout(20):
        while not there(snapshot := await reader.read(reading)):
            pass
    return snapshot


def waiting(count: int) -> Callable[[Snapshot], bool]:
    """At least so many sessions wait, and since when is known."""
    return lambda snapshot: sum(age is not None for age in snapshot.values("wait_age")) >= count


def by_pid(snapshot: Snapshot) -> dict[object, dict[str, object]]:
    return {record["pid"]: record for record in snapshot.records()}


@pytest.mark.parametrize(("pane", "view"), VIEWS)
def test_the_decisive_columns_fit_into_80_cells(pane: Pane, view: View) -> None:
    fixed = [c.width or FORMATS[c.format].width for c in view.columns if not c.extra and not c.grow]
    assert sum(c.grow for c in view.columns) == 1
    assert 80 - 2 - len(fixed) - sum(fixed) >= 14


@pytest.mark.parametrize(("pane", "view"), VIEWS)
async def test_every_view_reads_all_its_columns(pg: Running, database: str, pane: Pane, view: View) -> None:
    with pg.connect(database) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    async with console(pg, database) as reading:
        reader = Reader(view)
        await reader.read(reading)
        snapshot = await reader.read(reading)
    assert {column.name for column in view.columns} <= set(snapshot.columns)
    assert set(view.key) <= set(snapshot.columns)
    assert not view.sort or view.sort.removeprefix("-") in snapshot.columns


async def test_the_lock_tree_shows_a_chain_from_its_root(sessions: Sessions, pg: Running, database: str) -> None:
    root, middle, last = sessions.open(), sessions.open(), sessions.open(application_name="last one")
    root.execute("BEGIN; UPDATE item SET n = 1 WHERE id = 1")
    middle.execute("BEGIN; UPDATE item SET n = 1 WHERE id = 2")
    async with console(pg, database) as reading:
        sessions.run(middle, "UPDATE item SET n = 1 WHERE id = 1")
        await until(reading, TREE, waiting(1))
        sessions.run(last, "BEGIN; UPDATE item SET n = 1 WHERE id = 2")
        snapshot = await until(reading, TREE, waiting(2))
        details = await reading.fetch(
            "connection_details", dict(zip(TREE.key, keys(snapshot, TREE.key)[1], strict=True))
        )
    pids = [connection.info.backend_pid for connection in (root, middle, last)]
    assert snapshot.values("tree") == (f"{pids[0]}", f"└{pids[1]}", f"·└{pids[2]}")
    assert snapshot.values("blocks") == (2, 1, 0)
    assert snapshot.values("state") == ("idle in tx", "active", "active")
    records = by_pid(snapshot)
    first, second, third = (records[pid] for pid in pids)
    assert first["wait_age"] is None
    assert str(first["lock"]).startswith("holds transaction")
    assert str(second["lock"]).startswith("wants row (0,1) of public.item, transaction")
    assert second["blocked_by"] == [pids[0]]
    assert isinstance(second["wait_age"], float)
    assert isinstance(third["wait_age"], float)
    assert 0 < third["wait_age"] < second["wait_age"] < 20
    assert third["application"] == "last one"
    found = pairs(details)
    assert found["query"] == "UPDATE item SET n = 1 WHERE id = 1"
    assert str(found["waits for"]).startswith("ShareLock on transaction")
    assert ("holds", "RowExclusiveLock on public.item") in details.rows


async def test_a_prepared_transaction_is_a_root_with_pid_0(pg: Running, pg_servers: Servers) -> None:
    if pg_servers.choices[pg.major].installation is None:
        pytest.skip("needs a server with max_prepared_transactions of its own")
    server = pg_servers.new(pg.major, {"max_prepared_transactions": "4"})
    others = Sessions(server, "postgres")
    try:
        with others.open() as first:
            first.execute("CREATE TABLE item (id int PRIMARY KEY, n int)")
            first.execute("INSERT INTO item VALUES (1, 0), (2, 0)")
            for name, row in (("left over", 1), ("another", 2)):
                first.execute(f"BEGIN; UPDATE item SET n = 1 WHERE id = {row}; PREPARE TRANSACTION '{name}'")
        waiter = others.open()
        others.run(waiter, "UPDATE item SET n = 2 WHERE id = 1")
        async with console(server, "postgres") as reading:
            snapshot = await until(reading, TREE, waiting(1))
            vitals = await vital_signs(Reader(VITALS), reading)
            details = await reading.fetch(
                "connection_details", dict(zip(TREE.key, keys(snapshot, TREE.key)[0], strict=True))
            )
        assert snapshot.values("pid") == (0, waiter.info.backend_pid)
        assert snapshot.values("root") == ("left over", "left over")
        assert snapshot.values("blocks") == (1, 0)
        assert snapshot.values("state")[0] == "prepared"
        assert snapshot.values("query")[0] == "PREPARE TRANSACTION 'left over'"
        assert vitals["prepared"] == 2
        assert ("holds (left over)", "RowExclusiveLock on public.item") in details.rows
    finally:
        others.close()
        server.stop()


async def test_readers_behind_a_queued_lock_all_stand_under_the_holder(
    sessions: Sessions, pg: Running, database: str
) -> None:
    holder, change, reader = sessions.open(), sessions.open(), sessions.open()
    holder.execute("BEGIN; SELECT * FROM item")
    async with console(pg, database) as reading:
        sessions.run(change, "ALTER TABLE item ADD m int")
        await until(reading, TREE, waiting(1))
        sessions.run(reader, "SELECT * FROM item")
        snapshot = await until(reading, TREE, waiting(2))
        held = await until(reading, LOCKS.view("held"), lambda taken: "public.item" in taken.values("relation"))
    assert snapshot.values("depth") == (0, 1, 2)
    assert snapshot.values("pid") == tuple(one.info.backend_pid for one in (holder, change, reader))
    assert snapshot.values("lock")[0] == "holds AccessShare on public.item"
    item = next(record for record in held.records() if record["relation"] == "public.item")
    assert (item["sessions"], item["waiting"], item["strongest"]) == (1, 2, "AccessShare")
    assert item["wanted"] == ["AccessExclusive", "AccessShare"]


async def test_nothing_is_shown_where_nobody_waits(sessions: Sessions, pg: Running, database: str) -> None:
    sessions.open().execute("BEGIN; UPDATE item SET n = 1")
    async with console(pg, database) as reading:
        snapshot = await Reader(TREE).read(reading)
    assert [record for record in snapshot.records() if record["database"] == database] == []


async def test_looking_never_waits_behind_an_exclusive_lock(sessions: Sessions, pg: Running, database: str) -> None:
    with pg.connect(database) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    change = sessions.open()
    change.execute("BEGIN; ALTER TABLE item ADD m int")
    change.execute(
        "LOCK pg_catalog.pg_attrdef, pg_catalog.pg_depend, pg_catalog.pg_description IN ACCESS EXCLUSIVE MODE"
    )
    async with console(pg, database) as reading:
        sessions.run(sessions.open(), "SELECT * FROM item")
        await until(reading, TREE, waiting(1))
        for pane in PANES:
            for view in pane.views:
                await Reader(view).read(reading)


def flat(*rows: tuple[int, list[int]]) -> Snapshot:
    """Rows of the lock query: pid and blockers; the longer the list, the longer it has waited."""
    columns = ("pid", "gid", "blocked_by", "in_the_way_of", "wait_age", "xact_age", "state", "wants", "holds", "query")
    longest = len(rows)
    return Snapshot(
        "locks",
        columns,
        tuple(
            (pid, None, by or None, None, float(longest - at) if by else None, 9.0, "active", None, None, b"x")
            for at, (pid, by) in enumerate(rows)
        ),
        datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_who_waits_for_two_roots_is_listed_once_under_each() -> None:
    shown = tree(flat((1, []), (2, []), (3, [1, 2]), (4, [3, 1]), (5, [2])))
    assert list(zip(shown.values("root"), shown.values("tree"), strict=True)) == [
        ("2", "2"), ("2", "└3"), ("2", "·└4"), ("2", "└5"), ("1", "1"), ("1", "└3"), ("1", "└4"),
    ]  # fmt: skip
    assert shown.values("blocks") == (3, 1, 0, 0, 2, 1, 0)
    assert len(set(keys(shown, ("pid", "root")))) == len(shown.rows)


def test_a_circle_hangs_under_the_one_that_waits_longest() -> None:
    shown = tree(flat((1, [2]), (2, [3]), (3, [1]), (4, [1])))
    assert shown.values("tree") == ("1", "└3", "·└2", "└4")
    assert shown.values("root") == ("1",) * 4


async def test_the_age_of_an_idle_transaction_is_that_of_its_idleness(
    sessions: Sessions, pg: Running, database: str
) -> None:
    idle, sleeper = sessions.open(), sessions.open()
    idle.execute("BEGIN; SELECT pg_sleep(0.5)")
    sleeper.execute("SELECT pg_sleep(0.5)")
    async with console(pg, database) as reading:
        snapshot = await Reader(ALL).read(reading)
        left_open = arrange(snapshot, CONNECTIONS.view("idle-in-tx"))
    records = by_pid(snapshot)
    record = records[idle.info.backend_pid]
    age, xact_age = record["age"], record["xact_age"]
    assert isinstance(age, float)
    assert isinstance(xact_age, float)
    assert xact_age >= age + 0.5
    assert record["state"] == "idle in tx"
    assert record["wait"] is None
    other = records[sleeper.info.backend_pid]
    assert other["state"] == "idle"
    assert other["xact_age"] is None
    assert idle.info.backend_pid in left_open.values("pid")
    assert sleeper.info.backend_pid not in left_open.values("pid")


async def test_connections_count_who_blocks_and_who_is_blocked(sessions: Sessions, pg: Running, database: str) -> None:
    holder, first, second = sessions.open(), sessions.open(), sessions.open()
    holder.execute("BEGIN; LOCK item")
    for connection in (first, second):
        sessions.run(connection, "SELECT * FROM item")
    async with console(pg, database) as reading:
        snapshot = await until(reading, ALL, lambda taken: sum(map(bool, taken.values("blockers"))) >= 2)
        vitals = await vital_signs(Reader(VITALS), reading)
        own = await reading.fetch("vitals")
        details = await reading.fetch("connection_details", {"pid": holder.info.backend_pid, "backend_start": None})
    records = by_pid(snapshot)
    assert records[holder.info.backend_pid]["blocks"] == 2
    assert records[first.info.backend_pid]["blockers"] == 1
    assert records[first.info.backend_pid]["wait"] == "Lock:relation"
    assert arrange(snapshot, CONNECTIONS.view("blocking")).values("pid") == (holder.info.backend_pid,)
    assert set(arrange(snapshot, CONNECTIONS.view("waiting")).values("pid")) == {
        first.info.backend_pid,
        second.info.backend_pid,
    }
    assert vitals["waiting"] == 2
    assert "pipeline-console" not in snapshot.values("application")
    assert own.rows
    assert "query" not in pairs(details)  # another session of that pid, by its start, is not told about


async def test_the_summary_adds_up_to_all_connections(sessions: Sessions, pg: Running, database: str) -> None:
    for _ in range(3):
        sessions.open(application_name="shop").execute("BEGIN; SELECT 1")
    async with console(pg, database) as reading:
        snapshot = await Reader(CONNECTIONS.view("summary")).read(reading)
        usable = (await reading.fetch("vitals")).values("usable")[0]
    shop = next(record for record in snapshot.records() if record["application"] == "shop")
    assert (shop["state"], shop["sessions"]) == ("idle in tx", 3)
    assert isinstance(usable, int)
    assert shop["used_percent"] == pytest.approx(300 / usable)
    assert isinstance(shop["longest_idle_in_transaction"], float)
    assert f"of {usable} usable connections" in snapshot.notes[0]


async def test_a_role_without_pg_monitor_is_told_what_it_does_not_see(
    sessions: Sessions, pg: Running, database: str
) -> None:
    sessions.open().execute("BEGIN; UPDATE item SET n = 1")
    async with console(pg, database, APPLICATION) as reading:
        read = {
            view.name: await Reader(view).read(reading) for view in (ALL, CONNECTIONS.view("summary"), *OVERVIEW.views)
        }
    assert "hidden" in read["all"].values("state")
    for snapshot in read.values():
        assert any("you see" in note and "GRANT pg_monitor" in note for note in snapshot.notes)


async def test_sessions_in_other_encodings_do_not_lose_the_screen(
    ascii_sessions: Sessions, pg: Running, database: str
) -> None:
    old = ascii_sessions.open(client_encoding="SQL_ASCII")
    old.execute(b"BEGIN; SELECT '" + b"\xe9" * 400 + b"'")
    async with console(pg, database) as reading:
        snapshot = await Reader(ALL).read(reading)
        key = next(key for key in keys(snapshot, ALL.key) if key[0] == old.info.backend_pid)
        details = await reading.fetch("connection_details", dict(zip(ALL.key, key, strict=True)))
    assert str(by_pid(snapshot)[old.info.backend_pid]["query"]).startswith("BEGIN; SELECT '\\xe9\\xe9")
    assert str(pairs(details)["query"]).count("\\xe9") == 400


async def test_a_database_without_encoding_can_be_looked_at(ascii_sessions: Sessions, pg: Running) -> None:
    holder = ascii_sessions.open(client_encoding="SQL_ASCII")
    holder.execute(b'CREATE TABLE "caf\xe9" (id int)')
    holder.execute(b'BEGIN; LOCK "caf\xe9"')
    async with console(pg, ascii_sessions.database) as reading:
        snapshot = await Reader(ALL).read(reading)
        held = await Reader(LOCKS.view("held")).read(reading)
    assert by_pid(snapshot)[holder.info.backend_pid]["query"] == 'BEGIN; LOCK "caf\\xe9"'
    assert 'public."caf\\xe9"' in held.values("relation")


async def test_counters_stand_where_a_text_in_another_encoding_spoils_all_texts(
    ascii_sessions: Sessions, pg: Running, database: str
) -> None:
    with pg.connect(database) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    ascii_sessions.open(client_encoding="SQL_ASCII").execute(b'CREATE TABLE "caf\xe9" (id int)')
    async with console(pg, database) as reading:
        server, reader = Counting(reading), Reader(NOW)
        shown = keys(await reader.read(server), NOW.key)
        filled = await reader.fill(server, shown)
        await reader.read(server)
        again = await reader.fill(server, shown)
    assert filled is not None
    assert len(filled.rows) == len(shown)
    assert any("pg_stat_statements_reset" in note for note in filled.notes)
    assert again is None
    assert server.asked.count("statement_texts") == 1


def pairs(details: Snapshot) -> dict[object, object]:
    """The details of a row as item → text."""
    return {row[0]: row[1] for row in details.rows}


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_text_cut_within_a_character_stays_readable(cut: int) -> None:
    shown = readable("aé€😀b".encode()[:cut])
    assert isinstance(shown, str)
    assert "aé€😀b".startswith(shown)


async def test_rates_of_a_statement_are_the_calls_made_between_two_reads(
    sessions: Sessions, pg: Running, database: str
) -> None:
    caller = sessions.open()
    caller.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    statement = "SELECT count(*) AS calls_of_the_test FROM item WHERE n >= 0"
    caller.execute(statement.encode(), prepare=False)
    async with console(pg, database) as reading:
        reader = Reader(NOW)
        first = await reader.read(reading)
        for _ in range(7):
            caller.execute(statement.encode(), prepare=False)
        second = await reader.read(reading)
        filled = await reader.fill(reading, keys(second, NOW.key)[:])
        while (more := await reader.fill(reading, keys(second, NOW.key))) is not None:
            filled = more
    assert filled is not None
    assert all(rate is None for rate in first.values("call_rate"))
    totals = [total for total in first.values("total_ms") if isinstance(total, float)]
    assert totals == sorted(totals, reverse=True)
    found = [record for record in filled.records() if "calls_of_the_test" in str(record["query"])]
    record = next(one for one in found if one["database"] == database)
    rate, mean, rows = record["call_rate"], record["mean_now"], record["row_rate"]
    seconds = second.clock - first.clock
    assert isinstance(rate, float)
    assert isinstance(mean, float)
    assert isinstance(rows, float)
    assert rate * seconds == pytest.approx(7)
    assert rows * seconds == pytest.approx(7)
    assert record["ms_rate"] == pytest.approx(mean * rate)
    assert record["calls"] == 8
    assert record["user"] == "postgres"
    assert record["hit_now"] == pytest.approx(100)
    shares = [share for share in filled.values("share") if isinstance(share, float)]
    assert sum(shares) == pytest.approx(100)


@dataclass
class Counting:
    """A server that keeps what it was asked for."""

    server: PostgresServer
    asked: list[str] = field(default_factory=list)

    @property
    def facts(self) -> Facts:
        return self.server.facts

    async def fetch(self, name: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        self.asked.append(name)
        return await self.server.fetch(name, parameters)

    async def close(self) -> None:
        await self.server.close()


async def test_texts_are_read_only_while_an_unknown_statement_is_shown(
    sessions: Sessions, pg: Running, database: str
) -> None:
    sessions.open().execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    async with console(pg, database) as reading:
        server, reader = Counting(reading), Reader(NOW)
        snapshot = await reader.read(server)
        shown = keys(snapshot, NOW.key)[:5]
        filled = await reader.fill(server, shown)
        assert filled is not None
        assert all(query is not None for query in filled.values("query")[:5])
        snapshot = await reader.read(server)
        assert await reader.fill(server, shown) is None
        assert server.asked == ["statements", "statement_texts", "statements"]
        details = await reading.fetch("statement_details", dict(zip(NOW.key, shown[0], strict=True)))
    items = pairs(details)
    assert next(iter(items)) == "query"
    assert items["query"]
    assert "calls" in items


async def test_every_version_of_the_extension_gives_the_same_columns(pg: Running, database: str) -> None:
    with pg.connect(database) as connection:
        versions = connection.execute(
            "SELECT version FROM pg_available_extension_versions WHERE name = 'pg_stat_statements'"
        ).fetchall()
        connection.execute("DROP EXTENSION IF EXISTS pg_stat_statements")
        connection.execute('CREATE SCHEMA "Odd name"')
        seen = set()
        for (version,) in versions:
            connection.execute(f"CREATE EXTENSION pg_stat_statements SCHEMA \"Odd name\" VERSION '{version}'")
            async with console(pg, database) as reading:
                reader = Reader(NOW)
                snapshot = await reader.read(reading)
                filled = await reader.fill(reading, keys(snapshot, NOW.key)[:3])
                await reading.fetch("statement_details", dict(zip(NOW.key, keys(snapshot, NOW.key)[0], strict=True)))
            assert filled is not None
            seen.add(filled.columns)
            connection.execute("DROP EXTENSION pg_stat_statements")
    assert len(versions) > 4
    assert len(seen) == 1


async def test_statements_of_others_are_counted_but_not_mixed_up(
    sessions: Sessions, pg: Running, database: str
) -> None:
    sessions.open().execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    async with console(pg, database, APPLICATION) as reading:
        reader = Reader(NOW)
        await reader.read(reading)
        snapshot = await reader.read(reading)
        await reader.fill(reading, keys(snapshot, NOW.key))
    hidden = [record for record in snapshot.records() if record["queryid"] is None]
    assert hidden
    assert all(record["call_rate"] is None for record in hidden)
    assert any(f"{len(hidden)} statements of other users" in note for note in snapshot.notes)


def test_evictions_are_told_with_the_totals() -> None:
    columns = ("queryid", "total_ms", "hits", "blocks", "evictions", "counted_from", "ms_rate")
    at = datetime(2026, 1, 2, tzinfo=UTC)
    snapshot = judged(Snapshot("statements", columns, ((1, 5.0, 0, 0, 12, at.timestamp() - 86400, None),), at))
    assert snapshot.notes[0] == "counted for 24h, since 2026-01-01 00:00:00"
    assert snapshot.notes[1].startswith("12 times the rarest statements were dropped")
    assert snapshot.values("hit") == (None,)


async def vital_signs(reader: Reader, reading: PostgresServer) -> dict[str, Any]:
    return next(iter((await reader.read(reading)).records()))


async def test_vital_signs_follow_what_happens(sessions: Sessions, pg: Running, database: str) -> None:
    idle = sessions.open()
    idle.execute("BEGIN; SELECT pg_current_xact_id()")
    reader = Reader(VITALS)
    async with console(pg, database) as reading:
        before = await vital_signs(reader, reading)
        with sessions.open() as writer:
            writer.execute("CREATE TABLE bulk AS SELECT g, repeat('x', 100) FROM generate_series(1, 20000) g")
        async with asyncio.timeout(20):  # the counters of a session arrive with its end
            while (now := await vital_signs(reader, reading))["rows_written"] <= before["rows_written"]:
                pass
        shown = signs(await reader.read(reading))
    assert before["idle_in_transaction"] >= 1
    assert before["oldest_idle_in_transaction"] <= before["oldest_transaction"]
    assert now["wal_bytes"] - before["wal_bytes"] > 1_000_000
    assert now["transactions"] > before["transactions"]
    assert now["used"] >= 2
    assert now["visible"] == now["used"]
    assert 0 < now["usable"] <= 100
    assert now["standby"] is False
    assert shown.notes == ()
    assert set(shown.values("level")) <= {"–", *(level.name.lower() for level in Level)}


@pytest.fixture
def ascii_sessions(pg: Running, database: str) -> Iterator[Sessions]:
    """Sessions on a database that takes any bytes; its statements are forgotten after the test."""
    name = f"{database}_ascii"
    with pg.connect() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    others = Sessions(pg, name)
    yield others
    others.close()
    with pg.connect(database) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.execute("SELECT pg_stat_statements_reset(0, oid) FROM pg_database WHERE datname = %s", (name,))
    pg.drop_database(name)


@pytest.fixture
def replicated(pg: Running, pg_servers: Servers) -> Iterator[tuple[Running, Running]]:
    """A primary and its streaming standby."""
    if pg_servers.choices[pg.major].installation is None:
        pytest.skip("needs local programs")
    primary = pg_servers.new(pg.major, {"wal_level": "replica"})
    engine, data = primary.engine, primary.data
    assert isinstance(engine, PostgresProcess)
    assert data is not None
    primary.stop()
    copy = data.with_name(data.name + "-standby")
    shutil.copytree(data, copy)
    secret = next(line.split(":")[4] for line in primary.passfile.read_text().splitlines() if ":postgres:" in line)
    primary.start()
    source = f"host={primary.host} port={primary.port} user=postgres password={secret}"
    (copy / "postgresql.auto.conf").write_text(f"primary_conninfo = '{source}'\n")
    (copy / "standby.signal").touch()
    for path in (copy, *copy.rglob("*")):
        give(engine.account, path)
    process = PostgresProcess(
        engine.supervisor, engine.installation, engine.account, copy, copy.with_suffix(".log"), engine.settings
    )
    process.start()
    yield primary, replace(primary, engine=process, data=copy)
    process.stop()
    primary.stop()


async def test_replication_lag_is_seen_from_both_sides(replicated: tuple[Running, Running]) -> None:
    primary, standby = replicated
    with primary.connect(options="-c synchronous_commit=local") as writer:
        writer.execute("CREATE TABLE item AS SELECT g FROM generate_series(1, 10000) g")
        async with console(primary, "postgres") as above, console(standby, "postgres") as below:
            sender, receiver = Reader(VITALS), Reader(VITALS)
            async with asyncio.timeout(20):
                while (await vital_signs(sender, above))["lag_bytes"] != 0:
                    pass
                while (even := await vital_signs(receiver, below))["lag_bytes"] != 0:
                    pass
            with standby.connect() as connection:
                connection.execute("SELECT pg_wal_replay_pause()")
            writer.execute("INSERT INTO item SELECT g FROM generate_series(1, 10000) g")
            async with asyncio.timeout(20):
                while not (await vital_signs(sender, above))["lag_bytes"]:
                    pass
                while not (behind := await vital_signs(receiver, below))["lag_bytes"]:
                    pass
            source = await vital_signs(sender, above)
            views = [view for pane in (OVERVIEW, CONNECTIONS, LOCKS) for view in pane.views]
            read = [await Reader(view).read(below) for view in views]
    assert (even["standby"], even["lag_seconds"], even["wal_bytes"]) == (True, 0, None)
    assert behind["lag_seconds"] > 0
    assert (source["standby"], source["replicas"]) == (False, 1)
    assert source["wal_bytes"] > 0
    assert len(read) == len(views)


def test_signs_are_judged_by_their_limits() -> None:
    names = ("used", "visible", "usable", "waiting", "oldest_idle_in_transaction", "hit_percent", "lag_seconds")
    taken = Snapshot("vitals", names, ((95, 3, 100, 2, 61.0, 85.0, None),), datetime(2026, 1, 1, tzinfo=UTC))
    shown = signs(taken)
    levels = {record["sign"]: (record["now"], record["level"]) for record in shown.records()}
    assert levels["connections used"] == ("95", "critical")
    assert levels["waiting for locks"] == ("2", "warning")
    assert levels["oldest idle in tx"] == ("1m", "warning")
    assert levels["cache hit"] == ("85.0%", "warning")
    assert levels["replication lag"] == ("–", "–")
    assert shown.notes == ("you see 3 of 95 sessions; GRANT pg_monitor TO your role shows the others",)
