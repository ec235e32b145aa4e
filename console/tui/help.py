"""The help of a pane: what it shows, its columns, all keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from console import sql
from console.format import size
from console.keys import Key, Place

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp
    from console.tui.pane_view import PaneView


def help_text(view: PaneView, app: ConsoleApp, keys: Sequence[Key]) -> Content:
    """What the pane shows, what its columns mean, which keys do what, and what watching has cost."""
    parts: list[tuple[str, str] | str] = [f"{view.pane.help}\n"]
    query = sql.load(view.current.query) if view.current.query in sql.names() else None
    if query:
        parts.append(f"{query.help}\n")
    parts.append((f"\nColumns of {view.current.title}\n", "bold $accent"))
    for column in view.current.columns:
        parts += [(f"{column.title.strip() or column.name:<14} ", "bold"), f"{column.help}\n"]
    parts.append(("\nKeys\n", "bold $accent"))
    parts += [f"{names:<22} {title}\n" for names, title in _keys(keys)]
    parts.append(("\nCost of watching\n", "bold $accent"))
    parts.append(
        f"{app.sources.postgres.busy:.2f} s spent on reading, {size(app.bytes_written)} sent to this terminal\n"
    )
    return Content.assemble(*parts)


def _keys(keys: Sequence[Key]) -> list[tuple[str, str]]:
    """The keys that work outside dialogs, as they are bound now; bindings with the same effect on one line."""
    found: dict[str, list[str]] = {}
    for key in keys:
        if key.place in {Place.APP, Place.PANE, Place.TABLE}:
            found.setdefault(key.title, []).extend(key.names)
    return [(" ".join(names), title) for title, names in found.items()]
