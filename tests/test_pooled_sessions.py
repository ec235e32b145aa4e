"""The client of PgBouncer behind a PostgreSQL session: the right one, or none."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from console.model import Snapshot, Source, View, above
from console.panes.connections import CONNECTIONS
from console.panes.locks import LOCKS
from console.panes.pooled import CLIENTS_BEHIND, names
from console.panes.pooler_groups import GROUPS, groups
from console.reading.reader import Reader, keys
from console.rules.findings.blocking import BLOCKING_SESSION
from console.rules.sessions import LOCK_WAIT_SECONDS
from console.sources.pgbouncer.admin import BEHIND, PgBouncerServer
from console.sources.pgbouncer.behind import ADDS, BY, server_of
from console.sources.pgbouncer.several import PgBouncers
from console.sources.postgres import PostgresServer
from console.sources.registry import Sources
from console.watching.observer import Observer
from tests.fake_pgbouncer import fake_pgbouncer
from tests.screens import console, shows, until
from tests.servers import Pooler
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

ALL, TREE = CONNECTIONS.view("all"), LOCKS.view("blocking")
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
Start = Callable[[Cluster, str], Pooler]


@asynccontextmanager
async def reading(pg: Cluster, view: View, *poolers: str) -> AsyncIterator[Callable[[], Any]]:
    """Reads a view, with everything that is looked up for its rows."""
    server, pooler = PostgresServer(pg.uri()), PgBouncers([PgBouncerServer(uri) for uri in poolers])
    sources: Mapping[str, Source] = {"pgbouncer": pooler}
    reader = Reader(view, sources.__getitem__)

    async def read() -> dict[object, dict[str, object]]:
        taken = await reader.read(server)
        filled = await reader.fill(server, keys(taken, [name for name in view.key if name in taken.columns]))
        return {row["pid"]: row for row in (filled or taken).records()}

    try:
        yield read
    finally:
        await server.close()
        await pooler.close()


class Clients:
    """Clients of poolers, closed at the end."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def open(
        self, pooler: Pooler, name: str, database: str = "", *, autocommit: bool = False
    ) -> tuple[psycopg.AsyncConnection, int]:
        """A client that has run a statement, and the pid of the session that ran it."""
        client = await psycopg.AsyncConnection.connect(
            pooler.uri(database or None), application_name=name, prepare_threshold=None, autocommit=autocommit
        )
        self._stack.push_async_callback(client.close)
        row = await (await client.execute("SELECT pg_backend_pid()")).fetchone()
        assert row
        return client, row[0]


def port_of(client: psycopg.AsyncConnection) -> str:
    """The address of a client as PgBouncer sees it."""
    with socket.socket(fileno=os.dup(client.fileno())) as own:
        host, port = own.getsockname()[:2]
    return f"{host}:{port}"


