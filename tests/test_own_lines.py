"""Lines of a widget that are put together without Textual's help look as Textual itself paints them."""

from __future__ import annotations

import pytest
from textual.geometry import Offset
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from console.tui.footer import KeyLine
from console.tui.grounds import DARK, LIGHT, SIXTEEN
from console.tui.own_lines import OwnLine, OwnStyles
from console.tui.tabs import PaneTabs
from console.tui.title import PaneTitle
from tests.screens import console, until
from tests.test_header import looks

AWAY = "postgresql://127.0.0.1:1/x"
KINDS: tuple[type[OwnLine], ...] = (PaneTabs, PaneTitle, KeyLine)


@pytest.mark.parametrize("width", [40, 80, 160])
@pytest.mark.parametrize("theme", [DARK, LIGHT, SIXTEEN])
async def test_they_look_as_textual_itself_paints_them(width: int, theme: str) -> None:
    async with console(AWAY, (width, 24), pane="connections") as (app, pilot):
        await until(pilot, lambda: app.pane_view.feed.trouble is not None)
        app.theme = theme
        for pane in ("locks", "slow-queries"):
            await app.action_pane(pane)
            await pilot.pause()
            for line in map(app.query_one, KINDS):
                own = line.render_lines(line.size.region)
                line.refresh()
                textual = Widget.render_lines(line, line.size.region)
                assert line.size.width == width
                assert [looks(each) for each in own] == [looks(each) for each in textual]


async def test_a_line_that_stays_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with console(AWAY, pane="connections") as (app, pilot):
        await until(pilot, lambda: app.pane_view.feed.trouble is not None)
        await pilot.pause()
        tabs, made = app.query_one(PaneTabs), OwnStyles.line
        whole = tabs.render_lines(tabs.size.region)
        monkeypatch.setattr(OwnStyles, "line", lambda *_: Strip([]))
        assert tabs.render_lines(tabs.size.region) == whole
        monkeypatch.setattr(OwnStyles, "line", made)
        tabs.current = "locks"
        assert tabs.render_lines(tabs.size.region) != whole


async def test_what_is_selected_is_marked() -> None:
    async with console(AWAY, pane="connections") as (app, pilot):
        await until(pilot, lambda: app.pane_view.feed.trouble is not None)
        tabs = app.query_one(PaneTabs)
        plain = [looks(line) for line in tabs.render_lines(tabs.size.region)]
        app.screen.selections = {tabs: Selection(Offset(0, 0), Offset(9, 0))}
        await pilot.pause()
        assert [looks(line) for line in tabs.render_lines(tabs.size.region)] != plain
