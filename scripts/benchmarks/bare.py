"""Sends the statements of a plan bare, optionally with a trail that is synced as the engine's must be."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from console.model import Step, Transaction
from console.running.execution import executor
from console.running.progress import StepProgress

LINE = 800  # bytes of an entry of the trail


async def bare_seconds(target: str, groups: Sequence[Sequence[StepProgress]], synced: bool) -> float:
    """Seconds that the steps of `groups` take, a transaction each, over one connection, connecting included.

    `synced`: a line is synced when the engine's trail must be, and nothing else is done.
    """
    with tempfile.TemporaryDirectory() as folder:
        trail = Syncing(Path(folder) / "trail", synced)
        began = time.monotonic()
        trail.begin()
        async with await psycopg.AsyncConnection.connect(target, autocommit=True) as connection:
            await connection.execute("SET search_path = pg_catalog; SET timezone = UTC")
            await trail.end()
            for group in groups:
                await send(connection, [progress.step for progress in group], trail)
            trail.begin()
            await trail.end()
        return time.monotonic() - began


class Syncing:
    """A file that grows by a line and is synced when the trail must be; `synced` False: nothing is written."""

    def __init__(self, path: Path, synced: bool) -> None:
        self._path, self._synced = path, synced
        self._running: asyncio.Future[None] | None = None

    def begin(self) -> None:
        """Write a line and sync it in a thread."""
        if self._synced:
            self._running = asyncio.ensure_future(asyncio.to_thread(self._sync))

    async def end(self) -> None:
        """Wait until it is on disk."""
        if self._running is not None:
            await self._running
            self._running = None

    def _sync(self) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write("x" * LINE + "\n")
            file.flush()
            os.fsync(file.fileno())


async def send(connection: psycopg.AsyncConnection[tuple[object, ...]], steps: Sequence[Step], trail: Syncing) -> None:
    """One transaction, all batches of a step, or a statement on its own.

    The trail is synced before what runs outside a transaction, and while statements run before their COMMIT; what
    only prepares the statement that follows shares the sync of that one, and batches need none.
    """
    how = executor(steps[0].execution)
    if how.partial:
        more: object = True
        while more:
            async with connection.transaction():
                ((_, more),) = await (await connection.execute(steps[0].sql.encode())).fetchall()
    elif how.transactional:
        prelude = all(isinstance(step.execution, Transaction) and step.execution.prelude for step in steps)
        async with connection.transaction():
            if not prelude:
                trail.begin()
            for step in steps:
                await connection.execute(step.sql.encode())
            await trail.end()
    else:
        trail.begin()
        await trail.end()
        await connection.execute(steps[0].sql.encode())
