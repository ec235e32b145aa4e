"""While the past is shown, no key acts on the present unawares: it is refused, or its answer says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot

from console.actions import ACTIONS
from console.keys import InPast, Key, Place, all_keys
from console.past.segment import Stream
from console.series.wait_rows import next_window, resized
from console.series.waits import HOUR
from console.tui.app import ConsoleApp
from console.tui.finding_blocks import FindingBlocks
from tests.screens import console, screen_text, shows, taken, until
from tests.servers import PostgresServer as Cluster
from tests.test_past_screen import keep
from tests.waiting import eventually

TOGETHER = (Place.APP, Place.PANE, Place.TABLE, Place.FINDINGS)
KEYS = tuple(key for key in all_keys() if key.place in TOGETHER)
REFUSED_IN = {  # where each key of the present works while the present is shown
    "app.setup": "connections",
    "app.forecast": "connections",
    "app.stop-run": "activity",
}
ACKNOWLEDGING = {"findings.later", "findings.later-until"}
LEAVING = {"app.quit", "app.interrupt"}
ACTING = ("plan", "explain", "start", "run", "stop", "write_incident")
REFUSAL, REMARK = "this would act on the present", "made from the present state"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings of this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def spied(app: ConsoleApp, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the workspace and of what belongs to the present, by name, from now on."""
    asked: list[str] = []
    for owner, names in (
        (app.workspace, ACTING),
        (app.workspace.waits, ("show_window",)),
        (app.workspace.observer, ("put_off",)),
    ):
        for name in names:
            monkeypatch.setattr(type(owner), name, _spy(asked, name, getattr(owner, name)))
    return asked


def _spy(asked: list[str], name: str, asking: Callable[..., object]) -> Callable[..., object]:
    def ask(_: object, *given: object, **named: object) -> object:
        asked.append(name)
        return asking(*given, **named)

    return ask


async def turn_back(app: ConsoleApp, pilot: Pilot[int]) -> None:
    """Show the past."""
    await until(pilot, lambda: Stream("postgres", "vitals") in app.workspace.recorder.readings(9e9).streams)
    await pilot.press("left_square_bracket")
    await until(pilot, lambda: app.times.is_past)


async def close_dialogs(app: ConsoleApp, pilot: Pilot[int]) -> None:
    """Leave whatever a key has opened."""

    async def closed() -> bool:
        await pilot.press("escape")
        return len(app.screen_stack) == 1

    await eventually(closed)


def toasts(app: ConsoleApp) -> str:
    return " ".join(each.message for each in app._notifications)


def test_every_key_that_is_refused_is_tried() -> None:
    assert {key.id for key in KEYS if key.past is InPast.REFUSED} == REFUSED_IN.keys() | ACKNOWLEDGING


