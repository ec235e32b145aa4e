"""The line above the connections: how many are in which state, and how many are free."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Size
from textual.visual import VisualType

from console.format import cells
from console.model import Snapshot
from console.panes import pane
from console.tui.pane_chart import PaneChart
from console.tui.stacked import Share, connection_states, shares, stacked
from console.tui.vitals import Metrics


@pytest.mark.parametrize(
    ("numbers", "width", "expected"),
    [
        ([], 10, []),
        ([1], 10, [10]),
        ([1, 1], 10, [5, 5]),
        ([1, 99], 10, [1, 9]),  # a small part is seen
        ([50, 1, 1, 1], 10, [7, 1, 1, 1]),
        ([1, 2], 1, [1, 0]),
        ([10**9, 1], 12, [11, 1]),
    ],
)
def test_each_part_has_its_share_of_the_bar(numbers: list[int], width: int, expected: list[int]) -> None:
    assert shares(numbers, width) == expected


def test_the_line_is_as_wide_as_asked_and_names_as_much_as_leaves_room_for_the_bar() -> None:
    free = Share("free", 85, "_", of=" of 100")
    parts = [Share("active", 3, "#"), Share("none", 0, "?"), Share("idle in tx", 12, "%"), free]
    legend, bar = "# active 3  % idle in tx 12  _ free 85 of 100  ", "#%%____________________"
    assert stacked(parts, 70).plain == legend + bar
    assert stacked(parts, 41).plain == "# active 3  % idle in tx 12  #%__________"
    assert stacked([], 41).plain == ""


def sessions(*rows: tuple[str, int]) -> Snapshot:
    return Snapshot("connections", ("state", "blockers"), rows, datetime(2026, 1, 1, tzinfo=UTC))


ROWS = sessions(
    *(("active", 0), ("active", 2), ("fastpath", 0), ("idle in tx", 0), ("aborted tx", 0), ("idle", 0), ("hidden", 0)),
    *(("parallel", 0), ("autovacuum", 0), ("walsender", 0), ("background", 0)),
)


def test_a_session_is_counted_once_and_what_takes_no_connection_is_not() -> None:
    line = connection_states(ROWS, 158, 5, Metrics({"usable": 97, "used": 9})).plain
    assert line.startswith("█ active 2  ▓ waiting 1  ▒ idle in tx 2  ░ idle 1  ≈ other 1  ▁ free 88 of 97  ")
    assert cells(line) == 158


def test_without_the_metrics_of_the_header_nothing_is_said_about_free_connections() -> None:
    assert "free" not in connection_states(ROWS, 78, 5, Metrics()).plain
    assert connection_states(sessions(), 78, 5, Metrics()).plain == ""
    assert "free" not in connection_states(ROWS, 78, 5, Metrics({"usable": 97, "used": 99})).plain


async def test_the_line_is_drawn_again_only_when_it_changed() -> None:
    class Chart(PaneChart):
        drawn = 0

        def update(self, content: VisualType = "", *, layout: bool = True) -> None:
            self.drawn += 1
            super().update(content, layout=layout)

    class Bench(App[None]):
        def compose(self) -> ComposeResult:
            yield Chart(nullcontext)

    view, metrics = pane("connections").view("all"), Metrics({"usable": 97, "used": 9})
    app = Bench()
    async with app.run_test(size=(80, 24)):
        chart = app.query_one(Chart)
        for rows in (ROWS, ROWS, sessions(("idle", 0))):
            chart.draw(view, rows, Size(80, 18), metrics)
        assert chart.drawn == 2
        chart.draw(view, ROWS, Size(80, 10), metrics)
        assert not chart.display
