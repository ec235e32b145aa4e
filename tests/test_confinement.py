"""What runs with the rights of a table's owner runs none of the owner's code with those of a superuser."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from console.demo.cluster import OWNER
from console.model import Trouble
from console.sources.postgres import ActingSession, DriverError, PostgresServer
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
