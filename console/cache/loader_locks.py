"""Gives back loader's locks that this process holds, or may have been granted by an answer that was lost.

Nobody waits for it, so a reader goes on to the database at once, and a cancelled one ends at once. It is tried again
until Redis answers or the lock has expired by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from console.cache.generations import LOADING, Unavailable
from console.cache.store import Kind

SHORTEST_PAUSE = 0.05  # seconds between two attempts, doubled after each
LONGEST_PAUSE = 0.5
CLOSING = 0.2  # seconds that closing waits for them


class LoaderLocks:
    """The locks of one process that are to be given back, one call at a time."""

    def __init__(
        self,
        release: Callable[[str, Kind, str], Awaitable[None]],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """`release` gives one back and raises Unavailable if it cannot."""
        self._release = release
        self._clock = clock
        self._sleep = sleep
        self._owed: dict[str, tuple[str, Kind, float]] = {}  # by token: brand, kind, when it has expired
        self._task: asyncio.Task[None] | None = None

    def give_back(self, brand: str, kind: Kind, token: str) -> None:
        """Give back the lock of this token in the background."""
        self._owed[token] = (brand, kind, self._clock() + LOADING)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._give_back())

    async def close(self) -> None:
        """Give back what can be given back at once."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=CLOSING)
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _give_back(self) -> None:
        pause = SHORTEST_PAUSE
        while self._owed:
            token, (brand, kind, until) = next(iter(self._owed.items()))
            try:
                await self._release(brand, kind, token)
            except Unavailable:
                if self._clock() < until:
                    await self._sleep(pause)
                    pause = min(LONGEST_PAUSE, 2 * pause)
                    continue
            del self._owed[token]
