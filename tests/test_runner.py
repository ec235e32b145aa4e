"""The engine under every action: audited, alone, patient, verified, and honest about how it ended."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from console import sql
from console.model import Batches, Claim, Kind, Outcome, Plan, Standalone, Step, Transaction, Trouble
from console.running.execution import batches
from console.running.progress import Run, stop
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.sources.postgres import ActingSession, PostgresServer, Replies, Rows
from tests.acting import waits_of
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

DELAYED = "query LIKE 'DO $$ BEGIN /* delayed */%' AND state = 'active'"
CLAIMS = (
    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
    "WHERE l.locktype = 'advisory' AND d.datname = current_database()"
)
COLUMNS = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.t'::regclass AND attnum > 0 AND NOT attisdropped"


@asynccontextmanager
async def runner(
    cluster: Cluster, database: str, trail: Trail, heard: list[str] | None = None
) -> AsyncIterator[Runner]:
    server = PostgresServer(cluster.uri(database))
    await server.connect()

    def tell(run: Run) -> None:
        if heard is not None:
            heard.extend(one.message for one in run.steps if one.message)

    yield Runner(ActingSession(cluster.uri(database)), server, trail, tell)
    await server.close()


def plan(*steps: Step, subject: str = "public.t") -> Plan:
    return Plan(Claim(subject), steps, action="test")


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path / "state" / "audit.jsonl")


@pytest.fixture
def table(pg: Cluster, database: str) -> str:
    with pg.connect(database) as session:
        session.execute("CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0)")
        session.execute("INSERT INTO t SELECT generate_series(1, 10)")
    return database


def count(pg: Cluster, database: str, query: str) -> object:
    with pg.connect(database) as session:
        row = session.execute(query).fetchone()
    assert row is not None
    return row[0]


async def test_steps_of_a_group_are_one_transaction(pg: Cluster, table: str, trail: Trail) -> None:
    async with runner(pg, table, trail) as engine:
        run = await engine.run(plan(Step("DELETE FROM public.t WHERE id = 1"), Step("SELECT 1/0")))
    assert run.outcome is Outcome.FAILED
    assert "division" in run.message
    assert count(pg, table, "SELECT count(*) FROM t") == 10


async def test_what_is_done_stays_done_when_a_later_group_fails_and_the_outcome_says_stopped(
    pg: Cluster, table: str, trail: Trail
) -> None:
    steps = (
        Step("DELETE FROM public.t WHERE id = 1", undo="INSERT INTO public.t VALUES (1)"),
        Step("SELECT 1/0", execution=Transaction("2")),
    )
    async with runner(pg, table, trail) as engine:
        run = await engine.run(plan(*steps))
    assert run.outcome is Outcome.STOPPED
    assert run.undo == ("INSERT INTO public.t VALUES (1)",)
    assert [one.status for one in run.steps] == ["done", "failed"]
    assert count(pg, table, "SELECT count(*) FROM t") == 9


async def test_what_is_done_is_in_the_trail_while_a_statement_goes_on(pg: Cluster, table: str, trail: Trail) -> None:
    first = Step("DELETE FROM public.t WHERE id = 1")
    async with runner(pg, table, trail) as engine:
        with delaying(pg) as following:
            running = asyncio.create_task(engine.run(plan(first, following)))
            await eventually(
                lambda: [entry["sql"] for entry in trail.entries() if entry["event"] == "step"] == [first.sql]
            )
            assert not running.done()
        assert (await running).outcome is Outcome.DONE


async def test_a_busy_table_is_tried_again_and_nobody_queues_behind_the_console_for_long(
    pg: Cluster, table: str, trail: Trail
) -> None:
    heard: list[str] = []
    with holding(pg, table, 2.0), probing(pg, table) as waits:
        async with runner(pg, table, trail, heard) as engine:
            run = await engine.run(plan(Step("ALTER TABLE public.t ADD COLUMN x int", on="public.t")))
    assert run.outcome is Outcome.DONE
    assert run.steps[0].tries > 0
    assert any("pid" in said for said in heard), "who is in the way is named"
    assert max(waits) < 1, "lock_timeout, and a little; the reader stays for 2 s"


async def test_how_long_others_can_have_waited_is_told(pg: Cluster, table: str, trail: Trail) -> None:
    before = Step("SELECT pg_sleep(0.4)", execution=Transaction("a"))
    lock = Step("LOCK TABLE public.t", on="public.t", execution=Transaction("a"), holds_up="writers of public.t")
    after = Step("SELECT pg_sleep(0.3)", execution=Transaction("a"))
    with holding(pg, table, 0.5):
        async with runner(pg, table, trail) as engine:
            began = time.monotonic()
            run = await engine.run(plan(before, lock, after))
            took = 1000 * (time.monotonic() - began)
    (told,) = [note for note in run.notes if note.startswith("Longest possible wait: ")]
    assert " ms for writers of public.t." in told
    assert 300 <= int(told.split(" ms")[0].split()[-1]) <= took - 400, "nobody waits for what ran before the lock"


async def test_impatience_ends_in_a_sentence_that_names_the_holder(pg: Cluster, table: str, trail: Trail) -> None:
    with holding(pg, table, 30.0):
        async with runner(pg, table, trail) as engine:
            run = await engine.run(plan(Step("ALTER TABLE public.t ADD COLUMN x int", on="public.t")), patience=0.5)
    assert run.outcome is Outcome.FAILED
    assert "holder-of-t" in run.message


async def test_two_consoles_on_one_subject_the_second_is_told_who(pg: Cluster, table: str, trail: Trail) -> None:
    async with runner(pg, table, trail) as first, runner(pg, table, trail) as second:
        with delaying(pg) as step:
            started = asyncio.create_task(first.run(plan(step)))
            await eventually(lambda: count(pg, table, CLAIMS) == 1)
            refused = await second.run(plan(Step("SELECT 1")))
            other = await second.run(plan(Step("SELECT 1"), subject="public.other"))
        done = await started
    assert refused.outcome is Outcome.REFUSED
    assert "pid" in refused.message
    assert "postgres" in refused.message
    assert (done.outcome, other.outcome) == (Outcome.DONE, Outcome.DONE)


async def test_one_part_of_a_subject_is_enough_to_be_in_the_way(pg: Cluster, table: str, trail: Trail) -> None:
    async with runner(pg, table, trail) as first, runner(pg, table, trail) as second:
        with delaying(pg) as step:
            started = asyncio.create_task(first.run(Plan(Claim("a, b", ("a", "b")), (step,))))
            await eventually(lambda: count(pg, table, CLAIMS) == 2)
            refused = await second.run(Plan(Claim("b"), (Step("SELECT 1"),)))
            other = await second.run(Plan(Claim("c"), (Step("SELECT 1"),)))
        done = await started
    assert (refused.outcome, other.outcome, done.outcome) == (Outcome.REFUSED, Outcome.DONE, Outcome.DONE)


async def test_what_is_the_servers_is_changed_from_one_database_at_a_time(
    pg: Cluster, table: str, trail: Trail
) -> None:
    everywhere = Claim("settings", cluster_wide=True)
    async with runner(pg, table, trail) as here, runner(pg, "postgres", trail) as there:
        with delaying(pg) as step:
            started = asyncio.create_task(here.run(Plan(everywhere, (step,))))
            await eventually(lambda: count(pg, table, f"SELECT count(*) FROM pg_stat_activity WHERE {DELAYED}") == 1)
            refused = await there.run(Plan(everywhere, (Step("SELECT 1"),)))
            elsewhere = await there.run(Plan(Claim("settings"), (Step("SELECT 1"),)))
        done = await started
        after = await there.run(Plan(everywhere, (Step("SELECT 1"),)))
    assert refused.outcome is Outcome.REFUSED
    assert f"in database {table}" in refused.message
    assert (elsewhere.outcome, done.outcome, after.outcome) == (Outcome.DONE,) * 3


async def test_of_two_that_begin_at_once_in_two_databases_one_does_it(pg: Cluster, table: str, trail: Trail) -> None:
    async with runner(pg, table, trail) as here, runner(pg, "postgres", trail) as there:
        with delaying(pg) as step:
            made = Plan(Claim("settings", cluster_wide=True), (step,))
            runs = [asyncio.create_task(each.run(made)) for each in (here, there)]
            await asyncio.wait(runs, return_when=asyncio.FIRST_COMPLETED)
        outcomes = {str((await run).outcome) for run in runs}
    assert outcomes == {str(Outcome.DONE), str(Outcome.REFUSED)}


async def test_batches_commit_one_by_one_until_nothing_is_left(pg: Cluster, table: str, trail: Trail) -> None:
    batch = "DELETE FROM public.t WHERE id IN (SELECT id FROM public.t ORDER BY id LIMIT 3)"
    async with runner(pg, table, trail) as engine:
        run = await engine.run(plan(Step(batch, execution=Batches(10))))
    assert (run.outcome, run.steps[0].rows) == (Outcome.DONE, 10)


async def test_an_effect_that_does_not_come_is_no_success(pg: Cluster, table: str, trail: Trail) -> None:
    step = Step("SELECT 1", expect="SELECT false", settle=0.3, note="the table is gone")
    async with runner(pg, table, trail) as engine:
        run = await engine.run(plan(step))
    assert run.outcome is Outcome.FAILED
    assert "no effect" in run.message


async def test_an_effect_that_comes_late_is_waited_for(pg: Cluster, table: str, trail: Trail) -> None:
    _count_tries(pg, table)
    step = Step("SELECT 1", expect="SELECT nextval('public.tried') = 3", settle=60.0)
    async with runner(pg, table, trail) as engine:
        run = await engine.run(plan(step))
    assert run.outcome is Outcome.DONE


async def test_a_run_is_audited_from_its_start_to_its_end(pg: Cluster, table: str, trail: Trail) -> None:
    async with runner(pg, table, trail) as engine:
        run = await engine.run(plan(Step("DELETE FROM public.t WHERE id = 1", undo="INSERT INTO public.t VALUES (1)")))
    entries = [entry for entry in trail.entries() if entry["run"] == run.id]
    assert [entry["event"] for entry in entries] == ["start", "commit", "step", "end"]
    assert entries[0]["sql"] == ["DELETE FROM public.t WHERE id = 1"]
    assert entries[3]["outcome"] == "done"
    assert entries[3]["undo"] == ["INSERT INTO public.t VALUES (1)"]
    assert entries[0]["user"] == "postgres"
    assert trail.path.stat().st_mode & 0o777 == 0o600


async def test_without_an_audit_trail_nothing_runs(pg: Cluster, table: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    async with runner(pg, table, Trail(tmp_path / "file" / "audit.jsonl")) as engine:
        with pytest.raises(Trouble) as caught:
            await engine.run(plan(Step("DELETE FROM public.t")))
    assert caught.value.kind is Kind.REFUSED
    assert count(pg, table, "SELECT count(*) FROM t") == 10


async def test_stopping_cancels_on_the_server_and_leaves_nothing_half_done(
    pg: Cluster, table: str, trail: Trail
) -> None:
    async with runner(pg, table, trail) as engine:
        task = asyncio.create_task(engine.run(plan(Step("DELETE FROM public.t"), Step("SELECT pg_sleep(60)"))))
        await eventually(
            lambda: (
                count(
                    pg,
                    table,
                    "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'",
                )
                == 1
            )
        )
        task.cancel()
        run = await task
    assert run.outcome is Outcome.FAILED
    assert count(pg, table, "SELECT count(*) FROM t") == 10
    assert (
        count(pg, table, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pipeline-console act%'")
        == 0
    )


async def test_statements_that_are_sent_at_once_are_done_or_undone_together(
    pg: Cluster, table: str, trail: Trail
) -> None:
    at_once = Transaction("a", at_once=True)
    add = Step("ALTER TABLE public.t ADD COLUMN x int", execution=at_once, expect="SELECT true")
    async with runner(pg, table, trail) as engine:
        failed = await engine.run(plan(add, Step("ALTER TABLE public.t DROP COLUMN y", execution=at_once)))
        assert count(pg, table, COLUMNS) == 2
        done = await engine.run(plan(add, Step("ALTER TABLE public.t DROP COLUMN x", execution=at_once)))
    assert (failed.outcome, done.outcome) == (Outcome.FAILED, Outcome.DONE)
    assert "y" in failed.message
    assert [step.status for step in done.steps] == ["done", "done"]
    assert count(pg, table, COLUMNS) == 2


@pytest.mark.parametrize("execution", [Transaction(), Transaction(at_once=True), Standalone(1.0)], ids=repr)
async def test_a_question_about_the_effect_that_fails_repeats_nothing(
    pg: Cluster, table: str, trail: Trail, execution: Transaction | Standalone
) -> None:
    """It is asked together with COMMIT: its error must not be taken for one of the transaction."""
    with pg.connect(table) as session:
        session.execute("CREATE SEQUENCE public.asked")
        session.execute("CREATE TABLE public.log (lock_timeout text)")
        session.execute(
            "CREATE FUNCTION public.busy() RETURNS boolean LANGUAGE plpgsql AS "
            "$$ BEGIN IF nextval('public.asked') = 1 THEN RAISE SQLSTATE '40001'; END IF; RETURN false; END $$"
        )
    note = "INSERT INTO public.log SELECT current_setting('lock_timeout')"
    step = Step("INSERT INTO public.t VALUES (99)", execution=execution, expect="SELECT public.busy()", failed=note)
    async with runner(pg, table, trail) as engine:
        run = await engine.run(plan(step), patience=60)
    assert run.outcome is Outcome.FAILED, run.message
    assert count(pg, table, "SELECT count(*) FROM t WHERE id = 99") == 1
    assert count(pg, table, "SELECT last_value FROM asked") == 2, "with the statement, and then alone"
    assert count(pg, table, "SELECT string_agg(lock_timeout, ' ') FROM log") == "200ms"


async def test_a_lost_connection_leaves_the_plan_to_be_run_again(pg: Cluster, table: str, trail: Trail) -> None:
    steps = (Step("DELETE FROM public.t WHERE id = 1"), Step("SELECT pg_sleep(60)", execution=Transaction("2")))
    async with runner(pg, table, trail) as engine:
        task = asyncio.create_task(engine.run(plan(*steps)))
        sleeping = (
            "FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active' AND pid <> pg_backend_pid()"
        )
        await eventually(lambda: count(pg, table, f"SELECT count(*) {sleeping}") == 1)
        count(pg, table, f"SELECT count(pg_terminate_backend(pid)) {sleeping}")
        run = await task
    assert run.outcome is Outcome.STOPPED
    assert count(pg, table, "SELECT count(*) FROM t") == 9


async def test_the_fate_of_a_commit_without_an_answer_is_asked(
    pg: Cluster, table: str, trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut in the moment between the server's commit and its answer."""
    original = ActingSession.transaction

    @asynccontextmanager
    async def losing(session: ActingSession, *first: str, last: Sequence[str] = ()) -> AsyncIterator[Replies]:
        async with original(session, *first, last=last) as replies:
            yield replies
        await session.close()
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(ActingSession, "transaction", losing)
    async with runner(pg, table, trail) as engine:
        run = await engine.run(plan(Step("DELETE FROM public.t WHERE id = 1")))
    assert run.outcome is Outcome.DONE
    assert count(pg, table, "SELECT count(*) FROM t") == 9


