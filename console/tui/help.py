"""The help of a pane: what it shows, its columns, all keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.content import Content
from textual.dom import DOMNode

from console import sql
from console.format import size

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp
    from console.tui.pane_view import PaneView


def help_text(view: PaneView, app: ConsoleApp) -> Content:
    """What the pane shows, what its columns mean, which keys do what, and what watching has cost."""
    parts: list[tuple[str, str] | str] = [f"{view.pane.help}\n"]
    query = sql.load(view.current.query) if view.pane.source == "postgres" else None
    if query:
        parts.append(f"{query.help}\n")
    parts.append((f"\nColumns of {view.current.title}\n", "bold $accent"))
    for column in view.current.columns:
        parts += [(f"{column.title.strip() or column.name:<14} ", "bold"), f"{column.help}\n"]
    parts.append(("\nKeys\n", "bold $accent"))
    parts += [f"{keys:<22} {what}\n" for keys, what in _keys(view.table, app)]
    parts.append(("\nCost of watching\n", "bold $accent"))
    parts.append(
        f"{app.servers.postgres.busy:.2f} s spent on reading, {size(app.bytes_written)} sent to this terminal\n"
    )
    return Content.assemble(*parts)


def _keys(widget: DOMNode, app: ConsoleApp) -> list[tuple[str, str]]:
    """The keys that work from `widget` outwards, as they are bound now."""
    found: dict[str, list[str]] = {}
    for node in [*widget.ancestors_with_self]:
        for key, binding in node._bindings:  # noqa: SLF001  Textual has no public list of a node's bindings
            if isinstance(binding, Binding) and binding.description:
                found.setdefault(binding.description, []).append(app.get_key_display(binding) or key)
    return [(" ".join(dict.fromkeys(keys)), what) for what, keys in found.items()]
