"""Where a key acts: on what is on the screen when it arrives, and at once."""

from __future__ import annotations

from typing import Protocol

from textual.app import App
from textual.events import Event, Key
from textual.widgets import Input

from console.tui.dialog_stack import DialogStack
from console.tui.filter_line import FilterLine


class CheckBindings(Protocol):
    """Carries out the action that a key is bound to; returns whether there was one."""

    async def __call__(self, key: str, priority: bool = False) -> bool: ...


class KeyRouting:
    """Carries out keys in the order in which they are typed.

    Textual would hand a key to the widget with the focus and act on it later, so that keys typed in a hurry reached the
    pane, the filter or the page of the guide that the key before left.
    """

    def __init__(self, app: App[int], dialogs: DialogStack, check_bindings: CheckBindings) -> None:
        self._app = app
        self._dialogs = dialogs
        self._check_bindings = check_bindings

    async def handles(self, event: Event) -> bool:
        """Whether this event needs nothing more: a key that has acted, or came before its dialog could be read."""
        if not self._dialogs.takes(event):
            return True
        return isinstance(event, Key) and not event.is_forwarded and await self._acts(event)

    async def _acts(self, key: Key) -> bool:
        self._app.app_focus = True  # a terminal that has lost the focus may still be sent keys
        focused = self._app.focused
        if isinstance(focused, FilterLine) and focused.take(key):
            return True
        if isinstance(focused, Input) and not isinstance(focused, FilterLine):
            return False  # what is typed into a form stays in order there
        if await self._check_bindings(key.key, priority=True) or await self._check_bindings(key.key):
            return True
        self._dialogs.missed(key)
        return False
