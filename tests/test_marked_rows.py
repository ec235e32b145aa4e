"""What is marked in a table is what an action is planned for, whichever way it is asked for."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from textual.widgets import OptionList

from console.actions import action
from console.tui.action_flow import parameters_from_rows
from console.tui.plan_dialog import PlanDialog
from tests.screens import console, shows, taken, until
from tests.servers import PostgresServer

NAMES = ("marked-a", "marked-b", "marked-c")


@pytest.mark.parametrize("way", ["menu", "key"])
@pytest.mark.parametrize("marks", [0, 1, 2])
async def test_an_action_is_planned_for_the_marked_rows_else_for_that_under_the_cursor(
    any_pg: PostgresServer, way: str, marks: int
) -> None:
    with ExitStack() as stack:
        sessions = [stack.enter_context(any_pg.connect("postgres", application_name=name)) for name in NAMES]
        pids = {session.info.backend_pid for session in sessions}
        async with console(any_pg.uri(), pane="connections", size=(120, 40)) as (app, pilot):
            await shows(pilot, "marked-a")
            app.pane_view.state.filter_text = "marked-"
            app.pane_view.paint()
            await until(pilot, lambda: len(app.pane_view.table.visible_keys) == len(NAMES))
            await pilot.press("p", "home", *["space"] * marks)
            table = app.pane_view.table
            rows = table.marked_rows or [table.cursor_row or {}]
            assert len(rows) == max(1, marks)
            if way == "key":
                await pilot.press("K")
            else:
                await pilot.press("a")
                await until(pilot, lambda: isinstance(app.focused, OptionList) or app.screen.query(OptionList))
                await taken(pilot)
                options = app.screen.query_one(OptionList)
                options.highlighted = options.get_option_index("terminate-backend")
                await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, PlanDialog))
            assert isinstance(app.screen, PlanDialog)
            (step,) = app.screen._plan.steps
            meant = {pid for pid in pids if f"({pid}, " in step.sql}
            assert meant == {row["pid"] for row in rows}


def test_values_of_several_rows_are_joined_and_missing_ones_left_out() -> None:
    chosen = action("terminate-backend")
    rows: list[dict[str, object]] = [{"pid": 1, "backend_start": "a"}, {"pid": 2, "backend_start": None}, {"pid": 3}]
    assert parameters_from_rows(chosen, rows) == {"pid": "1,2,3", "started": "a"}
    assert parameters_from_rows(chosen, ()) == {}
    assert parameters_from_rows(action("create-partitions"), ({"parent": "a"}, {"parent": "b"})) == {"table": "a,b"}
