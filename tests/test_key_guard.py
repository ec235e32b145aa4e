"""Keys confirm only what was read: no burst, held key or late plan runs anything."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from console.keys import opening_keys
from console.model import Kind, Trouble
from console.tui.app import ConsoleApp
from console.tui.bindings import check_keymap
from console.tui.key_guard import READ, KeyGuard
from console.tui.plan_dialog import PlanDialog
from console.tui.planning_dialog import PlanningDialog
from tests.screens import console, shows, taken, until
from tests.servers import PostgresServer


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of the guard, in seconds."""
    now = [100.0]
    monkeypatch.setattr("console.tui.key_guard.get_time", lambda: now[0])
    return now


def test_a_key_of_before_the_dialog_was_drawn_is_never_taken(clock: list[float]) -> None:
    guard = KeyGuard(READ)
    assert not guard.takes(clock[0] + 1000)
    guard.shown()
    assert [guard.takes(100.0 + after) for after in (-1, 0, READ - 0.01, READ)] == [False, False, False, True]


def test_typing_must_stop_before_a_plan_takes_a_key(clock: list[float]) -> None:
    guard = KeyGuard(READ, prolonged=True)
    guard.shown()
    held = [clock[0] + 0.66 + at / 30 for at in range(300)]  # ten seconds of a key that is held down
    assert not any(guard.takes(at) for at in held)
    assert not guard.takes(held[-1] + READ - 0.01)
    assert guard.takes(held[-1] + 2 * READ)


@pytest.mark.parametrize("key", sorted(opening_keys()))
def test_no_key_that_requests_a_plan_can_confirm_one(key: str) -> None:
    with pytest.raises(Trouble) as refused:
        check_keymap({"plan.run": f"r,{key}"})
    assert refused.value.kind is Kind.USAGE


def test_the_bundled_keys_keep_requests_and_confirmation_apart() -> None:
    check_keymap({})


async def request_refresh(app: ConsoleApp, pilot: Pilot[int]) -> None:
    """Ask for the plan of refresh-views by its key and its form."""
    await shows(pilot, "rules evaluated")
    await app.action_pane("views")  # in the first pane f requests a plan itself
    await pilot.press("R")
    await until(pilot, lambda: len(app.screen.query(Input)) > 0)
    await taken(pilot)
    await pilot.press("enter")
    await until(pilot, lambda: len(app.screen.query(Input)) == 0)  # what is typed before belongs to the form


async def burst(app: ConsoleApp, pilot: Pilot[int]) -> None:
    """Words in one piece, as when the console or the machine was busy while they were typed."""
    for key in ("slash", *"for", "space", *"refresh", "enter"):
        app.simulate_key(key)
    await pilot.pause()


async def test_a_word_typed_while_a_plan_is_made_neither_runs_it_nor_reaches_the_pane(
    any_pg: PostgresServer, pipeline: str
) -> None:
    async with console(any_pg.uri(pipeline)) as (app, pilot):
        await request_refresh(app, pilot)
        while not isinstance(app.screen, PlanDialog):
            await burst(app, pilot)
        for _ in range(3):
            await burst(app, pilot)
        await shows(pilot, "Plan: Refresh", "r run")
        assert app.workspace.runs == []
        assert not app.pane_view.query_one(".filter").display
        await pilot.press("r")
        await until(pilot, lambda: app.workspace.runs and app.workspace.runs[0].outcome)


async def test_a_word_that_arrives_in_one_piece_over_a_plan_does_not_run_it(
    any_pg: PostgresServer, pipeline: str
) -> None:
    async with console(any_pg.uri(pipeline)) as (app, pilot):
        await request_refresh(app, pilot)
        await shows(pilot, "Plan: ", "r run")
        await burst(app, pilot)
        await taken(pilot)
        assert isinstance(app.screen, PlanDialog)
        assert app.workspace.runs == []


async def test_escape_cancels_the_planning_and_its_query(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), changed={"refresh": {"overview": 3600.0}}) as (app, pilot):
        await shows(pilot, "rules evaluated")
        app.dialogs.begin(lambda: _slow_plan(app))
        await shows(pilot, "Planning …", "Esc cancel")
        await until(pilot, lambda: _sleeping(any_pg) == 1)
        await taken(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await until(pilot, lambda: _sleeping(any_pg) == 0)
        assert app.workspace.runs == []


@pytest.mark.parametrize("pane", ["connections", "locks"])
async def test_a_key_plans_the_end_of_the_session_under_the_cursor(
    any_pg: PostgresServer, pipeline: str, pane: str
) -> None:
    with any_pg.connect(pipeline) as holder, any_pg.connect(pipeline) as waiter:
        holder.execute("BEGIN; LOCK TABLE public.organizations IN ACCESS EXCLUSIVE MODE")
        waiting = asyncio.create_task(asyncio.to_thread(_wait_for_the_lock, waiter))
        try:
            async with console(any_pg.uri(pipeline), pane=pane) as (app, pilot):
                await until(pilot, lambda: _cursor_pid(app) == holder.info.backend_pid)
                await pilot.press("p", "K")
                await shows(pilot, "Plan: Terminate a session", str(holder.info.backend_pid), "r run")
                assert app.workspace.runs == []
        finally:
            holder.rollback()
            await waiting


def _wait_for_the_lock(session: psycopg.Connection[Any]) -> None:
    session.execute("SELECT FROM public.organizations LIMIT 1")


def _cursor_pid(app: ConsoleApp) -> object:
    app.pane_view.table.action_move_to(0)
    row = app.pane_view.table.cursor_row
    return row["pid"] if row else None


async def _slow_plan(app: ConsoleApp) -> None:
    app.dialogs.show_planning("Slow")
    await app.workspace.sources.postgres.ask("slow", "SELECT pg_catalog.pg_sleep(9)")


def _sleeping(pg: PostgresServer) -> int:
    with pg.connect() as session:
        found = session.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(9)%' AND state = 'active'"
            " AND pid <> pg_backend_pid()"
        ).fetchone()
    assert found is not None
    return int(found[0])


async def test_one_request_at_a_time(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline)) as (app, pilot):
        await shows(pilot, "rules evaluated")
        for key in "RTCAM":
            app.simulate_key(key)
        await until(pilot, lambda: len(app.screen_stack) > 2 or isinstance(app.screen, PlanDialog))
        await asyncio.sleep(0)
        assert sum(isinstance(screen, PlanningDialog) for screen in app.screen_stack) == 1
