"""The entries of the command palette: panes, views, actions, themes, and the commands of the application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from textual.app import SystemCommand
from textual.await_complete import AwaitComplete
from textual.command import CommandPalette, Hits, SearchIcon
from textual.system_commands import SystemCommandsProvider
from textual.widgets import Input
from textual.worker import WorkerCancelled

from console import actions
from console.model import Pane
from console.panes import PANES
from console.tui.themes import THEMES

Choose = Callable[[str], object]
Call = Callable[[], object]


class Palette(CommandPalette):
    """Textual's palette, except for what is typed in a hurry.

    There Enter would choose from what was found before the last characters were typed, and a second Enter would close
    the screen below the palette too.
    """

    def on_mount(self) -> None:
        """The key that opens it, instead of a picture that few consoles and encodings have."""
        self.query_one(SearchIcon).icon = ":"

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Choose from what is found for the whole text."""
        event.prevent_default()
        searching = [worker for worker in self.workers if worker.group == self._GATHER_COMMANDS_GROUP]
        try:
            for worker in searching:
                if not worker.is_cancelled:
                    await worker.wait()
        except WorkerCancelled:
            return  # by Esc
        self._select_or_command()

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close it, once; as soon as it is there, if it is still being made."""
        if self.is_active and not self.is_mounted:
            self.call_later(self._close, result)
            return AwaitComplete()
        return super().dismiss(result) if self.is_active else AwaitComplete()

    def _close(self, result: None) -> None:
        self.dismiss(result)  # which its own handler must not wait for


class Commands(SystemCommandsProvider):
    """What the palette finds. The code of all actions is loaded in a thread, while the console goes on.

    Each search waits for that, and not `startup`: a search that ends because more is typed would cancel it, and nothing
    would be found from then on.
    """

    async def search(self, query: str) -> Hits:
        """What matches the text."""
        await asyncio.to_thread(_load)
        async for hit in super().search(query):
            yield hit

    async def discover(self) -> Hits:
        """What is shown before anything is typed."""
        await asyncio.to_thread(_load)
        async for hit in super().discover():
            yield hit


def _load() -> None:
    actions.ACTIONS  # noqa: B018  loaded when they are first asked for


def pane_commands(open_pane: Choose) -> Iterator[SystemCommand]:
    """Every pane."""
    for pane in PANES:
        yield SystemCommand(f"Pane: {pane.title}", pane.help, lambda name=pane.name: open_pane(name))


def view_commands(pane: Pane, choose_view: Choose) -> Iterator[SystemCommand]:
    """The views of `pane`, if it has more than one."""
    for view in pane.views if len(pane.views) > 1 else ():
        title = f"View: {pane.title}, {view.title}"
        yield SystemCommand(title, "a view of this pane", lambda name=view.name: choose_view(name))


def action_commands(begin: Choose) -> Iterator[SystemCommand]:
    """Every action, found by its title and by the name that it has on the command line."""
    for action in actions.ACTIONS:
        title = f"Action: {action.title} ({action.name})"
        yield SystemCommand(title, action.help, lambda name=action.name: begin(name))


def general_commands(doctor: Call, guide: Call, forecast: Call, help_: Call, leave: Call) -> Iterator[SystemCommand]:
    """Those of the application."""
    yield SystemCommand("Doctor", "what this role, server and terminal can show and do", doctor)
    yield SystemCommand("Set-up guide", "set up the pipeline database, page by page", guide)
    yield SystemCommand("Forecast", "who will wait for a statement, before it is run", forecast)
    yield SystemCommand("Help", "this pane and all keys", help_)
    yield SystemCommand("Quit", "leave the console", leave)


def theme_commands(choose_theme: Choose) -> Iterator[SystemCommand]:
    """Every theme."""
    for theme in THEMES:
        yield SystemCommand(f"Theme: {theme.name}", "the colours", lambda name=theme.name: choose_theme(name))
