"""The help of a pane: what it shows, its columns, all keys."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from console.keys import Key, Place
from console.model import Pane, View


def help_text(pane: Pane, view: View, about_query: str, keys: Sequence[Key], cost: str) -> Content:
    """What the pane shows, what the columns of `view` mean, which keys do what, and what monitoring has cost."""
    parts: list[tuple[str, str] | str] = [f"{pane.help}\n", f"{about_query}\n" if about_query else ""]
    parts.append((f"\nColumns of {view.title}\n", "bold $accent"))
    for column in view.columns:
        parts += [(f"{column.title.strip() or column.name:<14} ", "bold"), f"{column.help}\n"]
    parts.append(("\nKeys\n", "bold $accent"))
    parts += [f"{names:<22} {title}\n" for names, title in _keys(keys)]
    parts += [("\nCost of monitoring\n", "bold $accent"), f"{cost}\n"]
    return Content.assemble(*parts)


def _keys(keys: Sequence[Key]) -> list[tuple[str, str]]:
    """The keys that work outside dialogs, with the present key bindings; those with the same effect on one line."""
    found: dict[str, list[str]] = {}
    for key in keys:
        if key.place in {Place.APP, Place.PANE, Place.TABLE}:
            found.setdefault(key.title, []).extend(key.names)
    return [(" ".join(names), title) for title, names in found.items()]
