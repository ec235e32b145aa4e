"""How the interface takes the terminal over: what is on it stays until the interface can paint the same rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import RenderableType
from textual.app import App
from textual.screen import Screen

from console.tui.compositor import FrontScreen, whole
from console.tui.first_screen import FirstScreen

LONGEST = 2.0  # seconds that the first screen stays when no rows come

Display = Callable[[Screen[Any], RenderableType | None], None]


class Takeover:
    """Keeps the first screen on the terminal until the first rows are painted, a key is pressed or a dialog opens."""

    def __init__(self, app: App[int], first_screen: FirstScreen | None, display: Display) -> None:
        """`display` paints on the terminal."""
        self._app = app
        self._first_screen = first_screen
        self._display = display
        self._is_waiting = first_screen is not None and first_screen.is_shown

    def hand_over(self) -> bool:
        """Take the terminal over from the first screen; whether there was one."""
        return self._first_screen is not None and self._first_screen.hand_over()

    def withholds(self) -> bool:
        """Whether what would be painted now must not be: it has fewer rows than the first screen."""
        self._is_waiting = self._is_waiting and len(self._app.screen_stack) == 1
        return self._is_waiting

    def complete(self) -> None:
        """Paint the whole screen over the first one, which had the same rows."""
        if self._is_waiting and isinstance(screen := self._app.screen, FrontScreen):
            self._is_waiting = False
            self._display(screen, whole(screen))
