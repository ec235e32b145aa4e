"""prewarm: loads what it announced and no more, says what fits, and goes on after it was stopped."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from console.actions.maintenance.prewarm import PREWARM, ROOM, File, fitting
from console.actions.planning import plan
from console.model import Kind, Outcome, Prewarm, Trouble
from console.running.execution.prewarm import SLICE, pace
from console.running.progress import Run, stop
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.sources.postgres import ActingSession, PostgresServer
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster

COLD = 2200  # blocks of a table of which a test server caches few when it is read
BLOCKS = (  # of a relation that are in shared buffers
    "SELECT coalesce(array_agg(b.relblocknumber ORDER BY b.relblocknumber), '{{}}') FROM pg_buffercache b "
    "WHERE b.relfilenode = pg_relation_filenode('{0}') AND b.relforknumber = 0 "
    "AND b.reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    """A table of which a rewrite has left few blocks in shared buffers, with an index and TOAST."""
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    desk.do(
        "CREATE EXTENSION pg_prewarm",
        "CREATE EXTENSION pg_buffercache",
        "CREATE TABLE t (id int PRIMARY KEY, x text, y text) WITH (autovacuum_enabled = off)",
        "ALTER TABLE t ALTER x SET STORAGE PLAIN, ALTER y SET STORAGE EXTERNAL",
    )
    return desk


def fill(desk: Desk, blocks: int) -> None:
    """That many blocks with a row each.

    The rewrite goes past shared buffers; what is larger than a quarter of them is read through a small ring afterwards.
    """
    desk.do(
        f"INSERT INTO t SELECT g, repeat('x', 7000), repeat('y', 3000) FROM generate_series(1, {blocks}) g",
        "VACUUM FULL t",
    )


def cached(desk: Desk, relation: str) -> set[int]:
    """The numbers of the blocks of a relation that are in shared buffers."""
    return set(desk.ask(BLOCKS.format(relation)))


def toast(desk: Desk) -> str:
    return str(desk.ask("SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = 't'"))


@pytest.mark.parametrize(("indexes", "toasts"), [("yes", "no"), ("yes", "yes"), ("no", "no")])
async def test_exactly_the_announced_blocks_are_loaded(desk: Desk, indexes: str, toasts: str) -> None:
    fill(desk, COLD)
    names = ("t", "t_pkey", toast(desk))
    before = {name: cached(desk, name) for name in names}
    made = await desk.plan(PREWARM, table="t", indexes=indexes, toast=toasts)
    announced = {
        step.execution.name.removeprefix("public."): set(range(step.execution.first, step.execution.last + 1))
        for step in made.steps
        if isinstance(step.execution, Prewarm)
    }
    assert announced["t"] == set(range(COLD)) > before["t"]
    assert ("t_pkey" in announced) is (indexes == "yes")
    assert (names[2] in announced) is (toasts == "yes")
    assert f"{len(before['t']):,} cached already" in made.steps["t_pkey" in announced].estimate
    run = await desk.run(PREWARM, table="t", indexes=indexes, toast=toasts)
    assert run.outcome is Outcome.DONE, run.message
    assert [step.rows for step in run.steps] == [len(announced[name]) for name in announced]
    for name in names:
        assert cached(desk, name) == announced.get(name, before[name])
    assert f"public.t: {COLD:,} of {COLD:,} blocks cached, {len(before['t']):,} before." in run.notes
    again = await desk.run(PREWARM, table="t", indexes=indexes, toast=toasts)
    assert again.outcome is Outcome.NOTHING


async def test_an_index_is_loaded_alone(desk: Desk) -> None:
    fill(desk, 300)
    run = await desk.run(PREWARM, index="t_pkey", toast="yes")
    assert run.outcome is Outcome.DONE, run.message
    assert [step.step.on for step in run.steps] == ["public.t_pkey"]


async def test_partitions_are_loaded_for_their_parent(desk: Desk) -> None:
    desk.do(
        "CREATE TABLE p (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)",
        "INSERT INTO p SELECT generate_series(0, 19)",
        "VACUUM FULL p1, p2",
    )
    run = await desk.run(PREWARM, table="p")
    assert run.outcome is Outcome.DONE, run.message
    assert [step.step.on for step in run.steps] == ["public.p1", "public.p2"]


async def test_more_than_fits_is_refused_unless_a_part_is_wanted(desk: Desk) -> None:
    buffers = desk.ask("SELECT setting::int FROM pg_settings WHERE name = 'shared_buffers'")
    fill(desk, buffers + 100)
    with pytest.raises(Trouble, match="more than shared_buffers holds") as caught:
        await desk.plan(PREWARM, table="t")
    assert caught.value.kind is Kind.REFUSED
    assert "part=yes" in caught.value.remedy
    made = await desk.plan(PREWARM, table="t", part="yes")
    room = int(buffers * ROOM)
    assert sum(step.execution.blocks for step in made.steps if isinstance(step.execution, Prewarm)) == room
    assert any("Only a part is loaded" in note for note in made.notes)
    run = await desk.run(PREWARM, table="t", part="yes")
    assert run.outcome is Outcome.DONE, run.message
    last = made.steps[-1].execution
    assert isinstance(last, Prewarm)
    assert (last.name, last.last) == ("public.t", buffers + 99)
    assert cached(desk, "t") <= {*range(last.first, last.last + 1), *range(SLICE)}
    assert f" of {last.blocks:,} blocks cached" in run.notes[-1]


async def test_a_run_that_is_stopped_goes_on_with_what_is_left(desk: Desk) -> None:
    fill(desk, 3 * SLICE)
    server = PostgresServer(desk.uri)
    made = await plan(PREWARM, server, {"table": "t", "indexes": "no"}, desk.settings)
    task: list[asyncio.Task[Run]] = []

    def watch(run: Run) -> None:
        if 0 < run.steps[0].rows < 3 * SLICE:
            stop(task[0])

    task.append(asyncio.create_task(Runner(ActingSession(desk.uri), server, desk.trail, watch).run(made)))
    run = await task[0]
    await server.close()
    assert run.outcome is Outcome.STOPPED
    assert SLICE <= run.steps[0].rows < 3 * SLICE
    assert (await desk.run(PREWARM, table="t", indexes="no")).outcome is Outcome.DONE
    assert cached(desk, "t") == set(range(3 * SLICE))


async def test_a_table_that_became_shorter_is_planned_again(desk: Desk) -> None:
    fill(desk, COLD)
    server = PostgresServer(desk.uri)
    made = await plan(PREWARM, server, {"table": "t", "indexes": "no"}, desk.settings)
    desk.do("TRUNCATE t")
    run = await Runner(ActingSession(desk.uri), server, desk.trail).run(made)
    await server.close()
    assert run.outcome is Outcome.REFUSED
    assert run.message == "public.t is shorter than when it was planned. Plan again."


async def test_select_is_needed_and_toast_belongs_to_the_owner(desk: Desk, pg: Cluster) -> None:
    fill(desk, 100)
    theirs = Desk(pg, desk.database, desk.trail, user="pipeline_app")
    with pytest.raises(Trouble, match=r"lacks SELECT on public\.t") as caught:
        await theirs.plan(PREWARM, table="t")
    assert caught.value.remedy == "GRANT SELECT ON public.t TO pipeline_app;"
    desk.do("GRANT SELECT ON t TO pipeline_app")
    run = await theirs.run(PREWARM, table="t", toast="yes")
    assert run.outcome is Outcome.DONE, run.message
    assert [step.step.on for step in run.steps] == ["public.t_pkey", "public.t"]
    assert any("may load TOAST" in note for note in run.plan.left)
    assert any("needs the extension pg_buffercache and pg_monitor" in note for note in run.plan.notes)


async def test_without_the_extension_its_statement_is_named(desk: Desk) -> None:
    desk.do("DROP EXTENSION pg_prewarm")
    with pytest.raises(Trouble, match="pg_prewarm is not installed") as caught:
        await desk.plan(PREWARM, table="t")
    assert caught.value.remedy == "CREATE EXTENSION pg_prewarm;"
    desk.do("CREATE EXTENSION pg_prewarm", "DROP EXTENSION pg_buffercache")
    fill(desk, 10)
    run = await desk.run(PREWARM, table="t")
    assert run.outcome is Outcome.DONE, run.message


async def test_a_temporary_table_is_refused(desk: Desk) -> None:
    with desk.session() as other:
        other.execute("CREATE TEMP TABLE brief (id int)")
        with pytest.raises(Trouble, match="never in shared buffers"):
            await desk.plan(PREWARM, table="brief")


@pytest.mark.parametrize(
    ("room", "loads"),
    [(10, [(0, 4), (0, 6)]), (7, [(0, 4), (3, 3)]), (4, [(0, 4)]), (3, [(1, 3)]), (0, [])],
)
def test_a_part_is_the_first_files_and_the_last_blocks(room: int, loads: list[tuple[int, int]]) -> None:
    files = (File(1, "i", 4), File(2, "t", 6))
    assert [(file.first, file.load) for file in fitting(files, room)] == loads


def test_the_pace_names_blocks_bytes_and_time_left() -> None:
    assert pace(1024, 4096, 512.0, 8192) == "1024 of 4096 blocks, 4.00 MB/s, 6 s left"
    assert pace(4096, 4096, 512.0, 8192) == "4096 of 4096 blocks, 4.00 MB/s"