async def test_a_read_only_console_is_refused_by_the_server_itself(pg: Cluster, table: str, trail: Trail) -> None:
    server = PostgresServer(pg.uri(table))
    await server.connect()
    run = await Runner(ActingSession(pg.uri(table), read_only=True), server, trail).run(
        plan(Step("DELETE FROM public.t"))
    )
    await server.close()
    assert run.outcome is Outcome.FAILED
    assert "read-only" in run.message


async def test_a_finished_run_is_told_to_the_audit_table_of_the_database(
    any_pg: Cluster, pipeline: str, trail: Trail
) -> None:
    async with runner(any_pg, pipeline, trail) as engine:
        run = await engine.run(plan(Step("ANALYZE public.organizations")))
    assert run.notes == []
    assert count(any_pg, pipeline, f"SELECT outcome FROM console_audit WHERE run = '{run.id}'") == "done"


@contextmanager
def holding(pg: Cluster, database: str, seconds: float) -> Iterator[None]:
    """Another session reads `t` in a transaction that stays open that long, or to the end of the block."""
    over = threading.Event()
    session = pg.connect(database, application_name="holder-of-t")
    session.execute("BEGIN")
    session.execute("SELECT count(*) FROM t")

    def release() -> None:
        over.wait(seconds)
        session.close()

    thread = threading.Thread(target=release)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def delaying(pg: Cluster) -> Iterator[Step]:
    """A step of any database that goes on until the block ends."""
    with pg.connect() as other:
        other.execute("SELECT pg_advisory_lock(4711)")
        held = f"SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = {other.info.backend_pid}"
        loop = f"WHILE EXISTS ({held}) LOOP PERFORM pg_catalog.pg_sleep(0.01); END LOOP"
        yield Step(f"DO $$ BEGIN /* delayed */ {loop}; END $$", execution=Standalone())


