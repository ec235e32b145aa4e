"""Where the details of a row are: below the table where it leaves room, next to it on a wide terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from console.model import Column, Pane, Snapshot, Source, View
from console.reading.reader import Readers
from console.tui.marks import Marks
from console.tui.open_pane import OpenPane
from console.tui.pane_rows import PaneRows
from tests.waiting import PATIENCE

VIEW = View(
    "v",
    "V",
    "q",
    (
        Column("pid", "pid", "count"),
        Column("query", "query", "query", grow=True),
        Column("client", "client", "name", width=60, extra=True),
    ),
    ("pid",),
    detail="d",
)
PANE = Pane("p", "p", "P", "help", (VIEW,))
STATEMENT = "SELECT " + "x" * 90


class Answers:
    """A source that counts how often the details of a row are asked for."""

    asked = 0

    async def fetch(self, query: str, parameters: object = None) -> Snapshot:
        self.asked += 1
        return Snapshot(query, ("item", "text"), (("plan", "Seq Scan"),), datetime(2026, 1, 1, tzinfo=UTC))


class Bench(App[None]):
    CSS = (
        "Details { display: none; } PaneRows { height: 1fr; } LiveTable { width: 1fr; height: 1fr; }"
        "PaneRows.-below { layout: vertical; Details { width: 100%; } } Static, Vertical { height: auto; }"
    )

    def __init__(self) -> None:
        super().__init__()
        self.source = Answers()

    def compose(self) -> ComposeResult:
        yield PaneRows(opened(self.source), lambda _view, _filter: None)


def opened(source: Answers) -> OpenPane:
    """A pane that reads its details from `source`."""
    answers = cast("Callable[[View], Source]", lambda _view: source)
    return OpenPane(PANE, answers, lambda _view: "", Readers(), Marks(), details_source=answers)


def rows(number: int, query: str = STATEMENT) -> Snapshot:
    values = tuple((pid, query, f"client{pid}", f"hidden{pid}") for pid in range(number))
    return Snapshot("q", ("pid", "query", "client", "internal"), values, datetime(2026, 1, 1, tzinfo=UTC))


async def show(pilot: Pilot[None], snapshot: Snapshot) -> PaneRows:
    pane = pilot.app.query_one(PaneRows)
    pane.show(snapshot, "", False)
    pane.fill_drawer()
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    return pane


def text(pane: PaneRows) -> str:
    return "\n".join(str(static.render()) for static in pane.drawer.query(Static))


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        await pilot.pause(0.01)


def below(pane: PaneRows) -> int:
    """Lines of details below the table."""
    return pane.drawer.outer_size.height if pane.drawer.display and pane.has_class("-below") else 0


@pytest.mark.parametrize(("number", "height"), [(0, 0), (1, 16), (4, 16), (8, 12), (12, 8), (15, 8), (16, 0), (300, 0)])
async def test_below_the_table_they_take_what_it_leaves_free_from_eight_lines_on(number: int, height: int) -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        pane = await show(pilot, rows(number))
        assert below(pane) == height
        if height:
            assert pane.table.size.height >= number + 1


async def test_rows_that_come_and_go_do_not_move_them() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        heights = [below(await show(pilot, rows(number))) for number in (12, 10, 12, 15, 16, 15)]
        assert heights == [8, 8, 8, 8, 0, 8]


async def test_below_the_table_they_hold_what_it_does_not_show_in_full() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        pane = await show(pilot, rows(3))
        assert STATEMENT in text(pane)
        assert "client0" in text(pane)
        assert "pid" not in text(pane)
        await pilot.press("j")
        await until(pilot, lambda: "client1" in text(pane))
        assert "SELECT" not in text(await show(pilot, rows(3, "SELECT 1")))


async def test_on_a_wide_terminal_they_are_beside_the_table_which_keeps_eighty_cells() -> None:
    app = Bench()
    for width, least in ((120, 80), (160, 90), (200, 120)):
        async with app.run_test(size=(width, 45)) as pilot:
            pane = await show(pilot, rows(300))
            assert pane.drawer.display
            assert not pane.has_class("-below")
            assert least <= pane.table.size.width < width - 30
            await pilot.resize_terminal(80, 24)
            await pilot.pause()
            assert not pane.drawer.display
        app = Bench()


async def test_another_place_leaves_nothing_of_the_size_that_they_had() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        pane = await show(pilot, rows(3))
        for _ in range(2):
            assert pane.drawer.outer_size.width == pane.size.width
            assert below(pane) == 16
            await pilot.resize_terminal(200, 50)
            await until(pilot, lambda: not pane.has_class("-below"))
            await pilot.pause()
            assert pane.drawer.outer_size.height == pane.size.height
            await pilot.resize_terminal(80, 24)
            await until(pilot, lambda: pane.has_class("-below"))
            await pilot.pause()


async def test_next_to_the_table_they_hold_what_the_narrower_table_does_not_show() -> None:
    app = Bench()
    async with app.run_test(size=(150, 45)) as pilot:
        pane = app.query_one(PaneRows)
        pane.show(rows(3, "SELECT 1"), "", False)
        await pilot.pause()
        assert "client" in pane.table.render_line(0).text  # as wide as the screen it shows everything
        pane.fill_drawer()
        await until(pilot, lambda: text(pane).split() == ["client", "client0"])
        assert "client0" not in pane.table.render_line(1).text


async def test_the_detail_query_runs_only_when_they_are_asked_for() -> None:
    app = Bench()
    async with app.run_test(size=(160, 45)) as pilot:
        pane = await show(pilot, rows(3))
        await pilot.press("j")
        pane = await show(pilot, rows(3))
        assert "client1" in text(pane)
        assert "hidden" not in text(pane)
        assert app.source.asked == 0
        await pilot.press("enter")
        pane = await show(pilot, rows(3))
        assert "Seq Scan" in text(pane)
        assert "hidden1" in text(pane)
        assert app.source.asked == 1
        await pilot.press("enter")
        assert "Seq Scan" not in text(await show(pilot, rows(3)))


async def test_closed_details_stay_closed_until_they_are_asked_for() -> None:
    app = Bench()
    async with app.run_test(size=(160, 45)) as pilot:
        pane = await show(pilot, rows(3))
        pane.close_drawer()
        assert not (await show(pilot, rows(4))).drawer.display
        await pilot.press("enter")
        assert "Seq Scan" in text(await show(pilot, rows(4)))


async def test_below_a_table_that_shows_everything_there_are_none() -> None:
    app = Bench()
    async with app.run_test(size=(100, 24)) as pilot:
        snapshot = replace(rows(1, "SELECT 1"), rows=((1, "SELECT 1", None, None),))
        assert not (await show(pilot, snapshot)).drawer.display
