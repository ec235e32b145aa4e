"""For how long a finding is put off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from console.keys import Place
from console.tui.bindings import bindings
from console.tui.key_guard import SEEN, KeyGuard, answer

DURATIONS: Mapping[str, timedelta] = {
    "1 hour": timedelta(hours=1),
    "4 hours": timedelta(hours=4),
    "1 day": timedelta(days=1),
    "1 week": timedelta(weeks=1),
}


class LaterDialog(ModalScreen[timedelta]):
    """Answers with the time for which the finding counts no more."""

    BINDINGS = bindings(Place.LIST)

    def __init__(self) -> None:
        super().__init__()
        self.guard = KeyGuard(SEEN)

    def compose(self) -> ComposeResult:
        """A list of durations."""
        with Vertical(classes="dialog -small") as frame:
            frame.border_title = "Acknowledge for"
            frame.border_subtitle = "Enter acknowledge · Esc close"
            yield OptionList(*(Option(name, id=name) for name in DURATIONS))

    def on_mount(self) -> None:
        """Start at the shortest."""
        self.query_one(OptionList).highlighted = 0
        self.call_after_refresh(self.guard.shown)

    def action_leave(self) -> None:
        """Change nothing."""
        answer(self)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the duration."""
        answer(self, DURATIONS[event.option.id or ""])

    def action_cursor(self, step: int) -> None:
        """Move as j and k do everywhere."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if step > 0 else options.action_cursor_up()
