"""What a key paints, and when: the two lines of a move, before anything else that waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from rich.segment import Segment
from textual._compositor import LayoutUpdate
from textual.events import Key
from textual.pilot import Pilot
from textual.strip import Strip

from console.tui.app import ConsoleApp
from console.tui.live_table import LiveTable
from console.tui.picture import LinePart
from console.tui.table_painting import TablePainting
from console.tui.updates import TightUpdate
from tests.screens import console, until
from tests.servers import PostgresServer


@contextmanager
def painted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[set[int]]]:
    """The lines of the screen of each update from now on."""
    updates: list[set[int]] = []

    def display(app: ConsoleApp, screen: object, update: object) -> None:
        del app, screen
        if update is not None:
            assert isinstance(update, TightUpdate), "the whole screen"
            updates.append({part.y for part in update.parts})

    with monkeypatch.context() as patch:
        patch.setattr(ConsoleApp, "_display", display)
        yield updates


async def settings_pane(app: ConsoleApp, pilot: Pilot[int]) -> LiveTable:
    """The table of a pane that rests."""
    await until(pilot, lambda: app.pane_view.table.row_count > 10)
    app.pane_view.action_pause()
    app.monitor.vitals.period = 1000.0
    await pilot.pause()
    return app.pane_view.table


async def test_a_move_of_the_cursor_renders_and_paints_two_lines_at_once(
    any_pg: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(any_pg.uri("postgres"), pane="settings") as (app, pilot):
        table = await settings_pane(app, pilot)
        table.move_to(5)
        await pilot.pause()
        top, rendered = table.region.y + 1, []
        row = TablePainting._row
        monkeypatch.setattr(
            TablePainting,
            "_row",
            lambda self, at, *place: rendered.append(at) or row(self, at, *place),  # type: ignore[func-returns-value]
        )
        with painted(monkeypatch) as updates:
            await app.on_event(Key("j", "j"))
            assert updates == [{top + 5, top + 6}]
        assert sorted(rendered) == [5, 6]


async def test_of_keys_that_come_all_at_once_the_last_one_is_painted(
    any_pg: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(any_pg.uri("postgres"), pane="settings") as (app, pilot):
        table = await settings_pane(app, pilot)
        table.move_to(2)
        await pilot.pause()
        top = table.region.y + 1
        with painted(monkeypatch) as updates:
            for _ in range(5):
                app.post_message(Key("j", "j"))
            await until(pilot, lambda: updates)
            assert table.cursor == 7
            assert updates[0] == {top + row for row in range(2, 8)}


async def test_ctrl_l_sends_the_whole_screen_whatever_the_terminal_shows(
    any_pg: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(any_pg.uri("postgres"), pane="settings") as (app, pilot):
        await settings_pane(app, pilot)
        updates: list[object] = []
        app.picture.drawn([LinePart(0, 0, Strip([Segment("as it was")]), 0, 9)], app.console)
        with monkeypatch.context() as patch:
            patch.setattr(ConsoleApp, "_display", lambda _app, _screen, update: updates.append(update))
            await pilot.press("ctrl+l")
            await until(pilot, lambda: any(isinstance(update, LayoutUpdate) for update in updates))
        assert app.picture.drawn([LinePart(0, 0, Strip([Segment("as it was")]), 0, 9)], app.console)
