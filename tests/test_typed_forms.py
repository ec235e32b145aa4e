"""What is typed at full speed into a form reaches the fields that it was typed for, and nothing after Enter does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.events import Paste
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, OptionList

from console.actions import ACTIONS, action
from console.actions.planning import Action
from console.model import Claim, Parameter, Plan, Step
from console.tui.action_dialogs import ActionMenu, ParameterDialog
from console.tui.dialogs import ExportDialog
from console.tui.form_fields import OTHER, ChoiceField
from console.tui.plan_dialog import PlanDialog
from tests.screens import console, taken, until
from tests.servers import PostgresServer
from tests.terminals import Terminal
from tests.test_terminal import console as terminal_console
from tests.waiting import PATIENCE

AWAY = "host=127.0.0.1 port=1 connect_timeout=1"
FORMS = tuple(each for each in ACTIONS if sum(not parameter.exact for parameter in each.parameters) > 1)
FORM, MENU = "Enter plan", "type part of a name"
ESC, TAB, SHIFT_TAB, CTRL_U = "\x1b", "\t", "\x1b[Z", "\x15"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)


def fields(chosen: Action) -> Sequence[Parameter]:
    """The parameters in the order of the form."""
    asked = [parameter for parameter in chosen.parameters if not parameter.exact]
    return sorted(asked, key=lambda parameter: not parameter.required)


def words(chosen: Action) -> dict[str, str]:
    """A word for each field that is typed into."""
    return {each.name: f"word{at}" for at, each in enumerate(fields(chosen)) if not each.choices()}


def chosen_by_key(parameter: Parameter) -> bool:
    """Whether a choice has no value until a key gives it the first of them."""
    return parameter.default not in {choice.value for choice in parameter.choices()}


TEXT_FIRST = tuple(each for each in FORMS if not fields(each)[0].choices())  # a typed word shows that they take keys


async def show(pilot: Pilot[int], dialog: Screen[Any]) -> list[Any]:
    """Open a dialog that takes keys; returns the list of its answers."""
    answers: list[Any] = []
    pilot.app.push_screen(dialog, answers.append)
    await until(pilot, lambda: pilot.app.screen is dialog)
    await taken(pilot)
    return answers


def strike(pilot: Pilot[int], *keys: str) -> None:
    """Keys in one piece: none of them has acted when the next is typed."""
    for key in keys:
        pilot.app.simulate_key(key)


def into_every_field(chosen: Action) -> Iterator[str]:
    """To the second field and back, a word into each field, more than once over its default; then Enter, and more."""
    yield from ("tab", "shift+tab")
    for at, parameter in enumerate(fields(chosen)):
        if at:
            yield "tab"
        if word := words(chosen).get(parameter.name):
            yield from ("x", "backspace", *word)
        elif chosen_by_key(parameter):
            yield "down"
    yield from ("enter", *"more", "tab", *"more", "enter")


async def test_what_is_typed_at_once_after_tab_is_for_the_next_field_of_every_form() -> None:
    async with console(AWAY) as (_, pilot):
        for chosen in FORMS:
            answers = await show(pilot, form := ParameterDialog(chosen, {}))
            strike(pilot, *into_every_field(chosen))
            await until(pilot, lambda: answers, f"{chosen.name}: {form}")  # noqa: B023  waited for here
            (given,) = answers
            offered = {each.name: each.choices()[0].value for each in fields(chosen) if each.choices()}
            assert given == {**words(chosen), **{name: value for name, value in offered.items() if value}}, chosen.name


async def test_another_value_than_those_offered_can_be_typed_at_once() -> None:
    async with console(AWAY) as (_, pilot):
        answers = await show(pilot, form := ParameterDialog(action("apply-tuning"), {"storage": "ssd"}))
        presets = form.query(ChoiceField).first()
        strike(pilot, *["down"] * presets.size.height, "tab", *"/own.yml", "enter", *"more")
        await until(pilot, lambda: answers)
        assert answers[0]["preset"] == "/own.yml"
        assert presets.value == OTHER


async def test_what_is_pasted_stays_in_order_with_what_is_typed() -> None:
    async with console(AWAY) as (app, pilot):
        answers = await show(pilot, ParameterDialog(action("create-index"), {}))
        app.post_message(Paste("campaigns\nmore"))
        strike(pilot, "tab")
        app.post_message(Paste("stat"))
        strike(pilot, *"us", "enter", *"more")
        await until(pilot, lambda: answers)
        assert answers == [{"table": "campaigns", "columns": "status", "method": "btree"}]


async def test_the_menu_answers_with_what_was_typed_and_moved_to_at_once() -> None:
    async with console(AWAY) as (_, pilot):
        for below in range(3):
            answers = await show(pilot, menu := ActionMenu((), ACTIONS, ()))
            strike(pilot, *"index", *["down"] * below, "enter", *"more", "down", "enter")
            await until(pilot, lambda: answers)  # noqa: B023  waited for here
            text = [each for each in ACTIONS if "index" in f"{each.title} {each.name} {each.help}".lower()]
            assert answers == [text[below].name], menu


async def test_a_file_gets_the_name_that_was_typed_before_enter() -> None:
    async with console(AWAY) as (_, pilot):
        answers = await show(pilot, ExportDialog("rows.csv"))
        strike(pilot, *"own.csv", "enter", *"more", "enter")
        await until(pilot, lambda: answers)
        assert [str(path) for path in answers] == ["own.csv"]


async def test_a_plan_is_confirmed_by_the_name_that_was_typed_before_enter() -> None:
    plan = Plan(Claim("public.t", name="t"), (Step("DROP TABLE t"),), destructive=True)
    async with console(AWAY) as (_, pilot):
        answers = await show(pilot, dialog := PlanDialog(action("drop-index"), plan))
        strike(pilot, "t", "x", "enter")
        await pilot.pause()
        assert answers == []
        assert "does not match" in str(dialog.query_one(".wrong").render())
        strike(pilot, "backspace", "enter", *"more", "enter")
        await until(pilot, lambda: answers)
    assert answers == [True]


@pytest.mark.parametrize(("typed", "pane"), [("Pane: Locks", "locks"), ("Pane: Bloat", "bloat")])
async def test_the_palette_opens_what_was_typed_before_enter(typed: str, pane: str) -> None:
    async with console(AWAY) as (app, pilot):
        await until(pilot, lambda: app.pane_view.feed.trouble is not None)
        strike(pilot, "ctrl+p")
        await until(pilot, lambda: app.screen.query(Input))
        strike(pilot, *(key if key.isalpha() else {" ": "space", ":": "colon"}[key] for key in typed), "enter", *"mo")
        await until(pilot, lambda: app.panes.shown.pane.name == pane)
        assert not app.screen.query(OptionList)


async def test_the_palette_finds_an_action_by_its_name_on_the_command_line() -> None:
    async with console(AWAY) as (app, pilot):
        await until(pilot, lambda: app.pane_view.feed.trouble is not None)
        strike(pilot, "ctrl+p")
        await until(pilot, lambda: app.screen.query(Input))
        strike(pilot, *"create-index", "enter")
        await until(pilot, lambda: isinstance(app.screen, ParameterDialog))


# A real terminal


def open_form(terminal: Terminal, chosen: Action) -> None:
    """Open the form of an action from the menu; returns when it takes keys."""
    terminal.type("a")
    terminal.shows(MENU)
    type_until(terminal, CTRL_U + chosen.name, f" {chosen.name} ")
    terminal.type("\r")
    terminal.shows(FORM, fields(chosen)[0].name)
    type_until(terminal, "zzz", "zzz")


def type_until(terminal: Terminal, keys: str, text: str, pause: float = 0.5) -> None:
    """Type keys, every `pause` seconds, until a dialog, which ignores what comes too early, has taken them and `text`
    is shown."""
    end = time.monotonic() + PATIENCE
    while text not in terminal.text():
        assert time.monotonic() < end, f"never came: {text}\n{terminal.text()}"
        terminal.type(keys)
        again = time.monotonic() + pause
        while time.monotonic() < again and text not in terminal.text():
            terminal.read(0.1)


def close_form(terminal: Terminal) -> None:
    """Close the form; an escape that is typed together with the next key would be another key."""
    terminal.type(ESC)
    terminal.hides(FORM)


def shows_words(terminal: Terminal, chosen: Action, expected: Sequence[str]) -> None:
    """Read until these words are on the screen and no others; it is painted in parts."""
    end = time.monotonic() + PATIENCE
    while typed_words(terminal) != expected:
        assert time.monotonic() < end, f"{chosen.name}:\n{terminal.text()}"
        terminal.read(0.1)


def typed_words(terminal: Terminal) -> list[str]:
    """The words on the screen, from the top."""
    return [word for line in terminal.text().splitlines() for word in line.split() if word.startswith("word")]


@pytest.mark.brief
def test_a_real_terminal_types_each_word_into_its_field(any_pg: PostgresServer) -> None:
    type_into(any_pg, (action("create-index"), max(TEXT_FIRST, key=lambda each: len(each.parameters))))


@pytest.mark.slow
def test_a_real_terminal_types_each_word_into_its_field_of_every_form(any_pg: PostgresServer) -> None:
    type_into(any_pg, TEXT_FIRST)


def test_a_real_terminal_opens_the_pane_that_is_typed_with_the_key_of_the_palette(any_pg: PostgresServer) -> None:
    """Before the actions, which it also finds, have been loaded."""
    with terminal_console("open", any_pg.uri(), "--pane", "locks") as terminal:
        terminal.shows("Blocking tree")
        terminal.type(":capac\r")
        terminal.shows("What if")


def type_into(pg: PostgresServer, forms: Sequence[Action]) -> None:
    """Type a word into each field of forms in one piece; each must be alone in its field."""
    with terminal_console("open", pg.uri(), "--pane", "settings", size=(120, 90)) as terminal:
        terminal.shows("max_wal_size")
        for chosen in forms:
            expected = words(chosen)
            open_form(terminal, chosen)
            keys = [CTRL_U + expected[each.name] if each.name in expected else "" for each in fields(chosen)]
            terminal.type(TAB + SHIFT_TAB + TAB.join(keys))
            shows_words(terminal, chosen, list(expected.values()))
            close_form(terminal)
