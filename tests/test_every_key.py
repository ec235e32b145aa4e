"""The keys of a pane in every pane and view: with a source, without a pooler, and with a server that is away."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import psycopg
import pytest
from textual.pilot import Pilot

from console.model import Pane
from console.panes import PANES
from console.tui.app import ConsoleApp
from console.tui.pane_text import CUT
from tests.screens import console, until
from tests.servers import Pooler, PostgresServer
from tests.waiting import eventually

KEYS = ("S", "enter", "e", "y", "question_mark")
# Each pane in a console with others before and after it, and each console with as many.
EACH = 4
GROUPS = tuple(PANES[first :: -(-len(PANES) // EACH)] for first in range(-(-len(PANES) // EACH)))
TOGETHER = pytest.mark.parametrize("panes", GROUPS, ids=lambda panes: "-".join(pane.name for pane in panes))
AWAY = "host=127.0.0.1 port=1 connect_timeout=1"


async def leave(app: ConsoleApp, pilot: Pilot[int], key: str) -> None:
    """Close the dialog of `key`, which takes no key before it has been on the screen for a moment."""

    async def closed() -> bool:
        await pilot.press("escape")
        return len(app.screen_stack) == 1

    await eventually(closed)
    assert len(app.screen_stack) == 1, f"the dialog of {key} closes"


def answered(app: ConsoleApp, shown: Pane) -> bool:
    """Whether there is a dialog, a notice or another pane."""
    return len(app.screen_stack) > 1 or len(app._notifications) > 0 or app.panes.shown.pane.name != shown.name


async def press_every_key(app: ConsoleApp, pilot: Pilot[int]) -> None:
    """Press each key in each view of the open pane: a dialog or a notice answers, and the console goes on."""
    shown, pane = app.pane_view, app.pane_view.pane
    for view in pane.views:
        await until(pilot, lambda: shown.arranged is not None or shown.feed.trouble is not None, view.name)
        assert shown.view.name == view.name
        for key in KEYS:
            app.clear_notifications()
            await pilot.press(key)
            await until(pilot, lambda: answered(app, pane), f"{key} answers")
            if app.panes.shown.pane.name != pane.name:  # the evidence of a finding is in another pane
                await app.action_pane(pane.name)
            if len(app.screen_stack) > 1:
                await leave(app, pilot, key)
        if len(pane.views) > 1:
            await turn(app, pilot)
    assert app.is_running


async def turn(app: ConsoleApp, pilot: Pilot[int]) -> None:
    """Go on to the next view. A key before it may still open a dialog or a pane: a notice came first, and answered."""
    shown, view = app.pane_view, app.pane_view.view

    async def is_turned() -> bool:
        if len(app.screen_stack) > 1:
            await pilot.press("escape")
        elif app.pane_view is not shown:
            await app.action_pane(shown.pane.name)
        elif shown.view is view:
            await pilot.press("v")
        return shown.view is not view

    await eventually(is_turned)


async def press_every_key_in(panes: Iterable[Pane], app: ConsoleApp, pilot: Pilot[int]) -> None:
    """Open one pane after the other, and press each key in each of its views."""
    for pane in panes:
        await app.action_pane(pane.name)
        await until(pilot, lambda: app.panes.shown.pane.name == pane.name, pane.name)  # noqa: B023  waited for here
        await press_every_key(app, pilot)


@TOGETHER
async def test_every_key_answers_without_a_pooler(
    panes: tuple[Pane, ...], any_pg: PostgresServer, pipeline: str
) -> None:
    async with console(any_pg.uri(pipeline), pane=panes[0].name) as (app, pilot):
        await press_every_key_in(panes, app, pilot)


@TOGETHER
async def test_every_key_answers_while_the_server_is_away(panes: tuple[Pane, ...]) -> None:
    async with console(AWAY, pane=panes[0].name) as (app, pilot):
        await press_every_key_in(panes, app, pilot)


async def test_every_key_answers_in_the_pane_of_a_pooler(
    any_pg: PostgresServer, pipeline: str, pgbouncer: Callable[[PostgresServer, str], Pooler]
) -> None:
    wanted: dict[str, Any] = {"pane": "pooler", "poolers": (pgbouncer(any_pg, pipeline).stats_uri,)}
    async with console(any_pg.uri(pipeline), **wanted) as (app, pilot):
        await press_every_key(app, pilot)


async def test_what_is_copied_has_no_control_characters(any_pg: PostgresServer) -> None:
    with any_pg.connect(application_name="evil") as session:
        session.execute("SELECT '\x1b[201~ rm -rf' -- evil")
        async with console(any_pg.uri(), pane="connections") as (app, pilot):
            await until(pilot, lambda: app.pane_view.arranged is not None)
            await pilot.press("slash", *"evil", "enter")
            await until(pilot, lambda: "evil" in str(app.pane_view.table.cursor_row))
            await pilot.press("y")
            await until(pilot, lambda: "rm -rf" in app.clipboard)
            assert "\x1b" not in app.clipboard


async def test_a_statement_is_copied_whole_or_so_that_it_does_not_run(any_pg: PostgresServer) -> None:
    statement = f"DELETE FROM copied USING (VALUES ('{'x' * 500}')) v WHERE false"
    async with console(any_pg.uri(), pane="connections") as (app, pilot):
        with any_pg.connect(application_name="copied") as session:
            session.execute("CREATE TEMP TABLE copied (id integer)")
            session.execute(statement.encode())
            await pilot.press("slash", *"copied", "enter")
            await until(pilot, lambda: "xxx" in str(app.pane_view.table.cursor_row))
            await pilot.press("p", "y")  # paused: the row stays, whatever the session does
            await until(pilot, lambda: app.clipboard == statement)
            session.execute("SELECT 1")
            await pilot.press("y")
            await until(pilot, lambda: app.clipboard.endswith(CUT))
            assert app.clipboard.removesuffix(CUT) == statement[:300]
            with pytest.raises(psycopg.errors.SyntaxError):
                session.execute(app.clipboard.encode())


async def test_nothing_that_is_copied_has_control_characters() -> None:
    async with console(AWAY) as (app, _):
        app.copy_to_clipboard("no \x1b[201~ rm -rf\tx")
        assert app.clipboard == "no ␛[201~ rm -rf\tx"
