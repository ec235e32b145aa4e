"""What a DBA's rights must never do: run a plain user's code, touch what was not named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql as compose

from console import sql
from console.actions.indexes.drop_and_repair import DROP_INDEX, REPAIR_INVALID_INDEXES
from console.actions.maintenance.upkeep import ANALYZE_TABLE, REINDEX, VACUUM_TABLE
from console.actions.planning import Action, plan
from console.actions.sessions.end_sessions import CANCEL_BACKEND, TERMINATE_BACKEND, TERMINATE_IDLE
from console.model import Kind, Outcome, Snapshot, Source, Trouble, View
from console.panes import PANES
from console.reading.reader import Reader, keys
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.sources.postgres import ActingSession, PostgresServer
from tests import hostile
from tests.acting import Desk
from tests.activity import Sessions, console
from tests.care import done
from tests.servers import PostgresServer as Cluster
from tests.sources import console_of
from tests.waiting import wait

pytestmark = pytest.mark.pg("!= 14, != 16, != 17")
OWNER = "pipeline_owner"
OF_ENCODING = "22021"  # character_not_in_repertoire


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path / "audit.jsonl")


@pytest.fixture
def desk(pg: Cluster, database: str, trail: Trail) -> Desk:
    return Desk(pg, database, trail)


# A superuser in a hostile database


@pytest.fixture(scope="session")
def trapped_database(pg: Cluster) -> Iterator[str]:
    """A database full of traps, the functions of extensions among them."""
    name = pg.fresh_database()
    with pg.connect(name) as session:
        session.execute("CREATE EXTENSION pgstattuple SCHEMA public")
        session.execute("CREATE EXTENSION pg_stat_statements SCHEMA public")
        session.execute(f"GRANT ALL ON SCHEMA public TO {OWNER}".encode())
    hostile.set_traps(pg, name, OWNER)
    yield name
    pg.drop_database(name)


@pytest.fixture
def trapped(pg: Cluster, trapped_database: str, trail: Trail) -> Desk:
    """A superuser's console on that database."""
    return Desk(pg, trapped_database, trail)


def test_the_traps_do_close(trapped: Desk) -> None:
    for statement in (
        "SELECT * FROM public.evil_view",
        "SELECT count(*) FROM pg_class WHERE relname = 'x'::text",
        "INSERT INTO public.bait VALUES (1000, 1)",
        "DELETE FROM public.bait",
        "SELECT * FROM public.console_audit",
        "SELECT pgstattuple_approx(1::oid)",
    ):
        with pytest.raises(psycopg.Error, match=hostile.SPRUNG):
            trapped.do(statement)  # the database's search_path leads into them


def views() -> list[tuple[str, View]]:
    return [(pane.name, view) for pane in PANES if pane.source in {"postgres", "console"} for view in pane.views]


@pytest.mark.parametrize(("pane", "view"), views(), ids=lambda each: each if isinstance(each, str) else each.name)
async def test_a_look_runs_no_code_of_theirs(trapped: Desk, pane: str, view: View) -> None:
    """Its rows, what is looked up for each of them, and the details of each."""
    async with console(trapped.cluster, trapped.database) as server:
        await server.connect()
        source = console_of(trapped.trail, [], server) if pane in {"activity", "audit"} else server
        reader, told = Reader(view), []
        try:
            snapshot = await reader.read(source)
            snapshot = await reader.fill(source, keys(snapshot, view.key)) or snapshot
            await details(source, view, snapshot)
        except Trouble as why:
            told = [why]
        # Statements of the whole server are counted: other tests run some in other encodings.
        expected = [why for why in told if why.kind in {Kind.MISSING, Kind.UNSUPPORTED} or why.sqlstate == OF_ENCODING]
        assert told == expected


async def details(source: Source, view: View, snapshot: Snapshot) -> None:
    if not view.detail:
        return
    for key in keys(snapshot, view.key)[:40]:
        await source.fetch(view.detail, dict(zip(view.key, key, strict=True)))


