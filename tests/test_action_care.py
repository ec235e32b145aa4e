"""vacuum-table, analyze-table, reindex: run online, and verified."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from console.actions.maintenance.refresh_views import REFRESH_VIEWS
from console.actions.maintenance.upkeep import ANALYZE_TABLE, REINDEX, VACUUM_TABLE
from console.actions.planning import Action, plan
from console.model import Kind, Outcome, Standalone, Trouble
from console.running.progress import Run
from console.running.runner import Runner
from console.sources.postgres import ActingSession, PostgresServer
from tests.acting import LOCK_TIMEOUT, Desk, felt, held
from tests.care import INVALID, WRITE, care_desk, done, index_names
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

__all__ = ["care_desk"]

STATISTICS = "FROM pg_stat_user_tables WHERE relname = 't'"
FEW = pytest.mark.pg("!= 14, != 16, != 17")  # what takes seconds and is the same everywhere


# VACUUM and ANALYZE


async def test_a_vacuum_takes_the_dead_rows_away_and_is_checked(desk: Desk) -> None:
    desk.do("DELETE FROM public.t WHERE id % 2 = 0")
    run = await desk.run(VACUUM_TABLE, table="t")
    done(run)
    assert run.plan.steps[0].sql == "VACUUM (ANALYZE) public.t"
    assert "SHARE UPDATE EXCLUSIVE on public.t" in run.plan.steps[0].lock

    async def none_is_dead() -> bool:  # again: VACUUM passes over a page that another process reads or writes
        done(await desk.run(VACUUM_TABLE, table="t"))
        return bool(desk.ask(f"SELECT n_dead_tup = 0 AND last_analyze IS NOT NULL {STATISTICS}"))

    await eventually(none_is_dead)


async def test_freezing_leaves_no_old_row(desk: Desk) -> None:
    next_id = desk.ask("SELECT pg_current_xact_id()::text")
    done(await desk.run(VACUUM_TABLE, table="public.t", freeze="yes", analyze="no"))
    assert desk.ask(f"SELECT age(relfrozenxid) <= age('{next_id}'::xid) FROM pg_class WHERE relname = 't'")


async def test_a_partitioned_table_is_vacuumed_partition_by_partition_and_analyzed_as_a_whole(desk: Desk) -> None:
    run = await desk.run(VACUUM_TABLE, table="public.p")
    done(run)
    assert [step.sql for step in run.plan.steps] == ["VACUUM public.p1", "VACUUM public.p2", "ANALYZE public.p"]
    assert desk.ask("SELECT reltuples FROM pg_class WHERE relname = 'p'") == 20


async def test_the_parent_of_partitions_gets_statistics(desk: Desk) -> None:
    done(await desk.run(ANALYZE_TABLE, table="p,t"))
    assert desk.ask("SELECT count(*) FROM pg_stats WHERE tablename IN ('p', 'p1', 't') AND attname = 'n'") == 3


async def test_who_may_not_vacuum_is_told_instead_of_skipped(desk: Desk, pg: Cluster) -> None:
    mine = Desk(pg, desk.database, desk.trail, user="pipeline_app")
    for action in (VACUUM_TABLE, ANALYZE_TABLE):
        with pytest.raises(Trouble, match=r"may not .* public.t") as caught:
            await mine.plan(action, table="t")
        assert caught.value.kind is Kind.REFUSED
        assert "GRANT" in caught.value.remedy
    if pg.major >= 17:
        desk.do("GRANT MAINTAIN ON public.t TO pipeline_app")
        done(await mine.run(VACUUM_TABLE, table="t"))


@FEW
async def test_a_vacuum_makes_an_autovacuum_yield_and_nobody_else_wait(desk: Desk) -> None:
    """What yields after deadlock_timeout needs a waiter that waits longer than that."""
    made = await desk.plan(VACUUM_TABLE, table="t")
    assert made.steps[0].execution == Standalone(2.0)
    with held(desk, "LOCK TABLE public.t IN SHARE UPDATE EXCLUSIVE MODE", seconds=1.5), felt(desk, WRITE) as waits:
        run = await desk.run(VACUUM_TABLE, table="t")
    done(run)
    assert run.steps[0].tries == 0
    assert max(waits) < LOCK_TIMEOUT + 0.8


# Names


@pytest.mark.parametrize(("name", "said"), [("nothing", "no table"), ("t_n", "no table")])
async def test_what_is_no_table_is_refused(desk: Desk, name: str, said: str) -> None:
    with pytest.raises(Trouble, match=said) as caught:
        await desk.plan(VACUUM_TABLE, table=name)
    assert caught.value.kind is Kind.REFUSED


async def test_a_name_that_may_mean_two_tables_is_refused(desk: Desk) -> None:
    desk.do("CREATE SCHEMA a", "CREATE TABLE a.t (id int)", 'CREATE TABLE public."a.t" (id int)')
    with pytest.raises(Trouble, match=r"is ambiguous: a.t, public.t"):
        await desk.plan(VACUUM_TABLE, table="t")
    with pytest.raises(Trouble, match=r'a.t is ambiguous: a.t, public."a.t"'):
        await desk.plan(VACUUM_TABLE, table="a.t")
    assert (await desk.plan(VACUUM_TABLE, table="public.t")).claim.subject == "public.t"


# REINDEX


async def test_a_table_gets_each_index_anew_its_toast_too(desk: Desk) -> None:
    before = desk.ask("SELECT oid FROM pg_class WHERE relname = 't_n'")
    run = await desk.run(REINDEX, table="t")
    done(run)
    assert len(run.steps) == 3
    assert any("pg_toast" in step.sql for step in run.plan.steps)
    assert desk.ask("SELECT oid FROM pg_class WHERE relname = 't_n'") != before
    assert desk.ask(INVALID) == 0


async def test_the_owner_of_a_table_needs_no_superuser(desk: Desk, pg: Cluster) -> None:
    desk.do("ALTER TABLE public.t OWNER TO pipeline_owner")
    mine = Desk(pg, desk.database, desk.trail, user="pipeline_owner")
    run = await mine.run(REINDEX, table="t")
    done(run)
    assert len(run.steps) == 2
    assert "The TOAST index of public.t is skipped" in " ".join(run.plan.notes)
    assert "REINDEX TABLE CONCURRENTLY public.t" in " ".join(run.plan.notes)
    toast = desk.ask("SELECT reltoastrelid::regclass::text FROM pg_class WHERE oid = 'public.t'::regclass")
    for action in (VACUUM_TABLE, ANALYZE_TABLE):
        with pytest.raises(Trouble, match="lacks USAGE on the schema") as caught:
            await mine.plan(action, table=toast)
        assert caught.value.kind is Kind.REFUSED
    with pytest.raises(Trouble, match="is skipped"):
        await mine.plan(REINDEX, table=toast)


@pytest.mark.parametrize("what", ["view", "analyze", "reindex"])
async def test_a_function_that_needs_a_search_path_is_said_to(desk: Desk, what: str) -> None:
    desk.do(
        "CREATE SCHEMA app",
        "CREATE TABLE app.rate (k int, r int)",
        "CREATE FUNCTION app.price(x int) RETURNS int IMMUTABLE LANGUAGE plpgsql SET search_path = app AS "
        "'BEGIN RETURN (SELECT max(r) FROM rate WHERE k = x); END'",
        "CREATE MATERIALIZED VIEW public.priced AS SELECT app.price(1) AS p",
        "CREATE TABLE public.things (n int)",
        "INSERT INTO public.things VALUES (1)",
        "CREATE INDEX things_price ON public.things (app.price(n))",
        "ALTER FUNCTION app.price RESET search_path",
        f"ALTER DATABASE {desk.database} SET search_path = app, public",
    )
    run = await {
        "view": lambda: desk.run(REFRESH_VIEWS, view="public.priced"),
        "analyze": lambda: desk.run(ANALYZE_TABLE, table="public.things"),
        "reindex": lambda: desk.run(REINDEX, index="public.things_price"),
    }[what]()
    assert run.outcome is not Outcome.DONE
    assert "search_path = pg_catalog" in run.message
    assert "ALTER FUNCTION" in run.message


async def test_a_partitioned_index_is_rebuilt_partition_by_partition(desk: Desk) -> None:
    run = await desk.run(REINDEX, index="p_n")
    done(run)
    assert [step.sql for step in run.plan.steps] == [
        "REINDEX INDEX CONCURRENTLY public.p1_n_idx", "REINDEX INDEX CONCURRENTLY public.p2_n_idx"
    ]  # fmt: skip


@FEW
@pytest.mark.parametrize("held_by", ["SELECT 1 FROM public.t LIMIT 1", "UPDATE public.t SET n = n WHERE id = 1"])
async def test_it_waits_for_open_transactions_and_nobody_waits_for_it(desk: Desk, held_by: str) -> None:
    with held(desk, held_by, seconds=1.5), felt(desk, WRITE) as waits:
        run = await desk.run(REINDEX, index="t_n")
    done(run)
    assert run.steps[0].tries == 0
    assert max(waits) < LOCK_TIMEOUT + 0.8
    assert desk.ask(INVALID) == 0


@FEW
async def test_whom_it_waits_for_is_named(desk: Desk) -> None:
    said: list[str] = []
    with held(desk, "SET application_name = 'old report'", "SELECT 1 FROM public.t LIMIT 1"):
        task = asyncio.create_task(watched(desk, lambda run: said.append(run.steps[0].message), REINDEX, index="t_n"))
        await eventually(lambda: task.done() or any("old report" in each for each in said))
    done(await task)
    assert any("old report" in each for each in said), said


@FEW
async def test_it_gives_way_to_a_change_that_keeps_others_waiting(desk: Desk) -> None:
    """ALTER TABLE waits for REINDEX and readers wait behind ALTER TABLE: then REINDEX makes room, and comes again."""
    with held(
        desk,
        "SET application_name = 'old report'",
        "SELECT 1 FROM public.p LIMIT 1",
        "SELECT 1 FROM public.t LIMIT 1",
    ):
        tries = [0]
        task = asyncio.create_task(watched(desk, lambda run: tries.append(run.steps[0].tries), REINDEX, index="t_n"))
        building = (
            "SELECT count(*) FROM pg_locks WHERE relation = 'public.t'::regclass AND mode = 'ShareUpdateExclusiveLock'"
        )
        await eventually(lambda: asyncio.to_thread(desk.ask, building))

        def alter() -> None:
            with desk.session() as session:
                session.execute("ALTER TABLE public.t ADD COLUMN y int")

        def read() -> None:
            with desk.session() as session:
                session.execute("SELECT 1 FROM public.t LIMIT 1")

        threads = [threading.Thread(target=alter), threading.Thread(target=read)]
        waiting = (
            "SELECT count(*) FROM pg_locks "
            "WHERE relation = 'public.t'::regclass AND NOT granted AND mode LIKE 'Access%'"
        )
        for behind, thread in enumerate(threads, 1):
            thread.start()
            await eventually(lambda behind=behind: desk.ask(waiting) >= behind or tries[-1])  # type: ignore[misc]
        await eventually(lambda: task.done() or tries[-1])
    run = await task
    for thread in threads:
        thread.join()
    done(run)
    assert run.steps[0].tries > 0
    assert desk.ask(INVALID) == 0
    assert index_names(desk, "public.t") == "t_n t_pkey"


async def watched(desk: Desk, tell: Callable[[Run], None], action: Action, **given: str) -> Run:
    """A run whose progress is listened to."""
    server = PostgresServer(desk.uri)
    try:
        made = await plan(action, server, given, desk.settings)
        return await Runner(ActingSession(desk.uri), server, desk.trail, tell).run(made)
    finally:
        await server.close()
