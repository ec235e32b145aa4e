"""Keeps what statements usually cost and which indexes there were, for the next console as well.

The file is that of `check`, whose own readings stay in it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from console.model import IndexHistory, StatementHistory, Trouble
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
        self._observer.recall({}, self._observer.memory, before.statements, before.indexes)
        self._kept = self._learned
        try:
            while True:
                await asyncio.sleep(PERIOD)
                await asyncio.to_thread(self._keep)
        finally:
            self._keep()

    @property
    def _learned(self) -> tuple[StatementHistory, IndexHistory]:
        return self._observer.statements, self._observer.indexes

    def _keep(self) -> None:
        learned = self._learned
        if learned[0] is self._kept[0] and learned[1] is self._kept[1]:
            return
        before = state.load(self._path)
        try:
            state.save(self._path, before.readings, before.memory, *learned)
        except Trouble as why:
            self._observer.unkept = why
        else:
            self._observer.unkept, self._kept = None, learned
