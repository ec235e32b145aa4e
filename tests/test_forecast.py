"""Who will wait for a statement: named before it runs, on the command line, in plans and in the console."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.actions.planning import with_forecast
from console.forecast.durations import seconds_of
from console.forecast.forecasting import AskedForecast
from console.forecast.lines import document, lines, queue_sentence, step_sentence
from console.forecast.recognise import recognise
from console.forecast.requests import Recognised
from console.forecast.traffic import Traffic
from console.model import LOCK_TIMEOUT, Claim, Kind, Outcome, Plan, Standalone, Step, Transaction, Trouble
from console.model.forecast import ExpectedLock, Forecast, LockHolder, TrafficReading
from console.model.locks import LockMode
from console.running.plan_lines import Sort, plan_lines
from console.running.progress import QueueCount
from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.command import run
from tests.screens import console, shows, taken
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually, wait

SCANS = "SELECT coalesce(sum(seq_scan), 0)::int FROM pg_stat_user_tables WHERE relname = 'region'"
AE, SHARE, SUE = LockMode.ACCESS_EXCLUSIVE, LockMode.SHARE, LockMode.SHARE_UPDATE_EXCLUSIVE
SCHEMA = (
    "CREATE TABLE public.region (id int PRIMARY KEY)",
    "CREATE TABLE public.sale (at date NOT NULL, region int REFERENCES region) PARTITION BY RANGE (at)",
    "CREATE TABLE public.sale_1 PARTITION OF sale FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
    "CREATE TABLE public.sale_2 PARTITION OF sale FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
    "INSERT INTO public.region VALUES (1)",
)


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    desk.do(*SCHEMA)
    return desk


@contextlib.contextmanager
def selling(desk: Desk) -> Iterator[int]:
    """A session with an open transaction that has written to a partition; its pid."""
    with desk.session(application_name="till") as session:
        session.execute("BEGIN")
        session.execute("INSERT INTO sale VALUES ('2026-01-05', 1)")
        yield session.info.backend_pid
        session.execute("ROLLBACK")


@contextlib.contextmanager
def in_use(desk: Desk, table: str = "region") -> Iterator[None]:
    """Sessions that each read a table and end, which reports what they did."""
    ended = threading.Event()

    def use() -> None:
        while not ended.is_set():
            with desk.session() as session:
                session.execute(f"SELECT FROM {table}".encode())

    thread = threading.Thread(target=use)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def arriving(desk: Desk, every: float) -> Iterator[None]:
    """A session that reads the table once arrives every so many seconds, whether those before it have ended or not."""
    ended, started = threading.Event(), time.monotonic()
    sessions: list[threading.Thread] = []

    def read() -> None:
        with desk.session() as session:
            session.execute("SELECT FROM region")

    def arrive() -> None:
        while not ended.wait(max(0.0, started + len(sessions) * every - time.monotonic())):
            sessions.append(threading.Thread(target=read))
            sessions[-1].start()

    arrivals = threading.Thread(target=arrive)
    arrivals.start()
    try:
        yield
    finally:
        ended.set()
        arrivals.join()
        for session in sessions:
            session.join()


def test_the_command_names_who_is_in_the_way_and_exits_with_4(desk: Desk, tmp_path: Path) -> None:
    statement = "ALTER TABLE sale ADD COLUMN note text"
    asked = ("forecast", "-t", desk.uri, statement, "--sample", "0", "--lock-timeout", "2s")
    free = run(tmp_path, *asked)
    assert (free.code, free.out.splitlines()[0]) == (0, "ALTER TABLE would get all its locks now.")
    with selling(desk) as pid:
        waits = run(tmp_path, *asked, COLUMNS="80")
        assert waits.code == 4
        assert "conflicting locks are held or requested on 2 relations." in " ".join(waits.out.split())
        assert "for at most 2.00s, reads and writes would queue behind it." in " ".join(waits.out.split())
        assert max(map(len, waits.out.splitlines())) <= 80
        made = json.loads(run(tmp_path, *asked, "--format", "json").out)
    (held,) = [lock for lock in made["locks"] if lock["relation"] == "public.sale_1"]
    assert held["mode"] == "ACCESS EXCLUSIVE"
    assert (held["holder"]["pid"], held["holder"]["mode"]) == (pid, "ROW EXCLUSIVE")
    assert held["holder"]["who"].startswith("till, postgres, idle in transaction")
    assert (made["waits"], made["lock_timeout_seconds"], made["blocks"]) == (True, 2.0, "reads and writes")


def test_the_command_says_what_it_cannot_tell(desk: Desk, tmp_path: Path) -> None:
    for statement, code, said in (
        ("SELECT 1", 3, "Cannot tell what it locks"),
        ("DROP TABLE sale sale", 3, "The server cannot parse the statement"),
        ("DROP TABLE gone", 1, "names gone, which does not exist in search_path"),
    ):
        done = run(tmp_path, "forecast", "-t", desk.uri, statement, "--sample", "0")
        assert (done.code, said in done.err, done.out) == (code, True, "")
    assert run(tmp_path, "forecast", "-t", desk.uri, "DROP TABLE sale", "--lock-timeout", "soon").code == 2


async def test_the_lock_timeout_of_the_role_is_the_bound_unless_another_is_given(desk: Desk) -> None:
    async with desk.workspace() as workspace:
        assert (await workspace.forecast(AskedForecast("DROP TABLE sale", sample=0))).lock_timeout == 0
    desk.do(f"ALTER ROLE postgres IN DATABASE {desk.database} SET lock_timeout = '3s'")
    async with desk.workspace() as workspace:
        assert (await workspace.forecast(AskedForecast("DROP TABLE sale", sample=0))).lock_timeout == 3
        assert (await workspace.forecast(AskedForecast("DROP TABLE sale", 0.2, sample=0))).lock_timeout == 0.2


async def test_what_arrives_is_counted_for_the_modes_that_it_conflicts_with(desk: Desk) -> None:
    async with desk.workspace() as workspace:
        with in_use(desk):
            made = await workspace.forecast(AskedForecast("TRUNCATE region CASCADE", 0.2, sample=1.0))
            while not made.arrivals:  # the statistics of the first sessions may not be there yet
                made = await workspace.forecast(AskedForecast("TRUNCATE region CASCADE", 0.2, sample=1.0))
            (region,) = [lock for lock in made.locks if lock.relation == "public.region"]
            assert region.arrivals
            assert made.queue is not None
            assert made.queue <= made.clients
            built = await workspace.forecast(AskedForecast("CREATE INDEX ON region (id)", 0.2, sample=1.0))
    assert [lock.arrivals for lock in built.locks] == [0.0]  # reads do not wait for SHARE


async def test_each_step_of_a_plan_says_which_further_relations_it_locks(desk: Desk) -> None:
    attach = Step(
        "ALTER TABLE public.sale DETACH PARTITION public.sale_1",
        "ACCESS EXCLUSIVE on public.sale",
        execution=Standalone(lock_timeout=3.0),
    )
    several = Step(
        "SET LOCAL lock_timeout = '20ms'; ALTER TABLE public.sale_2 ADD FOREIGN KEY (region) REFERENCES public.region;"
    )
    with selling(desk) as pid:
        wait(lambda: desk.ask(f"SELECT now() - xact_start > '1 s' FROM pg_stat_activity WHERE pid = {pid}"))
        async with desk.workspace() as workspace:
            server = workspace.sources.postgres
            await server.connect()
            plan = await with_forecast(server, Plan(Claim("sale"), (attach, Step("SELECT 1"), several)))
    facts = [line.text for line in plan_lines(plan) if line.sort is Sort.FACT]
    further = "ACCESS EXCLUSIVE on public.sale_1, SHARE ROW EXCLUSIVE on public.region"
    assert f"who waits: also {further}" in facts
    assert plan.steps[1].forecast is None
    assert plan.steps[2].forecast is not None
    assert {lock.relation for lock in plan.steps[2].forecast.locks} == {"public.sale_2", "public.region"}
    assert plan.steps[2].forecast.lock_timeout == 0.02
    assert [note for note in plan.notes if f"pid {pid} (till" in note and "on public.sale_1 for" in note]


async def test_each_statement_of_a_long_plan_is_looked_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def counted(statement: str, major: int) -> Recognised:
        looked.append(statement)
        return recognise(statement, major)

    monkeypatch.setattr("console.forecast.working.recognise", counted)
    desk.do("ALTER TABLE region ADD n int")
    steps = tuple(Step(f"ALTER TABLE public.region ADD CONSTRAINT n_{at} CHECK (n < {at})") for at in range(9))
    steps += (Step("ALTER TABLE public.region ALTER n SET NOT NULL"),)
    async with desk.workspace() as workspace:
        server = workspace.sources.postgres
        await server.connect()
        await with_forecast(server, Plan(Claim("region"), steps))
    assert looked == [step.sql for step in steps]


async def test_each_step_of_a_plan_says_what_it_does_to_whole_tables(desk: Desk) -> None:
    """What an earlier step may spare is not claimed; what it makes sure, such as a constraint to validate, is."""
    desk.do("ALTER TABLE region ADD n int", "ANALYZE region")
    alter = "ALTER TABLE public.region {}"
    steps = (
        Step(alter.format("ADD CONSTRAINT there CHECK (n IS NOT NULL) NOT VALID")),
        Step(alter.format("VALIDATE CONSTRAINT there")),
        Step(alter.format("ALTER n SET NOT NULL")),
        Step("CREATE INDEX CONCURRENTLY ON public.region (n)", execution=Standalone(lock_timeout=0)),
        Step(alter.format("ALTER n TYPE bigint; ALTER TABLE public.sale_1 ADD CHECK (region > 0)")),
        Step("ALTER TABLE public.region ALTER n SET NOT NULL; SELECT 1"),
    )
    async with desk.workspace() as workspace:
        server = workspace.sources.postgres
        await server.connect()
        plan = await with_forecast(server, Plan(Claim("region"), steps))
        (alone,) = (await with_forecast(server, Plan(Claim("region"), steps[-1:]))).steps
    size = "about 8.00 kB"
    assert [line.text for line in plan_lines(plan) if line.text.startswith("work: ")] == [
        f"work: read all rows of public.region, {size}",
        f"work: may have to read all rows of public.region, {size}",
        f"work: build an index of public.region, {size}",
        # Of the largest cost first: the table with the index of its key.
        "work: rewrite public.region, about 24.0 kB · read all rows of public.sale_1, of unknown size (never analyzed)",
        f"work: may have to read all rows of public.region, {size}",
    ]
    for step, does in ((plan.steps[3], "build"), (alone, "read")):
        assert step.forecast is not None
        work = {"does": does, "relation": "public.region", "bytes": 8192.0, "sure": True}
        assert document(step.forecast)["work"] == [work]


async def test_a_step_waits_as_long_as_its_transaction_has_set(desk: Desk) -> None:
    alter, inside, next_one = "ALTER TABLE public.region ADD COLUMN {} text", Transaction("a"), Transaction("b")
    steps = (
        Step("SET LOCAL lock_timeout = '1500ms'", execution=inside),
        Step(alter.format("one"), execution=inside),
        Step(alter.format("two"), execution=next_one),
    )
    async with desk.workspace() as workspace:
        await workspace.sources.postgres.connect()
        plan = await with_forecast(workspace.sources.postgres, Plan(Claim("region"), steps))
    bounds = [step.forecast.lock_timeout for step in plan.steps if step.forecast is not None]
    assert bounds == [1.5, LOCK_TIMEOUT]


async def test_the_plan_on_the_command_line_says_how_much_would_queue(desk: Desk, tmp_path: Path) -> None:
    asked = ("run", "refresh-views", "-t", desk.uri, "--set", "view=public.sold", "--dry-run")
    desk.do("CREATE MATERIALIZED VIEW public.sold AS SELECT FROM sale")  # no unique index: ACCESS EXCLUSIVE

    def rate() -> float:
        (step,) = json.loads(run(tmp_path, *asked, "--format", "json").out)["steps"]
        return sum(lock["arrivals_per_second"] or 0.0 for lock in step["forecast"]["locks"])

    with in_use(desk, "sold"):
        await eventually(lambda: asyncio.to_thread(rate))


async def test_as_many_sessions_wait_as_were_forecast(desk: Desk) -> None:
    """Clients that read the table all the time arrive while a step holds its lock; each of them waits once."""
    ended, clients = threading.Event(), 4

    def read() -> None:
        with desk.session() as session:
            while not ended.is_set():
                session.execute("SELECT FROM region")

    steps = (
        Step("ALTER TABLE public.region ADD COLUMN note text", "ACCESS EXCLUSIVE on public.region"),
        Step(
            f"DO $$ BEGIN WHILE (SELECT count(*) < {clients} FROM pg_catalog.pg_locks WHERE NOT granted AND "
            "relation = 'public.region'::regclass) LOOP PERFORM pg_catalog.pg_sleep(0.01); END LOOP; "
            "PERFORM pg_catalog.pg_sleep(0.2); END $$"
        ),
    )
    threads = [threading.Thread(target=read) for _ in range(clients)]
    async with desk.workspace() as workspace:
        for thread in threads:
            thread.start()
        try:
            server = workspace.sources.postgres
            await server.connect()
            plan = await with_forecast(server, Plan(Claim("region"), steps))

            async def is_measured() -> bool:
                again = await workspace.forecast_again(plan)
                return bool(again.steps[0].forecast and (again.steps[0].forecast.queue or 0) >= clients)

            await eventually(is_measured)
            done = await workspace.run(plan)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
    assert done.outcome is Outcome.DONE
    assert len({pid for pid, _ in done.queue.waits}) == clients
    assert done.queue.forecast is not None
    assert clients <= done.queue.forecast <= 2 * clients  # sessions of the console could wait, too


async def test_as_many_sessions_a_second_wait_as_were_forecast(desk: Desk) -> None:
    """At a constant rate: what was counted while nobody waited, and those that really queued until enough did."""
    rate, enough = 10.0, 12
    inside = Transaction("a")
    steps = (
        Step("ALTER TABLE public.region ADD COLUMN note text", "ACCESS EXCLUSIVE on public.region", execution=inside),
        Step(
            f"DO $$ BEGIN WHILE (SELECT count(*) < {enough} FROM pg_catalog.pg_locks WHERE NOT granted AND "
            "relation = 'public.region'::regclass) LOOP PERFORM pg_catalog.pg_sleep(0.01); END LOOP; END $$",
            execution=inside,
        ),
    )
    async with desk.workspace() as workspace:
        server = workspace.sources.postgres
        await server.connect()
        with arriving(desk, 1 / rate):
            # A plan is made once the rate is constant, and its forecast when some of it was counted.
            await eventually(lambda: desk.ask(SCANS) > 5)
            plan = await with_forecast(server, Plan(Claim("region"), steps))
            before = desk.ask(SCANS)
            await eventually(lambda: desk.ask(SCANS) >= before + 3 * rate)
            expected = (await workspace.forecast_again(plan)).steps[0].forecast
            done = await workspace.run(plan)
    assert done.outcome is Outcome.DONE
    assert expected is not None
    assert expected.arrivals is not None
    counted = len(done.queue.waits) / done.steps[1].seconds
    assert counted / 3 < expected.arrivals < 3 * counted


async def test_the_document_of_a_plan_holds_the_forecast_of_each_step(desk: Desk, tmp_path: Path) -> None:
    desk.do("CREATE INDEX twice ON region (id)")
    done = run(
        *(tmp_path, "run", "drop-index", "-t", desk.uri, "--set", "index=public.twice", "--dry-run"),
        *("--format", "json"),
    )
    (step,) = json.loads(done.out)["steps"]
    assert {"public.region", "public.twice"} <= {lock["relation"] for lock in step["forecast"]["locks"]}
    assert step["forecast"]["waits"] is False


async def test_a_run_reports_who_really_queued_behind_it(desk: Desk) -> None:
    lock = Step("ALTER TABLE public.region ADD COLUMN note text", "ACCESS EXCLUSIVE on public.region")
    until_released = (
        "DO $$ BEGIN WHILE NOT pg_catalog.pg_try_advisory_xact_lock(77) LOOP PERFORM pg_catalog.pg_sleep(0.01); "
        "END LOOP; END $$"
    )
    with desk.session() as session:
        session.execute("SELECT pg_advisory_lock(77)")
        async with desk.workspace() as workspace:
            await workspace.sources.postgres.connect()
            steps = (lock, Step(until_released, "ACCESS EXCLUSIVE on public.region"))
            plan = await with_forecast(workspace.sources.postgres, Plan(Claim("region"), steps))
            running = asyncio.ensure_future(workspace.run(plan))
            held = "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock' AND relation = {}"
            await eventually(lambda: desk.ask(held.format("'region'::regclass")) == 1)
            reader = asyncio.ensure_future(asyncio.to_thread(desk.do, "SELECT count(*) FROM region"))
            await eventually(lambda: workspace.runs[0].queue.waits)
            session.execute("SELECT pg_advisory_unlock(77)")
            done = await running
            await reader
    (note,) = [note for note in done.notes if note.startswith("Queue: ")]
    assert note.startswith("Queue: 1 session waited for this run, the longest for ")
    assert done.outcome is Outcome.DONE


def test_what_was_forecast_is_reported_next_to_what_was_counted() -> None:
    assert QueueCount().sentence == ""
    assert QueueCount({}, 0).sentence == ""
    assert QueueCount({}, 8).sentence == "Queue: 0 sessions waited for this run. Forecast: up to 8 at the same time."
    assert QueueCount({(1, 0.5): 0.1, (2, 0.5): 0.12}, 3).sentence == (
        "Queue: 2 sessions waited for this run, the longest for 120ms. Forecast: up to 3 at the same time."
    )


def reading(clock: float, uses: float, writes: float, transactions: float) -> TrafficReading:
    return TrafficReading(clock, {1: uses}, {1: writes}, transactions, 20)


@pytest.mark.parametrize(
    ("before", "now", "mode", "rate"),
    [
        (reading(0, 0, 0, 0), reading(2, 200, 10, 900), AE, 100.0),
        (reading(0, 0, 0, 0), reading(2, 200, 10, 900), SHARE, 5.0),
        (reading(0, 0, 0, 0), reading(2, 200, 10, 900), SUE, 0.0),
        (reading(0, 300, 0, 0), reading(2, 200, 10, 900), AE, None),  # reset between the readings
        (reading(0, 0, 0, 0), reading(0.2, 200, 10, 900), AE, None),  # sessions report once a second
    ],
)
def test_arrivals_are_the_difference_of_two_readings(
    before: TrafficReading, now: TrafficReading, mode: LockMode, rate: float | None
) -> None:
    assert Traffic(before, now).arrivals(1, mode) == rate
    assert Traffic(before, now).arrivals(2, AE) is None  # never read


def forecast(*locks: ExpectedLock, **changed: float | None) -> Forecast:
    timeout = changed.get("lock_timeout", 0.2)
    return Forecast("ALTER TABLE", locks, timeout, changed.get("transactions", 1000.0), 12)


BOUNDED = (
    "While it waits, for at most 200ms, about {} reads and writes a second would queue behind it: up to {} at the same "
    "time."
)
HELD = LockHolder(12, "till, app, active", LockMode.ROW_EXCLUSIVE, 180.0, 2)


@pytest.mark.parametrize(
    ("made", "queue", "sentence"),
    [
        (
            forecast(ExpectedLock(AE, "s.t", "r", HELD, arrivals=40.0)),
            8.0,
            BOUNDED.format("40", 8),
        ),
        (
            forecast(ExpectedLock(AE, "s.t", "r", HELD, arrivals=40.0), transactions=10.0),
            2.0,
            BOUNDED.format("10", 2),
        ),
        (
            forecast(ExpectedLock(AE, "s.t", "r", HELD, arrivals=4000.0), transactions=None),
            12.0,  # there are no more sessions
            BOUNDED.format("4.00k", 12),
        ),
        (
            forecast(ExpectedLock(SHARE, "s.t", "r", HELD, arrivals=4.0), lock_timeout=0.0),
            None,
            "While it waits, about 4.0 writes a second would queue behind it. No lock_timeout bounds that.",
        ),
        (
            forecast(ExpectedLock(SHARE, "s.t", "r")),
            None,
            "While it holds them, writes would wait for it: lock_timeout bounds only its own wait of at most 200ms.",
        ),
        (forecast(ExpectedLock(SUE, "s.t", "r", HELD, arrivals=0.0)), 0.0, ""),
    ],
)
def test_what_queues_is_bounded_by_the_timeout_the_transactions_and_the_sessions(
    made: Forecast, queue: float | None, sentence: str
) -> None:
    assert made.queue == queue
    assert queue_sentence(made) == sentence
    assert document(made)["queue_at_most"] == queue


def test_relations_that_nobody_uses_are_counted_and_those_in_use_come_first() -> None:
    quiet = [ExpectedLock(AE, f"s.p{n}", "r", arrivals=0.0) for n in range(50)]
    made = forecast(*quiet, ExpectedLock(AE, "s.busy", "r", arrivals=3.0), ExpectedLock(AE, "s.held", "r", HELD))
    text = " ".join("\n".join(lines(made, 80)).split())
    assert text.index("s.held") < text.index("s.busy") < text.index("s.p0")
    assert "pid 12 (till, app, active) has held ROW EXCLUSIVE for 3m, as 2 other sessions do." in text
    assert "and 40 further relations" in text
    assert step_sentence(made, "ACCESS EXCLUSIVE on s.p0").startswith(
        "also ACCESS EXCLUSIVE on s.p1, s.p2, s.p3 and 48 more · ≈ 3.0/s would queue, at most 200ms"
    )


@pytest.mark.parametrize(("text", "seconds"), [("200ms", 0.2), ("2s", 2.0), ("0", 0.0), ("1500", 1.5), ("1min", 60.0)])
def test_a_length_of_time_is_read_as_a_setting(text: str, seconds: float) -> None:
    assert seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "2 years", "-1"])
def test_what_is_no_length_of_time_is_a_usage_error(text: str) -> None:
    with pytest.raises(Trouble) as why:
        seconds_of(text)
    assert why.value.kind is Kind.USAGE


async def test_a_key_asks_for_a_statement_and_shows_who_would_wait(desk: Desk) -> None:
    with selling(desk) as pid:
        async with console(desk.uri, pane="connections") as (_, pilot):
            await shows(pilot, "till")
            await pilot.press("Q")
            await shows(pilot, "statement (required)", "lock_timeout")
            await taken(pilot)
            await pilot.press(*"DROP TABLE sale_1", "enter")
            text = await shows(pilot, "would have to wait now", f"pid {pid} (till")
            assert "ACCESS EXCLUSIVE" in text
            await taken(pilot)
            await pilot.press("escape")
            await shows(pilot, "statement (required)", "DROP TABLE sale_1")
