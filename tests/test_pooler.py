"""The pooler pane on a real PgBouncer, and on newer ones than this system has."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import psycopg
import pytest

from console.cli.table import table
from console.demo.ports import free_port
from console.model import Kind, Level, Snapshot, Trouble, View
from console.panes.pooler import POOLER, POOLS, STATS
from console.panes.pooler_rows import judge_pools
from console.panes.pooler_sessions import CLIENTS, SERVERS
from console.reading.arrange import arrange
from console.reading.reader import Reader
from console.sources.pgbouncer.admin import SHOWS, PgBouncerServer
from console.sources.pgbouncer.several import PgBouncers
from tests.fake_pgbouncer import COLUMNS, fake_pgbouncer
from tests.servers import Pooler, PostgresServer
from tests.waiting import eventually

VERSIONS = ("1.18.0", "1.19.1", "1.21.0", "1.23.1", "1.24.1", "1.25.1", "1.25.2")
pytestmark = pytest.mark.every_pooler
Start = Callable[[PostgresServer, str], Pooler]
READ = [view for view in POOLER.views if not view.source]  # what is asked of PgBouncer


@pytest.fixture
def pooler(any_pg: PostgresServer, pgbouncer: Start) -> Pooler:
    """A PgBouncer before an empty database."""
    return pgbouncer(any_pg, any_pg.fresh_database())


@asynccontextmanager
async def looking_at(*uris: str) -> AsyncIterator[PgBouncers]:
    """Admin consoles that are closed at the end."""
    server = PgBouncers([PgBouncerServer(uri) for uri in uris])
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def client(pooler: Pooler, database: str = "", name: str = "web") -> AsyncIterator[psycopg.AsyncConnection]:
    """A client of the pooler in a transaction."""
    connection = await psycopg.AsyncConnection.connect(
        pooler.uri(database or None), application_name=name, prepare_threshold=None
    )
    try:
        await connection.execute("select 1")
        yield connection
    finally:
        await connection.close()


def by_database(taken: Snapshot, view: View, database: str) -> dict[str, object]:
    """The row of a database and the application's user."""
    [row] = [
        row
        for row in arrange(taken, view).records()
        if row["database"] == database and row.get("user", "pipeline_app") == "pipeline_app"
    ]
    return row


@pytest.mark.parametrize("view", READ, ids=lambda view: view.name)
async def test_every_column_is_read_from_a_real_pooler(pooler: Pooler, view: View) -> None:
    async with client(pooler), looking_at(pooler.stats_uri) as server:
        taken = await Reader(view).read(server)
        assert server.facts.kind == "pgbouncer"
        assert server.facts.version >= 11800
    assert {column.name for column in view.columns} <= set(taken.columns)
    assert taken.rows
    assert taken.values("pooler") == (f"127.0.0.1:{pooler.port}",) * len(taken.rows)


async def test_a_database_at_its_limit_is_full_although_the_pool_is_not(pooler: Pooler) -> None:
    entry, config = f"{pooler.database}_session", pooler.process.folder / "pgbouncer.ini"
    text = config.read_text()
    limited = re.sub(r"(pool_mode=session .*)max_db_connections=\d+", r"\1max_db_connections=2", text)
    assert limited != text
    config.write_text(limited)
    async with AsyncExitStack() as stack:
        admin = await psycopg.AsyncConnection.connect(pooler.admin_uri, autocommit=True)
        await stack.enter_async_context(admin)
        await admin.execute("RELOAD")
        server = await stack.enter_async_context(looking_at(pooler.stats_uri))
        reader = Reader(POOLS)
        for _ in range(2):
            await stack.enter_async_context(client(pooler, entry))
        assert by_database(await reader.read(server), POOLS, entry)["verdict"] == "ok"
        waiting = asyncio.create_task(client(pooler, entry).__aenter__())
        found: list[dict[str, object]] = []

        async def waits() -> bool:
            # It may be the look-up of the user that waits, in the pool of the user who does it.
            rows = arrange(await Reader(POOLS).read(server), POOLS).records()
            found[:] = [row for row in rows if row["database"] == entry and row["cl_waiting"]]
            return bool(found)

        await eventually(waits)
        (row,) = found
        assert (row["verdict"], row["pool_size"]) == ("full", 5)
        assert (row["current_connections"], row["max_connections"]) == (2, 2)
        assert isinstance(row["sv_active"], int)
        assert row["sv_active"] <= 2
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


def test_a_wait_of_a_moment_marks_neither_pool_nor_client() -> None:
    pool = {"cl_waiting": 3, "maxwait": 0, "maxwait_us": 100_000, "paused": 0, "disabled": 0, "pool_size": 5}
    links = dict.fromkeys(("sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login"), 1)
    pool |= {**links, "max_connections": 0, "current_connections": 0}
    for micros, levels in ((100_000, {Level.OK}), (600_000, {Level.OK, Level.WARNING, Level.CRITICAL})):
        row = {**pool, "maxwait_us": micros}
        taken = judge_pools(Snapshot("p", tuple(row), (tuple(row.values()),), datetime(2026, 1, 1, tzinfo=UTC)))
        (found,) = taken.records()
        assert (found["verdict"], found["cl_waiting"]) == ("full", 3), "what there is stays on the screen"
        columns = [column for column in POOLS.columns if column.rule]
        assert {
            column.rule.level(found[column.judged_in(taken.columns)]) for column in columns if column.rule
        } == levels


