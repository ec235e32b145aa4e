"""The line in which a filter is typed."""

from __future__ import annotations

from textual.widgets import Input

from console.reading.filtering import HELP


class FilterLine(Input):
    """Below the table while a filter is typed or in effect; hidden otherwise."""

    def __init__(self) -> None:
        super().__init__(placeholder=f"filter: {HELP}", classes="filter")

    def open(self, text: str) -> None:
        """Edit the filter `text`."""
        self.display = True
        self.value = text
        self.focus()

    def close(self) -> None:
        """Clear the filter."""
        self.value = ""
        self.display = False
