"""Reads again and again while a widget is on the screen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from textual.widget import Widget
from textual.worker import Worker

from console.tui.background import in_place

POLL, TURN = "poll", "turn"  # groups of workers


class Polling:
    """Calls what reads as workers of a widget: one read at a time, and the next one when it is due."""

    def __init__(self, widget: Widget, read: Callable[[], Awaitable[float]]) -> None:
        """`read` returns the seconds until the next read is due."""
        self._widget = widget
        self._read = read
        self._wake = asyncio.Event()
        self._current: Worker[None] | None = None

    def begin(self) -> None:
        """Read now and from now on."""
        self._current = in_place(self._widget, POLL, self._poll)

    def stop(self, *groups: str) -> None:
        """End what runs."""
        for group in groups:
            self._widget.workers.cancel_group(self._widget, group)

    def now(self) -> None:
        """Read at once instead of when it is due."""
        self._wake.set()

    def is_of_others(self, worker: Worker[None]) -> bool:
        """Whether a worker read for what the widget showed before."""
        return worker.group == POLL and worker is not self._current

    async def _poll(self) -> None:
        while True:
            self._wake.clear()
            rest = await self._read()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):  # unlike `wait_for` it makes no task
                    await self._wake.wait()
