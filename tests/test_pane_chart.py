"""The drawings above the rows: laid out for the terminal as it is, and made only where they can be seen."""

from __future__ import annotations

import pytest

from console.tui.pane_chart import PaneChart
from tests.screens import console, until
from tests.servers import PostgresServer


async def test_a_chart_behind_a_dialog_is_laid_out_anew_in_a_terminal_that_became_narrower(
    any_pg: PostgresServer,
) -> None:
    async with console(any_pg.uri("postgres"), (160, 45), pane="connections") as (app, pilot):
        chart = app.pane_view.query_one(PaneChart)
        await until(pilot, lambda: chart.size.height == 1)
        await pilot.press("?")
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: app.pane_view.size.width == 80 and chart.size.height == 1)


async def test_the_history_is_drawn_only_while_it_is_on_the_screen(
    any_pg: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    monkeypatch.setattr("console.tui.overview.history", lambda *_: drawn.append(1) or "")  # type: ignore[func-returns-value]
    async with console(any_pg.uri("postgres"), (160, 45)) as (app, pilot):
        app.monitor.vitals.period = 0.1
        await until(pilot, lambda: len(drawn) > 1)
        await app.action_pane("settings")
        seen, times = len(drawn), len(app.monitor.vitals.times)
        await until(pilot, lambda: len(app.monitor.vitals.times) > times + 3)
        assert len(drawn) == seen
        await app.action_pane("overview")
        await until(pilot, lambda: len(drawn) > seen)
