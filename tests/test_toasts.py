"""Toasts take lines of their own: they cover no row, no key and no dialog."""

from __future__ import annotations

import pytest
from textual.widgets._toast import Toast

from console.tui.dialogs import TextDialog
from console.tui.finding_blocks import FindingBlocks
from console.tui.footer import KeyLine
from console.tui.live_table import LiveTable
from console.tui.tabs import PaneTabs
from tests.screens import SMALL, console, screen_text, shows, until
from tests.servers import PostgresServer

LONG = "9 partitions created, and a sentence so long that it takes more than a line of the screen. " * 3


@pytest.mark.parametrize("size", [SMALL, (200, 50)], ids=["80x24", "200x50"])
@pytest.mark.parametrize("text", ["Done.", LONG], ids=["short", "long"])
async def test_a_toast_covers_nothing(pg: PostgresServer, database: str, size: tuple[int, int], text: str) -> None:
    async with console(pg.uri(database), size, toasts=True) as (app, pilot):
        await pilot.press("2")
        await shows(pilot, "pid")
        app.dialogs.toast(text, timeout=60)
        await until(pilot, lambda: bool(app.screen.query(Toast)) and text[:20] in screen_text(app))
        toast = app.screen.query_one(Toast).region
        for kind in (PaneTabs, LiveTable, FindingBlocks, KeyLine):
            for widget in app.screen.query(kind):
                assert not widget.display or not toast.overlaps(widget.region), kind
        assert "Help" in screen_text(app), "the keys are on the screen"
        if text == LONG:
            assert screen_text(app).count("sentence") == LONG.count("sentence"), "the toast is whole"
        app.push_screen(TextDialog("A dialog", "its text"))
        await shows(pilot, "A dialog", text[:20])
        dialog = app.screen.query_one(".dialog").region
        assert not dialog.overlaps(app.screen.query_one(Toast).region)
