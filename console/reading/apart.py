"""Pure work that takes long, next to the event loop: no key waits until it is done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

LONG = 0.002  # seconds of work that a key may wait for
MANY = 100  # rows from which work of which nothing is known may take longer


class RepeatedWork:
    """Work that is done again and again; in a thread where it takes long."""

    def __init__(self, is_heavy: bool) -> None:
        """`is_heavy`: it may take long although there are few rows; how long it does take decides from then on."""
        self._is_heavy = is_heavy
        self._last: tuple[int, float] | None = None  # rows and seconds

    async def done(self, rows: int, work: Callable[[], Result]) -> Result:
        """What `work` on so many `rows` returns."""
        if self._is_short(rows):
            return self._timed(rows, work)
        return await asyncio.to_thread(self._timed, rows, work)

    def _is_short(self, rows: int) -> bool:
        """Whether it takes less than the change of threads is worth, as far as is known."""
        if self._last is None:
            return rows < MANY and not self._is_heavy
        before, seconds = self._last
        return seconds * max(1.0, rows / max(1, before)) < LONG

    def _timed(self, rows: int, work: Callable[[], Result]) -> Result:
        began = time.thread_time()
        result = work()
        self._last = rows, time.thread_time() - began
        return result
