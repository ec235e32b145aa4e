"""A console that is held up within a transaction: the server ends its session, and the run goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from console import sql
from console.actions.archive.archive_analytics import ARCHIVE_ANALYTICS
from console.model import Outcome
from console.running.progress import Run
from console.running.runner import HELD_UP
from console.sources.postgres import ActingSession, acting
from console.sources.postgres.acting import Rows
from tests.acting import Desk
from tests.waiting import eventually
from tests.whole_months import desk

__all__ = ["desk"]

Held = Callable[[], None]  # what happens while the console is held up


def hold_up(
    monkeypatch: pytest.MonkeyPatch, desk: Desk, at: Sequence[int], meanwhile: Held = lambda: None
) -> list[int]:
    """Hold the console up where it is in a transaction for the n-th time, until the server has ended its session.

    Returns how often it has been in a transaction.
    """
    monkeypatch.setitem(acting._SESSION, "idle_in_transaction_session_timeout", "300ms")
    script, seen = ActingSession.script, list[int]()

    async def then_held_up(session: ActingSession, *statements: str, ahead: Sequence[str] = ()) -> list[Rows]:
        rows = await script(session, *statements, ahead=ahead)
        connection = session._connection
        if connection and connection.info.transaction_status == TransactionStatus.INTRANS and statements[0] != "BEGIN":
            seen.append(session.pid)
            if len(seen) in at:
                ends = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {session.pid}"
                await eventually(lambda: desk.ask(ends) == 0)
                meanwhile()
        return rows

    monkeypatch.setattr(ActingSession, "script", then_held_up)
    return seen


def steps_of(desk: Desk) -> list[str]:
    return [str(entry["sql"]) for entry in desk.trail.entries() if entry["event"] == "step"]


def is_done_once(desk: Desk, run: Run) -> None:
    assert run.outcome is Outcome.DONE, run.message
    assert steps_of(desk) == [step.sql for step in run.plan.steps]
    assert desk.ask("SELECT array_agg(id ORDER BY id)::text FROM public.archive") == "{1,2}"
    assert desk.ask("SELECT count(*) FROM public.facts") == 0
    assert run.notes.count(HELD_UP) == 1


@pytest.mark.parametrize("confined", [False, True], ids=["plain", "confined"])
async def test_every_step_is_done_once_wherever_the_console_is_held_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, confined: bool
) -> None:
    if confined:
        desk.give_away()
    seen = hold_up(monkeypatch, desk, range(1, 4))
    run = await desk.run(ARCHIVE_ANALYTICS, verify="yes")
    is_done_once(desk, run)
    assert len(seen) > 3


async def test_batches_go_on_where_the_console_was_held_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.do(
        "DROP TABLE public.first, public.second, public.facts",
        "CREATE TABLE public.facts (id bigint, day date, PRIMARY KEY (id, day))",
        "INSERT INTO public.facts VALUES (1, '2020-01-05'), (2, '2020-02-05')",
        "CREATE TABLE public.some PARTITION OF public.archive DEFAULT",
    )
    hold_up(monkeypatch, desk, [1])
    is_done_once(desk, await desk.run(ARCHIVE_ANALYTICS))


async def test_a_run_does_not_go_on_where_another_console_has_begun_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[psycopg.Connection[object]] = []

    def claim() -> None:
        others.append(desk.session())
        taken = others[0].execute(sql.load("actions/take_subject").text, {"subject": "archive of public.facts"})
        assert taken.fetchone() == (True,)

    hold_up(monkeypatch, desk, [1], claim)
    run = await desk.run(ARCHIVE_ANALYTICS)
    others[0].close()
    assert run.outcome in {Outcome.REFUSED, Outcome.STOPPED}
    assert "Another session is changing" in run.message
    monkeypatch.undo()
    assert (await desk.run(ARCHIVE_ANALYTICS)).outcome is Outcome.DONE
    assert desk.ask("SELECT count(*) FROM public.archive") == 2