@pytest.mark.every_pooler
async def test_each_session_of_a_pooler_is_shown_with_its_client(any_pg: Cluster, pgbouncer: Start) -> None:
    poolers = [pgbouncer(any_pg, any_pg.fresh_database()) for _ in range(2)]
    async with AsyncExitStack() as stack:
        clients = Clients(stack)
        opened = [
            await clients.open(pooler, name, database)
            for pooler in poolers
            for name, database in (("web", ""), ("web", ""), ("report", f"{pooler.database}_session"))
        ]
        for client, _ in opened[2::3]:
            await client.commit()  # idle in a session pool: it keeps its server
        released, free = await clients.open(poolers[0], "gone")
        await released.commit()
        read = await stack.enter_async_context(reading(any_pg, ALL, *(pooler.stats_uri for pooler in poolers)))
        rows = await read()
        for at, (client, pid) in enumerate(opened):
            row, pooler = rows[pid], poolers[at // 3]
            assert (row["pooled_address"], row["pooler"]) == (port_of(client), f"127.0.0.1:{pooler.port}")
            assert row["who"] == f"{'report' if at % 3 == 2 else 'web'}@{pooler.database}"
        assert (rows[free]["pooler"], rows[free]["pooled_address"]) == (f"127.0.0.1:{poolers[0].port}", None)


@pytest.mark.every_pooler
async def test_a_client_that_waits_is_behind_no_session_until_it_gets_one(any_pg: Cluster, pgbouncer: Start) -> None:
    pooler = pgbouncer(any_pg, any_pg.fresh_database())
    entry = f"{pooler.database}_session"
    async with AsyncExitStack() as stack:
        clients = Clients(stack)
        first, *others = [await clients.open(pooler, f"holder {at}", entry) for at in range(5)]  # its pool_size
        waiting = asyncio.create_task(clients.open(pooler, "waiter", entry))
        read = await stack.enter_async_context(reading(any_pg, ALL, pooler.stats_uri))
        admin = await stack.enter_async_context(reading_pooler(pooler))

        async def waits() -> bool:
            taken = await admin.fetch("pooler_clients")
            return any(str(row["state"]).startswith("waiting") and row["wait"] for row in taken.records())

        await eventually(waits)
        rows = await read()
        assert not [row for row in rows.values() if row["pooled_application"] == "waiter"]
        for at, (client, pid) in enumerate((first, *others)):
            assert (rows[pid]["pooled_application"], rows[pid]["pooled_address"]) == (f"holder {at}", port_of(client))
        await first[0].close()
        client, pid = await waiting

        async def is_shown() -> bool:
            row = (await read())[pid]
            return (row["pooled_application"], row["pooled_address"]) == ("waiter", port_of(client))

        await eventually(is_shown)


@pytest.mark.every_pooler
async def test_how_long_a_statement_waited_in_the_pool_is_shown(any_pg: Cluster, pgbouncer: Start) -> None:
    pooler = pgbouncer(any_pg, any_pg.fresh_database())
    entry = f"{pooler.database}_session"
    async with AsyncExitStack() as stack:
        clients = Clients(stack)
        first, *_ = [await clients.open(pooler, "holder", entry) for _ in range(5)]  # its pool_size
        waiter = await psycopg.AsyncConnection.connect(
            pooler.uri(entry), application_name="waiter", prepare_threshold=None, autocommit=True
        )
        stack.push_async_callback(waiter.close)
        statement = asyncio.create_task(waiter.execute("SELECT pg_sleep(300)"))
        read = await stack.enter_async_context(reading(any_pg, ALL, pooler.stats_uri))
        source = await stack.enter_async_context(reading_pooler(pooler))

        async def has_waited() -> bool:
            taken = await source.fetch("pooler_clients")
            return any(row["application_name"] == "waiter" and row["wait"] for row in taken.records())

        await eventually(has_waited)
        await first[0].close()
        found: list[Mapping[str, object]] = []

        async def runs() -> bool:
            found[:] = [row for row in (await read()).values() if row["pooled_application"] == "waiter"]
            return bool(found) and found[0]["pool_wait"] is not None

        await eventually(runs)
        assert isinstance(found[0]["pool_wait"], float)
        assert found[0]["pool_wait"] > 0.8
        statement.cancel()
        with pytest.raises((asyncio.CancelledError, psycopg.errors.QueryCanceled)):
            await statement


@pytest.mark.every_pooler
async def test_the_lock_tree_names_the_clients(any_pg: Cluster, pgbouncer: Start) -> None:
    pooler = pgbouncer(any_pg, any_pg.fresh_database())
    async with AsyncExitStack() as stack:
        clients = Clients(stack)
        (root, holder), (waiter, blocked) = [await clients.open(pooler, name) for name in ("shop", "import")]
        await root.execute("SELECT pg_advisory_xact_lock(7)")
        statement = asyncio.create_task(waiter.execute("SELECT pg_advisory_xact_lock(7)"))
        read = await stack.enter_async_context(reading(any_pg, TREE, pooler.stats_uri))
        rows: dict[object, dict[str, object]] = {}

        async def both() -> bool:
            rows.update(await read())
            return {holder, blocked} <= rows.keys()

        await eventually(both)
        assert [rows[pid]["who"] for pid in (holder, blocked)] == ["shop", "import"]
        assert [rows[pid]["pooled_address"] for pid in (holder, blocked)] == [port_of(root), port_of(waiter)]
        assert await blockers(any_pg, pooler) == [f"shop at {port_of(root)} via PgBouncer"]
        await root.rollback()
        await statement


async def blockers(pg: Cluster, pooler: Pooler) -> list[str]:
    """Whom the findings name as blocking others."""
    sources = Sources(PostgresServer(pg.uri()), PgBouncers([PgBouncerServer(pooler.stats_uri)]))
    limits = {LOCK_WAIT_SECONDS.name: above(0)}
    observer = Observer(sources, (BLOCKING_SESSION,), limits)
    found: list[str] = []

    async def are_found() -> bool:
        verdict = await observer.look()
        found[:] = [finding.sentence.partition(": ")[0] for finding in verdict.findings]
        return bool(found)

    await eventually(are_found)
    await sources.close()
    return found


@asynccontextmanager
async def reading_pooler(pooler: Pooler) -> AsyncIterator[PgBouncers]:
    """The admin console of a pooler."""
    source = PgBouncers([PgBouncerServer(pooler.stats_uri)])
    try:
        yield source
    finally:
        await source.close()


def server(**changed: object) -> dict[str, object]:
    """A row of SHOW SERVERS."""
    usual = {"user": "app", "state": "active", "addr": "10.0.0.9", "port": 5432, "link": "0xc1", "ptr": "0x51"}
    own = {"local_addr": "10.0.0.5", "local_port": 40_001, "connect_time": "2026-11-29 12:00:00 UTC"}
    return {"type": "S", "database": "shop", "wait": 0, "wait_us": 0, "remote_pid": 777, **usual, **own, **changed}


def session(**changed: object) -> tuple[object, ...]:
    """The values of BY of a session."""
    usual = {"pid": 777, "backend_start": NOON + timedelta(seconds=0.4), "user": "app", "client": "10.0.0.5"}
    return tuple({**usual, "client_port": 40_001, "since": 1.0, **changed}[name] for name in BY)


LATER: dict[str, object] = {"connect_time": "2026-11-29 14:00:00 UTC"}
UNIX: dict[str, object] = {"addr": "unix", "local_addr": "unix", "local_port": 6432}
HERE: dict[str, object] = {"client": "local", "client_port": -1}


@pytest.mark.parametrize(
    ("key", "servers", "found"),
    [
        (session(), [server()], 0),
        (session(pid=778), [server()], None),
        (session(user="other"), [server()], None),
        (session(), [server(local_port=40_002), server()], 1),  # two servers with the same pid
        (session(), [server(addr="10.0.0.8"), server()], None),  # and the same ends: it may be either
        (session(), [server(addr="10.0.0.8", **LATER), server()], 1),
        (session(), [server(**LATER)], 0),  # the clocks differ
        (session(client="172.17.0.1", client_port=51_000), [server()], 0),  # translated: they began together
        (session(client="172.17.0.1", client_port=51_000), [server(**LATER)], None),
        (session(client="172.17.0.1"), [server(), server(addr="10.0.0.8")], None),
        (session(client="shop.example", client_port=40_001), [server()], 0),
        (session(**HERE), [server(**UNIX)], 0),
        (session(**HERE), [server(**UNIX, **LATER)], None),
        (session(**HERE), [server()], None),
        (session(), [server(**UNIX)], None),
        (session(backend_start="2026-11-29 13:00:00.4+01", **HERE), [server(**UNIX)], 0),
        (session(**HERE), [server(**UNIX, connect_time="2026-11-29 12:00:00 XYZ")], None),  # a zone unknown here
        (session(), [server(connect_time="2026-11-29 12:00:00 XYZ")], 0),
        (session(backend_start=None), [server()], 0),
    ],
)
def test_a_session_is_found_by_evidence_or_not_at_all(
    key: tuple[object, ...], servers: list[dict[str, object]], found: int | None
) -> None:
    assert server_of(key, servers) is (None if found is None else servers[found])


def client(ptr: str, link: str, address: str, **changed: object) -> dict[str, object]:
    """A row of SHOW CLIENTS."""
    usual = {"type": "C", "user": "app", "database": "shop", "state": "active", "wait": 2, "wait_us": 500_000}
    return {**usual, "ptr": ptr, "link": link, "addr": address, "port": 4242, "application_name": "web", **changed}


def asked(*sessions: tuple[object, ...]) -> dict[str, list[object]]:
    """What a look-up asks."""
    return {name: list(values) for name, values in zip(BY, zip(*sessions, strict=True), strict=True)}


def addresses(taken: Snapshot) -> dict[object, object]:
    """The address of the client behind each pid."""
    return dict(zip(taken.values("pid"), taken.values("pooled_address"), strict=True))


@pytest.mark.parametrize("version", ["1.18.0", "1.21.0", "1.23.1", "1.25.2"])
async def test_two_servers_with_the_same_pid_behind_one_pooler_have_each_their_client(version: str) -> None:
    other: dict[str, object] = {"addr": "10.0.0.8", "local_port": 40_002, "ptr": "0x52", "link": "0xc2"}
    servers, clients = (server(**other), server()), (client("0xc2", "0x52", "::1"), client("0xc1", "0x51", "10.0.0.7"))
    async with fake_pgbouncer(f"{version}/bouncer", SHOW_SERVERS=servers, SHOW_CLIENTS=clients) as fake:
        source = PgBouncers([PgBouncerServer(fake.uri)])
        taken = await source.fetch(BEHIND, asked(session(), session(pid=1)))
        await source.close()
    assert taken.columns == (*BY, *ADDS)
    assert addresses(taken) == {777: "10.0.0.7:4242"}
    assert taken.values("pooled_busy") == (2.5,)


async def test_pgbouncer_is_asked_only_for_what_is_not_known() -> None:
    servers, clients = (server(),), tuple(client("0xc1", "0x51", "10.0.0.7") for _ in range(1_000))
    async with fake_pgbouncer("1.24.1/bouncer", SHOW_SERVERS=servers, SHOW_CLIENTS=clients) as fake:
        source = PgBouncers([PgBouncerServer(fake.uri)])
        before = NOON - timedelta(days=2)
        direct = session(pid=12, client_port=50_000, backend_start=before)
        for _ in range(3):
            taken = await source.fetch(BEHIND, asked(session(), direct))
            assert addresses(taken) == {777: "10.0.0.7:4242"}
        assert fake.commands == ["SHOW SERVERS", "SHOW CLIENTS"]
        for _ in range(3):  # direct sessions in other transactions
            await source.fetch(BEHIND, asked(session(pid=12, client_port=50_000, backend_start=before, since=2.0)))
        assert fake.commands == ["SHOW SERVERS", "SHOW CLIENTS"]
        for since in (2.0, 3.0):  # other transactions of the pooled one: 1,000 clients are not listed so often
            taken = await source.fetch(BEHIND, asked(session(since=since)))
            assert taken.values("pooler") == (f"127.0.0.1:{fake.port}",)
            assert addresses(taken) == {777: None}
        await source.close()
        assert fake.commands == ["SHOW SERVERS", "SHOW CLIENTS", "SHOW SERVERS", "SHOW SERVERS"]


async def test_a_pooler_that_is_away_takes_nothing_from_the_sessions(any_pg: Cluster) -> None:
    async with reading(any_pg, ALL, "postgresql://x@127.0.0.1:1") as read, await other_session(any_pg) as own:
        row = (await read())[own.info.backend_pid]
    assert (row["pooler"], row["who"]) == (None, "me")


async def test_without_a_pooler_nothing_is_looked_up(any_pg: Cluster) -> None:
    server, reader = PostgresServer(any_pg.uri()), Reader(ALL)
    async with await other_session(any_pg) as own:
        taken = await reader.read(server)
        assert await reader.fill(server, keys(taken, ALL.key)) is None
        row = next(row for row in taken.records() if row["pid"] == own.info.backend_pid)
    await server.close()
    assert "pooled_at" not in taken.columns
    assert (row["pooler"], row["pooled_address"], row["pool_wait"]) == (None, None, None)


async def other_session(pg: Cluster) -> psycopg.AsyncConnection:
    """A session without a pooler."""
    return await psycopg.AsyncConnection.connect(pg.uri(), application_name="me")


def test_the_lookup_asks_for_what_the_source_answers() -> None:
    assert (CLIENTS_BEHIND.by, CLIENTS_BEHIND.adds) == (BY, ADDS)


async def test_a_client_leads_to_its_session_and_back(any_pg: Cluster, pgbouncer: Start) -> None:
    pooler = pgbouncer(any_pg, any_pg.fresh_database())
    async with AsyncExitStack() as stack:
        clients = Clients(stack)
        opened = [(name, (await clients.open(pooler, name))[1]) for name in ("shop", "import")]
        wanted: dict[str, Any] = {"pane": "pooler", "poolers": (pooler.stats_uri,)}
        app, pilot = await stack.enter_async_context(console(any_pg.uri(pooler.database), **wanted))

        async def shows_row(pane: str, **values: object) -> None:
            def is_shown() -> bool:
                row = app.panes.shown.table.cursor_row or {}
                return app.panes.shown.pane.name == pane and values.items() <= row.items()

            await until(pilot, is_shown, f"{pane} {values}")

        for name, pid in opened:
            app.panes.shown.go_to("clients", {"application_name": name})
            await shows_row("pooler", application_name=name, server_pid=pid)
            await pilot.press("enter")
            await shows_row("connections", pid=pid, pooled_application=name)
            await pilot.press("l")
            await shows_row("pooler", application_name=name, server_pid=pid)


async def test_a_client_leads_straight_to_the_locks_of_its_session_and_back(any_pg: Cluster, pgbouncer: Start) -> None:
    pooler = pgbouncer(any_pg, any_pg.fresh_database())
    with any_pg.connect(pooler.database) as owner:
        owner.execute("CREATE TABLE public.t (id int); GRANT ALL ON public.t TO PUBLIC")
    async with AsyncExitStack() as stack:
        clients = Clients(stack)
        holder, pid = await clients.open(pooler, "shop")
        await holder.execute("LOCK TABLE public.t")
        _, idle = await clients.open(pooler, "import")
        waiter = await psycopg.AsyncConnection.connect(any_pg.uri(pooler.database))
        waiting = asyncio.ensure_future(waiter.execute("SELECT FROM public.t"))
        stack.push_async_callback(waiter.close)
        stack.push_async_callback(_ended, holder, waiting)
        wanted: dict[str, Any] = {"pane": "pooler", "poolers": (pooler.stats_uri,), "toasts": True}
        app, pilot = await stack.enter_async_context(console(any_pg.uri(pooler.database), **wanted))

        def is_on(pane: str, **values: object) -> bool:
            row = app.panes.shown.table.cursor_row or {}
            return app.panes.shown.pane.name == pane and values.items() <= row.items()

        for view, by, its_pid in (
            ("clients", "application_name", "server_pid"),
            ("servers", "client_application", "remote_pid"),
        ):
            app.panes.shown.go_to(view, {by: "shop"})
            await until(pilot, partial(is_on, "pooler", **{its_pid: pid}), view)
            await pilot.press("l")
            await until(pilot, lambda: is_on("locks", pid=pid), "its locks")
            await pilot.press("l")
            await until(pilot, lambda: is_on("pooler", server_pid=pid), "its client")
        app.panes.shown.go_to("clients", {"application_name": "import"})
        await until(pilot, lambda: is_on("pooler", server_pid=idle), "the other client")
        await pilot.press("l")
        await shows(pilot, "Its session neither waits for a lock nor blocks another one.")


async def _ended(holder: psycopg.AsyncConnection, waiting: asyncio.Future[Any]) -> None:
    """Let the one who waits go on."""
    await holder.rollback()
    await waiting


async def test_groups_of_clients_are_counted_with_their_transactions(any_pg: Cluster, pgbouncer: Start) -> None:
    pooler = pgbouncer(any_pg, any_pg.fresh_database())
    async with AsyncExitStack() as stack:
        clients = Clients(stack)
        for name in ("shop", "shop", "import"):
            await clients.open(pooler, name)
        source = await stack.enter_async_context(reading_pooler(pooler))
        taken = await Reader(GROUPS).read(source)
    found = {row["application"]: row for row in taken.records() if row["user"] == "pipeline_app"}
    assert {(name, row["clients"], row["linked"]) for name, row in found.items()} == {("shop", 2, 2), ("import", 1, 1)}
    assert {row["address"] for row in found.values()} == {"127.0.0.1"}
    assert any("is an estimate" in note for note in taken.notes)


def test_transactions_of_a_database_are_divided_among_its_active_clients() -> None:
    old, new = "2026-11-29 11:00:00 UTC", "2026-11-29 12:00:00 UTC"
    usual: dict[str, object] = {
        "pooler": "p",
        "application_name": "web",
        "user": "app",
        "database": "shop",
        "addr": "10.0.0.7",
    }
    usual |= {"state": "active", "link": "", "wait": 0, "wait_us": 0, "request_time": new, "avg_xact_count": 90}
    changes: list[dict[str, object]] = [
        {"link": "0x1"},
        {},
        {"request_time": old},
        {"application_name": "job", "state": "waiting", "wait": 3},
        {"application_name": "", "request_time": old},
        {"database": "pgbouncer", "request_time": "2026-11-29 12:00:05 UTC"},  # by this one the time is known
    ]
    rows = [{**usual, **change} for change in changes]
    taken = groups(Snapshot("pooler_clients", tuple(usual), tuple(tuple(row.values()) for row in rows), NOON))
    shown = ("application", "clients", "recent", "linked", "waiting", "waiting_long", "longest", "transactions")
    assert [tuple(row[name] for name in shown) for row in taken.records()] == [
        ("web", 3, 2, 1, 0, 0, None, 60.0),
        ("job", 1, 1, 0, 1, 1, 3.0, 30.0),
        (None, 1, 0, 0, 0, 0, None, 0.0),
    ]


@pytest.mark.parametrize(
    ("addresses", "shown"),
    [
        (("10.0.0.7:5001", "10.0.0.7:5002", None), ["web", "web", "psql"]),
        (("10.0.0.7:5001", "10.0.0.8:5002", None), ["web 10.0.0.7", "web 10.0.0.8", "psql"]),
    ],
)
def test_the_address_of_a_client_is_in_its_name_where_clients_have_several(
    addresses: tuple[str | None, ...], shown: list[str]
) -> None:
    columns = ("application", "user", "pooled_application", "pooled_address")
    rows = (("", "app", "web", addresses[0]), ("", "app", "web", addresses[1]), ("psql", "dba", None, addresses[2]))
    assert names(Snapshot("connections", columns, rows, datetime(2026, 1, 1, tzinfo=UTC))) == shown
