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
from textual.binding import Binding
from textual.dom import DOMNode

import console.tui
from console.keys import Key, Place, all_keys, free_keys, key_name
from console.model import Kind, Trouble
from console.tui.bindings import bindings, check_keymap
from tests.command import run

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
