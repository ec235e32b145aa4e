"""The size of what is in a widget that does not scroll by itself: it moves nothing else on the screen."""

from __future__ import annotations

from textual.geometry import Size
from textual.reactive import Reactive


def size_apart() -> Reactive[Size]:
    """For `virtual_size` of a class: Textual lays the whole screen out again when the content has another size.

    A scroll bar that comes or goes does so by itself.
    """
    return Reactive(Size(0, 0), repaint=False)
