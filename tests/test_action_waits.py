"""No action makes others wait longer than lock_timeout + 50 ms while somebody reads for ten seconds; then it succeeds.

What is judged is how long a statement of a third session waited for locks, as the server counts it (pg_locks.waitstart,
looked at every 10 ms by a session that runs in the server itself), summed up for each of its transactions: time that
the test's own process, or a busy machine, keeps a client waiting is nobody's lock. A busy machine also ends a
lock_timeout late. So next to the actions a bare session with the same lock_timeout asks for the same sort of lock again
and again behind a reader; 50 ms is what an action may add to the longest wait that this one causes in the same seconds.
Some actions release their lock when other sessions queue behind them. As all consoles of this test live in one process,
which no console does, the time by which that process is woken too late is allowed too.

In the end, nothing that was done is named as left to do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from console.actions import ACTIONS, action
from console.actions.pooler.chosen import NEEDS as POOLER_NEEDS
from console.model import Outcome, Standalone
from console.running.progress import Run
from tests.acting import LOCK_TIMEOUT, Desk
from tests.room import AGO, AHEAD, PACK, PENDING, PLAIN, REST, desks, migrations, room
from tests.servers import PostgresServer as Cluster
from tests.sql_files import forget_files

__all__ = ["desks", "migrations", "room"]

TOGETHER = 12  # actions at a time, each with up to five sessions: the server has room for 97
HOLD = 10.0
MORE = 0.3  # seconds by which a server process may be woken later than another; who holds stays for HOLD
READS = tuple(f"SELECT FROM public.{table}" for table in ("t", "refs", "facts", "archive", "events", "low", "high"))
# Also a row of each month that is moved.
WRITES = (
    *READS,
    *(f"UPDATE public.{table} SET id = id WHERE id = 3" for table in ("t", "refs", "facts", "archive", "events")),
)
ONE_ROW = (
    "UPDATE public.t SET n = n WHERE id = 5",
    f"UPDATE public.facts SET note = note WHERE id = 7 AND day = {AGO['new']}",
    f"UPDATE public.facts SET note = note WHERE id = 7 AND day = {AGO['old']}",
    "UPDATE public.refs SET id = id WHERE id = 9",
    "UPDATE public.events SET note = note WHERE id = 7",
    "PERFORM n FROM public.low WHERE id = 5",
    "PERFORM n FROM public.high",
    f"PERFORM note FROM public.archive WHERE id = 7 AND day = {AGO['old']}",
)
BY_ITSELF = "DO $$ BEGIN WHILE to_regclass('public.over') IS NULL LOOP {} END LOOP; END $$"
FELT = BY_ITSELF.format("".join(f"{each}; COMMIT; " for each in ONE_ROW) + "PERFORM pg_sleep(0.02); COMMIT;")
LOCK = "BEGIN LOCK TABLE public.t; EXCEPTION WHEN lock_not_available THEN NULL; END; COMMIT;"
BARE = BY_ITSELF.format(f"{LOCK} PERFORM pg_sleep(0.3); COMMIT;")
SEEN = "CREATE TEMP TABLE seen (database name, pid int, since timestamptz, began timestamptz, seconds float8)"
LOOK = BY_ITSELF.format(
    "INSERT INTO seen SELECT a.datname, l.pid, l.waitstart, a.xact_start, "
    "extract(epoch FROM clock_timestamp() - l.waitstart) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.waitstart IS NOT NULL AND a.application_name = 'felt'; COMMIT; PERFORM pg_sleep(0.01); COMMIT;"
)
LONGEST = (
    "SELECT database, max(seconds) FROM (SELECT database, began, sum(seconds) AS seconds FROM "
    "(SELECT database, pid, began, since, max(seconds) AS seconds FROM seen GROUP BY 1, 2, 3, 4) w "
    "GROUP BY database, pid, began) x GROUP BY database"
)


@dataclass(frozen=True, slots=True)
class Case:
    """One action in a database of its own."""

    action: str
    given: tuple[tuple[str, str], ...] = ()
    name: str = ""
    setup: tuple[str, ...] = ()
    before: str = ""  # an action that is run when nobody is there
    before_given: tuple[tuple[str, str], ...] = ()


INVALID = (
    "INSERT INTO public.t VALUES (1001, 1000, '')",
    "SET client_min_messages = error",
    "CREATE INDEX t_later ON public.t (n, id)",
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.t_later'::regclass",
)
CASES = (
    Case("create-partitions", AHEAD),
    Case("create-partitions", AHEAD, "create-partitions with a default", REST),
    Case("archive-analytics", name="archive whole"),
    Case("archive-analytics", (("verify", "yes"),), "archive whole with a default", REST),
    Case("archive-analytics", name="archive batches", setup=PLAIN),
    Case("restore-analytics", (("month", "{month}"),), before="archive-analytics"),
    Case(
        "export-archive",
        (("month", "{month}"), ("directory", "{folder}"), ("drop", "yes")),
        before="archive-analytics",
    ),
    Case("undo", name="undo of create-partitions", before="create-partitions", before_given=AHEAD),
    Case("undo", name="undo of archive whole", before="archive-analytics"),
    Case("refresh-views"),
    Case("vacuum-table", (("table", "public.t,public.facts"), ("freeze", "yes"))),
    Case("analyze-table", (("table", "public.t,public.facts"),)),
    Case("reindex", (("table", "public.t"),)),
    Case("set-autovacuum", (("table", "public.t"), ("vacuum-threshold", "1000"))),
    Case("create-index", (("table", "public.t"), ("columns", "n, id"))),
    Case("drop-index", (("index", "public.t_n"),)),
    Case("prewarm", (("table", "public.t"),), setup=("CREATE EXTENSION pg_prewarm",)),
    Case("repair-invalid-indexes", setup=INVALID),
    Case("undo", name="undo of drop-index", before="drop-index", before_given=(("index", "public.t_n"),)),
    Case("apply-schema", before="apply-schema"),
    Case("apply-indexes", (("pack", "{folder}/pack.yml"),)),
    Case("partition-table", (("table", "public.events"), ("key", "at"), ("way", "attach")), "partition by attaching"),
    Case("partition-table", (("table", "public.events"), ("key", "at"), ("way", "copy")), "partition by copying"),
    Case("partition-by-hash", (("table", "public.events"), ("key", "id"), ("anyway", "yes"))),
)
# These change no relation, or give rights on it alone.
NO_RELATION = {
    "apply-tuning", "cancel-backend", "terminate-backend", "terminate-idle", "create-roles", "create-extensions",
    "write-pgbouncer-config", "rollback-prepared", "drop-slot", "resume-replay", "reset-statements",
    "schedule-jobs", "run-job", "retry-job", "cancel-job", "invalidate-brand", "flush-tenant",
    *(each.name for each in ACTIONS if each.needs is POOLER_NEEDS),
    "sample-capacity", "limit-idle-transactions",
}  # fmt: skip
# These need a program, or a database of another kind.
ELSEWHERE = {"repack-table", "adopt-schema", "load-test", "distribute-table", "rebalance-cluster", "cancel-cluster-job"}


def test_no_action_is_left_out() -> None:
    assert {each.name for each in ACTIONS} - {case.action for case in CASES} == NO_RELATION | ELSEWHERE


async def session(desk: Desk, statement: str, *first: str, name: str = "", last: str = "") -> list[tuple[Any, ...]]:
    """A session that runs a statement, after the first ones; what the last one returns."""
    async with await psycopg.AsyncConnection.connect(desk.uri, autocommit=True, application_name=name) as connection:
        for each in (*first, statement):
            await connection.execute(each.encode())
        return await (await connection.execute(last.encode())).fetchall() if last else []


@asynccontextmanager
async def running(desk: Desk, *sessions: Coroutine[Any, Any, list[tuple[Any, ...]]]) -> AsyncIterator[list[Any]]:
    """Sessions whose statements end by themselves soon after the body; the list gets what they return."""
    found: list[Any] = []
    tasks = [asyncio.create_task(each) for each in sessions]
    try:
        yield found
    finally:
        await asyncio.to_thread(desk.do, "CREATE TABLE public.over ()")
        found += await asyncio.gather(*tasks)


@asynccontextmanager
async def holder(desk: Desk, holds: Sequence[str]) -> AsyncIterator[None]:
    """Somebody keeps a transaction open for ten seconds."""
    async with await psycopg.AsyncConnection.connect(desk.uri) as connection:

        async def keep() -> None:
            await connection.execute("SELECT pg_sleep(%s)", (HOLD,))
            await connection.rollback()

        for each in holds:
            await connection.execute(each.encode())
        work = asyncio.create_task(keep())
        try:
            yield
        finally:
            await work


@asynccontextmanager
async def lateness() -> AsyncIterator[list[float]]:
    """By how many seconds whatever waits in this process was woken too late; the last is the most so far."""
    late = [0.0]

    async def watch() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            late.append(max(late[-1], time.monotonic() - began - 0.01))

    work = asyncio.create_task(watch())
    try:
        yield late
    finally:
        work.cancel()


async def tried(case: Case, desk: Desk, holds: Sequence[str], folder: Path, turn: asyncio.Semaphore) -> Run:
    """The action while somebody holds and somebody else changes and reads rows."""
    month = await asyncio.to_thread(desk.ask, f"SELECT to_char({AGO['old']}, 'YYYY-MM')")
    given: dict[str, Any] = {name: value.format(month=month, folder=folder) for name, value in case.given}
    async with turn, running(desk, session(desk, FELT, name="felt")), holder(desk, holds):
        return await desk.run(action(case.action), **given)


async def prepared(
    cases: Iterable[Case], desks: Callable[[], Desk], migrations: Path, folder: Path
) -> list[tuple[Case, Desk]]:
    """A database for each case, with what its action needs; `folder` and `migrations` get the files that some read."""
    desk_of = [(case, desks()) for case in cases]
    for case, desk in desk_of:
        desk.do(*case.setup)
        if case.before:
            assert (await desk.run(action(case.before), **dict[str, Any](case.before_given))).outcome is Outcome.DONE
    (migrations / "0900_more.sql").write_text(PENDING)
    (folder / "pack.yml").write_text(PACK)
    forget_files()
    return desk_of


@pytest.mark.parametrize("holds", [pytest.param(READS, id="reader"), pytest.param(WRITES, id="writer")])
async def test_nobody_waits_longer_than_lock_timeout(
    pg: Cluster, desks: Callable[[], Desk], migrations: Path, tmp_path: Path, holds: Sequence[str]
) -> None:
    desk_of = dict(await prepared(CASES, desks, migrations, tmp_path))
    bare, watcher = desks(), desks()
    limit = f"SET lock_timeout = '{round(LOCK_TIMEOUT * 1000)}ms'"
    async with (
        running(watcher, session(watcher, LOOK, SEEN, last=LONGEST)) as seen,
        running(bare, session(bare, FELT, name="felt"), session(bare, BARE, limit)),
        holder(bare, holds),
        lateness() as late,
    ):
        turn = asyncio.Semaphore(TOGETHER)
        runs = await asyncio.gather(*(tried(case, desk, holds, tmp_path, turn) for case, desk in desk_of.items()))
    waits = dict(seen[0])
    allowed = waits[bare.database] + MORE + late[-1]
    assert allowed > LOCK_TIMEOUT, "the bare session was in nobody's way"
    told = {case.name or case.action: waits.get(desk.database, 0.0) for case, desk in desk_of.items()}
    assert [f"{run.plan.action}: {run.message}" for run in runs if run.outcome is not Outcome.DONE] == []
    assert {name: wait for name, wait in told.items() if wait > allowed} == {}, f"{allowed} s is allowed"
    assert any(wait > LOCK_TIMEOUT / 2 for wait in told.values()), "no action asked for a lock that others wait behind"
    assert [run for run in runs if any(again_of(run))]
    assert [each for desk, run in zip(desk_of.values(), runs, strict=True) for each in left_to_do(desk, run)] == []


def again_of(run: Run) -> Iterator[str]:
    """The queries that return what a failed or stopped run leaves to do."""
    for step in run.plan.steps:
        if isinstance(step.execution, Standalone) and step.execution.again:
            yield step.execution.again


def left_to_do(desk: Desk, run: Run) -> Iterator[str]:
    """What would be named as left to do of a run that has done everything."""
    with desk.session() as connection:
        for query in again_of(run):
            yield from (str(row) for row in connection.execute(query.encode()).fetchall())
