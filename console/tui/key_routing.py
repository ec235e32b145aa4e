"""Where a key acts: on what is on the screen when it arrives, and at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.events import Event, Key, Paste
from textual.keys import key_to_character
from textual.screen import Screen
from textual.widgets import Input

from console.tui.dialog_stack import DialogStack
from console.tui.text_field import TextField


class KeyRouting:
    """Carries out keys in the order in which they are typed.

    Textual would hand a key to the widget with the focus and act on it later, so that keys typed in a hurry reached the
    pane, the field or the page of the guide that the key before left.
    """

    def __init__(
        self,
        app: App[int],
        dialogs: DialogStack,
        everywhere: Mapping[str, Callable[[], None]],
    ) -> None:
        """`everywhere`: what keys do that act in every dialog too, where no other key of the application does."""
        self._app = app
        self._everywhere = everywhere
        self._dialogs = dialogs

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
        elif not await self._carry_out(key.key):
            self._dialogs.missed(key)
        elif isinstance(after := self._app.focused, TextField) and after is not before:
            after.select_all()  # what is typed replaces it

    async def _carry_out(self, key: str) -> bool:
        """Carry out the first action of `key` that is there; whether there was one."""
        for node, action in bound(self._app.screen, key):
            if await self._app.run_action(action, node):
                return True
        return False


def bound(screen: Screen[object], key: str) -> Iterator[tuple[DOMNode, str]]:
    """The actions that `key` is bound to where the focus is, with their nodes, in the order in which they are tried.

    As App._check_bindings() of Textual, which is asked twice, and copies all bindings from the focus up each time.
    """
    chain = _chain(screen, key)
    for node, bindings in reversed(chain):
        yield from ((node, binding.action) for binding in bindings if binding.priority)
    for node, bindings in chain:
        yield from ((node, binding.action) for binding in bindings if not binding.priority)
        if node.is_modal:
            return


def _chain(screen: Screen[object], key: str) -> list[tuple[DOMNode, Sequence[Binding]]]:
    """What `key` is bound to in the widget with the focus, in what holds it, and so on up to the application."""
    focused = screen.focused
    if focused is None or focused.loading or screen.app._keymap:  # noqa: SLF001  keys of its own
        return [(node, known.key_to_bindings.get(key, ())) for node, known in screen._binding_chain]  # noqa: SLF001
    chain: list[tuple[DOMNode, Sequence[Binding]]] = []
    is_consumed, character = False, key_to_character(key)
    for node in focused.ancestors_with_self:
        chain.append((node, () if is_consumed else node._bindings.key_to_bindings.get(key, ())))  # noqa: SLF001
        is_consumed = is_consumed or node.check_consume_key(key, character)
    return chain


def _text(event: Key | Paste) -> str:
    """What an event inserts into a field: the character of a key, the first line that is pasted."""
    if isinstance(event, Paste):
        return next(iter(event.text.splitlines()), "")
    return event.character if event.character is not None and event.is_printable else ""
