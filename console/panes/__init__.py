"""The panes, as data: this list drives keys, footer, help, palette, command line, documentation and the smoke tests."""

from __future__ import annotations

from console.model import Pane

PANES: tuple[Pane, ...] = ()


def pane(name: str) -> Pane:
    """The pane called `name`; KeyError when there is none."""
    for candidate in PANES:
        if candidate.name == name:
            return candidate
    raise KeyError(name)
