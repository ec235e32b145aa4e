"""The locks that are forecast are those that the server takes, on every version, for each form that is recognised."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from console.forecast.forecasting import AskedForecast, forecast_steps
from console.forecast.recognise import recognise
from console.model import Kind, Step, Trouble
from console.model.forecast import Forecast
from console.model.locks import LockMode
from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.forecast_statements import SCHEMA, STATEMENTS
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait

MODES = {f"{mode.value.title().replace(' ', '')}Lock": mode for mode in LockMode}
NOTHING = Forecast("")
TABLES = ("r", "p", "m", "v", "f")
# What is locked in some states of the catalogs and not in this one: a constraint that is valid already, and so on.
MORE = {
    "ALTER TABLE s.w VALIDATE CONSTRAINT w_pos",
    "ALTER TABLE s.par ALTER n DROP NOT NULL",
    "ALTER INDEX s.p_only ATTACH PARTITION s.p1_n",
    "DROP TABLE s.qref, s.child",  # version 14 does not lock the partitioned table that is referenced
    "DROP TABLE s.p, s.w, s.qref CASCADE",
}
# Statements that need a transaction of their own, with the lock of another session that keeps each from going on.
ALONE = (
    ("CREATE INDEX CONCURRENTLY ON s.t (n)", "LOCK TABLE s.t IN SHARE UPDATE EXCLUSIVE MODE"),
    ("DROP INDEX CONCURRENTLY s.t_n", "LOCK TABLE s.t IN SHARE UPDATE EXCLUSIVE MODE"),
    ("REINDEX TABLE CONCURRENTLY s.t", "LOCK TABLE s.t IN SHARE UPDATE EXCLUSIVE MODE"),
    ("REINDEX INDEX CONCURRENTLY s.t_n", "LOCK TABLE s.t IN SHARE UPDATE EXCLUSIVE MODE"),
    ("VACUUM s.t", "LOCK TABLE s.t IN SHARE UPDATE EXCLUSIVE MODE"),
    ("VACUUM (FULL) s.t", "LOCK TABLE s.t IN ACCESS SHARE MODE"),
    ("VACUUM FULL s.t", "LOCK TABLE s.t IN ACCESS SHARE MODE"),
    ("ALTER TABLE s.w DETACH PARTITION s.w1 CONCURRENTLY", "LOCK TABLE s.w1 IN ACCESS SHARE MODE"),
)
RELATIONS = (
    "SELECT c.oid::bigint, n.nspname || '.' || c.relname FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = ANY (%s)"
)
LOCKS = "SELECT relation::bigint, mode FROM pg_locks WHERE locktype = 'relation' AND pid = %s"
AWAITED = f"{LOCKS} AND NOT granted"


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    desk.do(*(statement.replace("\\", ";") for statement in SCHEMA.replace("; END", "\\ END").split(";\n")))
    return desk


async def predicted(desk: Desk, *statements: str) -> Mapping[str, Mapping[str, LockMode]]:
    """The locks that are forecast on tables, views and materialized views."""
    async with desk.workspace() as workspace:
        server = workspace.sources.postgres
        await server.connect()
        steps, _ = await forecast_steps(server, [Step(statement) for statement in statements])
    return {
        step.sql: {lock.relation: lock.mode for lock in (step.forecast or NOTHING).locks if lock.kind in TABLES}
        for step in steps
    }


def relations(session: psycopg.Connection[Any]) -> dict[int, str]:
    """Tables, views and materialized views that are there now."""
    return dict(session.execute(RELATIONS, (list(TABLES),)).fetchall())


def strongest(rows: list[tuple[int, str]], there: Mapping[int, str]) -> dict[str, LockMode]:
    """The strongest mode on each relation that was there before."""
    found: dict[str, LockMode] = {}
    for oid, text in rows:
        mode, name = MODES[text], there.get(oid)
        if name is not None and name.startswith("s.") and (name not in found or found[name].strength < mode.strength):
            found[name] = mode
    return found


def taken(desk: Desk) -> dict[str, dict[str, LockMode]]:
    """What the server locks while it runs each statement that this version knows."""
    found = {}
    with desk.session() as session:
        there = relations(session)
        for statement in STATEMENTS:
            session.execute("BEGIN")
            with contextlib.suppress(psycopg.errors.SyntaxError):  # of a later version
                session.execute(statement.encode())
                rows = session.execute(LOCKS, (session.info.backend_pid,)).fetchall()
                found[statement] = strongest(rows, there)
            session.execute("ROLLBACK")
    return found


async def test_the_locks_of_each_statement_are_those_that_the_server_takes(desk: Desk) -> None:
    observed = taken(desk)
    assert len(observed) > 240  # some statements are of later versions
    expected = await predicted(desk, *observed)
    different = {
        statement: (expected[statement], locks)
        for statement, locks in observed.items()
        if expected[statement] != locks and not (statement in MORE and expected[statement].items() >= locks.items())
    }
    assert different == {}


@contextmanager
def under_way(desk: Desk, statement: str, held: str) -> Iterator[int]:
    """A session that runs `statement` and waits for another that has run `held`; the pid of the first."""
    with desk.session() as holder, desk.session() as session:
        holder.execute("BEGIN")
        holder.execute(held.encode())
        pid = session.info.backend_pid
        thread = threading.Thread(target=lambda: session.execute(statement.encode()))
        thread.start()
        try:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = {}"
            wait(lambda: desk.ask(waiting.format(pid)) == 1)
            yield pid
        finally:
            holder.execute("ROLLBACK")
            thread.join()


@pytest.mark.spread
@pytest.mark.parametrize(("statement", "held"), ALONE, ids=[statement for statement, _ in ALONE])
async def test_statements_outside_a_transaction_take_no_other_lock(desk: Desk, statement: str, held: str) -> None:
    expected = (await predicted(desk, statement))[statement]
    with under_way(desk, statement, held) as pid, desk.session() as session:
        there = relations(session)
        observed = strongest(session.execute(LOCKS, (pid,)).fetchall(), there)
        awaited = strongest(session.execute(AWAITED, (pid,)).fetchall(), there)
    assert awaited.items() <= expected.items()
    assert {name: mode for name, mode in observed.items() if expected[name].strength < mode.strength} == {}


async def test_the_server_parses_what_is_forecast_and_runs_nothing(desk: Desk) -> None:
    async with desk.workspace() as workspace:
        made = await workspace.forecast(AskedForecast("DROP TABLE s.loose", 0.2, sample=0))
        assert [lock.relation for lock in made.locks] == ["s.loose"]
        for text in ("DROP TABLE s.loose s.loose", "ALTER TABLE s.loose ADD COLUMN x int int", "ALTER TABEL s.loose"):
            with pytest.raises(Trouble, match="cannot parse the statement: syntax error") as why:
                await workspace.forecast(AskedForecast(text, 0.2, sample=0))
            assert why.value.kind is Kind.REFUSED
        with pytest.raises(Trouble, match=r"names s\.gone, which does not exist"):
            await workspace.forecast(AskedForecast("DROP TABLE s.gone", 0.2, sample=0))
        with pytest.raises(Trouble, match="names loose, which does not exist in search_path"):
            await workspace.forecast(AskedForecast("DROP TABLE loose", 0.2, sample=0))
        made = await workspace.forecast(AskedForecast("DROP TABLE loose", 0.2, search_path="public, s", sample=0))
        assert [lock.relation for lock in made.locks] == ["s.loose"]
    assert desk.ask("SELECT count(*) FROM pg_class WHERE relname = 'loose'") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "SELECT 1",
        "DROP SCHEMA s CASCADE",
        "DROP OWNED BY joe",
        "VACUUM",
        "REINDEX DATABASE postgres",
        "ALTER TABLE t SPLIT PARTITION p INTO (PARTITION a DEFAULT, PARTITION b DEFAULT)",
        "ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b",
        "ALTER TABLE t ALTER c",
        "DROP FUNCTION f() CASCADE",
        "CREATE SCHEMA s CREATE TABLE t (id int)",
        "ALTER TABLE a.b.c ADD d int",
        "DO $$BEGIN DROP TABLE t; END$$",
    ],
)
def test_what_is_not_known_is_not_guessed(statement: str) -> None:
    with pytest.raises(Trouble) as why:
        recognise(statement, 18)
    assert why.value.kind is Kind.UNSUPPORTED


@pytest.mark.parametrize("statement", ["DROP TABLE a; DROP TABLE b", "DROP TABLE 'a", "DROP TABLE \udce9", "LOCK \0"])
def test_only_one_statement_that_can_be_sent_is_forecast(statement: str) -> None:
    with pytest.raises(Trouble) as why:
        recognise(statement, 18)
    assert why.value.kind is Kind.REFUSED
