"""Turning from pane to pane: one widget shows them in turn, and each is found as it was left."""

from __future__ import annotations

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widget import Widget

from console.panes import PANES
from console.tui.app import ConsoleApp
from console.tui.compositor import FrontScreen
from console.tui.live_table import LiveTable
from tests.screens import LARGE, console, screen_text, until
from tests.servers import PostgresServer


async def all_settings(app: ConsoleApp, pilot: Pilot[int]) -> LiveTable:
    """The settings pane with all its rows; they are not read again."""
    app.pane_view.choose_view("all")
    await until(pilot, lambda: app.pane_view.table.row_count > 200)
    app.pane_view.action_pause()
    return app.pane_view.table


async def test_a_pane_is_found_as_it_was_left(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), pane="settings") as (app, pilot):
        table = await all_settings(app, pilot)
        await pilot.press("space", "space", *["pagedown"] * 3)
        await pilot.pause()
        row, at, marked = table.cursor_row, table.scroll_offset, table.marked_rows
        assert at.y > 0
        assert len(marked) == 2
        before = screen_text(app).splitlines()[3:]
        await pilot.press("9", "2", "5")
        await until(pilot, lambda: app.pane_view.table.row_count)
        assert app.pane_view.pane.name == "bloat"
        assert not app.pane_view.state.paused
        assert app.pane_view.table.marked_rows == []
        await pilot.press("o")
        assert (table.cursor_row, table.scroll_offset, table.marked_rows) == (row, at, marked)
        assert screen_text(app).splitlines()[3:] == before


async def test_a_filter_belongs_to_the_pane_in_which_it_was_typed(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), pane="settings") as (app, pilot):
        await all_settings(app, pilot)
        await pilot.press("/", *"wal_level", "enter", "2")
        assert app.pane_view.state.filter_text == ""
        assert "wal_level" not in screen_text(app)
        await pilot.press("o")
        assert app.pane_view.state.filter_text == "wal_level"
        assert app.pane_view.table.row_count == 1
        assert screen_text(app).count("wal_level") >= 2  # the row, and the line of the filter


async def test_enter_is_for_the_row_of_the_pane_in_which_it_was_pressed(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), pane="settings") as (app, pilot):
        table = await all_settings(app, pilot)
        name = str((table.cursor_row or {})["name"])
        app.post_message(Key("enter", None))
        app.post_message(Key("2", "2"))  # in the same read of the terminal
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.pause()
        assert name in screen_text(app)
        assert app.panes.shown.pane.name == "settings"


async def test_no_pane_is_kept_in_widgets_of_its_own(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), LARGE) as (app, pilot):
        kept: list[int] = []
        for pane in PANES:
            await app.action_pane(pane.name)
            await pilot.pause()
            assert app.panes.shown.pane.name == pane.name
            kept.append(sum(1 for _ in app.walk_children(Widget)))
        assert max(kept[1:]) <= kept[1] + 4  # the scroll bars of the table and of the details
        assert len(app.query(LiveTable)) == 4  # three of the overview, one of all other panes


@pytest.mark.parametrize("pane", ["connections", "settings", "waits"])
async def test_a_change_of_panes_paints_once(
    any_pg: PostgresServer, pipeline: str, monkeypatch: pytest.MonkeyPatch, pane: str
) -> None:
    async with console(any_pg.uri(pipeline), LARGE, pane=pane) as (app, pilot):
        for name in (pane, "bloat"):
            await app.action_pane(name)
            await until(pilot, lambda: app.pane_view.arranged is not None)
            app.pane_view.action_pause()
        await pilot.pause()
        paints: list[object] = []
        refresh = FrontScreen._compositor_refresh

        def counted(screen: FrontScreen) -> None:
            paints.append(screen)
            refresh(screen)

        monkeypatch.setattr(FrontScreen, "_compositor_refresh", counted)
        key = next(each.key for each in PANES if each.name == pane)
        await app.on_event(Key(key, key))
        assert app.panes.shown.pane.name == pane
        assert len(paints) == 1
        assert not [widget for widget in app.screen._compositor.visible_widgets if widget._repaint_required]
