"""Pure work that takes long, next to the event loop: no key waits until it is done."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

LONG = 0.002  # seconds of work that a key may wait for
MANY = 100  # rows from which work on them may take longer


class RepeatedWork:
    """Work that is done again and again; in a thread where it takes long."""

    def __init__(self, is_heavy: bool) -> None:
        """`is_heavy`: it may take long although there are few rows; how long it does take decides from then on."""
        self._seconds = math.inf if is_heavy else 0.0  # the last time

    async def done(self, rows: int, work: Callable[[], Result]) -> Result:
        """What `work` on so many `rows` returns."""
        if rows < MANY and self._seconds < LONG:
            return self._timed(work)
        return await asyncio.to_thread(self._timed, work)

    def _timed(self, work: Callable[[], Result]) -> Result:
        began = time.thread_time()
        result = work()
        self._seconds = time.thread_time() - began
        return result
