"""Waits as the server itself samples them: shares of a known mix on a real server, what its rows mean, and the ring."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from console.doctor import Status
from console.doctor import server as doctor_server
from console.doctor.wait_samplers import check
from console.files import client_programs
from console.format import counted
from console.model import Record
from console.panes.waits import WAITS
from console.reading.reader import Reader
from console.series import wait_rows
from console.series.wait_profile import WaitProfile, counted_between
from console.series.waits import CPU, HOUR, IDLE_IN_TRANSACTION, Looks, Ring, SampledSession
from console.sources.registry import Sources
from console.watching.finer_waits import PROFILE
from console.watching.kept_waits import SLOT, looks, readable
from console.watching.waits import Waits, waits_source
from tests.activity import console
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.waiting import eventually

NAME = "known mix"
START = 1_800_000_000.0
ASH = "PG_ASH_SQL"  # the file that installs pg_ash, where it is at hand


def server_with(pg_servers: Servers, extension: str) -> Iterator[Cluster]:
    """A server that has loaded an extension, and has it in the database postgres."""
    major = next((major for major in sorted(pg_servers) if has_extension(pg_servers[major], extension)), None)
    if major is None:
        pytest.skip(f"no server with {extension}")
    server = pg_servers.new(major, {"shared_preload_libraries": f"pg_stat_statements,{extension}"})
    with server.connect() as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
        session.execute(f"CREATE EXTENSION {extension}")
        session.execute("CREATE TABLE item (n int)")
    yield server
    server.stop()


def has_extension(cluster: Cluster, extension: str) -> bool:
    with cluster.connect() as session:
        query = "SELECT FROM pg_available_extensions WHERE name = %s"
        return session.execute(query, (extension,)).fetchone() is not None


@pytest.fixture(scope="module", name="sampling")
def a_server_that_samples(pg_servers: Servers) -> Iterator[Cluster]:
    yield from server_with(pg_servers, "pg_wait_sampling")


@pytest.fixture(scope="module", name="sentinel")
def a_server_with_pgsentinel(pg_servers: Servers) -> Iterator[Cluster]:
    yield from server_with(pg_servers, "pgsentinel")


@pytest.fixture(name="ash")
def a_database_with_pg_ash(pg_servers: Servers, any_pg: Cluster) -> Iterator[tuple[Cluster, str]]:
    where = os.environ.get(ASH)
    if not where:
        pytest.skip(f"{ASH} does not name the file that installs pg_ash")
    server = pg_servers.new(any_pg.major, {})
    subprocess.run(
        [client_programs.find("psql"), "-q", "-d", server.uri(), "-f", where], check=True, capture_output=True
    )
    with server.connect() as session:
        session.execute("CREATE TABLE item (n int)")
    yield server, "postgres"
    server.stop()


class Mix:
    """So many sessions of each class until it ends, and one that is idle."""

    SHARES: Mapping[str, int] = {"Timeout": 2, "Lock": 1, CPU: 1, IDLE_IN_TRANSACTION: 1, "Client": 1}

    def __init__(self, cluster: Cluster, database: str = "postgres") -> None:
        self._cluster, self._database = cluster, database
        self._opened = [cluster.connect(database, application_name=NAME) for _ in range(7)]
        holder, *others = self._opened
        holder.execute("BEGIN; LOCK TABLE item IN SHARE MODE")
        statements = (
            ("SELECT pg_sleep(3600)",) * 2,
            ("UPDATE item SET n = 1",),
            ("DO $$ BEGIN LOOP NULL; END LOOP; END $$",),
        )
        for session, statement in zip(others, (each for group in statements for each in group), strict=False):
            session.pgconn.send_query(statement.encode())
        copying = others[4]
        copying.execute("CREATE TEMP TABLE rows_to_come (n int)")
        copying.pgconn.send_query(b"COPY rows_to_come FROM STDIN")

    async def runs(self) -> None:
        """Wait until every session does what it is there for."""

        async def all_are_there() -> bool:
            with self._cluster.connect(self._database) as session:
                found = session.execute(
                    "SELECT coalesce(wait_event_type, 'none') || ' ' || state, count(*)::int FROM pg_stat_activity"
                    " WHERE application_name = %s GROUP BY 1",
                    (NAME,),
                ).fetchall()
            return dict(found) == {
                "Timeout active": 2,
                "Lock active": 1,
                "none active": 1,
                "Client idle in transaction": 1,
                "Client active": 1,
                "Client idle": 1,
            }

        await eventually(all_are_there)

    def end(self) -> None:
        """End all sessions."""
        with self._cluster.connect(self._database) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (NAME,))
        for session in self._opened:
            session.close()


@pytest.fixture(name="mix")
def known_mix(sampling: Cluster) -> Iterator[Mix]:
    mix = Mix(sampling)
    yield mix
    mix.end()


async def test_shares_of_a_known_mix_come_from_counters_of_the_server(sampling: Cluster, mix: Mix) -> None:
    await mix.runs()
    async with console(sampling, "postgres") as reading:
        waits = Waits(Sources(reading))

        async def has_many() -> bool:
            await waits.fetch("wait_applications")
            return waits.ring.window(60).looks.get("pg_wait_sampling", 0) > 100

        await eventually(has_many)
        rows = (await waits.fetch("wait_applications")).records()
        assert {row["class"]: row["aas"] for row in rows if row["who"] == NAME} == pytest.approx(mix.SHARES, rel=0.03)
        found = await waits.fetch("wait_classes")
        assert found.sampler == "pg_wait_sampling"
        assert " samples of pg_wait_sampling and 1 own sample over " in found.notes[0]
        events = {(row["class"], row["event"]) for row in (await waits.fetch("wait_events_seen")).records()}
        assert {("Timeout", "PgSleep"), ("Lock", "relation"), ("Client", "ClientRead")} <= events
        sleepers = [row for row in (await waits.fetch("wait_statements")).records() if row["event"] == "PgSleep"]
        assert "pg_sleep" in str(sleepers[0]["seen_text"])
        reader = Reader(WAITS.view("classes"))
        source = waits_source(waits, reading)
        await reader.read(source)
        waits.show_window(900)  # between two readings of the counters, too
        assert (await reader.read(source)).notes[0].startswith("window 15m: ")
        found = await waits.fetch("wait_sessions")
        assert all(row["blocked_by"] for row in found.records() if row["who"] == NAME and row["class"] == "Lock")


async def test_where_the_library_is_not_loaded_the_own_samples_stand(pg_servers: Servers) -> None:
    server = next((each for each in pg_servers.values() if has_extension(each, "pg_wait_sampling")), None)
    if server is None:
        pytest.skip("no server with pg_wait_sampling")
    name = server.fresh_database()
    with server.connect(name) as session:
        session.execute("CREATE EXTENSION pg_wait_sampling")
    async with console(server, name) as reading:
        waits = Waits(Sources(reading))
        found = await waits.fetch("wait_classes")
        assert reading.obstacle(PROFILE) is None
        assert (found.sampler, waits.ring.window(60).own) == ("", 1)
        assert found.notes[0].startswith("window 5m: 1 sample over")
        assert found.notes[1].startswith("pg_wait_sampling cannot be read: ")
        told = await check(reading, await doctor_server.read(reading))
        assert told.state is Status.LIMITED
        assert "pg_wait_sampling is installed and not preloaded" in told.why
        assert "pg_wait_sampling" in told.remedy
        assert "shared_preload_libraries" in told.remedy


async def test_the_doctor_names_what_the_waits_pane_reads(sampling: Cluster) -> None:
    async with console(sampling, "postgres") as reading:
        told = await check(reading, await doctor_server.read(reading))
    assert told.state is Status.OK
    assert told.what == "The waits pane reads pg_wait_sampling, which samples many times a second."


async def test_a_console_that_has_just_begun_shows_what_pgsentinel_kept(sentinel: Cluster) -> None:
    mix = Mix(sentinel)
    try:
        await mix.runs()
        expected = {class_: many for class_, many in mix.SHARES.items() if class_ != IDLE_IN_TRANSACTION}

        async def is_kept() -> bool:
            async with console(sentinel, "postgres") as reading:
                waits = Waits(Sources(reading))
                rows = list((await waits.fetch("wait_applications")).records())
            found = {row["class"]: row["m1"] for row in rows if row["who"] == NAME}
            found.pop(IDLE_IN_TRANSACTION, None)  # pgsentinel does not keep it, the own sample has it
            return found == pytest.approx(expected, rel=0.2) and waits.ring.window(60).looks == {"pgsentinel": 10}

        await eventually(is_kept)
    finally:
        mix.end()


async def test_a_console_that_has_just_begun_shows_what_pg_ash_kept(ash: tuple[Cluster, str]) -> None:
    server, name = ash
    mix = Mix(server, name)
    try:
        await mix.runs()
        with server.connect(name) as session:
            session.execute("SELECT ash.take_sample()")
            session.execute(
                "INSERT INTO ash.sample (sample_ts, datid, active_count, data, slot)"
                " SELECT sample_ts - ago, datid, active_count, data, slot FROM ash.sample, generate_series(1, 59) ago"
            )
        async with console(server, name) as reading:
            waits = Waits(Sources(reading))
            found = await waits.fetch("wait_classes")
            told = await check(reading, await doctor_server.read(reading))
        assert found.sampler == "pg_ash"
        shares = {row["class"]: row["m1"] for row in found.records()}
        assert shares == pytest.approx(mix.SHARES, rel=0.1)
        assert told.what == "The waits pane reads pg_ash, which keeps samples of the time before."
    finally:
        mix.end()


# The objects of pg_ash that are read, with sixty samples of which each has two sessions in I/O and two without a wait.
KEPT_BY_ASH = (
    "CREATE SCHEMA ash",
    "CREATE TABLE ash.config (is_only bool PRIMARY KEY DEFAULT true, sample_interval interval DEFAULT '1 second')",
    "INSERT INTO ash.config DEFAULT VALUES",
    "CREATE TABLE ash.wait_event_map (id smallint PRIMARY KEY, state text, type text, event text)",
    (
        "INSERT INTO ash.wait_event_map VALUES (3, 'active', 'IO', 'DataFileRead'), (4, 'active', 'CPU*', 'CPU*'),"
        " (9, 'idle in transaction', 'IdleTx', 'IdleTx')"
    ),
    "CREATE TABLE ash.query_map_0 (id int PRIMARY KEY, query_id bigint)",
    "CREATE TABLE ash.query_map_1 (id int PRIMARY KEY, query_id bigint)",
    "INSERT INTO ash.query_map_1 VALUES (1, 77), (2, -88)",
    (
        "CREATE VIEW ash.query_map_all AS SELECT 0::smallint AS slot, id, query_id FROM ash.query_map_0"
        " UNION ALL SELECT 1::smallint, id, query_id FROM ash.query_map_1"
    ),
    (
        "CREATE TABLE ash.sample (sample_ts int, datid oid, active_count smallint, data int[], slot smallint)"
        " PARTITION BY LIST (slot)"
    ),
    "CREATE TABLE ash.sample_0 PARTITION OF ash.sample FOR VALUES IN (0)",
    "CREATE TABLE ash.sample_1 PARTITION OF ash.sample FOR VALUES IN (1)",
    (
        "INSERT INTO ash.sample SELECT extract(epoch FROM now() - '2026-01-01 00:00:00+00'::timestamptz)::int - ago,"
        " 5, 4, ARRAY[-3, 2, 1, 2, -4, 1, 1, -9, 1, 0], 1 FROM generate_series(1, 60) ago"
    ),
)


async def test_samples_in_the_form_of_pg_ash_are_unpacked(pg: Cluster, database: str) -> None:
    with pg.connect(database) as session:
        for statement in KEPT_BY_ASH:
            session.execute(statement.encode())
    async with console(pg, database) as reading:
        waits = Waits(Sources(reading))
        found = await waits.fetch("wait_classes")
        assert found.sampler == "pg_ash"
        shares = {row["class"]: row["m1"] for row in found.records()}
        assert shares == pytest.approx({"IO": 2.0, CPU: 1.0, IDLE_IN_TRANSACTION: 1.0}, rel=0.1)
        seen = {
            (row["class"], row["event"], row["query_id"]) for row in (await waits.fetch("wait_statements")).records()
        }
    assert seen >= {("IO", "DataFileRead", 77), ("IO", "DataFileRead", -88), (CPU, "", 77)}


async def test_a_schema_of_that_name_which_any_role_owns_is_not_read(pg_servers: Servers, any_pg: Cluster) -> None:
    del pg_servers
    name = any_pg.fresh_database()
    with any_pg.connect(name) as session:
        session.execute("CREATE SCHEMA ash AUTHORIZATION pipeline_owner")
    async with console(any_pg, name) as reading:
        waits = Waits(Sources(reading))
        assert (await waits.fetch("wait_classes")).sampler == ""


SOURCE = {"name": "pg_ash", "installed": "schema ash", "available": None, "is_loaded": True}


@pytest.mark.parametrize(
    ("trusted", "may_read", "expected"),
    [(True, True, ("pg_ash",)), (False, True, ()), (True, False, ())],
)
def test_only_what_can_be_trusted_and_read_is_read(trusted: bool, may_read: bool, expected: tuple[str, ...]) -> None:
    assert readable([{**SOURCE, "is_trusted": trusted, "may_read": may_read}]) == expected


def test_queries_for_what_is_kept_are_bounded_by_time_and_slot() -> None:
    rows = [kept(slot, "IO", times) for slot, times in ((0, 5), (2, 10), (3, 1))]
    found = looks(rows, "pg_ash", 1000.0, START)
    assert [(each.at, each.seconds, each.many, sum(each.times.values())) for each in found] == [
        (1000.0 - 2 * SLOT, SLOT, 5, 10),  # the oldest slot, which may be incomplete, does not count
        (1000.0 - SLOT, SLOT, 5, 0),  # a slot without rows: no session was active
        (1000.0, SLOT, 5, 5),
    ]
    stopped = looks([kept(slot, "IO", 5) for slot in (7, 8, 9)], "pg_ash", 1000.0, START)
    assert [each.at for each in stopped] == [1000.0 - 8 * SLOT, 1000.0 - 7 * SLOT]  # who says that it went on?
    assert looks([], "pg_ash", 1000.0, START) == ()


def kept(slot: int, class_: str, times: int) -> Record:
    session = {"backend": "client backend", "state": "active", "class": class_, "event": "DataFileRead", "pid": None}
    return {
        **session,
        "query_id": 1,
        "application": "",
        "user": "",
        "slot": slot,
        "times": times,
        "seconds": SLOT,
        "looks": 5.0,
    }


CLIENT = "client backend"
WAITING, RUNNING, BETWEEN = ("Lock", "relation", 7), (None, None, None), ("Client", "ClientRead", None)


def row(pid: int | None, times: int, event: tuple[str | None, str | None, int | None], **others: object) -> Record:
    session = {"backend": CLIENT, "state": "active", "present_id": 9, "application": "app", "user": "someone"}
    ages = {"started_ago": 500.0, "began_ago": None, "sent_ago": 400.0, "is_left_out": False, "took": 0.001}
    named = dict(zip(("class", "event", "query_id"), event, strict=True))
    return {"pid": pid, "times": times, **named, **session, **ages, **others}


def launcher(times: int) -> Record:
    return row(1, times, (None, None, None), backend="checkpointer", is_left_out=True)


def seen_between(before: list[Record], now: list[Record]) -> dict[tuple[str, str, int | None], int]:
    """What was counted in ten seconds, by class, event and statement."""
    found = counted_between(WaitProfile.of(before, 100.0), WaitProfile.of(now, 110.0))
    return {(seen.wait_class, seen.event, seen.query_id): times for seen, times in found.times.items()}


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param([row(2, 10, WAITING)], [row(2, 1010, WAITING)], {("Lock", "relation", 7): 1000}, id="waits"),
        pytest.param(
            [row(2, 10, WAITING)],
            [row(2, 410, WAITING)],
            {("Lock", "relation", 7): 400, (CPU, "", 9): 600},
            id="waits and runs",
        ),
        pytest.param([row(2, 0, RUNNING)], [row(2, 0, RUNNING)], {(CPU, "", 9): 1000}, id="runs and is not counted"),
        pytest.param([row(2, 0, RUNNING)], [row(2, 1000, RUNNING)], {(CPU, "", 9): 1000}, id="runs and is counted"),
        pytest.param([row(2, 50, BETWEEN, state="idle")], [row(2, 1050, BETWEEN, state="idle")], {}, id="idle"),
        pytest.param(
            [row(2, 50, BETWEEN, state="idle")],
            [row(2, 1050, BETWEEN, state="idle in transaction", began_ago=4.0)],
            {(IDLE_IN_TRANSACTION, "ClientRead", 9): 400},
            id="in a transaction for four of ten seconds",
        ),
        pytest.param(
            [row(2, 50, BETWEEN)], [row(2, 1050, BETWEEN)], {("Client", "ClientRead", 9): 1000}, id="copies from stdin"
        ),
        pytest.param([], [row(2, 0, RUNNING, started_ago=2.0)], {(CPU, "", 9): 200}, id="began two seconds ago"),
        pytest.param([], [row(2, 5000, WAITING, started_ago=2.0)], {}, id="has the pid of an earlier one"),
        pytest.param(
            [row(2, 10, WAITING), row(None, 30, WAITING)],
            [row(None, 60, WAITING, backend=CLIENT)],
            {("Lock", "relation", 7): 20},
            id="ended meanwhile",
        ),
        pytest.param([row(2, 1000, WAITING)], [row(2, 5, WAITING)], {}, id="the counters began again"),
        pytest.param(
            [row(2, 1, WAITING, backend=None, state=None)],
            [row(2, 9, WAITING, backend=None, state=None)],
            {},
            id="hidden",
        ),
        pytest.param([row(2, 1, WAITING, is_left_out=True)], [row(2, 9, WAITING, is_left_out=True)], {}, id="left out"),
    ],
)
def test_what_was_counted_between_two_readings(
    before: list[Record], now: list[Record], expected: Mapping[tuple[str, str, int | None], int]
) -> None:
    assert seen_between([launcher(5000), *before], [launcher(6000), *now]) == expected


def test_nothing_was_counted_where_the_extension_does_not_count_by_session() -> None:
    alone = [row(None, 5000, WAITING), row(2, 0, RUNNING)]
    assert counted_between(WaitProfile.of(alone, 100.0), WaitProfile.of(alone, 110.0)).looks == 0


def looked(second: int, seen: Mapping[SampledSession, int], source: str = "pg_wait_sampling") -> Looks:
    return Looks(source, 100.0 + second, START + second, 1.0, 100, seen)


def test_looks_and_own_samples_add_up_to_averages_of_their_seconds() -> None:
    """Ten seconds of which the server looked a hundred times each, and ten with one sample each."""
    ring = Ring()
    for second in range(10):
        seen = {SampledSession("IO", pid=1): 50, SampledSession(CPU, pid=1): 50, SampledSession("Lock", pid=2): 100}
        ring.add_looks(looked(second, seen))
    for second in range(10, 20):
        ring.add(100.0 + second, START + second, [SampledSession("IO", pid=1)])
    window = ring.window(60)
    assert window.average(lambda seen: seen.wait_class) == pytest.approx({"IO": 0.75, CPU: 0.25, "Lock": 0.5})
    assert (window.own, window.looks, window.samples, window.seen) == (10, {"pg_wait_sampling": 1000}, 20, 30)
    assert ring.size == 40  # bounded by what differs, not by how often it was looked at
    (note,) = wait_rows.notes(wait_rows.measured(ring, 60), wait_rows.Known())
    assert note.startswith("window 1m: 1000 samples of pg_wait_sampling and 10 own samples over 20s")
    _, course = ring.course(60, 20)
    assert next(slot for slot in course if slot) == pytest.approx({"IO": 0.75, CPU: 0.25, "Lock": 0.5}, rel=0.2)


def test_what_was_kept_before_fills_the_hour_and_no_more() -> None:
    ring = Ring()
    ring.add(10_000.0, START, [SampledSession("IO", pid=1)])
    slots = range(int(2 * HOUR / SLOT))
    earlier = [
        Looks("pg_ash", 9_999.0 - n * SLOT, START - 1 - n * SLOT, SLOT, 5, {SampledSession("Lock"): 10}) for n in slots
    ]
    ring.fill(earlier)
    assert (ring.last, ring.window(60).missed) == (10_000.0, 0.0)
    assert ring.span <= HOUR
    window = ring.window(900)
    assert window.average(lambda seen: seen.wait_class) == pytest.approx({"Lock": 2.0, "IO": 1 / 900}, rel=0.02)
    assert (window.own, window.looks, window.missed) == (1, {"pg_ash": 900}, 0.0)
    assert ring.query_ids == frozenset()
    (note,) = wait_rows.notes(wait_rows.measured(ring, 900), wait_rows.Known())
    assert note.startswith(f"window 15m: {counted(900, 'sample')} of pg_ash and 1 own sample over 15m")
    ring.add(10_000.0 + 2 * HOUR, START, [])  # what was filled in is dropped with its time
    assert (ring.size, ring.kinds) == (0, 0)


def test_a_time_in_which_nobody_sampled_is_missing_whatever_took_the_samples() -> None:
    ring = Ring()
    ring.add(100.0, START, [])
    ring.add_looks(Looks("pg_wait_sampling", 130.0, START + 30, 4.0, 400, {}))
    assert ring.window(60).missed == pytest.approx(26.0)
    ring.fill([Looks("pg_ash", 126.0 - n * SLOT, START, SLOT, 5, {}) for n in range(5)])
    assert ring.window(60).missed == 0.0
