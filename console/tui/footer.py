"""The last line: the keys that work where the focus is."""

from __future__ import annotations

from textual.binding import Binding
from textual.content import Content
from textual.events import Click
from textual.screen import Screen
from textual.widget import Widget


class KeyLine(Widget):
    """Key and name of each binding that wants to be shown; a click is as good as the key."""

    def __init__(self) -> None:
        super().__init__()
        self._bindings_shown: tuple[Binding, ...] = ()
        self._places: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._follow)

    def _follow(self, screen: Screen[object]) -> None:
        active = (one for one in screen.active_bindings.values() if one.binding.show and one.enabled)
        shown = tuple(one.binding for one in active)
        if shown != self._bindings_shown:
            self._bindings_shown = shown
            self.refresh()

    def render(self) -> Content:
        """The keys, as many as fit."""
        parts: list[tuple[str, str] | str] = []
        self._places = []
        x = 0
        for binding in self._bindings_shown:
            key = self.app.get_key_display(binding)
            end = x + len(key) + len(binding.description) + 2
            if end - 1 > self.size.width:
                break
            parts += [(key, "bold $accent"), f" {binding.description} "]
            self._places.append((x, end, binding.key))
            x = end
        return Content.assemble(*parts)

    def on_click(self, event: Click) -> None:
        """Press the key under the mouse."""
        for start, end, key in self._places:
            if start <= event.x < end:
                self.app.simulate_key(key)
