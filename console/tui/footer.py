"""The last line of the screen: the keys that work where the focus is."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding
from textual.content import Content
from textual.events import Click
from textual.screen import Screen

from console.keys import key_name
from console.tui.own_lines import OwnLine


class KeyLine(OwnLine):
    """The bindings marked for the footer, with their keys; a click presses the key."""

    def __init__(self) -> None:
        super().__init__()
        self._bindings_shown: tuple[Binding, ...] = ()
        self._places: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._follow)

    def _follow(self, screen: Screen[object]) -> None:
        active = screen.active_bindings.values()
        shown = tuple(entry.binding for entry in active if entry.binding.show and entry.enabled)
        if shown != self._bindings_shown:
            self._bindings_shown = shown
            self.refresh()

    def render(self) -> Content:
        """The keys that fit."""
        parts: list[tuple[str, str] | str] = []
        self._places = []
        x = 0
        for binding in fitting(self._bindings_shown, self.size.width):
            key = key_name(binding.key)
            end = x + _width(binding)
            parts += [(key, "bold $accent"), f" {binding.description} "]
            self._places.append((x, end, binding.key))
            x = end
        return Content.assemble(*parts)

    def on_click(self, event: Click) -> None:
        """Press the key under the mouse."""
        for start, end, key in self._places:
            if start <= event.x < end:
                self.app.simulate_key(key)


def fitting(bindings: Sequence[Binding], room: int) -> list[Binding]:
    """As many as fit into `room` cells; those that work everywhere, such as help, stay whatever the widget has."""
    chosen = list(bindings)
    for binding in reversed(bindings):
        if sum(map(_width, chosen)) - 1 <= room:
            break
        if not (binding.id or "").startswith("app."):
            chosen.remove(binding)
    while chosen and sum(map(_width, chosen)) - 1 > room:
        chosen.pop()
    return chosen


def _width(binding: Binding) -> int:
    return len(key_name(binding.key)) + len(binding.description) + 2
