"""Named replicas: each asked itself and compared with its primary, on true streaming standbys."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from console.actions import action
from console.actions.indexes.drop_and_repair import DROP_INDEX
from console.doctor import replicas
from console.doctor.check import Status
from console.model import Fix, Kind, Limit, Outcome, Record, Trouble
from console.panes.bloat import BLOAT
from console.panes.capacity import CAPACITY
from console.panes.indexes import INDEXES
from console.panes.replicas import REPLICAS
from console.reading.reader import Reader, keys
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.sources.replicas import comparing
from console.sources.replicas.comparing import RUNS, Primary, ReplicaReading, WalCourse
from console.watching.observer import Observer
from console.workspace import Workspace
from tests.acting import Desk
from tests.screens import console, shows
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.standbys import Standby, streaming
from tests.waiting import eventually, wait

LIMITS = dict.fromkeys(comparing.NOT_LOWER, 100)
PRIMARY = {"system_identifier": "7", "standby": False, "started": 1.0, "timeline": 3, "position": 5000, **LIMITS}
REPLICA = {
    "system_identifier": "7",
    "standby": True,
    "started": 2.0,
    "timeline": 3,
    "position": 5000,
    "replayed": 5000,
    "replay": RUNS,
    "receiver_pid": 9,
    "receiver": "streaming",
    "streams": True,
    "slot": None,
    "delay": 0.0,
    "application": "walreceiver",
    "address": "10.0.0.2",
    "replayed_age": 3600.0,
    **LIMITS,
}
SENDER = {"pid": 1, "slot": None, "application": "walreceiver", "client": "10.0.0.2", "lag_seconds": None}


def row_of(own: Record, *senders: Record, course: WalCourse | None = None, **primary: object) -> Record:
    """What the pane shows of a replica that says `own`, at 1000 s."""
    here = Primary({**PRIMARY, **primary}, [{**SENDER, "sync_state": "async", **sender} for sender in senders])
    row = comparing.answered("analytics", ReplicaReading({**REPLICA, **own}, 1000.0), here, course or WalCourse())
    return dict(zip(comparing.COLUMNS, row, strict=True))


@pytest.mark.parametrize(
    ("own", "state"),
    [
        ({}, "streaming"),
        ({"receiver": None}, "receiving"),  # hidden from the role
        ({"receiver_pid": None, "receiver": None}, "disconnected"),
        ({"receiver_pid": None, "receiver": None, "streams": False}, "archive"),
        ({"receiver_pid": None, "receiver": None, "streams": None}, "disconnected"),
        ({"replay": "paused"}, "paused"),
        ({"replay": "pause requested"}, "paused"),
        ({"replay": "paused", "receiver_pid": None}, "paused"),
        ({"standby": False, "timeline": 4}, "promoted"),
        ({"standby": False, "started": 1.0}, "primary"),
        ({"system_identifier": "8"}, "other cluster"),
        ({"system_identifier": "8", "standby": False}, "other cluster"),
    ],
)
def test_a_replica_that_answers_is_named_for_what_it_is(own: Record, state: str) -> None:
    assert row_of(own)["state"] == state


def test_the_primary_of_a_standby_is_named_as_such() -> None:
    assert row_of({"standby": False}, standby=True)["state"] == "primary"


@pytest.mark.parametrize(
    ("own", "measured", "seen", "seconds"),
    [
        ({}, 12.0, 400.0, 0.0),  # nothing is missing, whatever was measured before
        ({"replayed": 4000}, 0.2, None, 0.2),
        ({"replayed": 4000}, 0.2, 45.0, 45.0),  # the replay stands still, and so does what was measured
        ({"replayed": 4000, "replayed_age": 30.0}, 0.2, 45.0, 30.0),
        ({"replayed": 4000, "replayed_age": None}, None, 45.0, 45.0),
        ({"replayed": 4000}, None, None, 3600.0),  # all that a single look can say
        ({"replayed": 4000, "replayed_age": None}, None, None, None),
        ({"replayed": None}, 0.2, None, None),
    ],
)
def test_the_lag_in_seconds_is_as_much_as_is_known(
    own: Record, measured: float | None, seen: float | None, seconds: float | None
) -> None:
    course = WalCourse()
    if seen is not None:
        course.add(900.0 - seen, 4000)
        course.add(1000.0 - seen, 4500)
    course.add(1000.0, 5000)
    row = row_of(own, {"lag_seconds": measured}, course=course if seen is not None else None)
    assert row["lag_seconds"] == seconds


def test_a_delay_on_purpose_is_shown_and_not_judged() -> None:
    row = row_of({"replayed": 4000, "replayed_age": 305.0, "delay": 300.0})
    assert (row["lag_seconds"], row["late_seconds"]) == (305.0, 5.0)
    assert "recovery_min_apply_delay is 5" in str(row["reason"])


def test_positions_before_the_last_one_are_of_another_timeline() -> None:
    course = WalCourse()
    course.add(1.0, 9000)
    course.add(2.0, 500)
    assert course.ahead_of(400, 10.0) == 8.0
    assert course.ahead_of(500, 10.0) is None


@pytest.mark.parametrize(
    ("own", "senders", "pid"),
    [
        ({}, [{}], 1),
        ({}, [{"client": "10.0.0.9"}], 1),  # behind a translated address
        ({}, [{"client": "10.0.0.9"}, {"pid": 2}], 2),
        ({}, [{"client": "10.0.0.9"}, {"client": "10.0.0.8", "pid": 2}], None),
        ({}, [{}, {"pid": 2}], None),
        ({"slot": "b"}, [{"slot": "a"}, {"pid": 2, "slot": "b"}], 2),
        ({"application": "other"}, [{}], None),
        ({"receiver_pid": None}, [{}], None),
    ],
)
def test_a_replica_is_found_among_the_senders_by_slot_or_name_and_address(
    own: Record, senders: list[Record], pid: int | None
) -> None:
    assert row_of(own, *senders)["sender_pid"] == pid


def test_lower_settings_are_listed_with_both_values() -> None:
    row = row_of({"max_connections": 50, "max_wal_senders": 200})
    assert (row["lower"], row["is_lower"]) == ("max_connections 50 < 100", True)
    assert "lower than on the primary" in str(row["reason"])
    assert row_of({"system_identifier": "8", "max_connections": 50})["is_lower"] is False


def test_without_an_answer_of_the_primary_a_replica_still_says_what_it_is() -> None:
    row = comparing.answered("analytics", ReplicaReading({**REPLICA, "replayed": 4000}, 1000.0), None, WalCourse())
    found = dict(zip(comparing.COLUMNS, row, strict=True))
    assert (found["state"], found["lag_bytes"], found["primary_timeline"]) == ("streaming", 1000, None)


HEALTHY = {
    **dict.fromkeys(comparing.COLUMNS),
    "replica": "analytics",
    "state": "streaming",
    "slot": "s",
    "feedback": "on",
    "query_delay": "30s",
    "is_lower": False,
    "lower": "",
    "timeline": 1,
    "reason": "",
}
BOUNDED = {"max_slot_wal_keep_size": "4096"}


@pytest.mark.parametrize(
    ("row", "primary", "name", "state", "words"),
    [
        ({}, BOUNDED, "slot", Status.OK, "max_slot_wal_keep_size = 4096 MB"),
        ({}, {"max_slot_wal_keep_size": "-1"}, "slot", Status.LIMITED, "ALTER SYSTEM SET max_slot_wal_keep_size"),
        ({"wal_status": "lost"}, BOUNDED, "slot", Status.CANNOT, "invalidated"),
        ({"slot": None}, BOUNDED, "slot", Status.LIMITED, "pg_create_physical_replication_slot"),
        ({"state": "gone", "reason": "No server"}, {}, "reached", Status.CANNOT, "No server"),
        ({"state": "promoted", "reason": "timeline 2"}, {}, "follows", Status.CANNOT, "timeline 2"),
        ({"state": "paused"}, {}, "follows", Status.LIMITED, "pg_wal_replay_resume()"),
        ({}, {}, "follows", Status.OK, "timeline 1"),
        ({"is_lower": True, "lower": "max_connections 5 < 9"}, {}, "settings", Status.LIMITED, "max_connections 5 < 9"),
        ({}, {}, "settings", Status.OK, ""),
        ({}, {}, "queries", Status.OK, "keeps dead rows"),
        ({"feedback": "off"}, {}, "queries", Status.LIMITED, "more than 30s are cancelled"),
        ({"query_delay": "-1"}, {}, "queries", Status.LIMITED, "without limit"),
        ({"manager": "Patroni"}, {}, "failover", Status.OK, "Patroni promotes"),
        ({}, {}, "failover", Status.OK, "No failover manager"),
    ],
)
def test_the_doctor_says_what_a_replica_lacks_and_what_changes_it(
    row: Record, primary: dict[str, str], name: str, state: Status, words: str
) -> None:
    (check,) = [check for check in replicas.judge({**HEALTHY, **row}, primary) if check.name == name]
    assert check.state is state
    assert words in f"{check.what} {check.why} {check.remedy}"


@pytest.fixture(scope="module", name="primary")
def own_server(pg: Cluster, pg_servers: Servers) -> Iterator[Cluster]:
    if pg_servers.choices[pg.major].installation is None:
        pytest.skip("needs a server with settings of its own")
    server = pg_servers.new(pg.major, {})
    yield server
    server.stop()


@pytest.fixture(scope="module")
def standby(primary: Cluster, pg_servers: Servers) -> Iterator[Standby]:
    with primary.connect() as connection:
        connection.execute("SELECT pg_create_physical_replication_slot('analytics_slot', true)")
    with streaming(pg_servers, primary, "analytics_slot") as made:
        yield made


@pytest.fixture
def desk(primary: Cluster, standby: Standby, tmp_path: Path) -> Desk:
    standby.catch_up()
    where = f"host={standby.server.host} port={standby.server.port}"
    return Desk(primary, "postgres", Trail(tmp_path / "audit.jsonl"), replicas=(("analytics", where),))


async def states(workspace: Workspace) -> dict[str, Record]:
    taken = await Reader(REPLICAS).read(workspace.sources.named("replicas"))
    return {str(row["replica"]): row for row in taken.records()}


async def state(workspace: Workspace) -> Record:
    return (await states(workspace))["analytics"]


@contextmanager
def frozen(standby: Standby) -> Iterator[None]:
    """The standby accepts connections and answers nothing, as behind a network that is dead."""
    pid = int((standby.process.data / "postmaster.pid").read_text().splitlines()[0])
    with standby.server.connect() as session:
        [(pids,)] = session.execute("SELECT array_agg(pid) FROM pg_stat_activity").fetchall()
    stopped = [pid, *(each for each in pids if Path(f"/proc/{each}").exists())]
    for each in stopped:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in stopped:
            if Path(f"/proc/{each}").exists():
                os.kill(each, signal.SIGCONT)


@pytest.mark.pg(">= 18")  # on each version: the faults of test_rules
async def test_an_idle_replica_is_not_behind_and_both_sides_are_one_row(desk: Desk, standby: Standby) -> None:
    async with desk.workspace() as workspace:
        row = await state(workspace)
        sender = desk.ask("SELECT pid FROM pg_stat_replication")
        assert (row["state"], row["lag_bytes"], row["lag_seconds"]) == ("streaming", 0, 0.0)
        assert (row["sender_pid"], row["sync_state"], row["slot"]) == (sender, "async", "analytics_slot")
        assert row["retained"] is not None
        assert row["timeline"] == row["primary_timeline"] == 1
        assert (row["conflicts"], row["lower"]) == (0, "")
        found = {check.name: check for check in await replicas.checks(workspace.sources)}
        assert {check.where for check in found.values()} == {"analytics"}
        assert found["slot"].remedy.startswith("ALTER SYSTEM SET max_slot_wal_keep_size")
        with desk.cluster.connect(application_name="Patroni heartbeat"):
            taken = await Reader(REPLICAS).read(workspace.sources.named("replicas"))
            assert taken.notes == ("failover is managed by Patroni",)
    async with replace(desk, user="pipeline_monitor").workspace() as workspace:
        assert (await state(workspace))["state"] == "streaming"
    async with replace(desk, replicas=()).workspace() as workspace:
        assert await replicas.checks(workspace.sources) == ()
    async with replace(desk, user="pipeline_app").workspace() as workspace:
        taken = await Reader(REPLICAS).read(workspace.sources.named("replicas"))
        assert [why.lacks.grants for why in taken.hidden] == [("pg_monitor",)]
        assert taken.values("state") == ("receiving",)


@pytest.mark.pg(">= 18")
async def test_a_replica_that_answers_nothing_delays_neither_the_others_nor_the_end(
    desk: Desk, standby: Standby
) -> None:
    here = f"host={desk.cluster.host} port={desk.cluster.port}"
    async with replace(desk, replicas=(*desk.replicas, ("here", here), ("", "host=127.0.0.1 port=1"))).workspace() as (
        workspace
    ):
        before = await states(workspace)
        assert {name: row["state"] for name, row in before.items()} == {
            "analytics": "streaming",
            "here": "primary",
            "127.0.0.1:1": "gone",
        }
        with frozen(standby):
            now = await states(workspace)
            assert now["analytics"]["state"] == "gone"
            assert "has not answered" in str(now["analytics"]["reason"])
            assert now["here"]["state"] == "primary"

        async def is_back() -> bool:
            return (await state(workspace))["state"] == "streaming"

        await eventually(is_back)


@pytest.mark.pg(">= 18")
async def test_a_connection_that_was_lost_alone_is_no_fault(desk: Desk, standby: Standby) -> None:
    async with desk.workspace() as workspace:
        await state(workspace)
        with standby.server.connect() as there:
            there.execute(
                "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name LIKE 'pipeline%'"
            )
        assert (await state(workspace))["state"] == "streaming"


@pytest.mark.pg(">= 18")
async def test_the_replicas_are_shown_when_their_primary_is_gone(desk: Desk, standby: Standby) -> None:
    async with desk.workspace() as workspace:
        await state(workspace)
        desk.cluster.stop()
        try:

            async def is_alone() -> bool:
                return (await state(workspace))["state"] == "disconnected"

            await eventually(is_alone)
            taken = await workspace.sources.named("replicas").fetch("replica_states")
            assert [why.kind for why in taken.hidden] == [Kind.UNREACHABLE]
        finally:
            desk.cluster.start()
        wait(standby.receives)


def scanned(server: Cluster, database: str) -> None:
    """A session that reads two rows by the index, one after the other, and has reported it."""
    with server.connect(database) as session:
        session.execute("SET enable_seqscan = off")
        for number in (1, 2):
            session.execute("SELECT * FROM item WHERE n = %s", (number,))
        with suppress(psycopg.Error):  # 15 and later
            session.execute("SELECT pg_stat_force_next_flush()")


async def verdict(workspace: Workspace, index: str) -> Record:
    taken = await Reader(INDEXES.view("all"), workspace.sources.named).read(workspace.sources.postgres)
    return next(row for row in taken.records() if row["index"] == index)


@pytest.mark.pg(">= 18")
async def test_an_index_that_only_a_replica_uses_is_in_use_and_unknown_while_that_cannot_be_asked(
    desk: Desk, primary: Cluster, standby: Standby
) -> None:
    database = primary.fresh_database()
    desk = replace(desk, database=database)
    limits = {**desk.settings.thresholds, "index_counted_days": Limit(0, below=True)}
    desk = replace(desk, settings=replace(desk.settings, thresholds=limits))
    desk.do("CREATE TABLE item AS SELECT g AS n FROM generate_series(1, 1000) g", "CREATE INDEX by_n ON item (n)")
    standby.catch_up()
    async with desk.workspace() as workspace:
        assert (await verdict(workspace, "public.by_n"))["replica_scans"] == 0
        assert "by_n is unused" in str((await workspace.plan(DROP_INDEX, {"index": "by_n"})).notes)
    standby.catch_up()
    scanned(standby.server, database)
    async with desk.workspace() as workspace:

        async def is_used() -> bool:
            row = await verdict(workspace, "public.by_n")
            return (row["scans"], row["replica_scans"], row["verdict"]) == (0, 2, "in use")

        await eventually(is_used)
        (note,) = [note for note in (await workspace.plan(DROP_INDEX, {"index": "by_n"})).notes if "by_n" in note]
        assert "by_n is in use: scanned on analytics only" in note
    elsewhere = replace(desk, replicas=(("analytics", f"{desk.replicas[0][1]} dbname=postgres"),))
    async with elsewhere.workspace() as workspace:
        row = await verdict(workspace, "public.by_n")
        assert row["verdict"] == "not yet known"
        assert f"to database postgres, not to {database}" in str(row["reason"])
    gone = replace(desk, replicas=(*desk.replicas, ("far", "host=127.0.0.1 port=1")))
    gone.do("CREATE INDEX by_n_too ON item ((n + 1))")
    async with gone.workspace() as workspace:
        row = await verdict(workspace, "public.by_n_too")
        assert row["verdict"] == "not yet known"
        assert "replica far: " in str(row["reason"])
        observer = Observer(workspace.sources, DIAGNOSES, limits)
        found = {each.rule: each.why for each in (await observer.look(everything=True)).unknown}
        assert "replica far: " in found["unused-index"]


@pytest.mark.pg(">= 18")
async def test_heavy_reads_are_answered_by_the_replica_and_by_the_primary_while_that_cannot(
    desk: Desk, primary: Cluster, standby: Standby
) -> None:
    database = primary.fresh_database()
    desk = replace(desk, database=database, heavy_reads="analytics")
    desk.do("CREATE TABLE item AS SELECT g AS n FROM generate_series(1, 10000) g", "ANALYZE item")
    standby.catch_up()

    async def shown() -> tuple[Record, str]:
        async with desk.workspace() as workspace:
            view = BLOAT.view("tables")
            reader, source = Reader(view, workspace.sources.named), workspace.sources.of(BLOAT, view)
            taken = await reader.read(source)
            taken = await reader.fill(source, keys(taken, view.key)) or taken
            (row,) = [row for row in taken.records() if row["table"] == "public.item"]
            growth = await workspace.sources.of(CAPACITY).fetch(CAPACITY.views[0].query)
            (note,) = {note for note in (*taken.notes, *growth.notes) if note.startswith("read on")}
            return row, note

    there = replace(desk, cluster=standby.server)
    size = "SELECT pg_total_relation_size('item')"
    assert there.ask(size) < desk.ask(size)  # the primary adds empty pages ahead
    row, note = await shown()
    assert (row["total_size"], row["approximate"]) == (there.ask(size), "")
    assert row["bloat_pct"] is not None
    assert note == "read on replica analytics, 0.0s behind"
    statements = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'pip%'"
    )
    assert there.ask(statements) == 0  # the connections there were closed
    standby.stop()
    try:
        row, note = await shown()
        assert row["total_size"] == desk.ask(size)
        assert note.startswith("read on the primary, because replica analytics: ")
    finally:
        standby.start()


@pytest.mark.pg(">= 18")
async def test_every_page_of_a_table_is_read_on_the_replica_and_on_the_primary_while_that_cannot(
    desk: Desk, primary: Cluster, standby: Standby
) -> None:
    database = primary.fresh_database()
    desk = replace(desk, database=database)
    desk.do(
        "CREATE EXTENSION pgstattuple",
        "CREATE TABLE item WITH (autovacuum_enabled = off) AS SELECT g AS n FROM generate_series(1, 10000) g",
        "DELETE FROM item WHERE n <= 3000",
        "ANALYZE item",
    )
    standby.catch_up()

    async def shown(note: str) -> str:
        uri = primary.uri(database)
        async with console(uri, (160, 45), replicas=desk.replicas, heavy_reads="analytics") as (_, pilot):
            await pilot.press(BLOAT.key)
            await shows(pilot, "autovacuum off")
            await pilot.press("slash", *"verdict~off", "enter")
            await shows(pilot, "1 of ")
            await pilot.press("enter")
            return await shows(pilot, "exact dead", "3000 rows", note)

    await shown("read on replica analytics, ")
    standby.stop()
    try:
        await shown("read on the primary, because replica")
    finally:
        standby.start()


async def test_the_replay_of_a_replica_is_resumed_from_the_console_of_its_primary(desk: Desk, standby: Standby) -> None:
    there = replace(desk, cluster=standby.server, database="postgres")
    there.do("SELECT pg_wal_replay_pause()")
    wait(lambda: there.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")
    async with desk.workspace() as workspace:
        observer = Observer(workspace.sources, DIAGNOSES, {})

        async def fixes() -> list[Fix]:
            findings = (await observer.look(everything=True)).findings
            return [fix for each in findings if each.rule == "replica-paused" for fix in each.fixes]

        await eventually(fixes)
        (fix,) = await fixes()
        plan = await workspace.plan(action(fix.action), fix.parameters)
        place = f"{standby.server.host}:{standby.server.port}"
        assert plan.notes[0] == f"Runs on replica analytics ({place}), not on the primary."
        run = await workspace.run(plan)
        assert run.outcome is Outcome.DONE, run.message
        assert there.ask("SELECT pg_get_wal_replay_pause_state()") == "not paused"
        assert not (await workspace.plan(action("resume-replay"), {"replica": "analytics"})).steps
        with pytest.raises(Trouble, match=r"No replica is named elsewhere\.") as caught:
            await workspace.plan(action("resume-replay"), {"replica": "elsewhere"})
        assert caught.value.kind is Kind.USAGE
    (entry,) = [entry for entry in desk.trail.entries() if entry["event"] == "start"]
    assert entry["parameters"] == {"replica": "analytics"}
    assert (entry["server"], entry["standby"]) == ("analytics", True)


async def test_a_wrong_uri_of_a_replica_repeats_none_of_it(desk_of_nothing: Desk) -> None:
    with pytest.raises(Trouble) as caught:
        replace(desk_of_nothing, replicas=(("x", "host=a password=hush nonsense"),)).workspace()
    assert caught.value.kind is Kind.USAGE
    assert "hush" not in str(caught.value)


@pytest.fixture
def desk_of_nothing(any_pg: Cluster, tmp_path: Path) -> Desk:
    return Desk(any_pg, "postgres", Trail(tmp_path / "audit.jsonl"))
