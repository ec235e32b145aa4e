"""What the engine adds to the statements of a plan, counted: messages, statements, and syncs of the audit trail."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Error

from console.actions.archive.archive_analytics import ARCHIVE_ANALYTICS
from console.actions.partitions.create_partitions import CREATE_PARTITIONS
from console.actions.planning import Action
from console.demo.cluster import OWNER
from console.model import ACTING_NAME, Outcome
from console.running.runner import PATIENCE
from console.running.trail.audit import Trail, WrittenUntil
from console.settings.config import ArchivePolicy
from console.sources.postgres import EXCHANGED, ActingSession, DriverError
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster

MONTH = "(date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => {}))::date"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run takes, or the difference between two."""

    messages: int  # that the acting session sends once it is connected, and waits for
    syncs: int  # of the audit trail
    statements: int  # in these messages

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.messages - other.messages, self.syncs - other.syncs, self.statements - other.statements)

    def __mul__(self, times: int) -> Cost:
        return Cost(times * self.messages, times * self.syncs, times * self.statements)


Counted = Callable[[Callable[[], Awaitable[object]]], Awaitable[Cost]]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Counts what is sent and synced while something runs."""
    counts = {"messages": 0, "syncs": 0, "statements": 0}
    execute, fsync = psycopg.AsyncCursor.execute, os.fsync

    async def sending(cursor: psycopg.AsyncCursor[Any], *args: Any, **kwargs: Any) -> Any:
        counting = acting(cursor)
        done = await execute(cursor, *args, **kwargs)
        if counting:
            counts["messages"] += 1
            counts["statements"] += len(list(cursor._results))
        return done

    def syncing(descriptor: int) -> None:
        counts["syncs"] += 1
        fsync(descriptor)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", sending)
    monkeypatch.setattr(os, "fsync", syncing)

    async def count(doing: Callable[[], Awaitable[object]]) -> Cost:
        before = Cost(**counts)
        await doing()
        return Cost(**counts) - before

    return count


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    """A table of four whole months past their retention, its archive, and the current month."""
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    desk.do(
        "CREATE TABLE public.facts (id bigint, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
        "CREATE TABLE public.archive (LIKE public.facts INCLUDING ALL) PARTITION BY RANGE (day)",
        *(
            f"DO $$ BEGIN EXECUTE format('CREATE TABLE public.facts_{ago} PARTITION OF public.facts FOR VALUES "
            f"FROM (%L) TO (%L)', {MONTH.format(ago)}, {MONTH.format(ago - 1)}); END $$"
            for ago in (0, 2, 3, 4, 5)
        ),
        f"INSERT INTO public.facts SELECT g, {MONTH.format('2 + g % 4')} FROM generate_series(1, 40) g",
    )
    policy = ArchivePolicy("public.facts", "public.archive", "day", 1)
    return replace(desk, settings=replace(desk.settings, archives=(policy,)))


@pytest.mark.parametrize(
    ("confined", "a_month", "altogether", "prepared"),
    # Where code of another role runs, it is asked of each look whether it is still what was prepared: 9 of 3 months.
    [(False, Cost(5, 2, 22), (7, 4), 1), (True, Cost(4, 2, 40), (6, 4), 9)],
    ids=["plain", "confined"],
)
async def test_a_whole_month_is_archived_in_few_messages_and_syncs(
    desk: Desk, counted: Counted, confined: bool, a_month: Cost, altogether: tuple[int, int], prepared: int
) -> None:
    if confined:
        desk.give_away()
    one = await counted(lambda: done(desk, ARCHIVE_ANALYTICS, older_than="4 months"))
    three = await counted(lambda: done(desk, ARCHIVE_ANALYTICS))
    assert desk.ask("SELECT count(DISTINCT tableoid) FROM public.archive") == 4
    assert three - one == replace(a_month * 2, statements=2 * a_month.statements + prepared), "two months more"
    assert (one.messages, one.syncs) == altogether


async def test_a_run_goes_on_where_the_database_drops_what_its_session_has_prepared(desk: Desk) -> None:
    desk.do(
        "CREATE FUNCTION public.forget() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN DEALLOCATE ALL; END$$",
        "CREATE EVENT TRIGGER forget ON ddl_command_end EXECUTE FUNCTION public.forget()",
    )
    await done(desk, ARCHIVE_ANALYTICS)
    assert desk.ask("SELECT count(DISTINCT tableoid) FROM public.archive") == 4


EXCHANGE = """
    CREATE FUNCTION public.exchange() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      DEALLOCATE ALL;
      FOR n IN 0..9 LOOP
        EXECUTE pg_catalog.format('PREPARE pipeline_console_%s AS INSERT INTO public.ran SELECT CURRENT_USER', n);
      END LOOP;
      RETURN NEW;
    END$$;
    CREATE TABLE public.ran (as_whom text);
    GRANT ALL ON public.ran TO PUBLIC;
    CREATE TRIGGER exchange BEFORE INSERT ON public.facts FOR EACH ROW EXECUTE FUNCTION public.exchange();
