"""What runs with the rights of a table's owner runs none of the owner's code with those of a superuser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from console.actions import action
from console.actions.confinement import run_as
from console.actions.planning import plan
from console.demo.cluster import OWNER
from console.model import Outcome, Standalone, Step, Trouble
from console.running.trail.audit import Trail
from console.settings import config
from console.sources.postgres import ActingSession, DriverError, PostgresServer
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster
from tests.traps import SPRING, SPRUNG, TRAPS, Trap

OPERATOR = """
CREATE FUNCTION public.equal(name, text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN public.spring(); END';
CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = text, FUNCTION = public.equal);
"""
# What the console may send next: it leaves operators and types to search_path.
NEXT = "SELECT 'a'::text, 1 WHERE 'a'::pg_catalog.name = 'a'::pg_catalog.text"

pytestmark = pytest.mark.pg("!= 16, != 17")


@pytest.fixture(scope="module")
def trapped(pg: Cluster) -> Iterator[str]:
    """A database whose owner has laid every trap."""
    name = pg.fresh_database()
    with pg.connect(name) as session:
        session.execute(f"GRANT ALL ON SCHEMA public TO {OWNER}")
    with pg.connect(name, OWNER) as session:
        session.execute((SPRING + OPERATOR).encode())
        for trap in TRAPS:
            session.execute(trap.sql(trap.lay).encode())
    yield name
    pg.drop_database(name)


def test_there_are_enough_traps() -> None:
    assert len({trap.name for trap in TRAPS}) == len(TRAPS) >= 60


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
async def test_a_trap_springs_without_its_wall_and_not_behind_it(pg: Cluster, trapped: str, trap: Trap) -> None:
    statements = [trap.sql(statement) for statement in trap.touch]
    major = pg.major
    assert (SPRUNG in _bare(pg, trapped, statements)) is (major <= trap.until)
    assert SPRUNG not in await _confined(pg.uri(trapped), statements)
    if trap.reads:
        server = PostgresServer(pg.uri(trapped))
        with pytest.raises(Trouble, match=SPRUNG):
            await server.ask("the query", statements[0])
        assert (await server.ask_as(OWNER, "the query", statements[0])).columns
        await server.close()


def _bare(pg: Cluster, database: str, statements: list[str]) -> str:
    try:
        with (
            pg.connect(database, options="-c search_path=pg_catalog") as session,
            session.transaction(),
        ):
            for statement in statements:
                session.execute(statement.encode())
    except psycopg.Error as error:
        return str(error)
    return ""


async def _confined(uri: str, statements: list[str]) -> str:
    session = ActingSession(uri)
    await session.open()
    try:
        async with session.transaction():
            for statement in statements:
                await session.execute_as(OWNER, statement)
            await session.seal()
        await session.query(NEXT)
    except DriverError as error:
        return str(error)
    finally:
        await session.close()
    return ""


async def test_what_confined_code_leaves_behind_is_undone(pg: Cluster, trapped: str) -> None:
    session = ActingSession(pg.uri(trapped))
    await session.open()
    async with session.transaction():
        for name in ("search_path", "type_in_pg_temp", "table_in_pg_temp", "cursor_with_hold"):
            await session.execute_as(OWNER, f"INSERT INTO public.{name} VALUES (3, 3)")
        await session.execute_as(OWNER, "SET LOCAL lock_timeout = '61ms'")
        assert await session.query("SHOW lock_timeout") == [("61ms",)]
        await session.seal()
    assert await session.query("SHOW search_path") == [("pg_catalog, pg_temp",)]
    assert await session.query("SHOW lock_timeout") == [("200ms",)]
    assert await session.query("SELECT name FROM pg_catalog.pg_cursors") == []
    functions = "SELECT proname FROM pg_catalog.pg_proc WHERE pg_catalog.starts_with(proname, 'pipeline_console')"
    assert await session.query(functions) == []
    await session.close()


async def test_a_deferrable_constraint_does_not_stop_what_keeps_it(pg: Cluster, trapped: str) -> None:
    session = ActingSession(pg.uri(trapped))
    await session.open()
    async with session.transaction():
        await session.execute_as(OWNER, "CREATE TABLE public.kept (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        assert await session.execute_as(OWNER, "INSERT INTO public.kept VALUES (1), (2)") == 2
        await session.seal()
    assert await session.query("SELECT pg_catalog.count(*) FROM public.kept") == [(2,)]
    await session.close()


QUERIES = [trap for trap in TRAPS if trap.reads and trap.touch[0].startswith("SELECT")]


@pytest.mark.parametrize("trap", QUERIES, ids=lambda trap: trap.name)
async def test_what_is_exported_is_not_even_parsed_by_the_session(pg: Cluster, trapped: str, trap: Trap) -> None:
    session = ActingSession(pg.uri(trapped))
    await session.open()
    async with session.snapshot(OWNER, trap.sql(trap.touch[0])) as (call,):
        assert await session.query(call)
    await session.close()


async def test_confined_reading_writes_nothing_and_keeps_types(pg: Cluster, trapped: str) -> None:
    server = PostgresServer(pg.uri(trapped))
    query = "SELECT CURRENT_USER, 1::int2 AS small, 'x' AS text, ARRAY[1]::bigint[] AS list, 'a%b'::name AS name"
    snapshot = await server.ask_as(OWNER, "the query", query)
    assert (snapshot.columns, snapshot.rows) == (
        ("current_user", "small", "text", "list", "name"),
        ((OWNER, 1, "x", [1], "a%b"),),
    )
    with pytest.raises(Trouble, match="read-only transaction"):
        await server.ask_as(
            OWNER, "the query", "WITH w AS (DELETE FROM public.search_path RETURNING id) SELECT id FROM w"
        )
    await server.close()


# What no function can run, and is run as it stands: PostgreSQL does it with the rights of the table's owner.
CONFINED_BY_SERVER = (
    "CREATE INDEX CONCURRENTLY by_server_id ON public.by_server (id)",
    "CREATE INDEX ON public.by_server (n)",
    "REINDEX TABLE CONCURRENTLY public.by_server",
    "VACUUM (ANALYZE) public.by_server",
    "ANALYZE public.by_server",
    "CLUSTER public.by_server USING by_server_id",
    "DROP INDEX CONCURRENTLY public.by_server_always",
    "REFRESH MATERIALIZED VIEW public.by_server_view",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY public.by_server_view",
)
BY_SERVER = """
CREATE TABLE public.by_server (id int, n int);
INSERT INTO public.by_server VALUES (1, 1);
CREATE INDEX by_server_always ON public.by_server (id) WHERE public.spring_always();
CREATE INDEX ON public.by_server ((public.spring_int(1) + id));
CREATE STATISTICS public.by_server_s ON (public.spring_int(1) + id), n FROM public.by_server;
CREATE MATERIALIZED VIEW public.by_server_view AS SELECT id, public.spring() AS sprung FROM public.by_server;
CREATE UNIQUE INDEX ON public.by_server_view (id);
CREATE INDEX ON public.by_server_view (id) WHERE public.spring_always();
CREATE TABLE public.detached (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE public.detached_1 PARTITION OF public.detached FOR VALUES FROM (0) TO (10);
CREATE TABLE public.detached_far (at int REFERENCES public.detached);
CREATE INDEX ON public.detached_far (at) WHERE public.spring_always();
"""
DETACH = "ALTER TABLE public.detached DETACH PARTITION public.detached_1 CONCURRENTLY"


def test_what_no_function_can_run_the_server_confines_but_for_detach(pg: Cluster, trapped: str) -> None:
    with pg.connect(trapped, OWNER) as session:
        session.execute(BY_SERVER.encode())
    with pg.connect(trapped, options="-c search_path=pg_catalog") as session:
        for statement in CONFINED_BY_SERVER:
            session.execute(statement.encode())
        with pytest.raises(psycopg.Error, match=SPRUNG):
            session.execute(DETACH.encode())


def test_what_can_be_confined_in_neither_way_is_refused_with_the_statement() -> None:
    steps = [Step(statement, execution=Standalone()) for statement in CONFINED_BY_SERVER]
    concurrent = [step for step in steps if "CONCURRENTLY" in step.sql]
    assert run_as("app", concurrent) == tuple(concurrent)
    with pytest.raises(Trouble, match="cannot be confined to the rights of app") as refused:
        run_as("app", [Step(DETACH, execution=Standalone())])
    assert refused.value.remedy == f"As app, run: {DETACH}"


async def test_an_event_trigger_with_the_function_of_another_role_is_refused(pg: Cluster) -> None:
    name = pg.fresh_database()
    with pg.connect(name) as session:
        session.execute("CREATE TABLE public.t (id int)")
        session.execute(f"GRANT ALL ON SCHEMA public TO {OWNER}")
        with pg.connect(name, OWNER) as owner:
            owner.execute("CREATE FUNCTION public.evil() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
        session.execute("CREATE EVENT TRIGGER evil ON ddl_command_end EXECUTE FUNCTION public.evil()")
    server = PostgresServer(pg.uri(name))
    with pytest.raises(Trouble, match="The event trigger evil runs the function public"):
        await plan(action("vacuum-table"), server, {"table": "public.t"}, config.load(environ={}))
    await server.close()
    pg.drop_database(name)


async def test_a_session_starts_as_the_role_that_connects(pg: Cluster) -> None:
    name = pg.fresh_database()
    with pg.connect(name) as session:
        session.execute("CREATE TABLE public.t (id int)")
        session.execute(f"ALTER TABLE public.t OWNER TO {OWNER}")
        session.execute(f'ALTER DATABASE "{name}" SET role = {OWNER}')
    server = PostgresServer(pg.uri(name))
    assert ((await server.connect()).user, server.facts.assumed_by) == ("postgres", "")
    await server.close()
    acting = PostgresServer(f"{pg.uri(name)}&options=-c%20role%3D{OWNER}")
    assert ((await acting.connect()).user, acting.facts.assumed_by) == (OWNER, "postgres")
    made = await plan(action("vacuum-table"), acting, {"table": "public.t"}, config.load(environ={}))
    assert made.notes[0].startswith("This is a session of the superuser postgres, acting as")
    await acting.close()
    pg.drop_database(name)


async def test_what_changed_since_it_was_planned_is_not_changed(pg: Cluster, tmp_path: Path) -> None:
    name = pg.fresh_database()
    desk = Desk(pg, name, Trail(tmp_path / "audit.jsonl"))
    desk.do("CREATE TABLE public.t (id int, day date) PARTITION BY RANGE (day)")
    async with desk.workspace() as workspace:
        made = await workspace.plan(action("create-partitions"), {"table": "public.t", "months": "1"})
        for change in (
            "ALTER TABLE public.t ADD COLUMN more int",
            "CREATE RULE r AS ON UPDATE TO public.t DO ALSO SELECT 1",
            f"ALTER TABLE public.t OWNER TO {OWNER}",
            "DROP TABLE public.t; CREATE TABLE public.t (id int, day date) PARTITION BY RANGE (day)",
        ):
            desk.do(*change.split("; "))
            run = await workspace.run(made, patience=2)
            assert run.outcome is Outcome.REFUSED
            assert run.message.startswith("public.t changed since it was planned")
    assert desk.ask("SELECT count(*) FROM pg_inherits") == 0
    pg.drop_database(name)


async def test_what_confines_a_statement_leaves_nothing_in_pg_stat_statements(pg: Cluster, trapped: str) -> None:
    with pg.connect(trapped) as session:
        session.execute("CREATE EXTENSION pg_stat_statements SCHEMA public")
        session.execute("CREATE TABLE public.counted (n int)")
        session.execute(f"ALTER TABLE public.counted OWNER TO {OWNER}")
    server, acting = PostgresServer(pg.uri(trapped)), ActingSession(pg.uri(trapped))
    await server.ask_as(OWNER, "the query", "SELECT n FROM public.counted")
    await acting.open()
    assert await acting.execute_sealed(OWNER, "INSERT INTO public.counted VALUES (1), (2)") == (2, [])
    async with acting.transaction():
        assert await acting.execute_as(OWNER, "UPDATE public.counted SET n = 3") == 2
        await acting.seal()
    await acting.query("SELECT 1 AS counted_again")
    await acting.close()
    await server.close()
    with pg.connect(trapped) as session:
        noted = [
            str(query)
            for (query,) in session.execute(
                "SELECT s.query FROM public.pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
                " WHERE d.datname = current_database()"
            )
        ]
        session.execute("DROP EXTENSION pg_stat_statements")
    assert [query for query in noted if "pg_temp.pipeline_console" in query] == []
    assert any("counted_again" in query for query in noted)
