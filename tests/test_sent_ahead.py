"""What the engine sends along with a message because it asks it next: it is used, or leaves nothing behind."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
import pytest

from console.actions.archive.archive_analytics import ARCHIVE_ANALYTICS
from console.model import Outcome
from console.running.runner import PATIENCE
from console.sources.postgres import ActingSession
from console.sources.postgres.acting import Rows
from tests.acting import Desk, held
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually
from tests.whole_months import desk

__all__ = ["desk"]

AHEAD = ("BEGIN", "SELECT pg_catalog.pg_current_xact_id() IS NOT NULL")
ASSIGNED = "SELECT pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL"


@asynccontextmanager
async def opened(pg: Cluster, database: str) -> AsyncIterator[ActingSession]:
    session = ActingSession(pg.uri(database))
    await session.open()
    try:
        yield session
    finally:
        await session.close()


async def test_what_was_sent_ahead_is_answered_without_another_message(
    pg: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(pg, database) as session:
        assert await session.script("SELECT 1", "COMMIT", ahead=AHEAD) == [[(1,)], []]
        with monkeypatch.context() as patched:
            patched.setattr(psycopg.AsyncCursor, "execute", None)
            assert await session.script(*AHEAD) == [[], [(True,)]]
        assert await session.query(ASSIGNED) == [(True,)], "in the transaction that it began"
        assert await session.script("COMMIT", *AHEAD) == [[], [], [(True,)]], "it is used once"


async def _ignore(_: bytes) -> None:
    return


async def _read(session: ActingSession) -> Any:
    async with session.snapshot("", "SELECT 1") as (query,):
        return await session.query(query)


@pytest.mark.parametrize(
    "other",
    [
        lambda session: session.query("SELECT 1"),
        lambda session: session.execute("SELECT 1"),
        lambda session: session.batch("SELECT 1"),
        lambda session: session.script("BEGIN", "SELECT 1"),
        lambda session: session.script(*AHEAD, ahead=["SELECT 1"]),
        lambda session: session.copy_out("COPY (SELECT 1) TO STDOUT", _ignore),
        _read,
    ],
    ids=["query", "execute", "batch", "other script", "more ahead", "copy", "snapshot"],
)
async def test_a_transaction_begun_ahead_is_rolled_back_before_anything_else(
    pg: Cluster, database: str, other: Callable[[ActingSession], Awaitable[object]]
) -> None:
    mark = "SELECT pg_catalog.set_config('pipeline_console.marked', 'yes', false)"
    async with opened(pg, database) as session:
        await session.script("SELECT 1", "COMMIT", ahead=["BEGIN", mark])
        await other(session)
        marked = "SELECT coalesce(pg_catalog.current_setting('pipeline_console.marked', true), '')"
        assert await session.query(marked) == [("",)]


async def test_what_fails_ahead_leaves_no_transaction_open(pg: Cluster, database: str) -> None:
    async with opened(pg, database) as session:
        with pytest.raises(psycopg.errors.UndefinedTable):
            await session.script("CREATE TABLE public.made (n int)", "COMMIT", ahead=["BEGIN", "LOCK TABLE nowhere"])
        assert await session.query("SELECT to_regclass('public.made') IS NOT NULL") == [(True,)]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("confined", [False, True], ids=["plain", "confined"])
async def test_a_step_is_done_once_where_the_beginning_of_the_next_one_fails_that_was_sent_with_its_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, which: int, confined: bool
) -> None:
    if confined:
        desk.give_away()
    script, ends, failures = ActingSession.script, list[object](), list[str]()

    async def between(session: ActingSession, *statements: str, ahead: Sequence[str] = ()) -> list[Rows]:
        if "BEGIN" not in ahead or len(ends) > which:
            return await script(session, *statements, ahead=ahead)
        ends.append(statements)
        if len(ends) <= which:
            return await script(session, *statements, ahead=ahead)
        with queued(desk, "LOCK TABLE public.facts IN ACCESS EXCLUSIVE MODE") as is_queued:
            await eventually(is_queued)
            try:
                return await script(session, *statements, ahead=ahead)
            except psycopg.Error as error:
                failures.append(str(error.sqlstate))
                raise

    monkeypatch.setattr(ActingSession, "script", between)
    run = await desk.run(ARCHIVE_ANALYTICS, PATIENCE)
    assert (run.outcome, failures) == (Outcome.DONE, ["55P03"]), run.message
    done = [entry["sql"] for entry in desk.trail.entries() if entry["event"] == "step"]
    assert done == [step.sql for step in run.plan.steps]
    assert desk.ask("SELECT count(*) FROM public.archive") == 2


async def test_the_limit_of_waits_is_that_of_the_session_once_what_was_begun_ahead_is_rolled_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, limits = ActingSession.script, list[Rows]()

    async def attaching(session: ActingSession, *statements: str, ahead: Sequence[str] = ()) -> list[Rows]:
        if " ATTACH " not in statements[0] or limits:
            return await script(session, *statements, ahead=ahead)
        with held(desk, "LOCK TABLE public.first IN ACCESS SHARE MODE"):
            try:
                return await script(session, *statements, ahead=ahead)
            except psycopg.errors.LockNotAvailable:
                await session.execute("ROLLBACK")
                limits.append(await session.query("SHOW lock_timeout"))
                raise

    monkeypatch.setattr(ActingSession, "script", attaching)
    run = await desk.run(ARCHIVE_ANALYTICS, PATIENCE)
    assert (run.outcome, limits) == (Outcome.DONE, [[("200ms",)]]), run.message


async def test_a_batch_with_the_rights_of_another_role_is_one_message_with_its_commit(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.do(
        "DROP TABLE public.facts",
        "DROP TABLE public.archive",
        "CREATE TABLE public.facts (id bigint, day date, PRIMARY KEY (id, day))",
        "CREATE TABLE public.archive (LIKE public.facts INCLUDING ALL)",
        "INSERT INTO public.facts VALUES (1, '2020-01-05'), (2, '2020-02-05')",
    )
    desk.give_away()
    script, sent = ActingSession.script, list[Sequence[str]]()

    async def keeping(session: ActingSession, *statements: str, ahead: Sequence[str] = ()) -> list[Rows]:
        sent.append(statements)
        return await script(session, *statements, ahead=ahead)

    monkeypatch.setattr(ActingSession, "script", keeping)
    run = await desk.run(ARCHIVE_ANALYTICS, PATIENCE)
    assert (run.outcome, [step.rows for step in run.steps]) == (Outcome.DONE, [2, 0]), run.message
    batches = [message for message in sent if "CREATE FUNCTION " in message[0]]
    assert len(batches) == 2
    assert all(message[-1] == "COMMIT" for message in batches)
    assert desk.ask("SELECT count(*) FROM public.archive") == 2


@contextmanager
def queued(desk: Desk, statement: str) -> Iterator[Callable[[], bool]]:
    """Another session that runs a statement in a transaction; returns whether it holds its lock or waits for it."""
    with desk.session() as session:
        pid = session.info.backend_pid

        def run() -> None:
            session.execute(b"BEGIN")
            session.execute(statement.encode())

        thread = threading.Thread(target=run)
        thread.start()
        found = f"SELECT EXISTS (SELECT FROM pg_locks WHERE pid = {pid} AND mode = 'AccessExclusiveLock')"
        try:
            yield lambda: desk.ask(found) is True
        finally:
            thread.join()
            session.execute(b"ROLLBACK")
