"""The line in which a filter is typed."""

from __future__ import annotations

from collections.abc import Callable

from textual.widgets import Input

from console.reading.filtering import HELP


class FilterLine(Input):
    """Below the table while a filter is typed or in effect; hidden otherwise."""

    def __init__(self, typed: Callable[[str], None], leave: Callable[[], None]) -> None:
        """`typed` takes the text at each change; `leave` gives the focus back to the rows."""
        super().__init__(placeholder=f"filter: {HELP}", classes="filter", select_on_focus=False)
        self._typed = typed
        self._leave = leave

    def open(self, text: str) -> None:
        """Edit the filter `text`."""
        self.display = True
        self.value = text
        self.select_all()
        self.screen.set_focus(self)

    def watch_value(self, value: str) -> None:
        """Filter while typing."""
        self._typed(value)

    async def action_submit(self) -> None:
        """Keep the filter."""
        self._leave()

    def close(self) -> None:
        """Clear the filter."""
        self.value = ""
        self.display = False
