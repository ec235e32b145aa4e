"""Answers that are shared: for as long as a block lasts, each query is read once with the same parameters."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from console.model import Kind, Snapshot, Trouble

PASSING = frozenset({Kind.BUSY, Kind.UNREACHABLE})  # asked for again, it may be answered


class SharedAnswers:
    """What the innermost block has read; outside of all blocks nothing is kept."""

    def __init__(self) -> None:
        self._kept: dict[str, Snapshot | Trouble] | None = None
        self._has_learned = False  # the facts of the server
        self._reading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @contextmanager
    def block(self) -> Iterator[None]:
        """Answers of its own for the block; after it, those of the block around it again."""
        before = self._kept, self._has_learned
        self._kept, self._has_learned = {}, False
        try:
            yield
        finally:
            self._kept, self._has_learned = before

    async def answer(self, asked: object, read: Callable[[], Awaitable[Snapshot]]) -> Snapshot:
        """What `read` returns, or returned before when the same was `asked`. Raises Trouble, the same again."""
        kept, key = self._kept, repr(asked)
        if kept is None:
            return await read()
        async with self._reading[key]:
            if key not in kept:
                kept[key] = await _outcome(read)
        found = kept[key]
        if isinstance(found, Trouble):
            raise found
        return found

    async def learn(self, read: Callable[[], Awaitable[None]]) -> None:
        """Read the facts, unless the block has done so."""
        if self._kept is None or not self._has_learned:
            await read()
            self._has_learned = self._kept is not None


async def _outcome(read: Callable[[], Awaitable[Snapshot]]) -> Snapshot | Trouble:
    """What a read returns, or the Trouble that another one would meet too. Raises Trouble that may pass."""
    try:
        return await read()
    except Trouble as why:
        if why.kind in PASSING:
            raise
        return why
