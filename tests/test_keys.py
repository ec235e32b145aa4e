"""The declared keys and the widgets' bindings are the same, and no two that work together share a key."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from textual.app import App
from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode
from textual.events import Key as Pressed
from textual.screen import Screen

import console.tui
from console.keys import Key, Place, all_keys, free_keys, key_name
from console.model import Kind, Trouble
from console.tui.bindings import bindings, check_keymap
from console.tui.key_routing import bound
from tests.command import run
from tests.screens import console as opened
from tests.screens import until
from tests.servers import PostgresServer

TOGETHER = (Place.APP, Place.PANE, Place.TABLE)


def _widgets() -> Iterator[type[DOMNode]]:
    """Every class of the terminal interface that declares bindings."""
    for info in pkgutil.walk_packages(console.tui.__path__, "console.tui."):
        module = importlib.import_module(info.name)
        for _, value in inspect.getmembers(module, inspect.isclass):
            if value.__module__ == info.name and issubclass(value, DOMNode) and "BINDINGS" in vars(value):
                yield value


WIDGETS = tuple(_widgets())


def test_every_binding_of_a_widget_is_declared_and_every_declared_one_has_a_widget() -> None:
    declared = [binding for place in Place for binding in bindings(place)]
    bound = [binding for widget in WIDGETS for binding in widget.BINDINGS]
    assert set(bound) == set(declared)


@pytest.mark.parametrize("widget", WIDGETS, ids=lambda widget: widget.__name__)
def test_every_binding_calls_a_method_that_exists(widget: type[DOMNode]) -> None:
    for binding in widget.BINDINGS:
        assert isinstance(binding, Binding)
        name = binding.action.partition("(")[0]
        owner = App if name.startswith("app.") else widget
        assert callable(getattr(owner, f"action_{name.removeprefix('app.')}", None)), binding


def test_no_two_keys_that_work_together_are_the_same() -> None:
    for places in [TOGETHER, *((place,) for place in Place if place not in TOGETHER)]:
        used = Counter(chain.from_iterable(key.each for key in all_keys() if key.place in places))
        assert [key for key, times in used.items() if times > 1] == []


def test_a_free_key_is_bound_nowhere_outside_dialogs() -> None:
    used = set(chain.from_iterable(key.each for key in all_keys() if key.place in TOGETHER))
    assert not used & set(free_keys())
    assert {"0", "I", "Y"} <= set(free_keys())


def test_keys_are_named_as_people_write_them() -> None:
    assert [key_name(key) for key in ("slash", "ctrl+f", "pagedown", "G")] == ["/", "Ctrl+F", "PgDn", "G"]


def test_a_keymap_changes_the_keys_of_a_binding() -> None:
    remapped: dict[str, Key] = {key.id: key for key in all_keys({"pane.filter": "f, slash"})}
    assert remapped["pane.filter"].names == ("f", "/")
    assert remapped["pane.sort"].names == ("s",)


def test_a_keymap_that_names_an_unknown_binding_is_a_usage_error() -> None:
    check_keymap({"plan.run": "x"})
    with pytest.raises(Trouble) as caught:
        check_keymap({"pane.nothing": "x"})
    assert caught.value.kind is Kind.USAGE
    assert "pane.filter" in caught.value.remedy


def test_list_keys_prints_every_binding_and_the_free_keys(tmp_path: Path) -> None:
    listed = json.loads(run(tmp_path, "list", "keys", "--format", "json").out)
    assert [entry["id"] for entry in listed["bindings"]] == [key.id for key in all_keys()]
    assert {"id": "pane.filter", "keys": ["slash"], "does": "Filter", "where": "panes"} in listed["bindings"]
    assert listed["free"] == list(free_keys())
    text = run(tmp_path, "list", "keys").out
    assert all(key.id in text for key in all_keys())
    assert " ".join(free_keys()) in text.splitlines()[-1]


def textual_order(screen: Screen[object], key: str) -> list[tuple[DOMNode, str]]:
    """What Textual itself tries for a key, one after the other."""
    first = [
        (node, binding.action)
        for node, known in reversed(screen._binding_chain)
        for binding in known.key_to_bindings.get(key, ())
        if binding.priority
    ]
    return first + [
        (node, binding.action)
        for node, known in screen._modal_binding_chain
        for binding in known.key_to_bindings.get(key, ())
        if not binding.priority
    ]


@pytest.mark.parametrize("keymap", [{}, {"pane.filter": "f", "quit": "Q"}], ids=["usual", "changed"])
async def test_what_a_key_is_bound_to_is_found_as_textual_finds_it(
    any_pg: PostgresServer, keymap: dict[str, str]
) -> None:
    keys = {*chain.from_iterable(key.each for key in all_keys(keymap)), *free_keys(), "f", "x", "enter", "tab", "f1"}
    seen = set()
    async with opened(any_pg.uri("postgres"), pane="settings", changed={"keymap": keymap}) as (app, pilot):
        await until(pilot, lambda: app.pane_view.table.row_count > 10)
        for opening, closing in (("", ""), ("f" if keymap else "slash", "escape"), ("question_mark", "escape")):
            await pilot.press(*filter(None, (opening,)))
            await pilot.pause()
            seen.add(type(app.focused))
            for key in keys:
                assert list(bound(app.screen, key)) == textual_order(app.screen, key), key
            await pilot.press(*filter(None, (closing,)))
        await pilot.press("ctrl+p")
        await until(pilot, lambda: len(app.screen_stack) > 1)
        assert all(list(bound(app.screen, key)) == textual_order(app.screen, key) for key in keys)
    assert len(seen) > 2, "a table, a field and a dialog"


async def test_no_bindings_are_copied_for_a_key(any_pg: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[BindingsMap] = []
    copy = BindingsMap.copy
    async with opened(any_pg.uri("postgres"), pane="settings") as (app, pilot):
        table = app.pane_view.table
        await until(pilot, lambda: table.row_count > 10)
        table.move_to(3)
        with monkeypatch.context() as patch:
            patch.setattr(BindingsMap, "copy", lambda known: copied.append(known) or copy(known))  # type: ignore[func-returns-value]
            await app.on_event(Pressed("j", "j"))
        assert table.cursor == 4
    assert copied == []
