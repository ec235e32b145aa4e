"""Textual's bindings from the declarations in console/keys.py."""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding, BindingType

from console.format import safe
from console.keys import Place, all_keys, key_name, opening_keys
from console.model import Kind, Trouble
from console.panes import pane as pane_called
from console.panes.activity import ACTIVITY
from console.panes.waits import WAITS

CONFIRM = "plan.run"
END_SESSION = "terminate-backend"  # the action
CHANGING = frozenset({"actions", "act", "act_at_once", "end_session"})
OF_WINDOWS = ("next_window", "change_window", "window_from_mark")
ONLY_IN = {**dict.fromkeys(OF_WINDOWS, WAITS.name), "stop_run": ACTIVITY.name}


def bindings(place: Place) -> list[BindingType]:
    """The bindings of one place, for the BINDINGS of its widget."""
    return [
        Binding(key.keys, key.action, key.title, show=key.footer, priority=key.priority, id=key.id)
        for key in all_keys()
        if key.place is place
    ]


def check_keymap(keymap: Mapping[str, str]) -> None:
    """Raises Trouble(USAGE) if the keymap names a binding that does not exist, or confirms plans with a wrong key."""
    known = dict.fromkeys(key.id for key in all_keys())
    for name in keymap:
        if name not in known:
            raise Trouble(
                Kind.USAGE,
                f"The keymap in the configuration names an unknown binding: {safe(name, 80)}.",
                f"Bindings: {', '.join(known)}.",
            )
    (confirm,) = (key for key in all_keys(keymap) if key.id == CONFIRM)
    for key in confirm.each:
        if key in opening_keys(keymap):
            raise Trouble(
                Kind.USAGE,
                f"The keymap in the configuration gives {key_name(key)} to {CONFIRM}, but it also requests plans: "
                "pressed twice, it could run a plan that was not read.",
                f"Give {CONFIRM} another key.",
            )


def keys_of(name: str, keymap: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of the binding with that id, as Textual names them."""
    (found,) = (key.each for key in all_keys(keymap) if key.id == name)
    return tuple(found)


def is_available(action: str, pane: str, read_only: bool) -> bool | None:
    """Whether an action of the application is there in a pane; None: its key is disabled.

    With --read-only those of actions are; runs are stopped in the activity pane.
    """
    if read_only and action in CHANGING:
        return None
    if action == "end_session":
        return END_SESSION in pane_called(pane).actions
    return pane == ONLY_IN.get(action, pane)