async def test_a_client_that_waits_is_critical_with_its_wait_and_the_pool_is_full(pooler: Pooler) -> None:
    entry = f"{pooler.database}_session"
    async with AsyncExitStack() as stack:
        for _ in range(5):  # the pool_size of that entry
            await stack.enter_async_context(client(pooler, entry))
        waiting = asyncio.create_task(client(pooler, entry).__aenter__())
        server = await stack.enter_async_context(looking_at(pooler.stats_uri))
        reader = Reader(POOLS)

        async def waits_a_second() -> bool:
            row = by_database(await reader.read(server), POOLS, entry)
            return row["cl_waiting"] == 1 and isinstance(row["maxwait"], float) and row["maxwait"] > 1.0

        await eventually(waits_a_second)
        assert reader.last
        row = by_database(reader.last, POOLS, entry)
        assert row["verdict"] == "full"
        assert row["pool_size"] == 5
        judged = {column.name: row[column.judged_in(reader.last.columns)] for column in POOLS.columns if column.rule}
        levels = {column.name: column.rule.level(judged[column.name]) for column in POOLS.columns if column.rule}
        assert levels == {"cl_waiting": Level.WARNING, "maxwait": Level.WARNING, "verdict": Level.CRITICAL}
        clients = await Reader(CLIENTS).read(server)
        waits = [row["wait_seconds"] for row in clients.records() if row["state"] == "waiting"]
        assert len(waits) == 1
        assert isinstance(waits[0], float)
        assert waits[0] > 1.0
        assert clients.values("wait_seconds").count(None) == len(clients.rows) - 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_client_is_linked_to_the_postgres_process_that_works_for_it(pooler: Pooler) -> None:
    async with client(pooler, name="shop") as connection, looking_at(pooler.stats_uri) as server:
        pid = connection.info.backend_pid  # the pooler's own number, not the one of PostgreSQL
        answer = await (await connection.execute("select pg_backend_pid()")).fetchone()
        clients = await Reader(CLIENTS).read(server)
        servers = await Reader(SERVERS).read(server)
    assert answer
    assert answer[0] != pid
    [seen] = [row for row in clients.records() if row["application_name"] == "shop"]
    assert seen["server_pid"] == answer[0]
    [backend] = [row for row in servers.records() if row["remote_pid"] == answer[0]]
    assert (backend["behind"], backend["client_application"]) == (seen["address"], "shop")


async def test_a_client_whose_query_runs_is_busy_and_does_not_wait(pooler: Pooler) -> None:
    async with client(pooler, name="report") as connection, looking_at(pooler.stats_uri) as server:
        running = asyncio.create_task(connection.execute("select pg_sleep(60)"))
        reader = Reader(CLIENTS)

        async def works() -> bool:
            [row] = [row for row in (await reader.read(server)).records() if row["application_name"] == "report"]
            return row["wait_seconds"] is None and isinstance(row["busy_seconds"], float) and row["busy_seconds"] > 0.2

        await eventually(works)
        running.cancel()
        with pytest.raises((asyncio.CancelledError, psycopg.errors.QueryCanceled)):
            await running


async def test_traffic_is_told_as_rates_between_two_reads(pooler: Pooler) -> None:
    async with client(pooler) as connection, looking_at(pooler.stats_uri) as server:
        reader = Reader(STATS)
        began = await reader.read(server)
        assert by_database(began, STATS, pooler.database)["queries"] is None
        for _ in range(50):
            await connection.execute("select repeat('x', 1000)")
        await connection.commit()
        ended = await reader.read(server)
    second, seconds = by_database(ended, STATS, pooler.database), ended.clock - began.clock
    assert isinstance(second["total_query_count"], int)
    assert isinstance(second["queries"], float)
    assert second["queries"] * seconds > 50
    assert isinstance(second["sent"], float)
    assert second["sent"] * seconds > 50_000
    assert pooler.version is not None
    assert (second["server_parses"] is None) is (pooler.version < (1, 24))  # counted from 1.24 on


async def test_text_from_clients_stays_text(pooler: Pooler) -> None:
    name = "\x1b]0;owned\x07[/b]"
    async with client(pooler, name=name), looking_at(pooler.stats_uri) as server:
        text = table(CLIENTS, await Reader(CLIENTS).read(server))
    assert "\x1b" not in text
    assert "[/b]" in text


async def test_one_pooler_that_is_away_leaves_the_rows_of_the_other(pooler: Pooler) -> None:
    nobody = free_port()
    async with looking_at(f"postgresql://x@127.0.0.1:{nobody}", pooler.stats_uri) as server:
        taken = await Reader(POOLS).read(server)
        assert server.facts.version >= 11800
    assert set(taken.values("pooler")) == {f"127.0.0.1:{pooler.port}"}
    assert [note for note in taken.notes if f"127.0.0.1:{nobody}" in note]


