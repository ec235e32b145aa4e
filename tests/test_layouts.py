"""A refresh lays out nothing: the whole screen would be arranged and painted for a text that has changed."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.events import Key
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets._toast import Toast

from console.panes import pane as pane_called
from console.tui.app import ConsoleApp
from console.tui.details import Details
from console.tui.pane_status import MOST_LINES, StatusLine
from tests.screens import LARGE, console, screen_text, settled, until
from tests.servers import PostgresServer


@pytest.fixture
def layouts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The screens that were laid out."""
    found: list[str] = []
    arrange = Screen._refresh_layout

    def counted(screen: Screen[object], *arguments: object, **keywords: object) -> None:
        found.append(type(screen).__name__)
        arrange(screen, *arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(Screen, "_refresh_layout", counted)
    return found


class Status(App[None]):
    """Nothing but a status line."""

    CSS = f"StatusLine {{ height: auto; max-height: {MOST_LINES}; }}"

    def compose(self) -> ComposeResult:
        yield StatusLine()


@pytest.mark.parametrize(
    ("before", "after", "height", "again"),
    [
        ("Next attempt in 12 s.", "Next attempt in 9 s.", 1, False),
        ("Next attempt in 9 s.", "Next attempt in 9 s. The server is starting up.", 2, True),
        ("Next attempt in 9 s. The server is starting up.", "Next attempt in 9 s.", 1, True),
        ("Next attempt in 9 s.", "", 0, True),
        ("", "Next attempt in 9 s.", 1, True),
        ("It has not come yet. " * 9, "It has not come either. " * 12, MOST_LINES, False),
    ],
)
async def test_a_status_is_laid_out_when_it_takes_other_lines(
    layouts: list[str], before: str, after: str, height: int, again: bool
) -> None:
    app = Status()
    async with app.run_test(size=(30, 6)) as pilot:
        line = app.query_one(StatusLine)
        line.show_status(before, is_trouble=True)
        await pilot.pause()
        layouts.clear()
        line.show_status(after, is_trouble=True)
        await pilot.pause()
        assert (line.size.height if line.display else 0) == height
        assert bool(layouts) == again


@pytest.mark.parametrize("pane", ["connections", "locks", "bloat", "indexes", "partitions", "settings"])
async def test_rows_that_are_read_again_are_painted_in_place(
    any_pg: PostgresServer, pipeline: str, layouts: list[str], pane: str
) -> None:
    async with console(any_pg.uri(pipeline), pane=pane) as (app, pilot):
        await reads(app, pilot, 3)
        layouts.clear()
        await reads(app, pilot, 3)
        assert layouts == []


async def test_turning_to_a_pane_is_one_layout_and_its_last_rows_are_there_at_once(
    any_pg: PostgresServer, pipeline: str, layouts: list[str]
) -> None:
    async with console(any_pg.uri(pipeline), pane="settings") as (app, pilot):
        await reads(app, pilot, 1)
        shown = app.pane_view.table.cursor_row
        assert shown is not None
        await app.action_pane("bloat")
        await reads(app, pilot, 2)
        layouts.clear()
        await app.on_event(Key("o", "o"))
        assert str(shown["name"]) in screen_text(app)
        assert layouts == ["FrontScreen"]
        await reads(app, pilot, 2)
        assert layouts == ["FrontScreen"]


async def test_turning_to_panes_with_charts_and_details_is_one_layout_each(
    any_pg: PostgresServer, pipeline: str, layouts: list[str]
) -> None:
    async with console(any_pg.uri(pipeline), LARGE, pane="settings") as (app, pilot):
        panes = ("partitions", "indexes", "settings")
        for name in panes:
            await app.action_pane(name)
            await reads(app, pilot, 2)
            app.pane_view.action_pause()
        for name in panes:
            await settled(pilot)
            layouts.clear()
            await app.on_event(Key(pane_called(name).key, None))
            await settled(pilot)
            assert layouts == ["FrontScreen"], name
        assert app.pane_view.query_one(Details).display


async def test_a_notice_that_goes_is_one_layout(any_pg: PostgresServer, pipeline: str, layouts: list[str]) -> None:
    async with console(any_pg.uri(pipeline), LARGE, pane="settings", toasts=True) as (app, pilot):
        await reads(app, pilot, 1)
        app.pane_view.action_pause()
        app.clear_notifications()
        await until(pilot, lambda: not app.screen.query(Toast))
        app.dialogs.toast("Done.", timeout=60)
        await until(pilot, lambda: "Done." in screen_text(app))
        await settled(pilot)
        layouts.clear()
        app.clear_notifications()
        await until(pilot, lambda: "Done." not in screen_text(app))
        await settled(pilot)
        assert layouts == ["FrontScreen"]


async def test_a_pane_that_is_not_on_the_screen_keeps_nothing_painted_and_comes_back_whole(
    any_pg: PostgresServer, pipeline: str
) -> None:
    async with console(any_pg.uri(pipeline), pane="settings") as (app, pilot):
        await reads(app, pilot, 1)
        view = app.pane_view
        view.action_pause()
        await pilot.pause()
        before = screen_text(app).splitlines()[3:]
        await app.action_pane("overview")
        await until(pilot, lambda: not any(widget._render_cache.lines for widget in view.walk_children(Widget)))
        assert not any(widget._styles_cache._cache for widget in view.walk_children(Widget))
        assert view.table._painting._painted == {}
        await app.action_pane("settings")
        await pilot.pause()
        assert screen_text(app).splitlines()[3:] == before


async def reads(app: ConsoleApp, pilot: Pilot[int], number: int) -> None:
    """Wait until the rows have been read so many times more."""
    for _ in range(number):
        before = app.pane_view.arranged
        await until(pilot, lambda: app.pane_view.arranged is not before)  # noqa: B023  waited for here
