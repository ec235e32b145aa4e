"""drop-index, repair-invalid-indexes: away with what serves nothing, with a way back, whatever interrupts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from console.actions.indexes.drop_and_repair import DROP_INDEX, REPAIR_INVALID_INDEXES
from console.actions.maintenance.upkeep import REINDEX
from console.model import Kind, Outcome, Trouble
from tests.acting import Desk, held
from tests.care import INVALID, care_desk, done, index_names
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait

__all__ = ["care_desk"]

FEW = pytest.mark.pg("!= 14, != 16, != 17")  # what takes seconds and is the same everywhere


async def test_an_index_goes_and_its_undo_makes_the_same_again(desk: Desk) -> None:
    desk.do(
        "CREATE INDEX t_odd ON public.t USING btree (lower(x) DESC, n) INCLUDE (id) WITH (fillfactor = 70) WHERE n > 5",
        "COMMENT ON INDEX public.t_odd IS 'it''s odd; really'",
        "ALTER INDEX public.t_odd ALTER COLUMN 1 SET STATISTICS 500",
    )
    facts = (
        "SELECT row(pg_get_indexdef(c.oid), c.reloptions, obj_description(c.oid, 'pg_class'),"
        " (SELECT array_agg(a.attstattarget ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid),"
        " c.reltablespace, i.indisvalid)::text"
        " FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE c.relname = 't_odd'"
    )
    before = desk.ask(facts)
    run = await desk.run(DROP_INDEX, index="public.t_odd")
    done(run)
    assert run.plan.destructive
    assert run.plan.claim.subject == "public.t_odd"
    assert desk.ask("SELECT to_regclass('public.t_odd') IS NULL")
    desk.do(*run.undo)
    assert desk.ask(facts) == before


async def test_the_way_back_is_on_the_record_before_anything_runs(desk: Desk) -> None:
    await desk.run(DROP_INDEX, index="t_n")
    start = next(entry for entry in desk.trail.entries() if entry["event"] == "start")
    assert "CREATE INDEX CONCURRENTLY t_n ON public.t" in str(start["undo"])


async def test_a_tablespace_comes_back_before_the_predicate(desk: Desk, pg: Cluster, tmp_path: Path) -> None:
    name = f"space_{desk.database}"
    with pg.connect() as session:
        session.execute("SET allow_in_place_tablespaces = on") if pg.major >= 15 else pytest.skip("needs 15")
        session.execute(f"CREATE TABLESPACE {name} LOCATION ''".encode())
    try:
        desk.do(f"CREATE INDEX t_there ON public.t (n) TABLESPACE {name} WHERE n > 5")
        run = await desk.run(DROP_INDEX, index="t_there")
        assert run.undo == (
            f"CREATE INDEX CONCURRENTLY t_there ON public.t USING btree (n) TABLESPACE {name} WHERE (n > 5)",
        )
        desk.do(*run.undo)
        desk.do("DROP INDEX public.t_there")
    finally:
        with pg.connect() as session:
            session.execute(f"DROP TABLESPACE {name}".encode())


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ("t_pkey", "belongs to the constraint t_pkey"),
        ("u_unique", "prevents duplicates"),
        ("u_fk", "Foreign keys depend"),
        ("p1_n_idx", "attached to the partitioned index public.p_n"),
        ("p_n", "DROP INDEX CONCURRENTLY does not support"),
        ("u_ident", "replica identity"),
        ("u_excl", "constraint u_excl"),
        ("c_ref", "only index supporting the foreign key c_ref_fkey"),
        ("pg_catalog.pg_class_oid_index", "constraint|system"),
    ],
)
async def test_an_index_that_something_needs_is_refused_with_the_reason(desk: Desk, index: str, said: str) -> None:
    desk.do(
        "CREATE TABLE public.u (a int NOT NULL, b int NOT NULL, c int NOT NULL, r int4range,"
        " CONSTRAINT u_excl EXCLUDE USING gist (r WITH &&))",
        "CREATE UNIQUE INDEX u_unique ON public.u (a)",
        "CREATE UNIQUE INDEX u_fk ON public.u (b)",
        "CREATE UNIQUE INDEX u_ident ON public.u (c)",
        "ALTER TABLE public.u REPLICA IDENTITY USING INDEX u_ident",
        "CREATE TABLE public.c (ref int REFERENCES public.u (b), n int)",
        "CREATE INDEX c_ref ON public.c (ref)",
    )
    with pytest.raises(Trouble, match=said) as caught:
        await desk.plan(DROP_INDEX, index=index)
    assert caught.value.kind is Kind.REFUSED


async def test_a_second_index_for_a_foreign_key_may_go(desk: Desk) -> None:
    desk.do(
        "CREATE TABLE public.c (ref int REFERENCES public.t, n int)",
        "CREATE INDEX c_ref ON public.c (ref)",
        "CREATE INDEX c_ref_n ON public.c (ref, n)",
    )
    [note] = (await desk.plan(DROP_INDEX, index="c_ref")).notes
    assert note == "c_ref is redundant: covered by c_ref_n."  # as the indexes pane says
    done(await desk.run(DROP_INDEX, index="c_ref"))
    with pytest.raises(Trouble, match="only index"):
        await desk.plan(DROP_INDEX, index="c_ref_n")


# What is left


def broken(desk: Desk, statement: str, hold: str) -> None:
    """Run a CONCURRENTLY statement that fails in the middle, because a transaction is open."""
    with desk.session() as other, desk.session() as session:
        other.execute("BEGIN")
        other.execute(hold.encode())
        session.execute("SET lock_timeout = '300ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            session.execute(statement.encode())


READ, UPDATE = "SELECT 1 FROM public.t LIMIT 1", "UPDATE public.t SET n = n WHERE id = 1"


async def test_invalid_indexes_are_built_again_and_leftovers_dropped(desk: Desk) -> None:
    broken(desk, "REINDEX INDEX CONCURRENTLY public.t_n", UPDATE)
    broken(desk, "REINDEX INDEX CONCURRENTLY public.t_pkey", READ)
    broken(desk, "CREATE INDEX CONCURRENTLY t_new ON public.t (n, id)", UPDATE)
    assert index_names(desk, "public.t") == "t_n t_n_ccnew t_new t_pkey t_pkey_ccold"
    run = await desk.run(REPAIR_INVALID_INDEXES)
    done(run)
    assert sorted(step.sql for step in run.plan.steps) == [
        "DROP INDEX CONCURRENTLY public.t_n_ccnew",
        "DROP INDEX CONCURRENTLY public.t_pkey_ccold",
        "REINDEX INDEX CONCURRENTLY public.t_new",
    ]
    assert index_names(desk, "public.t") == "t_n t_new t_pkey"
    assert desk.ask(INVALID) == 0
    assert (await desk.run(REPAIR_INVALID_INDEXES)).outcome is Outcome.NOTHING


async def test_an_interrupted_drop_is_finished_by_running_it_again(desk: Desk) -> None:
    broken(desk, "DROP INDEX CONCURRENTLY public.t_n", READ)
    assert desk.ask(INVALID) == 1
    run = await desk.run(DROP_INDEX, index="t_n")
    done(run)
    assert index_names(desk, "public.t") == "t_pkey"


@FEW
async def test_an_index_that_somebody_builds_is_left_alone(desk: Desk) -> None:
    builder = threading.Thread(target=lambda: desk.do("CREATE INDEX CONCURRENTLY t_new ON public.t (n, id)"))
    with held(desk, UPDATE):
        builder.start()
        wait(lambda: desk.ask(INVALID) == 1)
        for action, given in ((REPAIR_INVALID_INDEXES, {}), (DROP_INDEX, {"index": "t_new"})):
            with pytest.raises(Trouble, match="may be building it"):
                await desk.plan(action, **given)
    builder.join()
    assert desk.ask(INVALID) == 0


async def test_duplicates_end_in_a_sentence_and_what_is_left_is_named(desk: Desk) -> None:
    desk.do("CREATE TABLE public.d (n int)", "INSERT INTO public.d VALUES (1), (1)")
    with desk.session() as session, pytest.raises(psycopg.errors.UniqueViolation):
        session.execute("CREATE UNIQUE INDEX CONCURRENTLY d_n ON public.d (n)")
    run = await desk.run(REPAIR_INVALID_INDEXES, table="d")
    assert run.outcome is Outcome.FAILED
    assert "d_n" in run.message
    assert any("DROP INDEX CONCURRENTLY public.d_n_ccnew" in note for note in run.notes), run.notes
    desk.do("DELETE FROM public.d WHERE ctid = '(0,1)'")
    done(await desk.run(REPAIR_INVALID_INDEXES, table="d"))
    assert (index_names(desk, "public.d"), desk.ask(INVALID)) == ("d_n", 0)


@contextmanager
def killed_in_the_middle(desk: Desk, action: str, parameter: str, hold: str) -> Iterator[None]:
    """A console is killed while its statement waits for an open transaction; yields once the server is rid of it."""
    program = textwrap.dedent(f"""
        import asyncio, pathlib
        from console.settings import config
        from console.actions import action
        from console.actions.planning import plan
        from console.running.trail.audit import Trail
        from console.sources.postgres import ActingSession, PostgresServer
        from console.running.runner import Runner

        async def main():
            server = PostgresServer({desk.uri!r})
            made = await plan(action({action!r}), server, {{"index": {parameter!r}}}, config.load(environ={{}}))
            await Runner(ActingSession({desk.uri!r}), server, Trail(pathlib.Path({str(desk.trail.path)!r}))).run(made)

        asyncio.run(main())
    """)
    acting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pipeline-console act'"
    with desk.session() as other:
        other.execute("BEGIN")
        other.execute(hold.encode())
        process = subprocess.Popen([sys.executable, "-c", program])
        wait(lambda: desk.ask(f"{acting} AND wait_event = 'virtualxid' AND datname = '{desk.database}'") == 1)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait(lambda: desk.ask(f"{acting} AND datname = '{desk.database}'") == 0)
    yield


@FEW
@pytest.mark.parametrize("hold", [UPDATE, READ])
async def test_a_killed_reindex_is_mended_by_running_it_again(desk: Desk, hold: str) -> None:
    with killed_in_the_middle(desk, "reindex", "t_n", hold):
        assert desk.ask(INVALID) == 1
        run = await desk.run(REINDEX, index="t_n")
    done(run)
    assert run.plan.steps[0].sql.startswith("DROP INDEX CONCURRENTLY public.t_n_cc"), "what is left is named"
    assert index_names(desk, "public.t") == "t_n t_pkey"
    assert desk.ask(INVALID) == 0


@FEW
async def test_a_killed_drop_is_mended_by_running_it_again_and_can_still_be_undone(desk: Desk) -> None:
    with killed_in_the_middle(desk, "drop-index", "t_n", READ):
        assert desk.ask(INVALID) == 1
        run = await desk.run(DROP_INDEX, index="t_n")
    done(run)
    desk.do(*run.undo)
    assert index_names(desk, "public.t") == "t_n t_pkey"
