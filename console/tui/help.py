"""The help of a pane or a page of the set-up guide: what it shows, its columns, all keys."""

from __future__ import annotations

from collections.abc import Sequence, Set

from textual.content import Content

from console import sql
from console.keys import Key, Place
from console.model import Pane, View
from console.setup.pages import Page

Parts = list[tuple[str, str] | str]


def help_text(pane: Pane, view: View, keys: Sequence[Key], cost: str) -> Content:
    """What the pane shows, what the columns of `view` mean, which keys do what, and what monitoring has cost."""
    about_query = sql.load(view.query).help if view.query in sql.names() else ""
    parts: Parts = [f"{pane.help}\n", f"{about_query}\n" if about_query else ""]
    parts.append((f"\nColumns of {view.title}\n", "bold $accent"))
    for column in view.columns:
        parts += [(f"{column.title.strip() or column.name:<14} ", "bold"), f"{column.help}\n"]
    rows = Place.FINDINGS if view.blocks else Place.TABLE
    parts += _keys(keys, {Place.APP, Place.PANE, rows})
    parts += [("\nCost of monitoring\n", "bold $accent"), f"{cost}\n"]
    return Content.assemble(*parts)


def guide_help(page: Page, keys: Sequence[Key]) -> Content:
    """What a page of the set-up guide does and why, and which keys do what."""
    parts: Parts = [f"{page.title}\n", f"{page.what}\n", f"{page.why}\n", *_keys(keys, {Place.SETUP})]
    return Content.assemble(*parts)


def _keys(keys: Sequence[Key], places: Set[Place]) -> Parts:
    """The keys that work in `places`, with the present key bindings; those with the same effect on one line."""
    found: dict[str, list[str]] = {}
    for key in keys:
        if key.place in places:
            found.setdefault(key.title, []).extend(key.names)
    lines = [f"{' '.join(names):<22} {title}\n" for title, names in found.items()]
    return [("\nKeys\n", "bold $accent"), *lines]
