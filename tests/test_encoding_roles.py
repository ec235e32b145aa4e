"""Sessions, roles, slots and settings in databases of another encoding than UTF8, under names that ASCII lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from console.actions import action
from console.demo.cluster import OWNER
from console.model import Kind, Outcome, Trouble
from console.running.progress import Run
from console.running.trail.audit import Trail, default_trail
from tests.acting import Desk
from tests.activity import Sessions
from tests.servers import PostgresServer, Servers
from tests.waiting import wait

pytestmark = pytest.mark.usefixtures("any_pg")
ENCODINGS = ("LATIN1", "SQL_ASCII")
ROLE = "rôle_é"
GID = "commandé l'été"
QUERY = 'SELECT pg_sleep(60) AS "été"'


@pytest.fixture(name="server", scope="module")
def own_server(pg_servers: Servers) -> Iterator[PostgresServer]:
    """A server of its own: its roles and settings are changed."""
    if pg_servers.choices[pg_servers.newest].installation is None:
        pytest.skip("needs local binaries")
    server = pg_servers.new(pg_servers.newest, {"max_prepared_transactions": "4"})
    yield server
    server.stop()


@pytest.fixture(params=ENCODINGS)
def desk(
    server: PostgresServer, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    name = f"of_{request.param.lower()}"
    with server.connect() as session:
        session.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{request.param}' LOCALE 'C' OWNER {OWNER}".encode()
        )
    made = Desk(server, name, default_trail())
    run_in_utf8(
        made,
        f'CREATE ROLE "{ROLE}"',
        'CREATE TABLE public."été" (id int, at date NOT NULL) PARTITION BY RANGE (at)',
        f'ALTER TABLE public."été" OWNER TO "{ROLE}"',
        f'GRANT ALL ON SCHEMA public TO "{ROLE}"',
    )
    yield made
    run_in_utf8(made, f'DROP OWNED BY "{ROLE}"', f'DROP ROLE "{ROLE}"')
    server.drop_database(name)


def run_in_utf8(desk: Desk, *statements: str) -> None:
    with desk.session(client_encoding="UTF8") as session:
        for statement in statements:
            session.execute(statement.encode())


@pytest.fixture
def others(desk: Desk) -> Iterator[Sessions]:
    some = Sessions(desk.cluster, desk.database)
    yield some
    some.close()


def done(run: Run) -> None:
    assert run.outcome is Outcome.DONE, run.message


def sleeping(desk: Desk, others: Sessions) -> psycopg.Connection[tuple[object, ...]]:
    """A session of the role whose statement has letters that ASCII lacks."""
    session = others.open(client_encoding="UTF8")
    session.execute(f'SET ROLE "{ROLE}"'.encode())
    others.run(session, QUERY)
    pid = session.info.backend_pid
    wait(lambda: desk.ask(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND state = 'active'") == 1)
    return session


def alive(desk: Desk, pid: int) -> bool:
    return bool(desk.ask(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}"))


async def test_sessions_are_cancelled_and_terminated(desk: Desk, others: Sessions) -> None:
    pid = sleeping(desk, others).info.backend_pid
    plan = await desk.plan(action("cancel-backend"), pid=str(pid))
    assert plan.table is not None
    assert "été" in str(plan.table.rows)
    done(await desk.run(action("cancel-backend"), pid=str(pid)))
    assert alive(desk, pid)
    pid = sleeping(desk, others).info.backend_pid
    done(await desk.run(action("terminate-backend"), pid=str(pid)))
    assert not alive(desk, pid)


async def test_idle_sessions_are_terminated_by_their_application(desk: Desk, others: Sessions) -> None:
    session, other = (others.open(application_name=name, client_encoding="UTF8") for name in ("été", "hiver"))
    (name,) = session.execute("SHOW application_name").fetchone() or ("",)
    for each in (session, other):
        each.execute("BEGIN")
    wait(lambda: desk.ask("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'") == 2)
    done(await desk.run(action("terminate-idle"), older_than="0 seconds", application=str(name)))
    pids = [each.info.backend_pid for each in (session, other)]
    assert [alive(desk, pid) for pid in pids] == [False, True]


async def test_a_prepared_transaction_is_rolled_back_by_its_identifier(desk: Desk) -> None:
    run_in_utf8(desk, "CREATE TABLE public.item (id int)")
    quoted = GID.replace("'", "''")
    for gid in (quoted, "other"):
        with desk.session(client_encoding="UTF8") as session:
            session.execute("BEGIN; INSERT INTO public.item VALUES (1)")
            session.execute(f"PREPARE TRANSACTION '{gid}'".encode())
    done(await desk.run(action("rollback-prepared"), gid=GID))
    assert desk.ask("SELECT count(*) FROM pg_prepared_xacts WHERE gid = 'other'") == 1
    assert desk.ask("SELECT count(*) FROM pg_prepared_xacts") == 1
    done(await desk.run(action("rollback-prepared"), gid="other"))


async def test_a_slot_is_dropped_and_settings_are_applied_and_undone(desk: Desk) -> None:
    desk.do("SELECT pg_create_physical_replication_slot('standby', true)")
    done(await desk.run(action("drop-slot"), slot="standby"))
    before = desk.ask("SHOW random_page_cost")
    done(await desk.run(action("apply-tuning"), preset="planner-ssd", only="random_page_cost"))
    wait(lambda: desk.ask("SHOW random_page_cost") != before)
    done(await desk.run(action("undo")))
    wait(lambda: desk.ask("SHOW random_page_cost") == before)


async def test_roles_are_created_and_partitions_with_the_rights_of_an_owner(desk: Desk, tmp_path: Path) -> None:
    done(await desk.run(action("create-roles"), passwords=str(tmp_path / "passwords")))
    run = await desk.run(action("create-partitions"), table='public."été"', months="1")
    done(run)
    owners = "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.relispartition"
    with desk.session(client_encoding="UTF8") as session:
        assert session.execute(f"{owners} AND r.rolname = '{ROLE}'".encode()).fetchone() == (2,)
    done(await desk.run(action("undo"), run=run.id))
    assert desk.ask("SELECT count(*) FROM pg_class WHERE relispartition") == 0


async def test_what_cannot_be_sent_is_refused(server: PostgresServer, tmp_path: Path) -> None:
    """SQL_ASCII takes any bytes as the name of a role and as an identifier."""
    with server.connect() as session:
        session.execute("CREATE DATABASE of_bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    desk = Desk(server, "of_bytes", Trail(tmp_path / "audit.jsonl"))
    try:
        with desk.session(client_encoding="SQL_ASCII") as session:
            for statement in (
                b'CREATE ROLE "r\xf4le"',
                b"CREATE TABLE public.t (id int, at date NOT NULL) PARTITION BY RANGE (at)",
                b'ALTER TABLE public.t OWNER TO "r\xf4le"',
                b'GRANT ALL ON SCHEMA public TO "r\xf4le"',
                b"CREATE TABLE public.item (id int)",
                b"BEGIN; INSERT INTO public.item VALUES (1); PREPARE TRANSACTION 'g\xe9'",
            ):
                session.execute(statement)
        for name, given in (
            ("create-partitions", {"table": "public.t", "months": "1"}),
            ("rollback-prepared", {"gid": r"g\xe9"}),
            ("rollback-prepared", {"gid": "g\udce9"}),
        ):
            with pytest.raises(Trouble) as caught:
                await desk.plan(action(name), **given)
            assert caught.value.kind is Kind.REFUSED, caught.value
            assert re.search("UTF-8|no prepared transaction", caught.value.sentence), caught.value
        assert desk.ask("SELECT count(*) FROM pg_prepared_xacts") == 1
    finally:
        with desk.session(client_encoding="SQL_ASCII") as session:
            session.execute(b"ROLLBACK PREPARED 'g\xe9'")
            session.execute(b'DROP OWNED BY "r\xf4le"')
            session.execute(b'DROP ROLE "r\xf4le"')
        server.drop_database("of_bytes")
