"""The dialog that an action has from the key that requests it until it runs: it takes every key in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from console.format import safe
from console.keys import Place
from console.tui.background import in_background
from console.tui.bindings import bindings
from console.tui.key_guard import SEEN, KeyGuard, answer


class PlanningDialog(ModalScreen[None]):
    """Carries out a flow of dialogs above itself, and says what is planned while none of them is open."""

    BINDINGS = bindings(Place.PLANNING)

    def __init__(self, flow: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._flow = flow
        self._ended = False
        self.guard = KeyGuard(SEEN)

    def compose(self) -> ComposeResult:
        """One line."""
        with Vertical(classes="dialog -small") as frame:
            frame.border_subtitle = "Esc cancel"
            yield Static("Planning …", markup=False)

    def on_mount(self) -> None:
        """Begin the flow."""
        self.call_after_refresh(self.guard.shown)
        in_background(self, "planning", self._carry_out)

    def show_planning(self, title: str) -> None:
        """Show that the action with this title is being planned; empty: nothing is."""
        self.query_one(Vertical).border_title = title
        self.set_class(bool(title), "-planning")

    def on_screen_suspend(self) -> None:
        """Leave the shade to the dialog above."""
        self.add_class("-covered")

    def on_screen_resume(self) -> None:
        """Shade the pane again: the dialog above has closed."""
        self.remove_class("-covered")
        self.guard.shown()
        if self._ended:
            answer(self)

    def action_cancel(self) -> None:
        """Cancel the planning and the query that it runs on the server: the worker ends with its screen."""
        answer(self)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Report a defect in a flow, which would otherwise end in silence."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            error = event.worker.error
            self.app.notify(safe(f"Internal error: {type(error).__name__}: {error}"), severity="error", markup=False)

    async def _carry_out(self) -> None:
        try:
            await self._flow()
        finally:
            self._ended = True
            answer(self)
