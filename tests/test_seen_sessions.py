"""What was seen of a session is what is cancelled or terminated: a later statement or transaction is not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg
import pytest

from console.actions.sessions.end_sessions import CANCEL_BACKEND, TERMINATE_BACKEND, TERMINATE_IDLE
from console.model import Kind, Outcome, Trouble
from console.panes.connections import CONNECTIONS
from console.panes.locks import LOCKS
from console.running.progress import Run
from console.tui.action_flow import parameters_from_rows
from tests.acting import Desk
from tests.activity import Sessions, console, until
from tests.ending import desk_of_a_superuser, pid, sessions_of_others  # noqa: F401  fixtures, found by name
from tests.lock_scenes import SCENES, play, prepare
from tests.waiting import wait

SLEEP = "SELECT pg_sleep(1000)"


def of(desk: Desk, session: psycopg.Connection[Any], column: str) -> str:
    return str(desk.ask(f"SELECT {column} FROM pg_stat_activity WHERE pid = {pid(session)}"))


def seen(desk: Desk, session: psycopg.Connection[Any], *names: str) -> dict[str, str]:
    """The parameters that name a session, and what it does now."""
    columns = {"statement": "query_start", "transaction": "xact_start", "idle-since": "state_change"}
    return {
        "pid": str(pid(session)),
        "started": of(desk, session, "backend_start"),
        **{name: of(desk, session, columns[name]) for name in names},
    }


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def runs(desk: Desk, others: Sessions, session: psycopg.Connection[Any]) -> None:
    """It runs a statement, which did not run before."""
    others.run(session, SLEEP)
    wait(lambda: of(desk, session, "state") == "active")


def interrupt(desk: Desk, session: psycopg.Connection[Any]) -> None:
    desk.do(f"SELECT pg_cancel_backend({pid(session)})")
    wait(lambda: of(desk, session, "state") != "active")


async def run_of(desk: Desk, action: Any, given: dict[str, str]) -> Run:
    async with desk.workspace() as workspace:
        return await workspace.run(await workspace.plan(action, given))


async def refused(desk: Desk, action: Any, given: dict[str, str]) -> str:
    with pytest.raises(Trouble) as caught:
        await desk.plan(action, **given)
    assert caught.value.kind is Kind.REFUSED
    return caught.value.sentence


async def test_a_later_statement_than_the_one_that_was_seen_is_not_cancelled(desk: Desk, others: Sessions) -> None:
    session = others.open()
    runs(desk, others, session)
    given = seen(desk, session, "statement")
    interrupt(desk, session)
    ended = f"The statement that was seen of pid {pid(session)} has ended; nothing was cancelled."
    assert await refused(desk, CANCEL_BACKEND, given) == ended
    runs(desk, others, session)
    assert await refused(desk, CANCEL_BACKEND, given) == ended
    run = await run_of(desk, CANCEL_BACKEND, seen(desk, session, "statement"))
    assert (run.outcome, run.message) == (Outcome.DONE, "1 statement cancelled.")


async def test_any_statement_of_the_transaction_that_does_the_harm_is_cancelled(desk: Desk, others: Sessions) -> None:
    session = others.open()
    session.execute("BEGIN")
    runs(desk, others, session)
    given = seen(desk, session, "statement", "transaction")
    desk.do(f"SELECT pg_cancel_backend({pid(session)})")
    wait(lambda: of(desk, session, "state") == "idle in transaction (aborted)")
    session.execute("ROLLBACK")
    runs(desk, others, session)
    assert "The statement that was seen" in await refused(desk, CANCEL_BACKEND, given)
    interrupt(desk, session)
    session.execute("BEGIN")
    session.execute("SAVEPOINT a")
    runs(desk, others, session)
    given = seen(desk, session, "statement", "transaction")
    interrupt(desk, session)
    session.execute("ROLLBACK TO a")
    runs(desk, others, session)
    assert given["statement"] != of(desk, session, "query_start")
    run = await run_of(desk, CANCEL_BACKEND, given)
    assert (run.outcome, run.steps[0].rows) == (Outcome.DONE, 1), run.message


async def test_a_session_in_a_later_transaction_is_not_terminated(desk: Desk, others: Sessions) -> None:
    session = others.open()
    session.execute("BEGIN")
    given = seen(desk, session, "transaction")
    assert (await desk.plan(TERMINATE_BACKEND, **given)).steps
    session.execute("COMMIT")
    session.execute("BEGIN")
    ended = f"The transaction that was seen of pid {pid(session)} has ended; nothing was terminated."
    assert await refused(desk, TERMINATE_BACKEND, given) == ended
    run = await run_of(desk, TERMINATE_BACKEND, seen(desk, session, "transaction"))
    assert (run.outcome, run.message) == (Outcome.DONE, "1 session terminated.")


async def test_a_session_that_was_seen_idle_is_terminated_only_while_it_stays_so(desk: Desk, others: Sessions) -> None:
    session = others.open()
    session.execute("SELECT 1")
    given = seen(desk, session, "idle-since")
    async with desk.workspace() as workspace:
        plan = await workspace.plan(TERMINATE_BACKEND, given)
        session.execute("SELECT 1")
        run = await workspace.run(plan)
        assert (run.outcome, run.message) == (Outcome.NOTHING, "No session has stayed idle; nothing was terminated.")
    said = await refused(desk, TERMINATE_BACKEND, given)
    assert said == f"Pid {pid(session)} has run a statement since it was seen idle; nothing was terminated."
    run = await run_of(desk, TERMINATE_BACKEND, seen(desk, session, "idle-since"))
    assert (run.outcome, run.message) == (Outcome.DONE, "1 session terminated.")


async def test_without_what_was_seen_a_session_is_meant_whatever_it_does(desk: Desk, others: Sessions) -> None:
    session = others.open()
    async with desk.workspace() as workspace:
        plan = await workspace.plan(TERMINATE_BACKEND, seen(desk, session))
        session.execute("SELECT 1")
        run = await workspace.run(plan)
    assert (run.outcome, run.message) == (Outcome.DONE, "1 session terminated.")


@pytest.mark.parametrize(
    ("action", "name", "says"),
    [
        (CANCEL_BACKEND, "statement", "The statement that was seen has ended; nothing was cancelled."),
        (TERMINATE_BACKEND, "transaction", "The transaction that was seen has ended; nothing was terminated."),
    ],
)
async def test_what_ends_between_plan_and_run_is_reported_and_nothing_is_hit(
    desk: Desk, others: Sessions, action: Any, name: str, says: str
) -> None:
    session = others.open()
    runs(desk, others, session)
    async with desk.workspace() as workspace:
        plan = await workspace.plan(action, seen(desk, session, name))
        interrupt(desk, session)
        runs(desk, others, session)
        run = await workspace.run(plan)
    assert (run.outcome, run.message) == (Outcome.NOTHING, says)
    assert of(desk, session, "state") == "active"


async def test_idle_sessions_that_came_to_life_are_counted_apart(desk: Desk, others: Sessions) -> None:
    sessions = [others.open(application_name="report") for _ in range(2)]
    for session in sessions:
        session.execute("BEGIN")
    async with desk.workspace() as workspace:
        plan = await workspace.plan(TERMINATE_IDLE, {"older-than": "0 seconds", "application": "report"})
        sessions[0].execute("SELECT 1")
        run = await workspace.run(plan)
    assert run.message == "1 of 2 sessions terminated: what was seen of the others had ended."


async def test_of_a_marked_set_those_that_ended_are_left_out_and_named(desk: Desk, others: Sessions) -> None:
    some = [others.open() for _ in range(3)]
    for session in some:
        runs(desk, others, session)
    rows = [
        {"pid": pid(each), "backend_start": of(desk, each, "backend_start"), "statement_start": since}
        for each in some
        for since in [of(desk, each, "query_start")]
    ]
    interrupt(desk, some[1])
    runs(desk, others, some[1])
    given = parameters_from_rows(CANCEL_BACKEND, rows)
    run = await run_of(desk, CANCEL_BACKEND, given)
    assert run.message == "2 statements cancelled."
    assert run.plan.notes == (f"The statement that was seen of pid {pid(some[1])} has ended; nothing was cancelled.",)
    assert of(desk, some[1], "state") == "active"


def test_of_marked_rows_each_pid_keeps_what_was_seen_of_it() -> None:
    rows = [
        {"pid": 1, "backend_start": "a", "transaction_start": None},
        {"pid": 2, "backend_start": "b", "transaction_start": "c"},
    ]
    given = parameters_from_rows(TERMINATE_BACKEND, rows)
    assert given == {"pid": "1,2", "started": "a,b", "transaction": ",c"}
    idle = [{**rows[0], "idle_since": "d"}, rows[1]]
    assert parameters_from_rows(TERMINATE_BACKEND, idle) == {**given, "idle-since": "d,"}
    assert parameters_from_rows(TERMINATE_BACKEND, rows[:1]) == {"pid": "1", "started": "a"}


@pytest.mark.parametrize("view", [CONNECTIONS.view("all"), LOCKS.view("blocking")], ids=["connections", "locks"])
async def test_a_key_on_an_idle_session_means_it_while_it_is_idle(desk: Desk, others: Sessions, view: Any) -> None:
    holder, waiter = others.open(), others.open()
    holder.execute("SELECT pg_advisory_lock(7)")
    others.run(waiter, "SELECT pg_advisory_lock(7)")

    def idle(row: Any) -> bool:
        return row["pid"] == pid(holder) and row["idle_since"] is not None

    async with console(desk.cluster, desk.database) as reading:
        shown = await until(reading, view, lambda taken: any(map(idle, taken.records())))
    given = parameters_from_rows(TERMINATE_BACKEND, [next(filter(idle, shown.records()))])
    assert moment(given["idle-since"]) == moment(of(desk, holder, "state_change"))
    assert (await desk.plan(TERMINATE_BACKEND, **given)).steps
    holder.execute("SELECT 1")
    assert "since it was seen idle" in await refused(desk, TERMINATE_BACKEND, given)


@pytest.mark.parametrize("view", [CONNECTIONS.view("all"), LOCKS.view("blocking")], ids=["connections", "locks"])
async def test_a_key_means_what_the_row_showed(desk: Desk, others: Sessions, view: Any) -> None:
    holder, session = others.open(), others.open()
    holder.execute("BEGIN; LOCK item")
    others.run(session, "SELECT FROM item")

    def old(row: Any) -> bool:
        return row["pid"] == pid(session) and row["transaction_start"] is not None

    async with console(desk.cluster, desk.database) as reading:
        shown = await until(reading, view, lambda taken: any(map(old, taken.records())))
    row = next(filter(old, shown.records()))
    now = seen(desk, session, "statement", "transaction")
    for action, name in ((CANCEL_BACKEND, "statement"), (TERMINATE_BACKEND, "transaction")):
        assert moment(parameters_from_rows(action, [row])[name]) == moment(now[name])
    interrupt(desk, session)
    others.run(session, "SELECT FROM item")
    wait(lambda: of(desk, session, "state") == "active")
    assert "The statement" in await refused(desk, CANCEL_BACKEND, parameters_from_rows(CANCEL_BACKEND, [row]))
    assert "The transaction" in await refused(desk, TERMINATE_BACKEND, parameters_from_rows(TERMINATE_BACKEND, [row]))


async def test_a_fix_of_a_blocking_parallel_query_means_its_leader(desk: Desk, others: Sessions) -> None:
    scene = next(scene for scene in SCENES if scene.name == "parallel query")
    prepare(others)
    async with console(desk.cluster, desk.database) as reading:
        await play(others, scene.steps, reading)
        queues = await reading.fetch("lock_queues")

    leader = desk.ask("SELECT max(leader_pid) FROM pg_stat_activity")
    session = next(each for each in others.opened if not each.closed and pid(each) == leader)
    workers = [row for row in queues.records() if row["state"] == "parallel worker"]
    assert {moment(str(row["backend_start"])) for row in workers} == {moment(of(desk, session, "backend_start"))}
