"""cancel-backend, terminate-backend, terminate-idle: only who was meant, only who may be hit, and whether it helped."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from console.actions.sessions.end_sessions import CANCEL_BACKEND, TERMINATE_BACKEND, TERMINATE_IDLE
from console.cli.plan_text import plan_text
from console.model import Kind, Outcome, Trouble
from console.panes import PANES
from console.rules.findings.wording import terminate_idle
from console.running.plan_lines import plan_lines
from console.running.trail.audit import Trail
from tests.acting import Desk
from tests.activity import Sessions, console
from tests.ending import desk_of_a_superuser, pid, sessions_of_others  # noqa: F401  fixtures, found by name
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.waiting import wait

ENDING = {CANCEL_BACKEND.name, TERMINATE_BACKEND.name}
STARTS = {"backend_start", "blocking_start"}
SEEN = {"statement_start", "transaction_start"}
WITHOUT_IDLE = {"progress", "vacuum"}  # panes in which every session runs something


def alive(desk: Desk, *pids: int) -> int:
    return int(desk.ask(f"SELECT count(*) FROM pg_stat_activity WHERE pid IN ({', '.join(map(str, pids))})"))


def state(desk: Desk, number: int) -> str:
    return str(desk.ask(f"SELECT max(state) FROM pg_stat_activity WHERE pid = {number}"))


def started(desk: Desk, number: int) -> str:
    return str(desk.ask(f"SELECT backend_start FROM pg_stat_activity WHERE pid = {number}"))


def busy(desk: Desk, others: Sessions, statement: str = "SELECT pg_sleep(60)", **options: Any) -> int:
    session = others.open(**options)
    others.run(session, statement)
    wait(lambda: state(desk, pid(session)) == "active")
    return pid(session)


def idle_in_transaction(others: Sessions, **options: Any) -> psycopg.Connection[Any]:
    session = others.open(**options)
    session.execute("BEGIN")
    return session


async def test_a_cancel_ends_the_statement_and_leaves_the_session(desk: Desk, others: Sessions) -> None:
    number = busy(desk, others)
    run = await desk.run(CANCEL_BACKEND, pid=str(number), started=started(desk, number))
    assert run.outcome is Outcome.DONE, run.message
    assert run.steps[0].rows == 1
    assert state(desk, number) == "idle"


async def test_a_marked_set_is_one_plan_that_shows_each_session(desk: Desk, others: Sessions) -> None:
    numbers = [busy(desk, others, application_name=f"report {each}") for each in range(3)]
    pids, since = ",".join(map(str, numbers)), ",".join(started(desk, each) for each in numbers)
    made = await desk.plan(TERMINATE_BACKEND, pid=pids, started=since)
    assert made.table is not None
    assert set(made.table.values("application")) == {"report 0", "report 1", "report 2"}
    run = await desk.run(TERMINATE_BACKEND, pid=pids, started=since)
    assert (run.outcome, run.steps[0].rows) == (Outcome.DONE, 3)
    assert alive(desk, *numbers) == 0


async def test_a_plan_shows_who_and_what_a_session_is_in_full(desk: Desk, others: Sessions) -> None:
    long = f"SELECT pg_sleep(600),\n  '{'x' * 700}' AS padding"
    number = busy(desk, others, long, application_name="report")
    shown = [line.text for line in plan_lines(await desk.plan(TERMINATE_BACKEND, pid=str(number)))]
    for name, value in (("user", desk.user), ("database", desk.database), ("application", "report")):
        assert any(line.split() == [name, value] for line in shown), name
    assert any(line.startswith("client ") and "127.0.0.1" in line for line in shown)
    assert any(line.startswith("state age ") and "second" in line for line in shown)
    at = shown.index("query")
    assert shown[at + 1 : at + 3] == long.split("\n")


async def test_a_session_that_is_marked_twice_is_hit_once(desk: Desk, others: Sessions) -> None:
    number = busy(desk, others)
    since = started(desk, number)
    run = await desk.run(TERMINATE_BACKEND, pid=f"{number},{number}", started=f"{since},{since}")
    assert (run.outcome, run.steps[0].rows) == (Outcome.DONE, 1)


async def test_a_later_session_with_the_same_pid_is_not_hit(desk: Desk, others: Sessions) -> None:
    number = busy(desk, others)
    with pytest.raises(Trouble, match="now belongs to another session") as caught:
        await desk.plan(TERMINATE_BACKEND, pid=str(number), started="2001-01-01 00:00:00+00")
    assert caught.value.kind is Kind.REFUSED
    # Between plan and run: the statement itself looks again.
    made = await desk.plan(TERMINATE_BACKEND, pid=str(number))
    desk.do(made.steps[0].sql.replace(started(desk, number)[:4] + "-", "2001-"))
    assert alive(desk, number) == 1


async def test_a_statement_that_began_after_the_look_is_not_cancelled(desk: Desk, others: Sessions) -> None:
    session = others.open()
    others.run(session, "SELECT pg_sleep(60)")
    wait(lambda: state(desk, pid(session)) == "active")
    made = await desk.plan(CANCEL_BACKEND, pid=str(pid(session)))
    desk.do(f"SELECT pg_cancel_backend({pid(session)})")
    wait(lambda: state(desk, pid(session)) == "idle")
    others.run(session, "SELECT pg_sleep(61)")
    wait(lambda: state(desk, pid(session)) == "active")
    desk.do(made.steps[0].sql)
    assert desk.ask(made.steps[0].expect) is True
    assert state(desk, pid(session)) == "active"


async def test_a_cancel_where_nothing_runs_is_refused_and_names_what_helps(desk: Desk, others: Sessions) -> None:
    session = idle_in_transaction(others)
    with pytest.raises(Trouble, match=r"is not running a statement .idle in transaction.*terminate-backend") as caught:
        await desk.plan(CANCEL_BACKEND, pid=str(pid(session)))
    assert caught.value.kind is Kind.REFUSED


async def test_a_cancel_that_does_not_help_is_no_success_and_names_what_does(desk: Desk, others: Sessions) -> None:
    stubborn = (
        "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(200); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$"
    )
    number = busy(desk, others, stubborn)
    began = time.monotonic()
    run = await desk.run(CANCEL_BACKEND, pid=str(number))
    assert run.outcome is Outcome.FAILED
    assert f"no effect on pid {number}" in run.message
    assert "terminate-backend" in run.message
    assert 2.0 <= time.monotonic() - began < 100.0, "it does not wait for the statement, which sleeps for 200 s"
    ended = await desk.run(TERMINATE_BACKEND, pid=str(number))
    assert ended.outcome is Outcome.DONE


async def test_only_those_idle_in_a_transaction_for_long_are_ended(desk: Desk, others: Sessions) -> None:
    old = [idle_in_transaction(others) for _ in range(2)]
    aborted = idle_in_transaction(others)
    with pytest.raises(psycopg.Error):
        aborted.execute("SELECT 1/0")
    working = busy(desk, others)
    idle = others.open()
    pids = ", ".join(str(pid(session)) for session in (*old, aborted))
    aged = f"""SELECT bool_and(state_change < clock_timestamp() - interval '1 s')
                 FROM pg_stat_activity WHERE pid IN ({pids})"""
    wait(lambda: desk.ask(aged))
    young = idle_in_transaction(others)
    run = await desk.run(TERMINATE_IDLE, older_than="1 second")
    assert run.outcome is Outcome.DONE, run.message
    assert alive(desk, pid(old[0]), pid(old[1]), pid(aborted)) == 0
    assert alive(desk, pid(young), working, pid(idle)) == 3
    nothing = await desk.run(TERMINATE_IDLE, older_than="1 hour")
    assert nothing.outcome is Outcome.NOTHING


async def test_idle_sessions_of_an_application_are_ended(desk: Desk, others: Sessions) -> None:
    leaking = [others.open(application_name="leaky pool") for _ in range(2)]
    leaking.append(idle_in_transaction(others, application_name="leaky pool"))
    working = busy(desk, others, application_name="leaky pool")
    other = others.open(application_name="billing")
    plan = await desk.plan(TERMINATE_IDLE, idle_for="0 seconds", application="leaky pool")
    assert plan.table is not None
    assert set(plan.table.values("pid")) == {pid(session) for session in leaking}
    assert plan.steps[0].note == "terminates 3 sessions and rolls back the open transaction of 1 of them"
    assert (await desk.run(TERMINATE_IDLE, idle_for="0 seconds", application="leaky pool")).outcome is Outcome.DONE
    assert alive(desk, *(pid(session) for session in leaking)) == 0
    assert alive(desk, working, pid(other)) == 2


async def test_a_plan_rolls_back_no_transaction_of_a_session_that_has_none(desk: Desk, others: Sessions) -> None:
    for _ in range(6):  # more than are shown in full
        others.open(application_name="leaky pool")
    plan = await desk.plan(TERMINATE_IDLE, idle_for="0 seconds", application="leaky pool")
    assert plan.steps[0].note == "terminates 6 sessions, without an open transaction now"
    rows = [line for line in plan_text(plan).splitlines() if "leaky pool" in line]
    assert len(rows) == 6
    assert not any(re.search(r"\d\.\d{4}", row) for row in rows)  # ages, no bare numbers


async def test_who_became_old_enough_after_the_finding_is_not_ended(desk: Desk, others: Sessions) -> None:
    """The fix of full connections ends no more than it promised: whoever is idle later, however long, stays."""
    meant = [others.open(application_name="leaky pool") for _ in range(3)]
    assert {state(desk, pid(session)) for session in meant} == {"idle"}
    async with desk.workspace() as workspace:
        holders = await workspace.sources.postgres.fetch("connection_holders")
    row = next(row for row in holders.records() if row["application"] == "leaky pool")
    fix = terminate_idle(row, "")
    later = [others.open(application_name="leaky pool") for _ in range(2)]
    later.append(idle_in_transaction(others, application_name="leaky pool"))
    given: dict[str, Any] = {name.replace("-", "_"): value for name, value in fix.parameters.items()}
    plan = await desk.plan(TERMINATE_IDLE, **given)
    assert plan.table is not None
    assert set(plan.table.values("pid")) == {pid(session) for session in meant[:2]}
    assert (await desk.run(TERMINATE_IDLE, **given)).outcome is Outcome.DONE
    assert alive(desk, *(pid(session) for session in meant[:2])) == 0
    assert alive(desk, *(pid(session) for session in [*meant[2:], *later])) == 4


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"idle_since": "2026-11-22 14:00:00"}, "idle-since must have a time zone"),
        ({"idle_since": "yesterday"}, "idle-since must be a timestamp"),
        ({"idle_since": "2026-11-22 14:00:00+00:00,2026-11-22 14:00:00+00:00"}, "one timestamp"),
        ({"idle_since": "2026-11-22 14:00:00+00:00", "idle_for": "1 hour"}, "either idle-for or idle-since"),
    ],
)
async def test_a_moment_must_be_one_with_a_time_zone(desk: Desk, given: dict[str, str], words: str) -> None:
    with pytest.raises(Trouble, match=words):
        await desk.plan(TERMINATE_IDLE, **given)


async def test_idle_sessions_of_a_role_are_ended_whatever_they_are_called(desk: Desk, others: Sessions) -> None:
    leaking = [others.open(user="pipeline_app", application_name=name) for name in ("", "report")]
    other = others.open(application_name="")
    plan = await desk.plan(TERMINATE_IDLE, idle_for="0 seconds", user="pipeline_app")
    assert plan.table is not None
    found = set(plan.table.values("pid"))
    assert found >= {pid(session) for session in leaking}
    assert pid(other) not in found


async def test_one_that_came_to_life_again_is_left_alone(desk: Desk, others: Sessions) -> None:
    session = idle_in_transaction(others)
    made = await desk.plan(TERMINATE_IDLE, older_than="0 seconds")
    session.execute("SELECT 1")
    desk.do(made.steps[0].sql)
    assert alive(desk, pid(session)) == 1


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"pid": "12; DROP"}, "pid must be"),
        ({"pid": ""}, "needs --set pid"),
        ({"pid": "12", "started": "yesterday"}, "started must be"),
        ({"pid": "12", "started": "2026-01-01"}, "time zone"),
        ({"pid": "12,13", "started": "2026-01-01 00:00+00:00"}, "2 pids and 1 time of started were given"),
    ],
)
async def test_what_is_no_session_is_refused_as_usage(
    any_pg: Cluster, tmp_path: Path, parameters: dict[str, str], said: str
) -> None:
    desk = Desk(any_pg, "postgres", Trail(tmp_path / "audit.jsonl"))
    with pytest.raises(Trouble, match=said) as caught:
        await desk.plan(CANCEL_BACKEND, **parameters)
    assert caught.value.kind is Kind.USAGE


async def test_a_time_that_is_none_is_refused_as_usage(any_pg: Cluster, tmp_path: Path) -> None:
    desk = Desk(any_pg, "postgres", Trail(tmp_path / "audit.jsonl"))
    with pytest.raises(Trouble, match="'10 minutes', not soon") as caught:
        await desk.plan(TERMINATE_IDLE, older_than="soon")
    assert caught.value.kind is Kind.USAGE


async def refused(desk: Desk, number: int) -> str:
    with pytest.raises(Trouble) as caught:
        await desk.plan(TERMINATE_BACKEND, pid=str(number))
    assert caught.value.kind is Kind.REFUSED
    return str(caught.value)


async def test_processes_of_the_server_are_protected(desk: Desk) -> None:
    query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
    assert "is a server process (checkpointer)" in await refused(desk, desk.ask(query))
    assert "no session with pid 1" in await refused(desk, 1)
    assert "ROLLBACK PREPARED" in await refused(desk, 0)


async def test_wal_senders_are_protected(desk: Desk, pg: Cluster) -> None:
    with psycopg.connect(pg.uri(desk.database) + "&replication=database", autocommit=True) as session:
        session.execute("IDENTIFY_SYSTEM")
        assert "sends WAL" in await refused(desk, pid(session))


async def test_parallel_workers_point_to_their_leader(desk: Desk, others: Sessions) -> None:
    session = others.open()
    name = "debug_parallel_query" if desk.cluster.major >= 16 else "force_parallel_mode"
    session.execute(f"SET {name} = on")
    others.run(session, "SELECT pg_sleep(30)")
    query = f"SELECT count(*) FROM pg_stat_activity WHERE leader_pid = {pid(session)}"
    wait(lambda: desk.ask(query) == 1)
    worker = desk.ask(f"SELECT pid FROM pg_stat_activity WHERE leader_pid = {pid(session)}")
    assert f"is a parallel worker of pid {pid(session)}" in await refused(desk, worker)


async def test_the_console_does_not_end_itself(desk: Desk) -> None:
    async with console(desk.cluster, desk.database) as reading:
        await reading.connect()
        own = "SELECT pid FROM pg_stat_activity WHERE application_name = 'pipeline-console'"
        assert "session of this console" in await refused(desk, desk.ask(own))


async def test_an_application_name_protects_nobody_else(desk: Desk, others: Sessions) -> None:
    other = others.open(user="pipeline_app", application_name="pipeline-console")
    made = await desk.plan(TERMINATE_BACKEND, pid=str(pid(other)))
    assert made.steps


async def test_without_the_right_the_grant_is_told(desk: Desk, others: Sessions, pg: Cluster, tmp_path: Path) -> None:
    mine = Desk(pg, desk.database, desk.trail, user="pipeline_app")
    of_owner, of_superuser = others.open(user="pipeline_owner"), others.open()
    assert "GRANT pg_signal_backend TO pipeline_app;" in await refused(mine, pid(of_owner))
    assert "superuser" in await refused(mine, pid(of_superuser))
    own = others.open(user="pipeline_app")
    run = await mine.run(TERMINATE_BACKEND, pid=str(pid(own)))
    assert run.outcome is Outcome.DONE, run.message


@pytest.mark.pg("!= 14, != 16, != 17")
async def test_a_vacuum_against_wraparound_is_protected_and_another_autovacuum_is_not(
    pg_servers: Servers, pg: Cluster, tmp_path: Path
) -> None:
    """A server of its own with a freeze age that every table has passed."""
    settings = {
        "autovacuum_naptime": "1s",
        "autovacuum_freeze_max_age": "100000",
        "autovacuum_vacuum_cost_delay": "100ms",
    }
    own = pg_servers.new(pg.major, settings | {"autovacuum_vacuum_cost_limit": "1"})
    try:
        desk = Desk(own, "postgres", Trail(tmp_path / "audit.jsonl"))
        desk.do("CREATE TABLE t AS SELECT g, repeat('x', 100) AS x FROM generate_series(1, 200000) g")
        desk.do("DO $$ BEGIN FOR i IN 1..101000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
        found = "SELECT max(pid) FROM pg_stat_activity WHERE query LIKE 'autovacuum: VACUUM%(to prevent wraparound)'"
        wait(lambda: desk.ask(found) is not None)
        assert "to prevent wraparound" in await refused(desk, desk.ask(found))
    finally:
        own.stop()


async def test_every_view_that_offers_to_end_sessions_knows_what_was_seen(any_pg: Cluster, tmp_path: Path) -> None:
    """Else the plan could be for a later session with the same pid, or for what it does later."""
    desk = Desk(any_pg, "postgres", Trail(tmp_path / "audit.jsonl"))
    offering = [(pane, view) for pane in PANES if ENDING & {*pane.actions} for view in pane.views]
    seen, unknown = 0, []
    async with desk.workspace() as workspace:
        for pane, view in offering:
            with suppress(Trouble):  # of a cluster, a pooler or a host, which are not there
                columns = (await workspace.sources.of(pane, view).fetch(view.query)).columns
                if "pid" in columns:
                    seen += 1
                    needed = SEEN if pane.name in WITHOUT_IDLE else SEEN | {"idle_since"}
                    unknown += [] if STARTS & {*columns} and {*columns} >= needed else [f"{pane.name} {view.name}"]
    assert unknown == []
    assert seen > len(ENDING)