"""


async def test_what_is_prepared_is_not_run_once_confined_code_has_exchanged_it(desk: Desk) -> None:
    desk.do(EXCHANGE)
    desk.give_away()
    session = ActingSession(desk.uri)
    await session.open()
    await session.prepare_guarded("SELECT 'mine'")
    mine = session.prepared("SELECT 'mine'")
    assert (await session.script(*mine))[-1] == [("mine",)]
    async with session.transaction():
        await session.execute_as(OWNER, f"INSERT INTO public.facts VALUES (1000, {MONTH.format(2)})")
        await session.seal()
    with pytest.raises(DriverError) as refused:
        await session.script(*mine)
    assert refused.value.sqlstate == EXCHANGED
    await session.script(mine[-1])  # without the guard it runs, with the rights of the session
    assert desk.ask("SELECT as_whom FROM public.ran") == desk.user
    await session.close()


# What an immutable function may not do itself, a volatile one does that it calls.
OWN = "FUNCTION own(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN {}RETURN n; END'"


@pytest.mark.parametrize("statement", ["REINDEX TABLE t", "CREATE INDEX ON t (own(n))", "ANALYZE t"])
@pytest.mark.parametrize("replaces", ["DEALLOCATE ALL", "PREPARE other AS SELECT 1"])
def test_functions_of_an_index_cannot_replace_what_a_superuser_has_prepared(
    pg: Cluster, database: str, statement: str, replaces: str
) -> None:
    with pg.connect(database) as session:
        for each in (
            "CREATE TABLE t (n int)",
            "INSERT INTO t SELECT generate_series(1, 100)",
            f"CREATE {OWN.format('')}",
            "CREATE INDEX t_own ON t (own(n))",
            f"CREATE FUNCTION evil() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE '{replaces}'; END$$",
            f"CREATE OR REPLACE {OWN.format('PERFORM public.evil(); ')}",
            "PREPARE mine AS SELECT 1",
        ):
            session.execute(each.encode())
        with pytest.raises(Error, match="within security-restricted operation"):
            session.execute(statement.encode())
        assert session.execute("EXECUTE mine").fetchone() == (1,)


@pytest.mark.parametrize(
    ("confined", "a_partition"), [(False, Cost(2, 1, 10)), (True, Cost(2, 1, 14))], ids=["plain", "confined"]
)
async def test_a_partition_is_created_in_few_messages_and_with_one_sync(
    desk: Desk, counted: Counted, confined: bool, a_partition: Cost
) -> None:
    if confined:
        desk.give_away()
    one = await counted(lambda: done(desk, CREATE_PARTITIONS, table="public.facts", months="1"))
    three = await counted(lambda: done(desk, CREATE_PARTITIONS, table="public.facts", months="4"))
    assert three - one == a_partition * 2, "two partitions more"


@pytest.mark.parametrize("confined", [False, True], ids=["plain", "confined"])
async def test_all_that_was_written_is_on_disk_before_what_no_transaction_holds_together(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, confined: bool
) -> None:
    unsynced, found = False, list[bool]()
    execute, write, sync_all = psycopg.AsyncCursor.execute, Trail.write, Trail.sync

    def writing(trail: Trail, *entries: Mapping[str, object], sync: bool = True, **before: Any) -> WrittenUntil:
        nonlocal unsynced
        written = write(trail, *entries, sync=sync, **before)
        unsynced = not sync
        return written

    def syncing(trail: Trail) -> None:
        nonlocal unsynced
        sync_all(trail)
        unsynced = False

    async def sending(cursor: psycopg.AsyncCursor[Any], *args: Any, **kwargs: Any) -> Any:
        if acting(cursor) and (b" CONCURRENTLY" in args[0] or b" VALIDATE " in args[0]):
            found.append(unsynced)
        return await execute(cursor, *args, **kwargs)

    monkeypatch.setattr(Trail, "write", writing)
    monkeypatch.setattr(Trail, "sync", syncing)
    monkeypatch.setattr(psycopg.AsyncCursor, "execute", sending)
    if confined:
        desk.give_away()
    await done(desk, ARCHIVE_ANALYTICS)
    assert found == [False] * 4


async def done(desk: Desk, action: Action, **given: str) -> None:
    """Run an action to its end."""
    run = await desk.run(action, PATIENCE, **given)
    assert run.outcome is Outcome.DONE, run.message


def acting(cursor: psycopg.AsyncCursor[Any]) -> bool:
    """Whether it belongs to the session that makes changes."""
    return cursor.connection.info.parameter_status("application_name") == ACTING_NAME
