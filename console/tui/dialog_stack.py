"""The dialogs and toasts of the application, as flows of actions use them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual.app import App
from textual.events import Event, Key, Paste
from textual.notifications import SeverityLevel
from textual.screen import Screen

from console.format import safe
from console.tui.action_flow import Answer
from console.tui.key_guard import Guarded, KeyGuard
from console.tui.planning_dialog import PlanningDialog


class DialogStack:
    """What is above the panes: at most one flow of dialogs at a time, which takes every key."""

    def __init__(self, app: App[int]) -> None:
        self._app = app

    def takes(self, event: Event) -> bool:
        """Whether an event may pass: not a key pressed before the dialog on top could have been read.

        Esc always passes, because it changes nothing.
        """
        guarded = isinstance(event, Paste) or (isinstance(event, Key) and event.key != "escape")
        guard = self._guard if guarded else None
        return guard is None or guard.takes(event.time)

    def missed(self, key: Key) -> None:
        """The dialog on top does not know a key."""
        if (guard := self._guard) is not None:
            guard.missed(key.time)

    def open(self, dialog: Screen[None]) -> None:
        """Open a dialog above a pane, unless a key that was pressed before has just opened another."""
        if len(self._app.screen_stack) == 1:
            self._app.push_screen(dialog)

    async def ask(self, dialog: Screen[Answer]) -> Answer | None:
        """Show a dialog and wait for its answer; None: it was closed without one."""
        self.show_planning("")
        answered: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        # Not push_screen_wait: a dialog that is closed after its flow was cancelled would end the console.
        self._app.push_screen(dialog, lambda result: None if answered.done() else answered.set_result(result))
        return await answered

    def begin(self, flow: Callable[[], Awaitable[object]]) -> None:
        """Carry out a flow of dialogs; from now on every key is for them."""
        if self._planning is None:
            self._app.push_screen(PlanningDialog(flow))

    def show_planning(self, title: str) -> None:
        """Show that the action with this title is being planned; empty: nothing is."""
        if self._planning is not None:
            self._planning.show_planning(title)

    def toast(self, text: str, title: str = "", severity: SeverityLevel = "information", timeout: float = 5) -> None:
        """Show a text for some seconds."""
        self._app.notify(safe(text), title=title, severity=severity, timeout=timeout, markup=False)

    @property
    def _guard(self) -> KeyGuard | None:
        stack = self._app.screen_stack
        return stack[-1].guard if stack and isinstance(stack[-1], Guarded) else None

    @property
    def _planning(self) -> PlanningDialog | None:
        return next((screen for screen in self._app.screen_stack if isinstance(screen, PlanningDialog)), None)
