"""Changes from the console: menu, plan, typed name, run, read-only; by keys, on a real server."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from console import actions
from console.actions.planning import Action, Request
from console.model import Claim, Kind, Outcome, Parameter, Plan, Step, Transaction, Trouble
from console.running.trail.audit import Trail
from console.tui.action_flow import parameters_from_rows
from tests.screens import console, screen_text, shows, taken, until
from tests.servers import PostgresServer


async def _plan(request: Request) -> Plan:
    subject = request.parameters["table"] or "public.organizations"
    if request.parameters["mode"] == "wrong":
        raise Trouble(Kind.USAGE, "touch needs --set table=…: what to touch.")
    if request.parameters["mode"] == "nothing":
        return Plan(Claim(subject), notes=("all of it is there",))
    sleep = (Step("SELECT pg_sleep(60)", execution=Transaction("2")),) if request.parameters["mode"] == "slow" else ()
    step = Step(
        f"ANALYZE {subject}", lock=f"SHARE UPDATE EXCLUSIVE on {subject}", note="fresh statistics", undo="SELECT 1"
    )
    return Plan(Claim(subject), (step, *sleep), destructive=request.parameters["mode"] == "destructive")


TOUCH = Action(
    name="touch",
    title="Touch a table",
    help="Analyses it.",
    plan=_plan,
    parameters=(Parameter("table", "which one"), Parameter("mode", "for the test")),
    row={"table": "parent"},
)


@pytest.fixture(autouse=True)
def _only_touch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(actions, "ACTIONS", (TOUCH,))
    monkeypatch.setattr(actions, "action", lambda _: TOUCH)
    monkeypatch.setattr("console.workspace.default_trail", lambda: Trail(tmp_path / "audit.jsonl"))


async def begin(pilot: Pilot[int]) -> None:
    """Choose the action from the menu; its parameters are asked for."""
    await pilot.press("a")
    await shows(pilot, "Touch a table")
    await taken(pilot)
    await pilot.press("enter")
    await shows(pilot, "for the test")
    await taken(pilot)


async def test_an_action_is_planned_shown_run_and_audited(
    any_pg: PostgresServer, pipeline: str, tmp_path: Path
) -> None:
    async with console(any_pg.uri(pipeline)) as (app, pilot):
        await shows(pilot, "rules evaluated")
        await begin(pilot)
        await pilot.press("enter")
        text = await shows(pilot, "ANALYZE public.organizations")
        assert "SHARE UPDATE EXCLUSIVE" in text
        assert "undo" in text
        assert "SELECT 1" in text
        assert app.workspace.runs == [], "nothing runs before the yes"
        await shows(pilot, "r run")
        await pilot.press("r")
        await until(pilot, lambda: app.workspace.runs and app.workspace.runs[0].outcome)
        assert app.workspace.runs[0].outcome is Outcome.DONE
    assert [entry["event"] for entry in Trail(tmp_path / "audit.jsonl").entries()] == ["start", "commit", "step", "end"]


async def test_escape_at_the_plan_runs_nothing(any_pg: PostgresServer, pipeline: str, tmp_path: Path) -> None:
    async with console(any_pg.uri(pipeline)) as (app, pilot):
        await shows(pilot, "rules evaluated")
        await begin(pilot)
        await pilot.press("enter")
        await shows(pilot, "Plan: Touch", "Esc close")
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert app.workspace.runs == []
    assert not (tmp_path / "audit.jsonl").exists()


async def test_a_destructive_plan_wants_its_subject_typed(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline)) as (app, pilot):
        await shows(pilot, "rules evaluated")
        await begin(pilot)
        await pilot.press("tab", *"destructive", "enter")
        await shows(pilot, "Type public.organizations", "type the name")
        await pilot.press(*"public.users", "enter")
        await shows(pilot, "Name does not match")
        assert app.workspace.runs == []
        app.screen.query_one("Input").value = "public.organizations"  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: app.workspace.runs and app.workspace.runs[0].outcome is Outcome.DONE)


async def test_nothing_to_do_is_said_with_its_reason(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline)) as (app, pilot):
        await shows(pilot, "rules evaluated")
        await begin(pilot)
        await pilot.press("tab", *"nothing", "enter")
        await until(pilot, lambda: any("all of it is there" in note.message for note in app._notifications))


async def test_marked_rows_and_the_row_under_the_cursor_give_the_parameters(
    any_pg: PostgresServer, pipeline: str
) -> None:
    async with console(any_pg.uri(pipeline), pane="partitions") as (app, pilot):
        await until(pilot, lambda: app.pane_view.table.cursor_key is not None)
        await pilot.press("p", "space", "space")
        await until(pilot, lambda: screen_text(app).count("\n* ") == 2)
        marked = app.pane_view.chosen_rows
        assert len(marked) == 2
        assert actions.ACTIONS[0].row == {"table": "parent"}
        assert parameters_from_rows(TOUCH, marked) == {"table": ",".join(str(row["parent"]) for row in marked)}


async def test_a_run_goes_on_behind_other_panes_and_quitting_asks(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline)) as (app, pilot):
        await shows(pilot, "rules evaluated")
        await begin(pilot)
        await pilot.press("tab", *"slow", "enter")
        await shows(pilot, "pg_sleep", "r run")
        await pilot.press("r")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await pilot.press("w")
        await shows(pilot, "touch", "running")
        await pilot.press("q")
        await shows(pilot, "1 action still running")
        await taken(pilot)
        await pilot.press("n")
        assert app.is_running
        app.workspace.stop(app.workspace.runs[0].id)
        await until(pilot, lambda: app.workspace.runs[0].outcome is Outcome.STOPPED)
        await shows(pilot, "touch", "stopped")


async def test_a_parameter_that_is_missing_is_named_as_the_form_names_it(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline)) as (_, pilot):
        await shows(pilot, "rules evaluated")
        await begin(pilot)
        await pilot.press("tab", *"wrong", "enter")
        await shows(pilot, "touch needs table=…: what to touch.")
        await pilot.press("escape")
        await shows(pilot, "for the test")


async def test_a_read_only_console_offers_no_change(any_pg: PostgresServer, pipeline: str) -> None:
    async with console(any_pg.uri(pipeline), read_only=True) as (app, pilot):
        await shows(pilot, "READ-ONLY")
        await pilot.press("a")
        await pilot.pause()
        assert len(app.screen_stack) == 1
