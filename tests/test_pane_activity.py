"""Vital signs and connections: what is seen of what goes on in a server."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from console.demo.account import give
from console.demo.cluster import APPLICATION
from console.demo.postgres_server import PostgresProcess
from console.format import FORMATS, decoded
from console.model import Level, Pane, Snapshot, View
from console.panes.connections import CONNECTIONS, who
from console.panes.locks import LOCKS
from console.panes.metrics import VITALS
from console.panes.overview import OVERVIEW, metrics
from console.panes.slow_queries import SLOW_QUERIES
from console.reading.arrange import arrange
from console.reading.reader import Reader, keys
from tests.activity import (  # noqa: F401  fixtures, found by name
    Sessions,
    by_pid,
    console,
    other_ascii_sessions,
    other_sessions,
    pairs,
    until,
    vital_signs,
    waiting,
)
from tests.servers import PostgresServer as Running
from tests.servers import Servers
from tests.waiting import PATIENCE

PANES = (OVERVIEW, CONNECTIONS, LOCKS, SLOW_QUERIES)
READ = [(pane, view) for pane in PANES for view in pane.views if pane.source_of(view) == "postgres"]
VIEWS = [pytest.param(pane, view, id=f"{pane.name}-{view.name}") for pane, view in READ]
ALL = CONNECTIONS.view("all")


@pytest.mark.parametrize(("pane", "view"), VIEWS)
def test_the_decisive_columns_fit_into_80_cells(pane: Pane, view: View) -> None:
    fixed = [c.width or FORMATS[c.format].width for c in view.columns if not c.extra and not c.grow]
    assert sum(c.grow for c in view.columns) == 1
    assert 80 - 2 - len(fixed) - sum(fixed) >= 14


def test_who_a_session_is_names_its_database_only_where_there_are_several() -> None:
    def names(*rows: tuple[object, ...]) -> list[str | None]:
        return who(Snapshot("x", ("application", "user", "database"), rows, datetime(2026, 1, 1, tzinfo=UTC)))

    assert names(("web", "app", "shop"), ("", "app", "shop")) == ["web", "app"]
    assert names(("web", "app", "shop"), (None, "app", "crm")) == ["web@shop", "app@crm"]
    assert names((None, None, None), ("", "x", "shop")) == [None, "x"]


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
        await until(reading, LOCKS.view("blocking"), waiting(1))
        for _, view in READ:
            await Reader(view).read(reading)


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
    assert "query" not in pairs(details)  # another session of that pid, by its start, is not shown


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
            view.name: await Reader(view).read(reading)
            for view in (ALL, CONNECTIONS.view("summary"), *(view for pane, view in READ if pane is OVERVIEW))
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


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_text_cut_within_a_character_stays_readable(cut: int) -> None:
    shown = decoded("aé€😀b".encode()[:cut])
    assert isinstance(shown, str)
    assert "aé€😀b".startswith(shown)


async def test_vital_signs_follow_what_happens(sessions: Sessions, pg: Running, database: str) -> None:
    idle = sessions.open()
    idle.execute("BEGIN; SELECT pg_current_xact_id()")
    reader = Reader(VITALS)
    async with console(pg, database) as reading:
        before = await vital_signs(reader, reading)
        with sessions.open() as writer:
            writer.execute("CREATE TABLE bulk AS SELECT g, repeat('x', 100) FROM generate_series(1, 20000) g")
        async with asyncio.timeout(PATIENCE):  # the counters of a session arrive with its end
            while (now := await vital_signs(reader, reading))["rows_written"] <= before["rows_written"]:
                pass
        shown = metrics(await reader.read(reading))
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
            async with asyncio.timeout(PATIENCE):
                while (await vital_signs(sender, above))["lag_bytes"] != 0:
                    pass
                while (even := await vital_signs(receiver, below))["lag_bytes"] != 0:
                    pass
            with standby.connect() as connection:
                connection.execute("SELECT pg_wal_replay_pause()")
            writer.execute("INSERT INTO item SELECT g FROM generate_series(1, 10000) g")
            async with asyncio.timeout(PATIENCE):
                while not (await vital_signs(sender, above))["lag_bytes"]:
                    pass
                while not (behind := await vital_signs(receiver, below))["lag_bytes"]:
                    pass
            source = await vital_signs(sender, above)
            views = [view for pane, view in READ if pane is not SLOW_QUERIES]
            read = [await Reader(view).read(below) for view in views]
    assert (even["standby"], even["lag_seconds"], even["wal_bytes"]) == (True, 0, None)
    assert behind["lag_seconds"] > 0
    assert (source["standby"], source["replicas"]) == (False, 1)
    assert source["wal_bytes"] > 0
    assert len(read) == len(views)


def test_metrics_are_judged_by_their_rules() -> None:
    names = ("used", "visible", "usable", "waiting", "oldest_idle_in_transaction", "hit_percent", "lag_seconds")
    taken = Snapshot("vitals", names, ((95, 3, 100, 2, 61.0, 85.0, None),), datetime(2026, 1, 1, tzinfo=UTC))
    shown = metrics(taken)
    levels = {record["sign"]: (record["now"], record["level"]) for record in shown.records()}
    assert levels["connections used"] == ("95", "critical")
    assert levels["waiting for locks"] == ("2", "warning")
    assert levels["oldest idle in tx"] == ("1m", "warning")
    assert levels["cache hit"] == ("85.0%", "warning")
    assert levels["replication lag"] == ("–", "–")
    assert shown.notes == ("you see 3 of 95 sessions; GRANT pg_monitor TO your role shows the others",)
