"""The entries of the command palette: panes, views, actions, themes, and the commands of the application."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from textual.app import SystemCommand
from textual.await_complete import AwaitComplete
from textual.command import CommandPalette

from console.actions import ACTIONS
from console.model import Pane
from console.panes import PANES
from console.tui.themes import THEMES

Choose = Callable[[str], object]


class Palette(CommandPalette):
    """Textual's palette, which a second Enter on its way would close together with the screen below it."""

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close it, once."""
        return super().dismiss(result) if self.is_active else AwaitComplete()


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
    """Every action."""
    for action in ACTIONS:
        yield SystemCommand(f"Action: {action.title}", action.help, lambda name=action.name: begin(name))


def theme_commands(choose_theme: Choose) -> Iterator[SystemCommand]:
    """Every theme."""
    for theme in THEMES:
        yield SystemCommand(f"Theme: {theme.name}", "the colours", lambda name=theme.name: choose_theme(name))