async def test_no_query_of_the_console_runs_code_of_theirs(trapped: Desk) -> None:
    """Also those that no view asks for by itself."""
    async with console(trapped.cluster, trapped.database) as server:
        told = []
        for name in sql.names():
            try:
                await server.fetch(name)
            except Trouble as why:
                told.append(f"{name}: {why}")
        assert [each for each in told if hostile.SPRUNG in each] == []


async def test_care_runs_their_code_with_no_rights_but_theirs(trapped: Desk) -> None:
    """VACUUM, ANALYZE and REINDEX evaluate expression indexes, statistics and partition keys: as their owner."""
    for table in ("public.bait", "public.evil_parts", "public.evil_matview"):
        done(await trapped.run(VACUUM_TABLE, table=table, freeze="yes"))
        done(await trapped.run(ANALYZE_TABLE, table=table))
        done(await trapped.run(REINDEX, table=table))
    run = await trapped.run(DROP_INDEX, index="public.bait_evil")
    done(run)
    with trapped.session(options="-c search_path=pg_catalog") as session:
        for statement in run.undo:
            session.execute(statement.encode())
    assert (await trapped.run(REPAIR_INVALID_INDEXES)).outcome is Outcome.NOTHING


async def test_sessions_are_ended_without_a_call_of_theirs(trapped: Desk) -> None:
    others = Sessions(trapped.cluster, trapped.database)
    try:
        idle, any_, busy = others.open(), others.open(), others.open()
        idle.execute("BEGIN")
        run = await trapped.run(TERMINATE_IDLE, older_than="0 s")
        done(run)
        assert run.steps[0].rows == 1
        run = await trapped.run(TERMINATE_BACKEND, pid=str(any_.info.backend_pid))
        done(run)
        assert run.steps[0].rows == 1
        others.run(busy, "SELECT pg_catalog.pg_sleep(60)")
        state = "SELECT pg_catalog.max(state) FROM pg_catalog.pg_stat_get_activity"
        with trapped.session(options="-c search_path=pg_catalog") as session:
            wait(lambda: session.execute(f"{state}({busy.info.backend_pid})".encode()).fetchone() == ("active",))
        run = await trapped.run(CANCEL_BACKEND, pid=str(busy.info.backend_pid))
        done(run)
        assert run.steps[0].rows == 1
    finally:
        others.close()


@pytest.mark.parametrize(
    "trap",
    [
        hostile.AS_VIEWS,
        hostile.AS_TABLE_WITH_TRIGGER,
        hostile.AS_TABLE_WITH_DEFAULT,
        hostile.AS_TABLE_WITH_QUERY,
        hostile.AS_TABLE_WITH_DOMAIN,
    ],
    ids=["view", "trigger", "default", "query in a text", "domain"],
)
async def test_an_audit_table_of_theirs_is_not_written(desk: Desk, trap: str) -> None:
    hostile.set_traps(desk.cluster, desk.database, OWNER, trap)
    run = await desk.run(ANALYZE_TABLE, table="public.bait")
    done(run)
    assert not any(hostile.SPRUNG in note for note in run.notes), run.notes
    assert any("audit table of the database was not written" in note for note in run.notes)
    assert [entry["event"] for entry in desk.trail.entries()] == ["start", "step", "end"]


# Malicious names

EVIL = ("\";DROP TABLE victim;--\n'%s%%$$\\x27;DELETE FROM victim;/*" * 2)[:63]


