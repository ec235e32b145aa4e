"""Where a key acts: on what is on the screen when it arrives, and at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from textual.app import App
from textual.events import Event, Key, Paste
from textual.widgets import Input

from console.tui.dialog_stack import DialogStack
from console.tui.text_field import TextField


class CheckBindings(Protocol):
    """Carries out the action that a key is bound to; returns whether there was one."""

    async def __call__(self, key: str, priority: bool = False) -> bool: ...


class KeyRouting:
    """Carries out keys in the order in which they are typed.

    Textual would hand a key to the widget with the focus and act on it later, so that keys typed in a hurry reached the
    pane, the field or the page of the guide that the key before left.
    """

    def __init__(
        self,
        app: App[int],
        dialogs: DialogStack,
        check_bindings: CheckBindings,
        everywhere: Mapping[str, Callable[[], None]],
    ) -> None:
        """`everywhere`: what keys do that act in every dialog too, where no other key of the application does."""
        self._app = app
        self._everywhere = everywhere
        self._dialogs = dialogs
        self._check_bindings = check_bindings

    async def handles(self, event: Event) -> bool:
        """Whether this event needs nothing more: a key, which has acted or came before its dialog could be read."""
        if not self._dialogs.takes(event):
            return True
        if event.is_forwarded or not isinstance(event, Key | Paste):
            return False
        self._app.app_focus = True  # a terminal that has lost the focus may still be sent keys
        if not self._inserts(event) and isinstance(event, Key):
            await self._act(event)
        return isinstance(event, Key) or isinstance(self._app.focused, Input)

    def _inserts(self, event: Key | Paste) -> bool:
        """Insert what is typed or pasted into the field with the focus. Returns whether there was something."""
        text = _text(event)
        if not text or not isinstance(self._app.focused, Input):
            return False
        self._app.focused.replace(text, *self._app.focused.selection)
        return True

    async def _act(self, key: Key) -> None:
        """Carry out what a key is bound to. An unknown one ends here: later it would act on what is there by then."""
        before = self._app.focused
        if act := self._everywhere.get(key.key):
            act()
        elif not (await self._check_bindings(key.key, priority=True) or await self._check_bindings(key.key)):
            self._dialogs.missed(key)
        elif isinstance(after := self._app.focused, TextField) and after is not before:
            after.select_all()  # what is typed replaces it


def _text(event: Key | Paste) -> str:
    """What an event inserts into a field: the character of a key, the first line that is pasted."""
    if isinstance(event, Paste):
        return next(iter(event.text.splitlines()), "")
    return event.character if event.character is not None and event.is_printable else ""