async def test_a_key_that_would_act_on_the_present_is_refused(any_pg: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {key.id: key for key in KEYS}
    async with console(any_pg.uri("postgres"), pane="connections") as (app, pilot):
        await turn_back(app, pilot)
        asked = spied(app, monkeypatch)
        for name, pane in REFUSED_IN.items():
            await app.action_pane(pane)
            app.clear_notifications()
            await pilot.press(keys[name].each[0])
            await until(pilot, lambda: REFUSAL in toasts(app), name)
        for message in (app.action_doctor, lambda: app.post_message(FindingBlocks.PutOff("rule", "subject"))):
            app.clear_notifications()
            message()
            await until(pilot, lambda: REFUSAL in toasts(app))
        assert asked == []
        assert app.times.is_past
        assert len(app.screen_stack) == 1


async def test_every_other_key_shows_what_was_then(any_pg: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = [
        key for key in KEYS if key.past is InPast.SHOWN and key.id not in LEAVING and "turn_time" not in key.action
    ]
    async with console(any_pg.uri("postgres"), pane="connections") as (app, pilot):
        await turn_back(app, pilot)
        asked = spied(app, monkeypatch)
        for key in harmless:
            await app.action_pane("overview" if key.place is Place.FINDINGS else "connections")
            await pilot.press(key.each[0])
            await pilot.pause()
            await close_dialogs(app, pilot)
            assert app.times.is_past, key.id
        assert asked == []


async def test_the_window_of_the_waits_is_chosen_of_a_moment_too(any_pg: Cluster) -> None:
    async with console(any_pg.uri("postgres"), pane="waits") as (app, pilot):

        async def is_of(window: str) -> bool:
            assert app.times.then is not None
            shown = await app.times.then.named("waits").fetch("wait_classes")
            return f"window {window}: " in " ".join(shown.notes)

        await turn_back(app, pilot)
        for window in ("15m", "1h", "1m"):
            await pilot.press("d")
            await eventually(partial(is_of, window))
        assert app.workspace.waits.seconds == 300  # of the present another one is kept


def answering() -> list[Key]:
    """The keys whose answer is of the present, without those that ask for something that has no default."""
    needy = {f"act.{each.name}" for each in ACTIONS if any(parameter.required for parameter in each.parameters)}
    own = [key for key in KEYS if key.past is InPast.ANSWERED and key.id.startswith("act.")]
    return [key for key in own if key.id not in needy]


async def test_an_answer_of_the_present_says_so(any_pg: Cluster, pipeline: str) -> None:
    with any_pg.connect(pipeline, application_name="somebody"):
        async with console(any_pg.uri(pipeline), pane="connections", toasts=True) as (app, pilot):
            await shows(pilot, "somebody")
            await turn_back(app, pilot)
            for key in answering():
                app.clear_notifications()
                await pilot.press(key.each[0])
                await until(pilot, lambda: REMARK in _words(app) or "Enter plan" in _words(app), key.id)
                await taken(pilot) if len(app.screen_stack) > 1 else None
                if REMARK not in _words(app):  # a form asks for parameters first
                    await pilot.press("enter")
                    await until(pilot, lambda: REMARK in _words(app), key.id)
                await close_dialogs(app, pilot)


def _words(app: ConsoleApp) -> str:
    """The screen as one line, so that a sentence is found wherever it is wrapped, with the toasts."""
    return " ".join(f"{screen_text(app).replace('│', ' ')} {toasts(app)}".split())


async def test_a_session_of_the_past_is_not_taken_for_what_it_runs_now(any_pg: Cluster) -> None:
    with any_pg.connect(application_name="somebody"):
        async with console(any_pg.uri("postgres"), pane="connections") as (app, pilot):
            await shows(pilot, "somebody")
            await until(pilot, lambda: Stream("postgres", "vitals") in app.workspace.recorder.readings(9e9).streams)
            keep(app, 40, "connections", "somebody", "of then")
            await pilot.press("left_curly_bracket")
            await shows(pilot, "of then")
            app.pane_view.table.seek({"application": "of then"})
            await pilot.press("E")
            await until(pilot, lambda: "another statement by now" in toasts(app))
            assert len(app.screen_stack) == 1


async def test_keys_show_a_window_of_the_waits_of_any_length(any_pg: Cluster) -> None:
    async with console(any_pg.uri("postgres"), pane="waits", toasts=True) as (app, pilot):

        async def pressed(key: str, seconds: float) -> None:
            await pilot.press(key)
            await until(pilot, lambda: app.times.window == seconds, f"{key}: {app.times.window}")

        await pressed("left_parenthesis", 240)
        await pressed("right_parenthesis", 300)
        await pressed("right_parenthesis", 450)
        await pilot.press("vertical_line")
        await shows(pilot, "No moment is marked.")
        await pilot.press("b")
        await until(pilot, lambda: app.marks.mark is not None)
        marked = app.marks.mark
        assert marked is not None
        await until(pilot, lambda: time.time() - marked.then.moment > 2)
        await pilot.press("vertical_line")
        await until(pilot, lambda: 2 <= app.times.window < 60)
        await turn_back(app, pilot)
        await pressed("left_parenthesis", 240)
        await pilot.press("vertical_line")
        await shows(pilot, "The mark is later than the moment")


def test_a_window_is_never_longer_than_what_is_kept() -> None:
    assert [resized(300, -1), resized(300, 1), resized(10, -1), resized(HOUR, 1)] == [240, 450, 10, HOUR]
    assert [next_window(450), next_window(HOUR)] == [900, 60]