async def test_rows_of_two_poolers_stand_together(pooler: Pooler) -> None:
    async with fake_pgbouncer("1.25.2/bouncer") as other, looking_at(pooler.stats_uri, other.uri) as server:
        taken = await Reader(POOLS).read(server)
    assert set(taken.values("pooler")) == {f"127.0.0.1:{pooler.port}", f"127.0.0.1:{other.port}"}


@pytest.mark.parametrize("wrong", ["password", "port", "user"])
async def test_a_pooler_that_cannot_be_used_is_one_sentence_without_the_password(pooler: Pooler, wrong: str) -> None:
    uris = {
        "password": f"postgresql://pgbouncer_stats:hush@127.0.0.1:{pooler.port}",
        "port": f"postgresql://pgbouncer_stats:hush@127.0.0.1:{free_port()}",
        "user": f"postgresql://nobody_at_all:hush@127.0.0.1:{pooler.port}",
    }
    async with looking_at(uris[wrong]) as server:
        with pytest.raises(Trouble) as caught:
            await server.fetch("pooler_pools")
    assert caught.value.kind is Kind.UNREACHABLE
    assert "hush" not in str(caught.value)
    assert "127.0.0.1" in caught.value.sentence


async def test_neither_postgres_nor_a_pooled_database_is_an_admin_console(
    any_pg: PostgresServer, pooler: Pooler
) -> None:
    for uri in (any_pg.uri(), pooler.uri()):
        async with looking_at(uri) as server:
            with pytest.raises(Trouble) as caught:
                await server.fetch("pooler_pools")
        assert caught.value.kind is Kind.UNSUPPORTED
        assert "not the admin console" in caught.value.sentence


async def test_the_console_connects_again_after_a_restart_of_the_pooler() -> None:
    async with fake_pgbouncer("1.21.0/bouncer") as fake, looking_at(fake.uri) as server:
        await server.fetch("pooler_pools")
        fake.drop()
        with pytest.raises(Trouble) as caught:
            await server.fetch("pooler_pools")
        assert caught.value.kind is Kind.UNREACHABLE
        assert (await server.fetch("pooler_pools")).rows
        assert fake.logins == 2


async def test_a_refused_pooler_is_left_alone_until_its_pause_is_over() -> None:
    async with fake_pgbouncer("15.3") as fake, looking_at(fake.uri) as server:
        for _ in range(3):
            with pytest.raises(Trouble):
                await server.fetch("pooler_pools")
        assert fake.logins == 1
        assert 0 < server.retry_in <= 1.2


async def test_an_idle_admin_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.sources.pgbouncer.admin.IDLE_SECONDS", 0.05)
    async with fake_pgbouncer("1.23.1/bouncer") as fake, looking_at(fake.uri) as server:
        await server.fetch("pooler_pools")

        async def closed() -> bool:
            return fake.open == 0

        await eventually(closed)


async def test_a_busy_admin_connection_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.sources.pgbouncer.admin.LIFETIME_SECONDS", 0.0)
    async with fake_pgbouncer("1.23.1/bouncer") as fake, looking_at(fake.uri) as server:
        await server.fetch("pooler_pools")
        await server.fetch("pooler_pools")
        assert fake.logins == 2


async def test_no_start_up_options_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=1s")
    async with fake_pgbouncer("1.21.0/bouncer") as fake, looking_at(fake.uri) as server:
        await server.fetch("pooler_pools")
    assert fake.startups[0]["database"] == "pgbouncer"
    assert "options" not in fake.startups[0]


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_view_reads_every_version(version: str) -> None:
    async with fake_pgbouncer(f"{version}/bouncer") as fake, looking_at(fake.uri) as server:
        for view in READ:
            reader = Reader(view)
            taken = await reader.read(server)
            assert {column.name for column in view.columns} <= set(taken.columns), view.name
            renamed = SHOWS[view.query].renamed
            theirs = {renamed.get(column, column) for column in COLUMNS[SHOWS[view.query].command](fake.version)}
            assert reader.base
            assert theirs <= set(reader.base.columns), view.name
            assert len(taken.rows) == 1
            assert all("…" not in line for line in table(view, taken, 160).splitlines()), view.name


@pytest.mark.parametrize(("version", "known"), [("1.18.0", None), ("1.24.1", 5)])
async def test_what_a_version_does_not_count_is_missing_not_zero(version: str, known: int | None) -> None:
    async with fake_pgbouncer(f"{version}/bouncer") as fake, looking_at(fake.uri) as server:
        taken = await server.fetch("pooler_stats")
    assert taken.values("total_bind_count") == (known,)
    assert taken.values("total_xact_count") == (10,)


@pytest.mark.parametrize("version", VERSIONS)
async def test_versions_in_which_a_stats_user_may_end_clients_are_named(version: str) -> None:
    async with fake_pgbouncer(f"{version}/bouncer") as fake, looking_at(fake.uri) as server:
        taken = await server.fetch("pooler_pools")
    assert any("CVE-2026-6667" in note for note in taken.notes) is (version in ("1.24.1", "1.25.1"))
