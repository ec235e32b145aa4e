"""Replication: receivers, slots, the standby itself, subscriptions; and the replay that is resumed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from console.actions.maintenance.prewarm import PREWARM
from console.actions.replication.resume_replay import RESUME_REPLAY
from console.model import Kind, Level, Limit, Outcome, Prewarm, Record, Trouble, View
from console.panes.replication import SENDERS, SLOTS, SUBSCRIPTIONS
from console.panes.standby import CONFLICTS, RECEIVER
from console.reading.reader import Reader
from console.rules.diagnoses import DIAGNOSES
from console.running.trail.audit import Trail
from console.watching.observer import Observer
from tests.acting import Desk
from tests.activity import Sessions, console, other_sessions  # noqa: F401  a fixture, found by name
from tests.faults.servers import faulty
from tests.faults.soon import standby_that_reads_nothing
from tests.faults.stage import Stage
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.standbys import standby_of
from tests.waiting import eventually, wait


@pytest.fixture(scope="module", name="pg")
def own_server(pg: Cluster, pg_servers: Servers) -> Iterator[Cluster]:
    with faulty(pg_servers, pg.major) as server:
        yield server


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    return Desk(pg, database, Trail(tmp_path / "audit.jsonl"))


async def rows(server: Cluster, view: View, database: str = "postgres", user: str = "postgres") -> list[Record]:
    """What the view shows to this role."""
    async with console(server, database, user) as reading:
        taken = await Reader(view).read(reading)
    return [row for row in taken.records() if view.where is None or view.where(row)]


def level(view: View, column: str, row: Record) -> Level:
    """How serious the cell is."""
    [found] = [each for each in view.columns if each.name == column]
    assert found.rule is not None
    return found.rule.level(row[column])


async def test_a_standby_that_lags_is_shown_with_the_stage_at_which_its_wal_is(desk: Desk, sessions: Sessions) -> None:
    with standby_that_reads_nothing(Stage(desk, sessions)):
        [row] = await rows(desk.cluster, SENDERS)
    assert row["application"] == "standby1"
    assert row["state"] in {"catchup", "streaming"}
    assert row["sync_state"] == "async"
    behind = int(str(row["lag_bytes"]))
    assert behind > 0
    stages = [int(str(row[stage])) for stage in ("unsent", "unwritten", "unflushed", "unreplayed")]
    assert sum(stages) == behind


async def test_a_role_without_pg_monitor_reads_that_senders_are_hidden(desk: Desk, sessions: Sessions) -> None:
    with standby_that_reads_nothing(Stage(desk, sessions)):
        async with console(desk.cluster, desk.database, "pipeline_app") as reading:
            taken = await Reader(SENDERS).read(reading)
        [seen] = await rows(desk.cluster, SENDERS, user="pipeline_monitor")
    assert ["pg_monitor" in note for note in taken.notes] == [True]
    assert seen["state"]


async def test_a_slot_that_nobody_uses_shows_the_wal_it_retains_and_since_when(desk: Desk) -> None:
    desk.do("SELECT pg_create_physical_replication_slot('standby2', true)")
    desk.do("SELECT pg_create_logical_replication_slot('feed', 'pgoutput')")
    desk.do("CREATE TABLE load AS SELECT g FROM generate_series(1, 10000) g")
    try:
        found = {row["slot_name"]: row for row in await rows(desk.cluster, SLOTS)}
    finally:
        desk.do("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    assert (found["feed"]["slot_type"], found["feed"]["database"]) == ("logical", desk.database)
    standby = found["standby2"]
    assert int(str(standby["retained"])) > 100_000
    assert (standby["active_pid"], standby["wal_status"]) == (None, "reserved")
    assert (standby["inactive_age"] is not None) is (desk.cluster.major >= 17)
    assert level(SLOTS, "wal_status", standby) is Level.OK
    assert level(SLOTS, "wal_status", {"wal_status": "unreserved"}) is Level.CRITICAL
    assert level(SLOTS, "wal_status", {"wal_status": "lost"}) is Level.WARNING


async def test_a_primary_shows_no_receiver_and_no_conflicts(desk: Desk) -> None:
    assert await rows(desk.cluster, RECEIVER) == []
    assert await rows(desk.cluster, CONFLICTS) == []


async def test_a_subscription_shows_its_worker_and_one_that_is_off_that_it_is(desk: Desk) -> None:
    desk.do("CREATE TABLE item (id int PRIMARY KEY)", "CREATE PUBLICATION p FOR TABLE item")
    subscriber = desk.cluster.fresh_database()
    there = replace(desk, database=subscriber)
    desk.do("SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
    password = desk.cluster.passfile.read_text().split(":")[4].split("\n")[0]
    source = psycopg.conninfo.make_conninfo(
        host=desk.cluster.host, port=desk.cluster.port, user="postgres", dbname=desk.database, password=password
    )
    options = "WITH (create_slot = false, slot_name = s, copy_data = false)"
    try:
        there.do("CREATE TABLE item (id int PRIMARY KEY)")
        there.do(f"CREATE SUBSCRIPTION s CONNECTION '{source}' PUBLICATION p {options}")

        async def runs() -> bool:
            [row] = await rows(desk.cluster, SUBSCRIPTIONS, subscriber, "pipeline_monitor")
            return (row["status"], row["worker"]) == ("running", "apply") and row["message_age"] is not None

        await eventually(runs)
        there.do("ALTER SUBSCRIPTION s DISABLE")

        async def is_off() -> bool:
            [row] = await rows(desk.cluster, SUBSCRIPTIONS, subscriber)
            return (row["status"], row["pid"]) == ("disabled", None)

        await eventually(is_off)
        [row] = await rows(desk.cluster, SUBSCRIPTIONS)
        assert (row["subscription"], row["database"]) == ("s", subscriber)
        assert (row["apply_errors"] is not None) is (desk.cluster.major >= 15)
    finally:
        there.do("ALTER SUBSCRIPTION s SET (slot_name = NONE)", "DROP SUBSCRIPTION s")
        wait(lambda: not desk.ask("SELECT bool_or(active) FROM pg_replication_slots"))
        desk.do("SELECT pg_drop_replication_slot('s')")
        desk.cluster.drop_database(subscriber)
    assert level(SUBSCRIPTIONS, "status", {"status": "no worker"}) is Level.WARNING


@pytest.fixture(scope="module")
def standby(pg: Cluster, pg_servers: Servers) -> Iterator[Cluster]:
    with standby_of(pg_servers, pg) as server:
        yield server


@pytest.fixture
def paused(standby: Cluster, tmp_path: Path) -> Iterator[Desk]:
    """The standby with its replay paused, judged from one byte of lag on."""
    desk = Desk(standby, "postgres", Trail(tmp_path / "audit.jsonl"))
    limits = {**desk.settings.thresholds, "replication_lag_bytes": Limit(1)}
    desk.do("SELECT pg_wal_replay_pause()")
    wait(lambda: desk.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")
    yield replace(desk, settings=replace(desk.settings, thresholds=limits))
    desk.do("SELECT pg_wal_replay_resume()")


async def test_a_paused_replay_is_marked_and_is_the_finding_that_resuming_it_clears(
    pg: Cluster, paused: Desk, tmp_path: Path
) -> None:
    with pg.connect() as primary:
        primary.execute("SELECT pg_logical_emit_message(false, 'x', repeat('x', 100000))")
        primary.execute("SELECT pg_switch_wal()")

    async def lags() -> bool:
        [row] = await rows(paused.cluster, RECEIVER, user="pipeline_monitor")
        assert row["replay"] == "paused"
        assert level(RECEIVER, "replay", row) is Level.WARNING
        return int(str(row["lag_bytes"])) > 0 and row["receiver"] == "streaming"

    await eventually(lags)
    async with paused.workspace() as workspace:
        observer = Observer(workspace.sources, DIAGNOSES, paused.settings.thresholds, {}, ())
        [found] = [
            finding for finding in (await observer.look(everything=True)).findings if finding.rule == "replication-lag"
        ]
        assert "its replay is paused" in found.sentence
        assert found.evidence[0].view == RECEIVER.name
        [fix] = found.fixes
        assert fix.action == RESUME_REPLAY.name
        plan = await workspace.plan(RESUME_REPLAY, fix.parameters)
        assert "of WAL" in plan.steps[0].estimate
        run = await workspace.run(plan)
        assert run.outcome is Outcome.DONE, run.message

        async def is_clear() -> bool:
            verdict = await observer.look(everything=True)
            return "replication-lag" not in {finding.rule for finding in verdict.findings}

        await eventually(is_clear)
        assert not (await workspace.plan(RESUME_REPLAY, {})).steps
    assert paused.ask("SELECT pg_get_wal_replay_pause_state()") == "not paused"
    assert "resume-replay" in paused.trail.path.read_text(encoding="utf-8")


async def test_the_replay_is_resumed_by_those_who_may_and_not_at_a_recovery_target(paused: Desk) -> None:
    mine = replace(paused, user="pipeline_app")
    with pytest.raises(Trouble, match=r"lacks EXECUTE on pg_wal_replay_resume") as caught:
        await mine.plan(RESUME_REPLAY)
    assert "GRANT EXECUTE" in caught.value.remedy
    paused.do("ALTER SYSTEM SET recovery_target_name = 'before the release'")
    try:
        paused.cluster.restart()
        wait(lambda: paused.ask("SELECT pg_is_in_recovery()"))
        paused.do("SELECT pg_wal_replay_pause()")
        with pytest.raises(Trouble, match=r"recovery_target_name is set") as caught:
            await paused.plan(RESUME_REPLAY)
        assert caught.value.kind is Kind.REFUSED
    finally:
        paused.do("ALTER SYSTEM RESET recovery_target_name", "SELECT pg_wal_replay_resume()")
        paused.cluster.restart()


async def test_a_primary_refuses_to_resume_what_it_does_not_replay(desk: Desk) -> None:
    with pytest.raises(Trouble, match=r"This server is a primary: run resume-replay on its standby\.") as caught:
        await desk.plan(RESUME_REPLAY)
    assert caught.value.kind is Kind.REFUSED


async def test_a_query_that_the_replay_cancels_is_counted_by_its_reason(desk: Desk, standby: Cluster) -> None:
    desk.do("CREATE TABLE item AS SELECT g FROM generate_series(1, 1000) g")
    there = Desk(standby, "postgres", desk.trail)
    there.do("ALTER SYSTEM SET max_standby_streaming_delay = 0", "SELECT pg_reload_conf()")
    wait(lambda: standby_has(standby, desk.database))
    with closing(standby.connect(desk.database)) as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        wait(lambda: reader.execute("SELECT to_regclass('item')").fetchone())
        reader.execute("SELECT count(*) FROM item")
        desk.do("DELETE FROM item", "VACUUM item")

        async def is_counted() -> bool:
            found = {row["database"]: row for row in await rows(standby, CONFLICTS, user="pipeline_monitor")}
            return desk.database in found and found[desk.database]["snapshots"] == 1

        await eventually(is_counted)
    there.do("ALTER SYSTEM RESET max_standby_streaming_delay", "SELECT pg_reload_conf()")


async def test_blocks_are_loaded_on_a_standby_too(desk: Desk, standby: Cluster) -> None:
    desk.do("CREATE EXTENSION pg_prewarm", "CREATE TABLE item AS SELECT g FROM generate_series(1, 1000) g")
    wait(lambda: standby_has(standby, desk.database))
    run = await replace(desk, cluster=standby).run(PREWARM, table="item")
    assert run.outcome is Outcome.DONE, run.message
    loads = [step.execution.blocks for step in run.plan.steps if isinstance(step.execution, Prewarm)]
    assert [step.rows for step in run.steps] == loads != []


def standby_has(standby: Cluster, database: str) -> bool:
    """Whether the standby has replayed that the database and its table exist."""
    try:
        with standby.connect(database) as connection:
            return bool((connection.execute("SELECT to_regclass('item') IS NOT NULL").fetchone() or (False,))[0])
    except psycopg.OperationalError:
        return False
