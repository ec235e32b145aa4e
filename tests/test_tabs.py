"""The line of groups and panes, on a screen of its own."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from console.model import Pane
from console.panes import PANES
from console.tui.tabs import PaneTabs


class Line(App[None]):
    """Only the tab line."""

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current

    def compose(self) -> ComposeResult:
        yield PaneTabs(PANES, self._current)


@pytest.mark.parametrize("pane", PANES, ids=lambda pane: pane.name)
async def test_at_80_columns_every_pane_of_the_group_is_spelled_out(pane: Pane) -> None:
    app = Line(pane.name)
    async with app.run_test(size=(80, 1)):
        line = app.query_one(PaneTabs).render().plain
    assert len(line) <= 80
    for each in PANES:
        assert (f" {each.key} {each.title}" in line) == (each.group == pane.group), line
    assert all(each.group in line for each in PANES)


async def test_a_narrow_line_shortens_titles_and_keeps_every_pane() -> None:
    app = Line("connections")
    async with app.run_test(size=(60, 1)):
        line = app.query_one(PaneTabs).render().plain
    assert len(line) <= 60
    assert " 2 Con" in line
    assert "…" in line


async def test_turning_goes_round_and_returns_to_the_pane_last_seen() -> None:
    app = Line("locks")
    async with app.run_test(size=(80, 1)) as pilot:
        tabs = app.query_one(PaneTabs)
        seen = []
        for _ in range(len({pane.group for pane in PANES})):
            seen.append(tabs.beside(1))
            tabs.current = seen[-1]
            await pilot.pause()
        assert seen[-1] == "locks"
        assert tabs.beside(-1) == seen[-2]
