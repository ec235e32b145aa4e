"""Every binding of the console by its id: what the keymap of the configuration may name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.binding import Binding, BindingType

from console.format import safe
from console.model import Kind, Trouble
from console.tui import dialogs
from console.tui.live_table import LiveTable
from console.tui.pane_view import PaneView
from console.tui.setup import SetupScreen

_OWNERS: tuple[Iterable[BindingType], ...] = (
    PaneView.BINDINGS,
    LiveTable.BINDINGS,
    dialogs.TextDialog.BINDINGS,
    dialogs.DetailsDialog.BINDINGS,
    dialogs.SortDialog.BINDINGS,
    dialogs.ExportDialog.BINDINGS,
    SetupScreen.BINDINGS,
)


def bindings(app: Iterable[BindingType]) -> dict[str, Binding]:
    """Each binding that has an id, those of the app first."""
    found: dict[str, Binding] = {}
    for owner in (app, *_OWNERS):
        for binding in owner:
            if isinstance(binding, Binding) and binding.id:
                found.setdefault(binding.id, binding)
    return found


def check_keymap(keymap: Mapping[str, str], app: Iterable[BindingType]) -> None:
    """Trouble (USAGE) for a keymap that names a binding which does not exist."""
    known = bindings(app)
    for name in keymap:
        if name not in known:
            raise Trouble(
                Kind.USAGE,
                f"The keymap of the configuration names a binding {safe(name, 80)}, which does not exist.",
                f"Bindings: {', '.join(known)}.",
            )