async def test_a_malicious_name_changes_nothing_but_itself(desk: Desk) -> None:
    name, index = compose.Identifier(EVIL), compose.Identifier(EVIL[:60] + "_i")
    with desk.session() as session:
        for statement in (
            "CREATE TABLE public.victim AS SELECT generate_series(1, 10) AS id",
            "CREATE SCHEMA {name}",
            "CREATE TABLE {name}.{name} ({name} int PRIMARY KEY)",
            "INSERT INTO {name}.{name} SELECT generate_series(1, 10)",
            "CREATE INDEX {index} ON {name}.{name} ({name}) WHERE {name} > 0",
        ):
            session.execute(compose.SQL(statement).format(name=name, index=index))
        session.execute(compose.SQL("COMMENT ON INDEX {}.{} IS {}").format(name, index, compose.Literal(EVIL)))
    shown, its_index = f"{EVIL}.{EVIL}", f"{EVIL}.{EVIL[:60]}_i"
    for action in (VACUUM_TABLE, ANALYZE_TABLE, REINDEX):
        run = await desk.run(action, table=shown)
        done(run)
        assert len(run.plan.claim.subject) > 120
    done(await desk.run(REINDEX, index=its_index))
    with desk.session() as other, desk.session() as session:
        other.execute("BEGIN")
        other.execute(compose.SQL("SELECT 1 FROM {0}.{0}").format(name))
        session.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            session.execute(compose.SQL("REINDEX INDEX CONCURRENTLY {}.{}").format(name, index))
    run = await desk.run(REPAIR_INVALID_INDEXES)
    done(run)
    assert len(run.steps) == 1
    definition = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indpred IS NOT NULL"
    before = desk.ask(definition)
    run = await desk.run(DROP_INDEX, index=its_index)
    done(run)
    desk.do(*run.undo)
    assert desk.ask(definition) == before
    index_of = "SELECT indexrelid FROM pg_index WHERE indpred IS NOT NULL"
    comment = f"SELECT description FROM pg_description WHERE objoid = ({index_of})"
    assert desk.ask(comment) == EVIL
    assert desk.ask("SELECT count(*) FROM public.victim") == 10
    with desk.session() as session:
        assert session.execute(compose.SQL("SELECT count(*) FROM {0}.{0}").format(name)).fetchone() == (10,)


async def test_malicious_names_of_users_and_applications_are_only_text(desk: Desk, pg: Cluster) -> None:
    evil = EVIL if pg.major < 19 else EVIL.replace("\n", "\t")  # 19 refuses line breaks in the names of roles
    role, application = evil[:50] + desk.database[:12], "';DROP TABLE x;--"
    with desk.session() as session:
        session.execute(compose.SQL("CREATE ROLE {} LOGIN").format(compose.Identifier(role)))
    try:
        with desk.session(application_name=application) as session:
            session.execute(compose.SQL("SET SESSION AUTHORIZATION {}").format(compose.Identifier(role)))
            run = await desk.run(TERMINATE_BACKEND, pid=str(session.info.backend_pid))
        done(run)
        assert run.plan.table is not None
        assert application in run.plan.table.values("application")
    finally:
        with desk.session() as session:
            session.execute(compose.SQL("DROP ROLE {}").format(compose.Identifier(role)))


# A read-only console


async def test_each_step_is_refused_in_a_read_only_session(desk: Desk) -> None:
    desk.do("CREATE TABLE public.t (id int PRIMARY KEY, n int)", "CREATE INDEX t_n ON public.t (n)")
    server = PostgresServer(desk.uri)
    with desk.session() as session:
        wishes: tuple[tuple[Action, dict[str, str]], ...] = (
            (VACUUM_TABLE, {"table": "public.t"}),
            (ANALYZE_TABLE, {"table": "public.t"}),
            (REINDEX, {"index": "t_n"}),
            (DROP_INDEX, {"index": "t_n"}),
            (TERMINATE_BACKEND, {"pid": str(session.info.backend_pid)}),
        )
        for action, given in wishes:
            made = await plan(action, server, given, desk.settings)
            before = desk.ask("SELECT relfilenode FROM pg_class WHERE relname = 't_n'")
            run = await Runner(ActingSession(desk.uri, read_only=True), server, desk.trail).run(made)
            assert run.outcome is Outcome.REFUSED, action.name
            assert "read-only" in run.message
            assert desk.ask("SELECT relfilenode FROM pg_class WHERE relname = 't_n'") == before
        assert session.execute("SELECT 1").fetchone() == (1,)
    await server.close()
