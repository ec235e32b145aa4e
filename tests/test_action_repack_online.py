"""repack-table from PostgreSQL 19 on: the server rewrites a table online by itself, and says where it cannot."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.actions.maintenance.repack import REPACK_TABLE
from console.actions.planning import plan
from console.model import Kind, Outcome, Trouble
from console.panes.progress import COMMANDS
from console.reading.reader import Reader
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.sources.postgres import ActingSession, PostgresServer
from tests import traps
from tests.acting import Desk, held
from tests.activity import console
from tests.care import bloat, done
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually, wait

pytestmark = pytest.mark.pg(">= 19")

SIZE = "SELECT pg_relation_size('public.bloated')"
ROWS = "SELECT count(*), sum(id) FROM public.bloated"
RUNNING = "SELECT count(*) > 0 FROM pg_stat_progress_repack WHERE phase = '{}'"
LEFT = """
SELECT (SELECT count(*) FROM pg_stat_progress_repack) + (SELECT count(*) FROM pg_replication_slots)
     + (SELECT count(*) FROM pg_class WHERE relname ~ '^pg_temp_[0-9]')
"""


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Iterator[Desk]:
    """A bloated table."""
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    bloat(desk)
    yield desk
    wait(lambda: desk.ask(LEFT) == 0)


async def test_bloat_goes_without_an_extension_and_every_row_stays(desk: Desk) -> None:
    before = desk.ask(SIZE)
    run = await desk.run(REPACK_TABLE, table="bloated")
    done(run)
    assert [progress.step.sql for progress in run.steps] == ["REPACK (CONCURRENTLY) public.bloated"]
    assert desk.ask(SIZE) < before / 5
    assert desk.ask("SELECT count(*) FROM public.bloated") == 500


async def test_what_is_written_meanwhile_is_in_the_new_table(desk: Desk) -> None:
    """One transaction holds the rewrite back at its start, others write until it has ended."""
    ended = threading.Event()
    written: list[int] = []

    def write() -> None:
        with desk.session() as session:
            while not ended.is_set():
                number = 10_000 + len(written)
                session.execute("INSERT INTO public.bloated VALUES (%s, 'new')", [number])
                session.execute("UPDATE public.bloated SET x = 'changed' WHERE id = 10")
                written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        await asyncio.to_thread(wait, lambda: written)
        done(await desk.run(REPACK_TABLE, table="bloated"))
    finally:
        ended.set()
        await asyncio.to_thread(writer.join)
    assert desk.ask("SELECT array_agg(id ORDER BY id) FROM public.bloated WHERE id >= 10000") == written
    assert desk.ask("SELECT x FROM public.bloated WHERE id = 10") == "changed"
    assert desk.ask("SELECT count(*) FROM public.bloated WHERE id < 10000") == 500


async def test_an_open_transaction_is_named_by_the_plan_and_by_the_progress_pane(desk: Desk) -> None:
    with desk.session(application_name="import") as writer:
        writer.execute("BEGIN")
        writer.execute("CREATE TABLE public.other (id int)")
        pid = writer.info.backend_pid
        seconds = "SELECT extract(epoch FROM clock_timestamp() - xact_start) > 5 FROM pg_stat_activity WHERE pid = "
        await asyncio.to_thread(wait, lambda: desk.ask(f"{seconds}{pid}"))
        (note,) = (await desk.plan(REPACK_TABLE, table="bloated")).notes
        assert f"pid {pid} (import, postgres, idle in transaction)" in note

        async with console(desk.cluster, desk.database) as reading:
            reader = Reader(COMMANDS)

            async def is_named() -> bool:
                rows = (await reader.read(reading)).records()
                return any(
                    (row["command"], row["table"], row["waits_for"]) == ("REPACK", "public.bloated", f"{pid} import")
                    for row in rows
                )

            server = PostgresServer(desk.uri)
            made = await plan(REPACK_TABLE, server, {"table": "bloated"}, desk.settings)
            task = asyncio.create_task(Runner(ActingSession(desk.uri), server, desk.trail).run(made))
            await eventually(is_named)
        writer.execute("ROLLBACK")
        done(await task)
        await server.close()


async def test_it_rolls_back_beside_a_long_reader_and_runs_again_once_that_has_ended(desk: Desk) -> None:
    before = desk.ask(SIZE)
    with held(desk, "SELECT count(*) FROM public.bloated"):
        run = await desk.run(REPACK_TABLE, patience=0, table="bloated", wait_timeout="1")
    assert run.outcome is Outcome.FAILED
    await asyncio.to_thread(wait, lambda: desk.ask(LEFT) == 0)
    assert desk.ask(SIZE) == before
    done(await desk.run(REPACK_TABLE, table="bloated"))


async def test_a_run_that_is_killed_leaves_nothing_and_the_next_one_finishes(desk: Desk) -> None:
    before = desk.ask(ROWS), desk.ask(SIZE)
    server = PostgresServer(desk.uri)
    made = await plan(REPACK_TABLE, server, {"table": "bloated"}, desk.settings)
    session = ActingSession(desk.uri)
    with held(desk, "SELECT count(*) FROM public.bloated"):
        task = asyncio.create_task(Runner(session, server, desk.trail).run(made, patience=0))
        await asyncio.to_thread(wait, lambda: desk.ask(RUNNING.format("catch-up")))
        with pytest.raises(Trouble, match="already running"):
            await desk.plan(REPACK_TABLE, table="bloated")
        desk.do(f"SELECT pg_terminate_backend({session.pid})")
        run = await task
    await server.close()
    assert run.outcome is Outcome.FAILED
    await asyncio.to_thread(wait, lambda: desk.ask(LEFT) == 0)
    assert (desk.ask(ROWS), desk.ask(SIZE)) == before
    done(await desk.run(REPACK_TABLE, table="bloated"))


async def test_code_of_the_owner_does_not_run_as_a_superuser(desk: Desk) -> None:
    desk.give_away()
    desk.do(traps.SPRING, "CREATE INDEX ON public.bloated (public.spring_int(id))")
    done(await desk.run(REPACK_TABLE, table="bloated"))


@pytest.mark.parametrize(
    ("table", "why", "remedy"),
    [
        ("CREATE TABLE public.t (id int)", "neither a primary key", "Add a primary key"),
        ("CREATE TABLE public.t (id int NOT NULL UNIQUE)", "neither a primary key", "USING INDEX t_id_key;"),
        ("CREATE TABLE public.t (id int PRIMARY KEY DEFERRABLE)", "not deferrable", "Add a primary key"),
        (
            "CREATE TABLE public.t (id int PRIMARY KEY); ALTER TABLE public.t REPLICA IDENTITY FULL",
            "REPLICA IDENTITY FULL",
            "ALTER TABLE public.t REPLICA IDENTITY DEFAULT;",
        ),
        ("CREATE UNLOGGED TABLE public.t (id int PRIMARY KEY)", "unlogged", "REPACK public.t; blocks"),
        ("CREATE TABLE public.t (id int PRIMARY KEY) PARTITION BY RANGE (id)", "partitioned", "one partition"),
        ("CREATE MATERIALIZED VIEW public.t AS SELECT 1 AS id", "not a table", ""),
    ],
)
async def test_a_table_that_it_cannot_rewrite_is_refused_with_what_helps(
    desk: Desk, table: str, why: str, remedy: str
) -> None:
    desk.do(table)
    with pytest.raises(Trouble, match=why) as caught:
        await desk.plan(REPACK_TABLE, table="t")
    assert caught.value.kind is Kind.REFUSED
    assert remedy in caught.value.remedy
    statement = caught.value.remedy
    if statement.startswith("ALTER TABLE"):
        desk.do(statement)
        done(await desk.run(REPACK_TABLE, table="t"))


async def test_a_role_without_the_right_is_told_which_it_lacks(desk: Desk) -> None:
    other = Desk(desk.cluster, desk.database, desk.trail, user="pipeline_monitor")
    with pytest.raises(Trouble, match="may not repack") as caught:
        await other.plan(REPACK_TABLE, table="bloated")
    desk.do(caught.value.remedy)
    done(await other.run(REPACK_TABLE, table="bloated"))
