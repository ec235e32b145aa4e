"""What runs next to the event loop's other work, as a worker of a widget or of the console."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ParamSpec, cast

from textual.dom import DOMNode
from textual.worker import Worker

P = ParamSpec("P")


def in_background(
    node: DOMNode, group: str, work: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **kwargs: P.kwargs
) -> Worker[None]:
    """Begin `work` as a worker of `node`; what runs in its group goes on, and an error ends this worker alone.

    The worker calls it when it begins: of one that is cancelled before, no coroutine is left that nobody awaited.
    """
    return _begun(node, group, partial(work, *args, **kwargs), exclusive=False)


def in_place(
    node: DOMNode, group: str, work: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **kwargs: P.kwargs
) -> Worker[None]:
    """Begin `work` as `in_background` does, in the place of what runs in its group: that is cancelled."""
    return _begun(node, group, partial(work, *args, **kwargs), exclusive=True)


def _begun(node: DOMNode, group: str, work: Callable[[], object], exclusive: bool) -> Worker[None]:
    begins = cast("Callable[[], Coroutine[None, None, None]]", work)
    return node.run_worker(begins, group=group, exclusive=exclusive, exit_on_error=False)
