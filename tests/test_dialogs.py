"""The dialogs of an action by keys: the menu, forms, plans that are read while a name is typed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.command import SearchIcon
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, OptionList, Static

from console.actions import ACTIONS, action
from console.actions.planning import Action, is_short
from console.glyphs import HANDLER
from console.keys import action_key
from console.model import Claim, Plan, Step
from console.panes import pane
from console.tui import app as application
from console.tui.action_dialogs import TITLE, ActionMenu, ParameterDialog
from console.tui.dialogs import DetailsDialog, ExportDialog, QuitDialog, SortDialog, TextDialog
from console.tui.form_fields import OTHER, ChoiceField, ParameterField
from console.tui.key_guard import answer
from console.tui.later_dialog import LaterDialog
from console.tui.palette import Palette
from console.tui.plan_dialog import PlanDialog
from tests.screens import taken, until

SIZES = [(80, 24), (200, 50)]
SESSIONS = tuple(action(name) for name in ("cancel-backend", "terminate-backend", "terminate-idle"))
REQUIRED = [each for each in ACTIONS if any(parameter.required for parameter in each.parameters)]


class Front(App[None]):
    """An application without panes."""

    CSS_PATH = Path(application.__file__).with_name("console.tcss")


@asynccontextmanager
async def opened(dialog: Screen[Any], size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[Pilot[None], list[Any]]]:
    """A dialog that takes keys, and the list of its answers."""
    answers: list[Any] = []
    async with Front().run_test(size=size) as pilot:
        pilot.app.push_screen(dialog, answers.append)
        await taken(pilot)  # type: ignore[arg-type]
        yield pilot, answers


def lines(dialog: Screen[Any]) -> list[str]:
    """What the menu offers, in order."""
    return [str(option.prompt) for option in dialog.query_one(OptionList).options]


# The menu


async def test_the_menu_says_so_when_no_action_has_the_words() -> None:
    menu = ActionMenu(SESSIONS, (), [])
    async with opened(menu) as (pilot, answers):
        await pilot.press(*"xyz")
        await until(pilot, lambda: lines(menu) == ["No action has these words."])  # type: ignore[arg-type]
        await pilot.press("enter", "down", "enter")
        await pilot.press(*(["backspace"] * 3))
        await until(pilot, lambda: len(lines(menu)) == len(SESSIONS))  # type: ignore[arg-type]
        assert not answers


@pytest.mark.parametrize(
    ("row", "first", "useless"),
    [
        ({"pid": 7, "state": "active"}, "Cancel a statement", ()),
        ({"pid": 7, "state": "idle in tx"}, "Terminate a session", ("Cancel a statement",)),
        ({"pid": 7, "state": "aborted tx"}, "Terminate a session", ("Cancel a statement",)),
        ({"pid": 7, "state": "idle"}, "Terminate a session", ("Cancel a statement",)),
        ({"pid": 0, "state": None}, "Terminate idle sessions", ("Cancel a statement", "Terminate a session")),
    ],
)
async def test_the_menu_begins_with_what_helps_for_the_row(
    row: Mapping[str, object], first: str, useless: tuple[str, ...]
) -> None:
    menu = ActionMenu(SESSIONS, (), [row])
    async with opened(menu):
        offered = lines(menu)
        assert first in offered[0]
        assert [line for line in offered if "no effect: " in line] == offered[len(offered) - len(useless) :]
        assert all(title in " ".join(offered[len(offered) - len(useless) :]) for title in useless)


@pytest.mark.parametrize("size", SIZES)
async def test_each_action_of_the_menu_takes_one_line(size: tuple[int, int]) -> None:
    menu = ActionMenu(SESSIONS, [each for each in ACTIONS if each not in SESSIONS], [{"pid": 7, "state": "active"}])
    async with opened(menu, size):
        options = menu.query_one(OptionList)
        assert options.virtual_size.height == len(ACTIONS)


async def test_every_action_is_found_by_typing_its_name() -> None:
    async with Front().run_test() as pilot:
        for chosen in ACTIONS:
            menu, answers = ActionMenu((), ACTIONS, ()), list[Any]()
            pilot.app.push_screen(menu, answers.append)
            await taken(pilot)  # type: ignore[arg-type]
            for key in chosen.name:
                pilot.app.simulate_key(key)
            await until(pilot, lambda: menu.query_one(Input).value == chosen.name)  # type: ignore[arg-type]  # noqa: B023
            options = menu.query_one(OptionList)
            while options.get_option_at_index(options.highlighted or 0).id != chosen.name:
                await pilot.press("down")
            await pilot.press("enter")
            await until(pilot, lambda: answers)  # type: ignore[arg-type]  # noqa: B023  waited for here
            assert answers == [chosen.name]


async def test_what_is_typed_is_sought_in_names_before_descriptions() -> None:
    here = [action("pooler-pause"), action("pooler-resume")]  # the help of the first has the word too
    menu = ActionMenu(here, (), [{"paused": 1}])
    async with opened(menu) as (pilot, _):
        await pilot.press(*"resume")
        await until(pilot, lambda: "Resume a pooled database" in lines(menu)[0])  # type: ignore[arg-type]
        assert len(lines(menu)) == len(here)


async def test_nothing_is_chosen_where_nothing_matches() -> None:
    menu = ActionMenu((), ACTIONS, ())
    async with opened(menu) as (pilot, answers):
        await pilot.press(*"nosuchaction", "enter", "escape")
        await until(pilot, lambda: answers)  # type: ignore[arg-type]
    assert answers == [None]


# Forms


async def test_enter_keeps_every_form_whose_required_field_is_empty() -> None:
    async with Front().run_test(size=(80, 24)) as pilot:
        for chosen in REQUIRED:
            form, answers = ParameterDialog(chosen, {}), list[Any]()
            pilot.app.push_screen(form, answers.append)
            await taken(pilot)  # type: ignore[arg-type]
            field = form.query(ParameterField).first()
            assert "(required)" in str(field.query_one(".label", Static).render())
            await pilot.press("enter")
            await pilot.pause()
            assert "is missing" in str(form.query_one(".dialog").border_subtitle)
            assert "is missing" in str(field.query_one(".label", Static).render())
            await pilot.press("escape")
            assert answers == [None]


async def test_the_form_of_the_tuning_offers_presets_and_storage_with_what_each_does() -> None:
    form = ParameterDialog(action("apply-tuning"), {})
    async with opened(form) as (pilot, answers):
        preset, storage = (field for field in form.query(ParameterField) if field.query(ChoiceField))
        assert [field.parameter.name for field in (preset, storage)] == ["preset", "storage"]
        await pilot.press("down", "down", "up", *["tab"] * 5, "down", "enter")
        await until(pilot, lambda: answers)  # type: ignore[arg-type]
    assert answers == [{"preset": "pipeline", "storage": "ssd"}]


async def test_the_path_of_a_preset_file_can_be_typed() -> None:
    form = ParameterDialog(action("apply-tuning"), {"preset": "/etc/own.yml"})
    async with opened(form) as (pilot, answers):
        field = form.query(ParameterField).first()
        assert field.query_one(ChoiceField).value == OTHER
        await pilot.press("tab", "end", "backspace", "enter")
        await until(pilot, lambda: answers)  # type: ignore[arg-type]
    assert answers[0]["preset"] == "/etc/own.ym"


# Plans


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("key", ["pagedown", "ctrl+f", "down"])
async def test_a_plan_scrolls_while_a_name_must_be_typed(size: tuple[int, int], key: str) -> None:
    plan = Plan(Claim("public.t", name="t"), tuple(Step(f"DROP TABLE t{at}") for at in range(99)), destructive=True)
    dialog = PlanDialog(action("drop-index"), plan)
    async with opened(dialog, size) as (pilot, answers):
        body = dialog.query_one("VerticalScroll")
        assert isinstance(dialog.focused, Input)
        await pilot.press(key)
        await until(pilot, lambda: body.scroll_offset.y > 0)  # type: ignore[arg-type]
        await pilot.press({"pagedown": "pageup", "ctrl+f": "ctrl+b", "down": "up"}[key])
        await until(pilot, lambda: body.scroll_offset.y == 0)  # type: ignore[arg-type]
        await pilot.press("t", "enter")
        await until(pilot, lambda: answers)  # type: ignore[arg-type]
    assert answers == [True]


SCROLLED: Mapping[str, Callable[[], ModalScreen[Any]]] = {
    "plan": lambda: PlanDialog(action("drop-index"), Plan(Claim("t"), tuple(Step(f"SELECT {at}") for at in range(99)))),
    "text": lambda: TextDialog("Title", "\n".join(map(str, range(99)))),
    "details": lambda: DetailsDialog(
        "Connections", pane("connections").view("all"), (1,), {"pid": 1, "query": "SELECT 1\n" * 99}, None
    ),
}


@pytest.mark.parametrize("keys", [("G", "g"), ("end", "home")])
@pytest.mark.parametrize("name", SCROLLED)
async def test_a_dialog_that_scrolls_goes_to_its_end_and_to_its_top(name: str, keys: tuple[str, str]) -> None:
    dialog = SCROLLED[name]()
    async with opened(dialog) as (pilot, _):
        body = dialog.query_one(VerticalScroll)
        await pilot.press(keys[0])
        await until(pilot, lambda: 0 < body.max_scroll_y == body.scroll_offset.y)  # type: ignore[arg-type]
        await pilot.press(keys[1])
        await until(pilot, lambda: body.scroll_offset.y == 0)  # type: ignore[arg-type]


def test_what_must_be_typed_is_one_short_word() -> None:
    assert is_short("content_analytics_archive_2024_01")
    assert not is_short("archive of public.content_analytics, public.api_usage")
    assert not is_short("x" * 64)


# Every dialog


DIALOGS: Mapping[str, Callable[[], ModalScreen[Any]]] = {
    "text": lambda: TextDialog("Title", "text"),
    "export": lambda: ExportDialog("rows.csv"),
    "sort": lambda: SortDialog((), ""),
    "menu": lambda: ActionMenu((), ACTIONS, ()),
    "form": lambda: ParameterDialog(action("terminate-backend"), {}),
    "plan": lambda: PlanDialog(action("drop-index"), Plan(Claim("t"), (Step("SELECT 1"),))),
    "quit": lambda: QuitDialog(1),
    "details": lambda: DetailsDialog("Connections", pane("connections").view("all"), (1,), {"pid": 1}, None),
    "later": LaterDialog,
}


async def test_escape_held_down_answers_a_dialog_once_and_ends_nothing() -> None:
    async with Front().run_test() as pilot:
        for make in DIALOGS.values():
            await hold_escape(pilot, make())


async def hold_escape(pilot: Pilot[None], above: ModalScreen[Any]) -> None:
    """Press Esc three times without waiting in a dialog above another."""
    below = TextDialog("Below", "text")
    pilot.app.push_screen(below)
    await taken(pilot)  # type: ignore[arg-type]
    answers: list[Any] = []
    pilot.app.push_screen(above, answers.append)
    await taken(pilot)  # type: ignore[arg-type]
    for _ in range(3):
        pilot.app.simulate_key("escape")
    await until(pilot, lambda: above not in pilot.app.screen_stack)  # type: ignore[arg-type]
    await pilot.pause()
    assert len(answers) == 1
    assert pilot.app.is_running


@pytest.mark.parametrize("name", DIALOGS)
async def test_a_dialog_that_is_closed_before_it_is_drawn_is_gone_without_a_trace(name: str) -> None:
    answers: list[Any] = []
    async with Front().run_test() as pilot:
        dialog = DIALOGS[name]()
        pilot.app.push_screen(dialog, answers.append)
        answer(dialog)  # Esc, before there is anything in it
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)  # type: ignore[arg-type]
        assert pilot.app.is_running
    assert len(answers) == 1


async def test_the_palette_draws_nothing_that_an_encoding_may_lack() -> None:
    async with Front().run_test() as pilot:
        pilot.app.push_screen(Palette())
        await until(pilot, lambda: bool(pilot.app.screen.query(SearchIcon)))  # type: ignore[arg-type]
        icon = pilot.app.screen.query_one(SearchIcon)
        assert str(icon.render()).isascii()
    assert "▔".encode("ascii", HANDLER) == b"-"


async def test_a_palette_that_is_closed_before_it_is_drawn_is_gone_too() -> None:
    async with Front().run_test() as pilot:
        palette = Palette()
        pilot.app.push_screen(palette)
        palette.dismiss(None)
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)  # type: ignore[arg-type]
        assert pilot.app.is_running


def test_every_key_of_a_dialog_has_its_action() -> None:
    dialogs = (TextDialog, DetailsDialog, SortDialog, ExportDialog, QuitDialog, ActionMenu, ParameterDialog, PlanDialog)
    for dialog in (*dialogs, ChoiceField):
        for binding in dialog.BINDINGS:
            name = binding.action.partition("(")[0]  # type: ignore[union-attr]
            assert name.startswith("app.") or hasattr(dialog, f"action_{name}"), (dialog, name)


@pytest.mark.parametrize("chosen", ACTIONS, ids=lambda chosen: chosen.name)
def test_the_title_of_an_action_fits_the_menu_with_a_gap_after_it(chosen: Action) -> None:
    assert len(f"▸ {chosen.title}" + (f" ({key})" if (key := action_key(chosen.name)) else "")) < TITLE
