"""Which keys a dialog takes: only those pressed after it had been on the screen for a moment."""

from __future__ import annotations

import math
from typing import Protocol, TypeVar, runtime_checkable

from textual._time import get_time
from textual.screen import ModalScreen

# Longer than a keyboard waits before it repeats a key that is held down.
READ = 0.8  # seconds that a dialog whose keys change something must have been on the screen
SEEN = 0.15  # seconds that any other dialog must have been on the screen

Answer = TypeVar("Answer")


class KeyGuard:
    """Compares the time at which a key was pressed with the time at which its dialog was drawn."""

    def __init__(self, moment: float, prolonged: bool = False) -> None:
        """`moment` is in seconds. `prolonged`: each ignored key begins a new moment, so that typing must stop first."""
        self._moment = moment
        self._prolonged = prolonged
        self._ready_at = math.inf

    def shown(self) -> None:
        """The dialog has just been drawn."""
        self._ready_at = get_time() + self._moment

    def takes(self, pressed_at: float) -> bool:
        """Whether a key pressed at this time (of Textual's clock) is meant for the dialog."""
        if pressed_at >= self._ready_at:
            return True
        self.missed(pressed_at)
        return False

    def missed(self, pressed_at: float) -> None:
        """A key came too early or is unknown here: whoever types it is not looking at the dialog."""
        if self._prolonged:
            self._ready_at = max(self._ready_at, pressed_at + self._moment)

    @property
    def ready(self) -> bool:
        """Whether a key pressed now would be taken."""
        return get_time() >= self._ready_at


def answer(dialog: ModalScreen[Answer], result: Answer | None = None) -> None:
    """Close a dialog with its answer, once: a second key that was on its way must not close what is below it.

    A dialog that is still being made is closed as soon as it is there: what it shows first is sought in it.
    """
    if not dialog.is_active:
        return
    if dialog.is_mounted:
        dialog.dismiss(result)
    else:
        dialog.call_later(answer, dialog, result)


@runtime_checkable
class Guarded(Protocol):
    """A screen that does not take every key."""

    @property
    def guard(self) -> KeyGuard:
        """Decides about its keys."""
        ...
