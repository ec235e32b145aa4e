"""Keeps what statements usually cost, which indexes there were and when pools waited, for the next console as well.

The file is that of `check`, whose own readings stay in it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from console.model import IndexHistory, PoolHistory, StatementHistory, Trouble
from console.watching import state
from console.watching.observer import Observer

PERIOD = 600.0  # seconds between two times that they are kept


class Baselines:
    """The baselines of one target."""

    def __init__(self, path: Path, observer: Observer) -> None:
        self._path = path
        self._observer = observer
        self._kept = self._learned  # what the file holds

    async def follow(self) -> None:
        """Begin with those of the last console, and keep what is learned until this task is cancelled."""
        before = await asyncio.to_thread(state.load, self._path)
        self._observer.recall({}, self._observer.memory, before.statements, before.indexes, before.pools)
        self._kept = self._learned
        try:
            while True:
                await asyncio.sleep(PERIOD)
                await asyncio.to_thread(self._keep)
        finally:
            self._keep()

    @property
    def _learned(self) -> tuple[StatementHistory, IndexHistory, PoolHistory]:
        return self._observer.statements, self._observer.indexes, self._observer.pools

    def _keep(self) -> None:
        learned = self._learned
        if all(now is kept for now, kept in zip(learned, self._kept, strict=True)):
            return
        before = state.load(self._path)
        try:
            state.save(self._path, state.State(before.readings, before.memory, *learned))
        except Trouble as why:
            self._observer.unkept = why
        else:
            self._observer.unkept, self._kept = None, learned
