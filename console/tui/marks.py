"""The mark of a console, and whether its panes show what differs from it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from console.model import Pane, Snapshot, Trouble, View

if TYPE_CHECKING:
    from console.past.mark import Mark
    from console.reading.reader import Reader
    from console.tui.dialog_stack import DialogStack


class Marks:
    """Turns the rows of a view into what differs from the mark, while that is wanted."""

    def __init__(self) -> None:
        self.mark: Mark | None = None
        self._coming = 0  # marks that are being made
        self._all_made = asyncio.Event()
        self._is_wanted = False
        self._views: dict[tuple[str, str], View] = {}  # as they show differences, by pane and name

    @property
    def in_use(self) -> Mark | None:
        """The mark that panes compare with; None: they show what is."""
        return self.mark if self._is_wanted else None

    @contextmanager
    def making(self) -> Iterator[None]:
        """The block makes a mark, which may take a while: all panes are read."""
        self._coming += 1
        self._all_made.clear()
        try:
            yield
        finally:
            self._coming -= 1
            if not self._coming:
                self._all_made.set()

    async def known(self, dialogs: DialogStack) -> Mark | None:
        """The mark, once the one that is being made is there; None: there is none, which is said."""
        if self._coming:
            dialogs.toast("All panes are being read for the mark; this follows.", timeout=3)
            await self._all_made.wait()
        if self.mark is None:
            dialogs.toast("No moment is marked. b marks one.", timeout=3)
        return self.mark

    def toggle(self) -> bool:
        """Show differences, or no longer; whether they are shown. Without a mark nothing changes."""
        self._is_wanted = self.mark is not None and not self._is_wanted
        return self._is_wanted

    @property
    def text(self) -> str:
        """Since when differences are shown; empty: none are."""
        return f"since {self.mark.moment}" if self.mark and self._is_wanted else ""

    def form(self, pane: Pane, view: View) -> View:
        """A view as it is shown."""
        if not self._is_wanted:
            return view
        from console.reading.difference import differing  # noqa: PLC0415  loaded with the first mark

        if (name := (pane.name, view.name)) not in self._views:
            self._views[name] = differing(view)
        return self._views[name]

    async def learn(self, pane: Pane, view: View) -> None:
        """Look up what a view had at the mark, if that is wanted; then it can be compared."""
        if mark := self.in_use:
            await mark.learn(pane.source_of(view), view)

    def rows(self, pane: Pane, view: View, reader: Reader) -> tuple[Snapshot | None, Trouble | None]:
        """The rows to show, the last ones or what differs in them from the mark; None and why: that is not known."""
        if (mark := self.in_use) is None:
            return reader.last, None
        try:
            return mark.compare(pane.source_of(view), view, reader), None
        except Trouble as why:
            return None, why