@contextmanager
def probing(pg: Cluster, database: str) -> Iterator[list[float]]:
    """A third session runs a one-row statement every 20 ms; see `waits_of`."""
    with waits_of(lambda: pg.connect(database), "UPDATE t SET n = n + 1 WHERE id = 5") as waits:
        yield waits


class Noticed(ActingSession):
    """Tells when the run begins to cancel what it runs."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.cancelling = asyncio.Event()

    async def cancel(self) -> None:
        self.cancelling.set()
        await super().cancel()


async def test_a_run_that_is_stopped_twice_still_records_how_it_ended(pg: Cluster, database: str, trail: Trail) -> None:
    server, session = PostgresServer(pg.uri(database)), Noticed(pg.uri(database))
    await server.connect()
    steps = (
        Step("CREATE TABLE public.made ()", execution=Transaction("a")),
        Step("SELECT pg_sleep(60)", execution=Transaction("b")),
    )
    second = asyncio.Event()

    def tell(run: Run) -> None:
        if run.steps[1].status == "running":
            second.set()

    task = asyncio.create_task(Runner(session, server, trail, tell).run(plan(*steps)))
    await second.wait()
    stop(task)
    await session.cancelling.wait()
    stop(task)
    run = await task
    await server.close()
    assert (run.outcome, run.message) == (Outcome.STOPPED, "Stopped on request.")
    assert [entry["event"] for entry in trail.entries()][-1] == "end"
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    assert count(pg, database, asleep) == 0


@pytest.mark.parametrize(
    ("sqlstate", "again"),
    [("55P03", True), ("40P01", True), ("40001", True), ("57014", False), ("23505", False), ("P0001", False)],
)
async def test_only_what_another_session_caused_is_tried_again(
    pg: Cluster, table: str, trail: Trail, sqlstate: str, again: bool
) -> None:
    step = Step(_failing(sqlstate, "tried < 3"))
    _count_tries(pg, table)
    async with runner(pg, table, trail) as engine:
        run = await engine.run(plan(step))
    assert (run.outcome, run.steps[0].tries) == ((Outcome.DONE, 2) if again else (Outcome.FAILED, 0))


async def test_a_deadlock_with_another_session_is_tried_again(pg: Cluster, table: str, trail: Trail) -> None:
    lock = "SELECT FROM public.t WHERE id = {} FOR UPDATE"
    with pg.connect(table) as rival:
        rival.execute("SET deadlock_timeout = '1 h'")  # so that the console finds the deadlock
        pid = rival.info.backend_pid
        rival.execute("BEGIN")
        rival.execute(lock.format(2).encode())
        waits = f"SELECT FROM pg_locks WHERE pid = {pid} AND NOT granted"
        there = f"SELECT FROM pg_locks WHERE pid = {pid}"
        pause = f"WHILE EXISTS ({there}) AND NOT EXISTS ({waits}) LOOP PERFORM pg_sleep(0.01); END LOOP;"
        steps = (
            "SET LOCAL deadlock_timeout = '20 ms'",
            lock.format(1),
            f"DO $$ BEGIN {pause} END $$",
            lock.format(2),
        )
        async with runner(pg, table, trail) as engine:
            task = asyncio.create_task(engine.run(plan(*map(Step, steps))))
            asleep = "FROM pg_stat_activity WHERE application_name LIKE 'pipeline-console act%' AND query LIKE 'DO $$%'"
            await eventually(lambda: count(pg, table, f"SELECT count(*) {asleep}") == 1)
            await asyncio.to_thread(rival.execute, lock.format(1).encode())
            rival.execute("COMMIT")
            run = await task
    assert run.outcome is Outcome.DONE
    assert run.steps[0].tries == 1


BATCH = "DELETE FROM public.t WHERE id IN (SELECT id FROM public.t ORDER BY id LIMIT 3)"


async def test_batches_that_fail_half_way_say_how_much_stays_done(pg: Cluster, table: str, trail: Trail) -> None:
    _guard_rows(pg, table, "P0001", "old.id = 8")
    async with runner(pg, table, trail) as engine:
        run = await engine.run(plan(Step(BATCH, execution=Batches(10))))
    assert run.outcome is Outcome.STOPPED, "six rows are gone"
    assert run.steps[0].rows == 6
    assert count(pg, table, "SELECT count(*) FROM t") == 4


async def test_batches_that_fail_at_once_changed_nothing(pg: Cluster, table: str, trail: Trail) -> None:
    _guard_rows(pg, table, "P0001", "old.id = 2")
    async with runner(pg, table, trail) as engine:
        run = await engine.run(plan(Step(BATCH, execution=Batches(10))))
    assert run.outcome is Outcome.FAILED
    assert run.steps[0].rows == 0
    assert count(pg, table, "SELECT count(*) FROM t") == 10


async def test_a_batch_that_is_tried_again_keeps_the_count_of_those_before(
    pg: Cluster, table: str, trail: Trail
) -> None:
    _count_tries(pg, table)
    _guard_rows(pg, table, "40001", "old.id = 5 AND nextval('public.tried') = 1")
    async with runner(pg, table, trail) as engine:
        run = await engine.run(plan(Step(BATCH, execution=Batches(10))))
    assert (run.outcome, run.steps[0].tries, run.steps[0].rows) == (Outcome.DONE, 1, 10)


async def test_batches_pause_longer_while_another_session_waits(pg: Cluster, table: str) -> None:
    breathe, took = sql.load("actions/breathe").text, {"took": 1.0, "looking": 0.0}
    with pg.connect(table) as acting, pg.connect(table) as waiter:

        def pause() -> object:
            (seconds,) = acting.execute(breathe.encode(), took).fetchone() or (None,)
            return seconds

        acting.execute("SELECT pg_advisory_lock(1)")
        assert pause() == 0.01
        waiting = asyncio.create_task(asyncio.to_thread(waiter.execute, "SELECT pg_advisory_lock(1)"))
        await eventually(lambda: pause() == 0.5)
        acting.execute("SELECT pg_advisory_unlock(1)")
        await waiting
        assert pause() == 0.01
        took["took"] = 0.1
        assert pause() == 0.005, "a twentieth of what a short batch took"
        took["looking"] = 0.002
        assert pause() == 0.003, "the look before the next batch is part of it"
        took["looking"] = 0.2
        assert pause() == 0


async def test_asking_for_the_pause_between_batches_is_part_of_it(
    pg: Cluster, table: str, trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = "SELECT 0.01 FROM pg_catalog.pg_sleep(0.02) WHERE %(took)s > 0 AND %(looking)s >= 0"
    breathe, query, slept = sql.load("actions/breathe").text, ActingSession.query, list[float]()

    async def ask(session: ActingSession, statement: str, given: Mapping[str, object] | None = None) -> Rows:
        return await query(session, slow if statement == breathe else statement, given)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(ActingSession, "query", ask)
    monkeypatch.setattr(batches, "asyncio", SimpleNamespace(sleep=sleep))
    async with runner(pg, table, trail) as engine:
        run = await engine.run(plan(Step(BATCH, execution=Batches(10))))
    assert (run.outcome, run.steps[0].rows) == (Outcome.DONE, 10)
    assert set(slept) == {0.0}, "nothing is left of 0.01 s"


def _failing(sqlstate: str, condition: str) -> str:
    return (
        "DO $$ DECLARE tried bigint := nextval('public.tried'); BEGIN "
        f"IF {condition} THEN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END IF; END $$"
    )


def _guard_rows(pg: Cluster, database: str, sqlstate: str, condition: str) -> None:
    with pg.connect(database) as session:
        session.execute(
            "CREATE FUNCTION public.guard() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN "
            f"IF {condition} THEN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END IF; RETURN old; END $body$".encode()
        )
        session.execute("CREATE TRIGGER guard BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION public.guard()")


def _count_tries(pg: Cluster, database: str) -> None:
    with pg.connect(database) as session:
        session.execute("CREATE SEQUENCE public.tried")
